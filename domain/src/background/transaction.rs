//! A transaction of background work over rows of several tenants: what would be one for each is done in one, and what
//! it promises to others goes out after the commit. Every row still names its tenant.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use entity::run::RunStatus;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, IntoActiveModel};
use uuid::Uuid;

use crate::app::App;
use crate::change::{Change, journal};
use crate::database::one_of;
use crate::dispatch::JobHint;
use crate::error::{Doing, Result};
use crate::health::status::count_ended;
use crate::insert::insert_rows;
use crate::scope::{TenantOwned, announce};

/// Only functions of `background` begin one, each named for what it does.
pub(super) struct BatchTx {
    app: Arc<App>,
    tx: DatabaseTransaction,
    hints: Vec<JobHint>,
    /// Kept, and told after the commit.
    changes: Vec<Change>,
    /// Only told.
    passing: Vec<Change>,
    /// Of runs that end, for the instruments.
    ended: Vec<RunStatus>,
}

impl BatchTx {
    pub(super) async fn begin(app: &Arc<App>) -> Result<Self> {
        let tx = app.database().across_tenants().begin().await?;
        Ok(Self {
            app: app.clone(),
            tx,
            hints: Vec::new(),
            changes: Vec::new(),
            passing: Vec::new(),
            ended: Vec::new(),
        })
    }

    pub(super) fn connection(&self) -> &DatabaseTransaction {
        &self.tx
    }

    /// That a column is one of these.
    pub(super) fn one_of<C: ColumnTrait>(&self, column: C, ids: impl IntoIterator<Item = Uuid>) -> Expr {
        one_of(self.tx.get_database_backend(), column, ids)
    }

    /// The time of day.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.app.clock().now()
    }

    /// Inserts rows, in statements of bounded size.
    pub(super) async fn insert_many<E>(&self, models: Vec<E::Model>, doing: &'static str) -> Result<()>
    where
        E: TenantOwned,
        E::Model: IntoActiveModel<E::ActiveModel> + Sync,
    {
        insert_rows::<E>(&self.tx, models, doing).await
    }

    /// After the commit: push this job.
    pub(super) fn push_after_commit(&mut self, hint: JobHint) {
        self.hints.push(hint);
    }

    /// After the commit: tell listeners. It is kept for those who are away.
    pub(super) fn tell_after_commit(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// As [`TxScope::tell_under_way`](crate::scope::TxScope::tell_under_way).
    pub(super) fn tell_under_way(&mut self, change: Change) {
        self.passing.push(change);
    }

    /// After the commit: count runs that ended so.
    pub(super) fn count_after_commit(&mut self, statuses: impl IntoIterator<Item = RunStatus>) {
        self.ended.extend(statuses);
    }

    /// Keeps what changed, commits, then pushes, tells and counts.
    pub(super) async fn commit(self) -> Result<()> {
        let Self { app, tx, hints, mut changes, passing, ended } = self;
        journal::keep(&tx, &changes).await?;
        changes.extend(passing);
        tx.commit().await.doing("committing a batch")?;
        count_ended(ended);
        announce(&app, changes, hints);
        Ok(())
    }
}

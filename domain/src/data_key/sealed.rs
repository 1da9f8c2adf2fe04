//! Where sealed values stand, and the statements that go through them, whosever they are: to seal them anew, which
//! changes nothing that anybody could read. Deliberately absent: in what order, and how often.

use sea_orm::sea_query::{Alias, Expr, ExprTrait, Func, LockBehavior, LockType, Order, Query, SimpleExpr};
use sea_orm::{ConnectionTrait, DatabaseBackend, DatabaseTransaction, FromQueryResult, Value};
use uuid::Uuid;

use crate::app::App;
use crate::cipher::{DataKey, HEADER_BYTES};
use crate::error::{Doing, Result};

/// Values in one transaction: a record may have a megabyte, and writers wait for it on SQLite.
const ROWS_MAX: u64 = 100;

/// A column of values that [`App::seal`](crate::App) made for the tenant and the id of their row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) table: &'static str,
    /// The primary key.
    pub(super) id: &'static str,
    pub(super) column: &'static str,
    pub(super) owner: Owner,
}

/// For whom a column's values are sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The row's `tenant_id`.
    Tenant,
    /// The row's own id, in the place of a tenant's.
    Itself,
    /// The nil tenant.
    Nobody,
}

/// Every one that there is. A test compares it with the schema.
pub(super) const COLUMNS: [Column; 14] = [
    Column { table: "system", id: "id", column: "credentials", owner: Owner::Tenant },
    Column { table: "system_grant", id: "id", column: "sealed_tokens", owner: Owner::Tenant },
    Column { table: "webhook_event", id: "id", column: "sealed_body", owner: Owner::Tenant },
    Column { table: "notice_channel", id: "id", column: "sealed_secret", owner: Owner::Tenant },
    Column { table: "failure", id: "id", column: "record", owner: Owner::Tenant },
    Column { table: "failure", id: "id", column: "edited_record", owner: Owner::Tenant },
    Column { table: "exchange", id: "id", column: "sealed_content", owner: Owner::Tenant },
    Column { table: "export", id: "id", column: "sealed_secret", owner: Owner::Tenant },
    Column { table: "export_chunk", id: "id", column: "sealed_content", owner: Owner::Tenant },
    Column { table: "audit_chain", id: "id", column: "sealed_key", owner: Owner::Itself },
    Column { table: "signing_key", id: "id", column: "sealed_key", owner: Owner::Nobody },
    Column { table: "mail", id: "id", column: "sealed_letter", owner: Owner::Nobody },
    Column { table: "second_factor", id: "user_id", column: "sealed_secret", owner: Owner::Nobody },
    Column { table: "identity_provider", id: "id", column: "sealed_client_secret", owner: Owner::Tenant },
];

/// Columns of bytes that are not sealed: hashes, ids, and the keys themselves.
#[cfg(test)]
pub(super) const NOT_SEALED: [(&str, &str); 18] = [
    ("api_key", "secret_hash"),
    ("audit_chain", "last_mac"),
    ("audit_entry", "mac"),
    ("change", "objects"),
    ("connect_link", "secret_hash"),
    ("data_key", "wrapped_key"),
    ("export", "secret_hash"),
    ("idempotency_key", "request_hash"),
    ("invitation", "secret_hash"),
    ("receipt_block", "entries"),
    ("receipt_segment", "entries"),
    ("recovery_code", "code_hash"),
    ("refresh_token", "secret_hash"),
    ("sign_in_attempt", "key_hash"),
    ("sign_on_attempt", "secret_hash"),
    ("sign_on_attempt", "state_hash"),
    ("system_grant", "client_hash"),
    ("user_token", "secret_hash"),
];

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    tenant_id: Option<Uuid>,
    sealed: Vec<u8>,
}

impl Row {
    fn tenant_id(&self) -> Uuid {
        self.tenant_id.unwrap_or_default()
    }
}

/// What came of a batch.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The last id that it looked at; `None` when there was nothing left.
    pub(super) last: Option<Uuid>,
    /// Values that are sealed by the key now.
    pub(super) resealed: u64,
    /// Rows whose value no key of this process opens; they stay as they are.
    pub(super) unreadable: Vec<Uuid>,
}

impl Column {
    /// Seals the next values beyond `after` by `key`, those that are not yet.
    pub(super) async fn reseal(self, app: &App, key: &DataKey, after: Option<Uuid>) -> Result<Batch> {
        let tx = app.across_tenants().begin().await?;
        let rows = self.next(app, &tx, self.not_beginning_with(&key.header()), after, ROWS_MAX).await?;
        let mut batch = Batch { last: rows.last().map(|row| row.id), ..Batch::default() };
        for row in rows {
            let Ok(plaintext) = app.cipher().open(row.tenant_id(), row.id, &row.sealed) else {
                batch.unreadable.push(row.id);
                continue;
            };
            let plaintext = zeroize::Zeroizing::new(plaintext);
            let sealed =
                app.cipher().seal_by(key, row.tenant_id(), row.id, &plaintext).doing("encrypting")?;
            let update = Query::update()
                .table(Alias::new(self.table))
                .value(Alias::new(self.column), sealed)
                .and_where(self.id().eq(row.id))
                .to_owned();
            tx.execute(&update).await.doing("storing what was encrypted anew")?;
            batch.resealed += 1;
        }
        tx.commit().await.doing("committing what was encrypted anew")?;
        Ok(batch)
    }

    /// How many values are not sealed by `key`.
    pub(super) async fn others(self, app: &App, key: &DataKey) -> Result<u64> {
        #[derive(FromQueryResult)]
        struct Count {
            count: i64,
        }
        let query = Query::select()
            .expr_as(self.id().count(), "count")
            .from(Alias::new(self.table))
            .and_where(self.not_beginning_with(&key.header()))
            .to_owned();
        let statement = app.database().backend().build(&query);
        let found = Count::find_by_statement(statement).one(app.across_tenants().writer()).await;
        Ok(found.doing("counting what is encrypted")?.map_or(0, |row| row.count.unsigned_abs()))
    }

    /// The next rows whose value is such, locked until the end of the transaction. Those that another transaction
    /// holds are left out: who never waits is part of no deadlock.
    async fn next(
        self,
        app: &App,
        tx: &DatabaseTransaction,
        such: SimpleExpr,
        after: Option<Uuid>,
        rows_max: u64,
    ) -> Result<Vec<Row>> {
        let backend = app.database().backend();
        let mut query = Query::select();
        query
            .expr_as(self.id(), "id")
            .expr_as(Expr::col(Alias::new(self.column)), "sealed")
            .from(Alias::new(self.table));
        match self.owner {
            Owner::Tenant => query.column("tenant_id"),
            Owner::Itself => query.expr_as(self.id(), "tenant_id"),
            Owner::Nobody => query.expr_as(Expr::value(None::<Uuid>), "tenant_id"),
        };
        query.and_where(such).order_by(Alias::new(self.id), Order::Asc).limit(rows_max);
        if let Some(after) = after {
            query.and_where(self.id().gt(after));
        }
        if backend == DatabaseBackend::Postgres {
            query.lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
        }
        Row::find_by_statement(backend.build(&query)).all(tx).await.doing("reading what is encrypted")
    }

    fn id(self) -> SimpleExpr {
        Expr::col(Alias::new(self.id))
    }

    fn beginning(self, length: usize) -> SimpleExpr {
        let column = Expr::col(Alias::new(self.column));
        // No parameters: PostgreSQL has this function for integers only.
        Func::cust("substr").args([column, Expr::cust("1"), Expr::cust(length.to_string())]).into()
    }

    fn not_beginning_with(self, header: &[u8; HEADER_BYTES]) -> SimpleExpr {
        self.beginning(HEADER_BYTES).ne(Value::from(header.to_vec()))
    }
}

/// Whether the secret keys of this process open what a version before data keys has stored: one value of each column
/// is tried. True when there is nothing.
pub(super) async fn opens_what_was_sealed_directly(app: &App, tx: &DatabaseTransaction) -> Result<bool> {
    for column in COLUMNS {
        let such = column.beginning(1).eq(Value::from(vec![1_u8]));
        for row in column.next(app, tx, such, None, 1).await? {
            if app.cipher().open(row.tenant_id(), row.id, &row.sealed).is_err() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

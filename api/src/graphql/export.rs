//! Exports: all that a query finds in one file, for who would page for hours.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::export;
use domain::id::Kind;
use secrecy::ExposeSecret;

use super::caller::{actor, loaders};
use super::error::{Result, UserError, outcome};
use super::page::{Connection, OrderDirection, arguments};
use super::scalar::{BigInt, DateTime, Json, id, optional_uuid, uuid};
use super::tenant::Tenant;
use crate::export::{ExportRequest, Exporter};

/// How far an export is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::export::ExportStatus")]
pub enum ExportStatus {
    /// It waits; of a tenant one is carried out at a time.
    Queued,
    /// It is carried out.
    Running,
    /// Its file is complete, and can be had until `expiresAt`.
    Succeeded,
    /// It came to nothing; `failureMessage` says why.
    Failed,
    /// It was canceled.
    Canceled,
    /// Its file was complete, and is gone.
    Expired,
}

/// Why an export came to nothing. More may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::export::ExportFailureCode")]
pub enum ExportFailureCode {
    /// Whoever asked for it may not have it any more, or may not read a field of it.
    Forbidden,
    /// A page of the query was answered with an error.
    QueryFailed,
    /// The file would be larger than one may be.
    TooLarge,
    /// A part that is needed did not answer for long; ask again later.
    Unavailable,
}

/// All that a query finds of one tenant, in one file: JSON Lines, an object a line. Each page of it is answered as it would be
/// for whoever asked for it at that moment; when they lose the right to it, it ends.
#[derive(Clone)]
pub struct Export(pub(super) export::Export);

/// All that a query finds of one tenant, in one file: JSON Lines, an object a line. Each page of it is answered as it would be
/// for whoever asked for it at that moment; when they lose the right to it, it ends.
#[Object]
impl Export {
    /// Opaque and lasting.
    pub(super) async fn id(&self) -> ID {
        id(Kind::Export, self.0.id)
    }

    /// The tenant that it is of.
    async fn tenant(&self, ctx: &Context<'_>) -> Result<Tenant> {
        Ok(Tenant(loaders(ctx)?.referred(self.0.tenant_id, "tenant").await?))
    }

    /// The connection that it goes through: `failures`.
    fn connection(&self) -> &str {
        &self.0.field
    }

    /// The query, as it was given.
    fn query(&self) -> &str {
        &self.0.query
    }

    /// Its variables; null where none were given.
    fn variables(&self) -> Option<Json> {
        self.0.variables.clone().map(Json)
    }

    /// How far it is.
    fn status(&self) -> ExportStatus {
        self.0.status.into()
    }

    /// Objects that are in the file so far, a line each.
    fn row_count(&self) -> BigInt {
        self.0.row_count.into()
    }

    /// Bytes of the file so far, before it is packed.
    fn byte_count(&self) -> BigInt {
        self.0.byte_count.into()
    }

    /// Why it came to nothing, machine-readable and stable; null where it did not.
    fn failure_code(&self) -> Option<ExportFailureCode> {
        self.0.failure.as_ref().map(|(code, _message)| (*code).into())
    }

    /// Why it came to nothing, for people: what went wrong, and what to do; null where it did not.
    fn failure_message(&self) -> Option<&str> {
        self.0.failure.as_ref().map(|(_code, message)| message.as_str())
    }

    /// Who asked for it, in words a customer understands.
    fn created_by(&self) -> &str {
        &self.0.created_by
    }

    /// When it was asked for.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it was begun; null before that.
    fn started_at(&self) -> Option<DateTime> {
        self.0.started_at.map(Into::into)
    }

    /// When it ended; null before that.
    fn finished_at(&self) -> Option<DateTime> {
        self.0.finished_at.map(Into::into)
    }

    /// Until when the file can be had: a download must have ended by then. Null where there is none.
    fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at.map(Into::into)
    }

    /// Where the file is had, with `GET` and no token: the link is one, and is to be kept like one. Only a path on this API
    /// where the installation does not say where it is reached. Null while there is no file, and to everybody but whoever
    /// asked for it.
    fn url(&self) -> Option<&str> {
        self.0.url.as_ref().map(|url| url.expose_secret())
    }
}

/// Which exports a list has.
#[derive(Debug, Default, InputObject)]
pub struct ExportFilter {
    /// Those of this tenant.
    tenant_id: Option<ID>,
}

/// By what exports are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum ExportOrderField {
    /// By the time they were asked for.
    #[default]
    CreatedAt,
}

/// Order of a list of exports; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct ExportOrder {
    /// By what.
    #[graphql(default)]
    field: ExportOrderField,
    /// Which way.
    #[graphql(default)]
    direction: OrderDirection,
}

/// Queries of exports.
#[derive(Default)]
pub struct ExportQuery;

#[Object]
impl ExportQuery {
    /// An export by its id; null when there is none that the viewer may see. It is known for 30 days after its file is gone.
    async fn export(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Option<Result<Export>> {
        let found = async { export::get(&actor(ctx)?, uuid(Kind::Export, &id)).await.map_err(Into::into) };
        found.await.transpose().map(|export| export.map(Export))
    }

    /// Exports of the viewer's tenants, whoever asked for them.
    async fn exports(
        &self,
        ctx: &Context<'_>,
        filter: Option<ExportFilter>,
        order_by: Option<ExportOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Export>> {
        let tenant_id = optional_uuid(Kind::Tenant, filter.unwrap_or_default().tenant_id.as_ref());
        let ExportOrder { field: ExportOrderField::CreatedAt, direction } = order_by.unwrap_or_default();
        let page = arguments(first, after, last, before);
        let rows = export::list(&actor(ctx)?, tenant_id, direction.into(), &page).await?;
        Ok(Connection::new(rows, Export))
    }
}

/// What to export.
#[derive(InputObject)]
pub struct CreateExportInput {
    /// One query of the form `{ failures(filter: …) { edges { node { … } } } }`, without page arguments at the top; each
    /// connection inside a node says `first` or `last`. These can be at the top: `auditEntries`, `contacts`, `failureGroups`,
    /// `failures`, `inbox`, `incidents`, `integrations`, `noticeDeliveries`, `notices`, `quarantines`, `runs`, `systems`,
    /// `users`.
    query: String,
    /// Values of its variables, by their names.
    variables: Option<Json>,
    /// Of which tenant; absent for the caller's own.
    tenant_id: Option<ID>,
    /// The same key within 24 hours answers with the first outcome and makes nothing again.
    idempotency_key: Option<String>,
}

/// Which export to cancel.
#[derive(InputObject)]
pub struct CancelExportInput {
    /// The export.
    export_id: ID,
}

/// An export, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct ExportPayload {
    /// The export; null when `userErrors` is not empty.
    export: Option<Export>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl ExportPayload {
    fn of(result: domain::Result<export::Export>) -> Result<Self> {
        let (export, user_errors) = outcome(result)?;
        Ok(Self { export: export.map(Export), user_errors })
    }
}

/// Mutations of exports.
#[derive(Default)]
pub struct ExportMutation;

#[Object]
impl ExportMutation {
    /// Exports all that a query finds of one tenant to a file, without an end of pages, and whatever happens to the process
    /// that does it. Ask `export` until its status is SUCCEEDED, then have the file at its `url`. At most 5 exports of a tenant
    /// and 20 of a caller wait or are carried out at once.
    async fn create_export(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The query, and of which tenant.")] input: CreateExportInput,
    ) -> Result<ExportPayload> {
        let exporter = ctx
            .data::<Arc<Exporter>>()
            .map_err(|_missing| domain::Error::internal("finding the exporter", "the request has none"))?;
        let request = ExportRequest {
            tenant_id: optional_uuid(Kind::Tenant, input.tenant_id.as_ref()),
            query: input.query,
            variables: input.variables.map(|variables| variables.0),
            idempotency_key: input.idempotency_key,
        };
        ExportPayload::of(exporter.create(&actor(ctx)?, request).await)
    }

    /// Cancels an export that waits or is carried out, or takes back the file of one that is done: its link leads nowhere at
    /// once, and what is stored is deleted. One that has failed or expired stays as it is.
    async fn cancel_export(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The export.")] input: CancelExportInput,
    ) -> Result<ExportPayload> {
        ExportPayload::of(export::cancel(&actor(ctx)?, uuid(Kind::Export, &input.export_id)).await)
    }
}

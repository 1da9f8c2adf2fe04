//! Exports, as far as they are GraphQL: which documents can be exported, and their pages, which the schema of the API answers
//! as it answers a query. So what an export holds, and what it hides, is decided where it is for a query.
//!
//! Deliberately absent: who may export, what is stored and for how long (`domain::export`).

mod document;
mod file;
mod page;
mod runner;

use std::sync::Arc;

use domain::export::{self, Export, ExportFailureCode, NewExport};
use domain::{Actor, App, Error, Problem, ProblemCode};
use serde_json::Value;
use tokio::sync::Notify;
use uuid::Uuid;

pub(crate) use self::file::files;

use self::document::Plan;
use self::page::PageError;
use crate::graphql::TerseSchema;
use crate::http::DocumentOptions;

/// Checks what is to be exported, and carries it out.
pub struct Exporter {
    app: Arc<App>,
    schema: TerseSchema,
    documents: DocumentOptions,
    /// There is something to do.
    wake: Notify,
}

/// What somebody asks to be exported.
pub(crate) struct ExportRequest {
    /// Of which tenant; `None` for the caller's own.
    pub(crate) tenant_id: Option<Uuid>,
    /// The document.
    pub(crate) query: String,
    /// Its variables.
    pub(crate) variables: Option<Value>,
    /// Against making two.
    pub(crate) idempotency_key: Option<String>,
}

impl Exporter {
    /// One of this process; `documents` are those that it answers, `trace_url` is where engineers see traces.
    pub fn new(app: Arc<App>, documents: DocumentOptions, trace_url: Option<String>) -> Self {
        Self { app, schema: TerseSchema::new(trace_url), documents, wake: Notify::new() }
    }

    /// What answers the pages of exports.
    pub(crate) fn schema(&self) -> &TerseSchema {
        &self.schema
    }

    /// Makes an export of a document that was tried: its first object is read, so that what would fail fails now.
    ///
    /// # Errors
    /// As [`export::create`]. Rejected: `INVALID` or `FORBIDDEN` query, `INVALID` variables.
    pub(crate) async fn create(&self, actor: &Actor, request: ExportRequest) -> domain::Result<Export> {
        let ExportRequest { tenant_id, query, variables, idempotency_key } = request;
        let reader = export::reader(actor, tenant_id).await?;
        if variables.as_ref().is_some_and(|variables| !variables.is_object()) {
            let message = "must be an object: a value for each variable of the document, by its name";
            return Err(Error::rejected(Problem::invalid(["variables"], message)));
        }
        let plan = self.plan(&query, variables.as_ref());
        let plan = plan.map_err(|message| Error::rejected(Problem::invalid(["query"], message)))?;
        match self.page(&plan, 1, None, reader).await {
            Ok(_first) => {}
            Err(PageError::Refused { code, message }) => {
                let code = match code {
                    ExportFailureCode::Forbidden => ProblemCode::Forbidden,
                    _ => ProblemCode::Invalid,
                };
                return Err(Error::rejected(Problem::new(code, ["query"], message)));
            }
            Err(PageError::Unanswered(reason)) => return Err(Error::internal("trying an export", reason)),
        }
        let field = plan.field().to_owned();
        let new = NewExport { tenant_id, field, query, variables };
        let made = export::create(actor, new, idempotency_key.as_deref()).await?;
        self.wake.notify_one();
        Ok(made)
    }

    /// How a document is exported, or why it can't be, in words.
    fn plan(&self, query: &str, variables: Option<&Value>) -> Result<Plan, String> {
        if !self.documents.answers(query) {
            return Err("is no document that this server trusts; it exports those alone".to_owned());
        }
        Plan::of(query, variables)
    }
}

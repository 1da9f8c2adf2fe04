//! One page of an export: a query that nobody waits for, answered as it is for whoever asked for the export. An answer with
//! errors is none: a file has no place for them, and what is missing must not look as if it were not there.

use std::panic::AssertUnwindSafe;

use async_graphql::{PathSegment, ServerError, Value};
use domain::Actor;
use domain::export::ExportFailureCode;
use futures::FutureExt;
use uuid::Uuid;

use super::Exporter;
use super::document::Plan;
use crate::graphql::Caller;
use crate::http::limits::EXECUTION_TIMEOUT;
use crate::http::{ErrorCode, RequestOrigin, code_of};

/// What a page holds.
pub(super) struct Page {
    /// Its objects, in their order.
    pub(super) nodes: Vec<Value>,
    /// The place of the last one; `None` when there is none.
    pub(super) end: Option<String>,
    /// Whether there are more behind it.
    pub(super) has_next: bool,
}

/// Why there is no page.
#[derive(Debug)]
pub(super) enum PageError {
    /// It will never be answered, for a reason that whoever asked can mend.
    Refused {
        /// Which.
        code: ExportFailureCode,
        /// In words.
        message: String,
    },
    /// It was not answered this time, which the log has more about.
    Unanswered(String),
}

impl Exporter {
    /// A page of so many objects behind a cursor, as this caller reads it.
    pub(super) async fn page(
        &self,
        plan: &Plan,
        first: u64,
        after: Option<&str>,
        reader: Actor,
    ) -> Result<Page, PageError> {
        let origin = RequestOrigin {
            request_id: Uuid::now_v7().to_string(),
            peer: None,
            client: None,
            user_agent: None,
            trace_id: None,
            accept_language: None,
        };
        let locale = reader.locale();
        let caller = Caller::new(self.app.clone(), None, reader).reading(locale);
        let request = caller.attach(plan.page(first, after).data(origin));
        let execution = AssertUnwindSafe(self.schema.get().execute(request)).catch_unwind();
        let response = match tokio::time::timeout(EXECUTION_TIMEOUT, execution).await {
            Ok(Ok(response)) => response,
            Ok(Err(_panic)) => return Err(PageError::Unanswered("a resolver panicked".to_owned())),
            Err(_elapsed) => return Err(PageError::Unanswered("the page took too long".to_owned())),
        };
        if let Some(error) = response.errors.first() {
            return Err(refusal(error));
        }
        page_of(response.data, plan.field())
            .ok_or_else(|| PageError::Unanswered("the answer is not a page".to_owned()))
    }
}

fn refusal(error: &ServerError) -> PageError {
    const TRANSIENT: [ErrorCode; 4] =
        [ErrorCode::Internal, ErrorCode::Unavailable, ErrorCode::Timeout, ErrorCode::RateLimited];
    let code = code_of(error);
    let is_transient = match code {
        Some(code) => TRANSIENT.iter().any(|transient| transient.as_str() == code),
        // What a resolver did not expect; its text may hold anything.
        None => error.source.is_some(),
    };
    if is_transient {
        return PageError::Unanswered(error.message.clone());
    }
    let is_forbidden = code == Some(ErrorCode::Forbidden.as_str());
    let code = if is_forbidden { ExportFailureCode::Forbidden } else { ExportFailureCode::QueryFailed };
    let path: Vec<&str> = error
        .path
        .iter()
        .filter_map(|segment| match segment {
            PathSegment::Field(name) => Some(name.as_str()),
            PathSegment::Index(_) => None,
        })
        .collect();
    let message = if path.is_empty() {
        error.message.clone()
    } else {
        format!("{}: {}", path.join("."), error.message)
    };
    PageError::Refused { code, message }
}

fn page_of(data: Value, field: &str) -> Option<Page> {
    let mut connection = member(data, field)?;
    let Value::List(edges) = taken(&mut connection, "edges")? else { return None };
    let mut info = taken(&mut connection, "pageInfo")?;
    let Value::Boolean(has_next) = taken(&mut info, "hasNextPage")? else { return None };
    let end = match taken(&mut info, "endCursor")? {
        Value::String(end) => Some(end),
        _ => None,
    };
    let nodes = edges.into_iter().map(|edge| member(edge, "node")).collect::<Option<Vec<_>>>()?;
    Some(Page { nodes, end, has_next })
}

fn member(mut value: Value, name: &str) -> Option<Value> {
    taken(&mut value, name)
}

fn taken(value: &mut Value, name: &str) -> Option<Value> {
    match value {
        Value::Object(members) => members.get_mut(name).map(std::mem::take),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{PathSegment, ServerError, value};
    use domain::export::ExportFailureCode;

    use super::{PageError, page_of, refusal};
    use crate::http::{ErrorCode, coded_error};

    #[test]
    fn a_page_is_its_nodes_and_where_it_ends() {
        let data = value!({ "runs": {
            "edges": [{ "node": { "id": "a" } }, { "node": { "id": "b" } }],
            "pageInfo": { "hasNextPage": true, "endCursor": "b" },
        } });
        let page = page_of(data, "runs").expect("a page");
        assert_eq!(page.nodes, [value!({ "id": "a" }), value!({ "id": "b" })]);
        assert_eq!((page.end.as_deref(), page.has_next), (Some("b"), true));
        assert!(page_of(value!({ "runs": null }), "runs").is_none());
    }

    #[test]
    fn what_may_be_answered_later_is_told_from_what_never_is() {
        let error = |code: ErrorCode| {
            let pos = async_graphql::Pos { line: 1, column: 1 };
            let mut error: ServerError = coded_error(code, "no").into_server_error(pos);
            error.path = vec![PathSegment::Field("runs".to_owned()), PathSegment::Index(3)];
            error
        };
        for code in [ErrorCode::Internal, ErrorCode::Unavailable, ErrorCode::Timeout] {
            assert!(matches!(refusal(&error(code)), PageError::Unanswered(_)), "{code:?}");
        }
        for (code, expected) in [
            (ErrorCode::Forbidden, ExportFailureCode::Forbidden),
            (ErrorCode::BadUserInput, ExportFailureCode::QueryFailed),
            (ErrorCode::Unauthenticated, ExportFailureCode::QueryFailed),
        ] {
            let PageError::Refused { code, message } = refusal(&error(code)) else {
                unreachable!("it is refused")
            };
            assert_eq!((code, message.as_str()), (expected, "runs: no"));
        }
    }
}

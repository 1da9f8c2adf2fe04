//! From the parameters of a request to its answer, the same for HTTP and WebSocket: limits, execution under a time
//! limit, and errors that carry a code. No status codes and no message formats.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::{Instant, SystemTime};

use async_graphql::parser::types::{DocumentOperations, OperationDefinition, OperationType};
use async_graphql::{ErrorExtensionValues, Executor, Request, Response, ServerError, Value, Variables};
use futures::FutureExt;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use telemetry::trace::{self, Kind};
use tracing::{Instrument, Span};

use super::HttpState;
use super::authentication::{Identity, RequestOrigin};
use super::budget::{Cost, REFUSED_COST};
use super::documents::{DocumentHash, Found};
use super::error::{ErrorCode, INTERNAL_MESSAGE, Refusal, code_of, set_code};
use super::limits::{CheckedDocument, Prices};
use super::metrics::{Outcome, type_name};
use super::occupancy::Place;
use super::parameters::Parameters;
use super::shared::LastWrite;
use super::{introspection, limits};

/// Queries and mutations of one caller that this process executes at once. A browser sends 6 over HTTP/1.1; more than
/// this would keep others from the database's connections.
pub(super) const OPERATIONS_PER_CALLER_MAX: usize = 100;

/// How long who has too much running is asked to wait: most operations take milliseconds.
const OPERATIONS_RETRY: std::time::Duration = std::time::Duration::from_secs(1);

/// Bytes of names for which the validator may look for similar ones: it compares each unknown name with all that there
/// are, and 50 KB of them take a sixth of a second in a build without optimisation. What a person types is a tenth.
const SUGGESTIONS_NAME_BYTES_MAX: u64 = 5_000;

/// Of an operation's name in a trace, in characters: who writes documents chooses it.
const OPERATION_NAME_CHARS_MAX: usize = 100;

/// A request that is within the limits and ready for the executor.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) request: Request,
    pub(super) operation_type: OperationType,
    /// The span that everything of this operation runs in.
    pub(super) span: Span,
    pub(super) context: AnswerContext,
    /// Misspelt names are answered with those that there are.
    pub(super) may_suggest: bool,
    cost: u64,
    /// For its trace, while there are any.
    operation_name: Option<String>,
    /// The caller's place among what is executed; a subscription has none.
    place: Option<Place>,
}

impl Prepared {
    /// The same by this identity.
    pub(super) fn by(self, identity: &Identity) -> Self {
        Self { request: (identity.attach)(self.request), ..self }
    }
}

/// What an answer needs to know of its request.
#[derive(Clone, Debug)]
pub(super) struct AnswerContext {
    request_id: String,
    /// Told with the answer.
    cost: Option<Cost>,
}

/// Finds a request's document, checks it, gives it its identity, and draws its cost from the caller's budget.
///
/// # Errors
/// A [`Refusal`] when the document is not known, not GraphQL, exceeds a limit or names no operation, or when the
/// caller's budget does not suffice. A refusal costs, too.
pub(super) async fn admit<E: Executor>(
    state: &HttpState<E>,
    parameters: Parameters,
    identity: &Identity,
    origin: &RequestOrigin,
) -> Result<Prepared, Refusal> {
    let caller = identity.caller(origin);
    if let Some(cost) = state.budget.as_ref().and_then(|budget| budget.is_exhausted(&caller)) {
        return Err(exhausted(cost));
    }
    let Parameters { document, operation_name, variables } = parameters;
    let prepared = match state.documents.find(document).await {
        Ok(Found { text, register_as }) => {
            let registered = register_as.filter(|_| !identity.is_anonymous).map(|hash| (hash, text.clone()));
            let prices = Prices { fields: state.options.field_costs, lists: state.options.list_sizes };
            let document = state.parsed.parse(&text);
            document
                .and_then(|document| {
                    let checked =
                        limits::check_parsed(document, operation_name.as_deref(), &variables, prices)?;
                    prepare(text, checked, operation_name, variables, identity, origin)
                })
                .map(|prepared| (prepared, registered))
        }
        Err(refusal) => Err(refusal),
    };
    let (mut prepared, registered) = match prepared {
        Ok(prepared) => prepared,
        Err(refusal) => {
            let Some(budget) = &state.budget else { return Err(refusal) };
            let cost = budget.draw(&caller, REFUSED_COST).await;
            return Err(match cost.retry_in() {
                Some(_) => exhausted(cost),
                None => Refusal { cost: Some(Box::new(cost)), ..refusal },
            });
        }
    };
    if prepared.operation_type != OperationType::Subscription {
        let place = state.executing.enter(&caller, OPERATIONS_PER_CALLER_MAX).ok_or_else(|| {
            let message = format!("At most {OPERATIONS_PER_CALLER_MAX} of your operations may run at once.");
            Refusal::wait(OPERATIONS_RETRY, message)
        })?;
        prepared.place = Some(place);
    }
    let cost = match &state.budget {
        Some(budget) => budget.draw(&caller, prepared.cost).await,
        None => {
            let is_query = prepared.operation_type == OperationType::Query;
            let last_write = match &state.options.shared {
                Some(shared) if is_query && state.options.has_replica => shared.last_write(&caller).await,
                _ => LastWrite::None,
            };
            prepared.request = prepared.request.data(last_write);
            return Ok(register(state, prepared, registered).await);
        }
    };
    if cost.retry_in().is_some() {
        return Err(exhausted(cost));
    }
    prepared.request = prepared.request.data(cost.last_write);
    prepared.context.cost = Some(cost);
    Ok(register(state, prepared, registered).await)
}

async fn register<E: Executor>(
    state: &HttpState<E>,
    prepared: Prepared,
    document: Option<(DocumentHash, String)>,
) -> Prepared {
    if let Some((hash, text)) = document {
        state.documents.register(hash, &text).await;
    }
    prepared
}

fn exhausted(cost: Cost) -> Refusal {
    let message = "You have asked for more than your budget holds: wait as long as \"retryAfterSeconds\" says. \
                   \"extensions.cost\" tells what each request costs and what is left.";
    let retry_in = cost.retry_in().unwrap_or_default();
    Refusal { cost: Some(Box::new(cost)), ..Refusal::wait(retry_in, message) }
}

fn prepare(
    query: String,
    checked: CheckedDocument,
    operation_name: Option<String>,
    variables: Variables,
    identity: &Identity,
    origin: &RequestOrigin,
) -> Result<Prepared, Refusal> {
    if checked.introspects && !identity.may_introspect {
        return Err(introspection::refused());
    }
    let operation = select(&checked.document.operations, operation_name.as_deref())?;
    limits::check_variables(operation, &variables)?;
    let operation_type = operation.ty;
    let span = tracing::info_span!(
        "graphql",
        operation.name = operation_name.as_deref().or_else(|| only_name(&checked.document.operations)),
        operation.r#type = %operation_type,
        request.id = %origin.request_id,
        subject = %identity.subject,
    );
    let name = operation_name.as_deref().or_else(|| only_name(&checked.document.operations));
    let traced_name = name.filter(|_name| trace::is_on()).map(str::to_owned);
    let mut request = Request::new(query).variables(variables).data(origin.clone());
    request.operation_name = operation_name;
    request.set_parsed_query(checked.document);
    if !identity.may_introspect {
        request = request.disable_introspection();
    }
    let request = (identity.attach)(request);
    let context = AnswerContext { request_id: origin.request_id.clone(), cost: None };
    let may_suggest = identity.may_introspect && checked.name_bytes <= SUGGESTIONS_NAME_BYTES_MAX;
    Ok(Prepared {
        request,
        operation_type,
        span,
        context,
        may_suggest,
        cost: checked.cost,
        operation_name: traced_name,
        place: None,
    })
}

/// Runs a query or mutation to its end, at the longest for the configured time. A panic becomes an `INTERNAL` error.
pub(super) async fn execute<E: Executor>(state: &HttpState<E>, prepared: Prepared) -> Answer {
    let Prepared { request, operation_type, span, context, may_suggest, cost: _, operation_name, place } =
        prepared;
    let trace = operation_span(operation_type, operation_name.as_deref());
    let executed = async {
        let started = Instant::now();
        let execution = AssertUnwindSafe(state.options.executor(may_suggest).execute(request)).catch_unwind();
        let answer = match tokio::time::timeout(state.options.execution_timeout, execution).await {
            Ok(Ok(response)) => Answer::of(response, &context),
            Ok(Err(panic)) => Answer::of_panic(panic.as_ref(), &context),
            Err(_) => {
                tracing::warn!(
                    limit_ms = state.options.execution_timeout.as_millis() as u64,
                    "execution timed out"
                );
                Answer::fault(ErrorCode::Timeout, "The request took too long and was stopped.", &context)
            }
        };
        drop(place);
        let duration = started.elapsed();
        state.metrics.record(operation_type, answer.outcome(), duration);
        tracing::info!(
            duration_ms = duration.as_millis() as u64,
            errors = answer.response.errors.len(),
            "graphql operation answered"
        );
        answer
    };
    let answer = trace.within(executed.instrument(span)).await;
    if answer.outcome() == Outcome::Failed {
        trace.fail("failed");
    }
    answer
}

/// The span of an operation, by OpenTelemetry's conventions. Its document is not told: it may hold values.
fn operation_span(operation_type: OperationType, name: Option<&str>) -> trace::Span {
    let type_name = type_name(operation_type);
    let span = trace::root(Kind::Internal, type_name, None);
    if span.is_recorded() {
        span.set("graphql.operation.type", type_name);
        if let Some(name) = name {
            span.set(
                "graphql.operation.name",
                name.chars().take(OPERATION_NAME_CHARS_MAX).collect::<String>(),
            );
        }
    }
    span
}

/// What a request comes to, ready to be written.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) response: Response,
    /// Whether execution began; an answer without execution has no `data` entry
    /// (<https://spec.graphql.org/October2021/#sec-Response-Format>).
    pub(super) executed: bool,
}

impl Answer {
    /// Completes the executor's response: every error gets a code, and what is internal stays inside.
    pub(super) fn of(mut response: Response, context: &AnswerContext) -> Self {
        // The executor says nothing about it, but errors of fields have paths and those of requests have none.
        let executed = response.errors.is_empty()
            || response.data != Value::Null
            || response.errors.iter().any(|error| !error.path.is_empty());
        if !executed && response.errors.len() > limits::ERRORS_MAX {
            let hidden = response.errors.len() - limits::ERRORS_MAX;
            response.errors.truncate(limits::ERRORS_MAX);
            response.errors.push(ServerError::new(format!("There are {hidden} more errors."), None));
        }
        for error in &mut response.errors {
            if code_of(error).is_none() {
                if error.source.is_some() {
                    // Something that a resolver did not expect; its text may hold anything.
                    tracing::error!(error = %error.message, path = ?error.path, "a resolver failed");
                    INTERNAL_MESSAGE.clone_into(&mut error.message);
                    set_code(error, ErrorCode::Internal);
                } else if executed {
                    set_code(error, ErrorCode::BadUserInput);
                } else {
                    set_code(error, ErrorCode::ValidationFailed);
                }
            }
            if code_of(error) == Some(ErrorCode::Internal.as_str()) {
                set_request_id(error, &context.request_id);
            }
        }
        Self { response, executed }.with_cost(context)
    }

    /// Whether something in it needs a token, or a better one.
    pub(super) fn is_unauthenticated(&self) -> bool {
        let code = Some(ErrorCode::Unauthenticated.as_str());
        self.response.errors.iter().any(|error| code_of(error) == code)
    }

    fn with_cost(mut self, context: &AnswerContext) -> Self {
        if let Some(cost) = context.cost {
            self.response.extensions.insert("cost".to_owned(), cost.value(SystemTime::now()));
        }
        self
    }

    pub(super) fn of_panic(panic: &(dyn Any + Send), context: &AnswerContext) -> Self {
        let message = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        tracing::error!(panic = message, "a resolver panicked");
        Self::fault(ErrorCode::Internal, INTERNAL_MESSAGE, context)
    }

    /// An execution that came to nothing through no fault of the request: `data` is null.
    fn fault(code: ErrorCode, message: &str, context: &AnswerContext) -> Self {
        let mut error = Refusal::new(code, message).into_error();
        set_request_id(&mut error, &context.request_id);
        Self { response: Response::from_errors(vec![error]), executed: true }.with_cost(context)
    }

    pub(super) fn outcome(&self) -> Outcome {
        if self.response.errors.is_empty() {
            Outcome::Succeeded
        } else if !self.executed {
            Outcome::Refused
        } else if self.response.data == Value::Null {
            Outcome::Failed
        } else {
            Outcome::Partial
        }
    }

    /// Whether the first error says that the caller may not, for the status of an answer without data.
    pub(super) fn is_forbidden(&self) -> bool {
        self.begins_with(ErrorCode::Forbidden)
    }

    /// Whether there is no data because something of ours can't be used.
    pub(super) fn is_unavailable(&self) -> bool {
        self.response.data == Value::Null && self.begins_with(ErrorCode::Unavailable)
    }

    fn begins_with(&self, code: ErrorCode) -> bool {
        self.response.errors.first().and_then(code_of) == Some(code.as_str())
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.response.errors.is_empty() {
            map.serialize_entry("errors", &self.response.errors)?;
        }
        if self.executed {
            map.serialize_entry("data", &self.response.data)?;
        }
        if !self.response.extensions.is_empty() {
            map.serialize_entry("extensions", &self.response.extensions)?;
        }
        map.end()
    }
}

impl AnswerContext {
    /// The same without the cost, which is told once: for what comes after the first event of a subscription.
    pub(super) fn without_cost(&self) -> Self {
        Self { cost: None, ..self.clone() }
    }
}

fn set_request_id(error: &mut ServerError, request_id: &str) {
    error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("requestId", request_id);
}

/// The operation to execute (<https://spec.graphql.org/October2021/#GetOperation()>).
fn select<'a>(
    operations: &'a DocumentOperations,
    name: Option<&str>,
) -> Result<&'a OperationDefinition, Refusal> {
    let bad_request = |message: String| Refusal::new(ErrorCode::BadRequest, message);
    match (name, operations) {
        (None, DocumentOperations::Single(operation)) => Ok(&operation.node),
        (None, DocumentOperations::Multiple(operations)) => match operations.values().next() {
            Some(operation) if operations.len() == 1 => Ok(&operation.node),
            _ => Err(bad_request(
                "The document holds several operations: name the one to execute in \"operationName\"."
                    .to_owned(),
            )),
        },
        (Some(name), operations) => operations
            .iter()
            .find(|(candidate, _)| candidate.is_some_and(|candidate| candidate.as_str() == name))
            .map(|(_, operation)| &operation.node)
            .ok_or_else(|| {
                let name: String =
                    name.chars().filter(|character| !character.is_control()).take(40).collect();
                bad_request(format!("The document holds no operation named \"{name}\"."))
            }),
    }
}

fn only_name(operations: &DocumentOperations) -> Option<&str> {
    operations.iter().next().and_then(|(name, _)| name).map(|name| name.as_str())
}

//! The one mapping from what the domain refuses to what a caller reads: *denied* and *internal* are top-level errors
//! with a code, *rejected* is `userErrors`, and *not found* is null, which is no error.

use std::error::Error as StdError;

use async_graphql::{Enum, ErrorExtensionValues, SimpleObject};
use domain::outage::Outage;
use domain::{Problem, ProblemCode, audit};

use crate::http::{ErrorCode, coded_error};

/// What a caller reads when the fault is ours; the transport adds the request id, the log has the chain.
const INTERNAL_MESSAGE: &str =
    "Something went wrong on our side. Please try again; if it stays, report the request id.";
const NO_SPACE_MESSAGE: &str = "There is no space left to store this, so nothing was changed. Whoever runs this service must make room on the \
     disk of its database; then try again.";
const AWAY_MESSAGE: &str = "The database went away in the middle of this. Try again in a moment. What was to be changed may be done or not: look \
     first, or send it with the same `idempotencyKey`, where there is one, and it is done once.";

/// Result of a resolver.
pub(super) type Result<T, E = ResolverError> = std::result::Result<T, E>;

/// An error of a resolver, with its code. Made from a domain error exactly once, because that logs it.
#[derive(Clone, Debug)]
pub struct ResolverError(async_graphql::Error);

impl ResolverError {
    /// With a code and words for the caller.
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(coded_error(code, message))
    }

    /// An argument can't be used.
    pub(super) fn argument(argument: &'static str, message: impl Into<String>) -> Self {
        domain::Error::Argument { argument, message: message.into() }.into()
    }

    /// What a row refers to is not there, which the database's own references rule out.
    pub(super) fn dangling(what: &'static str) -> Self {
        domain::Error::internal("following a reference", format!("the {what} is not there")).into()
    }

    /// Whether this is its code.
    pub(super) fn is(&self, code: ErrorCode) -> bool {
        let set = self.0.extensions.as_ref().and_then(|extensions| extensions.get("code"));
        matches!(set, Some(async_graphql::Value::String(set)) if set == code.as_str())
    }

    fn with(mut self, name: &str, value: impl Into<async_graphql::Value>) -> Self {
        self.0.extensions.get_or_insert_with(ErrorExtensionValues::default).set(name, value);
        self
    }
}

impl From<domain::Error> for ResolverError {
    fn from(error: domain::Error) -> Self {
        audit::tell_error(&error);
        let message = error.to_string();
        match error {
            domain::Error::Unauthenticated => Self::new(
                ErrorCode::Unauthenticated,
                "Sign in first: this needs an access token or an API key.",
            ),
            domain::Error::Forbidden { permission, .. } => {
                let error = Self::new(ErrorCode::Forbidden, message);
                match permission {
                    Some(permission) => error.with("permission", permission.name()),
                    None => error,
                }
            }
            domain::Error::Argument { argument, .. } => {
                Self::new(ErrorCode::BadUserInput, message).with("argument", argument)
            }
            // Mutations answer with these as `userErrors`; nothing else is given input that could be rejected.
            domain::Error::Rejected(_) => Self::new(ErrorCode::BadUserInput, message),
            domain::Error::Internal { .. } => {
                let outage = error.outage();
                let error = &error as &dyn StdError;
                match outage {
                    Some(Outage::NoSpace) => {
                        tracing::error!(error, "the disk of the database is full: make room");
                        Self::new(ErrorCode::Unavailable, NO_SPACE_MESSAGE)
                    }
                    Some(Outage::Away) => {
                        tracing::warn!(error, "a request failed because the database went away");
                        Self::new(ErrorCode::Unavailable, AWAY_MESSAGE)
                    }
                    None => {
                        tracing::error!(error, "a request failed through a fault of ours");
                        Self::new(ErrorCode::Internal, INTERNAL_MESSAGE)
                    }
                }
            }
        }
    }
}

impl From<ResolverError> for async_graphql::Error {
    fn from(error: ResolverError) -> Self {
        error.0
    }
}

/// Codes of `userErrors`: machine-readable and stable. More may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ProblemCode")]
pub enum UserErrorCode {
    /// The value can't be used.
    Invalid,
    /// A value is missing.
    Required,
    /// Nothing has this id, or it is not for this caller to know.
    NotFound,
    /// It clashes with what is there.
    Conflict,
    /// The caller may not do this with this object or value.
    Forbidden,
    /// A limit would be passed.
    LimitReached,
    /// The value is longer or larger than is allowed.
    TooLong,
    /// Mail address and password don't go together, there were too many attempts, or the session has ended.
    Unauthenticated,
    /// The password is right, and a code of the second factor is missing: ask for it, and send both.
    SecondFactorRequired,
    /// The operator has not set up what this needs, e.g. a mail server.
    NotConfigured,
}

/// One thing wrong with a mutation's input. All of them are answered at once.
#[derive(Clone, Debug, SimpleObject)]
pub struct UserError {
    /// Machine-readable, stable: INVALID, REQUIRED, NOT_FOUND, CONFLICT, FORBIDDEN, LIMIT_REACHED, …
    pub code: UserErrorCode,
    /// Path into the input object, e.g. `["streams", "0", "keyFields"]`; null when it is about the whole.
    pub field: Option<Vec<String>>,
    /// For people: what is wrong, and what to do.
    pub message: String,
}

impl From<Problem> for UserError {
    fn from(problem: Problem) -> Self {
        Self {
            code: problem.code.into(),
            field: Some(problem.path).filter(|path| !path.is_empty()),
            message: problem.message,
        }
    }
}

/// What a mutation comes to: the object, or what is wrong with the input.
///
/// # Errors
/// What is neither: denied and internal.
pub(super) fn outcome<T>(result: domain::Result<T>) -> Result<(Option<T>, Vec<UserError>)> {
    audit::tell(&result);
    match result {
        Ok(value) => Ok((Some(value), Vec::new())),
        Err(domain::Error::Rejected(problems)) => {
            Ok((None, problems.into_iter().map(UserError::from).collect()))
        }
        Err(error) => Err(error.into()),
    }
}

/// A text for a filter. PostgreSQL takes no NUL, so nothing stored has one.
///
/// # Errors
/// `BAD_USER_INPUT` for a text with a NUL.
pub(super) fn filter_text(text: String) -> domain::Result<String> {
    if text.contains('\0') {
        let message = "has a text with a NUL character, which nothing stored has".to_owned();
        return Err(domain::Error::Argument { argument: "filter", message });
    }
    Ok(text)
}

/// Exactly one of two ways to name objects must be used.
pub(super) fn exactly_one(first: &'static str, second: &'static str, both: bool) -> domain::Error {
    let (code, field, message) = if both {
        (ProblemCode::Invalid, second, format!("can't be combined with `{first}`: give one of the two"))
    } else {
        (ProblemCode::Required, first, format!("is missing: give `{first}` or `{second}`"))
    };
    domain::Error::rejected(Problem::new(code, [field], message))
}

#[cfg(test)]
mod tests {
    use domain::{Error, Permission, Problem};

    use super::{ResolverError, outcome};

    fn extensions(error: Error) -> serde_json::Value {
        let error = async_graphql::Error::from(ResolverError::from(error));
        serde_json::to_value(error.extensions).expect("JSON")
    }

    #[test]
    fn each_refusal_has_its_code() {
        assert_eq!(extensions(Error::Unauthenticated), serde_json::json!({ "code": "UNAUTHENTICATED" }));
        let forbidden = Error::Forbidden { permission: Some(Permission::RunStart), message: "no".to_owned() };
        assert_eq!(
            extensions(forbidden),
            serde_json::json!({ "code": "FORBIDDEN", "permission": "runs:start" })
        );
        let never = Error::Forbidden { permission: None, message: "never".to_owned() };
        assert_eq!(extensions(never), serde_json::json!({ "code": "FORBIDDEN" }));
        let argument = Error::Argument { argument: "first", message: "is 0".to_owned() };
        assert_eq!(
            extensions(argument),
            serde_json::json!({ "code": "BAD_USER_INPUT", "argument": "first" })
        );
        assert_eq!(
            extensions(Error::internal("reading", "secret")),
            serde_json::json!({ "code": "INTERNAL" })
        );
    }

    #[test]
    fn a_fault_of_ours_keeps_its_detail_to_the_log() {
        let error = async_graphql::Error::from(ResolverError::from(Error::internal("reading", "secret")));
        assert!(!error.message.contains("secret") && !error.message.contains("reading"), "{}", error.message);
    }

    #[test]
    fn what_a_caller_can_mend_is_data() {
        let problems =
            vec![Problem::invalid(["name"], "is bad"), Problem::required(Vec::<String>::new(), "is empty")];
        let (value, errors) = outcome::<()>(Err(Error::Rejected(problems))).expect("no top-level error");
        assert!(value.is_none());
        assert_eq!(errors[0].field, Some(vec!["name".to_owned()]));
        assert_eq!(errors[1].field, None);
    }
}

//! The four ways in which the domain says no. `api` maps them in one place.

use crate::Permission;

/// Result of a domain call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a domain call gave no answer. *Not found* of a query is `None`, not an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody is signed in, or the token is no longer good.
    #[error("sign in first")]
    Unauthenticated,
    /// The caller is known and may not do this.
    #[error("{message}")]
    Forbidden {
        /// What is missing; `None` where no permission would help.
        permission: Option<Permission>,
        /// For the caller.
        message: String,
    },
    /// An argument of a query can't be used.
    #[error("`{argument}` {message}")]
    Argument {
        /// Name of the argument as the API has it.
        argument: &'static str,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// The caller can mend the input; all problems at once.
    #[error("{}", .0.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; "))]
    Rejected(Vec<Problem>),
    /// A fault of ours or of our database. The caller sees a request id, the log has the chain.
    #[error("{doing}")]
    Internal {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// One thing wrong with a mutation's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Machine-readable.
    pub code: ProblemCode,
    /// Path into the input, e.g. `["streams", "0", "keyFields"]`.
    pub path: Vec<String>,
    /// For people: what is wrong, and what to do.
    pub message: String,
}

/// Kinds of problems; stable names of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemCode {
    /// The value can't be used.
    Invalid,
    /// A value is missing.
    Required,
    /// It is not there, or not for the caller to know.
    NotFound,
    /// It clashes with what is there.
    Conflict,
    /// The caller may not do this with this object.
    Forbidden,
    /// A limit would be passed.
    LimitReached,
    /// The value is longer or larger than the limit.
    TooLong,
    /// Mail address and password don't go together, there were too many attempts, or the session has ended.
    Unauthenticated,
    /// The password is right; a code of the second factor is missing.
    SecondFactorRequired,
    /// The operator has not set up what this needs.
    NotConfigured,
}

impl ProblemCode {
    /// Its name in the API, e.g. `NOT_FOUND`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "INVALID",
            Self::Required => "REQUIRED",
            Self::NotFound => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::Forbidden => "FORBIDDEN",
            Self::LimitReached => "LIMIT_REACHED",
            Self::TooLong => "TOO_LONG",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::SecondFactorRequired => "SECOND_FACTOR_REQUIRED",
            Self::NotConfigured => "NOT_CONFIGURED",
        }
    }
}

impl Problem {
    /// A problem at a path.
    pub fn new<P: Into<String>>(
        code: ProblemCode,
        path: impl IntoIterator<Item = P>,
        message: impl Into<String>,
    ) -> Self {
        Self { code, path: path.into_iter().map(Into::into).collect(), message: message.into() }
    }

    /// `INVALID` at a path.
    pub fn invalid<P: Into<String>>(path: impl IntoIterator<Item = P>, message: impl Into<String>) -> Self {
        Self::new(ProblemCode::Invalid, path, message)
    }

    /// `REQUIRED` at a path.
    pub fn required<P: Into<String>>(path: impl IntoIterator<Item = P>, message: impl Into<String>) -> Self {
        Self::new(ProblemCode::Required, path, message)
    }
}

impl Error {
    /// One problem.
    pub fn rejected(problem: Problem) -> Self {
        Self::Rejected(vec![problem])
    }

    /// The object named by the input field is not there, or not for the caller to know.
    pub fn not_found(field: &str, what: &str) -> Self {
        Self::rejected(Problem::new(ProblemCode::NotFound, [field], format!("no {what} has this id")))
    }

    /// Nothing can be mailed here.
    pub(crate) fn no_mail(what: &str) -> Self {
        let none: [&str; 0] = [];
        let message =
            format!("this installation sends no mail, which {what} needs; its operator can set it up");
        Self::rejected(Problem::new(ProblemCode::NotConfigured, none, message))
    }

    /// The input clashes with what is there.
    pub fn conflict(field: &str, message: impl Into<String>) -> Self {
        Self::rejected(Problem::new(ProblemCode::Conflict, [field], message))
    }

    /// Wraps what went wrong in our own house.
    pub fn internal(
        doing: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Internal { doing, source: source.into() }
    }
}

/// Says what was being done when the database failed.
pub(crate) trait Doing<T> {
    /// Turns a fault into [`Error::Internal`].
    fn doing(self, doing: &'static str) -> Result<T>;
}

impl<T, E: std::error::Error + Send + Sync + 'static> Doing<T> for std::result::Result<T, E> {
    fn doing(self, doing: &'static str) -> Result<T> {
        self.map_err(|source| Error::internal(doing, source))
    }
}

//! From what a store says to what we say (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).

use std::error::Error;

use object_store::client::{HttpError, HttpErrorKind};
use reqwest::StatusCode;

use super::guarded::Refusal;
use crate::egress::chain;
use crate::{SystemError, SystemErrorKind};

/// Why a request failed. `doing` says what for, `bucket` is named in hints.
pub(super) fn system_error(
    doing: &str,
    bucket: &str,
    error: &object_store::Error,
    refusal: Option<Refusal>,
) -> SystemError {
    let mut transport = None;
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(inner) = current.downcast_ref::<SystemError>() {
            return inner.clone();
        }
        if let Some(http) = current.downcast_ref::<HttpError>() {
            transport = Some(http.kind());
        }
        cause = current.source();
    }
    let Some(refusal) = refusal else {
        let kind = match (transport, error) {
            (Some(HttpErrorKind::Timeout), _) => SystemErrorKind::Timeout,
            (Some(_), _) => SystemErrorKind::Unavailable,
            (None, object_store::Error::NotFound { .. }) => SystemErrorKind::NotFound,
            (None, _) => SystemErrorKind::Malformed,
        };
        return SystemError::new(kind, format!("{doing}: {}", chain(error)));
    };
    let (kind, hint) = meaning(&refusal, bucket);
    let code = refusal.code.as_deref().unwrap_or("no code");
    SystemError {
        kind,
        detail: format!("{doing}: the store answered {} ({code})", refusal.status),
        hint,
        http_status: Some(refusal.status.as_u16()),
        retry_after: refusal.retry_after,
        exchange: None,
    }
}

fn meaning(refusal: &Refusal, bucket: &str) -> (SystemErrorKind, Option<String>) {
    use SystemErrorKind::{
        Internal, Malformed, Misconfigured, NotFound, RateLimited, Timeout, Unauthorized, Unavailable,
    };
    let other_region = || {
        (
            Misconfigured,
            Some(format!("the bucket `{bucket}` is in another region; enter that region, or its endpoint")),
        )
    };
    match refusal.code.as_deref() {
        Some("NoSuchBucket") => return (NotFound, Some(format!("there is no bucket `{bucket}`"))),
        Some("NoSuchKey") => return (NotFound, Some("the object is not there".to_owned())),
        Some("NoSuchUpload") => {
            return (
                Unavailable,
                Some("the upload was given up by something else; it begins again".to_owned()),
            );
        }
        Some("InvalidAccessKeyId") => {
            return (Unauthorized, Some("the store does not know the access key".to_owned()));
        }
        Some("SignatureDoesNotMatch") => {
            return (Unauthorized, Some("the secret does not belong to the access key".to_owned()));
        }
        Some("ExpiredToken" | "TokenRefreshRequired" | "InvalidToken") => {
            return (Unauthorized, Some("the session token has ended or is not valid".to_owned()));
        }
        Some("RequestTimeTooSkewed") => return (Internal, None),
        Some("SlowDown" | "TooManyRequests" | "RequestLimitExceeded") => return (RateLimited, None),
        Some("RequestTimeout") => return (Timeout, None),
        Some("InvalidBucketName") => {
            return (Misconfigured, Some(format!("`{bucket}` is not a valid bucket name")));
        }
        Some("InvalidObjectState") => {
            return (Misconfigured, Some("the object is in an archive; restore it first".to_owned()));
        }
        Some(
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException",
        ) => {
            return other_region();
        }
        Some("EntityTooLarge" | "QuotaExceeded" | "XMinioStorageFull") => {
            return (Unavailable, Some("the store has no room".to_owned()));
        }
        _ => {}
    }
    match refusal.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (
            Unauthorized,
            Some(format!(
                "the access key may not do this in the bucket `{bucket}`, or what it names is not there"
            )),
        ),
        StatusCode::NOT_FOUND => (NotFound, Some("the bucket or the object is not there".to_owned())),
        StatusCode::TOO_MANY_REQUESTS => (RateLimited, None),
        StatusCode::REQUEST_TIMEOUT => (Timeout, None),
        status if status.is_server_error() => (Unavailable, None),
        status if status.is_redirection() => other_region(),
        _ => (Malformed, None),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::{Refusal, meaning};
    use crate::SystemErrorKind::{Misconfigured, NotFound, RateLimited, Timeout, Unauthorized, Unavailable};

    #[test]
    fn codes_decide_before_statuses() {
        for (status, code, kind) in [
            (404, Some("NoSuchBucket"), NotFound),
            (404, None, NotFound),
            (403, Some("InvalidAccessKeyId"), Unauthorized),
            (403, Some("AccessDenied"), Unauthorized),
            (400, Some("ExpiredToken"), Unauthorized),
            (401, None, Unauthorized),
            (503, Some("SlowDown"), RateLimited),
            (429, None, RateLimited),
            (400, Some("RequestTimeout"), Timeout),
            (503, Some("ServiceUnavailable"), Unavailable),
            (500, Some("InternalError"), Unavailable),
            (301, Some("PermanentRedirect"), Misconfigured),
            (400, Some("AuthorizationHeaderMalformed"), Misconfigured),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            let refusal = Refusal { status, code: code.map(str::to_owned), retry_after: None };
            assert_eq!(meaning(&refusal, "acme").0, kind, "{status} {code:?}");
        }
    }
}

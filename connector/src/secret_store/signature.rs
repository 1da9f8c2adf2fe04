//! AWS Signature Version 4 for one kind of request: without a query, signed headers in the order of their names
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>, read 2026).

use std::fmt::Write;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// By whom, when and for what.
pub(super) struct Signing<'a> {
    pub(super) access_key_id: &'a str,
    pub(super) secret_access_key: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) at: DateTime<Utc>,
}

/// The value of `Authorization`. Adds `x-amz-date` to the headers, whose names are in lower case, and orders them.
pub(super) fn sign(
    signing: &Signing<'_>,
    method: &str,
    path: &str,
    headers: &mut Vec<(&'static str, String)>,
    body: &[u8],
) -> String {
    sign_with_query(signing, method, (path, ""), headers, body)
}

fn sign_with_query(
    signing: &Signing<'_>,
    method: &str,
    (path, query): (&str, &str),
    headers: &mut Vec<(&'static str, String)>,
    body: &[u8],
) -> String {
    let time = signing.at.format("%Y%m%dT%H%M%SZ").to_string();
    let date = &time[..8];
    headers.push(("x-amz-date", time.clone()));
    headers.sort_unstable();
    let names = headers.iter().map(|(name, _value)| *name).collect::<Vec<_>>().join(";");
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let request = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{}", hex(&Sha256::digest(body)));
    let scope = format!("{date}/{}/{}/aws4_request", signing.region, signing.service);
    let to_sign = format!("{ALGORITHM}\n{time}\n{scope}\n{}", hex(&Sha256::digest(request)));
    let secret = format!("AWS4{}", signing.secret_access_key);
    let key = [date, signing.region, signing.service, "aws4_request"]
        .iter()
        .fold(secret.into_bytes(), |key, part| mac(&key, part.as_bytes()));
    let signature = hex(&mac(&key, to_sign.as_bytes()));
    format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        signing.access_key_id
    )
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes any text");
        text
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::{Signing, sign_with_query};

    /// The example of AWS' own description (IAM ListUsers).
    #[test]
    fn signs_as_the_description_does() {
        let signing = Signing {
            access_key_id: "AKIDEXAMPLE",
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            region: "us-east-1",
            service: "iam",
            at: DateTime::parse_from_rfc3339("2015-08-30T12:36:00Z").expect("a time").to_utc(),
        };
        let mut headers = vec![
            ("host", "iam.amazonaws.com".to_owned()),
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned()),
        ];
        let query = "Action=ListUsers&Version=2010-05-08";
        let signed = sign_with_query(&signing, "GET", ("/", query), &mut headers, b"");
        assert_eq!(
            signed,
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
    }
}

//! Verification of what comes: vectors of the specifications, each byte that is tampered with, secrets that change. And
//! reading an inbox that is in memory. Sending is checked against a real server by the contract of connectors.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::{Credentials, WebhookConnector, signature};
use crate::testing::{malformed_of, open_source, read_all, records_of, resumes_everywhere};
use crate::{Arrival, Arrived, Connector, Egress, Inbox, OpenSource, Refusal, SystemError};

/// Of the specification's libraries (`libraries/python/tests/test_webhooks.py` in
/// <https://github.com/standard-webhooks/standard-webhooks>).
const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const BODY: &[u8] = br#"{"test": 2432232314}"#;

fn connector() -> WebhookConnector {
    WebhookConnector::new(Egress::new(Vec::new()))
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        })
        .collect()
}

struct Endpoint {
    receive: Value,
    secrets: Vec<String>,
}

impl Endpoint {
    fn of(verification: Value, secrets: &[&str]) -> Self {
        let receive = json!({"verification": verification});
        Self { receive, secrets: secrets.iter().map(|secret| (*secret).to_owned()).collect() }
    }

    fn verify(&self, headers: &HeaderMap, body: &[u8], now: i64) -> Result<Arrival, Refusal> {
        let config = json!({"receive": self.receive});
        let problems = crate::problems(&connector().description().config_schema, &config);
        assert_eq!(problems, [], "{config}");
        let receiver = connector().receiver(&config).unwrap().unwrap();
        let credentials = match self.secrets.is_empty() {
            true => json!({}),
            false => json!({"secrets": self.secrets}),
        };
        receiver.verify(&credentials.to_string().into(), headers, body, at(now))
    }

    fn code(&self, headers: &HeaderMap, body: &[u8], now: i64) -> &'static str {
        self.verify(headers, body, now).unwrap_err().code
    }
}

fn standard() -> Endpoint {
    Endpoint::of(json!({"kind": "standardWebhooks"}), &[&format!("whsec_{SECRET}")])
}

fn signed(timestamp: i64, body: &[u8]) -> HeaderMap {
    let signature = signature::sign(&[signature::key(SECRET).unwrap()], ID, timestamp, body);
    headers(&[
        ("webhook-id", ID),
        ("webhook-timestamp", &timestamp.to_string()),
        ("webhook-signature", &signature),
    ])
}

#[test]
fn the_vector_of_the_specification_verifies_and_is_what_we_sign() {
    let key = signature::key(&format!("whsec_{SECRET}")).unwrap();
    let signature = signature::sign(&[key], ID, 1_614_265_330, BODY);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    let headers = headers(&[
        ("webhook-id", ID),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ]);
    let arrival = standard().verify(&headers, BODY, 1_614_265_330).unwrap();
    assert_eq!(arrival, Arrival { event_id: Some(ID.to_owned()), event_type: None });
}

#[test]
fn every_byte_counts() {
    let good = signed(1_000, BODY);
    assert!(standard().verify(&good, BODY, 1_000).is_ok());
    for place in 0..BODY.len() {
        let mut body = BODY.to_vec();
        body[place] ^= 1;
        assert_eq!(standard().code(&good, &body, 1_000), "signature_wrong", "byte {place} of the body");
    }
    for body in [&BODY[1..], &[BODY, b" "].concat(), b""] {
        assert_eq!(standard().code(&good, body, 1_000), "signature_wrong");
    }
    for (name, other) in [("webhook-id", "msg_other"), ("webhook-timestamp", "1001")] {
        let mut bad = good.clone();
        bad.insert(HeaderName::from_static(name), HeaderValue::from_static(other));
        assert_eq!(standard().code(&bad, BODY, 1_000), "signature_wrong", "{name}");
    }
    let signature = good["webhook-signature"].to_str().unwrap().to_owned();
    for place in 0..signature.len() {
        let mut changed = signature.clone().into_bytes();
        // The last character of base64 before the padding holds two bits that are no part of the signature.
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let mut bad = good.clone();
        bad.insert("webhook-signature", HeaderValue::from_bytes(&changed).unwrap());
        assert_eq!(standard().code(&bad, BODY, 1_000), "signature_wrong", "byte {place} of the signature");
    }
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut bad = good.clone();
        bad.remove(name);
        assert_eq!(standard().code(&bad, BODY, 1_000), "signature_missing", "{name}");
        bad.insert(HeaderName::from_static(name), HeaderValue::from_static(""));
        assert_eq!(standard().code(&bad, BODY, 1_000), "signature_wrong", "{name}");
    }
}

#[test]
fn a_signature_is_good_for_a_while_and_not_for_a_time_to_come() {
    let good = signed(10_000, BODY);
    for now in [9_700, 10_000, 10_300] {
        assert!(standard().verify(&good, BODY, now).is_ok(), "{now}");
    }
    for now in [9_699, 10_301, 1_000_000] {
        assert_eq!(standard().code(&good, BODY, now), "timestamp_stale", "{now}");
    }
    let narrow = Endpoint::of(json!({"kind": "standardWebhooks", "toleranceSeconds": 10}), &[SECRET]);
    assert!(narrow.verify(&good, BODY, 10_010).is_ok());
    assert_eq!(narrow.code(&good, BODY, 10_011), "timestamp_stale");
    let far = signed(i64::MAX, BODY);
    assert_eq!(standard().code(&far, BODY, 10_000), "timestamp_stale", "and nothing overflows");
}

#[test]
fn either_secret_is_good_while_it_is_changed_and_either_signature() {
    let (old, new) = (SECRET, "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0");
    let both = Endpoint::of(json!({"kind": "standardWebhooks"}), &[new, old]);
    assert!(both.verify(&signed(1_000, BODY), BODY, 1_000).is_ok());
    let only_new = Endpoint::of(json!({"kind": "standardWebhooks"}), &[new]);
    assert_eq!(only_new.code(&signed(1_000, BODY), BODY, 1_000), "signature_wrong");
    let keys: Vec<_> = [old, new].iter().map(|secret| signature::key(secret).unwrap()).collect();
    let mut headers = signed(1_000, BODY);
    let signature = signature::sign(&keys, ID, 1_000, BODY);
    assert_eq!(signature.split(' ').count(), 2);
    let signature = format!("v1a,AAAA nonsense {signature}");
    headers.insert("webhook-signature", HeaderValue::try_from(signature).unwrap());
    assert!(only_new.verify(&headers, BODY, 1_000).is_ok(), "versions that nobody knows are passed over");
    let none = Endpoint::of(json!({"kind": "standardWebhooks"}), &[]);
    let refusal = none.verify(&headers, BODY, 1_000).unwrap_err();
    assert!(refusal.is_ours, "{refusal:?}");
}

#[test]
fn senders_that_are_older_than_the_standard_are_known_by_their_headers() {
    let headers: HeaderMap = signed(1_000, BODY)
        .into_iter()
        .map(|(name, value)| {
            let name = name.unwrap().as_str().replace("webhook-", "svix-");
            (HeaderName::try_from(name).unwrap(), value)
        })
        .collect();
    assert!(standard().verify(&headers, BODY, 1_000).is_ok());
}

/// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation>
#[test]
fn the_vector_of_github_verifies() {
    let github = Endpoint::of(json!({"kind": "github"}), &["It's a Secret to Everybody"]);
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let sent = headers(&[
        ("x-hub-signature-256", signature),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("x-github-event", "push"),
    ]);
    let arrival = github.verify(&sent, b"Hello, World!", 0).unwrap();
    assert_eq!(
        (arrival.event_id.as_deref(), arrival.event_type.as_deref()),
        (Some("72d3162e-cc78-11e3-81ab-4c9367dc0958"), Some("push"))
    );
    assert_eq!(github.code(&sent, b"Hello, World?", 0), "signature_wrong");
    let without_prefix = headers(&[("x-hub-signature-256", &signature[7..])]);
    assert_eq!(github.code(&without_prefix, b"Hello, World!", 0), "signature_wrong");
    // The same in the words of a config.
    let same = json!({"kind": "hmac", "header": "X-Hub-Signature-256", "prefix": "sha256="});
    assert!(Endpoint::of(same, &["It's a Secret to Everybody"]).verify(&sent, b"Hello, World!", 0).is_ok());
}

/// RFC 4231, section 4.3, and RFC 2202, section 3: key `Jefe`.
#[test]
fn every_algorithm_and_encoding_verifies() {
    let body = b"what do ya want for nothing?";
    for (algorithm, hex) in [
        ("sha1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        ("sha256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (
            "sha512",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd\
             caeab1a34d4a6b4b636e070a38bce737",
        ),
    ] {
        for encoding in ["hex", "base64"] {
            let bytes = signature_bytes(hex);
            let text = match encoding {
                "hex" => hex.to_uppercase(),
                _ => base64::Engine::encode(&base64::engine::general_purpose::STANDARD_NO_PAD, &bytes),
            };
            let config =
                json!({"kind": "hmac", "header": "X-Sig", "algorithm": algorithm, "encoding": encoding});
            // The schema wants longer secrets than the RFC has.
            let endpoint =
                Endpoint { receive: json!({"verification": config}), secrets: vec!["Jefe".to_owned()] };
            assert!(
                endpoint.verify(&headers(&[("x-sig", &text)]), body, 0).is_ok(),
                "{algorithm} {encoding}"
            );
            assert_eq!(endpoint.code(&headers(&[("x-sig", &text[1..])]), body, 0), "signature_wrong");
        }
    }
}

fn signature_bytes(hex: &str) -> Vec<u8> {
    super::signature::Encoding::Hex.decode(hex).unwrap()
}

#[test]
fn what_is_signed_is_as_the_config_says() {
    let config = json!({
        "kind": "hmac", "header": "X-Slack-Signature", "prefix": "v0=", "content": "v0:{timestamp}:{body}",
        "timestampHeader": "X-Slack-Request-Timestamp",
    });
    // <https://docs.slack.dev/authentication/verifying-requests-from-slack>
    let body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
        channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=\
        https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=\
        398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let slack = Endpoint::of(config, &["8f742231b10e8888abcd99yyyzzz85a5"]);
    let sent = headers(&[
        ("x-slack-signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
        ("x-slack-request-timestamp", "1531420618"),
    ]);
    assert!(slack.verify(&sent, body, 1_531_420_618).is_ok());
    assert_eq!(slack.code(&sent, body, 1_531_430_618), "timestamp_stale");
    let config = json!({"kind": "hmac", "header": "X-Sig", "content": "{id}{body}"});
    let mut by_id = Endpoint::of(config, &["a secret"]);
    by_id.receive["idHeader"] = json!("X-Id");
    assert_eq!(by_id.code(&headers(&[("x-sig", "00")]), body, 0), "signature_missing");
    assert_eq!(by_id.code(&headers(&[("x-sig", "00"), ("x-id", "1")]), body, 0), "signature_wrong");
}

/// <https://docs.stripe.com/webhooks#verify-manually>: the secret is a key as it stands.
#[test]
fn signatures_of_stripe_verify() {
    let secret = "whsec_test_secret";
    let stripe = Endpoint::of(json!({"kind": "stripe"}), &[secret]);
    let body = br#"{"id": "evt_1", "type": "charge.succeeded"}"#;
    let signature = mac(secret.as_bytes(), &[b"1000.", body]);
    let old = "5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd";
    let sent = headers(&[("stripe-signature", &format!("t=1000,v1={old},v1={signature},v0=00"))]);
    let arrival = stripe.verify(&sent, body, 1_100).unwrap();
    assert_eq!(arrival.event_type.as_deref(), Some("charge.succeeded"));
    assert_eq!(stripe.code(&sent, body, 2_000), "timestamp_stale");
    for bad in [format!("t=1001,v1={signature}"), format!("t=1000,v0={signature}")] {
        assert_eq!(stripe.code(&headers(&[("stripe-signature", &bad)]), body, 1_000), "signature_wrong");
    }
    assert_eq!(stripe.code(&headers(&[("stripe-signature", "v1=00")]), body, 1_000), "signature_missing");
}

fn mac(key: &[u8], parts: &[&[u8]]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_token_is_compared_whole() {
    let config = json!({"kind": "token", "header": "Authorization", "prefix": "Bearer "});
    let endpoint = Endpoint::of(config, &["a good token", "the next one"]);
    for good in ["Bearer a good token", "Bearer the next one"] {
        assert!(endpoint.verify(&headers(&[("authorization", good)]), b"", 0).is_ok(), "{good}");
    }
    for bad in
        ["a good token", "Bearer a good toke", "Bearer a good token2", "Bearer ", "bearer a good token"]
    {
        assert_eq!(endpoint.code(&headers(&[("authorization", bad)]), b"", 0), "signature_wrong", "{bad}");
    }
    assert_eq!(endpoint.code(&headers(&[]), b"", 0), "signature_missing");
}

#[test]
fn ids_and_types_are_where_the_config_says_and_such_as_can_be_kept() {
    let mut endpoint = Endpoint::of(json!({"kind": "token", "header": "X-Token"}), &["a good token"]);
    endpoint.receive["idPointer"] = json!("/event/id");
    endpoint.receive["typeHeader"] = json!("X-Topic");
    let sent = headers(&[("x-token", "a good token"), ("x-topic", "order.paid")]);
    let read = |body: &str| endpoint.verify(&sent, body.as_bytes(), 0).unwrap();
    let known = read(r#"{"event": {"id": 17}}"#);
    assert_eq!((known.event_id.as_deref(), known.event_type.as_deref()), (Some("17"), Some("order.paid")));
    for without in [r#"{"event": {"id": ""}}"#, r#"{"event": {"id": {}}}"#, "{}", "not JSON", ""] {
        assert_eq!(read(without).event_id, None, "{without}");
    }
    for odd in [
        format!(r#"{{"event": {{"id": "{}"}}}}"#, "x".repeat(201)),
        r#"{"event": {"id": "a\u0000"}}"#.to_owned(),
    ] {
        let id = read(&odd).event_id.unwrap();
        assert!(id.starts_with("sha256:") && id.len() == 71, "{id}");
    }
}

/// What strangers send, by chance and near to what is good: nothing of it verifies, and nothing of it breaks anything.
#[test]
fn nothing_that_is_made_up_verifies() {
    let kinds = [
        json!({"kind": "standardWebhooks"}),
        json!({"kind": "github"}),
        json!({"kind": "shopify"}),
        json!({"kind": "stripe"}),
        json!({"kind": "token", "header": "X-Sig", "prefix": "Bearer "}),
        json!({
            "kind": "hmac", "header": "X-Sig", "algorithm": "sha512", "encoding": "base64", "prefix": "v1=",
            "content": "{timestamp}:{body}", "timestampHeader": "X-Time",
        }),
    ];
    let names = [
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "svix-signature",
        "x-hub-signature-256",
        "x-shopify-hmac-sha256",
        "stripe-signature",
        "x-sig",
        "x-time",
    ];
    let parts = [
        "",
        " ",
        ",",
        "=",
        "v1",
        "v1,",
        "v1=",
        "t=",
        "t=1000",
        "1000",
        "-1",
        "9999999999999999999",
        "sha256=",
        "Bearer ",
        "AAAA",
        "=====",
        "00",
        "0",
        "zz",
        "whsec_",
        "v1,AAAA v1,BBBB",
        "v1,v1,v1",
        "t=1000,v1=00,v1=zz",
        "\u{fc}",
        "{body}",
        "%00",
    ];
    // xorshift64: the same numbers each time.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut pick = |count: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % count as u64).unwrap()
    };
    for kind in kinds {
        let endpoint = Endpoint::of(kind, &[SECRET]);
        let receiver = connector().receiver(&json!({"receive": endpoint.receive})).unwrap().unwrap();
        let credentials = json!({"secrets": endpoint.secrets}).to_string().into();
        for _ in 0..20_000 {
            let mut sent: Vec<(&str, String)> = Vec::new();
            for name in names {
                if pick(4) > 0 {
                    let count = 1 + pick(3);
                    sent.push((name, (0..count).map(|_| parts[pick(parts.len())]).collect()));
                }
            }
            let sent: Vec<(&str, &str)> = sent.iter().map(|(name, text)| (*name, text.as_str())).collect();
            let body = parts[pick(parts.len())].as_bytes();
            let verified = receiver.verify(&credentials, &headers(&sent), body, at(1_000));
            assert!(verified.is_err(), "{sent:?} {body:?}");
        }
    }
}

#[test]
fn credentials_are_secrets_and_what_else_requests_take() {
    let text = json!({"secrets": ["whsec_abcd"], "token": "t"}).to_string().into();
    let credentials = Credentials::parse(&text).unwrap();
    assert_eq!(credentials.secrets.len(), 1);
    assert_eq!(secrecy::ExposeSecret::expose_secret(&credentials.of_requests), r#"{"token":"t"}"#);
    assert!(Credentials::parse(&"[]".to_owned().into()).is_err());
}

/// What came, in memory.
#[derive(Debug)]
struct Kept(Vec<Arrived>);

#[async_trait]
impl Inbox for Kept {
    async fn last(&self) -> Result<i64, SystemError> {
        Ok(self.0.last().map_or(0, |event| event.sequence))
    }

    async fn after(
        &self,
        sequence: i64,
        until: i64,
        events_max: usize,
        _bytes_max: usize,
    ) -> Result<Vec<Arrived>, SystemError> {
        let wanted = self.0.iter().filter(|event| event.sequence > sequence && event.sequence <= until);
        Ok(wanted.take(events_max).cloned().collect())
    }
}

fn inbox(bodies: &[(&str, &str)]) -> OpenSource {
    let events = bodies.iter().zip(1..).map(|((event_type, body), sequence)| Arrived {
        sequence,
        event_id: (sequence % 2 == 1).then(|| format!("e{sequence}")),
        event_type: Some((*event_type).to_owned()),
        received_at: at(0) + TimeDelta::seconds(sequence),
        body: body.as_bytes().to_vec(),
    });
    let mut open = open_source(json!({}), &["id"], 3);
    open.access.inbox = Some(Arc::new(Kept(events.collect())));
    open
}

#[tokio::test]
async fn events_are_read_in_order_and_bad_ones_are_failures_of_their_own() {
    let mut open = inbox(&[
        ("order.paid", r#"{"data": {"id": 1}}"#),
        ("order.list", r#"{"data": [{"id": 2}, 3, {"id": 4}, {"id": 5}, {"id": 6}]}"#),
        ("order.paid", "{\"data\": "),
        ("user.made", r#"{"data": {"id": 7}}"#),
        ("order.paid", r#"{"other": {"id": 8}}"#),
        ("order.paid", r#"{"data": {"id": 12345678901234567890123}}"#),
        ("order.paid", r#"{"data": {"id": 9}}"#),
    ]);
    open.options = json!({"recordPointer": "/data", "eventTypes": ["order.*"], "eventField": "event"});
    let (items, watermark) = read_all(&connector(), open.clone()).await.unwrap();
    let ids: Vec<_> = records_of(&items).iter().map(|record| record["id"].clone()).collect();
    assert_eq!(ids, [1, 2, 4, 5, 6, 9]);
    assert_eq!(
        malformed_of(&items),
        [
            ("event number 2, item 2", "it is not an object"),
            ("event e3", "it is not JSON"),
            ("event e5", "it has nothing at `recordPointer`"),
            ("event number 6", "a whole number has more digits than 64 bits hold; send it as text"),
        ]
    );
    assert_eq!(
        records_of(&items)[0]["event"],
        json!({"id": "e1", "type": "order.paid", "receivedAt": "1970-01-01T00:00:01.000Z"})
    );
    assert_eq!(watermark, Some(json!({"sequence": 7})));
    resumes_everywhere(&connector(), open.clone()).await;
    // Where a run before has ended, at a number, and at a time.
    for (since, from, expected) in [
        (Some(json!({"sequence": 2})), None, vec![9]),
        (None, Some(json!(7)), vec![9]),
        (None, Some(json!("1970-01-01T00:00:02Z")), vec![2, 4, 5, 6, 9]),
        (Some(json!({"sequence": 7})), None, vec![]),
    ] {
        let (items, watermark) =
            read_all(&connector(), OpenSource { since, from, ..open.clone() }).await.unwrap();
        let ids: Vec<_> = records_of(&items).iter().map(|record| record["id"].as_i64().unwrap()).collect();
        assert_eq!(ids, expected);
        assert_eq!(watermark, Some(json!({"sequence": 7})));
    }
    let from = Some(json!("yesterday"));
    assert!(read_all(&connector(), OpenSource { from, ..open }).await.is_err());
}

#[tokio::test]
async fn a_large_event_is_many_pages_of_which_each_makes_its_own_records() {
    let elements: Vec<String> = (0..1_000).map(|id| format!("{{\"id\": {id}}}")).collect();
    let body = format!("[{}]", elements.join(","));
    let mut open = inbox(&[("a", &body), ("b", r#"{"id": 1000}"#)]);
    open.page_records_max = 300;
    let selection = super::selection::Selection::default();
    let event = Arrived {
        sequence: 1,
        event_id: None,
        event_type: None,
        received_at: at(0),
        body: body.clone().into_bytes(),
    };
    let mut page = Vec::new();
    assert!(!selection.items(&event, 600, 300, &mut page));
    assert_eq!(
        records_of(&page).iter().map(|record| record["id"].clone()).collect::<Vec<_>>(),
        (600..900).collect::<Vec<_>>()
    );
    page.clear();
    assert!(selection.items(&event, 900, 300, &mut page));
    assert_eq!(page.len(), 100);
    let (items, _) = read_all(&connector(), open.clone()).await.unwrap();
    let ids: Vec<_> = records_of(&items).iter().map(|record| record["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, (0..=1_000).collect::<Vec<i64>>());
    resumes_everywhere(&connector(), open.clone()).await;
    for from in [json!(0), json!(i64::MIN), json!(1.5)] {
        let open = OpenSource { from: Some(from.clone()), ..open.clone() };
        assert!(read_all(&connector(), open).await.is_err(), "{from}");
    }
}

#[test]
fn content_with_an_id_needs_a_header_that_has_it() {
    let receive = |more: Value| {
        let mut receive =
            json!({"verification": {"kind": "hmac", "header": "X-Signature", "content": "{id}.{body}"}});
        for (name, value) in more.as_object().unwrap() {
            receive[name] = value.clone();
        }
        connector().receiver(&json!({"receive": receive})).unwrap().unwrap()
    };
    let credentials = Credentials::parse(&json!({"secrets": ["a secret"]}).to_string().into()).unwrap();
    for (more, is_good) in
        [(json!({}), false), (json!({"idPointer": "/id"}), false), (json!({"idHeader": "X-Id"}), true)]
    {
        assert_eq!(receive(more.clone()).check(&credentials).is_ok(), is_good, "{more}");
    }
}

//! What HTTP lets a caller do before there is any GraphQL: methods, types, sizes, slowness, and text for the log.

use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Attack, CPU_MAX, Meanwhile, all_are_refused, program};
use crate::harness::client::http;
use crate::harness::trestle::Trestle;

const BAD: &str = "BAD_REQUEST";
/// Bodies that arrive slowly are given up after ten seconds; this is far more.
const SLOW_LIMIT: Duration = Duration::from_secs(40);
/// Callers who are slow at once.
const SLOW_CALLERS: usize = 100;

/// What a page of another site may send without being asked first (<https://fetch.spec.whatwg.org/#simple-header>).
fn simple_requests(mutation: &str) -> Vec<Attack> {
    let body = json!({"query": mutation}).to_string();
    let mut attacks: Vec<Attack> =
        ["text/plain", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded"]
            .into_iter()
            .map(|kind| {
                Attack::body(&format!("a mutation as {kind}"), body.clone(), 415, BAD)
                    .header("content-type", kind)
            })
            .collect();
    let form = format!("query={}", mutation.replace(' ', "+"));
    attacks.push(
        Attack::body("a form", form, 415, BAD).header("content-type", "application/x-www-form-urlencoded"),
    );
    let operations = json!({"query": mutation, "variables": {"file": null}});
    let upload = format!(
        "--x\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n{operations}\r\n--x\r\n\
         Content-Disposition: form-data; name=\"map\"\r\n\r\n{{\"0\": [\"variables.file\"]}}\r\n--x\r\n\
         Content-Disposition: form-data; name=\"0\"; filename=\"../../x\"\r\nContent-Type: text/plain\r\n\r\n{}\r\n--x--\r\n",
        "x".repeat(100_000)
    );
    attacks.push(
        Attack::body("an upload", upload, 415, BAD).header("content-type", "multipart/form-data; boundary=x"),
    );
    attacks.push(Attack::body("no type", body, 415, BAD).header("content-type", ""));
    let get = Attack::body("a mutation by GET", "", 405, BAD);
    let query: String = mutation.bytes().map(|byte| format!("%{byte:02X}")).collect();
    attacks.push(Attack {
        method: Method::GET,
        query: format!("?query={query}"),
        headers: Vec::new(),
        ..get
    });
    attacks
}

fn others(mutation: &str) -> Vec<Attack> {
    let body = json!({"query": mutation}).to_string();
    let method = |method: Method| Attack {
        method: method.clone(),
        ..Attack::body(&format!("by {method}"), body.clone(), 405, BAD)
    };
    let too_large = |name: &str, bytes: usize| {
        Attack::body(
            name,
            format!(r#"{{"query":"{{ __typename }}","variables":{{"x":"{}"}}}}"#, "x".repeat(bytes)),
            413,
            "LIMIT_EXCEEDED",
        )
    };
    vec![
        method(Method::PUT),
        method(Method::PATCH),
        method(Method::DELETE),
        too_large("a body a little too large", 256 * 1024),
        too_large("a body far too large", 2 * 1024 * 1024),
        Attack::body("a compressed body", vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0], 415, BAD)
            .header("content-encoding", "gzip"),
        Attack::body("another encoding", body.clone(), 415, BAD)
            .header("content-type", "application/json; charset=utf-16"),
        Attack::body("no UTF-8", vec![b'{', b'"', 0xff, 0xfe, b'"', b':', b'1', b'}'], 400, BAD),
        Attack::body("an answer of no type that there is", body, 406, BAD).header("accept", "image/png"),
    ]
}

#[tokio::test]
async fn what_a_page_of_another_site_can_send_is_refused_and_so_is_what_is_too_large() {
    let trestle = program().await;
    let admin = trestle.admin().await;
    let mutation = "mutation { createTenant(input: {slug: \"forged\", name: \"forged\"}) { tenant { id } } }";
    let attacks: Vec<Attack> = simple_requests(mutation).into_iter().chain(others(mutation)).collect();
    all_are_refused(&trestle, &admin, &attacks).await;
    let data = admin.query("{ tenant(slug: \"forged\") { id } }", Value::Null).await;
    assert_eq!(data["tenant"], Value::Null, "nothing was done");
}

/// Sends bytes and reads until the server closes.
async fn raw(trestle: &Trestle, request: &[u8]) -> String {
    let address = trestle.url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may answer, and close, before it has read everything.
    stream.write_all(request).await.unwrap_or_default();
    let mut received = Vec::new();
    let reading = stream.read_to_end(&mut received);
    // A connection that is reset has its answer before that.
    tokio::time::timeout(SLOW_LIMIT, reading).await.expect("the server ends it").unwrap_or_default();
    String::from_utf8_lossy(&received).into_owned()
}

#[tokio::test]
async fn heads_that_are_too_large_or_ambiguous_are_refused() {
    let trestle = program().await;
    let meanwhile = Meanwhile::start(&trestle);
    let before = trestle.cpu_time();
    let post = "POST /graphql HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n";
    let body = "{\"query\":\"{ __typename }\"}";
    let many: String = (0..500).map(|index| format!("x-{index}: 1\r\n")).collect();
    let attacks = [
        (
            431,
            format!("{post}X-Large: {}\r\nContent-Length: {}\r\n\r\n{body}", "x".repeat(200_000), body.len()),
        ),
        (431, format!("{post}{many}Content-Length: {}\r\n\r\n{body}", body.len())),
        (
            414,
            format!(
                "GET /graphql?query={} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                "x".repeat(100_000)
            ),
        ),
        (
            400,
            format!(
                "{post}Content-Length: {0}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{body}",
                body.len()
            ),
        ),
        (400, format!("{post}Content-Length: 5\r\nContent-Length: {}\r\n\r\n{body}", body.len())),
        (
            400,
            format!(
                "POST /graphql HTTP/1.1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
        ),
        (400, format!("{post}Host: b\r\nContent-Length: {}\r\n\r\n{body}", body.len())),
        (400, format!("{post}X-Forged: a\r\n b: c\r\nContent-Length: {}\r\n\r\n{body}", body.len())),
        (413, format!("{post}Content-Length: 99999999999\r\n\r\n{body}")),
        (413, format!("{post}Expect: 100-continue\r\nContent-Length: 999999\r\n\r\n")),
    ];
    const ROUNDS: usize = 10;
    for _ in 0..ROUNDS {
        for (status, request) in &attacks {
            let answer = raw(&trestle, request.as_bytes()).await;
            let head: String = request.chars().take(200).collect();
            // Nothing is answered in place of the status where the server could only hang up.
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {head}\n{answer}");
            assert!(!answer.contains("\"data\""), "{answer}");
        }
    }
    let each = (trestle.cpu_time() - before) / (ROUNDS * attacks.len()) as u32;
    assert!(each < CPU_MAX, "{each:?}");
    assert!(meanwhile.stop().await > 0);
}

#[tokio::test]
async fn bodies_that_never_come_are_given_up_and_nobody_else_waits() {
    let trestle = program().await;
    let meanwhile = Meanwhile::start(&trestle);
    let before = trestle.cpu_time();
    let started = Instant::now();
    let slow = (0..SLOW_CALLERS).map(|_| {
        raw(
            &trestle,
            b"POST /graphql HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n\
              Content-Length: 1000\r\n\r\n{\"query\":",
        )
    });
    for answer in join_all(slow).await {
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("did not arrive in time"), "{answer}");
    }
    assert!(started.elapsed() < SLOW_LIMIT);
    let each = (trestle.cpu_time() - before) / SLOW_CALLERS as u32;
    assert!(each < CPU_MAX, "{each:?}");
    assert!(meanwhile.stop().await > 10, "the others were served for ten seconds");
}

#[tokio::test]
async fn nobody_writes_the_log_but_the_program() {
    let trestle = program().await;
    let forged = "forged-line\n2026-11-25T00:00:00Z ERROR forged: \u{1b}[31mall is lost\r\n";
    let admin = trestle.admin().await;
    let documents = [
        json!({"query": "query A { __typename }", "operationName": forged}),
        json!({"query": forged}),
        json!({"query": format!("{{ run(id: {}) {{ id }} }}", json!(forged))}),
        json!({"query": "query($id: ID!) { run(id: $id) { id } node(id: $id) { id } }", "variables": {"id": forged}}),
        json!({"documentId": forged}),
        json!({"query": "mutation($input: SignInInput!) { signIn(input: $input) { accessToken } }",
            "variables": {"input": {"email": forged, "password": forged}}}),
        json!({"query": "mutation($input: CreateTenantInput!) { createTenant(input: $input) { userErrors { code } } }",
            "variables": {"input": {"slug": forged, "name": forged}}}),
    ];
    for body in documents {
        for token in [admin.token(), None] {
            let mut request = http().post(format!("{}/graphql", trestle.url())).json(&body);
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let request =
                request.header("user-agent", "\t forged-agent \u{e9}").header("x-request-id", "forged id");
            let response = request.header("x-forwarded-for", "forged-for").send().await.unwrap();
            assert!(response.status().as_u16() < 500, "{body}");
        }
    }
    for token in ["forged.line", "%0aforged-line", "forged-line\u{e9}"] {
        let request = http()
            .post(format!("{}/graphql", trestle.url()))
            .header("authorization", format!("Bearer {token}"));
        assert_eq!(request.json(&json!({"query": "{ __typename }"})).send().await.unwrap().status(), 401);
    }
    let log = trestle.log();
    assert!(log.contains("graphql"), "the requests are in it");
    for line in log.lines() {
        assert!(
            !line.starts_with("forged-line") && !line.starts_with("2026-11-25T00:00:00Z ERROR forged"),
            "{line}"
        );
        // Colours of the program itself are off where its log is a file.
        assert!(!line.contains("\u{1b}[31m"), "{line:?}");
    }
}

//! Whatever comes in, the answer says what is wrong and where, with the right status, and nothing is half done: no
//! INTERNAL, no 500, no panic. Deliberately absent: what a caller may not do although it is well-formed (`access`).

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::harness::client::{Client, UserError, http};
use crate::harness::fixture::{Fixture, Tenant, stream};
use crate::harness::trestle::{ADMIN_EMAIL, ADMIN_PASSWORD, Trestle};
use crate::scene::text;

/// Far more than an answer to a refusal takes, on a machine that does other things too.
const REFUSAL_LIMIT: Duration = Duration::from_secs(20);

static SHARED: OnceCell<Trestle> = OnceCell::const_new();

/// A tenant of the program that the tests of this file share.
struct Place {
    trestle: &'static Trestle,
    fixture: Fixture,
    tenant: Tenant,
}

impl Place {
    async fn new() -> Self {
        let trestle = SHARED.get_or_init(Trestle::embedded).await;
        let fixture = Fixture::of(trestle).await;
        let tenant = fixture.tenant(&format!("t-{}", Uuid::now_v7().simple())).await;
        Self { trestle, fixture, tenant }
    }

    fn admin(&self) -> &Client {
        self.fixture.admin()
    }

    /// Everything that the tenant has.
    async fn holdings(&self) -> Value {
        let query = "query($id: ID!) { tenant(id: $id) { name externalId status
            systems(first: 100) { edges { node { id name config status } } }
            integrations(first: 100) { edges { node { id name status streams { name source } schedule { cron } } } }
            runs(first: 100) { edges { node { id status } } } } }";
        self.admin().query(query, json!({"id": self.tenant.id})).await
    }

    async fn sandbox(&self) -> String {
        self.fixture.system(&self.tenant, "sandbox", json!({}), Value::Null).await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let log = self.trestle.log();
        let bad = log.lines().filter(|line| line.contains("panicked") || line.contains(" ERROR "));
        let bad: Vec<_> = bad.collect();
        assert!(std::thread::panicking() || bad.is_empty(), "the program complains:\n{}", bad.join("\n"));
    }
}

/// `code field` of each error, in order.
fn places(errors: &[UserError]) -> Vec<String> {
    errors.iter().map(|error| format!("{} {}", error.code, error.field)).collect()
}

/// A body as it is, to `/graphql`.
async fn post(place: &Place, content_type: &str, body: impl Into<reqwest::Body>) -> (StatusCode, Value) {
    let request = http().post(format!("{}/graphql", place.trestle.url())).header(CONTENT_TYPE, content_type);
    let response = request.body(body).send().await.unwrap();
    let status = response.status();
    (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
}

fn code(body: &Value) -> &str {
    body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}

fn message(body: &Value) -> &str {
    body["errors"][0]["message"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn tokens_that_are_not_good_are_refused_whatever_is_wrong_with_them() {
    let place = Place::new().await;
    let good = place.admin().token().unwrap().to_owned();
    let mut parts: Vec<String> = good.split('.').map(str::to_owned).collect();
    parts[1] = parts[1].chars().rev().collect();
    let none = format!("eyJhbGciOiJub25lIn0.{}.", good.split('.').nth(1).unwrap());
    let mut tampered = good.clone();
    tampered.replace_range(
        good.len() - 10..good.len() - 9,
        if good.as_bytes()[good.len() - 10] == b'A' { "B" } else { "A" },
    );
    let key = format!("trk_{}", "x".repeat(46));
    let long = "x".repeat(8_000);
    for token in ["wrong", "a.b.c", &parts.join("."), &none, &tampered, &key, &long, "null", "undefined"] {
        let response =
            place.trestle.client().with_token(token).try_query("{ viewer { role } }", Value::Null).await;
        assert_eq!(response.status, StatusCode::UNAUTHORIZED, "{token}");
        assert_eq!(response.codes(), ["UNAUTHENTICATED"], "{token}");
        assert!(response.body.get("data").is_none(), "{:#}", response.body);
    }
    for header in ["Basic YTpi", "Bearer", "Bearer a b", &good] {
        let response = http()
            .post(format!("{}/graphql", place.trestle.url()))
            .header(AUTHORIZATION, header)
            .json(&json!({"query": "{ __typename }"}))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{header}");
        assert!(response.headers()[WWW_AUTHENTICATE].to_str().unwrap().starts_with("Bearer"), "{header}");
    }
    let again = place.trestle.client().with_token(&good).query("{ viewer { role } }", Value::Null).await;
    assert_eq!(again["viewer"]["role"], "PLATFORM_ADMIN", "the good one stays good");
}

/// The claims and the header of a good token.
fn taken_apart(token: &str) -> (Header, Value) {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = |index: usize| URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap();
    (serde_json::from_slice(&part(0)).unwrap(), serde_json::from_slice(&part(1)).unwrap())
}

#[tokio::test]
async fn a_token_ends_and_says_so_and_each_of_its_claims_counts() {
    let place = Place::new().await;
    let (header, claims) = taken_apart(place.admin().token().unwrap());
    assert_eq!(header.alg, Algorithm::EdDSA);
    let key = std::fs::read(place.trestle.data_dir().join("jwt.pem")).unwrap();
    let key = EncodingKey::from_ed_pem(&key).unwrap();
    let sign = |changes: Value| {
        let mut claims = claims.clone();
        changes.as_object().unwrap().iter().for_each(|(name, value)| claims[name] = value.clone());
        jsonwebtoken::encode(&header, &claims, &key).unwrap()
    };
    let try_token = async |token: String| {
        place.trestle.client().with_token(&token).try_query("{ viewer { role } }", Value::Null).await
    };
    assert_eq!(try_token(sign(json!({}))).await.status, StatusCode::OK, "signed as the program does");
    let expired = try_token(sign(json!({"exp": 1_700_000_000}))).await;
    assert_eq!(expired.status, StatusCode::UNAUTHORIZED);
    assert_eq!(message(&expired.body), "The access token has expired.");
    for changes in [
        json!({"iss": "somebody"}),
        json!({"aud": "something"}),
        json!({"nbf": 4_000_000_000_i64}),
        json!({"sid": Uuid::now_v7().simple().to_string()}),
        json!({"sid": "x"}),
        json!({"exp": "never"}),
    ] {
        let refused = try_token(sign(changes.clone())).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{changes}");
        assert_eq!(refused.codes(), ["UNAUTHENTICATED"], "{changes}");
    }
    let mut portal = header.clone();
    portal.typ = Some("portal+jwt".to_owned());
    let passed_off = jsonwebtoken::encode(&portal, &claims, &key).unwrap();
    assert_eq!(
        try_token(passed_off).await.status,
        StatusCode::UNAUTHORIZED,
        "a user's session is no portal session"
    );
}

#[tokio::test]
async fn signing_in_tells_nobody_who_is_known() {
    let place = Place::new().await;
    let anonymous = place.trestle.client();
    let wrong = |email: &str, password: &str| json!({"email": email, "password": password});
    let long = "x".repeat(100_000);
    let mut answers = Vec::new();
    for input in [
        wrong(ADMIN_EMAIL, "not it"),
        wrong("nobody@example.com", ADMIN_PASSWORD),
        wrong("", ""),
        wrong("no address", "\0"),
        wrong(ADMIN_EMAIL, &long),
        wrong("' OR 1=1 --", "' OR 1=1 --"),
    ] {
        let errors = anonymous.refused("signIn", input).await;
        assert_eq!(places(&errors), ["UNAUTHENTICATED "]);
        answers.push(errors);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "one answer for all: {answers:#?}");
    for token in ["", "x", "trr_", &format!("trr_{}{}", "0".repeat(32), "A".repeat(43))] {
        let errors = anonymous.refused("refreshSession", json!({"refreshToken": token})).await;
        assert_eq!(places(&errors), ["UNAUTHENTICATED "], "{token}");
    }
    assert!(!place.trestle.log().contains(&long), "nobody's password is logged");
}

#[tokio::test]
async fn unknown_ids_are_null_in_queries_and_not_found_in_mutations() {
    let place = Place::new().await;
    let unknown = |kind: &str| format!("{kind}_{}", Uuid::now_v7().simple());
    for field in ["tenant", "user", "system", "integration", "run", "failure", "retry", "node"] {
        for id in [
            unknown(field),
            unknown("run"),
            "x".to_owned(),
            String::new(),
            "\0".to_owned(),
            "%".repeat(3_000),
        ] {
            let query = format!("query($id: ID!) {{ {field}(id: $id) {{ __typename }} }}");
            let data = place.admin().query(&query, json!({"id": id})).await;
            assert_eq!(data[field], Value::Null, "{field} {id}");
        }
    }
    for (name, field, more) in [
        ("updateTenant", "tenantId", json!({"name": "x"})),
        ("suspendTenant", "tenantId", json!({"reason": "x"})),
        ("resumeTenant", "tenantId", json!({})),
        ("setUserRole", "userId", json!({"role": "SUPPORT"})),
        ("disableUser", "userId", json!({})),
        ("enableUser", "userId", json!({})),
        ("revokeApiKey", "apiKeyId", json!({})),
        ("updateSystem", "systemId", json!({"name": "x"})),
        ("testSystem", "systemId", json!({})),
        ("deleteSystem", "systemId", json!({})),
        ("updateIntegration", "integrationId", json!({"name": "x"})),
        ("pauseIntegration", "integrationId", json!({})),
        ("resumeIntegration", "integrationId", json!({})),
        ("archiveIntegration", "integrationId", json!({})),
        ("startRun", "integrationId", json!({})),
        ("cancelRun", "runId", json!({})),
        ("retryRun", "runId", json!({"scope": "ALL_RECORDS"})),
        ("cancelRetry", "retryId", json!({})),
    ] {
        // The right kind of id, another kind, and no id at all.
        for id in
            [unknown(field.trim_end_matches("Id")), place.tenant.id.replace("tenant", "run"), "\0".to_owned()]
        {
            let mut input = more.clone();
            input[field] = json!(id);
            assert_eq!(
                places(&place.admin().refused(name, input).await),
                [format!("NOT_FOUND {field}")],
                "{name} {id}"
            );
        }
    }
    let ids = json!({"failureIds": [unknown("failure"), "x"], "reason": "x"});
    assert_eq!(
        places(&place.admin().refused("skipFailures", ids.clone()).await),
        ["NOT_FOUND failureIds.0", "NOT_FOUND failureIds.1"]
    );
    let input = json!({"failureIds": ids["failureIds"]});
    assert_eq!(place.admin().refused("retryFailures", input).await.len(), 2);
    let none = json!({"failureIds": []});
    assert_eq!(places(&place.admin().refused("retryFailures", none).await), ["REQUIRED failureIds"]);
    assert_eq!(places(&place.admin().refused("retryFailures", json!({})).await), ["REQUIRED failureIds"]);
    let both = json!({"failureIds": ["x"], "filter": {}});
    assert_eq!(places(&place.admin().refused("retryFailures", both).await), ["INVALID filter"]);
    let many: Vec<_> = (0..1_001).map(|_| unknown("failure")).collect();
    let many = json!({"failureIds": many});
    assert_eq!(places(&place.admin().refused("retryFailures", many).await), ["LIMIT_REACHED failureIds"]);
}

#[tokio::test]
async fn things_of_two_tenants_are_not_put_together() {
    let (place, other) = (Place::new().await, Place::new().await);
    let (own, foreign) = (place.sandbox().await, other.sandbox().await);
    let before = place.holdings().await;
    let input = json!({
        "tenantId": place.tenant.id, "name": "mixed", "sourceId": own, "destinationId": foreign,
        "streams": [stream(json!({}), json!({}))],
    });
    // Staff sees both systems, and still an integration has one tenant.
    assert_eq!(places(&place.admin().refused("createIntegration", input).await), ["NOT_FOUND destinationId"]);
    let integration = place.fixture.sandbox(&place.tenant, json!({}), json!({})).await;
    let moved = json!({"integrationId": integration, "sourceId": foreign});
    assert_eq!(places(&place.admin().refused("updateIntegration", moved).await), ["NOT_FOUND sourceId"]);
    let after = place.holdings().await;
    assert_eq!(after["tenant"]["integrations"]["edges"].as_array().unwrap().len(), 1);
    assert_eq!(before["tenant"]["runs"], after["tenant"]["runs"]);
}

#[tokio::test]
async fn pages_out_of_bounds_and_cursors_of_other_lists_are_refused_by_name() {
    let place = Place::new().await;
    place.sandbox().await;
    let query = "query($id: ID!) { tenant(id: $id) { systems { pageInfo { endCursor } } }
        byName: systems(orderBy: {field: NAME}) { pageInfo { endCursor } } }";
    let data = place.admin().query(query, json!({"id": place.tenant.id})).await;
    let of_systems = text(&data["tenant"]["systems"]["pageInfo"]["endCursor"]);
    let by_name = text(&data["byName"]["pageInfo"]["endCursor"]);
    assert!(!of_systems.is_empty() && !by_name.is_empty(), "{data:#}");
    let refused = async |arguments: &str, argument: &str, words: &str| {
        for field in [format!("runs({arguments})"), format!("failures({arguments})")] {
            let response = place
                .admin()
                .try_query(&format!("{{ {field} {{ edges {{ cursor }} }} }}"), Value::Null)
                .await;
            assert_eq!(response.codes(), ["BAD_USER_INPUT"], "{field}: {:#}", response.body);
            assert_eq!(response.errors()[0]["extensions"]["argument"], argument, "{field}");
            assert!(message(&response.body).contains(words), "{field}: {}", message(&response.body));
            assert_eq!(response.errors()[0]["path"].as_array().unwrap().len(), 1, "{field}");
        }
    };
    for number in ["0", "-1", "101", "1000000", "2147483647", "-2147483648"] {
        refused(&format!("first: {number}"), "first", "from 1 to 100").await;
        refused(&format!("last: {number}"), "last", "from 1 to 100").await;
    }
    refused("first: 1, last: 1", "last", "can't be combined").await;
    for cursor in ["x", "AAAA", &of_systems, &"A".repeat(2_000)] {
        refused(&format!("after: \"{cursor}\""), "after", "not a cursor of this list").await;
        refused(&format!("last: 5, before: \"{cursor}\""), "before", "not a cursor of this list").await;
    }
    let query = format!("{{ systems(after: \"{by_name}\") {{ edges {{ cursor }} }} }}");
    let response = place.admin().try_query(&query, Value::Null).await;
    assert_eq!(response.codes(), ["BAD_USER_INPUT"], "a cursor of the same list in another order");
    // Nested lists are refused one by one; the rest of the answer stands.
    let query = "query($id: ID!) { tenant(id: $id) { id } bad: tenant(id: $id) { runs(first: 0) { edges { cursor } } } }";
    let response = place.admin().try_query(query, json!({"id": place.tenant.id})).await;
    assert_eq!(response.body["data"], json!({"tenant": {"id": place.tenant.id}, "bad": null}));
    // A number that no Int can be is refused before anything runs.
    let response =
        place.admin().try_query("{ runs(first: 99999999999) { edges { cursor } } }", Value::Null).await;
    assert!(!response.errors().is_empty() && response.codes() != ["INTERNAL"], "{:#}", response.body);
}

/// Documents that would cost more than they may, each with the limit that says so.
fn bombs() -> Vec<(&'static str, String)> {
    let doubling: String = (0..25)
        .map(|level| format!("fragment f{level} on Query {{ ...f{} ...f{} }}\n", level + 1, level + 1))
        .collect();
    let deep = (0..20)
        .fold("id".to_owned(), |inner, _| format!("tenant {{ runs {{ edges {{ node {{ {inner} }} }} }} }}"));
    let wide: String = (0..2_000).map(|_| " __typename").collect();
    vec![
        ("selections", format!("{{ ...f0 }} {doubling} fragment f25 on Query {{ __typename }}")),
        ("selections", format!("{{ {wide} }}")),
        ("aliases", format!("{{ {} }}", (0..200).map(|n| format!("a{n}: __typename ")).collect::<String>())),
        ("documentNesting", format!("{{ runs {{ edges {{ node {{ {deep} }} }} }} }}")),
        ("documentNesting", format!("{{ a(x: {}1{}) }}", "[".repeat(5_000), "]".repeat(5_000))),
        ("documentTokens", "{ ".to_owned() + &"a ".repeat(20_000) + "}"),
        ("documentBytes", format!("{{ a }} # {}", "x".repeat(100_000))),
        ("directives", format!("{{ __typename {} }}", "@skip(if: false) ".repeat(60))),
        (
            "cost",
            "{ tenants(first: 100) { edges { node { runs(first: 100) { edges { node { failures(first: 100) { edges {
                node { id } } } } } } } } } }"
                .to_owned(),
        ),
        ("operations", (0..60).map(|n| format!("query q{n} {{ __typename }} ")).collect()),
    ]
}

#[tokio::test]
async fn queries_that_explode_are_refused_before_they_do() {
    let place = Place::new().await;
    for (limit, document) in bombs() {
        let answer = place.admin().try_query(&document, Value::Null);
        // Others are served meanwhile.
        let other = place.trestle.client();
        let meanwhile = async { other.get("/healthz").await.0 };
        let (answer, alive) =
            tokio::time::timeout(REFUSAL_LIMIT, async { tokio::join!(answer, meanwhile) }).await.unwrap();
        assert_eq!(alive, StatusCode::OK);
        assert_eq!(answer.codes(), ["LIMIT_EXCEEDED"], "{limit}: {:#}", answer.body);
        assert_eq!(answer.errors()[0]["extensions"]["limit"], limit, "{:#}", answer.body);
        assert!(answer.errors()[0]["extensions"]["maximum"].is_u64(), "{:#}", answer.body);
        assert!(answer.body.get("data").is_none(), "{limit}");
    }
    let cycle = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }";
    let answer = place.admin().try_query(cycle, Value::Null).await;
    assert_eq!(answer.codes().len(), 1, "{:#}", answer.body);
    assert!(message(&answer.body).contains("contains itself"), "{:#}", answer.body);
}

#[tokio::test]
async fn bodies_that_are_no_requests_are_refused_by_what_they_are() {
    let place = Place::new().await;
    let json_type = "application/json";
    let good = r#"{"query": "{ __typename }"}"#;
    for (content_type, body, status, words) in [
        (json_type, "", 400, "no body"),
        (json_type, "{", 400, "not complete JSON"),
        (json_type, "{ viewer { role } }", 400, "not valid JSON"),
        (json_type, "[{\"query\": \"{ __typename }\"}]", 400, "Batches are not supported"),
        (json_type, "\"{ __typename }\"", 400, "must be a JSON object"),
        (json_type, "{}", 400, "\"query\" is missing"),
        (json_type, r#"{"query": ["{ a }"]}"#, 400, "\"query\" must be a string"),
        (json_type, r#"{"query": "{ a }", "variables": []}"#, 400, "\"variables\" must be an object"),
        (json_type, r#"{"query": "{ __typename }", "operationName": "x"}"#, 400, "no operation named \"x\""),
        (json_type, "{\"query\": \"subscription { runChanged { id } }\"}", 400, "WebSocket"),
        ("application/x-www-form-urlencoded", "query=%7B__typename%7D", 415, "application/json"),
        ("multipart/form-data; boundary=x", "--x--", 415, "application/json"),
        ("text/plain", good, 415, "application/json"),
        ("application/json; charset=utf-16", good, 415, "application/json"),
        ("application/graphql", "{ __typename }", 415, "application/json"),
    ] {
        let (found, answer) = post(&place, content_type, body).await;
        assert_eq!(found.as_u16(), status, "{content_type} {body}: {answer:#}");
        assert!(message(&answer).contains(words), "{content_type} {body}: {answer:#}");
        assert_eq!(code(&answer), "BAD_REQUEST", "{answer:#}");
        assert!(answer.get("data").is_none());
    }
    let huge = format!(r#"{{"query": "{{ __typename }} #{}"}}"#, "x".repeat(10 * 1024 * 1024));
    let (status, answer) = post(&place, json_type, huge).await;
    assert_eq!((status.as_u16(), code(&answer)), (413, "LIMIT_EXCEEDED"), "{answer:#}");
    let endless = futures::stream::iter((0..200).map(|_| Ok::<_, std::io::Error>(vec![b' '; 10_000])));
    let (status, answer) = post(&place, json_type, reqwest::Body::wrap_stream(endless)).await;
    assert_eq!((status.as_u16(), code(&answer)), (413, "LIMIT_EXCEEDED"), "without a length: {answer:#}");
    assert_eq!(post(&place, "application/json; charset=UTF-8", good).await.0, StatusCode::OK);
}

#[tokio::test]
async fn get_asks_and_changes_nothing_and_other_methods_are_refused() {
    let place = Place::new().await;
    let url = format!("{}/graphql", place.trestle.url());
    let get = async |query: &str| {
        let request = http().get(&url).query(&[("query", query)]).bearer_auth(place.admin().token().unwrap());
        let response = request.header("accept", "application/json").send().await.unwrap();
        let (status, allow) = (response.status(), response.headers().get(ALLOW).cloned());
        (status, allow, response.json::<Value>().await.unwrap())
    };
    assert_eq!(get("{ viewer { role } }").await.2["data"]["viewer"]["role"], "PLATFORM_ADMIN");
    let slug = format!("got-{}", Uuid::now_v7().simple());
    let mutation = format!(
        "mutation {{ createTenant(input: {{slug: \"{slug}\", name: \"x\"}}) {{ tenant {{ id }} }} }}"
    );
    let (status, allow, body) = get(&mutation).await;
    assert_eq!((status, code(&body)), (StatusCode::METHOD_NOT_ALLOWED, "BAD_REQUEST"));
    assert_eq!(allow.unwrap(), "POST");
    let data = place
        .admin()
        .query("query($slug: String) { tenant(slug: $slug) { id } }", json!({"slug": slug}))
        .await;
    assert_eq!(data["tenant"], Value::Null, "nothing was made");
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let response =
            http().request(method.clone(), &url).json(&json!({"query": "{ __typename }"})).send().await;
        let response = response.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(response.headers()[ALLOW], "GET, POST, OPTIONS", "{method}");
    }
}

#[tokio::test]
async fn documents_and_variables_that_do_not_fit_the_schema_say_where() {
    let place = Place::new().await;
    let start = "mutation($input: StartRunInput!) { startRun(input: $input) { run { id } } }";
    for (query, variables, wanted, words) in [
        ("{ viewer { role ", json!({}), "GRAPHQL_PARSE_FAILED", "line 1"),
        ("{ viewer { colour } }", json!({}), "GRAPHQL_VALIDATION_FAILED", "colour"),
        ("{ nothing }", json!({}), "GRAPHQL_VALIDATION_FAILED", "nothing"),
        (
            "{ run(id: \"x\") { id } run: run(id: \"y\") { id } }",
            json!({}),
            "GRAPHQL_VALIDATION_FAILED",
            "conflict",
        ),
        (
            "{ runs(filter: {status: [BROKEN]}) { edges { cursor } } }",
            json!({}),
            "GRAPHQL_VALIDATION_FAILED",
            "status",
        ),
        (
            "{ runs(filter: {colour: 1}) { edges { cursor } } }",
            json!({}),
            "GRAPHQL_VALIDATION_FAILED",
            "colour",
        ),
        ("{ viewer { role @unknown } }", json!({}), "GRAPHQL_VALIDATION_FAILED", "unknown"),
        (start, json!({}), "BAD_USER_INPUT", "$input"),
        (start, json!({"input": null}), "BAD_USER_INPUT", "$input"),
        (start, json!({"input": {}}), "", "integrationId"),
        (start, json!({"input": {"integrationId": {"a": 1}}}), "", "integrationId"),
        (start, json!({"input": {"integrationId": "x", "colour": 1}}), "", "colour"),
        (start, json!({"input": "x"}), "", "input"),
    ] {
        let response = place.admin().try_query(query, variables.clone()).await;
        assert_eq!(response.status, StatusCode::OK, "application/json answers well-formed requests with 200");
        let codes = response.codes();
        assert!(
            codes.iter().any(|code| code == wanted)
                || (wanted.is_empty()
                    && codes.iter().all(|code| {
                        ["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&code.as_str())
                    })),
            "{query} {variables}: {:#}",
            response.body
        );
        assert!(!codes.is_empty(), "{query} {variables}");
        assert!(message(&response.body).contains(words), "{query} {variables}: {:#}", response.body);
        assert!(response.body.get("data").is_none_or(Value::is_null), "{:#}", response.body);
    }
    for (variables, words) in [
        (json!({"at": "yesterday"}), "DateTime"),
        (json!({"at": 5}), "DateTime"),
        (json!({"at": "2026-13-45T99:00:00Z"}), "DateTime"),
    ] {
        let query = "query($at: DateTime) { runs(filter: {queuedAt: {gte: $at}}) { edges { cursor } } }";
        let response = place.admin().try_query(query, variables.clone()).await;
        assert!(!response.errors().is_empty(), "{variables}: {:#}", response.body);
        assert!(!response.codes().contains(&"INTERNAL".to_owned()), "{variables}: {:#}", response.body);
        assert!(response.body.to_string().contains(words), "{variables}: {:#}", response.body);
    }
}

#[tokio::test]
async fn texts_are_refused_where_nobody_could_read_or_store_them() {
    let place = Place::new().await;
    let before = place.holdings().await;
    let (long, nul) = ("x".repeat(201), "a\0b".to_owned());
    for (name, code) in [
        ("", "REQUIRED"),
        ("   ", "REQUIRED"),
        (long.as_str(), "TOO_LONG"),
        (nul.as_str(), "INVALID"),
        ("a\nb", "INVALID"),
    ] {
        let tenant = json!({"slug": format!("n-{}", Uuid::now_v7().simple()), "name": name});
        assert_eq!(
            places(&place.admin().refused("createTenant", tenant).await),
            [format!("{code} name")],
            "{name:?}"
        );
        let rename = json!({"tenantId": place.tenant.id, "name": name});
        assert_eq!(
            places(&place.admin().refused("updateTenant", rename).await),
            [format!("{code} name")],
            "{name:?}"
        );
        let system = json!({"tenantId": place.tenant.id, "name": name, "connector": "sandbox"});
        assert_eq!(
            places(&place.admin().refused("createSystem", system).await),
            [format!("{code} name")],
            "{name:?}"
        );
    }
    for slug in ["", "a", "A-B", "../x", "a/b", "a b", "-a", &"a".repeat(64), "a\0b", "ä-b"] {
        let errors = place.admin().refused("createTenant", json!({"slug": slug, "name": "x"})).await;
        assert_eq!(errors[0].field, "slug", "{slug:?}: {errors:?}");
    }
    let taken = json!({"slug": place.tenant.slug, "name": "x"});
    assert_eq!(places(&place.admin().refused("createTenant", taken).await), ["CONFLICT slug"]);

    // All that is wrong with a person, at once.
    let person =
        json!({"email": "no address", "name": "", "role": "PARTNER", "tenantId": "x", "password": "short"});
    let errors = place.admin().refused("createUser", person).await;
    let mut fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["email", "name", "password", "role", "tenantId"], "{errors:#?}");
    let key = json!({"name": "x", "scopes": ["runs:read", "everything", "tenants:manage"], "tenantIds": ["x"],
        "expiresAt": "2020-01-01T00:00:00Z"});
    let errors = places(&place.admin().refused("createApiKey", key).await);
    assert_eq!(
        errors,
        ["INVALID scopes.1", "INVALID scopes.2", "NOT_FOUND tenantIds.0", "INVALID expiresAt"]
    );
    let session =
        json!({"tenantId": place.tenant.id, "endUser": "", "scopes": ["users:manage"], "ttlSeconds": 5});
    let errors = places(&place.admin().refused("createPortalSession", session).await);
    assert_eq!(errors, ["REQUIRED endUser", "INVALID scopes.0", "INVALID ttlSeconds"]);

    let integration = place.fixture.sandbox(&place.tenant, json!({}), json!({})).await;
    for key in [String::new(), "k".repeat(256), "a\0b".to_owned()] {
        let input = json!({"integrationId": integration, "idempotencyKey": key});
        assert_eq!(
            places(&place.admin().refused("startRun", input).await),
            ["INVALID idempotencyKey"],
            "{key:?}"
        );
    }
    let after = place.holdings().await;
    assert_eq!(before["tenant"]["runs"], after["tenant"]["runs"], "no run was started");
    assert_eq!(before["tenant"]["name"], after["tenant"]["name"]);
    assert_eq!(
        after["tenant"]["systems"]["edges"].as_array().unwrap().len(),
        1,
        "only the one of the integration"
    );
    // Filters are texts too.
    for filter in ["a\0b".to_owned(), "x".repeat(201)] {
        let query = "query($filter: TenantFilter) { tenants(filter: $filter) { edges { cursor } } }";
        let response = place.admin().try_query(query, json!({"filter": {"search": filter}})).await;
        assert_eq!(response.codes(), ["BAD_USER_INPUT"], "{:#}", response.body);
    }
    let query = "query($f: FailureFilter) { failures(filter: $f) { edges { cursor } } }";
    let nul = json!({"f": {"businessReference": {"contains": "a\0b"}, "code": ["a\0b"]}});
    assert_eq!(place.admin().try_query(query, nul).await.codes(), ["BAD_USER_INPUT"]);
}

#[tokio::test]
async fn systems_are_checked_by_their_connector_with_the_path_of_each_problem() {
    let place = Place::new().await;
    let refused = async |connector: &str, config: Value, credentials: Value| {
        let input = json!({
            "tenantId": place.tenant.id, "name": "x", "connector": connector, "config": config, "credentials": credentials,
        });
        place.admin().refused("createSystem", input).await
    };
    let errors = refused("fax", json!({}), json!({})).await;
    assert_eq!(places(&errors), ["INVALID connector"]);
    assert!(errors[0].message.contains("sandbox"), "it names those that there are: {errors:?}");
    assert_eq!(places(&refused("sandbox", json!({"sead": 1}), json!({})).await), ["INVALID config.sead"]);
    assert_eq!(places(&refused("sandbox", json!({"seed": "x"}), json!({})).await), ["INVALID config.seed"]);
    assert_eq!(places(&refused("sandbox", json!([]), json!({})).await), ["INVALID config"]);
    assert_eq!(
        places(&refused("postgres", json!({"host": "x"}), json!({"user": "u"})).await),
        ["REQUIRED config.database"]
    );
    let errors =
        refused("http", json!({"baseUrl": "ftp://x", "timeoutMs": -1, "colour": "red"}), json!({})).await;
    let mut fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["config.baseUrl", "config.colour", "config.timeoutMs"], "{errors:#?}");
    let errors = refused(
        "postgres",
        json!({"host": "x", "database": "d"}),
        json!({"password": ["leak-me"], "leak-me": 1}),
    )
    .await;
    assert!(errors.iter().all(|error| error.field.starts_with("credentials")), "{errors:#?}");
    assert!(
        errors.iter().all(|error| !error.message.contains("leak-me")),
        "no value of a credential comes back"
    );
    assert_eq!(refused("sqlite", json!({"path": "a\0b"}), json!({})).await[0].field, "config.path");
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    let input =
        json!({"tenantId": place.tenant.id, "name": "x", "connector": "sandbox", "config": {"seed": deep}});
    assert_eq!(place.admin().try_mutate("createSystem", &input, "").await.codes(), ["LIMIT_EXCEEDED"]);
    let large = json!({"seed": "x".repeat(70_000)});
    assert_eq!(places(&refused("sandbox", large, json!({})).await), ["TOO_LONG config"]);
    assert_eq!(place.holdings().await["tenant"]["systems"]["edges"], json!([]), "nothing was stored");
}

#[tokio::test]
async fn integrations_are_checked_as_a_whole_with_the_path_of_each_problem() {
    let place = Place::new().await;
    let system = place.sandbox().await;
    let refused = async |streams: Value, schedule: Value| {
        let input = json!({
            "tenantId": place.tenant.id, "name": "x", "sourceId": system, "destinationId": system, "streams": streams,
            "schedule": schedule,
        });
        place.admin().refused("createIntegration", input).await
    };
    let one = |changes: Value| {
        let mut stream = stream(json!({}), json!({}));
        changes.as_object().unwrap().iter().for_each(|(name, value)| stream[name] = value.clone());
        json!([stream])
    };
    for (cron, words) in [
        ("", "must not be empty"),
        ("every day", "five fields"),
        ("* * * * * *", "five fields"),
        ("61 * * * *", "minute"),
        ("0 0 31 2 *", "never happens"),
        ("@sometimes", "is not known"),
    ] {
        let errors = refused(one(json!({})), json!({"cron": cron})).await;
        assert_eq!(errors[0].field, "schedule.cron", "{cron}: {errors:?}");
        assert!(errors[0].message.contains(words), "{cron}: {errors:?}");
    }
    let errors = refused(one(json!({})), json!({"cron": "0 3 * * *", "timeZone": "Mars/Olympus"})).await;
    assert_eq!(places(&errors), ["INVALID schedule.timeZone"]);
    assert!(errors[0].message.contains("Mars/Olympus") || errors[0].message.contains("IANA"), "{errors:?}");

    let errors = refused(one(json!({"mapping": ".a = 1\n.b = upcase("})), Value::Null).await;
    assert_eq!(errors[0].field, "streams.0.mapping", "{errors:?}");
    assert!(errors[0].message.contains("line 2"), "the position stands in the message: {errors:?}");
    for program in [".a = get_env_var!(\"HOME\")", ".a = nonsense(1)", ".a = 1 +", ".a = to_int(.b)", "\0"] {
        let errors = refused(one(json!({"mapping": program})), Value::Null).await;
        assert_eq!(errors[0].field, "streams.0.mapping", "{program}: {errors:?}");
        assert_eq!(errors[0].code, "INVALID", "{program}");
    }
    let errors =
        refused(one(json!({"recordSchema": {"properties": {"a": {"type": "colour"}}}})), Value::Null).await;
    assert!(errors[0].field.starts_with("streams.0.recordSchema"), "{errors:?}");
    for schema in
        [json!("x"), json!([]), json!({"pattern": "("}), json!({"$ref": "https://example.com/x.json"})]
    {
        let errors = refused(one(json!({"recordSchema": schema})), Value::Null).await;
        assert!(errors[0].field.starts_with("streams.0.recordSchema"), "{schema}: {errors:?}");
    }
    for (changes, wanted) in [
        (json!({"name": ""}), "REQUIRED streams.0.name"),
        (json!({"name": "x".repeat(101)}), "TOO_LONG streams.0.name"),
        (json!({"name": "a\0b"}), "INVALID streams.0.name"),
        (json!({"keyFields": []}), "REQUIRED streams.0.keyFields"),
        (json!({"keyFields": ["id", "id"]}), "INVALID streams.0.keyFields"),
        (json!({"keyFields": [""]}), "INVALID streams.0.keyFields"),
        (json!({"mode": "INCREMENTAL"}), "REQUIRED streams.0.cursorField"),
        (json!({"source": {"recods": 1}}), "INVALID streams.0.source.recods"),
        (json!({"source": {"records": -1}}), "INVALID streams.0.source.records"),
        (json!({"destination": {"rejectEvery": "x"}}), "INVALID streams.0.destination.rejectEvery"),
        (json!({"mapping": "x".repeat(200_000)}), "TOO_LONG streams.0.mapping"),
    ] {
        assert_eq!(places(&refused(one(changes.clone()), Value::Null).await), [wanted], "{changes}");
    }
    assert_eq!(places(&refused(json!([]), Value::Null).await), ["REQUIRED streams"]);
    let twice = stream(json!({}), json!({}));
    assert_eq!(places(&refused(json!([twice, twice]), Value::Null).await), ["INVALID streams.1.name"]);
    let many: Vec<_> = (0..51).map(|_| &twice).collect();
    assert_eq!(places(&refused(json!(many), Value::Null).await), ["LIMIT_REACHED streams"]);

    // All at once, wherever they are.
    let streams = json!([
        {"name": "", "keyFields": [], "source": {"x": 1}, "mapping": "(", "recordSchema": 5}, {"name": "b", "keyFields": ["id"]},
    ]);
    let errors = places(&refused(streams, json!({"cron": "x", "timeZone": "y"})).await);
    for wanted in [
        "streams.0.name",
        "streams.0.keyFields",
        "streams.0.source.x",
        "streams.0.mapping",
        "streams.0.recordSchema",
        "schedule.cron",
        "schedule.timeZone",
    ] {
        assert!(errors.iter().any(|error| error.ends_with(wanted)), "{wanted}: {errors:?}");
    }
    assert!(errors.iter().all(|error| !error.contains("streams.1")), "{errors:?}");
    assert_eq!(place.holdings().await["tenant"]["integrations"]["edges"], json!([]), "nothing was stored");

    // A change that is refused leaves everything as it is.
    let integration = place.fixture.sandbox(&place.tenant, json!({"records": 7}), json!({})).await;
    let before = place.holdings().await;
    let input = json!({
        "integrationId": integration, "name": "renamed", "streams": one(json!({"mapping": "("})), "schedule": {"cron": "@daily"},
    });
    assert_eq!(place.admin().refused("updateIntegration", input).await[0].field, "streams.0.mapping");
    assert_eq!(place.holdings().await, before);
}

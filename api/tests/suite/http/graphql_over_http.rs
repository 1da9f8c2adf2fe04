//! GraphQL over HTTP: methods, media types, statuses, tokens, errors, headers and the endpoints of operation.

use std::sync::atomic::Ordering;
use std::time::Duration;

use api::http::{Dispatch, GraphiqlOptions, ServerOptions, SignIn, Stall, Tab};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::server::{GRAPHQL_RESPONSE, Server, answer};

#[tokio::test]
async fn the_accept_header_decides_media_type_and_status() {
    let server = Server::start().await;
    for (accept, content_type, status_of_invalid) in [
        (GRAPHQL_RESPONSE, "application/graphql-response+json; charset=utf-8", 400),
        ("application/json", "application/json; charset=utf-8", 200),
        ("*/*", "application/json; charset=utf-8", 200),
    ] {
        let valid = answer(server.post(&json!({ "query": "{ hello }" })).header(ACCEPT, accept)).await;
        assert_eq!((valid.status.as_u16(), valid.header("content-type")), (200, content_type));
        assert_eq!(valid.body, json!({ "data": { "hello": "world" } }));
        for (query, code) in
            [("{ nothing }", "GRAPHQL_VALIDATION_FAILED"), ("{ hello", "GRAPHQL_PARSE_FAILED")]
        {
            let invalid = answer(server.post(&json!({ "query": query })).header(ACCEPT, accept)).await;
            assert_eq!(invalid.status.as_u16(), status_of_invalid, "{accept} {query}");
            assert_eq!(invalid.header("content-type"), content_type);
            assert_eq!(invalid.code(), code);
            assert!(!invalid.body.as_object().unwrap().contains_key("data"), "not executed: no data entry");
        }
    }
    let refused = answer(server.post(&json!({ "query": "{ hello }" })).header(ACCEPT, "text/csv")).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (406, "BAD_REQUEST"));
}

#[tokio::test]
async fn syntax_errors_say_where_and_what() {
    let server = Server::start().await;
    let refused = server.query("{ hello(").await;
    assert_eq!(refused.message(), "Syntax error at line 1, column 9: expected name.");
    assert_eq!(refused.body["errors"][0]["locations"], json!([{ "line": 1, "column": 9 }]));
}

#[tokio::test]
async fn get_is_for_queries_only() {
    let server = Server::start().await;
    let get = |query: &[(&str, &str)]| server.client.get(server.url("/graphql")).query(query);
    let read = answer(get(&[
        ("query", "query A($t: String) { echo(text: $t) }"),
        ("variables", r#"{"t":"hi"}"#),
        ("operationName", "A"),
    ]))
    .await;
    assert_eq!((read.status.as_u16(), read.body), (200, json!({ "data": { "echo": "hi" } })));
    let written = answer(get(&[("query", "mutation { increment }")])).await;
    assert_eq!((written.status.as_u16(), written.header("allow")), (405, "POST"));
    let by_post = answer(server.post(&json!({ "query": "mutation { increment }" }))).await;
    assert_eq!(by_post.body["data"]["increment"], 1, "the GET changed nothing");
    for query in [
        &[][..],
        &[("query", "{ hello }"), ("variables", "{")],
        &[("query", "{hello}"), ("query", "{hello}")],
    ] {
        assert_eq!(answer(get(query)).await.status, 400, "{query:?}");
    }
}

#[tokio::test]
async fn other_methods_and_types_are_refused() {
    let server = Server::start().await;
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::HEAD] {
        let refused = answer(server.client.request(method.clone(), server.url("/graphql")).body("{}")).await;
        assert_eq!(
            (refused.status.as_u16(), refused.header("allow")),
            (405, "GET, POST, OPTIONS"),
            "{method}"
        );
    }
    let body = json!({ "query": "mutation { increment }" }).to_string();
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
    ] {
        let request = server.client.post(server.url("/graphql")).header(CONTENT_TYPE, content_type);
        assert_eq!(answer(request.body(body.clone())).await.status, 415, "{content_type}");
    }
    for (encoding, status) in [("gzip", 415), ("identity, br", 415), ("identity", 200)] {
        let request = server.post(&json!({ "query": "{ hello }" })).header("content-encoding", encoding);
        assert_eq!(answer(request).await.status, status, "{encoding}");
    }
    assert_eq!(answer(server.client.post(server.url("/graphql")).body(body)).await.status, 415);
    let by_post = server.query("mutation { increment }").await;
    assert_eq!(by_post.body["data"]["increment"], 1, "nothing was executed before");
}

#[tokio::test]
async fn malformed_bodies_are_explained_in_words() {
    let server = Server::start().await;
    for (body, message) in [
        ("{", "The body is not complete JSON: it ends at line 1, column 1."),
        ("[{\"query\":\"{ hello }\"}]", "Batches are not supported: send one request at a time."),
        ("{\"query\":\"{ hello }\",\"variables\":1}", "The key \"variables\" must be an object."),
        ("{\"quer\":\"{ hello }\"}", "The key \"quer\" is not known."),
    ] {
        for accept in ["application/json", GRAPHQL_RESPONSE] {
            let refused = answer(server.post_text(body).header(ACCEPT, accept)).await;
            assert_eq!((refused.status.as_u16(), refused.code()), (400, "BAD_REQUEST"), "{body}");
            assert!(refused.message().starts_with(message), "{}", refused.message());
        }
    }
}

#[tokio::test]
async fn bodies_are_bounded_however_they_arrive() {
    let server = Server::start().await;
    let body = json!({ "query": "{ hello }", "extensions": { "x": "y".repeat(256 * 1024) } }).to_string();
    let refused = answer(server.post_text(body.clone())).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (413, "LIMIT_EXCEEDED"));
    let pieces = futures::stream::iter(
        body.into_bytes()
            .chunks(1000)
            .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
            .collect::<Vec<_>>(),
    );
    let chunked = answer(server.post_text(reqwest::Body::wrap_stream(pieces))).await;
    assert_eq!((chunked.status.as_u16(), chunked.code()), (413, "LIMIT_EXCEEDED"));
    let pieces = futures::stream::iter([Ok::<_, std::io::Error>("{\"query\":"), Ok("\"{ hello }\"}")]);
    let chunked = answer(server.post_text(reqwest::Body::wrap_stream(pieces))).await;
    assert_eq!(chunked.body, json!({ "data": { "hello": "world" } }), "chunked bodies are taken");
}

#[tokio::test]
async fn tokens_decide_who_asks() {
    let server = Server::start().await;
    assert_eq!(server.query("{ whoami }").await.body["data"]["whoami"], "anonymous");
    assert_eq!(server.query_as("good", "{ whoami }").await.body["data"]["whoami"], "ada");
    for (token, challenge) in [
        ("wrong", "Bearer error=\"invalid_token\""),
        ("expired", "Bearer error=\"invalid_token\", error_description=\"The access token expired\""),
    ] {
        let refused = server.query_as(token, "mutation { increment }").await;
        assert_eq!((refused.status.as_u16(), refused.code()), (401, "UNAUTHENTICATED"));
        assert_eq!(refused.header("www-authenticate"), challenge);
        assert!(!refused.body.as_object().unwrap().contains_key("data"));
    }
    let basic = server.post(&json!({ "query": "{ whoami }" })).header(AUTHORIZATION, "Basic YTpi");
    assert_eq!(answer(basic).await.status, 401);
    let unavailable = server.query_as("unavailable", "{ whoami }").await;
    assert_eq!((unavailable.status.as_u16(), unavailable.code()), (503, "UNAVAILABLE"));
    assert_eq!(unavailable.header("retry-after"), "5");
    assert_eq!(server.query("mutation { increment }").await.body["data"]["increment"], 1);
}

#[tokio::test]
async fn errors_have_codes_and_say_nothing_internal() {
    let server = Server::start().await;
    let leaky = server.query("{ hello leaky }").await;
    assert_eq!(leaky.body["data"], json!({ "hello": "world", "leaky": null }));
    assert_eq!(leaky.code(), "INTERNAL");
    assert!(!leaky.body.to_string().contains("hunter2"));
    let id = leaky.header("x-request-id");
    assert!(!id.is_empty());
    assert_eq!(leaky.body["errors"][0]["extensions"]["requestId"], id);

    let panicked = server.query("{ hello explode }").await;
    assert_eq!((panicked.status.as_u16(), panicked.code()), (200, "INTERNAL"));
    assert_eq!(panicked.body["data"], json!(null));
    assert!(!panicked.body.to_string().contains("boom"));
    assert_eq!(server.query("{ hello }").await.status, 200, "the server lives on");

    for query in ["{ square(number: \"a\") }", "{ square }", "query A { hello } query A { hello }"] {
        let refused = server.query(query).await;
        assert!(
            ["GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"].contains(&refused.code()),
            "{query}: {}",
            refused.body
        );
    }
    // Values that only a type's own parser can refuse are errors of the field.
    let unfit = server.query("{ at(time: \"x\") }").await;
    assert_eq!((unfit.status.as_u16(), unfit.code()), (200, "BAD_USER_INPUT"));
    assert_eq!(unfit.body["errors"][0]["path"], json!(["at"]));
    let several = server.query("query A { hello } query B { hello }").await;
    assert_eq!((several.status.as_u16(), several.code()), (400, "BAD_REQUEST"));
    let subscription = server.query("subscription { count(to: 1) }").await;
    assert_eq!((subscription.status.as_u16(), subscription.code()), (400, "BAD_REQUEST"));
}

#[tokio::test]
async fn variables_that_do_not_fit_are_refused_before_execution() {
    let server = Server::start().await;
    let query = "query A($n: Int!) { square(number: $n) }";
    for variables in [json!({}), json!({ "n": null }), json!({ "n": "two" })] {
        let request = server.post(&json!({ "query": query, "variables": variables }));
        let refused = answer(request.header(ACCEPT, GRAPHQL_RESPONSE)).await;
        assert_eq!(refused.status, 400, "{variables}: {}", refused.body);
    }
    let squared = answer(server.post(&json!({ "query": query, "variables": { "n": 3 } }))).await;
    assert_eq!(squared.body["data"]["square"], 9);
}

#[tokio::test]
async fn execution_is_stopped_after_its_time() {
    let server = Server::start_with(
        |options| options.execution_timeout = Duration::from_millis(20),
        ServerOptions::default(),
    )
    .await;
    let stopped = server.query("{ never }").await;
    assert_eq!((stopped.status.as_u16(), stopped.code()), (200, "TIMEOUT"));
    assert_eq!(stopped.body["data"], json!(null));
}

#[tokio::test]
async fn every_answer_has_its_id_and_security_headers() {
    let server = Server::start().await;
    for path in ["/graphql", "/healthz", "/nothing", "/metrics"] {
        let response = answer(server.client.get(server.url(path))).await;
        assert!(!response.header("x-request-id").is_empty(), "{path}");
        assert_eq!(response.header("x-content-type-options"), "nosniff");
        assert_eq!(response.header("referrer-policy"), "no-referrer");
        assert_eq!(response.header("x-frame-options"), "DENY");
        assert_eq!(response.header("cross-origin-resource-policy"), "same-origin");
        assert_eq!(response.header("cross-origin-opener-policy"), "same-origin");
        assert!(response.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert_eq!(response.header("strict-transport-security"), "", "nobody says that this is TLS");
        assert_eq!(response.header("cache-control"), "no-store");
    }
    let request = server.post(&json!({ "query": "{ requestId }" }));
    let own = answer(request.header("x-request-id", "trace-1.2_3")).await;
    assert_eq!(
        (own.header("x-request-id"), &own.body["data"]["requestId"]),
        ("trace-1.2_3", &json!("trace-1.2_3"))
    );
    let forged =
        answer(server.post(&json!({ "query": "{ hello }" })).header("x-request-id", "a b\u{e9}")).await;
    assert_ne!(forged.header("x-request-id"), "a b\u{e9}");
}

#[tokio::test]
async fn browsers_stay_with_tls_where_a_trusted_proxy_speaks_it() {
    for (trusted, scheme, expected) in [
        ("127.0.0.0/8", "https", "max-age=31536000"),
        ("127.0.0.0/8", "http", ""),
        ("192.0.2.0/24", "https", ""),
    ] {
        let proxies = vec![trusted.parse().unwrap()];
        let server =
            Server::start_with(|options| options.trusted_proxies = proxies, ServerOptions::default()).await;
        let request = server.client.get(server.url("/healthz")).header("x-forwarded-proto", scheme);
        assert_eq!(answer(request).await.header("strict-transport-security"), expected, "{trusted} {scheme}");
    }
}

#[tokio::test]
async fn only_allowed_origins_may_call_across_sites() {
    let server = Server::start_with(
        |options| options.allowed_origins = vec![HeaderValue::from_static("https://portal.example.com")],
        ServerOptions::default(),
    )
    .await;
    let preflight = |origin: &'static str| {
        server
            .client
            .request(Method::OPTIONS, server.url("/graphql"))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type")
    };
    let allowed = answer(preflight("https://portal.example.com")).await;
    assert_eq!(allowed.header("access-control-allow-origin"), "https://portal.example.com");
    for header in ["authorization", "traceparent", "tracestate"] {
        assert!(allowed.header("access-control-allow-headers").contains(header), "{header}");
    }
    assert_eq!(allowed.header("access-control-allow-credentials"), "");
    let refused = answer(preflight("https://evil.example")).await;
    assert_eq!(refused.header("access-control-allow-origin"), "");
    let actual = server.post(&json!({ "query": "{ hello }" })).header("origin", "https://portal.example.com");
    let actual = answer(actual).await;
    assert_eq!(actual.header("access-control-allow-origin"), "https://portal.example.com");
    assert!(actual.header("vary").contains("origin"), "what one origin gets is not another's");
    let exposed = actual.header("access-control-expose-headers");
    assert!(exposed.contains("retry-after") && exposed.contains("x-request-id"), "{exposed}");
    let null = answer(preflight("null")).await;
    assert_eq!(null.header("access-control-allow-origin"), "", "a page without an origin is nobody's");
    // A browser asks before it sends JSON or a token, and hears no.
    let written = server.post(&json!({ "query": "{ hello }" })).header("origin", "https://evil.example");
    assert_eq!(answer(written).await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn a_browser_gets_graphiql() {
    let html = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let options = GraphiqlOptions {
        tabs: vec![Tab {
            title: "Greeting".to_owned(),
            query: "query Greeting { hello }".to_owned(),
            variables: None,
            headers: None,
        }],
        sign_ins: vec![SignIn {
            title: "Tenant admin".to_owned(),
            email: "ada@example.com".to_owned(),
            password: "ada@example.com!".to_owned(),
        }],
    };
    let server = Server::start_with(|http| http.graphiql = Some(options), ServerOptions::default()).await;
    let page = answer(server.client.get(server.url("/graphql")).header(ACCEPT, html)).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").contains("script-src 'self';"));
    let text = page.body.as_str().unwrap();
    let again = answer(server.client.get(server.url("/graphql")).header(ACCEPT, html)).await;
    let nonces = [&page, &again].map(|page| {
        let text = page.body.as_str().unwrap();
        let nonce = text.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let policy = page.header("content-security-policy");
        assert!(policy.contains(&format!("style-src 'self' 'nonce-{nonce}';")), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        nonce.to_owned()
    });
    assert_ne!(nonces[0], nonces[1]);
    let files: Vec<&str> = text.split('"').filter(|part| part.starts_with("/graphiql/")).collect();
    assert_eq!(files.len(), 6, "{files:?}");
    for file in files {
        let asset = answer(server.client.get(server.url(file))).await;
        assert_eq!(asset.status, 200, "{file}");
        assert!(asset.header("cache-control").contains("max-age"), "{file}");
        // Another one than this would have to be given the page's nonce, too.
        let styles = asset.body.as_str().unwrap_or_default().matches("createElement(\"style\")").count();
        assert_eq!(styles, usize::from(file.ends_with("graphiql.min.js")), "{file}");
    }
    let config = answer(server.client.get(server.url("/graphiql/config.json"))).await;
    assert_eq!(config.body["tabs"][0]["query"], "# Greeting\nquery Greeting { hello }");
    assert_eq!(config.body["signIns"][0]["title"], "Tenant admin");
    assert_eq!(answer(server.client.get(server.url("/graphiql/secret"))).await.status, 404);
    assert_eq!(answer(server.client.get(server.url("/"))).await.header("location"), "/graphql");

    let without = Server::start_with(|http| http.graphiql = None, ServerOptions::default()).await;
    assert_eq!(answer(without.client.get(without.url("/graphql")).header(ACCEPT, html)).await.status, 400);
    assert_eq!(answer(without.client.get(without.url("/graphiql/config.json"))).await.status, 404);
}

#[tokio::test]
async fn operation_endpoints_tell_the_truth() {
    let server = Server::start_with(
        |options| {
            options.instruments.websocket_connections.add(&[], 3.0);
            options.jwks = std::sync::Arc::new(|| json!({ "keys": [{ "kid": "1" }] }));
        },
        ServerOptions::default(),
    )
    .await;
    let get = |path: &str| answer(server.client.get(server.url(path)));
    assert_eq!(get("/healthz").await.status, 200);
    let ready = get("/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.body["checks"]["database"]), (200, &json!("ok")));
    server.readiness.0.store(false, Ordering::SeqCst);
    let unready = get("/readyz").await;
    assert_eq!((unready.status.as_u16(), &unready.body["checks"]["database"]), (503, &json!("unreachable")));
    assert!(!unready.body.to_string().contains("10.0.0.7"));
    assert_eq!(get("/healthz").await.status, 200, "alive all the same");
    server.readiness.0.store(true, Ordering::SeqCst);
    let stalled = |is_of_this_process| {
        Dispatch::Stalled(Stall { reason: "no worker is running".to_owned(), is_of_this_process })
    };
    for (dispatch, code, status, check) in [
        (Dispatch::Works, 200, "ready", "ok"),
        (stalled(false), 200, "degraded", "stalled"),
        (stalled(true), 503, "not ready", "stalled"),
    ] {
        let is_stalled = matches!(dispatch, Dispatch::Stalled(_));
        *server.readiness.1.lock().unwrap() = dispatch;
        let told = get("/readyz").await;
        let reason = if is_stalled { json!("no worker is running") } else { Value::Null };
        assert_eq!((told.status.as_u16(), &told.body["status"]), (code, &json!(status)));
        assert_eq!((&told.body["checks"]["dispatch"], &told.body["reason"]), (&json!(check), &reason));
    }
    server.query("{ hello }").await;
    let metrics = get("/metrics").await;
    let text = metrics.body.as_str().unwrap();
    assert!(text.starts_with("# HELP"), "{text}");
    assert!(text.contains("trestle_websocket_connections 3\n"), "what else the program counts: {text}");
    assert!(
        text.contains("trestle_graphql_operations_total{type=\"query\",outcome=\"succeeded\"} 1\n"),
        "{text}"
    );
    assert_eq!(get("/.well-known/jwks.json").await.body["keys"][0]["kid"], "1");
    let missing = get("/nothing").await;
    assert_eq!((missing.status, missing.code()), (StatusCode::NOT_FOUND, "NOT_FOUND"));
}

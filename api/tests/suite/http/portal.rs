//! The portal as a browser meets it: one page for each address, files that are kept, and who else may show or load them.

use api::http::{HttpOptions, PortalOptions, ServerOptions, SignIn};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::server::{Answer, Server, answer};
use super::toy::ToySchema;

const FILES: &[(&str, &[u8])] = &[
    ("/index.html", b"<!doctype html><title>Portal</title>"),
    ("/index.html.gz", b"the same in gzip"),
    ("/elements.js", b"export {};"),
    ("/assets/index-1a2b.js", b"import './b.js';"),
];
const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
const SHOP: &str = "https://shop.example";

async fn server(change: impl FnOnce(&mut HttpOptions<ToySchema>)) -> Server {
    let with_portal = |options: &mut HttpOptions<ToySchema>| {
        options.portal = Some(PortalOptions { files: FILES, demo_sign_ins: Vec::new() });
        change(options);
    };
    Server::start_with(with_portal, ServerOptions::default()).await
}

fn page(server: &Server, path: &str) -> RequestBuilder {
    server.client.get(server.url(path)).header(ACCEPT, HTML)
}

fn frames(answer: &Answer) -> (&str, &str) {
    let policy = answer.header("content-security-policy");
    (policy.rsplit("frame-ancestors ").next().unwrap_or_default(), answer.header("x-frame-options"))
}

#[tokio::test]
async fn a_browser_gets_the_page_where_nothing_else_is() {
    let server = server(|_| {}).await;
    for path in ["/", "/runs/run_1", "/accept-invitation"] {
        let page = answer(page(&server, path)).await;
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
        assert_eq!(page.body, json!("<!doctype html><title>Portal</title>"), "{path}");
        assert_eq!(frames(&page), ("'none'", "DENY"));
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("cross-origin-resource-policy"), "same-origin");
        assert_eq!(page.header("cache-control"), "no-cache");
        let known = page.header("etag").to_owned();
        let again = answer(self::page(&server, path).header("if-none-match", known)).await;
        assert_eq!((again.status.as_u16(), again.body), (304, json!("")));
    }
    let packed = answer(page(&server, "/").header(ACCEPT_ENCODING, "gzip")).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert_eq!(packed.body, json!("the same in gzip"));
    let head = server.client.request(Method::HEAD, server.url("/elements.js"));
    let head = answer(head).await;
    assert_eq!((head.status.as_u16(), head.header("content-length")), (200, "10"));
    assert_eq!(head.body, json!(""));
    let script = answer(server.client.get(server.url("/assets/index-1a2b.js"))).await;
    assert_eq!(script.header("cache-control"), "public, max-age=31536000, immutable");

    // What is there stays what it was, and what programs ask for in vain is not found.
    assert_eq!(answer(page(&server, "/graphql")).await.header("content-type"), "text/html; charset=utf-8");
    assert!(answer(page(&server, "/graphql")).await.body.as_str().unwrap().contains("graphiql"));
    assert_eq!(answer(page(&server, "/healthz")).await.body, json!({"status": "alive"}));
    assert_eq!(answer(page(&server, "/assets/index-0000.js")).await.status, 404);
    assert_eq!(answer(server.client.get(server.url("/runs"))).await.status, 404);
    assert_eq!(answer(server.client.post(server.url("/")).header(ACCEPT, HTML)).await.status, 404);
}

#[tokio::test]
async fn pages_of_allowed_origins_may_frame_what_is_embedded_and_load_elements() {
    let server = server(|options| options.allowed_origins = vec![HeaderValue::from_static(SHOP)]).await;
    let embedded = answer(page(&server, "/embed/inbox")).await;
    assert_eq!(frames(&embedded), ("'self' https://shop.example", ""));
    assert_eq!(frames(&answer(page(&server, "/inbox")).await), ("'none'", "DENY"));
    for path in ["/elements.js", "/assets/index-1a2b.js"] {
        let file = answer(server.client.get(server.url(path)).header("origin", SHOP)).await;
        assert_eq!(file.header("cross-origin-resource-policy"), "cross-origin", "{path}");
        assert_eq!(file.header("access-control-allow-origin"), SHOP, "{path}");
    }
    let elements = answer(server.client.get(server.url("/elements.js"))).await;
    assert_eq!(elements.header("cache-control"), "no-cache");
}

#[tokio::test]
async fn the_page_is_told_how_the_server_is_set_up() {
    let person = SignIn {
        title: "Tenant admin".to_owned(),
        email: "ada@example.com".to_owned(),
        password: "ada@example.com!".to_owned(),
    };
    let demo = server(|options| {
        options.portal = Some(PortalOptions { files: FILES, demo_sign_ins: vec![person] });
        options.graphiql = None;
    })
    .await;
    let config = answer(demo.client.get(demo.url("/portal.json"))).await;
    assert_eq!(
        config.body,
        json!({
            "version": env!("CARGO_PKG_VERSION"), "graphiql": false,
            "demoSignIns": [{
                "title": "Tenant admin", "email": "ada@example.com", "password": "ada@example.com!",
            }],
        })
    );
    assert_eq!(config.header("cache-control"), "no-store");

    // Without files it tells so much, for the pages of whoever builds them; switched off it tells nothing.
    let bare = server(|options| options.portal = Some(PortalOptions::default())).await;
    let config = answer(bare.client.get(bare.url("/portal.json"))).await;
    assert_eq!((&config.body["demoSignIns"], &config.body["graphiql"]), (&json!([]), &json!(true)));
    assert_eq!(answer(page(&bare, "/")).await.header("location"), "/graphql");
    let off = server(|options| options.portal = None).await;
    assert_eq!(answer(off.client.get(off.url("/portal.json"))).await.status, 404);
    assert_eq!(answer(page(&off, "/")).await.header("location"), "/graphql");
}

//! The portal: pages for people, whose files are built into the program. Every address of theirs is one page, which finds
//! out by itself what to show. Deliberately absent: building the files (`portal/`), and what the pages ask for.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::Executor;
use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::error::{self, ErrorCode};
use super::graphiql::SignIn;
use super::negotiation::{encoding_quality, wants_html};
use super::{HttpState, Openness};

/// Where the page reads how this server is set up.
pub(super) const CONFIG_PATH: &str = "/portal.json";

/// The page of every address.
const PAGE: &str = "/index.html";
/// What pages of others take their web components from.
const ELEMENTS: &str = "/elements.js";
/// Files whose names say what is in them.
const ASSETS: &str = "/assets/";
/// Addresses that pages of allowed origins may show in frames.
const EMBED: &str = "/embed";

/// Only what this server sends may run, style and be asked. What scripts set on elements needs no leave.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; worker-src 'none'; frame-ancestors ";

/// A year, the longest there is (RFC 9111): another file has another name.
const ASSET_CACHE_CONTROL: &str = "public, max-age=31536000, immutable";
/// A day: an icon that changes with the program may be the former one for so long.
const FILE_CACHE_CONTROL: &str = "public, max-age=86400";
/// Asked each time, and not sent again while it is the same: it names the files of this program.
const PAGE_CACHE_CONTROL: &str = "no-cache";

/// Bytes of a hash that tell one version of a file from another.
const TAG_BYTES: usize = 16;

/// The portal's files, and what its sign-in page offers.
#[derive(Clone, Default)]
pub struct PortalOptions {
    /// Path and content of each file that the build made, of those that are packed beside it (`.br`, `.gz`), too; none
    /// where the program was built without the portal.
    pub files: &'static [(&'static str, &'static [u8])],
    /// People to sign in as with one click. For demonstrations only: anybody can read the passwords.
    pub demo_sign_ins: Vec<SignIn>,
}

/// The portal as it is served.
pub(super) struct Portal {
    files: HashMap<&'static str, File>,
    demo_sign_ins: Vec<SignIn>,
    page_policy: HeaderValue,
    embed_policy: HeaderValue,
    /// Whether there are pages of others that may load its files.
    is_shared: bool,
}

struct File {
    content_type: &'static str,
    content: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
    /// Tells versions apart; of assets their names do.
    tag: Option<String>,
}

impl Portal {
    pub(super) fn new(options: PortalOptions, allowed_origins: &[HeaderValue]) -> Self {
        let all: HashMap<&str, &'static [u8]> = options.files.iter().copied().collect();
        let is_packed = |path: &str| {
            let plain = path.strip_suffix(".br").or(path.strip_suffix(".gz"));
            plain.is_some_and(|plain| all.contains_key(plain))
        };
        let packed = |path: &str, ending: &str| all.get(format!("{path}{ending}").as_str()).copied();
        let files = options.files.iter().filter(|(path, _)| !is_packed(path)).map(|&(path, content)| {
            let tag = (!path.starts_with(ASSETS)).then(|| tag_of(content));
            let (brotli, gzip) = (packed(path, ".br"), packed(path, ".gz"));
            (path, File { content_type: content_type(path), content, brotli, gzip, tag })
        });
        let policy = |ancestors: &str| {
            HeaderValue::try_from(format!("{CONTENT_SECURITY_POLICY}{ancestors}"))
                .expect("origins are header values already")
        };
        let framing: Vec<&str> =
            ["'self'"].into_iter().chain(allowed_origins.iter().filter_map(|it| it.to_str().ok())).collect();
        Self {
            files: files.collect(),
            demo_sign_ins: options.demo_sign_ins,
            page_policy: policy("'none'"),
            embed_policy: policy(&framing.join(" ")),
            is_shared: !allowed_origins.is_empty(),
        }
    }

    /// What the portal has for a request that is for nothing else here: a file, or a browser's page.
    pub(super) fn answer(&self, request: &Parts) -> Option<Response> {
        let page = self.files.get(PAGE)?;
        if request.method != Method::GET && request.method != Method::HEAD {
            return None;
        }
        let path = request.uri.path();
        if path != PAGE
            && let Some(file) = self.files.get(path)
        {
            return Some(self.file(path, file, request));
        }
        // A page in place of a script of the version before would be run as one.
        let is_page = path == "/" || path == PAGE || wants_html(&request.headers);
        (is_page && !path.starts_with(ASSETS)).then(|| self.page(path, page, request))
    }

    fn file(&self, path: &str, file: &File, request: &Parts) -> Response {
        let mut response = file.answer(request);
        let headers = response.headers_mut();
        let cache_control = match file.tag {
            None => ASSET_CACHE_CONTROL,
            Some(_) if path == ELEMENTS => PAGE_CACHE_CONTROL,
            Some(_) => FILE_CACHE_CONTROL,
        };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if self.is_shared && (path == ELEMENTS || path.starts_with(ASSETS)) {
            response.extensions_mut().insert(Openness::Shared);
        }
        response
    }

    fn page(&self, path: &str, page: &File, request: &Parts) -> Response {
        let is_embedded =
            path.strip_prefix(EMBED).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let mut response = page.answer(request);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(PAGE_CACHE_CONTROL));
        // Programs that ask for the same address are told that there is nothing.
        headers.insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
        let policy = if is_embedded { &self.embed_policy } else { &self.page_policy };
        headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
        if is_embedded {
            response.extensions_mut().insert(Openness::Framed);
        }
        response
    }
}

impl File {
    /// The file as the caller takes it, or that it is the one that they have.
    fn answer(&self, request: &Parts) -> Response {
        let (encoding, content) = self.encoded(&request.headers);
        let mut response = Response::new(Body::empty());
        let tag = self.tag.as_ref().map(|tag| format!("\"{tag}-{}\"", encoding.unwrap_or("plain")));
        let is_known = tag.as_ref().is_some_and(|tag| names(&request.headers, tag));
        let headers = response.headers_mut();
        if let Some(tag) = tag {
            headers.insert(header::ETAG, HeaderValue::try_from(tag).expect("it is ASCII"));
        }
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(content.len()));
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        if request.method == Method::GET {
            *response.body_mut() = Body::from(content);
        }
        response
    }

    /// The encoding that is wanted most, the smallest of several; as it is, where none is wanted more than that.
    fn encoded(&self, headers: &HeaderMap) -> (Option<&'static str>, &'static [u8]) {
        let offers = [("br", self.brotli), ("gzip", self.gzip)];
        let mut best = (None, self.content, encoding_quality(headers, "identity"));
        for (encoding, content) in offers.into_iter().rev() {
            let quality = encoding_quality(headers, encoding);
            if let Some(content) = content
                && quality > 0
                && quality >= best.2
            {
                best = (Some(encoding), content, quality);
            }
        }
        (best.0, best.1)
    }
}

/// `GET /portal.json`.
pub(super) async fn config<E: Executor>(State(state): State<Arc<HttpState<E>>>) -> Response {
    let Some(portal) = &state.portal else {
        return error::plain(StatusCode::NOT_FOUND, ErrorCode::NotFound, "The portal is switched off.");
    };
    let config = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "demoSignIns": portal.demo_sign_ins,
        "graphiql": state.options.graphiql.is_some(),
    });
    error::json(StatusCode::OK, "application/json", &config)
}

/// Whether the caller has this version (RFC 9110, section 13.1.2).
fn names(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut known = values.flat_map(|value| value.split(',')).map(str::trim);
    known.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

fn tag_of(content: &[u8]) -> String {
    Sha256::digest(content).iter().take(TAG_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_name, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::http::request::Parts;
    use axum::http::{HeaderValue, Request, StatusCode};
    use axum::response::Response;

    use super::{Openness, Portal, PortalOptions};

    const FILES: &[(&str, &[u8])] = &[
        ("/index.html", b"<!doctype html>"),
        ("/index.html.br", b"page in br"),
        ("/index.html.gz", b"page in gzip"),
        ("/elements.js", b"elements"),
        ("/assets/index-1a2b.js", b"script"),
        ("/assets/index-1a2b.js.br", b"script in br"),
        ("/assets/archive.gz", b"no packed form of another file"),
    ];
    const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

    fn portal(origins: &[&'static str]) -> Portal {
        let origins: Vec<HeaderValue> = origins.iter().copied().map(HeaderValue::from_static).collect();
        Portal::new(PortalOptions { files: FILES, demo_sign_ins: Vec::new() }, &origins)
    }

    fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    fn get(path: &str, headers: &[(&str, &str)]) -> Option<Response> {
        portal(&[]).answer(&request("GET", path, headers))
    }

    fn header<'a>(response: &'a Response, name: &str) -> &'a str {
        response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    async fn body(response: Response) -> String {
        let bytes = to_bytes(response.into_body(), 1_000).await.expect("a body in memory");
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    #[tokio::test]
    async fn every_address_of_a_browser_is_the_page() {
        for path in ["/", "/index.html", "/integrations/integration_1?tab=runs", "/embedded"] {
            let response = get(path, &[("accept", HTML)]).expect("the page");
            assert_eq!(header(&response, "content-type"), "text/html; charset=utf-8", "{path}");
            assert_eq!(header(&response, "cache-control"), "no-cache");
            assert_eq!(header(&response, "vary"), "accept, accept-encoding");
            let policy = header(&response, "content-security-policy");
            assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{policy}");
            assert!(policy.ends_with("; frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
            assert!(response.extensions().get::<Openness>().is_none());
            assert_eq!(body(response).await, "<!doctype html>", "{path}");
        }
        assert!(get("/", &[]).is_some(), "also for who does not say what they take");
        for (method, path, accept) in [
            ("GET", "/integrations", "application/json"),
            ("GET", "/integrations", "*/*"),
            ("GET", "/assets/index-0000.js", HTML),
            ("GET", "/assets/index-1a2b.js.br", HTML),
            ("POST", "/", HTML),
        ] {
            let answer = portal(&[]).answer(&request(method, path, &[("accept", accept)]));
            assert!(answer.is_none(), "{method} {path} {accept}");
        }
        let without = Portal::new(PortalOptions::default(), &[]);
        assert!(without.answer(&request("GET", "/", &[("accept", HTML)])).is_none());
    }

    #[tokio::test]
    async fn files_come_as_they_are_taken_and_only_once() {
        for (accepted, encoding, content) in [
            ("gzip, deflate, br", "br", "page in br"),
            ("br;q=0.5, gzip", "gzip", "page in gzip"),
            ("gzip", "gzip", "page in gzip"),
            ("identity, br;q=0.5", "", "<!doctype html>"),
            ("*", "br", "page in br"),
            ("deflate", "", "<!doctype html>"),
        ] {
            let response = get("/", &[("accept-encoding", accepted)]).expect("the page");
            assert_eq!(header(&response, "content-encoding"), encoding, "{accepted}");
            assert_eq!(header(&response, "content-length"), content.len().to_string());
            let tag = header(&response, "etag").to_owned();
            assert_eq!(body(response).await, content);
            let known = format!("\"other\", W/{tag}");
            let again = get("/", &[("accept-encoding", accepted), ("if-none-match", &known)]);
            let again = again.expect("an answer");
            assert_eq!((again.status(), header(&again, "etag")), (StatusCode::NOT_MODIFIED, tag.as_str()));
            assert_eq!(body(again).await, "");
        }
        let script = get("/assets/index-1a2b.js", &[("accept-encoding", "br, gzip")]).expect("a file");
        assert_eq!(header(&script, "cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(header(&script, "content-type"), "text/javascript; charset=utf-8");
        assert_eq!(body(script).await, "script in br");
        let packed_alone = get("/assets/archive.gz", &[]).expect("a file");
        assert_eq!(header(&packed_alone, "content-encoding"), "");
        let head = portal(&[]).answer(&request("HEAD", "/elements.js", &[])).expect("a file");
        assert_eq!((header(&head, "content-length"), header(&head, "cache-control")), ("8", "no-cache"));
        assert_eq!(body(head).await, "");
    }

    #[test]
    fn allowed_origins_may_frame_what_is_embedded_and_load_the_elements() {
        let portal = portal(&["https://shop.example", "https://erp.example"]);
        let openness = |response: &Response| response.extensions().get::<Openness>().copied();
        for path in ["/embed", "/embed/inbox"] {
            let page = portal.answer(&request("GET", path, &[("accept", HTML)])).expect("the page");
            let policy = header(&page, "content-security-policy");
            let ancestors = "; frame-ancestors 'self' https://shop.example https://erp.example";
            assert!(policy.ends_with(ancestors), "{policy}");
            assert_eq!(openness(&page), Some(Openness::Framed));
        }
        let page = portal.answer(&request("GET", "/inbox", &[("accept", HTML)])).expect("the page");
        assert_eq!(openness(&page), None);
        for (path, expected) in
            [("/elements.js", Some(Openness::Shared)), ("/assets/archive.gz", Some(Openness::Shared))]
        {
            let file = portal.answer(&request("GET", path, &[])).expect("a file");
            assert_eq!(openness(&file), expected, "{path}");
        }
        let alone = get("/elements.js", &[]).expect("a file");
        assert_eq!(openness(&alone), None, "where no other origin is allowed");
    }
}

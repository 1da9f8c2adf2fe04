//! The guard with names whose addresses the test says: what changes between a check and a connection, and what hostile
//! servers answer. Deliberately absent: which addresses are private, and how they can be written (beside the guard).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Redirect;
use axum::routing::get;
use connector::{
    Connector, Egress, HttpConnector, MysqlConnector, Names, OpenSource, PostgresConnector, StreamSpec,
    SyncMode, SystemAccess, SystemError, SystemErrorKind,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Where our own servers are, which the guard allows.
const ALLOWED: &str = "127.0.0.1";
/// What a name may turn into.
const PRIVATE: &str = "10.0.0.1";

/// A name service that gives one answer after the other, and the last one for ever.
#[derive(Debug)]
struct Changing {
    answers: Vec<Vec<IpAddr>>,
    asked: Mutex<Vec<String>>,
}

impl Changing {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let answers = answers.iter().map(|answer| answer.iter().map(|ip| ip.parse().unwrap()).collect());
        Arc::new(Self { answers: answers.collect(), asked: Mutex::default() })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn egress(self: &Arc<Self>) -> Egress {
        Egress::with_names(vec![format!("{ALLOWED}/32").parse().unwrap()], self.clone())
    }
}

#[async_trait::async_trait]
impl Names for Changing {
    async fn addresses(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let mut asked = self.asked.lock().unwrap();
        let answer = &self.answers[asked.len().min(self.answers.len() - 1)];
        asked.push(name.to_owned());
        Ok(answer.iter().map(|ip| SocketAddr::new(*ip, port)).collect())
    }
}

async fn serve(router: Router) -> u16 {
    let listener = TcpListener::bind((ALLOWED, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    port
}

fn access(config: Value, credentials: Value) -> SystemAccess {
    SystemAccess {
        config,
        credentials: SecretString::from(credentials.to_string()),
        files_dir: PathBuf::new(),
        tokens: None,
        pace: Default::default(),
        progress: Default::default(),
        credential_store: Default::default(),
        inbox: None,
    }
}

async fn test_http(egress: Egress, base: &str) -> Result<String, SystemError> {
    HttpConnector::new(egress).test(&access(json!({"baseUrl": base, "timeoutMs": 2_000}), json!({}))).await
}

fn kind<T>(result: Result<T, SystemError>) -> Option<SystemErrorKind> {
    result.err().map(|error| error.kind)
}

/// Reads the first page of a source.
async fn first_page(egress: Egress, config: Value) -> Option<SystemErrorKind> {
    let open = OpenSource {
        access: access(config, json!({})),
        stream: StreamSpec {
            name: "orders".to_owned(),
            key_fields: vec!["id".to_owned()],
            cursor_field: None,
            mode: SyncMode::Full,
            classified: Default::default(),
        },
        options: json!({"path": ""}),
        since: None,
        overlap: None,
        from: None,
        only: None,
        part: None,
        resume: None,
        page_records_max: 100,
    };
    match HttpConnector::new(egress).open_source(open).await {
        Ok(mut source) => kind(source.next_page().await),
        Err(error) => Some(error.kind),
    }
}

#[tokio::test]
async fn a_name_that_changes_after_the_check_leads_to_the_address_that_was_checked() {
    let port = serve(Router::new().route("/", get(|| async { "[]" }))).await;
    let names = Changing::new(&[&[ALLOWED], &[PRIVATE]]);
    let base = format!("http://shop.test:{port}/");
    test_http(names.egress(), &base).await.unwrap();
    assert_eq!(names.asked(), ["shop.test"], "a connection asks once, and goes where the answer says");
    // The next connection is judged by what the name says then.
    assert_eq!(kind(test_http(names.egress(), &base).await), Some(SystemErrorKind::Forbidden));

    // Of several addresses the allowed ones are used.
    let names = Changing::new(&[&[PRIVATE, "::ffff:10.0.0.1", ALLOWED, "169.254.169.254"]]);
    test_http(names.egress(), &base).await.unwrap();
    for answer in
        ["::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "::10.0.0.1", "0.0.0.0", "::", "127.0.0.2"]
    {
        let names = Changing::new(&[&[answer]]);
        assert_eq!(
            kind(test_http(names.egress(), &base).await),
            Some(SystemErrorKind::Forbidden),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn redirects_are_judged_anew_and_counted() {
    let hits = Arc::new(AtomicUsize::new(0));
    let count = hits.clone();
    let router = Router::new()
        .route("/inside", get(|| async { Redirect::temporary("http://inside.test/") }))
        .route("/decimal", get(|| async { Redirect::temporary("http://167772161/") }))
        .route("/octal", get(|| async { Redirect::temporary("http://012.0.0.1/") }))
        .route("/mapped", get(|| async { Redirect::temporary("http://[::ffff:10.0.0.1]/") }))
        .route("/unspecified", get(|| async { Redirect::temporary("//0.0.0.0/") }))
        .route("/user", get(|| async { Redirect::temporary("http://shop.test@10.0.0.1/") }))
        .route(
            "/round",
            get(move || async move {
                count.fetch_add(1, Ordering::SeqCst);
                Redirect::temporary("/round")
            }),
        );
    let port = serve(router).await;
    let test = async |path: &str, answers: &[&[&str]]| {
        let names = Changing::new(answers);
        (kind(test_http(names.egress(), &format!("http://shop.test:{port}{path}")).await), names.asked())
    };
    let (refused, asked) = test("/inside", &[&[ALLOWED], &[PRIVATE]]).await;
    assert_eq!((refused, asked.len()), (Some(SystemErrorKind::Forbidden), 2));
    for path in ["/decimal", "/octal", "/mapped", "/unspecified"] {
        assert_eq!(test(path, &[&[ALLOWED]]).await.0, Some(SystemErrorKind::Forbidden), "{path}");
    }
    for path in ["/user", "/round"] {
        assert_eq!(test(path, &[&[ALLOWED]]).await.0, Some(SystemErrorKind::Misconfigured), "{path}");
    }
    assert_eq!(hits.load(Ordering::SeqCst), 6, "five redirects are followed");
}

#[tokio::test]
async fn replies_without_end_are_cut_in_size_and_time() {
    let chunk = Bytes::from(vec![b' '; 1024 * 1024]);
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = sent.clone();
    let router = Router::new()
        .route(
            "/large",
            get(move || async move {
                let chunks = futures::stream::repeat_with(move || {
                    counted.fetch_add(1, Ordering::SeqCst);
                    Ok::<_, io::Error>(chunk.clone())
                });
                Body::from_stream(chunks)
            }),
        )
        .route(
            "/slow",
            get(|| async {
                let drops = futures::stream::unfold((), |()| async {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Some((Ok::<_, io::Error>(Bytes::from_static(b" ")), ()))
                });
                Body::from_stream(drops)
            }),
        );
    let port = serve(router).await;
    let page = async |path: &str, timeout_ms: u64| {
        let names = Changing::new(&[&[ALLOWED]]);
        let base = format!("http://shop.test:{port}{path}");
        first_page(names.egress(), json!({"baseUrl": base, "timeoutMs": timeout_ms})).await
    };
    assert_eq!(page("/large", 60_000).await, Some(SystemErrorKind::Malformed));
    let sent = sent.load(Ordering::SeqCst);
    assert!((32..64).contains(&sent), "{sent} MiB were sent for a page of at most 32");
    let began = Instant::now();
    assert_eq!(
        page("/slow", 300).await,
        Some(SystemErrorKind::Timeout),
        "each byte comes soon, the last one never"
    );
    assert!(began.elapsed() < Duration::from_secs(5));
}

/// Answers that TLS may begin, and gives what the driver sends first then.
async fn first_tls_bytes(listener: TcpListener) -> Vec<u8> {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut request = [0; 8];
    socket.read_exact(&mut request).await.unwrap();
    assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47], "SSLRequest");
    socket.write_all(b"S").await.unwrap();
    let mut hello = vec![0; 4096];
    let length = socket.read(&mut hello).await.unwrap();
    hello.truncate(length);
    hello
}

#[tokio::test]
async fn a_database_that_must_prove_its_name_is_reached_at_the_address_that_was_checked() {
    for ssl_mode in ["verify-full", "require", "prefer"] {
        let listener = TcpListener::bind((ALLOWED, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        // The machine's own resolver knows no such name, and this one says something else when asked again.
        let names = Changing::new(&[&[ALLOWED], &[PRIVATE]]);
        let config = json!({"host": "db.test", "port": port, "database": "shop", "sslMode": ssl_mode});
        let access = access(config, json!({"user": "ada", "password": "secret"}));
        let connector = PostgresConnector::new(names.egress());
        let (hello, tested) = tokio::join!(first_tls_bytes(listener), connector.test(&access));
        assert!(tested.is_err(), "the server went away");
        assert_eq!(names.asked(), ["db.test"], "{ssl_mode}");
        let names_itself = hello.windows(7).any(|window| window == b"db.test");
        assert_eq!(names_itself, ssl_mode == "verify-full", "the name that the certificate must have");
        assert!(!hello.windows(6).any(|window| window == b"secret"));
        assert_eq!(kind(connector.test(&access).await), Some(SystemErrorKind::Forbidden), "{ssl_mode}");
    }
}

/// Answers a driver of PostgreSQL by TLS with a certificate that nobody signed.
fn impostor() -> u16 {
    let listener = std::net::TcpListener::bind((ALLOWED, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let certified = rcgen::generate_simple_self_signed(vec!["db.test".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        std::io::Read::read_exact(&mut socket, &mut [0; 8]).unwrap();
        std::io::Write::write_all(&mut socket, b"S").unwrap();
        let mut tls = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        while tls.is_handshaking() && tls.complete_io(&mut socket).is_ok() {}
    });
    port
}

#[tokio::test]
async fn a_certificate_of_nobody_is_not_taken_for_an_outage() {
    for ssl_mode in ["verify-full", "verify-ca"] {
        let names = Changing::new(&[&[ALLOWED]]);
        let config = json!({"host": "db.test", "port": impostor(), "database": "shop", "sslMode": ssl_mode});
        let access = access(config, json!({"user": "ada", "password": "secret"}));
        let error = PostgresConnector::new(names.egress()).test(&access).await.unwrap_err();
        assert_eq!(error.kind, SystemErrorKind::Misconfigured, "{ssl_mode}: {error:?}");
        assert_eq!(error.hint.as_deref(), Some("the server's certificate is not valid for this host"));
    }
}

#[tokio::test]
async fn databases_at_private_addresses_are_refused_however_they_are_written() {
    let connectors: [Box<dyn Connector>; 2] = [
        Box::new(PostgresConnector::new(Egress::default())),
        Box::new(MysqlConnector::new(Egress::default())),
    ];
    for host in [
        "127.0.0.1",
        "0.0.0.0",
        "::1",
        "[::1]",
        "::",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "localhost",
    ] {
        for ssl_mode in ["disable", "verify-full"] {
            let config = json!({"host": host, "database": "shop", "sslMode": ssl_mode});
            for connector in &connectors {
                let tested = connector.test(&access(config.clone(), json!({"user": "ada"}))).await;
                assert_eq!(kind(tested), Some(SystemErrorKind::Forbidden), "{host} {ssl_mode}");
            }
        }
    }
}

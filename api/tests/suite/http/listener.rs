//! The listener itself, over raw sockets: what is ambiguous or slow is refused, and a shutdown is orderly.

use std::time::Duration;

use api::http::ServerOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::server::Server;

/// Longest wait for anything that must happen.
const SOON: Duration = Duration::from_secs(10);

/// Sends bytes and reads until the server closes.
async fn exchange(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    read_to_end(&mut stream).await
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    timeout(SOON, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_request_needs_exactly_one_host() {
    let server = Server::start().await;
    for hosts in ["", "Host: a\r\nHost: b\r\n", "Host: a b\r\n", "Host:\r\n"] {
        let answer = exchange(&server, &format!("GET /healthz HTTP/1.1\r\n{hosts}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{hosts:?}: {answer}");
    }
    let answer = exchange(&server, "GET /healthz HTTP/1.1\r\nHost: a:80\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(exchange(&server, "GET /healthz HTTP/1.0\r\n\r\n").await.starts_with("HTTP/1.0 200 "));
}

#[tokio::test]
async fn ambiguous_lengths_are_refused() {
    let server = Server::start().await;
    let body = "{\"query\":\"{ hello }\"}";
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let head = "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    for headers in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
    ] {
        let answer = exchange(&server, &format!("{head}{headers}\r\n{chunked}")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.contains("must not have both"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "the connection is closed: {answer}");
    }
    let answer = exchange(&server, &format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunked}")).await;
    assert!(answer.contains("world"), "chunked alone is fine: {answer}");
    let answer = exchange(&server, &format!("{head}Content-Length: 4\r\nContent-Length: 5\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn slow_heads_are_cut_off() {
    let options =
        ServerOptions { header_read_timeout: Duration::from_millis(50), ..ServerOptions::default() };
    let server = Server::start_with(|_| {}, options).await;
    let answer = exchange(&server, "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ").await;
    assert!(!answer.contains(" 200 "), "{answer}");
}

#[tokio::test]
async fn a_shutdown_lets_requests_finish_and_takes_no_new_ones() {
    let mut server = Server::start().await;
    let mut busy = TcpStream::connect(server.address).await.unwrap();
    let body = "{\"query\":\"{ hello }\"}";
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n\r\n",
        body.len()
    );
    busy.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body: the request is in its hands.
    let mut first = [0; 25];
    timeout(SOON, busy.read_exact(&mut first)).await.unwrap().unwrap();
    assert_eq!(&first, b"HTTP/1.1 100 Continue\r\n\r\n");
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut start = [0; 12];
    timeout(SOON, idle.read_exact(&mut start)).await.unwrap().unwrap();

    server.connections.shutdown().cancel();
    read_to_end(&mut idle).await;
    busy.write_all(body.as_bytes()).await.unwrap();
    let answer = read_to_end(&mut busy).await;
    assert!(answer.contains("world"), "{answer}");
    timeout(SOON, server.tasks.join_next()).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_shutdown_cuts_off_what_does_not_end() {
    let options = ServerOptions { drain_timeout: Duration::from_millis(50), ..ServerOptions::default() };
    let mut server = Server::start_with(|_| {}, options).await;
    let mut busy = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\
                Expect: 100-continue\r\n\r\n";
    busy.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 25];
    timeout(SOON, busy.read_exact(&mut first)).await.unwrap().unwrap();
    server.connections.shutdown().cancel();
    timeout(SOON, server.tasks.join_next()).await.unwrap().unwrap().unwrap();
    let mut rest = Vec::new();
    // A reset counts as cut off, too.
    timeout(SOON, busy.read_to_end(&mut rest)).await.unwrap().ok();
    assert!(rest.is_empty());
}

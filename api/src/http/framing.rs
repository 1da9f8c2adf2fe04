//! Watches the bytes of an HTTP/1 connection for requests with both Content-Length and Transfer-Encoding. hyper drops
//! the length in silence; a proxy in front may go by it, and then the two disagree about where a request ends
//! (request smuggling, RFC 9112 section 6.1). Only heads are looked at; bodies pass unseen.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of a header line that are kept for a look. The three headers of interest are shorter.
const LINE_BYTES_MAX: usize = 256;

/// Set once a connection has carried an ambiguous request; all its requests are refused from then on.
#[derive(Clone, Default)]
pub(super) struct Ambiguity(Arc<AtomicBool>);

impl Ambiguity {
    pub(super) fn is_found(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A stream whose incoming bytes are watched.
pub(super) struct Watched<S> {
    stream: S,
    scanner: Scanner,
    ambiguity: Ambiguity,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, ambiguity: Ambiguity) -> Self {
        Self { stream, scanner: Scanner::default(), ambiguity }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let result = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if result.is_ready() && this.scanner.scan(&buffer.filled()[before..]) {
            this.ambiguity.0.store(true, Ordering::Release);
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Where in the connection's bytes the scanner is.
enum Place {
    /// In a request's head.
    Head,
    /// In a body of which so many bytes are to come.
    Body(u64),
    /// Behind the last head that matters: the connection is closed (or something else) after this request.
    Done,
}

struct Scanner {
    place: Place,
    line: Vec<u8>,
    is_first_line: bool,
    content_length: Option<u64>,
    is_chunked: bool,
    is_upgrade: bool,
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            place: Place::Head,
            line: Vec::new(),
            is_first_line: true,
            content_length: None,
            is_chunked: false,
            is_upgrade: false,
        }
    }
}

impl Scanner {
    /// `true` when a head with both headers has been seen.
    fn scan(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            match &mut self.place {
                Place::Done => return false,
                Place::Body(remaining) => {
                    let skipped = usize::try_from(*remaining).unwrap_or(usize::MAX).min(bytes.len());
                    *remaining -= skipped as u64;
                    bytes = &bytes[skipped..];
                    if *remaining == 0 {
                        *self = Self::default();
                    }
                }
                Place::Head => {
                    let end = bytes.iter().position(|&byte| byte == b'\n');
                    let part = &bytes[..end.unwrap_or(bytes.len())];
                    let room = LINE_BYTES_MAX.saturating_sub(self.line.len());
                    self.line.extend_from_slice(&part[..part.len().min(room)]);
                    let Some(end) = end else { return false };
                    bytes = &bytes[end + 1..];
                    if self.end_of_line() {
                        return true;
                    }
                }
            }
        }
        false
    }

    fn end_of_line(&mut self) -> bool {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        if line.is_empty() {
            // Empty lines before a request line are allowed (RFC 9112, section 2.2).
            return !self.is_first_line && self.end_of_head();
        }
        if self.is_first_line {
            self.is_first_line = false;
            return false;
        }
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { return false };
        let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            // What is not a number is refused by hyper; the length then does not matter.
            let length = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
            self.content_length = Some(length.unwrap_or(0));
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.is_chunked = true;
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            self.is_upgrade = true;
        }
        false
    }

    fn end_of_head(&mut self) -> bool {
        if self.is_chunked || self.is_upgrade {
            self.place = Place::Done;
            return self.is_chunked && self.content_length.is_some();
        }
        match self.content_length {
            Some(length) if length > 0 => self.place = Place::Body(length),
            _ => *self = Self::default(),
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::Scanner;

    fn is_ambiguous(bytes: &str) -> bool {
        let whole = Scanner::default().scan(bytes.as_bytes());
        let mut scanner = Scanner::default();
        let in_pieces = bytes.as_bytes().iter().any(|&byte| scanner.scan(&[byte]));
        assert_eq!(whole, in_pieces, "{bytes:?}");
        whole
    }

    #[test]
    fn both_headers_are_ambiguous_wherever_they_stand() {
        let both = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert!(is_ambiguous(both));
        assert!(is_ambiguous("POST / HTTP/1.1\r\ntransfer-encoding:chunked\r\nCONTENT-LENGTH : 4\r\n\r\n"));
        assert!(is_ambiguous("POST / HTTP/1.1\nTransfer-Encoding: chunked\nContent-Length: 4\n\n"));
        assert!(is_ambiguous(&format!("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n{both}")));
        assert!(is_ambiguous(&format!("POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\n\r\n\r\nab{both}")));
    }

    #[test]
    fn one_header_alone_or_in_a_body_is_not() {
        let length = "POST / HTTP/1.1\r\nContent-Length: 60\r\n\r\n";
        let body = "X / HTTP/1.1\r\nContent-Length:1\r\nTransfer-Encoding:chunked\r\n\r\n";
        assert!(!is_ambiguous(&format!("{length}{}", &body[..60])));
        assert!(!is_ambiguous(&format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{body}")));
        assert!(!is_ambiguous(&format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(100_000))));
    }
}

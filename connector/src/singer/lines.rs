//! Lines of a pipe, with a bound on their length. Reading may be given up and taken up again at any await.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Read from the pipe at once, in bytes: what a pipe of Linux holds.
const BLOCK_BYTES: usize = 64 * 1024;
/// Kept of the buffer of a long line, in bytes.
const KEPT_BYTES: usize = 1024 * 1024;

/// What came next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A line, without its line end.
    Line,
    /// The beginning of a line that is longer than it may be; the next one goes on with it.
    TooLong,
    /// The other side has closed the pipe.
    End,
}

/// Reads a pipe line by line.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    /// The line was given; the next call begins another.
    is_given: bool,
    line_bytes_max: usize,
    bytes: u64,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(pipe: R, line_bytes_max: usize) -> Self {
        let reader = BufReader::with_capacity(BLOCK_BYTES, pipe);
        Self { reader, line: Vec::new(), is_given: false, line_bytes_max, bytes: 0 }
    }

    /// What [`next`](Self::next) found.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    /// All that was read so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) async fn next(&mut self) -> io::Result<Next> {
        if self.is_given {
            self.is_given = false;
            self.line.clear();
            self.line.shrink_to(KEPT_BYTES);
        }
        loop {
            let available = self.reader.fill_buf().await?;
            if available.is_empty() {
                if self.line.is_empty() {
                    return Ok(Next::End);
                }
                self.is_given = true;
                return Ok(Next::Line);
            }
            let room = self.line_bytes_max.saturating_sub(self.line.len());
            let end = available.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(available.len()).min(room);
            self.line.extend_from_slice(&available[..taken]);
            let is_whole = end == Some(taken);
            let consumed = taken + usize::from(is_whole);
            let is_full = consumed == 0 || (!is_whole && taken == room);
            self.reader.consume(consumed);
            self.bytes += consumed as u64;
            if is_whole || is_full {
                self.is_given = true;
                return Ok(if is_whole { Next::Line } else { Next::TooLong });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{Lines, Next};

    async fn all(text: &str, most: usize) -> Vec<(Next, String)> {
        let mut lines = Lines::new(text.as_bytes(), most);
        let mut found = Vec::new();
        loop {
            match lines.next().await.unwrap() {
                Next::End => break,
                next => found.push((next, String::from_utf8(lines.line().to_vec()).unwrap())),
            }
        }
        assert_eq!(lines.bytes(), text.len() as u64);
        found
    }

    #[tokio::test]
    async fn lines_are_bounded_and_none_is_lost() {
        let line = |text: &str| (Next::Line, text.to_owned());
        let long = |text: &str| (Next::TooLong, text.to_owned());
        assert_eq!(all("", 5).await, []);
        assert_eq!(all("ab\n\ncd", 5).await, [line("ab"), line(""), line("cd")]);
        assert_eq!(all("abcde\nf\n", 5).await, [line("abcde"), line("f")]);
        assert_eq!(all("abcdefgh\ni\n", 5).await, [long("abcde"), line("fgh"), line("i")]);
        let huge = "x".repeat(200_000);
        assert_eq!(all(&format!("{huge}\ny"), 1 << 20).await, [line(&huge), line("y")]);
    }
}

//! A look at a document's text before it is parsed: how many tokens, how deeply nested.
//! The parser recurses and allocates per token, so neither may depend on the caller. No syntax is checked here but for
//! what the parser would forget.

use std::collections::HashSet;

use async_graphql::Pos;

/// What the text of a document holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TokenCount {
    /// Lexical tokens (<https://spec.graphql.org/October2021/#sec-Appendix-Grammar-Summary.Lexical-Tokens>), and comments:
    /// the parser takes several times as long for one as for a token.
    pub(super) tokens: u64,
    /// Deepest nesting of `{`, `(` and `[` together.
    pub(super) nesting: u64,
}

/// Counts in one pass, without allocation.
pub(super) fn count(document: &str) -> TokenCount {
    let (mut tokens, mut nesting, mut nesting_max) = (0_u64, 0_u64, 0_u64);
    let mut all = Tokens::of(document);
    for token in &mut all {
        match token.text.as_bytes() {
            b"{" | b"(" | b"[" => {
                nesting += 1;
                nesting_max = nesting_max.max(nesting);
            }
            b"}" | b")" | b"]" => nesting = nesting.saturating_sub(1),
            _ => {}
        }
        tokens += 1;
    }
    TokenCount { tokens: tokens + all.comments, nesting: nesting_max }
}

/// A field that stands twice in one input object, which the parser takes in silence, the last one winning
/// (<https://spec.graphql.org/October2021/#sec-Input-Object-Field-Uniqueness>): its name, and where it is again.
pub(super) fn field_twice(document: &str) -> Option<(&str, Pos)> {
    /// What is between two brackets.
    enum Frame<'a> {
        Object(HashSet<&'a str>),
        Arguments,
        Other,
    }
    let mut frames: Vec<Frame<'_>> = Vec::new();
    let mut arguments = 0_usize;
    let mut name: Option<Token<'_>> = None;
    for token in Tokens::of(document) {
        let before = name.take();
        match token.text.as_bytes() {
            b"(" => {
                arguments += 1;
                frames.push(Frame::Arguments);
            }
            // Outside of arguments it is a selection set.
            b"{" if arguments > 0 => frames.push(Frame::Object(HashSet::new())),
            b"{" | b"[" => frames.push(Frame::Other),
            b"}" | b")" | b"]" => {
                if let Some(Frame::Arguments) = frames.pop() {
                    arguments -= 1;
                }
            }
            b":" => {
                if let (Some(field), Some(Frame::Object(fields))) = (before, frames.last_mut())
                    && !fields.insert(field.text)
                {
                    return Some((field.text, position(document, field.at)));
                }
            }
            [first, ..] if is_word(*first) => name = Some(token),
            _ => {}
        }
    }
    None
}

/// Line and column, from one.
fn position(document: &str, at: usize) -> Pos {
    let before = &document[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
    Pos { line, column }
}

#[derive(Clone, Copy)]
struct Token<'a> {
    text: &'a str,
    /// Bytes before it.
    at: usize,
}

/// The lexical tokens of a document, one after the other.
struct Tokens<'a> {
    document: &'a str,
    at: usize,
    /// Those that were passed.
    comments: u64,
}

impl<'a> Tokens<'a> {
    fn of(document: &'a str) -> Self {
        Self { document, at: 0, comments: 0 }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let bytes = self.document.as_bytes();
        loop {
            let at = self.at;
            let byte = *bytes.get(at)?;
            self.at = match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                    self.at += 1;
                    continue;
                }
                b'#' => {
                    self.at = end_of(bytes, at, |byte| byte != b'\n' && byte != b'\r');
                    self.comments += 1;
                    continue;
                }
                b'"' if bytes[at..].starts_with(b"\"\"\"") => end_of_block_string(bytes, at + 3),
                b'"' => end_of_string(bytes, at + 1),
                b'.' if bytes[at..].starts_with(b"...") => at + 3,
                byte if is_word(byte) => end_of(bytes, at, is_word),
                // Of characters beyond ASCII each byte is one; they are no tokens, and the parser refuses them.
                _ => at + 1,
            };
            let text = self.document.get(at..self.at).unwrap_or_default();
            return Some(Token { text, at });
        }
    }
}

/// Names and numbers; a number's sign and point count as tokens of their own, which only ever counts too many.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn end_of(bytes: &[u8], from: usize, belongs: impl Fn(u8) -> bool) -> usize {
    bytes[from..].iter().position(|&byte| !belongs(byte)).map_or(bytes.len(), |length| from + length)
}

fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            b'\n' | b'\r' => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn end_of_block_string(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        if bytes[at..].starts_with(b"\\\"\"\"") {
            at += 4;
        } else if bytes[at..].starts_with(b"\"\"\"") {
            return at + 3;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::{TokenCount, count, field_twice};

    #[test]
    fn tokens_and_nesting_are_counted() {
        for (document, tokens, nesting) in [
            ("", 0, 0),
            ("{ a }", 3, 1),
            ("{a{b(c:[1,2])}}", 14, 4),
            ("{ ...F }", 4, 1),
            ("# {{{{\n{ a }", 4, 1),
            ("#\n##\r#", 3, 0),
            ("{ a(b: \"{{{ \\\" {{\") }", 8, 2),
            ("{ a(b: \"\"\"{{{ \\\"\"\" {{\"\"\") }", 8, 2),
            ("}}}{", 4, 1),
            ("\"unterminated {", 1, 0),
            ("\"\"\"unterminated {", 1, 0),
            ("\"ends in \\", 1, 0),
        ] {
            assert_eq!(count(document), TokenCount { tokens, nesting }, "{document}");
        }
    }

    #[test]
    fn a_field_that_stands_twice_in_an_object_is_found() {
        for (document, found) in [
            ("{ a(b: {c: 1, d: 2, c: 3}) }", Some(("c", 1, 21))),
            ("query($v: T = {c: 1\n c: 2}) { a }", Some(("c", 2, 2))),
            ("{ a(b: [{c: 1}, {d: {e: 1, e: 2}}]) }", Some(("e", 1, 28))),
            ("{ a @d(b: {c: $c, c: $d}) }", Some(("c", 1, 19))),
            ("{ a(b: {c: {c: 1}, d: {c: 1}}) }", None),
            ("{ a(b: [{c: 1}, {c: 1}]) }", None),
            ("{ a(b: {c: C, d: C}) { c: a c: a } }", None),
            ("{ a(b: {c: \"d: 1 d: 2\", e: \"\"\"c: 1\"\"\"}) # c: 1\n }", None),
            ("}}))]]{ a(b: {c: 1", None),
            ("{ é(é: {é: 1, é: 2}) }", None),
        ] {
            let twice = field_twice(document).map(|(name, at)| (name, at.line, at.column));
            assert_eq!(twice, found, "{document}");
        }
        assert!(field_twice(&"{ a(b: {".repeat(10_000)).is_none());
    }

    #[test]
    fn anything_is_counted_to_its_end() {
        assert_eq!(count(&"{".repeat(100_000)).nesting, 100_000);
        assert_eq!(count(&"é€\u{0}".repeat(1000)).nesting, 0);
    }
}

//! A look at a document's text before it is parsed: how many tokens, how deeply nested.
//! The parser recurses and allocates per token, so neither may depend on the caller. No syntax is checked here.

/// What the text of a document holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TokenCount {
    /// Lexical tokens (<https://spec.graphql.org/October2021/#sec-Appendix-Grammar-Summary.Lexical-Tokens>).
    pub(super) tokens: u64,
    /// Deepest nesting of `{`, `(` and `[` together.
    pub(super) nesting: u64,
}

/// Counts in one pass, without allocation.
pub(super) fn count(document: &str) -> TokenCount {
    let bytes = document.as_bytes();
    let (mut tokens, mut nesting, mut nesting_max) = (0_u64, 0_u64, 0_u64);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at = match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                at += 1;
                continue;
            }
            b'#' => {
                at = end_of(bytes, at, |byte| byte != b'\n' && byte != b'\r');
                continue;
            }
            b'"' if bytes[at..].starts_with(b"\"\"\"") => end_of_block_string(bytes, at + 3),
            b'"' => end_of_string(bytes, at + 1),
            b'{' | b'(' | b'[' => {
                nesting += 1;
                nesting_max = nesting_max.max(nesting);
                at + 1
            }
            b'}' | b')' | b']' => {
                nesting = nesting.saturating_sub(1);
                at + 1
            }
            b'.' if bytes[at..].starts_with(b"...") => at + 3,
            byte if is_word(byte) => end_of(bytes, at, is_word),
            _ => at + 1,
        };
        tokens += 1;
    }
    TokenCount { tokens, nesting: nesting_max }
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
    use super::{TokenCount, count};

    #[test]
    fn tokens_and_nesting_are_counted() {
        for (document, tokens, nesting) in [
            ("", 0, 0),
            ("{ a }", 3, 1),
            ("{a{b(c:[1,2])}}", 14, 4),
            ("{ ...F }", 4, 1),
            ("# {{{{\n{ a }", 3, 1),
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
    fn anything_is_counted_to_its_end() {
        assert_eq!(count(&"{".repeat(100_000)).nesting, 100_000);
        assert_eq!(count(&"é€\u{0}".repeat(1000)).nesting, 0);
    }
}

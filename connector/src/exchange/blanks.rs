//! Texts that are not to be shown, found in whichever spelling a message repeats them: as they are, in capitals or small
//! letters, and as JSON, URLs, forms, HTML and XML write them. Deliberately absent: what was encoded as a whole (Base64) or
//! hashed.

use std::cmp::Reverse;

/// Texts shorter than this stand everywhere by chance; blanking them would spoil the message.
const CHARS_MIN: usize = 4;
/// Of a longer text this beginning is enough, with as much of the rest as stands there too: messages cut what they repeat.
const BEGINNING_CHARS_MAX: usize = 32;
/// Where one of these stands a character may be spelled otherwise than it looks.
const ESCAPES: [u8; 4] = *b"\\%&+";

/// How many bytes a text begins with that spell a character.
type Spelling = fn(&[u8], char) -> Option<usize>;

/// A text, and what is shown in its place.
type Blank<'a> = (&'a str, &'static str);

/// What is looked for in messages.
#[derive(Default)]
pub(crate) struct Blanks<'a> {
    /// The longest first.
    all: Vec<Blank<'a>>,
    /// Those that begin with a byte, in small letters.
    by_first: Vec<Vec<Blank<'a>>>,
    /// What is shown of every message.
    instead: Option<&'static str>,
}

impl<'a> Blanks<'a> {
    pub(crate) fn of(texts: impl IntoIterator<Item = Blank<'a>>) -> Self {
        let mut all: Vec<Blank<'a>> = texts.into_iter().filter(|(text, _)| is_long(text)).collect();
        all.sort_by_key(|(text, _)| Reverse(text.len()));
        all.dedup();
        let mut by_first = vec![Vec::new(); 256];
        for blank in &all {
            by_first[usize::from(blank.0.as_bytes()[0].to_ascii_lowercase())].push(*blank);
        }
        Self { all, by_first, instead: None }
    }

    /// Nothing is shown of any message but this.
    pub(crate) fn everything(mark: &'static str) -> Self {
        Self { instead: Some(mark), ..Self::default() }
    }

    /// The message without any of them. Where two overlap, both are gone.
    pub(crate) fn blank(&self, message: &str) -> String {
        if let Some(mark) = self.instead {
            return mark.to_owned();
        }
        if self.all.is_empty() {
            return message.to_owned();
        }
        let bytes = message.as_bytes();
        let mut shown = String::with_capacity(message.len());
        // What stands before it is shown or blanked.
        let mut done = 0;
        for at in 0..bytes.len() {
            let here = match bytes[at] {
                byte if ESCAPES.contains(&byte) => &self.all,
                byte => &self.by_first[usize::from(byte.to_ascii_lowercase())],
            };
            let rest = &bytes[at..];
            let found = here.iter().find_map(|(text, mark)| Some((at + length(rest, text)?, *mark)));
            if let Some((end, mark)) = found.filter(|(end, _)| *end > done) {
                if at >= done {
                    shown.push_str(&message[done..at]);
                    shown.push_str(mark);
                }
                done = end;
            }
        }
        shown.push_str(&message[done..]);
        shown
    }
}

/// Whether a text is looked for at all.
pub(super) fn is_long(text: &str) -> bool {
    text.chars().nth(CHARS_MIN - 1).is_some()
}

/// How many bytes of `rest` are this text, in one of its spellings; `None` where it does not stand there.
fn length(rest: &[u8], text: &str) -> Option<usize> {
    let stopped = match spelled(rest, text, plain) {
        Ok(length) => return Some(length),
        Err(stopped) => stopped,
    };
    let seen = &rest[..rest.len().min(stopped + 1)];
    if !seen.iter().any(|byte| ESCAPES.contains(byte)) {
        return None;
    }
    let spellings: [Spelling; 3] = [escaped, percent_encoded, referenced];
    spellings.into_iter().find_map(|spelling| spelled(rest, text, spelling).ok())
}

/// How many bytes the text has by this spelling, or behind how many it ends to be the text.
fn spelled(rest: &[u8], text: &str, spelling: impl Fn(&[u8], char) -> Option<usize>) -> Result<usize, usize> {
    let mut length = 0;
    for (place, character) in text.chars().enumerate() {
        match spelling(&rest[length..], character) {
            Some(bytes) => length += bytes,
            None if place >= BEGINNING_CHARS_MAX => break,
            None => return Err(length),
        }
    }
    Ok(length)
}

fn plain(rest: &[u8], character: char) -> Option<usize> {
    let mut buffer = [0; 4];
    let bytes = character.encode_utf8(&mut buffer).as_bytes();
    rest.get(..bytes.len()).filter(|here| here.eq_ignore_ascii_case(bytes)).map(<[u8]>::len)
}

/// As JSON and most languages write it, however often that was done: `\/`, `\n`, `\u00e9`.
fn escaped(rest: &[u8], character: char) -> Option<usize> {
    let slashes = rest.iter().take_while(|byte| **byte == b'\\').count();
    if slashes == 0 {
        return plain(rest, character);
    }
    let by_number = || {
        let (mut length, mut buffer) = (0, [0; 2]);
        for unit in character.encode_utf16(&mut buffer) {
            let slashes = rest[length..].iter().take_while(|byte| **byte == b'\\').count();
            let digits = rest.get(length + slashes + 1..length + slashes + 5)?;
            if slashes == 0 || rest[length + slashes] != b'u' || hexadecimal(digits)? != u32::from(*unit) {
                return None;
            }
            length += slashes + 5;
        }
        Some(length)
    };
    let by_letter = || {
        let letter = match character {
            '\n' => b'n',
            '\r' => b'r',
            '\t' => b't',
            '\u{8}' => b'b',
            '\u{c}' => b'f',
            '\\' => return Some(slashes.min(2)),
            _ => return None,
        };
        (rest.get(slashes) == Some(&letter)).then_some(slashes + 1)
    };
    by_number().or_else(by_letter).or_else(|| Some(slashes + plain(&rest[slashes..], character)?))
}

/// As URLs and forms write it: `%2F`, and `+` for a space.
fn percent_encoded(rest: &[u8], character: char) -> Option<usize> {
    match rest.first()? {
        b'+' if character == ' ' => Some(1),
        b'%' => {
            let mut buffer = [0; 4];
            let bytes = character.encode_utf8(&mut buffer).as_bytes();
            for (place, byte) in bytes.iter().enumerate() {
                let here = rest.get(place * 3..place * 3 + 3)?;
                let same = hexadecimal(&here[1..])? == u32::from(*byte);
                if here[0] != b'%' || !same {
                    return None;
                }
            }
            Some(bytes.len() * 3)
        }
        _ => plain(rest, character),
    }
}

/// As HTML and XML write it: `&amp;`, `&#39;`, `&#x2f;`.
fn referenced(rest: &[u8], character: char) -> Option<usize> {
    if rest.first() != Some(&b'&') {
        return plain(rest, character);
    }
    // The longest is `&#x10ffff;`.
    let end = rest.iter().take(12).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(&rest[1..end]).ok()?;
    let number = || {
        let digits = name.strip_prefix('#')?;
        match digits.strip_prefix(['x', 'X']) {
            Some(digits) => hexadecimal(digits.as_bytes()),
            None => digits.parse().ok(),
        }
    };
    let meant = match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => number().and_then(char::from_u32),
    };
    (meant == Some(character)).then_some(end + 1)
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    let digits = std::str::from_utf8(digits).ok().filter(|_digits| is_number)?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Blanks;

    const MARK: &str = "[hidden]";

    #[test]
    fn a_text_is_found_in_every_spelling() {
        let secret = "k/é\"&\\ ü😀+1";
        let blanks = Blanks::of([(secret, MARK)]);
        let json = json!(secret).to_string();
        let once = &json[1..json.len() - 1];
        let twice = json!(once).to_string();
        for spelling in [
            secret.to_owned(),
            secret.to_ascii_uppercase(),
            once.to_owned(),
            once.replace('/', "\\/"),
            once.replace('é', "\\u00e9").replace('ü', "\\u00FC").replace('😀', "\\ud83d\\uDE00"),
            twice[1..twice.len() - 1].to_owned(),
            "k%2F%C3%A9%22%26%5C%20%C3%BC%F0%9F%98%80%2B1".to_owned(),
            "k%2f%c3%a9%22%26%5c+%c3%bc%f0%9f%98%80%2b1".to_owned(),
            "k/%C3%A9%22&%5C%20%C3%BC%F0%9F%98%80+1".to_owned(),
            "k/é&quot;&amp;\\ ü😀+1".to_owned(),
            "k&#47;é&#34;&#x26;&#92; &#xFC;😀&#43;1".to_owned(),
        ] {
            let shown = blanks.blank(&format!("é<{spelling}> and {spelling}"));
            assert_eq!(shown, format!("é<{MARK}> and {MARK}"), "{spelling}");
        }
        for other in ["k/é\"&\\ ü😀+2", "k%2F%C3%A8", "k\\u00e", "k%2", "k&am", "k\\", ""] {
            assert_eq!(blanks.blank(other), other);
        }
    }

    #[test]
    fn the_longest_is_blanked_whole_and_what_overlaps_too() {
        let texts = [("token", "[1]"), ("token-of-now", "[2]"), ("now-and-then", "[3]"), ("abc", "[4]")];
        let blanks = Blanks::of(texts);
        assert_eq!(blanks.blank("token-of-now, token, abc"), "[2], [1], abc");
        assert_eq!(blanks.blank("a token-of-now-and-then!"), "a [2]!");
        assert_eq!(blanks.blank("tokentoken"), "[1][1]");
        assert_eq!(Blanks::default().blank("token"), "token");
        assert_eq!(Blanks::everything(MARK).blank("token"), MARK);
    }

    #[test]
    fn of_a_long_text_its_beginning_is_blanked() {
        let long = "0123456789".repeat(30);
        let blanks = Blanks::of([(long.as_str(), MARK)]);
        assert_eq!(blanks.blank(&format!("{}… is too long", &long[..150])), format!("{MARK}… is too long"));
        assert_eq!(blanks.blank(&long[..31]), long[..31]);
    }
}

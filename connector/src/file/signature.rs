//! Recognises by its first bytes a file that is not the text it should be, so that the customer reads
//! `a Word or Excel document` and not ten thousand complaints about lines.

/// First bytes that are looked at.
pub(super) const HEAD_BYTES: usize = 8192;
/// Control characters among the first bytes, per hundred, from which on a file is no text. Text has none
/// but tabs and line ends; a few may be damage that concerns single lines only.
const CONTROL_PERCENT_MAX: usize = 10;

const SIGNATURES: [(&[u8], &str); 13] = [
    (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "an old Word or Excel document"),
    (b"\xD0\xCF\x11\xE0", "an old Word or Excel document"),
    (b"%PDF-", "a PDF document"),
    (b"{\\rtf", "a rich text document"),
    (b"\x1F\x8B", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xFD7zXZ\x00", "an xz archive"),
    (b"7z\xBC\xAF\x27\x1C", "a 7z archive"),
    (b"\x89PNG", "a picture"),
    (b"\xFF\xD8\xFF", "a picture"),
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"<?xml", "an XML document"),
];

/// What the file is when it is not text in UTF-8: `a PDF document`. `head` is its beginning.
pub(super) fn not_text(head: &[u8]) -> Option<&'static str> {
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Some(archive(head));
    }
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    for (signature, what) in SIGNATURES {
        if head.starts_with(signature) || text.starts_with(signature) {
            return Some(what);
        }
    }
    if head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF") {
        return Some("text in UTF-16, where UTF-8 is expected");
    }
    if starts_with_ignore_case(text, b"<!doctype html") || starts_with_ignore_case(text, b"<html") {
        return Some("a web page (HTML)");
    }
    let control = head.iter().filter(|&&byte| is_control(byte)).count();
    (control * 100 > head.len() * CONTROL_PERCENT_MAX).then_some("not text (it is binary)")
}

fn archive(head: &[u8]) -> &'static str {
    let holds = |name: &[u8]| head.windows(name.len()).any(|window| window == name);
    if holds(b"word/") {
        "a Word document"
    } else if holds(b"xl/") {
        "an Excel workbook"
    } else if holds(b"[Content_Types].xml") || holds(b"mimetype") {
        "a Word or Excel document"
    } else {
        "a Word or Excel document, or a ZIP archive"
    }
}

fn starts_with_ignore_case(text: &[u8], prefix: &[u8]) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn is_control(byte: u8) -> bool {
    byte == 0x7F || (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C))
}

#[cfg(test)]
mod tests {
    use super::not_text;

    #[test]
    fn documents_archives_and_pictures_are_recognised() {
        for (head, what) in [
            (&b"PK\x03\x04\x14\x00word/document.xml"[..], "a Word document"),
            (b"PK\x03\x04\x14\x00[Content_Types].xml xl/workbook.xml", "an Excel workbook"),
            (b"PK\x03\x04\x14\x00[Content_Types].xml", "a Word or Excel document"),
            (b"PK\x03\x04\x14\x00readme.txt", "a Word or Excel document, or a ZIP archive"),
            (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\x00\x00", "an old Word or Excel document"),
            (b"%PDF-1.7\n%", "a PDF document"),
            (b"\x1F\x8B\x08\x00", "a gzip archive"),
            (b"\x89PNG\r\n\x1A\n", "a picture"),
            (b"\xFF\xD8\xFF\xE0", "a picture"),
            (b"\xFF\xFEi\x00d\x00", "text in UTF-16, where UTF-8 is expected"),
            (b"\n <!DOCTYPE HTML><html>", "a web page (HTML)"),
            (b"<html><body>Sign in", "a web page (HTML)"),
            (b"\x01\x02\x03\x04abcdef\x00\x00", "not text (it is binary)"),
        ] {
            assert_eq!(not_text(head), Some(what));
        }
    }

    #[test]
    fn text_is_text_also_with_a_damaged_byte() {
        for head in [
            &b""[..],
            b"id,email\n1,a@example.com\n",
            b"\xEF\xBB\xBFid;name\r\n1;M\xC3\xBCller\r\n",
            b"id,name\n1,a\x00b\n2,this line is long enough to count\n",
            b"{\"id\": 1}\n",
            b"id,name\n1,\xFF\xFE\n",
        ] {
            assert_eq!(not_text(head), None);
        }
    }
}

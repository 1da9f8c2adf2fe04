//! CSV (RFC 4180) as customers send it: one record at a time, and back on its feet after a broken one.
//!
//! The splitting is our own because the `csv` crate repairs bad quoting in silence: a quote that is never
//! closed swallows the rest of the file as one field. Here it costs the record in which it stands.

use std::io;
use std::sync::Arc;

use serde_json::Value;

use super::lines::{LINE_BYTES_MAX, Line, LineReader, without_line_end};
use crate::{FieldNames, Record};

/// Longest record, in lines. A quoted field may hold line breaks, but one that runs on for longer is
/// taken for one that was never closed.
pub(super) const RECORD_LINES_MAX: u64 = 1000;
/// Names of found columns in a hint, at most.
const COLUMNS_SHOWN_MAX: usize = 30;

/// How a CSV file is written.
#[derive(Debug, Clone)]
pub(super) struct CsvFormat {
    /// ASCII, neither a quote nor a line end.
    pub(super) delimiter: u8,
    /// True when the first record names the columns.
    pub(super) header: bool,
    /// Texts that stand for null.
    pub(super) null_values: Vec<String>,
}

/// What came next.
#[derive(Debug)]
pub(super) enum Parsed {
    /// A record; its fields are in the parser.
    Record,
    /// No record: why. Reading goes on after it.
    Bad(String),
    /// The end of the file.
    End,
}

/// Reads records; keeps its buffers between them.
pub(super) struct CsvParser {
    format: CsvFormat,
    line: Vec<u8>,
    /// Beginning of what was read, for a report.
    raw: Vec<u8>,
    /// The unquoted fields, one after the other.
    fields: Vec<u8>,
    /// Where each field ends in `fields`.
    ends: Vec<usize>,
    /// True when `line` holds the fields, delimited, without quotes and checked to be UTF-8.
    plain: bool,
    /// Number of the line on which the last record begins, from 1.
    line_number: u64,
    /// Of the columns, for all records.
    names: Option<Arc<FieldNames>>,
}

/// Bytes of raw text that a report can use.
const RAW_BYTES: usize = 4096;

impl CsvParser {
    pub(super) fn new(format: CsvFormat) -> Self {
        Self {
            format,
            line: Vec::new(),
            raw: Vec::new(),
            fields: Vec::new(),
            ends: Vec::new(),
            plain: false,
            line_number: 0,
            names: None,
        }
    }

    /// The line on which the last record begins, from 1.
    pub(super) fn line_number(&self) -> u64 {
        self.line_number
    }

    /// The beginning of the text of the last record, good or bad.
    pub(super) fn raw(&self) -> &[u8] {
        if self.plain { without_line_end(&self.line) } else { without_line_end(&self.raw) }
    }

    /// Reads the next record. Blank lines are passed over.
    pub(super) fn read(&mut self, lines: &mut LineReader) -> io::Result<Parsed> {
        loop {
            let at_start = lines.place().offset == 0;
            self.line_number = lines.place().line + 1;
            self.plain = true;
            match lines.read(&mut self.line)? {
                Line::End => return Ok(Parsed::End),
                Line::TooLong => {
                    return Ok(Parsed::Bad(format!("the line is longer than {LINE_BYTES_MAX} bytes")));
                }
                Line::Read => {}
            }
            if at_start && self.line.starts_with(b"\xEF\xBB\xBF") {
                self.line.drain(..3);
            }
            if without_line_end(&self.line).is_empty() {
                continue;
            }
            if self.line.contains(&b'"') {
                return self.read_quoted(lines);
            }
            return Ok(self.check(without_line_end(&self.line)));
        }
    }

    /// The texts of the last record.
    pub(super) fn texts(&self) -> Vec<&str> {
        let mut texts = Vec::new();
        self.each(|text| texts.push(text));
        texts
    }

    /// How many fields the last record has.
    pub(super) fn count(&self) -> usize {
        if self.plain {
            let delimiter = self.format.delimiter;
            without_line_end(&self.line).iter().filter(|&&byte| byte == delimiter).count() + 1
        } else {
            self.ends.len()
        }
    }

    /// The last record under the names of its columns; as many as it has fields.
    pub(super) fn record(&mut self, columns: &[String]) -> Record {
        let mut values = Vec::with_capacity(columns.len());
        self.each(|text| {
            let null = self.format.null_values.iter().any(|null| null == text);
            values.push(if null { Value::Null } else { Value::String(text.to_owned()) });
        });
        if self.names.as_ref().is_none_or(|names| names.as_slice() != columns) {
            self.names = FieldNames::new(columns.iter().cloned());
        }
        match &self.names {
            Some(names) if values.len() == names.len() => Record::of(names, values),
            _ => columns.iter().cloned().zip(values).collect(),
        }
    }

    fn each<'a>(&'a self, mut field: impl FnMut(&'a str)) {
        const CHECKED: &str = "records are given out only after they were found to be UTF-8";
        if self.plain {
            let text = std::str::from_utf8(without_line_end(&self.line)).expect(CHECKED);
            text.split(char::from(self.format.delimiter)).for_each(field);
        } else {
            let mut start = 0;
            for &end in &self.ends {
                field(std::str::from_utf8(&self.fields[start..end]).expect(CHECKED));
                start = end;
            }
        }
    }

    /// The rules for the text of a record.
    fn check(&self, text: &[u8]) -> Parsed {
        if text.contains(&0) {
            Parsed::Bad("contains a NUL byte".to_owned())
        } else if std::str::from_utf8(text).is_err() {
            Parsed::Bad("is not valid UTF-8".to_owned())
        } else {
            Parsed::Record
        }
    }

    /// A record with quotes, of which the first line is in `line`.
    fn read_quoted(&mut self, lines: &mut LineReader) -> io::Result<Parsed> {
        self.plain = false;
        self.raw.clear();
        self.fields.clear();
        self.ends.clear();
        let second_line = lines.place();
        let mut state = State::FieldStart;
        let mut record_lines = 0;
        let mut record_bytes = 0;
        loop {
            record_lines += 1;
            record_bytes += self.line.len();
            let room = RAW_BYTES.saturating_sub(self.raw.len()).min(self.line.len());
            self.raw.extend_from_slice(&self.line[..room]);
            state = split(&self.line, self.format.delimiter, state, &mut self.fields, &mut self.ends);
            let broken = match state {
                State::AfterQuote(false) | State::FieldStart | State::Unquoted => {
                    return Ok(self.check_fields());
                }
                State::AfterQuote(true) if record_lines == 1 => {
                    "there is text after a closing quote".to_owned()
                }
                // The closing quote may have been meant to open a field of that later line.
                State::AfterQuote(true) => {
                    "a quoted field is not closed, or there is text after its closing quote".to_owned()
                }
                State::Quoted if record_lines >= RECORD_LINES_MAX || record_bytes > LINE_BYTES_MAX => {
                    "a quoted field is not closed".to_owned()
                }
                State::Quoted => match lines.read(&mut self.line)? {
                    Line::Read => continue,
                    Line::TooLong | Line::End => "a quoted field is not closed".to_owned(),
                },
            };
            // The lines that the quote took along are read again, as records of their own.
            lines.seek(second_line)?;
            let first_line = self.raw.iter().position(|&byte| byte == b'\n').unwrap_or(self.raw.len());
            self.raw.truncate(first_line);
            return Ok(Parsed::Bad(broken));
        }
    }

    fn check_fields(&self) -> Parsed {
        let mut start = 0;
        for &end in &self.ends {
            // Each field by itself: two halves of a character must not become one across a delimiter.
            if let bad @ Parsed::Bad(_) = self.check(&self.fields[start..end]) {
                return bad;
            }
            start = end;
        }
        Parsed::Record
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Unquoted,
    /// Inside quotes; at the end of a line it goes on in the next.
    Quoted,
    /// After a closing quote; true when something else than a delimiter followed.
    AfterQuote(bool),
}

/// Splits one more line of a record; the state goes on from line to line.
fn split(line: &[u8], delimiter: u8, before: State, fields: &mut Vec<u8>, ends: &mut Vec<usize>) -> State {
    let end = without_line_end(line).len();
    let mut state = before;
    let mut at = 0;
    loop {
        match state {
            State::Quoted => {
                // The line end belongs to the field here.
                let Some(quote) = line[at..].iter().position(|&byte| byte == b'"') else {
                    fields.extend_from_slice(&line[at..]);
                    return State::Quoted;
                };
                fields.extend_from_slice(&line[at..at + quote]);
                at += quote + 1;
                if line.get(at) == Some(&b'"') {
                    fields.push(b'"');
                    at += 1;
                } else {
                    state = State::AfterQuote(false);
                }
            }
            State::AfterQuote(_) if at >= end => {
                ends.push(fields.len());
                return State::AfterQuote(false);
            }
            State::AfterQuote(_) => {
                if line[at] != delimiter {
                    return State::AfterQuote(true);
                }
                ends.push(fields.len());
                at += 1;
                state = State::FieldStart;
            }
            State::FieldStart if at < end && line[at] == b'"' => {
                at += 1;
                state = State::Quoted;
            }
            State::FieldStart | State::Unquoted => {
                // A quote inside an unquoted field is a quote: `5" pipe`.
                let rest = &line[at..end];
                let length = rest.iter().position(|&byte| byte == delimiter);
                fields.extend_from_slice(&rest[..length.unwrap_or(rest.len())]);
                ends.push(fields.len());
                match length {
                    Some(length) => at += length + 1,
                    None => return State::Unquoted,
                }
                state = State::FieldStart;
            }
        }
    }
}

/// The column names of a header; `column1`… where it names none.
///
/// # Errors
/// What is wrong with it, for the customer.
pub(super) fn header_columns(texts: &[&str]) -> Result<Vec<String>, String> {
    let mut columns: Vec<String> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        columns.push(if text.is_empty() { numbered(index) } else { (*text).to_owned() });
    }
    let mut first_at = std::collections::HashMap::with_capacity(columns.len());
    for (index, column) in columns.iter().enumerate() {
        if let Some(first) = first_at.insert(column.as_str(), index) {
            return Err(format!(
                "the header names `{column}` twice, as columns {} and {}",
                first + 1,
                index + 1
            ));
        }
    }
    Ok(columns)
}

/// Name of a column of a file without header, by its position from 0.
pub(super) fn numbered(index: usize) -> String {
    format!("column{}", index + 1)
}

/// Says which of the needed columns are missing, and which were found; `None` when none is missing.
pub(super) fn missing_columns(columns: &[String], needed: &[String], delimiter: u8) -> Option<String> {
    let quoted = |names: Vec<&String>| {
        names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    let missing: Vec<&String> = needed.iter().filter(|name| !columns.contains(name)).collect();
    if missing.is_empty() {
        return None;
    }
    let mut hint = format!(
        "the file has no column {}; it has {}",
        quoted(missing),
        quoted(columns.iter().take(COLUMNS_SHOWN_MAX).collect())
    );
    if columns.len() > COLUMNS_SHOWN_MAX {
        hint.push_str(&format!(" and {} more", columns.len() - COLUMNS_SHOWN_MAX));
    }
    if let [only] = columns
        && let Some(other) = [';', ',', '\t', '|']
            .into_iter()
            .find(|&other| other != char::from(delimiter) && only.contains(other))
    {
        let name = if other == '\t' { "a tab".to_owned() } else { format!("`{other}`") };
        hint.push_str(&format!(" (its columns seem to be separated by {name}: set the delimiter)"));
    }
    Some(hint)
}

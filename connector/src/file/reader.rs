//! A file as records, whatever its format, from any place in it. Deliberately absent: pages, checkpoints
//! and what is new. Everything here blocks.

use std::io::Read as _;

use super::content::{Content, Mark, after_line, failure};
use super::csv_format::{self, CsvFormat, CsvParser, header_columns, missing_columns, numbered};
use super::json_lines::{self, JsonLinesParser};
use super::lines::{LineReader, Place};
use super::signature::{HEAD_BYTES, not_text};
use crate::{Item, Malformed, SystemError, SystemErrorKind};

/// Kept of the raw text of something malformed, in bytes.
const RAW_BYTES_MAX: usize = 2048;

/// The format of a file of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Comma-separated values.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

impl Format {
    /// Its name for people.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Jsonl => "JSON Lines",
        }
    }
}

/// An open file, at a record.
pub(super) struct RecordReader {
    lines: LineReader,
    parser: Parser,
}

enum Parser {
    /// `columns` is empty until the first record of a file without header tells how many there are.
    Csv {
        parser: CsvParser,
        columns: Vec<String>,
        needed: Vec<String>,
        delimiter: u8,
    },
    JsonLines(JsonLinesParser),
}

/// What a file must be.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    /// Its format.
    pub(super) format: Format,
    /// How CSV is written.
    pub(super) csv: CsvFormat,
    /// Columns that a CSV file must have.
    pub(super) columns: Vec<String>,
}

impl RecordReader {
    /// Opens a file before its first record, after the header.
    ///
    /// # Errors
    /// `Malformed`, with a hint, when the file as a whole is not what is expected.
    pub(super) fn open(mut content: Box<dyn Content>, expected: &Expected) -> Result<Self, SystemError> {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        if let Err(error) = (&mut content).take(HEAD_BYTES as u64).read_to_end(&mut head)
            && head.is_empty()
        {
            return Err(failure("reading the file", &error));
        }
        // Otherwise what could be read is given out first, and the error comes again after it.
        if let Some(what) = not_text(&head) {
            return Err(malformed(format!("the file is {what}, not {}", expected.format.title())));
        }
        let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&head).trim_ascii_start();
        if expected.format == Format::Jsonl && text.starts_with(b"[") {
            return Err(malformed("the file is a JSON array, not JSON Lines (one object a line)".to_owned()));
        }
        let mut lines = LineReader::new(content).map_err(|error| failure("reading the file", &error))?;
        let parser = match expected.format {
            Format::Jsonl => Parser::JsonLines(JsonLinesParser::default()),
            Format::Csv => {
                let mut parser = CsvParser::new(expected.csv.clone());
                let columns = if expected.csv.header {
                    read_header(&mut parser, &mut lines, expected)?
                } else {
                    Vec::new()
                };
                Parser::Csv {
                    parser,
                    columns,
                    needed: expected.columns.clone(),
                    delimiter: expected.csv.delimiter,
                }
            }
        };
        Ok(Self { lines, parser })
    }

    /// Goes on at a place that [`place`](Self::place) gave, with the columns that were known there.
    pub(super) fn resume(&mut self, place: Place, column_count: Option<usize>) -> Result<(), SystemError> {
        if let (Parser::Csv { columns, .. }, Some(count)) = (&mut self.parser, column_count)
            && columns.is_empty()
        {
            *columns = (0..count).map(numbered).collect();
        }
        self.lines.seek(place).map_err(|error| failure("going on in the file", &error))
    }

    /// Where the next record begins.
    pub(super) fn place(&self) -> Place {
        self.lines.place()
    }

    /// From where on a packed file has to be unpacked to come to the next record.
    pub(super) fn mark(&self) -> Option<Mark> {
        self.lines.mark()
    }

    /// Tells a mark that an earlier reading found.
    pub(super) fn remember(&mut self, mark: Mark) {
        self.lines.remember(mark);
    }

    /// The columns of a CSV file, as far as they are known.
    pub(super) fn columns(&self) -> Option<&[String]> {
        match &self.parser {
            Parser::Csv { columns, .. } if !columns.is_empty() => Some(columns),
            _ => None,
        }
    }

    /// The next record, or what stands where one should be; `None` at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Item>, SystemError> {
        let (reason, line, raw) = match &mut self.parser {
            Parser::JsonLines(parser) => match parser
                .read(&mut self.lines)
                .map_err(|error| after_line(failure("reading the file", &error), parser.line_number() - 1))?
            {
                json_lines::Parsed::End => return Ok(None),
                json_lines::Parsed::Record(record) => return Ok(Some(Item::Record(record))),
                json_lines::Parsed::Bad(reason) => (reason, parser.line_number(), parser.raw()),
            },
            Parser::Csv { parser, columns, needed, delimiter } => {
                let reason = match parser.read(&mut self.lines).map_err(|error| {
                    after_line(failure("reading the file", &error), parser.line_number() - 1)
                })? {
                    csv_format::Parsed::End => return Ok(None),
                    csv_format::Parsed::Bad(reason) => reason,
                    csv_format::Parsed::Record => {
                        let count = parser.count();
                        if columns.is_empty() {
                            let numbered: Vec<String> = (0..count).map(numbered).collect();
                            if let Some(hint) = missing_columns(&numbered, needed, *delimiter) {
                                return Err(malformed(hint));
                            }
                            *columns = numbered;
                        }
                        if count == columns.len() {
                            return Ok(Some(Item::Record(parser.record(columns))));
                        }
                        format!("has {}, not {}", fields(count), columns.len())
                    }
                };
                (reason, parser.line_number(), parser.raw())
            }
        };
        let raw = String::from_utf8_lossy(&raw[..raw.len().min(RAW_BYTES_MAX)]);
        let raw = cut(raw.into_owned());
        Ok(Some(Item::Malformed(Malformed { position: format!("line {line}"), reason, raw: Some(raw) })))
    }
}

fn read_header(
    parser: &mut CsvParser,
    lines: &mut LineReader,
    expected: &Expected,
) -> Result<Vec<String>, SystemError> {
    match parser.read(lines).map_err(|error| failure("reading the header", &error))? {
        csv_format::Parsed::End => Err(malformed("the file is empty: a header row is expected".to_owned())),
        csv_format::Parsed::Bad(reason) => {
            Err(malformed(format!("the header row (line {}) can't be read: {reason}", parser.line_number())))
        }
        csv_format::Parsed::Record => {
            let columns = header_columns(&parser.texts()).map_err(malformed)?;
            match missing_columns(&columns, &expected.columns, expected.csv.delimiter) {
                Some(hint) => Err(malformed(hint)),
                None => Ok(columns),
            }
        }
    }
}

/// The whole file is not what it should be; the same words for engineers and customers.
pub(super) fn malformed(hint: String) -> SystemError {
    SystemError::new(SystemErrorKind::Malformed, hint.clone()).with_hint(hint)
}

fn fields(count: usize) -> String {
    if count == 1 { "1 field".to_owned() } else { format!("{count} fields") }
}

/// Replacement characters can make lossy text longer than the bytes were.
fn cut(mut text: String) -> String {
    if text.len() > RAW_BYTES_MAX {
        text.truncate(text.floor_char_boundary(RAW_BYTES_MAX));
    }
    text
}

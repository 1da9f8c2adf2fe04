//! A file as records, be it text or columns, from any place in it. Everything here blocks.

use serde::{Deserialize, Serialize};

use super::compression::Compression;
use super::content::Mark;
use super::csv_format::CsvFormat;
use super::format::{self, FileFormat};
use super::lines::Place;
use super::parquet::{ParquetReader, RowPlace};
use super::reader::{Expected, RecordReader};
use super::store::Readable;
use crate::{Item, SystemError, SystemErrorKind};

/// What the options say of the files that are read.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub(super) format: Option<FileFormat>,
    pub(super) compression: Option<Compression>,
    pub(super) csv: CsvFormat,
    /// Columns that each must have.
    pub(super) columns: Vec<String>,
}

/// Where the next record is. The text places are what earlier versions stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum RecordPlace {
    /// In lines.
    Text {
        offset: u64,
        line: u64,
        /// Columns of a file without header.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        columns: Option<usize>,
        /// From where on a packed file has to be unpacked.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        mark: Option<Mark>,
    },
    /// In rows.
    #[serde(rename_all = "camelCase")]
    Rows { row_group: usize, row: u64 },
}

/// An open file, at a record.
pub(super) enum Records {
    Text(Box<RecordReader>),
    Parquet(Box<ParquetReader>),
}

impl Records {
    /// Opens a file before its first record.
    ///
    /// # Errors
    /// `Malformed`, with a hint, when the file as a whole is not what is expected.
    pub(super) fn open(readable: &Readable, path: &str, files: &Files) -> Result<Self, SystemError> {
        let (format, compression) = format::of_file(path, files.format, files.compression)?;
        Ok(match format.text() {
            None => Self::Parquet(Box::new(ParquetReader::open(readable, &files.columns)?)),
            Some(format) => {
                let content = compression.unpack(readable.raw()?);
                let expected = Expected { format, csv: files.csv.clone(), columns: files.columns.clone() };
                Self::Text(Box::new(RecordReader::open(content, &expected)?))
            }
        })
    }

    /// The next record, or what stands where one should be; `None` at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Item>, SystemError> {
        match self {
            Self::Text(reader) => reader.next(),
            Self::Parquet(reader) => reader.next(),
        }
    }

    /// What was read of it, in bytes, about: it grows as reading goes on.
    pub(super) fn size_bytes(&self) -> u64 {
        match self {
            Self::Text(reader) => reader.place().offset,
            Self::Parquet(reader) => reader.size_bytes(),
        }
    }

    /// Where the next record is.
    pub(super) fn place(&self) -> RecordPlace {
        match self {
            Self::Text(reader) => {
                let Place { offset, line } = reader.place();
                let columns = reader.columns().map(<[String]>::len);
                RecordPlace::Text {
                    offset,
                    line,
                    columns,
                    mark: reader.mark().filter(|mark| mark.packed > 0),
                }
            }
            Self::Parquet(reader) => {
                let RowPlace { group, row } = reader.place();
                RecordPlace::Rows { row_group: group, row }
            }
        }
    }

    /// Goes on at a place that an earlier reading gave.
    pub(super) fn resume(&mut self, place: &RecordPlace) -> Result<(), SystemError> {
        match (self, place) {
            (Self::Text(reader), &RecordPlace::Text { offset, line, columns, mark }) => {
                if let Some(mark) = mark {
                    reader.remember(mark);
                }
                reader.resume(Place { offset, line }, columns)
            }
            (Self::Parquet(reader), &RecordPlace::Rows { row_group, row }) => {
                reader.resume(RowPlace { group: row_group, row })
            }
            _ => Err(SystemError::new(
                SystemErrorKind::Internal,
                "the checkpoint is of a file of another format than the options say",
            )),
        }
    }

    /// The columns of the file, as far as they are known; none where records have no columns.
    pub(super) fn columns(&self) -> Vec<String> {
        match self {
            Self::Text(reader) => reader.columns().map(<[String]>::to_vec).unwrap_or_default(),
            Self::Parquet(reader) => reader.names(),
        }
    }
}

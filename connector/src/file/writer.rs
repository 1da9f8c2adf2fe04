//! Collected records to a file of a format. A body is the JSON text of what one record of the file will be. Everything
//! here blocks.

use std::io::{self, Write as _};

use serde_json::Value;

use super::compression::{Compression, Packer};
use super::content::failure;
use super::parquet::{ColumnType, ParquetWriter};
use super::target::Out;
use crate::{Record, SystemError};

/// What a file is to be.
pub(super) enum Layout {
    /// With these columns.
    Csv {
        delimiter: u8,
        columns: Vec<String>,
        compression: Compression,
    },
    JsonLines {
        compression: Compression,
    },
    Parquet {
        columns: Vec<(String, ColumnType)>,
    },
}

/// A file that is written.
pub(super) enum FileWriter {
    Csv { writer: Box<csv::Writer<Packer<Out>>>, columns: Vec<String> },
    JsonLines(Box<Packer<Out>>),
    Parquet(Box<ParquetWriter<Out>>),
}

impl FileWriter {
    pub(super) fn new(out: Out, layout: Layout) -> Result<Self, SystemError> {
        Ok(match layout {
            Layout::Parquet { columns } => Self::Parquet(Box::new(ParquetWriter::new(out, columns)?)),
            Layout::JsonLines { compression } => {
                Self::JsonLines(Box::new(Packer::new(compression, out).map_err(failed)?))
            }
            Layout::Csv { delimiter, columns, compression } => {
                let packer = Packer::new(compression, out).map_err(failed)?;
                let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(packer);
                writer.write_record(&columns).map_err(|error| failed(error.into()))?;
                Self::Csv { writer: Box::new(writer), columns }
            }
        })
    }

    pub(super) fn write(&mut self, body: &str) -> Result<(), SystemError> {
        match self {
            Self::Parquet(writer) => return writer.write(body),
            Self::JsonLines(file) => {
                file.write_all(body.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(failed)?;
            }
            Self::Csv { writer, columns } => {
                let record: Record = serde_json::from_str(body).map_err(|error| failed(error.into()))?;
                for column in columns.iter() {
                    let text = record.get(column).and_then(Value::as_str).unwrap_or("");
                    writer.write_field(text).map_err(|error| failed(error.into()))?;
                }
                writer.write_record(None::<&[u8]>).map_err(|error| failed(error.into()))?;
            }
        }
        Ok(())
    }

    /// What is written to.
    pub(super) fn out(&self) -> &Out {
        match self {
            Self::Csv { writer, .. } => writer.get_ref().target(),
            Self::JsonLines(packer) => packer.target(),
            Self::Parquet(writer) => writer.target(),
        }
    }

    /// Writes the end, and gives back what was written to.
    pub(super) fn finish(self) -> Result<Out, SystemError> {
        match self {
            Self::Parquet(writer) => writer.finish(),
            Self::JsonLines(packer) => packer.finish().map_err(failed),
            Self::Csv { writer, .. } => {
                let packer = writer.into_inner().map_err(|error| failed(error.into_error()))?;
                packer.finish().map_err(failed)
            }
        }
    }
}

fn failed(error: io::Error) -> SystemError {
    failure("writing the file", &error)
}

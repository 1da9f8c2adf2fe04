//! Records to a Parquet file, a row group at a time. Everything here blocks.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use serde_json::Value;

use super::super::content;
use super::column::{Cell, ColumnType};
use crate::{Record, SystemError, SystemErrorKind};

/// Rows of a row group, and their size as JSON text in bytes, whichever comes first: a row group is in memory, about
/// three times that size, until it is written.
const GROUP_ROWS_MAX: usize = 100_000;
const GROUP_BYTES_MAX: usize = 16 * 1024 * 1024;
/// As `zstd` does without being told otherwise.
const ZSTD_LEVEL: i32 = 3;

/// A file that is written.
pub(crate) struct ParquetWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Column>,
    rows: usize,
    size_bytes: usize,
}

struct Column {
    name: String,
    column_type: ColumnType,
    cells: Vec<Cell>,
}

impl<W: Write + Send> ParquetWriter<W> {
    pub(crate) fn new(target: W, columns: Vec<(String, ColumnType)>) -> Result<Self, SystemError> {
        let fields = columns.iter().map(|(name, column)| Ok(Arc::new(column.field(name)?)));
        let schema = fields
            .collect::<Result<Vec<_>, ParquetError>>()
            .and_then(|fields| Type::group_type_builder("record").with_fields(fields).build())
            .map_err(|error| failure(&error))?;
        let level = ZstdLevel::try_new(ZSTD_LEVEL).map_err(|error| failure(&error))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by(concat!("trestle ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let file = SerializedFileWriter::new(target, Arc::new(schema), Arc::new(properties))
            .map_err(|error| failure(&error))?;
        let columns = columns
            .into_iter()
            .map(|(name, column_type)| Column { name, column_type, cells: Vec::new() })
            .collect();
        Ok(Self { file, columns, rows: 0, size_bytes: 0 })
    }

    /// What is written to.
    pub(crate) fn target(&self) -> &W {
        self.file.inner()
    }

    /// Writes a record, given as JSON text; what it does not have is null.
    ///
    /// # Errors
    /// Also when a value is not of its column's type, which the caller has seen to.
    pub(crate) fn write(&mut self, body: &str) -> Result<(), SystemError> {
        let record: Record = serde_json::from_str(body).map_err(|error| {
            SystemError::new(SystemErrorKind::Internal, format!("reading a collected record: {error}"))
        })?;
        for column in &mut self.columns {
            let value = record.get(&column.name).unwrap_or(&Value::Null);
            let cell = column.column_type.cell(value).map_err(|reason| {
                SystemError::new(
                    SystemErrorKind::Internal,
                    format!("a value of column {} {reason}", column.name),
                )
            })?;
            column.cells.push(cell);
        }
        self.rows += 1;
        self.size_bytes += body.len();
        if self.rows >= GROUP_ROWS_MAX || self.size_bytes >= GROUP_BYTES_MAX {
            self.flush().map_err(|error| failure(&error))?;
        }
        Ok(())
    }

    /// Writes what is left and the end, and gives back what was written to.
    pub(crate) fn finish(mut self) -> Result<W, SystemError> {
        self.flush().and_then(|()| self.file.into_inner()).map_err(|error| failure(&error))
    }

    fn flush(&mut self) -> Result<(), ParquetError> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        let mut columns = self.columns.iter_mut();
        while let Some(mut writer) = group.next_column()? {
            let Some(column) = columns.next() else {
                return Err(ParquetError::General(
                    "the file has more columns than were collected".to_owned(),
                ));
            };
            write_cells(writer.untyped(), std::mem::take(&mut column.cells))?;
            writer.close()?;
        }
        group.close()?;
        self.rows = 0;
        self.size_bytes = 0;
        Ok(())
    }
}

fn write_cells(writer: &mut ColumnWriter<'_>, cells: Vec<Cell>) -> Result<(), ParquetError> {
    let levels: Vec<i16> = cells.iter().map(|cell| i16::from(*cell != Cell::Null)).collect();
    let levels = Some(levels.as_slice());
    match writer {
        ColumnWriter::BoolColumnWriter(writer) => {
            let values =
                present(cells, |cell| if let Cell::Boolean(value) = cell { Some(value) } else { None });
            writer.write_batch(&values, levels, None)?;
        }
        ColumnWriter::Int64ColumnWriter(writer) => {
            let values =
                present(cells, |cell| if let Cell::Int64(value) = cell { Some(value) } else { None });
            writer.write_batch(&values, levels, None)?;
        }
        ColumnWriter::Int32ColumnWriter(writer) => {
            let values = present(cells, |cell| if let Cell::Date(value) = cell { Some(value) } else { None });
            writer.write_batch(&values, levels, None)?;
        }
        ColumnWriter::DoubleColumnWriter(writer) => {
            let values =
                present(cells, |cell| if let Cell::Double(value) = cell { Some(value) } else { None });
            writer.write_batch(&values, levels, None)?;
        }
        ColumnWriter::ByteArrayColumnWriter(writer) => {
            let values: Vec<ByteArray> =
                present(cells, |cell| if let Cell::Bytes(bytes) = cell { Some(bytes.into()) } else { None });
            writer.write_batch(&values, levels, None)?;
        }
        ColumnWriter::FixedLenByteArrayColumnWriter(writer) => {
            let values: Vec<FixedLenByteArray> = present(cells, |cell| {
                if let Cell::Fixed(bytes) = cell { Some(ByteArray::from(bytes).into()) } else { None }
            });
            writer.write_batch(&values, levels, None)?;
        }
        ColumnWriter::Int96ColumnWriter(_) | ColumnWriter::FloatColumnWriter(_) => {
            return Err(ParquetError::NYI("a column of a type that is never written".to_owned()));
        }
    }
    Ok(())
}

fn present<T>(cells: Vec<Cell>, value: impl FnMut(Cell) -> Option<T>) -> Vec<T> {
    cells.into_iter().filter_map(value).collect()
}

fn failure(error: &ParquetError) -> SystemError {
    if let ParquetError::External(inner) = error
        && let Some(inner) = inner.downcast_ref::<std::io::Error>()
    {
        return content::failure("writing the file", inner);
    }
    SystemError::new(SystemErrorKind::Internal, format!("writing the Parquet file: {error}"))
}

//! A Parquet file as records, row group by row group, from any row of them. Everything here blocks.

use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::reader::{ReaderIter, TreeBuilder};
use parquet::schema::types::Type;
use serde_json::Value;

use super::super::content;
use super::super::reader::malformed;
use super::super::store::Readable;
use super::blocks::{Blocks, Place};
use super::column::ColumnType;
use super::page::{ColumnOf, check_footer};
use super::value::{Shape, record_of};
use crate::directory::io_failure;
use crate::{Item, Malformed, SystemError};

/// Of what stands at the end of a file and says what is in it, in bytes. Files of a terabyte have some megabytes.
const FOOTER_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Columns, with those within others.
const COLUMNS_MAX: usize = 2_000;
/// Values of a column that are decoded at once.
const BATCH_VALUES: usize = 512;

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowPlace {
    /// Row groups before it.
    pub(crate) group: usize,
    /// Rows of its row group before it.
    pub(crate) row: u64,
}

/// An open file, at a row.
pub(crate) struct ParquetReader {
    blocks: Blocks,
    file: SerializedFileReader<Blocks>,
    shape: Shape,
    place: RowPlace,
    /// The rows of the row group that is read.
    rows: Option<ReaderIter>,
    /// Of what was read, decoded, in bytes, about.
    size_bytes: u64,
}

impl ParquetReader {
    /// Opens a file before its first row.
    ///
    /// # Errors
    /// `Malformed`, with a hint, when the file is not what is expected; `needed` are columns that it must have.
    pub(crate) fn open(readable: &Readable, needed: &[String]) -> Result<Self, SystemError> {
        let place = match readable {
            Readable::Local(file, _) => {
                Place::Local(file.try_clone().map_err(|error| io_failure("opening the file", &error))?)
            }
            Readable::Remote(remote) => Place::Remote(remote.clone()),
        };
        let blocks = Blocks::new(place)?;
        check_ends(&blocks)?;
        let file = guarded(|| SerializedFileReader::new(blocks.clone()))?.map_err(|error| {
            failure(&error, "the Parquet file can't be read: what it says of itself is broken")
        })?;
        let schema = file.metadata().file_metadata().schema_descr();
        if schema.num_columns() > COLUMNS_MAX {
            return Err(malformed(format!("the Parquet file has more than {COLUMNS_MAX} columns")));
        }
        let shape = Shape::of(schema.root_schema())
            .map_err(|reason| malformed(format!("the Parquet file can't be read: {reason}")))?;
        let names = names_of(schema.root_schema());
        if let Some(hint) = super::super::csv_format::missing_columns(&names, needed, b',') {
            return Err(malformed(hint));
        }
        let place = RowPlace { group: 0, row: 0 };
        Ok(Self { blocks, file, shape, place, rows: None, size_bytes: 0 })
    }

    /// Where the next row is.
    pub(crate) fn place(&self) -> RowPlace {
        self.place
    }

    /// What was read so far, decoded, in bytes, about.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The top-level columns.
    pub(crate) fn names(&self) -> Vec<String> {
        names_of(self.file.metadata().file_metadata().schema_descr().root_schema())
    }

    /// The top-level columns, with their types.
    ///
    /// # Errors
    /// Names a column that can't be written again as it is.
    pub(crate) fn columns(&self) -> Result<Vec<(String, ColumnType)>, String> {
        let schema = self.file.metadata().file_metadata().schema_descr();
        let fields = schema.root_schema().get_fields().iter();
        fields
            .map(|field| match ColumnType::of(field) {
                Some(column) => Ok((field.name().to_owned(), column)),
                None => Err(field.name().to_owned()),
            })
            .collect()
    }

    /// Goes on at a row. Rows of its row group before it are decoded again.
    pub(crate) fn resume(&mut self, place: RowPlace) -> Result<(), SystemError> {
        self.place = RowPlace { group: place.group, row: 0 };
        self.rows = None;
        while self.place.group == place.group && self.place.row < place.row {
            if self.next()?.is_none() {
                break;
            }
        }
        self.place = place;
        self.size_bytes = 0;
        Ok(())
    }

    /// The next row, or what stands where one should be; `None` at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<Item>, SystemError> {
        loop {
            if self.rows.is_none() && !self.begin_group()? {
                return Ok(None);
            }
            let Some(rows) = &mut self.rows else { return Ok(None) };
            let row = guarded(|| rows.next().transpose())?;
            let position = format!("row group {}, row {}", self.place.group + 1, self.place.row + 1);
            // The message of such an error may hold values.
            let row =
                row.map_err(|error| failure(&error, &format!("the Parquet file is damaged at {position}")))?;
            let Some(row) = row else {
                self.rows = None;
                self.place = RowPlace { group: self.place.group + 1, row: 0 };
                continue;
            };
            self.place.row += 1;
            let record = match record_of(row, &self.shape) {
                Ok(record) => record,
                Err(reason) => return Ok(Some(Item::Malformed(Malformed { position, reason, raw: None }))),
            };
            self.size_bytes +=
                record.iter().map(|(name, value)| name.len() as u64 + size_of(value)).sum::<u64>();
            return Ok(Some(Item::Record(record)));
        }
    }

    /// Begins the row group of the place; false when there is none.
    fn begin_group(&mut self) -> Result<bool, SystemError> {
        let metadata = self.file.metadata();
        if self.place.group >= metadata.num_row_groups() {
            return Ok(false);
        }
        let group = metadata.row_group(self.place.group);
        let number = self.place.group + 1;
        check_group(group, self.blocks.size())
            .map_err(|reason| malformed(format!("row group {number} of the Parquet file {reason}")))?;
        self.blocks.expect((0..group.num_columns()).map(|index| place_of(group, index)));
        let schema = metadata.file_metadata().schema_descr_ptr();
        let rows = guarded(|| {
            let group = self.file.get_row_group(self.place.group)?;
            TreeBuilder::new().with_batch_size(BATCH_VALUES).as_iter(schema, &*group)
        })?;
        let rows = rows.map_err(|error| {
            failure(&error, &format!("row group {number} of the Parquet file can't be read"))
        })?;
        self.rows = Some(rows);
        Ok(true)
    }
}

/// The file begins and ends as it should, and what it says of itself is not too long.
fn check_ends(blocks: &Blocks) -> Result<(), SystemError> {
    let size = blocks.size();
    let not_parquet = || malformed("the file is not a Parquet file".to_owned());
    if size < 12 {
        return Err(not_parquet());
    }
    let read = |start, length| {
        blocks.bytes(start, length).map_err(|error| content::failure("reading the file", &error))
    };
    let end = read(size - 8, 8)?;
    if read(0, 4)?.as_ref() != b"PAR1" {
        return Err(if end.ends_with(b"PARE") || read(0, 4)?.as_ref() == b"PARE" {
            malformed("the Parquet file is encrypted".to_owned())
        } else {
            not_parquet()
        });
    }
    if !end.ends_with(b"PAR1") {
        return Err(malformed("the Parquet file ends too early".to_owned()));
    }
    let length = u32::from_le_bytes([end[0], end[1], end[2], end[3]]);
    if u64::from(length) > FOOTER_BYTES_MAX.min(size - 12) {
        let hint = "the Parquet file says that it has more columns and row groups than it can";
        return Err(malformed(hint.to_owned()));
    }
    let footer = read(size - 8 - u64::from(length), usize::try_from(length).unwrap_or(0))?;
    check_footer(&footer).map_err(|reason| malformed(format!("the Parquet file can't be read: {reason}")))
}

/// What a row group says fits together. A column with fewer values than rows would be read as if it had nulls.
fn check_group(group: &RowGroupMetaData, size: u64) -> Result<(), String> {
    for column in group.columns() {
        let name = column.column_descr().path().string();
        let (start, length) = (
            column.dictionary_page_offset().unwrap_or(0).min(column.data_page_offset()),
            column.compressed_size(),
        );
        if start < 0 || length < 0 || start.checked_add(length).is_none_or(|end| end.unsigned_abs() > size) {
            return Err(format!("says that its column `{name}` is outside of the file"));
        }
        let flat = column.column_descr().max_rep_level() == 0;
        if column.num_values() < group.num_rows() || (flat && column.num_values() != group.num_rows()) {
            return Err(format!("does not have as many values of `{name}` as rows"));
        }
    }
    if group.num_rows() < 0 { Err("says that it has less than no rows".to_owned()) } else { Ok(()) }
}

fn names_of(schema: &Type) -> Vec<String> {
    schema.get_fields().iter().map(|field| field.name().to_owned()).collect()
}

fn place_of(group: &RowGroupMetaData, index: usize) -> (Range<u64>, ColumnOf) {
    let chunk = group.column(index);
    let (start, length) = chunk.byte_range();
    let column = chunk.column_descr();
    let of = ColumnOf {
        physical: column.physical_type(),
        type_length: column.type_length(),
        codec: chunk.compression(),
        has_repetition_levels: column.max_rep_level() > 0,
        has_definition_levels: column.max_def_level() > 0,
    };
    (start..start.saturating_add(length), of)
}

/// Files that are broken on purpose make the decoder panic here and there; for us they are broken files.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, SystemError> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| malformed("the Parquet file is damaged in a way that its reader can't name".to_owned()))
}

/// Errors of reading bytes go on as they are; the others are about what the file holds.
fn failure(error: &ParquetError, hint: &str) -> SystemError {
    let of_reading = match error {
        ParquetError::External(inner) => inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref),
        _ => None,
    };
    if let Some(inner) = of_reading.and_then(|inner| inner.downcast_ref::<SystemError>()) {
        return inner.clone();
    }
    malformed(match error {
        ParquetError::NYI(_) => format!("{hint} (it uses something that is not supported)"),
        ParquetError::EOF(_) => format!("{hint} (it ends too early)"),
        _ => hint.to_owned(),
    })
}

fn size_of(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64,
        Value::Array(values) => values.iter().map(size_of).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() as u64 + size_of(value)).sum(),
        Value::Null => 1,
        Value::Bool(_) | Value::Number(_) => 8,
    }
}

//! Parquet (<https://parquet.apache.org/docs/file-format/>): records to and from columns. Reading and decoding is the
//! `parquet` crate's; what is ours are limits, because a file says itself how much memory it takes, and the types.

mod blocks;
mod column;
mod page;
mod reader;
mod thrift;
mod value;
mod writer;

pub(super) use self::column::{ColumnType, Seen};
pub(super) use self::reader::{ParquetReader, RowPlace};
pub(super) use self::writer::ParquetWriter;

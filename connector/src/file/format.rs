//! What a file holds and how it is packed, by the options or by its name.

use serde::Deserialize;

use super::compression::Compression;
use super::reader::Format;
use crate::{SystemError, SystemErrorKind};

/// The format of a file, as the options name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FileFormat {
    /// Comma-separated values.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// Columns.
    Parquet,
}

impl FileFormat {
    /// Its text format; `None` for what is no text.
    pub(super) fn text(self) -> Option<Format> {
        match self {
            Self::Csv => Some(Format::Csv),
            Self::Jsonl => Some(Format::Jsonl),
            Self::Parquet => None,
        }
    }

    /// By the file's extension, before one that says how it is packed: `.jsonl` and `.ndjson` are JSON Lines, `.parquet`
    /// is Parquet, all else is CSV.
    fn of_path(path: &str) -> Self {
        let path = path.to_ascii_lowercase();
        let path = path.strip_suffix(".gz").or_else(|| path.strip_suffix(".zst")).unwrap_or(&path);
        if path.ends_with(".jsonl") || path.ends_with(".ndjson") {
            Self::Jsonl
        } else if path.ends_with(".parquet") {
            Self::Parquet
        } else {
            Self::Csv
        }
    }
}

/// What a file is, by the options or else by its path.
///
/// # Errors
/// `Misconfigured` for a Parquet file that is packed as a whole.
pub(super) fn of_file(
    path: &str,
    format: Option<FileFormat>,
    compression: Option<Compression>,
) -> Result<(FileFormat, Compression), SystemError> {
    let format = format.unwrap_or_else(|| FileFormat::of_path(path));
    let compression = compression.unwrap_or_else(|| Compression::of_path(path));
    if format == FileFormat::Parquet && compression != Compression::None {
        return Err(SystemError::new(
            SystemErrorKind::Misconfigured,
            format!("{path} is Parquet and compressed"),
        )
        .with_hint("a Parquet file is compressed inside and can't be compressed as a whole"));
    }
    Ok((format, compression))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{Compression, FileFormat, of_file};

    #[test]
    fn names_say_what_a_file_is_and_options_know_better() {
        for (path, format, compression) in [
            ("a.csv", FileFormat::Csv, Compression::None),
            ("a.txt", FileFormat::Csv, Compression::None),
            ("in/A.CSV.GZ", FileFormat::Csv, Compression::Gzip),
            ("a.jsonl.zst", FileFormat::Jsonl, Compression::Zstd),
            ("a.ndjson", FileFormat::Jsonl, Compression::None),
            ("a.parquet", FileFormat::Parquet, Compression::None),
            ("in/*.gz", FileFormat::Csv, Compression::Gzip),
        ] {
            assert_eq!(of_file(path, None, None).unwrap(), (format, compression), "{path}");
        }
        let known = of_file("a.csv.gz", Some(FileFormat::Jsonl), Some(Compression::None)).unwrap();
        assert_eq!(known, (FileFormat::Jsonl, Compression::None));
        assert!(of_file("a.parquet.gz", None, None).is_err());
    }
}

//! Files in a tenant's directory, as a customer would put and find them there.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The files of one tenant: `{TRESTLE_FILES_DIR}/{slug}/`.
pub struct TenantFiles {
    root: PathBuf,
}

impl TenantFiles {
    /// The directory of the tenant `slug` below `files_dir`; made if absent.
    pub fn of(files_dir: &Path, slug: &str) -> Self {
        let root = files_dir.join(slug);
        std::fs::create_dir_all(&root).unwrap_or_else(|error| panic!("creating {}: {error}", root.display()));
        Self { root }
    }

    /// Where the relative `path` is.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Writes `content` as it is.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        let parent = path.parent().expect("below the tenant's directory");
        std::fs::create_dir_all(parent)
            .unwrap_or_else(|error| panic!("creating {}: {error}", parent.display()));
        std::fs::write(&path, content).unwrap_or_else(|error| panic!("writing {}: {error}", path.display()));
    }

    /// Writes a CSV file with a header line.
    pub fn write_csv(&self, path: &str, header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(header).expect("into memory");
        for row in rows {
            writer.write_record(&row).expect("as many fields as the header");
        }
        self.write(path, writer.into_inner().expect("into memory"));
    }

    /// Writes JSON Lines, one record a line.
    pub fn write_jsonl(&self, path: &str, records: impl IntoIterator<Item = Value>) {
        let lines: String = records.into_iter().map(|record| format!("{record}\n")).collect();
        self.write(path, lines);
    }

    /// Reads a file as text.
    pub fn read(&self, path: &str) -> String {
        let path = self.path(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()))
    }

    /// Reads JSON Lines.
    pub fn read_jsonl(&self, path: &str) -> Vec<Value> {
        self.read(path)
            .lines()
            .map(|line| serde_json::from_str(line).expect("one JSON value a line"))
            .collect()
    }

    /// Reads a CSV file with a header line: a JSON object of strings per row.
    pub fn read_csv(&self, path: &str) -> Vec<Value> {
        let text = self.read(path);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().expect("a header line").clone();
        reader
            .records()
            .map(|row| {
                let row = row.expect("well-formed CSV");
                header.iter().zip(&row).map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
            })
            .collect()
    }
}

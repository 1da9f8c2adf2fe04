//! What fuzz targets share: the API in this process, and files that a source reads.

pub mod files;
pub mod town;

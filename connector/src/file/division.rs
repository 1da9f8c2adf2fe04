//! Divides the files of a pattern into ranges of their paths. Deliberately absent: a single file, which is read from its
//! beginning to its end.

use serde::{Deserialize, Serialize};

use super::store::Listed;
use crate::{Part, SystemError, SystemErrorKind};

/// Paths from one up to before another, in the order of their bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PathRange {
    /// The first one; `None` begins with whatever there is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    from_path: Option<String>,
    /// The one behind the last; `None` goes on to the end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    until_path: Option<String>,
}

impl PathRange {
    /// Cuts files, which are in the order of their paths, into ranges of about as many bytes each, open at both ends:
    /// a file that comes later is in one too. Fewer than `count` where there are fewer files.
    pub(super) fn cut(files: &[Listed], count: usize) -> Vec<Self> {
        // An empty file is opened, too.
        let size = |file: &Listed| u128::from(file.size_bytes.max(1));
        let total: u128 = files.iter().map(size).sum();
        let count = count.clamp(1, files.len().max(1));
        let (mut bounds, mut before) = (Vec::with_capacity(count - 1), 0);
        for (place, file) in files.iter().enumerate() {
            let (cut, left) = (bounds.len() + 1, files.len() - place);
            let is_full = before * count as u128 >= total * cut as u128;
            // As many files are left as ranges are to begin.
            let is_due = left == count - bounds.len() - 1;
            if place > 0 && bounds.len() + 1 < count && (is_full || is_due) {
                bounds.push(file.path.clone());
            }
            before += size(file);
        }
        let from_paths = std::iter::once(None).chain(bounds.iter().cloned().map(Some));
        let until_paths = bounds.iter().cloned().map(Some).chain([None]);
        from_paths.zip(until_paths).map(|(from_path, until_path)| Self { from_path, until_path }).collect()
    }

    /// A stored one.
    pub(super) fn read(part: Part) -> Result<Self, SystemError> {
        serde_json::from_value(part).map_err(|error| {
            SystemError::new(
                SystemErrorKind::Internal,
                format!("the part of a pattern can't be read: {error}"),
            )
        })
    }

    pub(super) fn contains(&self, path: &str) -> bool {
        self.from_path.as_ref().is_none_or(|from| path >= from.as_str())
            && self.until_path.as_ref().is_none_or(|until| path < until.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{Listed, PathRange};

    #[test]
    fn each_file_is_in_one_range_and_ranges_are_about_as_large() {
        for (sizes, count) in [
            (vec![10; 8], 4),
            (vec![0; 3], 3),
            (vec![1, 1, 1, 1_000], 3),
            (vec![1_000, 1, 1, 1], 3),
            (vec![u64::MAX, u64::MAX, 1], 2),
            (vec![5], 4),
            (vec![], 4),
        ] {
            let file = |(number, size): (usize, &u64)| Listed {
                path: format!("{number}.csv"),
                fingerprint: String::new(),
                size_bytes: *size,
            };
            let files: Vec<Listed> = sizes.iter().enumerate().map(file).collect();
            let ranges = PathRange::cut(&files, count);
            assert_eq!(ranges.len(), count.clamp(1, files.len().max(1)), "{sizes:?}");
            let held = |path: &str| ranges.iter().filter(|range| range.contains(path)).count();
            assert!(files.iter().all(|file| held(&file.path) == 1), "{ranges:?}");
            assert!(["", "00.csv", "zzz"].iter().all(|path| held(path) == 1), "{ranges:?}");
            let mut each = ranges.iter().map(|range| files.iter().filter(|file| range.contains(&file.path)));
            assert!(files.is_empty() || each.all(|mut files| files.next().is_some()), "{ranges:?}");
        }
        let files: Vec<Listed> = (0..8)
            .map(|number| Listed { path: number.to_string(), fingerprint: String::new(), size_bytes: 10 })
            .collect();
        let firsts: Vec<_> = PathRange::cut(&files, 4).into_iter().map(|range| range.from_path).collect();
        assert_eq!(firsts, [None, Some("2".to_owned()), Some("4".to_owned()), Some("6".to_owned())]);
    }
}

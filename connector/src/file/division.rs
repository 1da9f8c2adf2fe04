//! Divides the files of a pattern into groups. Deliberately absent: a single file, which is read from its beginning to its
//! end.

use serde::{Deserialize, Serialize};

use super::store::Listed;
use crate::{Part, SystemError, SystemErrorKind};

/// Some of the files that were there when a pattern was divided: what comes later is the next run's, and one that is gone
/// is missed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    /// In the order of their bytes.
    paths: Vec<String>,
}

impl Group {
    /// Cuts files, which are in the order of their paths, into groups of about as many bytes each. Fewer than `count` where
    /// there are fewer files.
    pub(super) fn cut(files: Vec<Listed>, count: usize) -> Vec<Self> {
        // An empty file is opened, too.
        let size = |file: &Listed| u128::from(file.size_bytes.max(1));
        let total: u128 = files.iter().map(size).sum();
        let count = count.clamp(1, files.len().max(1));
        let mut groups = Vec::with_capacity(count);
        let (mut before, mut left, mut paths) = (0, files.len(), Vec::new());
        for file in files {
            let begun = groups.len() + 1;
            let is_full = before * count as u128 >= total * begun as u128;
            // As many files are left as groups are to begin.
            let is_due = left == count - begun;
            if !paths.is_empty() && begun < count && (is_full || is_due) {
                groups.push(Self { paths: std::mem::take(&mut paths) });
            }
            before += size(&file);
            left -= 1;
            paths.push(file.path);
        }
        if !paths.is_empty() {
            groups.push(Self { paths });
        }
        groups
    }

    /// The files of a stored one, of whose sizes nothing is known any more.
    pub(super) fn files(part: Part) -> Result<Vec<Listed>, SystemError> {
        let group: Self = serde_json::from_value(part).map_err(|error| {
            let detail = format!("the part of a pattern can't be read: {error}");
            SystemError::new(SystemErrorKind::Internal, detail)
        })?;
        Ok(group.paths.into_iter().map(Listed::unseen).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{Group, Listed};

    #[test]
    fn each_file_is_in_one_group_and_groups_are_about_as_large() {
        let file = |(number, size_bytes): (usize, &u64)| Listed {
            size_bytes: *size_bytes,
            ..Listed::unseen(format!("{number}.csv"))
        };
        for (sizes, count) in [
            (vec![10; 8], 4),
            (vec![0; 3], 3),
            (vec![1, 1, 1, 1_000], 3),
            (vec![1_000, 1, 1, 1], 3),
            (vec![u64::MAX, u64::MAX, 1], 2),
            (vec![5], 4),
            (vec![], 4),
        ] {
            let files: Vec<Listed> = sizes.iter().enumerate().map(file).collect();
            let groups = Group::cut(files.clone(), count);
            assert_eq!(groups.len(), count.min(files.len()), "{sizes:?}");
            assert!(groups.iter().all(|group| !group.paths.is_empty()), "{groups:?}");
            let all: Vec<String> = groups.into_iter().flat_map(|group| group.paths).collect();
            assert_eq!(all, files.into_iter().map(|file| file.path).collect::<Vec<_>>());
        }
        let groups = Group::cut([10; 8].iter().enumerate().map(file).collect(), 4);
        assert!(groups.iter().all(|group| group.paths.len() == 2), "{groups:?}");
    }
}

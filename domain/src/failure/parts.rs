//! What of failures is asked for. What costs, and is not asked for, is not read: where their groups stand, what else is open
//! to the viewer, and the records, each of which may be as large as a page.

use entity::failure::Column;

/// What of each failure somebody looks at, besides what costs nothing: by default everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FailureParts {
    /// `record`, and all that is said of its being hidden (`redactions`); without, there is none.
    pub record: bool,
    /// `technical_detail`; without, it is empty where there is one.
    pub technical_detail: bool,
    /// `responsible_party` and `suggested_action`; without, they are what the code says, whoever was given the group since.
    pub standing: bool,
}

impl FailureParts {
    /// None of it.
    pub const NONE: Self = Self { record: false, technical_detail: false, standing: false };

    /// Everything.
    pub const ALL: Self = Self { record: true, technical_detail: true, standing: true };

    /// Columns of which it is enough to know whether there is something in them.
    pub(super) fn marks(self) -> Vec<Column> {
        let mut marks = Vec::new();
        if !self.record {
            marks.extend([Column::Record, Column::EditedRecord]);
        }
        if !self.technical_detail {
            marks.push(Column::TechnicalDetail);
        }
        marks
    }
}

impl Default for FailureParts {
    fn default() -> Self {
        Self::ALL
    }
}

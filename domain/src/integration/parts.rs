//! What of integrations is asked for. Their streams have mappings and rules, and are most of a row.

use entity::integration::Column;

/// What of each integration somebody looks at, besides what costs nothing: by default everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IntegrationParts {
    /// `streams`; without, there are none.
    pub streams: bool,
    /// `kpis`; without, there are none. With the streams, which say what of it is classified and told to nobody.
    pub kpis: bool,
}

impl IntegrationParts {
    /// None of it.
    pub const NONE: Self = Self { streams: false, kpis: false };

    /// Everything.
    pub const ALL: Self = Self { streams: true, kpis: true };

    /// Columns of which it is enough to know whether there is something in them.
    pub(super) fn marks(self) -> Vec<Column> {
        let mut marks = Vec::new();
        if !self.streams && !self.kpis {
            marks.push(Column::Streams);
        }
        if !self.kpis {
            marks.push(Column::Kpis);
        }
        marks
    }
}

impl Default for IntegrationParts {
    fn default() -> Self {
        Self::ALL
    }
}

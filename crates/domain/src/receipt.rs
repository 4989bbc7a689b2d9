//! What a comparison of a version with its source came to.

use crate::{
    checksum::{Checksums, ColumnChecksum},
    column::Column,
    source::SourceRecord,
};
use serde::{Deserialize, Serialize};

/// A version beside the table that it was read from, column by column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub version: i64,
    /// Rows and all columns are equal, and what is stored is what was written.
    pub equal: bool,
    /// Whether the source computed its side under the snapshot of the read that made the version, or that found it still
    /// to hold.
    pub snapshot: bool,
    pub rows: BothSides,
    pub columns: Vec<ColumnReceipt>,
    /// Whether the source changed in between; `None` where that can't be told.
    pub source_changed: Option<bool>,
    /// Whether the stored rows are those that were written; `None` where their commit does not say.
    pub intact: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BothSides {
    pub source: u64,
    pub stored: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnReceipt {
    pub name: String,
    pub equal: bool,
    /// How many are not null.
    pub values: BothSides,
    /// Whether their texts were compared: those of a masked column can't be.
    pub texts: bool,
}

impl Receipt {
    /// `source` and `stored` have a checksum for each of `columns`.
    pub fn new(
        version: i64,
        columns: &[Column],
        record: &SourceRecord,
        source: &Checksums,
        stored: &Checksums,
        intact: Option<bool>,
        snapshot: bool,
    ) -> Self {
        let none = ColumnChecksum::default();
        let columns: Vec<ColumnReceipt> = columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let (source, stored) =
                    (source.columns.get(at).unwrap_or(&none), stored.columns.get(at).unwrap_or(&none));
                let texts = record.mask_of(column.position).is_none();
                ColumnReceipt {
                    name: column.name.clone(),
                    equal: source.values == stored.values && (!texts || source.sum == stored.sum),
                    values: BothSides { source: source.values, stored: stored.values },
                    texts,
                }
            })
            .collect();
        let rows = BothSides { source: source.rows, stored: stored.rows };
        let same = rows.source == rows.stored && columns.iter().all(|column| column.equal);
        let source_changed = match (snapshot, same, intact) {
            (true, ..) => Some(false),
            (false, true, _) => Some(false),
            // What was read is what is stored, so it is the source that is another.
            (false, false, Some(true)) => Some(true),
            (false, false, _) => None,
        };
        Self {
            version,
            equal: same && intact != Some(false),
            snapshot,
            rows,
            columns,
            source_changed,
            intact,
        }
    }
}

//! What an import remembers of the table that it read, because it can't be made up later.

use crate::{
    id::ConnectionId,
    query::Filter,
    selection::{Mask, Selection},
};
use serde::{Deserialize, Serialize};

/// A table at a source as it was when a version was read from it. Columns are known by [`crate::Column::position`],
/// their `attnum`, within the table's `oid`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    pub connection: ConnectionId,
    pub schema: String,
    pub table: String,
    /// `pg_class.oid`: stays when the table is renamed, and is never that of a table made anew.
    pub oid: u32,
    /// The names of the columns that were chosen, as they were then; `None` for all that could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Vec<String>>,
    /// What its rows are known by, the primary key first; `None` where the server would not say.
    pub keys: Option<Vec<UniqueKey>>,
    /// Tables that it refers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_keys: Vec<ForeignKey>,
    pub server_version: String,
    pub role: String,
    /// Whether row-level security applied to the role.
    pub row_security: bool,
    /// The conditions that rows had to meet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filter: Vec<RecordedFilter>,
    /// The columns that were masked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masks: Vec<RecordedMask>,
    /// What happened to the table since the version before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<SourceChange>,
}

/// The primary key, or a unique index over whole columns and all rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UniqueKey {
    pub name: String,
    pub primary: bool,
    /// The `attnum` of each column, in the key's order.
    pub columns: Vec<i16>,
    /// Whether none of the columns can be null.
    pub not_null: bool,
}

/// Columns whose values are those of another table, or of the same one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    pub name: String,
    /// The `attnum` of each column.
    pub columns: Vec<i16>,
    /// `pg_class.oid` of the table that is referred to.
    pub to_oid: u32,
    pub to_schema: String,
    pub to_table: String,
    /// The `attnum` there of each column.
    pub to_columns: Vec<i16>,
}

/// A condition, and what its column was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedFilter {
    pub filter: Filter,
    /// The column's `attnum`.
    pub position: i16,
    pub pg_type: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedMask {
    pub column: String,
    /// The column's `attnum`.
    pub position: i16,
    pub mask: Mask,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceChange {
    /// The same table under another name.
    Renamed,
    /// Another table under the same name.
    AnotherTable,
}

impl SourceRecord {
    /// What was wanted, under the names that the columns had.
    pub fn selection(&self) -> Selection {
        Selection {
            filter: self.filter.iter().map(|recorded| recorded.filter.clone()).collect(),
            masks: self.masks.iter().map(|recorded| (recorded.column.clone(), recorded.mask)).collect(),
        }
    }

    /// Whether the column at this place was masked.
    pub fn mask_of(&self, position: i16) -> Option<Mask> {
        self.masks.iter().find(|recorded| recorded.position == position).map(|recorded| recorded.mask)
    }

    /// Whether both were read from the same table, whatever it was called.
    pub fn is_same_table(&self, other: &Self) -> bool {
        (self.connection, self.oid) == (other.connection, other.oid)
    }
}

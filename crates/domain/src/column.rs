//! Columns, and how PostgreSQL's types are kept in a Delta table.
//!
//! A type that Delta has is stored natively, every other one as the text that PostgreSQL prints. A value that
//! the native type cannot hold (an infinite date, a numeric NaN, a timestamp of the year 294270, text that is
//! no UTF-8) is null there and stands, as PostgreSQL printed it, in a companion column of binary type, which
//! exists only where a table needs it. So a cell is: the companion's bytes if there are any, else the native value.

use crate::type_tree::{Collation, SortOrder, TypeTree};
use arrow_schema::{DataType, Field, TimeUnit};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, collections::HashSet, fmt};

/// How the values of a column are stored, and by which of PostgreSQL's orders they sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    Boolean,
    Int16,
    Int32,
    /// `bigint`, and the unsigned 32 bits of `oid`.
    Int64,
    Float32,
    Float64,
    /// `numeric(p,s)` with 1 ≤ p ≤ 38 and 0 ≤ s ≤ p.
    Decimal {
        precision: u8,
        scale: u8,
    },
    Date,
    /// `timestamp without time zone`, microseconds.
    Timestamp,
    /// `timestamp with time zone`, microseconds in UTC.
    TimestampTz,
    Bytea,
    /// `text`, `varchar`, `name`: sorted by the column's collation, see [`TypeTree`].
    Text,
    /// `char(n)`: text that sorts without its trailing blanks.
    Char,
    /// Lower-case text of 36 characters, whose order is that of the bytes.
    Uuid,
    /// Numeric of any size: text that sorts as a number, NaN last.
    Numeric,
    Time,
    TimeTz,
    Interval,
    /// Text of any other type; sorted as its [`TypeTree`] says.
    Other,
}

impl ColumnType {
    pub fn arrow(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Decimal { precision, scale } => DataType::Decimal128(precision, scale as i8),
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Bytea => DataType::Binary,
            Self::Text
            | Self::Char
            | Self::Uuid
            | Self::Numeric
            | Self::Time
            | Self::TimeTz
            | Self::Interval
            | Self::Other => DataType::Utf8,
        }
    }
}

/// Delta's name of the stored type (Delta protocol, "Primitive Types"): what the API calls a column's `type`.
impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boolean => "boolean",
            Self::Int16 => "short",
            Self::Int32 => "integer",
            Self::Int64 => "long",
            Self::Float32 => "float",
            Self::Float64 => "double",
            Self::Decimal { precision, scale } => return write!(f, "decimal({precision},{scale})"),
            Self::Date => "date",
            Self::Timestamp => "timestamp_ntz",
            Self::TimestampTz => "timestamp",
            Self::Bytea => "binary",
            Self::Text
            | Self::Char
            | Self::Uuid
            | Self::Numeric
            | Self::Time
            | Self::TimeTz
            | Self::Interval
            | Self::Other => "string",
        })
    }
}

/// A column of an imported table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// As in PostgreSQL: up to 63 bytes of anything.
    pub name: String,
    /// PostgreSQL's `attnum`, from 1; gaps where columns were dropped.
    pub position: i16,
    /// As `format_type` prints it, e.g. `numeric(12,2)`.
    pub pg_type: String,
    pub stored: ColumnType,
    pub nullable: bool,
    /// The column's name in the stored table, see [`field_names`].
    pub field: String,
    /// What the type is made of, where the stored type alone does not tell the order. None in versions that were
    /// made before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<TypeTree>,
}

const EXACT: &str = "__exact";

impl Column {
    /// The stored column. Always nullable, because of the companion.
    pub fn arrow_field(&self) -> Field {
        Field::new(&self.field, self.stored.arrow(), true).with_metadata(HashMap::from([
            ("mycorr.name".to_owned(), self.name.clone()),
            ("mycorr.pg_type".to_owned(), self.pg_type.clone()),
        ]))
    }

    /// The companion: what PostgreSQL printed for values that the stored type cannot hold.
    pub fn exact_field(&self) -> Field {
        Field::new(self.exact_name(), DataType::Binary, true)
    }

    /// What rows are sorted by.
    pub fn order(&self) -> SortOrder {
        match (self.stored, &self.tree) {
            (ColumnType::Text | ColumnType::Char | ColumnType::Other, Some(tree)) => tree.order(),
            (ColumnType::Text | ColumnType::Char, None) => SortOrder::Bytes,
            (ColumnType::Other, None) => TypeTree::of_name(&self.pg_type).order(),
            _ => SortOrder::Type,
        }
    }

    pub fn collation(&self) -> Option<&Collation> {
        self.tree.as_ref()?.collation()
    }

    pub fn exact_name(&self) -> String {
        format!("{}{EXACT}", self.field)
    }
}

/// Names for stored columns that every reader of Delta tables takes: letters, digits and underscores, no two
/// the same but for case. A column whose own name is not such is called `c<n>` after its place, from 1.
pub fn field_names<'a>(names: impl ExactSizeIterator<Item = &'a str> + Clone) -> Vec<String> {
    let plain = |name: &str| {
        !name.is_empty()
            && name.chars().all(|c| c.is_alphanumeric() || c == '_')
            && !name.chars().next().is_some_and(|c| c.is_ascii_digit())
            && !name.to_lowercase().ends_with(EXACT)
    };
    let mut seen: HashMap<String, usize> = HashMap::new();
    for name in names.clone() {
        *seen.entry(name.to_lowercase()).or_default() += 1;
    }
    let taken: HashSet<String> = seen.keys().cloned().collect();
    names
        .enumerate()
        .map(|(at, name)| {
            if plain(name) && seen[&name.to_lowercase()] == 1 {
                return name.to_owned();
            }
            let mut field = format!("c{}", at + 1);
            while taken.contains(&field) {
                field.push('_');
            }
            field
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(names: &[&str]) -> Vec<String> {
        field_names(names.iter().copied())
    }

    #[test]
    fn plain_names_stay_and_odd_ones_get_their_place() {
        assert_eq!(
            fields(&["id", "größe", "a b", "Name", "name", "x__exact", "1st"]),
            ["id", "größe", "c3", "c4", "c5", "c6", "c7"]
        );
    }

    #[test]
    fn a_column_that_is_called_like_a_place_is_not_hit() {
        assert_eq!(fields(&["c2", "a b", "c2_"]), ["c2", "c2__", "c2_"]);
    }
}

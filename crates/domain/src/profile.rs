//! What the columns of a version hold, made from all rows while they are written.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub rows: u64,
    /// In the order of the version's columns.
    pub columns: Vec<ColumnProfile>,
}

/// Values are texts as PostgreSQL prints them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnProfile {
    pub nulls: u64,
    /// How many different values that are not null; within some per cent unless it is exact.
    pub distinct: u64,
    pub distinct_is_exact: bool,
    /// By the order of the type; `None` where that order can't be followed over so many values.
    pub min: Option<String>,
    pub max: Option<String>,
    /// Of numbers that are all finite.
    pub mean: Option<f64>,
    /// Of numbers, dates and timestamps: bars of equal width, counted exactly. Values that no bar has, such as infinity,
    /// are in none.
    pub histogram: Vec<Bar>,
    /// The values that are found most, with how often each is; empty where too many are different.
    pub top: Vec<TopValue>,
}

/// Values from `from` on, up to but not including `to`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    pub from: String,
    pub to: String,
    pub rows: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopValue {
    pub value: String,
    pub rows: u64,
}

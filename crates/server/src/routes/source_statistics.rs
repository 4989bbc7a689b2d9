//! What a source's own statistics say of a table, as a part of its description.

use chrono::{DateTime, Utc};
use mycorr_engine as engine;
use serde::Serialize;
use utoipa::ToSchema;

/// Whether there are statistics, and why not.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatisticsState {
    Known,
    /// Nobody ran `ANALYZE`, and neither did autovacuum.
    NeverAnalyzed,
    /// It was analysed, and had no rows.
    Empty,
    /// PostgreSQL shows no statistics of a table whose rows a policy may hide from the role.
    RowSecurity,
    /// A view has none.
    NotKept,
    /// The server keeps them from the role.
    Denied,
}

/// What PostgreSQL knows of the table from its last `ANALYZE`, of a sample of its rows. Nothing is read for it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceStatistics {
    state: StatisticsState,
    /// The SQL that makes them, or gives them to the role, for the table's owner or an administrator.
    #[schema(required)]
    fix: Option<String>,
    /// Null where it is not known.
    #[schema(required)]
    analyzed_at: Option<DateTime<Utc>>,
    /// Rows that were inserted, updated or deleted since.
    #[schema(required)]
    changed_rows: Option<u64>,
    /// Of the server's size; `bytes` in pages.
    #[schema(required)]
    pages: Option<u64>,
    /// Those of the columns that have any.
    columns: Vec<ColumnStatistics>,
}

/// Estimates.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ColumnStatistics {
    name: String,
    /// 0 to 1.
    null_share: f64,
    /// How many different values that are not null.
    #[schema(required)]
    distinct: Option<u64>,
    /// Of a value.
    #[schema(required)]
    average_bytes: Option<u64>,
    /// The values that are found most; null unless `most_common` asked for them, or where no value is found often.
    #[schema(required)]
    most_common: Option<Vec<CommonValue>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommonValue {
    value: String,
    /// Of all rows, 0 to 1.
    share: f64,
}

impl From<engine::TableStatistics> for SourceStatistics {
    fn from(statistics: engine::TableStatistics) -> Self {
        Self {
            state: match statistics.state {
                engine::StatisticsState::Known => StatisticsState::Known,
                engine::StatisticsState::NeverAnalyzed => StatisticsState::NeverAnalyzed,
                engine::StatisticsState::Empty => StatisticsState::Empty,
                engine::StatisticsState::RowSecurity => StatisticsState::RowSecurity,
                engine::StatisticsState::NotKept => StatisticsState::NotKept,
                engine::StatisticsState::Denied => StatisticsState::Denied,
            },
            fix: statistics.fix,
            analyzed_at: statistics.analyzed_at.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
            changed_rows: statistics.changed_rows,
            pages: statistics.pages,
            columns: statistics.columns.into_iter().map(ColumnStatistics::from).collect(),
        }
    }
}

impl From<engine::ColumnStatistics> for ColumnStatistics {
    fn from(column: engine::ColumnStatistics) -> Self {
        let common = |values: Vec<(String, f64)>| {
            values.into_iter().map(|(value, share)| CommonValue { value, share }).collect()
        };
        Self {
            name: column.name,
            null_share: column.null_share,
            distinct: column.distinct,
            average_bytes: column.average_bytes,
            most_common: column.most_common.map(common),
        }
    }
}

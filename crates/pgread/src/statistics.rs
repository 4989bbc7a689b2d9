//! What a server's own statistics say of a table, without reading it.

use crate::{
    catalogue::{TableDescription, TableKind},
    client::Client,
    reader::Reader,
    sql,
};
use mycorr_domain::Result;
use std::collections::BTreeMap;

/// Whether there are statistics, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatisticsState {
    Known,
    /// Nobody ran `ANALYZE`, and neither did autovacuum.
    NeverAnalyzed,
    /// It was analysed, and had no rows.
    Empty,
    /// PostgreSQL shows no statistics of a table whose rows a policy may hide from the role.
    RowSecurity,
    /// A view has none.
    NotKept,
    /// The server keeps them from the role, or could not say.
    Denied,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ColumnStatistics {
    pub name: String,
    /// 0 to 1.
    pub null_share: f64,
    /// How many different values that are not null, as far as it is known.
    pub distinct: Option<u64>,
    /// Of a value.
    pub average_bytes: Option<u64>,
    /// Those that are found most, with the share of all rows, 0 to 1; none where nobody asked.
    pub most_common: Option<Vec<(String, f64)>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TableStatistics {
    pub state: StatisticsState,
    /// The SQL that makes them, or gives them to the role, where there are none for want of it.
    pub fix: Option<String>,
    /// When the table was last analysed, in seconds since 1970.
    pub analyzed_at: Option<i64>,
    /// Rows that were inserted, updated or deleted since.
    pub changed_rows: Option<u64>,
    /// How many pages of the server's size the table takes, as it estimates.
    pub pages: Option<u64>,
    /// In the order of the table's columns.
    pub columns: Vec<ColumnStatistics>,
}

impl Client {
    /// What the server's statistics say of a table. `values`: with the values that are found most, which are values of
    /// the table. What is kept from the role is noted in the description.
    ///
    /// # Errors
    /// `protocol_violation` for an answer that PostgreSQL does not give.
    pub async fn statistics(
        &mut self,
        table: &mut TableDescription,
        values: bool,
    ) -> Result<TableStatistics> {
        let (schema, name) = (table.entry.schema.as_str(), table.entry.name.as_str());
        // As the server prints a boolean, so that the ledger says what its log says.
        let parameters = [schema, name, if values { "t" } else { "f" }];
        let rows = self.query_or_do_without(sql::STATISTICS, &parameters).await;
        let mut statistics = TableStatistics {
            state: StatisticsState::Denied,
            fix: None,
            analyzed_at: None,
            changed_rows: None,
            pages: None,
            columns: Vec::new(),
        };
        let Some(rows) = rows else {
            let denied = self.denied_lookups().await;
            let grants = denied.iter().filter(|lookup| !table.denied.contains(lookup));
            let grants: Vec<&str> = grants.map(|lookup| lookup.grant.as_str()).collect();
            statistics.fix = (!grants.is_empty()).then(|| grants.join("\n"));
            table.denied = denied;
            return Ok(statistics);
        };
        let mut found = BTreeMap::new();
        for row in &rows {
            let mut row = Reader::new(row);
            let page_bytes = row.estimate()?.filter(|bytes| *bytes >= 1.0);
            statistics.pages =
                table.entry.bytes.zip(page_bytes).map(|(bytes, of_page)| bytes.div_ceil(of_page as u64));
            statistics.analyzed_at = row.optional()?.and_then(|seconds| seconds.parse().ok());
            statistics.changed_rows = row.estimate()?.map(|rows| rows as u64);
            if let Some(name) = row.optional_name()? {
                // Of a parent, those with its children come last.
                found.insert(name.clone(), column(name, &mut row, table.entry.estimated_rows)?);
            }
        }
        let columns = table.columns.iter().filter_map(|column| found.remove(&column.name));
        statistics.columns = columns.collect();
        statistics.state = if !statistics.columns.is_empty() {
            StatisticsState::Known
        } else if table.entry.kind == TableKind::View {
            StatisticsState::NotKept
        } else if table.row_security {
            StatisticsState::RowSecurity
        } else if statistics.analyzed_at.is_some() {
            StatisticsState::Empty
        } else {
            statistics.fix = Some(sql::analyze(schema, name));
            StatisticsState::NeverAnalyzed
        };
        Ok(statistics)
    }
}

fn column(name: String, row: &mut Reader<'_>, rows: Option<u64>) -> Result<ColumnStatistics> {
    let null_share = row.estimate()?.unwrap_or_default().min(1.0);
    let average_bytes = row.estimate()?.map(|bytes| bytes as u64);
    let distinct = row.optional()?.and_then(|text| text.parse().ok());
    let texts: Option<Vec<String>> = row.json()?;
    let shares: Option<Vec<f64>> = row.json()?;
    let most_common = texts.zip(shares).map(|(texts, shares)| texts.into_iter().zip(shares).collect());
    Ok(ColumnStatistics {
        name,
        null_share,
        distinct: distinct.and_then(|distinct| different(distinct, null_share, rows)),
        average_bytes,
        most_common,
    })
}

/// `n_distinct` (manual, "pg_stats"): negative where it is a share of the rows, zero where it is unknown.
fn different(n_distinct: f64, null_share: f64, rows: Option<u64>) -> Option<u64> {
    if !n_distinct.is_finite() || n_distinct == 0.0 {
        return (null_share >= 1.0).then_some(0);
    }
    match n_distinct < 0.0 {
        false => Some(n_distinct as u64),
        true => rows.map(|rows| (-n_distinct * rows as f64).round() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_values_are_a_number_or_a_share_of_the_rows() {
        let cases = [
            (12.0, 0.5, None, Some(12)),
            (-1.0, 0.0, Some(1_000), Some(1_000)),
            (-0.25, 0.0, Some(1_000), Some(250)),
            (-1.0, 0.0, None, None),
            (0.0, 1.0, Some(9), Some(0)),
            (0.0, 0.5, Some(9), None),
            (f64::NAN, 0.0, Some(9), None),
        ];
        for (n_distinct, null_share, rows, expected) in cases {
            assert_eq!(different(n_distinct, null_share, rows), expected, "{n_distinct}");
        }
    }
}

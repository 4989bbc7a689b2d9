//! Which rows of a table are read, and which of its columns are masked: decided once it is described, kept with the
//! description.

use crate::{
    catalogue::{SourceColumn, TableDescription},
    client::{Client, Failed},
    explain,
    in_flight::WithStop,
    sql::{self, Conditions},
    types::Mapping,
    wire::{
        Failure,
        pipeline::{self, Format},
    },
};
use mycorr_domain::{ColumnType, Filter, Mask, MaskHasher, MaskKey, Result};
use tokio::time::Instant;

/// How a column's values are masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Masking {
    Hash(MaskKey),
    Redact,
}

/// The oid of `text`, as which the server sends what it redacted.
const TEXT: u32 = 25;
/// Where PostgreSQL's own operators are.
const OWN_OPERATORS: &str = "pg_catalog";

impl SourceColumn {
    pub(crate) fn mask(&self) -> Option<Mask> {
        self.masking.as_ref().map(|masking| match masking {
            Masking::Hash(_) => Mask::Hash,
            Masking::Redact => Mask::Redact,
        })
    }

    pub(crate) fn hasher(&self) -> Option<MaskHasher> {
        match &self.masking {
            Some(Masking::Hash(key)) => Some(key.hasher()),
            _ => None,
        }
    }
}

impl TableDescription {
    /// Masks a column, if there is one of this name: it is text from here on, and its values are never kept.
    pub fn mask(&mut self, column: &str, mask: Mask, key: &MaskKey) {
        let Some(column) = self.columns.iter_mut().find(|known| known.name == column) else { return };
        column.stored = ColumnType::Text;
        column.mapping = Mapping { format: Format::Text, stored: ColumnType::Text };
        column.pg_type = "text".to_owned();
        column.tree = None;
        column.masking = Some(match mask {
            Mask::Hash => Masking::Hash(key.clone()),
            Mask::Redact => {
                column.type_oid = TEXT;
                Masking::Redact
            }
        });
    }
}

impl Client {
    /// Lets only those rows of `table` be read that meet all of `filters`, after the server has said that it takes them.
    /// To be called before a column is masked.
    ///
    /// # Errors
    /// `column_permission_denied` and `source_changed` for a column that can't be read or isn't there; `invalid` for a
    /// condition that the column's type does not have, or a value that it can't be; as every read.
    pub async fn select(&mut self, table: &mut TableDescription, filters: &[Filter]) -> Result<()> {
        let (schema, name) = (table.entry.schema.clone(), table.entry.name.clone());
        let mut all = Conditions::default();
        let mut each = Vec::new();
        for filter in filters {
            let column = table.columns.iter().find(|column| column.name == filter.column);
            let column = column.ok_or_else(|| explain::column_not_found(&schema, &name, &filter.column))?;
            if !column.readable {
                let role = self.target.endpoint.role();
                return Err(explain::column_permission_denied(&schema, &name, &[&filter.column], role));
            }
            let operators = match column.stored {
                ColumnType::Other => self.operators(column.type_oid).await,
                _ => OWN_OPERATORS.to_owned(),
            };
            all.add(filter, column.stored, &operators)?;
            let mut alone = Conditions::default();
            alone.add(filter, column.stored, &operators)?;
            each.push((alone, column));
        }
        if all.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        if let Err(Failed { failure, stop }) = self.check_filter(&schema, &name, &all).await {
            // Which of them the server refuses, it says of each alone.
            if refuses_condition(&failure) {
                for ((alone, column), filter) in each.iter().zip(filters) {
                    if self.check_filter(&schema, &name, alone).await.is_err() {
                        return Err(explain::filter_refused(filter, &column.pg_type)
                            .internal(explain_cause(&failure)));
                    }
                }
            }
            return Err(self.read_failed(&failure, &schema, &name, started.elapsed()).await.with_stop(stop));
        }
        table.conditions = all;
        Ok(())
    }

    /// The schema of the operators of a type, PostgreSQL's own if it has none by which it is ordered.
    async fn operators(&mut self, type_oid: u32) -> String {
        let rows = self.query_or_do_without(sql::OPERATORS, &[&type_oid.to_string()]).await;
        let schema = rows.and_then(|rows| crate::reader::Reader::new(rows.first()?).name().ok());
        schema.unwrap_or_else(|| OWN_OPERATORS.to_owned())
    }

    async fn check_filter(
        &mut self,
        schema: &str,
        table: &str,
        conditions: &Conditions,
    ) -> Result<(), Failed> {
        let text = sql::check_filter(schema, table, conditions);
        let parameters: Vec<&str> = conditions.parameters.iter().map(String::as_str).collect();
        let settings = match self.begin(sql::CHECK_FILTER, &text, &parameters).await {
            Ok(settings) => settings,
            Err(problem) => {
                let failure = Failure::NotEntered(Box::new(problem));
                return Err(Failed { failure, stop: crate::in_flight::Stop::Over });
            }
        };
        let answer = async {
            // As they are: unlike names, values are never written otherwise.
            pipeline::send(&mut self.wire, &settings, &text, &parameters, &[]).await?;
            pipeline::rows(&mut self.wire, 0).await
        };
        let answer = answer.await;
        let stop = self.end(answer.as_ref().map(|_| 0)).await;
        answer.map(drop).map_err(|failure| Failed { failure, stop })
    }
}

/// What is wrong with a value (class 22), or what types and operators there are not (PostgreSQL manual, "PostgreSQL
/// Error Codes").
fn refuses_condition(failure: &Failure) -> bool {
    let Failure::Server(error) = failure else { return false };
    let state = error.sqlstate.as_str();
    state.starts_with("22")
        || matches!(
            state,
            "0A000" | "42883" | "42725" | "42804" | "42846" | "42P18" | "42P21" | "42P22" | "42P38"
        )
}

fn explain_cause(failure: &Failure) -> String {
    match failure {
        Failure::Server(error) => format!("SQLSTATE {}", error.sqlstate),
        _ => String::new(),
    }
}

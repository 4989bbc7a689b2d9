//! What is wrong with a table, whoever found out: PostgreSQL or its catalogue.

use crate::sql;
use mycorr_domain::{Code, Filter, Problem};

pub(crate) fn settings_elsewhere() -> Problem {
    Problem::new(
        Code::PoolerConflict,
        "A connection pooler spreads reads over several servers: Mycorr's settings went to one and the read to another, so values would not arrive as they are. Nothing was read.",
    )
    .fix("Use the direct connection to one server, or have the pooler read from one server only (Pgpool-II: load_balance_mode = off, or a line in database_redirect_preference_list).")
}

pub(crate) fn schema_permission_denied(schema: &str, role: &str) -> Problem {
    Problem::new(
        Code::SchemaPermissionDenied,
        format!("permission denied for schema {schema}: the role {role} lacks USAGE on it."),
    )
    .fix(sql::grant_usage(schema, role))
}

pub(crate) fn table_permission_denied(schema: &str, table: &str, role: &str) -> Problem {
    Problem::new(
        Code::TablePermissionDenied,
        format!("permission denied for table {table}: the role {role} lacks SELECT on {schema}.{table}."),
    )
    .fix(sql::grant_select(schema, table, role))
}

pub(crate) fn column_permission_denied(schema: &str, table: &str, columns: &[&str], role: &str) -> Problem {
    Problem::new(
        Code::ColumnPermissionDenied,
        format!(
            "permission denied for table {table}: the role {role} may not read {} of {schema}.{table}.",
            columns.join(", ")
        ),
    )
    .fix(sql::grant_select_columns(schema, table, columns, role))
}

pub(crate) fn table_not_found(schema: &str, table: &str) -> Problem {
    Problem::new(
        Code::TableNotFound,
        format!("There is no table or view {schema}.{table} in the database, or no right to see it."),
    )
    .fix("It may have been dropped or renamed. Look for it in the list of tables.")
}

pub(crate) fn column_not_found(schema: &str, table: &str, column: &str) -> Problem {
    Problem::new(Code::SourceChanged, format!("There is no column {column} in {schema}.{table} any more."))
        .fix("It may have been dropped or renamed. Import the table again with the columns that it has now.")
}

/// The server can't apply a condition: its operator does not exist for the type, or its value is none of the type.
pub(crate) fn filter_refused(filter: &Filter, pg_type: &str) -> Problem {
    let message = format!(
        "The database can't apply the condition {filter}: column {:?} is of type {pg_type}, which has no such value or no \
         such comparison.",
        filter.column
    );
    Problem::invalid("filter", message)
        .fix("Write the value as PostgreSQL reads that type, or compare by another operator (is, like).")
}

pub(crate) fn source_changed(schema: &str, table: &str) -> Problem {
    Problem::new(Code::SourceChanged, format!("{schema}.{table} was altered while it was about to be read."))
        .fix("Try again: the table is read as it is then.")
}

pub(crate) fn row_too_large(
    schema: &str,
    table: &str,
    row: u64,
    column: Option<&str>,
    bytes: u64,
    limit: usize,
) -> Problem {
    let column = column.map_or_else(String::new, |column| format!(" (the column {column} takes it over)"));
    Problem::new(
        Code::RowTooLarge,
        format!("Row {} of {schema}.{table} has {bytes} bytes{column}, more than the {limit} that a row may have.", row + 1),
    )
    .fix("Leave that column out, or have whoever runs Mycorr raise the limit for rows.")
}

//! Moves the metadata of SQLite into PostgreSQL. Tables and columns are read from the database itself, so that a
//! later migration's are moved as well.

use crate::{Meta, db, schema::refuse_newer};
use mycorr_domain::{Code, Problem, Result};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbErr, QueryResult, Value,
    sea_query::{Alias, Query, SimpleExpr},
};
use std::collections::BTreeSet;
use uuid::Uuid;

/// What belongs to a database and not to what it holds.
const NOT_COPIED: [&str; 4] = ["nodes", "schema_floor", "seaql_migrations", "write_checks"];
/// Read and written at a time.
const BATCH_ROWS: usize = 500;
/// Of one statement of PostgreSQL's protocol, less a margin.
const MAX_PARAMETERS: usize = 60_000;

/// A column, as PostgreSQL's catalogue has it.
pub(crate) struct Column {
    pub(crate) name: String,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Uuid,
    Text,
    BigInteger,
    Integer,
    Boolean,
    Bytes,
    Double,
}

impl Meta {
    /// Copies everything into `target`, which is PostgreSQL and holds nothing yet: all or nothing, and nobody can
    /// write to either meanwhile. Secrets stay sealed. How many rows there are.
    ///
    /// # Errors
    /// `conflict` for a target that holds something; `storage_full`, `storage_unavailable`, also where a newer version has
    /// added what `target` has no place for.
    pub async fn copy_to(&self, target: &Self) -> Result<u64> {
        refuse_newer(&self.db).await?;
        let from = self.write().await?;
        let to = target.write().await?;
        let tables = tables_in_order(&to).await.map_err(db)?;
        for table in &tables {
            if has_rows(&to, table).await.map_err(db)? {
                return Err(Problem::new(
                    Code::Conflict,
                    "The database in MYCORR_DATABASE_URL holds an installation of Mycorr already.",
                )
                .fix("Name an empty database. Nothing was changed."));
            }
        }
        let mut rows = 0;
        for table in &tables {
            rows += copy_table(&from, &to, table).await?;
        }
        to.commit().await.map_err(db)?;
        Ok(rows)
    }
}

/// The tables of a PostgreSQL; what a table refers to comes before it.
pub(crate) async fn tables_in_order(on: &DatabaseTransaction) -> Result<Vec<String>, DbErr> {
    let mut tables = names(
        on,
        "SELECT table_name::text AS name FROM information_schema.tables \
         WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name",
        "name",
    )
    .await?;
    tables.retain(|table| !NOT_COPIED.contains(&table.as_str()));
    let keys = "SELECT a.relname::text AS name, b.relname::text AS refers_to FROM pg_constraint c \
                JOIN pg_class a ON a.oid = c.conrelid JOIN pg_class b ON b.oid = c.confrelid \
                WHERE c.contype = 'f' AND c.connamespace = current_schema()::regnamespace AND a.oid <> b.oid";
    let (from, to) = (names(on, keys, "name").await?, names(on, keys, "refers_to").await?);
    let mut keys: BTreeSet<_> = from.into_iter().zip(to).collect();
    let mut ordered = Vec::new();
    while !tables.is_empty() {
        let (free, rest): (Vec<_>, Vec<_>) =
            tables.into_iter().partition(|table| !keys.iter().any(|(from, _)| from == table));
        if free.is_empty() {
            return Err(DbErr::Custom(format!("tables refer to one another in a circle: {rest:?}")));
        }
        keys.retain(|(_, to)| !free.contains(to));
        ordered.extend(free);
        tables = rest;
    }
    Ok(ordered)
}

async fn names(on: &impl ConnectionTrait, sql: &str, column: &str) -> Result<Vec<String>, DbErr> {
    let rows = on.query_all_raw(statement(on, sql, [])).await?;
    rows.iter().map(|row| row.try_get("", column)).collect()
}

pub(crate) fn statement(
    on: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> sea_orm::Statement {
    sea_orm::Statement::from_sql_and_values(on.get_database_backend(), sql, values)
}

async fn has_rows(on: &DatabaseTransaction, table: &str) -> Result<bool, DbErr> {
    let sql = format!("SELECT 1 FROM \"{table}\" LIMIT 1");
    Ok(on.query_one_raw(statement(on, &sql, [])).await?.is_some())
}

pub(crate) async fn columns(on: &DatabaseTransaction, table: &str) -> Result<Vec<Column>, DbErr> {
    let sql = "SELECT column_name::text AS name, data_type::text AS kind FROM information_schema.columns \
               WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position";
    let rows = on.query_all_raw(statement(on, sql, [table.into()])).await?;
    let column = |row: &QueryResult| {
        let (name, kind): (String, String) = (row.try_get("", "name")?, row.try_get("", "kind")?);
        let kind = match kind.as_str() {
            "uuid" => Kind::Uuid,
            "text" | "character varying" => Kind::Text,
            "bigint" => Kind::BigInteger,
            "integer" => Kind::Integer,
            "boolean" => Kind::Boolean,
            "bytea" => Kind::Bytes,
            "double precision" => Kind::Double,
            _ => return Err(DbErr::Custom(format!("{table}.{name} has the unknown type {kind}"))),
        };
        Ok(Column { name, kind })
    };
    rows.iter().map(column).collect()
}

async fn copy_table(from: &DatabaseTransaction, to: &DatabaseTransaction, table: &str) -> Result<u64> {
    let columns = columns(to, table).await.map_err(db)?;
    let names: Vec<_> = columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
    let select = format!(
        "SELECT rowid AS copied_rowid, {} FROM \"{table}\" WHERE rowid > $1 ORDER BY rowid LIMIT $2",
        names.join(", ")
    );
    let batch = BATCH_ROWS.min(MAX_PARAMETERS / columns.len().max(1));
    let (mut after, mut copied) = (i64::MIN, 0);
    loop {
        let values = [after.into(), crate::count(batch as u64).into()];
        let rows = from.query_all_raw(statement(from, &select, values)).await.map_err(db)?;
        let Some(last) = rows.last() else { break };
        after = last.try_get("", "copied_rowid").map_err(db)?;
        insert(to, table, &columns, &rows).await?;
        copied += rows.len() as u64;
        if rows.len() < batch {
            break;
        }
    }
    Ok(copied)
}

/// Writes rows that have these columns.
pub(crate) async fn insert(
    to: &DatabaseTransaction,
    table: &str,
    columns: &[Column],
    rows: &[QueryResult],
) -> Result<()> {
    let mut insert = Query::insert();
    insert.into_table(Alias::new(table)).columns(columns.iter().map(|column| Alias::new(&column.name)));
    for row in rows {
        let values = columns.iter().map(|column| value(row, column).map(SimpleExpr::from));
        insert.values_panic(values.collect::<Result<Vec<_>, _>>().map_err(db)?);
    }
    to.execute(&insert).await.map_err(db)?;
    Ok(())
}

fn value(row: &QueryResult, column: &Column) -> Result<Value, DbErr> {
    let name = column.name.as_str();
    Ok(match column.kind {
        Kind::Uuid => row.try_get::<Option<Uuid>>("", name)?.into(),
        Kind::Text => row.try_get::<Option<String>>("", name)?.into(),
        Kind::BigInteger => row.try_get::<Option<i64>>("", name)?.into(),
        Kind::Integer => row.try_get::<Option<i32>>("", name)?.into(),
        Kind::Boolean => row.try_get::<Option<bool>>("", name)?.into(),
        Kind::Bytes => row.try_get::<Option<Vec<u8>>>("", name)?.into(),
        Kind::Double => row.try_get::<Option<f64>>("", name)?.into(),
    })
}

//! Browsing: schemas, tables, columns. One SELECT for each question, no matter how many tables there are.

use crate::{
    client::Client,
    explain::{self, ErrorContext},
    lookup::DeniedLookup,
    selection::Masking,
    sql::{self, Conditions},
    type_tree::Types,
    types::{self, Mapping},
    wire::pipeline::Row,
};
use mycorr_domain::{ColumnType, Problem, Result, TypeTree};

pub(crate) use crate::reader::Reader;
use crate::reader::{at_most, unreadable};

/// A table has at most 1,600 columns, a view as many as a SELECT list (manual, "PostgreSQL Limits").
const MAX_COLUMNS: usize = 1664;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaEntry {
    pub name: String,
    /// Tables and views in it, partitions not counted.
    pub tables: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    Table,
    View,
    MaterializedView,
    ForeignTable,
    PartitionedTable,
}

impl TableKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View => "view",
            Self::MaterializedView => "materialized_view",
            Self::ForeignTable => "foreign_table",
            Self::PartitionedTable => "partitioned_table",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableEntry {
    pub schema: String,
    pub name: String,
    pub kind: TableKind,
    /// PostgreSQL's estimate, with all partitions or children at any depth; `None` where it has none (a view, a table
    /// that was never analysed).
    pub estimated_rows: Option<u64>,
    /// Estimated from pages, with the oversized values that PostgreSQL keeps apart, and with all partitions or children.
    pub bytes: Option<u64>,
    /// Whether the role may read at least one column.
    pub readable: bool,
    /// Why not, with the GRANT.
    pub problem: Option<Problem>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceColumn {
    pub name: String,
    /// `attnum`
    pub position: i16,
    pub pg_type: String,
    pub stored: ColumnType,
    pub nullable: bool,
    /// Whether the role may read it.
    pub readable: bool,
    pub primary_key: bool,
    /// What decides the order of its values, where the stored type alone does not.
    pub tree: Option<TypeTree>,
    pub(crate) masking: Option<Masking>,
    pub(crate) type_oid: u32,
    pub(crate) mapping: Mapping,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDescription {
    pub entry: TableEntry,
    pub oid: u32,
    pub columns: Vec<SourceColumn>,
    /// Whether row-level security applies to this role: it may see fewer rows than there are.
    pub row_security: bool,
    /// What lets the role read the columns that it can't, if there are any in a table that it can.
    pub grant: Option<String>,
    /// What of the catalogue was kept from the role, so that something here is unknown.
    pub denied: Vec<DeniedLookup>,
    /// Which rows are read; all unless [`Client::select`] says otherwise.
    pub(crate) conditions: Conditions,
}

impl Client {
    /// The schemas in the order of their names' bytes, after the name `after`, at most `limit`.
    ///
    /// # Errors
    /// As every read.
    pub async fn schemas(&mut self, after: Option<&str>, limit: usize) -> Result<Vec<SchemaEntry>> {
        let target = self.target.clone();
        let parameters = [after.unwrap_or(""), &limit.to_string()];
        let rows = self.query(sql::SCHEMAS, &parameters, &ErrorContext::login(&target.endpoint)).await?;
        at_most(&rows, limit, "schemas")?;
        rows.iter()
            .map(|row| {
                let mut row = Reader::new(row);
                Ok(SchemaEntry { name: row.name()?, tables: row.number()? })
            })
            .collect()
    }

    /// The tables of a schema in the order of their names' bytes: those whose name contains `search`, after
    /// the name `after`, at most `limit`.
    ///
    /// # Errors
    /// As every read.
    pub async fn tables(
        &mut self,
        schema: &str,
        search: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<TableEntry>> {
        let target = self.target.clone();
        let asked = ErrorContext::schema(&target.endpoint, schema);
        let parameters = [schema, search.unwrap_or(""), after.unwrap_or(""), &limit.to_string()];
        let rows = self.query(sql::TABLES, &parameters, &asked).await?;
        listed(&rows, limit, target.endpoint.role())
    }

    /// The tables of all schemas whose name, with the schema's before it, contains `text`, after the schema and
    /// name of `after`, at most `limit`, in the order of their bytes.
    ///
    /// # Errors
    /// As every read.
    pub async fn search(
        &mut self,
        text: &str,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<TableEntry>> {
        let target = self.target.clone();
        let (schema, name) = after.unwrap_or_default();
        let parameters = [text, schema, name, &limit.to_string()];
        let rows = self.query(sql::SEARCH, &parameters, &ErrorContext::login(&target.endpoint)).await?;
        listed(&rows, limit, target.endpoint.role())
    }

    /// A table and its columns, validated against the catalogue.
    ///
    /// # Errors
    /// `table_not_found` if there is none of that name.
    pub async fn describe(&mut self, schema: &str, table: &str) -> Result<TableDescription> {
        let target = self.target.clone();
        let asked = ErrorContext::table(&target.endpoint, schema, table);
        let rows = self.query(sql::DESCRIBE, &[schema, table], &asked).await?;
        let Some(first) = rows.first() else { return Err(explain::table_not_found(schema, table)) };
        at_most(&rows, MAX_COLUMNS, "columns")?;
        let types = self.types(first).await;
        self.verify_session_settings(&asked).await?;
        let mut row = Reader::new(first);
        // In information_schema stands what the role has any right to; the rest is explained by `problem`.
        let listed = row.optional_flag()? != Some(false);
        let oid = row.number()? as u32;
        let entry = table_entry(&mut row, schema, table.to_owned(), target.endpoint.role())?;
        let row_security = row.flag()?;
        let listable = entry.kind != TableKind::MaterializedView;
        if entry.readable && listable && !listed {
            return Err(explain::table_not_found(schema, table));
        }
        let mut columns = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut row = Reader::new(row);
            row.skip(8);
            // A table without columns has one row, with nothing here.
            let Some(name) = row.optional_name()? else { continue };
            let position = row.number()? as i16;
            let pg_type = row.text()?;
            let type_oid = row.number()? as u32;
            let modifier = row.text()?.parse().map_err(|_| unreadable("a type's modifier is no number"))?;
            let mapping = types::map(type_oid, modifier, self.traits);
            columns.push(SourceColumn {
                name,
                position,
                pg_type,
                stored: mapping.stored,
                nullable: row.flag()?,
                readable: row.optional_flag()? != Some(false),
                primary_key: row.flag()?,
                masking: None,
                type_oid,
                tree: types.as_ref().and_then(|types| types.of_column(position, mapping.stored)),
                mapping,
            });
        }
        let unreadable: Vec<&str> =
            columns.iter().filter(|column| !column.readable).map(|column| column.name.as_str()).collect();
        let grant = (entry.problem.is_none() && !unreadable.is_empty())
            .then(|| sql::grant_select_columns(schema, table, &unreadable, target.endpoint.role()));
        let denied = self.denied_lookups().await;
        Ok(TableDescription {
            entry,
            oid,
            columns,
            row_security,
            grant,
            denied,
            conditions: Conditions::default(),
        })
    }

    /// What the types of a table's columns are made of; None if the role may not look that up, which leaves the order
    /// that a type's name tells.
    async fn types(&mut self, described: &Row) -> Option<Types> {
        let mut row = Reader::new(described);
        row.skip(1);
        let oid = row.text().ok()?;
        Types::parse(&self.query_or_do_without(sql::TYPES, &[&oid]).await?)
    }
}

fn listed(rows: &[Row], limit: usize, role: &str) -> Result<Vec<TableEntry>> {
    at_most(rows, limit, "tables")?;
    rows.iter()
        .map(|row| {
            let mut row = Reader::new(row);
            let (schema, name) = (row.name()?, row.name()?);
            table_entry(&mut row, &schema, name, role)
        })
        .collect()
}

/// Reads kind, estimates and rights, which come in this order from both templates.
fn table_entry(row: &mut Reader<'_>, schema: &str, name: String, role: &str) -> Result<TableEntry> {
    let kind = match row.text()?.as_str() {
        "r" => TableKind::Table,
        "v" => TableKind::View,
        "m" => TableKind::MaterializedView,
        "f" => TableKind::ForeignTable,
        "p" => TableKind::PartitionedTable,
        other => return Err(unreadable(&format!("{other:?} is not a kind of table"))),
    };
    let (rows, bytes) = (row.estimate()?, row.estimate()?);
    let (usage, select) = (row.optional_flag()?, row.optional_flag()?);
    let stored = !matches!(kind, TableKind::View | TableKind::ForeignTable);
    // -1: never analysed. 0 without a page: empty, or never analysed before PostgreSQL 14.
    let known = |rows: &f64| *rows > 0.0 || bytes.is_some_and(|bytes| bytes > 0.0);
    let problem = if usage == Some(false) {
        Some(explain::schema_permission_denied(schema, role))
    } else if select == Some(false) {
        Some(explain::table_permission_denied(schema, &name, role))
    } else {
        None
    };
    Ok(TableEntry {
        schema: schema.to_owned(),
        name,
        kind,
        estimated_rows: rows.filter(|rows| kind != TableKind::View && known(rows)).map(|rows| rows as u64),
        bytes: bytes.filter(|_| stored).map(|bytes| bytes as u64),
        readable: problem.is_none(),
        problem,
    })
}

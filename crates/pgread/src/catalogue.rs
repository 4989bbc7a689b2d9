//! Browsing: schemas, tables, columns. One SELECT for each question, no matter how many tables there are.

use crate::{
    client::Client,
    explain::{self, Asked},
    sql,
    type_tree::Types,
    types::{self, Mapping},
    wire::pipeline::Row,
};
use mycorr_domain::{Cell, Code, ColumnType, Problem, Result, TypeTree};

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
    /// PostgreSQL's estimate; `None` where it has none (a view, a table that was never analysed).
    pub estimated_rows: Option<u64>,
    /// Estimated from pages, with the oversized values that PostgreSQL keeps apart.
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
}

impl Client {
    /// # Errors
    /// As every read.
    pub async fn schemas(&mut self) -> Result<Vec<SchemaEntry>> {
        let target = self.target.clone();
        let rows = self.query(sql::SCHEMAS, &[], &Asked::login(&target.endpoint)).await?;
        rows.iter()
            .map(|row| {
                let mut row = Reader::new(row);
                Ok(SchemaEntry { name: row.text()?, tables: row.number()? })
            })
            .collect()
    }

    /// The tables of a schema in the order of their names' bytes: those whose name contains `search`, after
    /// the name `after`, at most `limit`.
    pub async fn tables(
        &mut self,
        schema: &str,
        search: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<TableEntry>> {
        let target = self.target.clone();
        let asked = Asked::schema(&target.endpoint, schema);
        let limit = limit.to_string();
        let parameters = [schema, search.unwrap_or(""), after.unwrap_or(""), &limit];
        let rows = self.query(sql::TABLES, &parameters, &asked).await?;
        listed(&rows, target.endpoint.role())
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
        let rows = self.query(sql::SEARCH, &parameters, &Asked::login(&target.endpoint)).await?;
        listed(&rows, target.endpoint.role())
    }

    /// A table and its columns, validated against the catalogue.
    ///
    /// # Errors
    /// `table_not_found` if there is none of that name.
    pub async fn describe(&mut self, schema: &str, table: &str) -> Result<TableDescription> {
        let target = self.target.clone();
        let asked = Asked::table(&target.endpoint, schema, table);
        let rows = self.query(sql::DESCRIBE, &[schema, table], &asked).await?;
        let Some(first) = rows.first() else { return Err(explain::table_not_found(schema, table)) };
        let types = self.types(first, &asked).await;
        self.settled(&asked).await?;
        let mut row = Reader::new(first);
        // In information_schema stands what the role has any right to; the rest is explained by `problem`.
        let listed = row.flag()?;
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
            let Some(name) = row.optional()? else { continue };
            let position = row.number()? as i16;
            let pg_type = row.text()?;
            let type_oid = row.number()? as u32;
            let modifier = row.text()?.parse().map_err(|_| unreadable())?;
            let mapping = types::map(type_oid, modifier, self.traits);
            columns.push(SourceColumn {
                name,
                position,
                pg_type,
                stored: mapping.stored,
                nullable: row.flag()?,
                readable: row.flag()?,
                primary_key: row.flag()?,
                type_oid,
                tree: types.as_ref().and_then(|types| types.of_column(position, mapping.stored)),
                mapping,
            });
        }
        let shut: Vec<&str> =
            columns.iter().filter(|column| !column.readable).map(|column| column.name.as_str()).collect();
        let grant = (entry.problem.is_none() && !shut.is_empty())
            .then(|| sql::grant_select_columns(schema, table, &shut, target.endpoint.role()));
        Ok(TableDescription { entry, oid, columns, row_security, grant })
    }

    /// What the types of a table's columns are made of; None if the role may not look that up, which leaves the order
    /// that a type's name tells.
    async fn types(&mut self, described: &Row, asked: &Asked<'_>) -> Option<Types> {
        let mut row = Reader::new(described);
        row.skip(1);
        let oid = row.text().ok()?;
        Types::parse(&self.query(sql::TYPES, &[&oid], asked).await.ok()?)
    }

    /// The first `limit` rows of the readable columns, as PostgreSQL prints them.
    pub async fn preview(&mut self, table: &TableDescription, limit: u32) -> Result<Vec<Vec<Cell>>> {
        let target = self.target.clone();
        let asked = Asked::table(&target.endpoint, &table.entry.schema, &table.entry.name);
        if let Some(problem) = &table.entry.problem {
            return Err(problem.clone());
        }
        let columns =
            table.columns.iter().filter(|column| column.readable).map(|column| column.name.as_str());
        let text = sql::select(&table.entry.schema, &table.entry.name, columns, Some(limit));
        let rows = self.run(sql::PREVIEW, &text, &[], &asked).await?;
        Ok(rows
            .into_iter()
            .map(|row| row.into_iter().map(|value| value.map_or(Cell::Null, Cell::from_bytes)).collect())
            .collect())
    }
}

fn listed(rows: &[Row], role: &str) -> Result<Vec<TableEntry>> {
    rows.iter()
        .map(|row| {
            let mut row = Reader::new(row);
            let (schema, name) = (row.text()?, row.text()?);
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
        _ => return Err(unreadable()),
    };
    let rows: Option<f64> = row.optional()?.and_then(|text| text.parse().ok());
    let bytes: u64 = row.number()?;
    let (usage, select) = (row.flag()?, row.flag()?);
    let stored = !matches!(kind, TableKind::View | TableKind::ForeignTable);
    // -1: never analysed. 0 without a page: empty, or never analysed before PostgreSQL 14.
    let known = |rows: &f64| *rows > 0.0 || (*rows == 0.0 && bytes > 0);
    let problem = if !usage {
        Some(explain::schema_permission_denied(schema, role))
    } else if !select {
        Some(explain::table_permission_denied(schema, &name, role))
    } else {
        None
    };
    Ok(TableEntry {
        schema: schema.to_owned(),
        name,
        kind,
        estimated_rows: rows.filter(|rows| kind != TableKind::View && known(rows)).map(|rows| rows as u64),
        bytes: stored.then_some(bytes),
        readable: problem.is_none(),
        problem,
    })
}

/// The values of a row, one after another.
pub(crate) struct Reader<'a> {
    values: std::slice::Iter<'a, Option<Vec<u8>>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(row: &'a Row) -> Self {
        Self { values: row.iter() }
    }

    fn skip(&mut self, values: usize) {
        self.values.by_ref().take(values).for_each(drop);
    }

    pub(crate) fn optional(&mut self) -> Result<Option<String>> {
        let value = self.values.next().ok_or_else(unreadable)?;
        Ok(value.as_ref().map(|value| String::from_utf8_lossy(value).into_owned()))
    }

    pub(crate) fn text(&mut self) -> Result<String> {
        self.optional()?.ok_or_else(unreadable)
    }

    pub(crate) fn number(&mut self) -> Result<u64> {
        self.text()?.parse().map_err(|_| unreadable())
    }

    pub(crate) fn flag(&mut self) -> Result<bool> {
        Ok(self.optional()?.as_deref() == Some("t"))
    }
}

fn unreadable() -> Problem {
    Problem::new(
        Code::ProtocolViolation,
        "The server's catalogue answered in a way that PostgreSQL does not.",
    )
    .fix("Check that the server is PostgreSQL 12 or newer, or speaks its protocol in full.")
}

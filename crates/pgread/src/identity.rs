//! Which table it is, whatever it is called, and what its rows are known by.

use crate::{
    catalogue::{SourceColumn, TableDescription},
    client::Client,
    explain::{self, ErrorContext},
    reader::{Reader, unreadable},
    sql,
};
use mycorr_domain::{Code, ForeignKey, Problem, Result, UniqueKey};

impl TableDescription {
    /// What is wrong if the role may not read one of `columns`, which it could.
    pub fn unreadable<'a>(
        &self,
        columns: impl IntoIterator<Item = &'a SourceColumn>,
        role: &str,
    ) -> Option<Problem> {
        let (schema, table) = (self.entry.schema.as_str(), self.entry.name.as_str());
        let denied = columns.into_iter().filter(|column| !column.readable);
        let denied: Vec<&str> = denied.map(|column| column.name.as_str()).collect();
        (!denied.is_empty()).then(|| explain::column_permission_denied(schema, table, &denied, role))
    }
}

impl Client {
    /// The primary key and the unique indexes by which the rows of a table are known; `None` where the server keeps
    /// them from the role.
    ///
    /// # Errors
    /// As every read.
    pub async fn keys(&mut self, table: &TableDescription) -> Result<Option<Vec<UniqueKey>>> {
        let target = self.target.clone();
        let asked = ErrorContext::table(&target.endpoint, &table.entry.schema, &table.entry.name);
        let rows = match self.query(sql::KEYS, &[&table.oid.to_string()], &asked).await {
            Ok(rows) => rows,
            Err(problem) if problem.code == Code::TablePermissionDenied => return Ok(None),
            Err(problem) => return Err(problem),
        };
        let keys = rows.iter().map(|row| {
            let mut row = Reader::new(row);
            let (name, primary, columns, length) = (row.name()?, row.flag()?, row.text()?, row.number()?);
            let columns = columns.split(' ').take(length as usize).map(str::parse::<i16>);
            let columns: Vec<i16> =
                columns.collect::<Result<_, _>>().map_err(|_| unreadable("an index has odd columns"))?;
            let not_null = columns.iter().all(|&position| {
                table.columns.iter().any(|column| column.position == position && !column.nullable)
            });
            Ok(UniqueKey { name, primary, columns, not_null })
        });
        keys.collect::<Result<_>>().map(Some)
    }

    /// What the columns of a table refer to; nothing where the server keeps it from the role.
    ///
    /// # Errors
    /// As every read.
    pub async fn foreign_keys(&mut self, table: &TableDescription) -> Result<Vec<ForeignKey>> {
        let target = self.target.clone();
        let asked = ErrorContext::table(&target.endpoint, &table.entry.schema, &table.entry.name);
        let rows = match self.query(sql::FOREIGN_KEYS, &[&table.oid.to_string()], &asked).await {
            Ok(rows) => rows,
            Err(problem) if problem.code == Code::TablePermissionDenied => return Ok(Vec::new()),
            Err(problem) => return Err(problem),
        };
        let places = |array: String| {
            let places = array.trim_matches(['{', '}']).split(',').map(str::parse::<i16>);
            places.collect::<Result<Vec<_>, _>>().map_err(|_| unreadable("a foreign key has odd columns"))
        };
        let keys = rows.iter().map(|row| {
            let mut row = Reader::new(row);
            let (name, columns, oid) = (row.name()?, row.text()?, row.text()?);
            Ok(ForeignKey {
                name,
                columns: places(columns)?,
                to_oid: oid.parse().map_err(|_| unreadable("an oid is no number"))?,
                to_schema: row.name()?,
                to_table: row.name()?,
                to_columns: places(row.text()?)?,
            })
        });
        keys.collect()
    }

    /// The schema and the name under which the table with this oid is now; `None` if it is gone.
    ///
    /// # Errors
    /// As every read.
    pub async fn renamed(&mut self, oid: u32) -> Result<Option<(String, String)>> {
        let target = self.target.clone();
        let rows =
            self.query(sql::RENAMED, &[&oid.to_string()], &ErrorContext::login(&target.endpoint)).await?;
        let name = |row| {
            let mut row = Reader::new(row);
            Ok((row.name()?, row.name()?))
        };
        rows.first().map(name).transpose()
    }
}

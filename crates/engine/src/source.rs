//! Finding a job's table at its source: the one of this name, or the one that was called so before.

use crate::{
    runner::Runner,
    selection::{Resolved, is_redacted, resolve},
};
use mycorr_domain::{Code, Column, ConnectionId, Filter, Problem, Result, SourceChange, SourceRecord};
use mycorr_meta::{ClaimedJob, JobKind, Source, Version};
use mycorr_pgread::{Client, SourceColumn, TableDescription};

/// A table that is about to be read.
pub(crate) struct Found {
    pub(crate) description: TableDescription,
    /// The names of the columns to read; `None` for all that the role may read.
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) record: SourceRecord,
    /// Columns of the version before that are there, and that the role may not read any more: told where the sync may be
    /// held.
    pub(crate) unreadable: Vec<String>,
}

impl Runner {
    /// Looks a job's table up. A table that was renamed is followed; where another one has its name by now, that one
    /// is read, and it is said.
    ///
    /// # Errors
    /// `column_permission_denied` if a column came before and may not be read any more; as every read.
    pub(crate) async fn find_source(
        &self,
        client: &mut Client,
        work: &ClaimedJob,
        connection: ConnectionId,
    ) -> Result<Found> {
        let source = &work.job.source;
        let before = match work.job.kind {
            JobKind::Sync | JobKind::Verify => self.meta.table_of_job(work.job.table).await?.head,
            _ => None,
        };
        // What is remembered of another database or another name says nothing about this one.
        let known = before.as_ref().and_then(|version| Some((version, version.source.as_ref()?)));
        let known = known.filter(|(_, record)| {
            (record.connection, &record.schema, &record.table) == (connection, &source.schema, &source.table)
        });
        let (mut description, change) = match client.describe(&source.schema, &source.table).await {
            Ok(description) => {
                let another = known.is_some_and(|(_, record)| record.oid != description.oid);
                (description, another.then_some(SourceChange::AnotherTable))
            }
            Err(problem) if problem.code == Code::TableNotFound => {
                let followed = match known {
                    Some((version, record)) => follow(client, version, record).await?,
                    None => None,
                };
                (followed.ok_or(problem)?, Some(SourceChange::Renamed))
            }
            Err(problem) => return Err(problem),
        };
        if let Some(problem) = &description.entry.problem {
            return Err(problem.clone());
        }
        let before = before.as_ref().map_or(&[][..], |version| &version.columns);
        let by_name = known.is_none_or(|(_, record)| record.oid != description.oid);
        // Where the sync may be held, what can still be read is.
        let held = self.held_by_policy(work).await?.is_some();
        let mut unreadable = Vec::new();
        if held {
            let denied =
                |column: &&Column| now(&description, column, by_name).is_some_and(|now| !now.readable);
            unreadable = before.iter().filter(denied).map(|column| column.name.clone()).collect();
        }
        let columns = match &source.columns {
            None if held => None,
            None => {
                let kept = before.iter().filter_map(|column| now(&description, column, by_name));
                let role = client.endpoint().role();
                description.unreadable(kept, role).map_or(Ok(None), Err)?
            }
            Some(names) => {
                // Of the same table, a column is what it was, whatever it is called.
                let name = |name: &String| {
                    let column = before.iter().find(|column| column.name == *name);
                    let column = column.and_then(|column| now(&description, column, by_name));
                    column.map_or_else(|| name.clone(), |column| column.name.clone())
                };
                let mut names: Vec<String> = names.iter().map(name).collect();
                let readable = |name: &String| {
                    description.columns.iter().any(|column| column.name == *name && column.readable)
                };
                if held && names.iter().any(&readable) {
                    names.retain(readable);
                }
                Some(names)
            }
        };
        let Resolved { filter, masks } =
            resolve(&source.selection, &description, known.map(|(_, record)| record), !by_name)?;
        let filters: Vec<Filter> = filter.iter().map(|recorded| recorded.filter.clone()).collect();
        client.select(&mut description, &filters).await?;
        let keys = client.keys(&description).await?.map(|mut keys| {
            keys.retain(|key| !key.columns.iter().any(|&position| is_redacted(&masks, position)));
            keys
        });
        // What is redacted refers to nothing; what is hashed is hashed alike in all tables of the Model.
        let mut foreign_keys = client.foreign_keys(&description).await?;
        foreign_keys.retain(|key| !key.columns.iter().any(|&position| is_redacted(&masks, position)));
        if !masks.is_empty() {
            let key = self.connections.mask_key(work.job.model).await?;
            masks.iter().for_each(|masked| description.mask(&masked.column, masked.mask, &key));
        }
        let record = SourceRecord {
            connection,
            schema: description.entry.schema.clone(),
            table: description.entry.name.clone(),
            oid: description.oid,
            chosen: columns.clone(),
            keys,
            foreign_keys,
            server_version: client.server().version.clone(),
            role: client.endpoint().role().to_owned(),
            row_security: description.row_security,
            filter,
            masks,
            change,
        };
        Ok(Found { description, columns, record, unreadable })
    }
}

/// The table that was read before, under the name that it has now. An oid means nothing in a database that was
/// restored into another cluster, so every column has to be there still.
async fn follow(
    client: &mut Client,
    version: &Version,
    record: &SourceRecord,
) -> Result<Option<TableDescription>> {
    let Some((schema, table)) = client.renamed(record.oid).await? else { return Ok(None) };
    let described = client.describe(&schema, &table).await?;
    let same = version.columns.iter().all(|column| {
        now(&described, column, false).is_some_and(|now| {
            let retyped = now.pg_type != column.pg_type && record.mask_of(column.position).is_none();
            now.name == column.name && !retyped
        })
    });
    Ok(same.then_some(described))
}

/// What a column that was read before is at the source now.
pub(crate) fn now<'a>(
    table: &'a TableDescription,
    before: &Column,
    by_name: bool,
) -> Option<&'a SourceColumn> {
    table
        .columns
        .iter()
        .find(|column| if by_name { column.name == before.name } else { column.position == before.position })
}

/// What has to be said of a table that is not what it was.
pub(crate) fn changed(record: &SourceRecord, asked: &Source, warning: Option<Problem>) -> Option<Problem> {
    let Some(change) = record.change else { return warning };
    let (before, now) =
        (format!("{}.{}", asked.schema, asked.table), format!("{}.{}", record.schema, record.table));
    let (detail, fix) = match change {
        SourceChange::Renamed => (
            format!("{before} is called {now} now. It is the same table, and was read under its new name."),
            "The next syncs read it under that name.",
        ),
        SourceChange::AnotherTable => (
            format!(
                "{now} is another table under the same name: the one that was read before was dropped or renamed."
            ),
            "If the other table was meant, restore the version before, and point this table at it (Use another connection).",
        ),
    };
    let detail = match warning {
        Some(warning) => format!("{detail} {}", warning.detail),
        None => detail,
    };
    Some(Problem::new(Code::SourceChanged, detail).fix(fix))
}

//! What a connection can see at the source, asked there each time.

use crate::{Connections, spawn_uncancellable};
use mycorr_domain::{Cell, Code, ConnectionId, Problem, Result, UserId};
use mycorr_meta::{Listed, Purpose};
use mycorr_pgread::{Client, SchemaEntry, SourceColumn, TableDescription, TableEntry, TableStatistics};
use std::{future::Future, pin::Pin};
use tokio_util::sync::CancellationToken;

/// The first rows of a table at the source.
pub struct Preview {
    pub columns: Vec<SourceColumn>,
    pub rows: Vec<Vec<Cell>>,
}

const PREVIEW_ROWS: u32 = 50;

pub(crate) type Asking<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl Connections {
    /// The schemas by name.
    ///
    /// # Errors
    /// `not_found`, `secret_unreadable`, `too_many_requests`; as every look at the source.
    pub async fn schemas(
        &self,
        user: UserId,
        id: ConnectionId,
        after: Option<String>,
        limit: usize,
    ) -> Result<Listed<SchemaEntry>> {
        no_nul(&[after.as_ref()])?;
        self.ask(user, id, Purpose::Browse, move |client| {
            Box::pin(async move {
                let found = client.schemas(after.as_deref(), limit + 1).await?;
                Ok(Listed::new(found, limit, |schema: &SchemaEntry| schema.name.clone()))
            })
        })
        .await
    }

    /// The tables of a schema by name, those whose name contains `search`.
    ///
    /// # Errors
    /// `not_found`, `secret_unreadable`, `too_many_requests`; as every look at the source.
    pub async fn source_tables(
        &self,
        user: UserId,
        id: ConnectionId,
        schema: String,
        search: Option<String>,
        after: Option<String>,
        limit: usize,
    ) -> Result<Listed<TableEntry>> {
        no_nul(&[Some(&schema), search.as_ref(), after.as_ref()])?;
        self.ask(user, id, Purpose::Browse, move |client| {
            Box::pin(async move {
                let found = client.tables(&schema, search.as_deref(), after.as_deref(), limit + 1).await?;
                Ok(Listed::new(found, limit, |table: &TableEntry| table.name.clone()))
            })
        })
        .await
    }

    /// The tables of all schemas whose name, with the schema's before it, contains `search`.
    ///
    /// # Errors
    /// `not_found`, `secret_unreadable`, `too_many_requests`; as every look at the source.
    pub async fn search_tables(
        &self,
        user: UserId,
        id: ConnectionId,
        search: String,
        after: Option<String>,
        limit: usize,
    ) -> Result<Listed<TableEntry>> {
        no_nul(&[Some(&search), after.as_ref()])?;
        let after = after.map(|cursor| parse_cursor(&cursor)).transpose()?;
        self.ask(user, id, Purpose::Browse, move |client| {
            Box::pin(async move {
                let after = after.as_ref().map(|(schema, name)| (schema.as_str(), name.as_str()));
                let found = client.search(&search, after, limit + 1).await?;
                Ok(Listed::new(found, limit, cursor))
            })
        })
        .await
    }

    /// A table with its columns, and what the database's own statistics say of them: nothing of the table is read.
    /// `values`: with the values that are found most.
    ///
    /// # Errors
    /// `not_found`, `secret_unreadable`, `too_many_requests`; as every look at the source.
    pub async fn describe(
        &self,
        user: UserId,
        id: ConnectionId,
        schema: String,
        table: String,
        values: bool,
    ) -> Result<(TableDescription, TableStatistics)> {
        no_nul(&[Some(&schema), Some(&table)])?;
        self.ask(user, id, Purpose::Browse, move |client| {
            Box::pin(async move {
                let mut description = client.describe(&schema, &table).await?;
                let statistics = client.statistics(&mut description, values).await?;
                Ok((description, statistics))
            })
        })
        .await
    }

    /// The first 50 rows of the columns that the role may read.
    ///
    /// # Errors
    /// `not_found`, `secret_unreadable`, `too_many_requests`; as every look at the source.
    pub async fn preview(
        &self,
        user: UserId,
        id: ConnectionId,
        schema: String,
        table: String,
    ) -> Result<Preview> {
        no_nul(&[Some(&schema), Some(&table)])?;
        self.ask(user, id, Purpose::Preview, move |client| {
            Box::pin(async move {
                let description = client.describe(&schema, &table).await?;
                let rows = client.preview(&description, PREVIEW_ROWS).await?;
                let columns = description.columns.into_iter().filter(|column| column.readable).collect();
                Ok(Preview { columns, rows })
            })
        })
        .await
    }

    /// Connects, asks, and hangs up. When whoever asked goes away, the question is stopped at the server.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        user: UserId,
        id: ConnectionId,
        purpose: Purpose,
        question: impl for<'a> FnOnce(&'a mut Client) -> Asking<'a, T> + Send + 'static,
    ) -> Result<T> {
        let connection = self.meta.connection(user, id).await?;
        let target = self.target(&connection).await?;
        let connections = self.clone();
        let left = CancellationToken::new();
        let _leaves = left.clone().drop_guard();
        spawn_uncancellable(async move {
            let asking = async {
                let permit = connections.source_concurrency.take(user).await?;
                let journal = connections.ledger(id, user, purpose, None);
                match Client::connect(&connections.dialer, &target, journal).await {
                    Ok(client) => Ok((permit, client)),
                    Err(problem) => Err(connections.sign_in_failed(&connection, problem).await),
                }
            };
            let (_permit, mut client) = left.run_until_cancelled(asking).await.unwrap_or_else(gone)?;
            let answer = left.run_until_cancelled(question(&mut client)).await.unwrap_or_else(gone);
            client.close().await;
            answer
        })
        .await
    }
}

/// Nobody reads it.
fn gone<T>() -> Result<T> {
    Err(Problem::new(Code::Cancelled, "The request was given up."))
}

/// Names hold any letter, so the schema's length says where the table's name begins.
fn cursor(table: &TableEntry) -> String {
    format!("{}:{}{}", table.schema.len(), table.schema, table.name)
}

fn parse_cursor(text: &str) -> Result<(String, String)> {
    let parsed =
        text.split_once(':').and_then(|(length, names)| names.split_at_checked(length.parse().ok()?));
    let (schema, name) =
        parsed.ok_or_else(|| Problem::invalid("after", "This is not the `next` of an earlier answer."))?;
    Ok((schema.to_owned(), name.to_owned()))
}

/// PostgreSQL's text has no NUL (manual, "Character Types"): nothing can be called so.
fn no_nul(texts: &[Option<&String>]) -> Result<()> {
    if texts.iter().flatten().any(|text| text.contains('\0')) {
        return Err(Problem::not_found("table"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back() {
        assert_eq!(parse_cursor("4:a:ö1b").unwrap(), ("a:ö".to_owned(), "1b".to_owned()));
        for wrong in ["", "x", "9:a", "x:ab", "3:a:ö"] {
            assert!(parse_cursor(wrong).is_err(), "{wrong}");
        }
    }
}

//! Figures for who runs Mycorr, over all nodes. Nothing in them is about a person.

use crate::{Meta, db, jobs::COUNTS_ITSELF, now, statements::first_id};
use chrono::TimeDelta;
use mycorr_domain::Result;
use sea_orm::{ConnectionTrait, FromQueryResult, QueryResult, Value};
use std::time::Duration;

/// What the metadata knows of the whole installation.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Jobs that wait and that run, by state.
    pub jobs: Vec<(String, u64)>,
    /// Of the jobs that were queued in the last day, those that ended in the last hour, by state.
    pub jobs_ended_last_hour: Vec<(String, u64)>,
    /// How long the oldest job has waited; zero where none waits.
    pub oldest_queued: Duration,
    /// Running jobs whose lease is over: another worker is about to take them.
    pub expired_leases: u64,
    pub tables: u64,
    pub versions: u64,
    /// Of all versions; what a restore shares with the version that it brought back counts once.
    pub stored_bytes: u64,
    /// Connections by how their last test ended, `passed` or `failed`.
    pub connections: Vec<(String, u64)>,
    /// Statements that a source is working on.
    pub open_statements: u64,
    /// Nodes that live, by role; empty where nodes don't share the metadata.
    pub nodes: Vec<(String, u64)>,
}

#[derive(FromQueryResult)]
struct Counted {
    name: String,
    n: i64,
}

impl Meta {
    /// # Errors
    /// `storage_unavailable`.
    pub async fn figures(&self) -> Result<Figures> {
        let clock = self.clock();
        let day = first_id(now() - TimeDelta::days(1));
        let oldest = format!("SELECT {clock} - MIN(queued_at) AS n FROM jobs WHERE state = 'queued'");
        let expired =
            format!("SELECT COUNT(*) AS n FROM jobs WHERE state = 'running' AND lease_until < {clock}");
        let ended = format!(
            "SELECT state AS name, COUNT(*) AS n FROM jobs WHERE id > $1 AND finished_at > {clock} - 3600000000 \
             GROUP BY state ORDER BY state"
        );
        let connections = "SELECT CASE WHEN last_test_ok THEN 'passed' ELSE 'failed' END AS name, COUNT(*) AS n \
                           FROM connections WHERE last_test_ok IS NOT NULL GROUP BY 1 ORDER BY 1";
        let bytes = format!("SELECT CAST(SUM(bytes) AS bigint) AS n FROM versions WHERE {COUNTS_ITSELF}");
        let mut nodes = std::collections::BTreeMap::new();
        for node in self.nodes().await? {
            *nodes.entry(node.role).or_insert(0) += 1;
        }
        Ok(Figures {
            jobs: self.job_counts().await?,
            jobs_ended_last_hour: self.counted(&ended, [day.into()]).await?,
            oldest_queued: Duration::from_micros(self.number(&oldest).await?),
            expired_leases: self.number(&expired).await?,
            tables: self.number("SELECT COUNT(*) AS n FROM tables WHERE head IS NOT NULL").await?,
            versions: self.number("SELECT COUNT(*) AS n FROM versions").await?,
            stored_bytes: self.number(&bytes).await?,
            connections: self.counted(connections, []).await?,
            open_statements: self
                .number("SELECT COUNT(*) AS n FROM ledger WHERE open_until IS NOT NULL")
                .await?,
            nodes: nodes.into_iter().collect(),
        })
    }

    async fn number(&self, sql: &str) -> Result<u64> {
        let row = self.db.query_one_raw(self.statement(sql, [])).await.map_err(db)?;
        let number = |row: QueryResult| row.try_get::<Option<i64>>("", "n");
        let number = row.map(number).transpose().map_err(db)?.flatten();
        Ok(number.unwrap_or_default().max(0) as u64)
    }

    async fn counted(
        &self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<(String, u64)>> {
        let rows = Counted::find_by_statement(self.statement(sql, values)).all(&self.db).await.map_err(db)?;
        Ok(rows.into_iter().map(|row| (row.name, row.n.max(0) as u64)).collect())
    }
}

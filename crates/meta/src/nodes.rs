//! Processes that share the metadata: each says every few seconds that it lives, and all agree on one master key.

use crate::{Meta, db, time};
use chrono::{DateTime, Utc};
use mycorr_domain::Result;
use sea_orm::{ConnectionTrait, FromQueryResult};
use std::time::Duration;
use uuid::Uuid;

/// A node that was not heard of for so long is taken for dead.
const NODE_TTL: Duration = Duration::from_secs(30);

/// A process, as it describes itself.
#[derive(Clone, Debug)]
pub struct NewNode {
    /// Made by the process when it starts.
    pub id: Uuid,
    /// `serve` or `work`.
    pub role: &'static str,
    pub host: String,
    pub version: &'static str,
    pub workers: usize,
    /// Where other nodes send it parts of queries, as `host:port`.
    pub query_address: Option<String>,
}

/// A process that lives.
#[derive(Clone, Debug)]
pub struct Node {
    pub id: Uuid,
    pub role: String,
    pub host: String,
    pub version: String,
    pub workers: u64,
    pub query_address: Option<String>,
    pub started_at: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    role: String,
    host: String,
    version: String,
    workers: i64,
    query_address: Option<String>,
    started_at: i64,
    seen_at: i64,
}

impl Meta {
    /// Says that a node lives, by the database's clock.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn heartbeat(&self, node: &NewNode) -> Result<()> {
        let now = self.clock();
        let sql = format!(
            "INSERT INTO nodes (id, role, host, version, workers, query_address, started_at, seen_at) \
             VALUES ($1, $2, $3, $4, $5, $6, {now}, {now}) ON CONFLICT (id) DO UPDATE SET seen_at = {now}"
        );
        let values = [
            node.id.into(),
            node.role.into(),
            node.host.as_str().into(),
            node.version.into(),
            crate::count(node.workers as u64).into(),
            node.query_address.as_deref().into(),
        ];
        self.db.execute_raw(self.statement(sql, values)).await.map_err(db)?;
        Ok(())
    }

    /// Forgets a node that stops, and those that died.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn forget_node(&self, id: Uuid) -> Result<()> {
        let sql = format!("DELETE FROM nodes WHERE id = $1 OR seen_at < {} - $2", self.clock());
        let values = [id.into(), ttl_micros().into()];
        self.db.execute_raw(self.statement(sql, values)).await.map_err(db)?;
        Ok(())
    }

    /// The nodes that live, oldest first.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn nodes(&self) -> Result<Vec<Node>> {
        let sql = format!(
            "SELECT id, role, host, version, workers, query_address, started_at, seen_at FROM nodes \
             WHERE seen_at >= {} - $1 ORDER BY started_at, id",
            self.clock()
        );
        let rows = Row::find_by_statement(self.statement(sql, [ttl_micros().into()]));
        let node = |row: Row| Node {
            id: row.id,
            role: row.role,
            host: row.host,
            version: row.version,
            workers: row.workers as u64,
            query_address: row.query_address,
            started_at: time(row.started_at),
            seen_at: time(row.seen_at),
        };
        Ok(rows.all(&self.db).await.map_err(db)?.into_iter().map(node).collect())
    }

    /// The id of the master key that all nodes share. The first to ask decides; `offered` is that node's.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn agree_on_master_key(&self, offered: &str) -> Result<String> {
        let insert = "INSERT INTO master_keys (id, key_id) VALUES (1, $1) ON CONFLICT (id) DO NOTHING";
        self.db.execute_raw(self.statement(insert, [offered.into()])).await.map_err(db)?;
        Ok(self.master_key().await?.unwrap_or_else(|| offered.to_owned()))
    }

    /// The same, if the nodes have agreed on one.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn master_key(&self) -> Result<Option<String>> {
        let select = self.statement("SELECT key_id FROM master_keys WHERE id = 1", []);
        let row = self.db.query_one_raw(select).await.map_err(db)?;
        row.map(|row| row.try_get("", "key_id")).transpose().map_err(db)
    }

    /// Replaces the key that all nodes have to have.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn set_master_key(&self, id: &str) -> Result<()> {
        let sql = "INSERT INTO master_keys (id, key_id) VALUES (1, $1) \
                   ON CONFLICT (id) DO UPDATE SET key_id = excluded.key_id";
        self.db.execute_raw(self.statement(sql, [id.into()])).await.map_err(db)?;
        Ok(())
    }
}

fn ttl_micros() -> i64 {
    crate::count(NODE_TTL.as_micros() as u64)
}

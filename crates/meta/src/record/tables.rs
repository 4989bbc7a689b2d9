//! Tables, their versions and their jobs, and what was asked of their sources.

use super::{JobKind, JobState, Purpose, User, WaitingFor};
use chrono::{DateTime, Utc};
use mycorr_domain::{
    Column, ConnectionId, JobId, ModelId, Problem, Receipt, Selection, SourceRecord, StatementId,
    StoreVersion, SyncPolicy, TableId, UserId,
};
use std::sync::Arc;

/// A table that comes through a connection.
#[derive(Clone, Debug)]
pub struct Dependent {
    pub table: TableId,
    pub name: String,
    pub model: ModelId,
    pub model_name: String,
    pub schema: String,
    pub source_table: String,
    pub synced_at: Option<DateTime<Utc>>,
}

/// Where a table comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// `None` when the connection was deleted, and for who does not own it.
    pub connection: Option<ConnectionId>,
    /// Whether there is one.
    pub has_connection: bool,
    pub schema: String,
    pub table: String,
    /// The columns that were chosen; `None` for all that can be read.
    pub columns: Option<Vec<String>>,
    pub selection: Selection,
}

#[derive(Clone, Debug)]
pub struct Table {
    pub id: TableId,
    pub model: ModelId,
    pub name: String,
    pub created_at: DateTime<Utc>,
    /// `None` until the first import is done.
    pub head: Option<Version>,
    pub source: Source,
    /// When the newest import or sync finished.
    pub synced_at: Option<DateTime<Utc>>,
    /// The job that is queued or running.
    pub job: Option<JobId>,
    /// The sync that waits for a decision.
    pub held: Option<JobId>,
    pub sync_policy: SyncPolicy,
}

/// A version of a table, numbered from 1. It never changes.
#[derive(Clone, Debug)]
pub struct Version {
    pub table: TableId,
    pub version: i64,
    pub store: StoreVersion,
    pub columns: Arc<[Column]>,
    /// `None` for one that was made before this was kept.
    pub source: Option<SourceRecord>,
    pub rows: u64,
    /// Of the files that it added to those of the versions before it.
    pub bytes: u64,
    /// Of all its files.
    pub size_bytes: u64,
    pub cause: JobKind,
    pub restored_version: Option<i64>,
    /// `None` when the account is gone.
    pub created_by: Option<User>,
    pub created_at: DateTime<Utc>,
    /// The name under which it is kept.
    pub checkpoint: Option<String>,
    /// The newest comparison with its source, and when it was made.
    pub receipt: Option<(DateTime<Utc>, Receipt)>,
}

impl Version {
    /// Stands for the number of what is held: it is none of the table's versions.
    pub const HELD: i64 = 0;
}

/// A version of a table as a person names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionName {
    Number(i64),
    /// What a held sync would make.
    Held,
}

#[derive(Clone, Debug)]
pub struct Job {
    pub id: JobId,
    pub kind: JobKind,
    pub state: JobState,
    pub model: ModelId,
    pub table: TableId,
    pub table_name: String,
    pub source: Source,
    pub requested_by: UserId,
    pub queued_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub estimated_rows: Option<u64>,
    pub rows: u64,
    pub bytes: u64,
    pub waiting_for: Option<WaitingFor>,
    /// How many connections it reads through, once that is known.
    pub connections: Option<u64>,
    /// Why not through as many as the connection's owner allows.
    pub connections_note: Option<String>,
    pub version: Option<i64>,
    /// What a comparison came to.
    pub receipt: Option<Receipt>,
    pub problem: Option<Problem>,
}

/// When a table is synced without anybody asking.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Five fields.
    pub cron: String,
    /// What they say, in English.
    pub description: String,
    /// By its name in the IANA database.
    pub time_zone: String,
    pub jitter_seconds: u32,
    /// `None` while it is paused.
    pub next_run_at: Option<DateTime<Utc>>,
    pub paused_at: Option<DateTime<Utc>>,
    /// The failure that paused it; `None` where a person did.
    pub pause_problem: Option<Problem>,
    /// How often in a row it was tried again after failures that pass by themselves.
    pub retries: u32,
    pub last_run: Option<Job>,
}

/// A statement that was sent to a source.
#[derive(Clone, Debug)]
pub struct Statement {
    pub id: StatementId,
    pub at: DateTime<Utc>,
    pub template: String,
    pub statement: String,
    pub parameters: Vec<String>,
    pub purpose: Purpose,
    /// The e-mail address; `None` when the account is gone.
    pub actor: Option<String>,
    pub job: Option<JobId>,
    pub rows: u64,
    pub bytes: u64,
    pub milliseconds: u64,
    pub outcome: String,
}

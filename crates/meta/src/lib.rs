//! What Mycorr knows: accounts, Models, connections (with sealed secrets that it cannot open), tables and
//! their versions, jobs and the ledger. One schema for SQLite and PostgreSQL. Every function that reads for a
//! person takes who asks, and answers `not_found` for what is not theirs.

#![warn(clippy::missing_errors_doc)]

mod accounts;
mod checkpoint_migration;
mod connection_settings;
mod connection_transfer;
mod connections;
mod connections_migration;
mod copy;
mod deliveries;
mod dependents;
mod dump;
mod entity;
mod events;
mod events_migration;
mod figures;
mod first_migration;
mod floor_migration;
mod grants;
mod holds_migration;
mod identities;
mod identities_migration;
mod invites;
mod jobs;
mod ledger_migration;
mod mask_keys;
mod members;
mod migration;
mod models;
mod node_addresses_migration;
mod node_limits_migration;
mod nodes;
mod nodes_migration;
mod notices;
mod outbox_migration;
mod people_migration;
mod pool;
mod postgres;
mod receipt_migration;
mod record;
mod retention;
mod saved_views;
mod schedules;
mod schedules_migration;
mod schema;
mod selection_migration;
mod sharing_migration;
mod shown_tables;
mod sizes_migration;
mod slots;
mod source_checksums_migration;
mod statements;
mod sync_policy;
mod tables;
mod teams;
mod throttles;
mod tokens;
mod traces_migration;
mod users;
mod views_migration;
mod webhooks;

pub use accounts::{Browser, NewUser, Session};
pub use connections::{NewConnection, Sealed, TestResult};
pub use deliveries::{AttemptEnd, ClaimedDelivery, MailKind, OutboxKey, SealedText};
pub use dump::StoredVersion;
pub use figures::Figures;
pub use grants::{Grant, Level, Own, Read, Scope, Write};
pub use identities::NewIdentity;
pub use invites::{InviteLink, InviteWith};
pub use jobs::{
    ClaimedJob, HeldSync, JobProgress, JobQuery, Lease, LeaseStatus, NewImport, NewSource, NewVersion,
};
pub use mask_keys::SealedMaskKey;
pub use members::NewMember;
pub use nodes::{NewNode, Node};
pub use record::*;
pub use retention::{Dropped, Expired};
pub use saved_views::{MAX_VIEWS, StoredView};
pub use schedules::{DueRuns, MAX_FAILURES};
pub use slots::Slot;
pub use statements::{NewStatement, StatementEnd};
pub use throttles::{Charge, Rate};
pub use tokens::{NewToken, TokenHolder};
pub use users::{Administrator, UserChange};

use chrono::{DateTime, SubsecRound, TimeZone, Utc};
use mycorr_domain::{Code, Problem, Result};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    RuntimeErr, SqliteTransactionMode, TransactionOptions, TransactionTrait, Value,
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// The metadata database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Meta {
    db: DatabaseConnection,
    /// SQLite's.
    file: Option<pool::DatabaseFile>,
    leases: Arc<Mutex<jobs::SeenLeases>>,
}

impl Meta {
    /// Opens `sqlite:…` (made if missing) or `postgres://…`, and brings the schema up to date.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`, also for a database that a newer version made.
    pub async fn open(url: &str) -> Result<Self> {
        if postgres::is_postgres(url) { Self::open_postgres(url).await } else { Self::open_sqlite(url).await }
    }

    async fn open_postgres(url: &str) -> Result<Self> {
        let connection = postgres::connect(url).await.map_err(db)?;
        let lock = postgres::lock_schema(&connection).await.map_err(db)?;
        let this = Self { db: connection, file: None, leases: Arc::default() };
        this.migrate().await?;
        lock.commit().await.map_err(db)?;
        Ok(this)
    }

    async fn open_sqlite(url: &str) -> Result<Self> {
        let file = pool::DatabaseFile::of(url).map_err(db)?;
        let connection = connect(pool::options(url, &file)).await?;
        file.pin().map_err(Problem::bug)?;
        let this = Self { db: connection, file: Some(file), leases: Arc::default() };
        this.migrate().await?;
        // A file that is gone from now on is not made anew: it would be an empty one.
        let options = pool::sqlite(url.parse().map_err(Problem::bug)?).create_if_missing(false);
        this.db
            .get_sqlite_connection_pool()
            .set_connect_options(sea_orm::sqlx::ConnectOptions::disable_statement_logging(options));
        Ok(this)
    }

    /// Whether a URL names a database that several machines can share.
    pub fn is_shared(url: &str) -> bool {
        postgres::is_postgres(url)
    }

    /// Whether the database takes a write, on the disk when this returns.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn check_writable(&self) -> Result<()> {
        let transaction = self.write().await?;
        let sql = "INSERT INTO write_checks (id, at, padding) VALUES (1, $1, $2) \
                   ON CONFLICT (id) DO UPDATE SET at = excluded.at, padding = excluded.padding";
        let values = [now().timestamp_micros().into(), vec![0_u8; CHECK_BYTES].into()];
        transaction.execute_raw(self.statement(sql, values)).await.map_err(db)?;
        transaction.commit().await.map_err(db)?;
        match &self.file {
            Some(file) => file.check().map_err(|error| unavailable().internal(error)),
            None => Ok(()),
        }
    }

    /// Closes the connections; SQLite then folds its write-ahead log into the file.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn close(self) -> Result<()> {
        self.db.close().await.map_err(db)
    }

    /// A transaction that is going to write: the only one, until it ends. The lock is waited for at the start, so
    /// nothing that is read in between can be stale, on either back end.
    async fn write(&self) -> Result<DatabaseTransaction> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = self.db.begin_with_options(options).await.map_err(db)?;
        if self.file.is_none() {
            postgres::lock_writes(&transaction).await.map_err(db)?;
        }
        Ok(transaction)
    }

    /// A statement in SQL that both back ends take, with `$1`, `$2` … for its values.
    fn statement(
        &self,
        sql: impl Into<String>,
        values: impl IntoIterator<Item = Value>,
    ) -> sea_orm::Statement {
        sea_orm::Statement::from_sql_and_values(self.db.get_database_backend(), sql, values)
    }

    /// The database's clock in microseconds since 1970, as an expression.
    fn clock(&self) -> &'static str {
        match self.db.get_database_backend() {
            DbBackend::Sqlite => "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
            _ => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
        }
    }
}

/// How often a start that meets another one is tried again.
const ATTEMPTS: u64 = 10;

/// Two processes may start at once on a new database: only one can switch it to WAL, and SQLite does not let the
/// other wait for that (sqlite.org/wal.html, "Sometimes Queries Return SQLITE_BUSY In WAL Mode").
async fn connect(options: ConnectOptions) -> Result<DatabaseConnection> {
    let mut attempt = 0;
    loop {
        match Database::connect(options.clone()).await {
            Ok(connection) => return Ok(connection),
            Err(error) if attempt < ATTEMPTS && is_busy(&error) => {
                attempt += 1;
                tokio::time::sleep(Duration::from_millis(50 * attempt)).await;
            }
            Err(error) => return Err(db(error)),
        }
    }
}

/// The code that the database gave to an error.
fn error_code(error: &DbErr) -> Option<String> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => {
            error.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned())
        }
        _ => None,
    }
}

/// SQLITE_BUSY, with its extended codes in the higher bytes.
fn is_busy(error: &DbErr) -> bool {
    error_code(error).and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == 5)
}

/// More than any one request writes.
const CHECK_BYTES: usize = 64 << 10;

/// The index of the write-ahead log finds no room to grow.
const SQLITE_IOERR_SHMSIZE: &str = "4874";

/// What the database reported, as a problem. The text itself is for the log.
fn db(error: DbErr) -> Problem {
    if let Some(problem) = postgres::problem(&error) {
        return problem.internal(error);
    }
    let code = error_code(&error);
    // SQLite: 13 is SQLITE_FULL; 5 SQLITE_BUSY, 8 SQLITE_READONLY, 10 SQLITE_IOERR and 14 SQLITE_CANTOPEN with
    // their extended codes in the higher bytes (sqlite.org/rescode.html).
    let sqlite = code.as_deref().and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
    let problem = match (sqlite, code.as_deref()) {
        (_, Some(SQLITE_IOERR_SHMSIZE)) | (Some(13), _) => storage_full(),
        (Some(5 | 8 | 10 | 14), _) => unavailable(),
        _ if matches!(error, DbErr::Conn(_) | DbErr::ConnectionAcquire(_)) => unavailable(),
        _ => return Problem::bug(error),
    };
    problem.internal(error)
}

fn storage_full() -> Problem {
    Problem::new(Code::StorageFull, "The disk that holds Mycorr's metadata is full.")
        .fix("Free some space on it, then try again. Nothing was changed.")
}

fn unavailable() -> Problem {
    Problem::new(Code::StorageUnavailable, "Mycorr's metadata database does not answer.")
        .fix("Try again in a moment. If it stays so, tell your operator the request id.")
}

/// The present moment, as precise as it is stored.
fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// Beyond what can be told apart, which none of ours is, stands the first or last moment that can.
fn time(micros: i64) -> DateTime<Utc> {
    let bound = if micros < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
    Utc.timestamp_micros(micros).single().unwrap_or(bound)
}

/// A count that comes from memory into a column.
fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(Problem::bug)
}

fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain lists and structs of text are JSON")
}

/// A part of a list, and where the next one begins.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

impl<T> Listed<T> {
    /// `items` were fetched with one more than `limit`, to know whether there are more.
    pub fn new(mut items: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(cursor);
        Self { items, next }
    }

    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Listed<U> {
        Listed { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}

/// The id in a cursor.
fn after<T: std::str::FromStr>(text: Option<&str>) -> Result<Option<T>> {
    text.map(|text| {
        text.parse().map_err(|_| Problem::invalid("after", "This is not the `next` of an earlier answer."))
    })
    .transpose()
}

//! The pool of connections to SQLite. What leaves it stands at the beginning of a transaction, in the file that
//! was opened: otherwise a write would be answered as stored and never be.

use sea_orm::{
    ConnectOptions, DbErr,
    sqlx::{
        self, Connection,
        sqlite::{SqliteConnectOptions, SqliteConnection},
    },
};
use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

/// A write waits so long for another process that writes, and a caller for a connection.
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
pub(crate) const MAX_CONNECTIONS: u32 = 8;

/// The database's file. An open file can be written after it was deleted, and nobody would ever find what was.
#[derive(Clone, Debug)]
pub(crate) struct DatabaseFile {
    path: PathBuf,
    /// Device and inode, once the database is open.
    opened: Arc<OnceLock<(u64, u64)>>,
}

impl DatabaseFile {
    pub(crate) fn of(url: &str) -> Result<Self, DbErr> {
        let options: SqliteConnectOptions =
            url.parse().map_err(|error: sqlx::Error| DbErr::Custom(error.to_string()))?;
        Ok(Self { path: options.get_filename().to_owned(), opened: Arc::default() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// From now on this file and no other.
    pub(crate) fn pin(&self) -> io::Result<()> {
        let identity = self.identity()?;
        self.opened.get_or_init(|| identity);
        Ok(())
    }

    fn identity(&self) -> io::Result<(u64, u64)> {
        let file = fs::metadata(&self.path)?;
        Ok((file.dev(), file.ino()))
    }

    /// # Errors
    /// The file is gone, or another one stands in its place.
    pub(crate) fn check(&self) -> io::Result<()> {
        match self.opened.get() {
            Some(opened) if self.identity()? != *opened => {
                Err(io::Error::other("another file stands in the place of the database"))
            }
            _ => Ok(()),
        }
    }
}

/// How SQLite is opened.
pub(crate) fn options(url: &str, file: &DatabaseFile) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(MAX_CONNECTIONS)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(sqlite);
    let at_acquire = file.clone();
    options.map_sqlx_sqlite_before_acquire(move |connection, _| {
        let file = at_acquire.clone();
        Box::pin(async move { Ok(file.check().is_ok() && is_idle(connection).await?) })
    });
    let at_connect = file.clone();
    options.map_sqlx_sqlite_pool_opts(move |pool| {
        let file = at_connect.clone();
        pool.after_connect(move |_, _| {
            let file = file.clone();
            Box::pin(async move { file.check().map_err(sqlx::Error::Io) })
        })
        .after_release(|connection, _| Box::pin(is_idle(connection)))
    });
    options
}

/// Readers go on while one writes (WAL); a commit is on the disk when it is answered (FULL), because a version
/// that was announced must not be forgotten.
pub(crate) fn sqlite(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .create_if_missing(true)
        .foreign_keys(true)
        .busy_timeout(ACQUIRE_TIMEOUT)
        .pragma("journal_mode", "WAL")
        .pragma("synchronous", "FULL")
}

/// Whether a connection is in no transaction. SQLite rolls one back by itself when the disk is full
/// (sqlite.org/lang_transaction.html, "Response To Errors Within A Transaction"); the ROLLBACK that follows fails,
/// and sqlx goes on to count the transaction as open: it would open savepoints from then on, and one that is
/// rolled back leaves a transaction open that nobody commits. Such a connection is closed.
async fn is_idle(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // A rollback that a dropped transaction ordered is behind us when a later command is answered.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

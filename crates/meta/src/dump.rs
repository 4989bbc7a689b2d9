//! The metadata as it is at one moment, in a file of SQLite, whatever it is kept in.

use crate::{
    Meta, copy, db,
    entity::{job, version},
    from_json,
    jobs::StoredHeld,
    migration::Migrator,
    pool, postgres,
    schema::refuse_newer,
    tables::pending,
};
use mycorr_domain::{Code, Problem, Result, StoreVersion, TableId};
use sea_orm::{
    AccessMode, ColumnTrait, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, EntityTrait,
    IsolationLevel, QueryFilter, QuerySelect, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Read and written at a time.
const BATCH_ROWS: usize = 500;
/// Of one statement of SQLite (sqlite.org/limits.html, SQLITE_MAX_VARIABLE_NUMBER), less a margin.
const MAX_PARAMETERS: usize = 32_000;

/// What the store keeps of a table and the metadata knows of: a version, or a sync that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredVersion {
    pub table: TableId,
    pub store: StoreVersion,
    pub rows: u64,
    /// Of all its files; `None` for a held sync, of which it is not known.
    pub size_bytes: Option<u64>,
}

impl Meta {
    /// Writes the metadata at `url` into `file`, which does not exist or is empty, as it is at one moment; others go on
    /// writing. Secrets stay sealed. Nothing at `url` is changed, its schema least of all.
    ///
    /// # Errors
    /// `conflict` for a database of an older version; `storage_full`, `storage_unavailable`, also for a database that a
    /// newer version made or that is not there.
    pub async fn dump(url: &str, file: &Path) -> Result<()> {
        if postgres::is_postgres(url) {
            let source = postgres::connect(url).await.map_err(db)?;
            refuse_other_schema(&source).await?;
            let target = Self::open(&sqlite_url(file)).await?;
            copy_out(&source, &target).await?;
            target.close().await?;
            return source.close().await.map_err(db);
        }
        let mut options = pool::options(url, &pool::DatabaseFile::of(url).map_err(db)?);
        options.max_connections(1).map_sqlx_sqlite_opts(|options| options.create_if_missing(false));
        let source = Database::connect(options).await.map_err(db)?;
        refuse_other_schema(&source).await?;
        let into = text(file).into();
        let vacuum =
            sea_orm::Statement::from_sql_and_values(source.get_database_backend(), "VACUUM INTO $1", [into]);
        source.execute_raw(vacuum).await.map_err(db)?;
        source.close().await.map_err(db)
    }

    /// The file of `sqlite:…`; `None` for PostgreSQL.
    ///
    /// # Errors
    /// `storage_unavailable` for a URL that says no file.
    pub fn sqlite_file(url: &str) -> Result<Option<PathBuf>> {
        match postgres::is_postgres(url) {
            true => Ok(None),
            false => Ok(Some(pool::DatabaseFile::of(url).map_err(db)?.path().to_owned())),
        }
    }

    /// All versions of all tables, and what is held beside them.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn stored_versions(&self) -> Result<Vec<StoredVersion>> {
        let stored = |table, store, rows, size_bytes| StoredVersion {
            table: TableId::from_uuid(table),
            store: StoreVersion(store),
            rows,
            size_bytes,
        };
        let rows: Vec<(Uuid, i64, i64, i64, Option<i64>)> = version::Entity::find()
            .select_only()
            .columns([
                version::Column::TableId,
                version::Column::StoreVersion,
                version::Column::Rows,
                version::Column::Bytes,
                version::Column::SizeBytes,
            ])
            .into_tuple()
            .all(&self.db)
            .await
            .map_err(db)?;
        let held: Vec<(Uuid, Option<String>)> = job::Entity::find()
            .select_only()
            .columns([job::Column::TableId, job::Column::Held])
            .filter(pending().add(job::Column::State.eq(crate::JobState::Held.as_str())))
            .filter(job::Column::Held.is_not_null())
            .into_tuple()
            .all(&self.db)
            .await
            .map_err(db)?;
        let mut all: Vec<_> = rows
            .into_iter()
            .map(|(table, store, rows, bytes, size)| {
                // Versions shared no files before their sizes were kept.
                stored(table, store, rows as u64, Some(size.unwrap_or(bytes) as u64))
            })
            .collect();
        for (table, held) in held {
            let held: StoredHeld = from_json(held.as_deref().unwrap_or_default())?;
            all.push(stored(table, held.version, held.rows, None));
        }
        Ok(all)
    }
}

/// What has a meaning in a URL is escaped.
fn sqlite_url(file: &Path) -> String {
    format!("sqlite:{}", text(file).replace('%', "%25").replace('?', "%3f").replace('#', "%23"))
}

fn text(file: &Path) -> String {
    file.to_string_lossy().into_owned()
}

/// A dump has the schema of this version, so what it is made of has to have it, too.
async fn refuse_other_schema(source: &DatabaseConnection) -> Result<()> {
    refuse_newer(source).await?;
    if Migrator::get_pending_migrations(source).await.map_err(db)?.is_empty() {
        return Ok(());
    }
    Err(Problem::new(
        Code::Conflict,
        "This installation was made by an older version of Mycorr than this one.",
    )
    .fix("Make the backup with the version that serves it, and upgrade afterwards. Nothing was changed."))
}

/// All at one moment: what is read in one transaction of this level, others don't change.
async fn copy_out(source: &DatabaseConnection, target: &Meta) -> Result<()> {
    let options = TransactionOptions {
        isolation_level: Some(IsolationLevel::RepeatableRead),
        access_mode: Some(AccessMode::ReadOnly),
        ..TransactionOptions::default()
    };
    let from = source.begin_with_options(options).await.map_err(db)?;
    let to = target.write().await?;
    // A row may come before another one of its table that it refers to.
    to.execute_unprepared("PRAGMA defer_foreign_keys = ON").await.map_err(db)?;
    for table in copy::tables_in_order(&from).await.map_err(db)? {
        copy_table(&from, &to, &table).await?;
    }
    to.commit().await.map_err(db)
}

async fn copy_table(from: &DatabaseTransaction, to: &DatabaseTransaction, table: &str) -> Result<()> {
    let columns = copy::columns(from, table).await.map_err(db)?;
    let names: Vec<_> = columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
    // Its name is the table's, because a prepared FETCH keeps the columns that it had.
    let cursor = format!("\"dump_{table}\"");
    let declare =
        format!("DECLARE {cursor} NO SCROLL CURSOR FOR SELECT {} FROM \"{table}\"", names.join(", "));
    from.execute_unprepared(&declare).await.map_err(db)?;
    let batch = BATCH_ROWS.min(MAX_PARAMETERS / columns.len().max(1));
    let fetch = format!("FETCH {batch} FROM {cursor}");
    loop {
        let rows = from.query_all_raw(copy::statement(from, &fetch, [])).await.map_err(db)?;
        if rows.is_empty() {
            break;
        }
        copy::insert(to, table, &columns, &rows).await?;
    }
    from.execute_unprepared(&format!("CLOSE {cursor}")).await.map_err(db)?;
    Ok(())
}

//! A table's Delta log: which files a version is made of, and the commits that make versions.

use crate::{
    place::Place,
    problem::{conflict, storage},
};
use chrono::Utc;
use deltalake::{
    DeltaTableError,
    kernel::{
        Action, Add, EagerSnapshot, Metadata, MetadataExt, Protocol, Remove, StructType, Transaction,
        engine::arrow_conversion::TryIntoKernel,
        new_metadata,
        transaction::{CommitBuilder, CommitProperties, TableReference, TransactionError},
    },
    logstore::{LogStore, LogStoreRef, get_actions},
    protocol::DeltaOperation,
};
use mycorr_domain::{JobId, Problem, Result, StoreVersion, TableId};
use std::{collections::HashSet, io};

/// A file of rows, as the log names it: the path is relative to the table's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoggedFile {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
}

pub(crate) struct Log {
    store: LogStoreRef,
}

/// A version as the log tells it.
pub(crate) struct Logged {
    snapshot: EagerSnapshot,
    /// In the order of the rows: file names begin with their number.
    pub(crate) files: Vec<LoggedFile>,
}

impl Logged {
    pub(crate) fn version(&self) -> StoreVersion {
        StoreVersion(self.snapshot.version() as i64)
    }
}

/// The version after `base`.
pub(crate) struct NextVersion<'a> {
    pub(crate) base: Option<&'a Logged>,
    pub(crate) files: &'a [LoggedFile],
    pub(crate) content: Content<'a>,
}

pub(crate) enum Content<'a> {
    Written(&'a arrow_schema::Schema),
    Restored(&'a Logged),
}

impl Log {
    pub(crate) fn of(place: &Place, table: TableId) -> Self {
        Self { store: place.log(table) }
    }

    /// The newest version, if there is a table.
    pub(crate) async fn latest(&self) -> Result<Option<Logged>> {
        match self.store.is_delta_table_location().await.map_err(storage)? {
            true => self.load(None).await.map(Some),
            false => Ok(None),
        }
    }

    pub(crate) async fn at(&self, version: StoreVersion) -> Result<Logged> {
        let missing =
            || storage(io::Error::new(io::ErrorKind::NotFound, format!("no version {}", version.0)));
        let number = u64::try_from(version.0).map_err(|_| missing())?;
        match self.store.read_commit_entry(number).await.map_err(storage)? {
            Some(_) => self.load(Some(number)).await,
            None => Err(missing()),
        }
    }

    async fn load(&self, version: Option<u64>) -> Result<Logged> {
        let snapshot = EagerSnapshot::try_new(self.store.as_ref(), version).await.map_err(storage)?;
        let mut files = snapshot
            .try_log_data()
            .map_err(storage)?
            .iter()
            .map(|file| {
                let path = file.path().into_owned();
                let rows = file
                    .num_records()
                    .ok_or_else(|| Problem::bug(format!("{path} stands in the log without its row count")))?;
                Ok(LoggedFile { path, bytes: file.size() as u64, rows: rows as u64 })
            })
            .collect::<Result<Vec<_>>>()?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Logged { snapshot, files })
    }

    /// The version that `job` committed, if it did.
    pub(crate) async fn committed(&self, job: JobId) -> Result<Option<StoreVersion>> {
        let Some(latest) = self.latest().await? else { return Ok(None) };
        let version = latest.snapshot.transaction_version(self.store.as_ref(), job).await.map_err(storage)?;
        Ok(version.map(StoreVersion))
    }

    /// Commits the version after `next.base`, or fails with `conflict` if another one did.
    pub(crate) async fn commit(&self, next: NextVersion<'_>, job: JobId) -> Result<StoreVersion> {
        let version = next.base.map_or(0, |base| base.version().0 + 1);
        let actions = next.actions()?;
        let operation = next.operation();
        // Old versions stay readable, so no entry of the log is ever cleaned up. The job's entry names the
        // version that it made: no retry may make it another one.
        let properties = CommitProperties::default()
            .with_max_retries(0)
            .with_cleanup_expired_logs(Some(false))
            .with_application_transaction(Transaction::new(job, version));
        let base = next.base.map(|base| &base.snapshot as &dyn TableReference);
        let error = match CommitBuilder::from(properties)
            .with_actions(actions)
            .build(base, self.store.clone(), operation)
            .await
        {
            Ok(_) => return Ok(StoreVersion(version)),
            Err(error) => error,
        };
        // An answer that got lost, or a checkpoint that failed after the commit: the log knows.
        if self.committed(job).await.is_ok_and(|found| found == Some(StoreVersion(version))) {
            tracing::warn!(%job, version, %error, "the commit stands although it was reported to have failed");
            return Ok(StoreVersion(version));
        }
        Err(match error {
            DeltaTableError::VersionAlreadyExists(_)
            | DeltaTableError::Transaction {
                source:
                    TransactionError::VersionAlreadyExists(_)
                    | TransactionError::MaxCommitAttempts(_)
                    | TransactionError::CommitConflict(_),
            } => conflict(),
            error => storage(error),
        })
    }

    /// Paths, relative to the table's folder, of the files of all versions.
    pub(crate) async fn all_files(&self) -> Result<HashSet<String>> {
        let mut paths = HashSet::new();
        let Some(latest) = self.latest().await? else { return Ok(paths) };
        for version in 0..=latest.snapshot.version() {
            let entry = self.store.read_commit_entry(version).await.map_err(storage)?;
            let entry = entry.ok_or_else(|| Problem::bug(format!("version {version} has no log entry")))?;
            for action in get_actions(version, &entry).map_err(storage)? {
                if let Action::Add(add) = action {
                    paths.insert(add.path);
                }
            }
        }
        Ok(paths)
    }
}

impl NextVersion<'_> {
    fn operation(&self) -> DeltaOperation {
        match self.content {
            Content::Written(_) => DeltaOperation::Write {
                mode: deltalake::protocol::SaveMode::Overwrite,
                partition_by: None,
                predicate: None,
            },
            Content::Restored(from) => {
                DeltaOperation::Restore { version: Some(from.snapshot.version()), datetime: None }
            }
        }
    }

    /// What changes from the base to the next version. A file of both (after a restore) is not touched: an
    /// entry of the log may not remove and add the same path.
    fn actions(&self) -> Result<Vec<Action>> {
        let old: &[LoggedFile] = self.base.map_or(&[], |base| &base.files);
        let metadata = self.metadata()?;
        let mut actions = Vec::new();
        match self.base {
            None => actions.extend([Action::Protocol(protocol()), Action::Metadata(metadata)]),
            Some(base) if base.snapshot.metadata() != &metadata => actions.push(Action::Metadata(metadata)),
            Some(_) => {}
        }
        let now = Utc::now().timestamp_millis();
        actions.extend(old.iter().filter(|file| !self.files.contains(file)).map(|file| {
            Action::Remove(Remove {
                path: file.path.clone(),
                data_change: true,
                deletion_timestamp: Some(now),
                extended_file_metadata: Some(true),
                partition_values: Some(Default::default()),
                size: Some(file.bytes as i64),
                ..Default::default()
            })
        }));
        actions.extend(self.files.iter().filter(|file| !old.contains(file)).map(|file| {
            Action::Add(Add {
                path: file.path.clone(),
                size: file.bytes as i64,
                modification_time: now,
                data_change: true,
                stats: Some(format!("{{\"numRecords\":{}}}", file.rows)),
                ..Default::default()
            })
        }));
        Ok(actions)
    }

    fn metadata(&self) -> Result<Metadata> {
        let schema = match self.content {
            Content::Restored(from) => return Ok(from.snapshot.metadata().clone()),
            Content::Written(schema) => schema,
        };
        let schema: StructType = schema.try_into_kernel().map_err(Problem::bug)?;
        match self.base {
            Some(base) => base.snapshot.metadata().clone().with_schema(&schema),
            None => new_metadata(
                &schema,
                [] as [&str; 0],
                [
                    ("delta.enableExpiredLogCleanup", "false"),
                    // A stranger's VACUUM keeps old versions, too.
                    ("delta.deletedFileRetentionDuration", "interval 5200 weeks"),
                ],
            ),
        }
        .map_err(Problem::bug)
    }
}

/// `timestampNtz` from the start, so that a later version may bring such a column without changing what
/// readers have to know.
fn protocol() -> Protocol {
    serde_json::from_value(serde_json::json!({
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": ["timestampNtz"],
        "writerFeatures": ["timestampNtz"],
    }))
    .expect("this is the shape of Delta's protocol action")
}

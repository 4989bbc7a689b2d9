//! A table's Delta log: which files a version is made of, and the commits that make versions.

use crate::{
    boundaries::Boundaries,
    problem::{conflict, storage},
    table_location::TableLocation,
    writer::WriterId,
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
use mycorr_domain::{JobId, Problem, Result, StoreVersion, TableId, WriteRight};
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashMap, HashSet},
    io,
};

/// A file of rows, as the log names it: the path is relative to the table's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoggedFile {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    /// `None` for files of versions that were made before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<FileContent>,
}

/// What is in a file of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileContent {
    /// See [`crate::file_digest`].
    pub(crate) digest: String,
    /// The hash of the first row, by which files with the same digest are looked for.
    pub(crate) first: u64,
}

impl LoggedFile {
    /// Whether a run of this job wrote it.
    pub(crate) fn is_of(&self, job: JobId) -> bool {
        WriterId::of_file(&self.path).is_some_and(|writer| writer.job == job)
    }
}

/// What a commit says of its files, beyond Delta's log: their order, what is in each, and how they were cut.
#[derive(Default, Serialize, Deserialize)]
struct FileList {
    boundaries: Option<Boundaries>,
    files: Vec<ListedFile>,
}

#[derive(Serialize, Deserialize)]
struct ListedFile {
    path: String,
    #[serde(flatten)]
    content: Option<FileContent>,
}

pub(crate) struct Log {
    store: LogStoreRef,
}

/// A version as the log tells it.
pub(crate) struct Logged {
    snapshot: EagerSnapshot,
    /// In the order of the rows.
    pub(crate) files: Vec<LoggedFile>,
    /// How they were cut, where that is known.
    pub(crate) boundaries: Option<Boundaries>,
}

impl Logged {
    pub(crate) fn version(&self) -> StoreVersion {
        StoreVersion(self.snapshot.version() as i64)
    }
}

/// What the version after `base` is to be.
pub(crate) struct NextVersion<'a> {
    pub(crate) base: Option<Logged>,
    pub(crate) files: &'a [LoggedFile],
    pub(crate) boundaries: Option<Boundaries>,
    pub(crate) kind: Kind<'a>,
    /// What its rows are, see [`crate::diff::Content`].
    pub(crate) content: Option<String>,
    /// What its columns hold, a [`mycorr_domain::Profile`] in JSON.
    pub(crate) profile: Option<String>,
}

#[derive(Clone, Copy)]
pub(crate) enum Kind<'a> {
    Written(&'a StructType),
    Restored(&'a Logged),
    /// What is there already, under a higher fence.
    Same,
}

/// The application whose transaction is the highest fence that has written (PROTOCOL.md, "Transaction Identifiers").
const FENCE: &str = "mycorr.fence";
/// What the information of a commit says of its rows.
const CONTENT: &str = "mycorr.content";
/// What it says of their columns.
const PROFILE: &str = "mycorr.profile";
/// What it says of their files.
const FILES: &str = "mycorr.files";
/// How often a commit is tried again after one of a lower fence came first.
const MAX_REBASES: usize = 8;

impl Log {
    pub(crate) fn of(place: &TableLocation, table: TableId) -> Self {
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
                Ok(LoggedFile { path, bytes: file.size() as u64, rows: rows as u64, content: None })
            })
            .collect::<Result<Vec<_>>>()?;
        // Before there was a list, the names told the order.
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let mut boundaries = None;
        let list = self.info(StoreVersion(snapshot.version() as i64), FILES).await?;
        if let Some(list) = list.and_then(|list| serde_json::from_value::<FileList>(list).ok()) {
            let places: HashMap<&str, usize> =
                list.files.iter().enumerate().map(|(at, file)| (file.path.as_str(), at)).collect();
            // Another writer's commit does not have the list of ours.
            if places.len() == files.len() && files.iter().all(|file| places.contains_key(&*file.path)) {
                files.sort_by_key(|file| places[&*file.path]);
                boundaries = list.boundaries;
                for (file, listed) in files.iter_mut().zip(list.files) {
                    file.content = listed.content;
                }
            }
        }
        Ok(Logged { snapshot, files, boundaries })
    }

    /// The version that `job` committed, if it did.
    pub(crate) async fn committed(&self, job: JobId) -> Result<Option<StoreVersion>> {
        match self.latest().await? {
            Some(latest) => self.committed_in(&latest, job).await,
            None => Ok(None),
        }
    }

    async fn committed_in(&self, latest: &Logged, job: JobId) -> Result<Option<StoreVersion>> {
        Ok(self.transaction(latest, &job.to_string()).await?.map(StoreVersion))
    }

    async fn transaction(&self, latest: &Logged, application: &str) -> Result<Option<i64>> {
        latest.snapshot.transaction_version(self.store.as_ref(), application).await.map_err(storage)
    }

    /// Refuses a right that is overtaken, or used up.
    pub(crate) async fn admit(&self, latest: Option<&Logged>, right: WriteRight) -> Result<()> {
        let Some(latest) = latest else { return Ok(()) };
        // Tables that were made before there were fences have none.
        let fence = self.transaction(latest, FENCE).await?.unwrap_or(0);
        let used_up = fence == right.fence() && self.committed_in(latest, right.job()).await?.is_some();
        if fence > right.fence() || used_up { Err(conflict()) } else { Ok(()) }
    }

    /// Commits the next version. One of a lower fence that came first is built upon; after one of a higher fence it
    /// fails with `conflict`.
    pub(crate) async fn commit(&self, mut next: NextVersion<'_>, right: WriteRight) -> Result<StoreVersion> {
        for _ in 0..MAX_REBASES {
            self.admit(next.base.as_ref(), right).await?;
            match self.try_commit(&next, right).await {
                Attempt::Stands(version) => return Ok(version),
                Attempt::Failed(problem) => return Err(problem),
                Attempt::Overtaken(latest) => next.base = latest,
            }
        }
        Err(conflict())
    }

    /// The version that an earlier run of the job committed; if there is none, the table is closed to lower fences.
    pub(crate) async fn take_over(&self, right: WriteRight) -> Result<Option<StoreVersion>> {
        let mut latest = self.latest().await?;
        for _ in 0..MAX_REBASES {
            if let Some(latest) = &latest {
                let found = self.committed_in(latest, right.job()).await?;
                if found.is_some() || self.transaction(latest, FENCE).await? == Some(right.fence()) {
                    return Ok(found);
                }
            }
            self.admit(latest.as_ref(), right).await?;
            // A table that is not there yet is made: a commit of its first version would otherwise be open to all.
            let schema = delta_schema(&arrow_schema::Schema::new(vec![crate::encode::placeholder()]))?;
            let (files, kind) = match &latest {
                Some(latest) => (latest.files.clone(), Kind::Same),
                None => (Vec::new(), Kind::Written(&schema)),
            };
            let boundaries = latest.as_ref().and_then(|latest| latest.boundaries);
            let closing =
                NextVersion { base: latest, files: &files, boundaries, kind, content: None, profile: None };
            match self.try_commit_as(&closing, vec![Transaction::new(FENCE, right.fence())]).await {
                Ok(_) => return Ok(None),
                Err(error) if is_conflict(&error) => latest = self.latest().await?,
                Err(error) => return Err(storage(error)),
            }
        }
        Err(conflict())
    }

    async fn try_commit(&self, next: &NextVersion<'_>, right: WriteRight) -> Attempt {
        let version = next.number();
        // The job's entry names the version that it made: no retry may make it another one.
        let transactions =
            vec![Transaction::new(FENCE, right.fence()), Transaction::new(right.job(), version)];
        let error = match self.try_commit_as(next, transactions).await {
            Ok(version) => return Attempt::Stands(version),
            Err(error) => error,
        };
        let latest = match self.latest().await {
            Ok(latest) => latest,
            Err(_) => return Attempt::Failed(storage(error)),
        };
        // An answer that got lost, or a checkpoint that failed after the commit: the log knows. The fence tells
        // this commit from one of another run of the job.
        if let Some(latest) = &latest
            && self.transaction(latest, FENCE).await.is_ok_and(|fence| fence == Some(right.fence()))
            && self.committed_in(latest, right.job()).await.is_ok_and(|at| at == Some(StoreVersion(version)))
        {
            let job = right.job();
            tracing::warn!(%job, version, cause = %error, "the commit stands although it was reported to have failed");
            return Attempt::Stands(StoreVersion(version));
        }
        if is_conflict(&error) { Attempt::Overtaken(latest) } else { Attempt::Failed(storage(error)) }
    }

    async fn try_commit_as(
        &self,
        next: &NextVersion<'_>,
        transactions: Vec<Transaction>,
    ) -> Result<StoreVersion, DeltaTableError> {
        let actions = next.actions().map_err(|problem| DeltaTableError::Generic(problem.detail))?;
        let files = serde_json::to_value(next.file_list())?;
        // Old versions stay readable, so no entry of the log is ever cleaned up.
        let properties = CommitProperties::default()
            .with_max_retries(0)
            .with_cleanup_expired_logs(Some(false))
            .with_metadata(
                [
                    (CONTENT, next.content.clone().map(Into::into)),
                    (PROFILE, next.profile.clone().map(Into::into)),
                    (FILES, Some(files)),
                ]
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?))),
            )
            .with_application_transactions(transactions);
        let base = next.base.as_ref().map(|base| &base.snapshot as &dyn TableReference);
        CommitBuilder::from(properties)
            .with_actions(actions)
            .build(base, self.store.clone(), next.operation())
            .await?;
        Ok(StoreVersion(next.number()))
    }

    /// What the rows of a version are, where its commit says so.
    pub(crate) async fn content(&self, version: StoreVersion) -> Result<Option<String>> {
        self.told(version, CONTENT).await
    }

    /// What the columns of a version hold, where its commit says so.
    pub(crate) async fn profile(&self, version: StoreVersion) -> Result<Option<String>> {
        self.told(version, PROFILE).await
    }

    async fn told(&self, version: StoreVersion, what: &str) -> Result<Option<String>> {
        Ok(self.info(version, what).await?.and_then(|told| Some(told.as_str()?.to_owned())))
    }

    /// What the information of a commit says.
    async fn info(&self, version: StoreVersion, what: &str) -> Result<Option<serde_json::Value>> {
        let Ok(number) = u64::try_from(version.0) else { return Ok(None) };
        let Some(entry) = self.store.read_commit_entry(number).await.map_err(storage)? else {
            return Ok(None);
        };
        let told =
            get_actions(number, &entry).map_err(storage)?.into_iter().find_map(|action| match action {
                Action::CommitInfo(info) => info.info.get(what).cloned(),
                _ => None,
            });
        Ok(told)
    }

    /// The files that any of these versions holds, by their paths, with their sizes in bytes.
    pub(crate) async fn files_of(&self, versions: &[StoreVersion]) -> Result<HashMap<String, u64>> {
        let (mut held, mut live) = (HashMap::new(), HashMap::new());
        let newest = versions.iter().map(|version| version.0).max();
        for number in 0..=newest.unwrap_or(-1) {
            let entry = self.store.read_commit_entry(number as u64).await.map_err(storage)?;
            let missing = || storage(io::Error::new(io::ErrorKind::NotFound, format!("no version {number}")));
            let entry = entry.ok_or_else(missing)?;
            for action in get_actions(number as u64, &entry).map_err(storage)? {
                match action {
                    Action::Add(add) => drop(live.insert(add.path, add.size as u64)),
                    Action::Remove(remove) => drop(live.remove(&remove.path)),
                    _ => {}
                }
            }
            if versions.contains(&StoreVersion(number)) {
                held.extend(live.iter().map(|(path, bytes)| (path.clone(), *bytes)));
            }
        }
        Ok(held)
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

enum Attempt {
    Stands(StoreVersion),
    /// By the newest version.
    Overtaken(Option<Logged>),
    Failed(Problem),
}

fn is_conflict(error: &DeltaTableError) -> bool {
    matches!(
        error,
        DeltaTableError::VersionAlreadyExists(_)
            | DeltaTableError::Transaction {
                source: TransactionError::VersionAlreadyExists(_)
                    | TransactionError::MaxCommitAttempts(_)
                    | TransactionError::CommitConflict(_),
            }
    )
}

impl NextVersion<'_> {
    fn number(&self) -> i64 {
        self.base.as_ref().map_or(0, |base| base.version().0 + 1)
    }

    fn operation(&self) -> DeltaOperation {
        match self.kind {
            Kind::Written(_) | Kind::Same => DeltaOperation::Write {
                mode: deltalake::protocol::SaveMode::Overwrite,
                partition_by: None,
                predicate: None,
            },
            Kind::Restored(from) => {
                DeltaOperation::Restore { version: Some(from.snapshot.version()), datetime: None }
            }
        }
    }

    fn file_list(&self) -> FileList {
        let listed =
            |file: &LoggedFile| ListedFile { path: file.path.clone(), content: file.content.clone() };
        FileList { boundaries: self.boundaries, files: self.files.iter().map(listed).collect() }
    }

    /// What changes from the base to the next version. A file of both (taken over, or restored) is not touched: an
    /// entry of the log may not remove and add the same path.
    fn actions(&self) -> Result<Vec<Action>> {
        let old: &[LoggedFile] = self.base.as_ref().map_or(&[], |base| &base.files);
        let metadata = self.metadata()?;
        let mut actions = Vec::new();
        match &self.base {
            None => actions.extend([Action::Protocol(protocol()), Action::Metadata(metadata)]),
            Some(base) if base.snapshot.metadata() != &metadata => actions.push(Action::Metadata(metadata)),
            Some(_) => {}
        }
        let now = Utc::now().timestamp_millis();
        let paths = |files: &'_ [LoggedFile]| -> HashSet<String> {
            files.iter().map(|file| file.path.clone()).collect()
        };
        let (before, after) = (paths(old), paths(self.files));
        actions.extend(old.iter().filter(|file| !after.contains(&file.path)).map(|file| {
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
        actions.extend(self.files.iter().filter(|file| !before.contains(&file.path)).map(|file| {
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
        let schema = match self.kind {
            Kind::Restored(from) => return Ok(from.snapshot.metadata().clone()),
            Kind::Written(schema) => schema,
            Kind::Same => {
                let base = self.base.as_ref().ok_or_else(|| Problem::bug("there is nothing to keep"))?;
                return Ok(base.snapshot.metadata().clone());
            }
        };
        match &self.base {
            Some(base) => base.snapshot.metadata().clone().with_schema(schema),
            None => new_metadata(
                schema,
                [] as [&str; 0],
                [
                    ("delta.enableExpiredLogCleanup", "false"),
                    // What lies beyond the last checkpoint is replayed by every commit and every first look at a version.
                    // The library's own 100 commits made a sync twice as slow towards the end of each hundred.
                    ("delta.checkpointInterval", "10"),
                    // A stranger's VACUUM keeps old versions, too.
                    ("delta.deletedFileRetentionDuration", "interval 5200 weeks"),
                ],
            ),
        }
        .map_err(Problem::bug)
    }
}

/// A table's columns as Delta's log names them.
pub(crate) fn delta_schema(schema: &arrow_schema::Schema) -> Result<StructType> {
    schema.try_into_kernel().map_err(Problem::bug)
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

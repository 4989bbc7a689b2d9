//! A table's Delta log: which files a version is made of, and the commits that make versions.

mod next_version;

use crate::{
    boundaries::Boundaries,
    problem::{conflict, storage},
    table_location::TableLocation,
    writer::WriterId,
};
use deltalake::{
    DeltaTableError,
    kernel::{
        Action, EagerSnapshot, Transaction,
        transaction::{CommitBuilder, CommitProperties, TableReference, TransactionError},
    },
    logstore::{LogStore, LogStoreRef, commit_uri_from_version, get_actions},
};
use futures::{StreamExt, TryStreamExt};
use mycorr_domain::{JobId, Problem, Result, StoreVersion, TableId, WriteRight};
use next_version::FileList;
pub(crate) use next_version::{Kind, NextVersion, delta_schema};
use object_store::ObjectStoreExt;
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
    /// The fence of the commit itself; `None` where another writer made it.
    fence: Option<i64>,
}

impl Logged {
    pub(crate) fn version(&self) -> StoreVersion {
        StoreVersion(self.snapshot.version() as i64)
    }
}

/// The application whose transaction is the highest fence that has written (PROTOCOL.md, "Transaction Identifiers").
const FENCE: &str = "mycorr.fence";
/// What the information of a commit says of who made it. No transaction: every application that ever had one stands in
/// each checkpoint, which all commits read.
const JOB: &str = "mycorr.job";
/// What it says of its rows.
const CONTENT: &str = "mycorr.content";
/// What it says of their columns.
const PROFILE: &str = "mycorr.profile";
/// What it says of their files.
const FILES: &str = "mycorr.files";
/// Entries of the log that are read side by side.
const MAX_CONCURRENT_READS: usize = 16;
/// How often a commit is tried again after one of a lower fence came first.
const MAX_REBASES: usize = 8;

impl Log {
    pub(crate) fn of(place: &TableLocation, table: TableId) -> Self {
        Self { store: place.log(table) }
    }

    /// The newest version, if there is a table.
    pub(crate) async fn latest(&self) -> Result<Option<Logged>> {
        // Of all files of a log, however many, this one is always there.
        let first = commit_uri_from_version(Some(0));
        match self.store.object_store(None).head(&first).await {
            Ok(_) => self.load(None).await.map(Some),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(storage(error)),
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
        let entry = self.entry(snapshot.version()).await?.unwrap_or_default();
        let list = info(&entry, FILES).cloned();
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
        Ok(Logged { snapshot, files, boundaries, fence: transaction(&entry, FENCE) })
    }

    /// The version that `job` committed, if it did.
    pub(crate) async fn committed(&self, job: JobId) -> Result<Option<StoreVersion>> {
        match self.latest().await? {
            Some(latest) => self.committed_in(&latest, job).await,
            None => Ok(None),
        }
    }

    /// Reads the entries of the log, newest first: only a job that is run again, or failed, is looked for.
    async fn committed_in(&self, latest: &Logged, job: JobId) -> Result<Option<StoreVersion>> {
        let job = job.to_string();
        let entries = futures::stream::iter((0..=latest.snapshot.version()).rev())
            .map(|number| async move { Ok::<_, Problem>((number, self.entry(number).await?)) })
            .buffered(MAX_CONCURRENT_READS);
        let mut entries = std::pin::pin!(entries);
        while let Some((number, Some(entry))) = entries.try_next().await? {
            let by = info(&entry, JOB).and_then(serde_json::Value::as_str);
            // Commits of before that was kept have a transaction of their job.
            if by == Some(&job) || transaction(&entry, &job) == Some(number as i64) {
                return Ok(Some(StoreVersion(number as i64)));
            }
        }
        Ok(None)
    }

    /// The highest fence that has written; 0 for tables that were made before there were fences.
    async fn fence(&self, latest: &Logged) -> Result<i64> {
        match latest.fence {
            Some(fence) => Ok(fence),
            None => {
                let found = latest.snapshot.transaction_version(self.store.as_ref(), FENCE).await;
                Ok(found.map_err(storage)?.unwrap_or(0))
            }
        }
    }

    /// Refuses a right that is overtaken, or used up.
    pub(crate) async fn admit(&self, latest: Option<&Logged>, right: WriteRight) -> Result<()> {
        let Some(latest) = latest else { return Ok(()) };
        let fence = self.fence(latest).await?;
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
                if found.is_some() || self.fence(latest).await? == right.fence() {
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
            match self.try_commit_as(&closing, right, None).await {
                Ok(_) => return Ok(None),
                Err(error) if is_conflict(&error) => latest = self.latest().await?,
                Err(error) => return Err(storage(error)),
            }
        }
        Err(conflict())
    }

    async fn try_commit(&self, next: &NextVersion<'_>, right: WriteRight) -> Attempt {
        let version = next.number();
        let error = match self.try_commit_as(next, right, Some(right.job())).await {
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
            && self.fence(latest).await.is_ok_and(|fence| fence == right.fence())
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
        right: WriteRight,
        job: Option<JobId>,
    ) -> Result<StoreVersion, DeltaTableError> {
        let actions = next.actions().map_err(|problem| DeltaTableError::Generic(problem.detail))?;
        let files = serde_json::to_value(next.file_list())?;
        // Old versions stay readable, so no entry of the log is ever cleaned up.
        let properties = CommitProperties::default()
            .with_max_retries(0)
            .with_cleanup_expired_logs(Some(false))
            .with_metadata(
                [
                    (JOB, job.map(|job| job.to_string().into())),
                    (CONTENT, next.content.clone().map(Into::into)),
                    (PROFILE, next.profile.clone().map(Into::into)),
                    (FILES, Some(files)),
                ]
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?))),
            )
            .with_application_transactions(vec![Transaction::new(FENCE, right.fence())]);
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
        let Ok(number) = u64::try_from(version.0) else { return Ok(None) };
        let entry = self.entry(number).await?.unwrap_or_default();
        Ok(info(&entry, what).and_then(|told| Some(told.as_str()?.to_owned())))
    }

    /// What a commit did; `None` if there is none of this number.
    async fn entry(&self, number: u64) -> Result<Option<Vec<Action>>> {
        let entry = self.store.read_commit_entry(number).await.map_err(storage)?;
        entry.map(|entry| get_actions(number, &entry).map_err(storage)).transpose()
    }

    /// The files that any of these versions holds, by their paths, with their sizes in bytes.
    pub(crate) async fn files_of(&self, versions: &[StoreVersion]) -> Result<HashMap<String, u64>> {
        let (mut held, mut live) = (HashMap::new(), HashMap::new());
        let newest = versions.iter().map(|version| version.0).max();
        for number in 0..=newest.unwrap_or(-1) {
            let missing = || storage(io::Error::new(io::ErrorKind::NotFound, format!("no version {number}")));
            for action in self.entry(number as u64).await?.ok_or_else(missing)? {
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
            let missing = || Problem::bug(format!("version {version} has no log entry"));
            for action in self.entry(version).await?.ok_or_else(missing)? {
                if let Action::Add(add) = action {
                    paths.insert(add.path);
                }
            }
        }
        Ok(paths)
    }
}

/// What the information of a commit says.
fn info<'a>(entry: &'a [Action], what: &str) -> Option<&'a serde_json::Value> {
    entry.iter().find_map(|action| match action {
        Action::CommitInfo(commit) => commit.info.get(what),
        _ => None,
    })
}

/// What a commit says of the progress of an application.
fn transaction(entry: &[Action], application: &str) -> Option<i64> {
    entry.iter().find_map(|action| match action {
        Action::Txn(transaction) if transaction.app_id == application => Some(transaction.version),
        _ => None,
    })
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

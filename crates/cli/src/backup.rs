//! `mycorr backup`, while the server runs or not.
//!
//! Each backup is a folder that is whole by itself: `metadata.db`, the metadata as SQLite whatever it is kept in,
//! `tables`, the files that its versions need, and `manifest.json` with the size and SHA-256 of each. A file of a table
//! never changes, so a later backup is a second name (a hard link) for what the one before it has, and copies what is
//! new. The folder gets its name when everything in it is on the disk: what was interrupted is no backup.

use crate::{
    Failure,
    manifest::{Backup, Entry, FORMAT, Hash, MANIFEST, METADATA, Manifest, TABLES, UNFINISHED, hashed},
    say,
    settings::{Place, sqlite_url, told},
};
use chrono::Utc;
use clap::Args;
use futures::{StreamExt, TryStreamExt, stream};
use mycorr_domain::{Code, Problem, StoreVersion, TableId};
use mycorr_meta::Meta;
use mycorr_tables::{DeltaStore, StoredFile};
use mycorr_vault::Keyring;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// How often a backup begins again because a version was deleted while it was copied. What is copied stays.
const MAX_ATTEMPTS: usize = 10;
/// Files that are copied at the same time: a bucket answers slowly, and many files are small.
const PARALLEL_COPIES: usize = 8;

#[derive(Args)]
pub(crate) struct Settings {
    /// The folder of the backups, made if missing. Each backup is a folder in it, named by its time.
    folder: PathBuf,
}

pub(crate) async fn backup(place: &Place, settings: Settings) -> Result<(), Failure> {
    let root = settings.folder;
    let url = place.existing_database_url()?;
    let failed = |error: io::Error| format!("{} can't be written: {error}", root.display());
    make_folder(&root).map_err(failed)?;
    let lock = File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(root.join("backup.lock"))
        .map_err(failed)?;
    lock.try_lock().map_err(|_| format!("another backup to {} is under way", root.display()))?;
    let keys = place.keys();
    let master_keys = match keys.try_exists()? {
        true => Keyring::read(&keys)?.ids().map(|id| id.to_string()).collect(),
        false => Vec::new(),
    };
    let mut copier = Copier {
        unfinished: root.join(UNFINISHED),
        store: place.open_tables().await?,
        before: Before::of(Backup::newest(&root)?),
        done: HashMap::new(),
        copied: 0,
    };
    make_folder(&copier.unfinished).map_err(failed)?;
    let mut attempt = 1;
    let files = loop {
        match copier.take(&url).await {
            Ok(files) => break files,
            // A version was deleted after the metadata was copied. By now they know.
            Err(Interrupted::Gone(_)) if attempt < MAX_ATTEMPTS => attempt += 1,
            Err(Interrupted::Gone(problem)) => return Err(told(problem)),
            Err(Interrupted::Failed(failure)) => return Err(failure),
        }
    };
    let (count, copied) = (files.len(), copier.copied);
    let folder = copier.finish(&root, files, master_keys).map_err(failed)?;
    say(format!("{}: {count} files and the metadata, {copied} of them new", folder.display()))?;
    Ok(())
}

enum Interrupted {
    /// A file is not there, or the store does not answer.
    Gone(Problem),
    Failed(Failure),
}

impl From<Problem> for Interrupted {
    fn from(problem: Problem) -> Self {
        match problem.code {
            Code::StorageUnavailable => Self::Gone(problem),
            _ => Self::Failed(told(problem)),
        }
    }
}

impl From<io::Error> for Interrupted {
    fn from(error: io::Error) -> Self {
        Self::Failed(format!("the backup can't be written: {error}").into())
    }
}

/// The backup before this one.
#[derive(Default)]
struct Before {
    tables: PathBuf,
    entries: HashMap<String, Entry>,
}

impl Before {
    fn of(backup: Option<Backup>) -> Self {
        let Some(backup) = backup else { return Self::default() };
        let by_path = |entry: Entry| (entry.path.clone(), entry);
        Self {
            tables: backup.folder.join(TABLES),
            entries: backup.manifest.files.into_iter().map(by_path).collect(),
        }
    }

    fn has(&self, file: &StoredFile) -> Option<&Entry> {
        let entry = self.entries.get(&file.path).filter(|entry| is_same(entry, file))?;
        let there = fs::metadata(self.tables.join(&file.path)).is_ok_and(|found| found.len() == entry.bytes);
        there.then_some(entry)
    }
}

/// Whether a file is the one that was copied.
fn is_same(entry: &Entry, file: &StoredFile) -> bool {
    entry.bytes == file.bytes && (file.has_rows || entry.modified == file.modified)
}

struct Copier {
    unfinished: PathBuf,
    store: DeltaStore,
    before: Before,
    /// What this backup has so far.
    done: HashMap<String, Entry>,
    copied: usize,
}

impl Copier {
    /// The metadata and every file that its versions need.
    async fn take(&mut self, url: &str) -> Result<Vec<Entry>, Interrupted> {
        let database = self.unfinished.join(METADATA);
        remove_database(&database)?;
        // Made here, so that nobody else reads it wherever the folder goes.
        File::options().write(true).create_new(true).mode(0o600).open(&database)?;
        let failed = |problem| Interrupted::Failed(told(problem));
        Meta::dump(url, &database).await.map_err(failed)?;
        let dumped = Meta::open(&sqlite_url(&database)).await.map_err(failed)?;
        let mut tables = BTreeMap::<TableId, Vec<StoreVersion>>::new();
        for version in dumped.stored_versions().await.map_err(failed)? {
            tables.entry(version.table).or_default().push(version.store);
        }
        dumped.close().await.map_err(failed)?;
        let mut entries = Vec::new();
        for (table, versions) in tables {
            let files = self.store.files_of(table, &versions).await?;
            let copies = stream::iter(&files)
                .map(|file| self.bring(file))
                .buffered(PARALLEL_COPIES)
                .collect::<Vec<_>>();
            for found in copies.await {
                let (entry, is_new) = found?;
                self.copied += usize::from(is_new);
                self.done.insert(entry.path.clone(), entry.clone());
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    /// Has a file in the backup: all of it, on the disk, or nothing. Whether it was copied.
    async fn bring(&self, file: &StoredFile) -> Result<(Entry, bool), Interrupted> {
        if let Some(entry) = self.done.get(&file.path).filter(|entry| is_same(entry, file)) {
            return Ok((entry.clone(), false));
        }
        let target = self.unfinished.join(TABLES).join(&file.path);
        let entry =
            |(bytes, sha256)| Entry { path: file.path.clone(), bytes, sha256, modified: file.modified };
        // An interrupted backup left it. What is unfinished has another name.
        if file.has_rows && fs::metadata(&target).is_ok_and(|found| found.len() == file.bytes) {
            return Ok((entry(hashed(&target)?), false));
        }
        make_folder(target.parent().unwrap_or(&self.unfinished))?;
        let new = target.with_added_extension("new");
        if let Some(known) = self.before.has(file) {
            let known_file = self.before.tables.join(&file.path);
            remove(&new)?;
            // Not every file system knows a second name.
            if fs::hard_link(&known_file, &new).is_err() {
                fs::copy(&known_file, &new)?;
                File::open(&new)?.sync_all()?;
            }
            fs::rename(&new, &target)?;
            return Ok((Entry { modified: file.modified, ..known.clone() }, false));
        }
        let mut pieces = self.store.read_file(&file.path).await?;
        let mut to = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        let mut hash = Hash::default();
        while let Some(piece) = pieces.try_next().await? {
            hash.add(&piece);
            to.write_all(&piece)?;
        }
        let copied = entry(hash.end());
        if copied.bytes != file.bytes {
            let wrong = io::Error::other(format!("{} was cut off while it was read", file.path));
            return Err(wrong.into());
        }
        to.sync_all()?;
        fs::rename(&new, &target)?;
        Ok((copied, true))
    }

    /// Gives the backup its name.
    fn finish(self, root: &Path, files: Vec<Entry>, master_keys: Vec<String>) -> io::Result<PathBuf> {
        let wanted: BTreeSet<PathBuf> =
            files.iter().map(|entry| self.unfinished.join(TABLES).join(&entry.path)).collect();
        keep_and_sync(&self.unfinished.join(TABLES), &wanted)?;
        let database = self.unfinished.join(METADATA);
        let (bytes, sha256) = hashed(&database)?;
        File::open(&database)?.sync_all()?;
        let metadata = Entry { path: METADATA.to_owned(), bytes, sha256, modified: 0 };
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let manifest = Manifest { format: FORMAT, version, master_keys, metadata, files };
        let path = self.unfinished.join(MANIFEST);
        remove(&path)?;
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(&serde_json::to_vec_pretty(&manifest)?)?;
        file.sync_all()?;
        sync(&self.unfinished)?;
        let folder = root.join(Utc::now().format("%Y-%m-%dT%H-%M-%S%.3fZ").to_string());
        fs::rename(&self.unfinished, &folder)?;
        sync(root)?;
        Ok(folder)
    }
}

/// Removes what an interrupted backup left and this one does not need, and puts the folders on the disk.
fn keep_and_sync(folder: &Path, wanted: &BTreeSet<PathBuf>) -> io::Result<()> {
    make_folder(folder)?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            keep_and_sync(&path, wanted)?;
        } else if !wanted.contains(&path) {
            fs::remove_file(path)?;
        }
    }
    sync(folder)
}

fn remove_database(file: &Path) -> io::Result<()> {
    ["", "-wal", "-shm", "-journal"].iter().try_for_each(|suffix| {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        remove(Path::new(&name))
    })
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

//! `mycorr restore`: a backup into an empty place, or a look whether it could be.

use crate::{
    Failure,
    manifest::{Backup, Entry, METADATA, TABLES, hashed},
    say,
    settings::{Place, sqlite_url, told},
};
use clap::Args;
use futures::{StreamExt, stream};
use mycorr_domain::{Problem, TableId};
use mycorr_meta::{Meta, StoredVersion};
use mycorr_tables::DeltaStore;
use mycorr_vault::Keyring;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, DirBuilder, File},
    io::{self, Read},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

#[derive(Args)]
pub(crate) struct Settings {
    /// The folder of the backups, whose newest is taken, or the folder of one backup.
    folder: PathBuf,
    /// Look whether it is whole, and change nothing.
    #[arg(long)]
    check: bool,
}

/// Read at a time.
const PIECE_BYTES: usize = 1 << 20;

pub(crate) async fn restore(place: &Place, settings: Settings) -> Result<(), Failure> {
    let backup = Backup::find(&settings.folder)?;
    let versions = check(&backup).await?;
    let (name, files) = (backup.name(), backup.manifest.files.len());
    if settings.check {
        say(format!("{name} is whole: {files} files of {versions} versions, and the metadata"))?;
        return Ok(());
    }
    let _lock = place.lock()?;
    let file = place.metadata_file()?;
    if let Some(file) = &file {
        for there in [file.clone(), file.with_extension("db-wal")] {
            if there.try_exists()? {
                let there = there.display();
                return Err(format!("{there} is there already: name an empty data directory").into());
            }
        }
    }
    let store = place.open_tables().await?;
    refuse_strangers(&backup.manifest.files, &store).await?;
    // The metadata come last: beside tables without them, no server starts.
    match file {
        None => {
            let target = Meta::open(&place.database_url()?).await.map_err(told)?;
            if !target.is_new().await.map_err(told)? {
                return Err(
                    "the database in MYCORR_DATABASE_URL holds an installation already: name an empty one"
                        .into(),
                );
            }
            bring_back(&backup, &store).await?;
            let copy = Copy::of(&backup)?;
            let source = copy.open().await?;
            source.copy_to(&target).await.map_err(told)?;
            source.close().await.map_err(told)?;
        }
        Some(file) => {
            bring_back(&backup, &store).await?;
            let new = file.with_extension("db.new");
            fs::copy(backup.folder.join(METADATA), &new)?;
            File::open(&new)?.sync_all()?;
            fs::rename(&new, &file)?;
            File::open(file.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new(".")))?
                .sync_all()?;
        }
    }
    say(format!(
        "{name} is restored: {files} files of {versions} versions, and the metadata. {}",
        key(place, &backup)?
    ))?;
    Ok(())
}

/// What is to be done about the master key.
fn key(place: &Place, backup: &Backup) -> Result<String, Failure> {
    let (file, ids) = (place.keys(), &backup.manifest.master_keys);
    if ids.is_empty() {
        return Ok("It had no master key.".to_owned());
    }
    let has_one = file.try_exists()? && Keyring::read(&file)?.ids().any(|id| ids.contains(&id.to_string()));
    if has_one {
        return Ok(format!("Its master key is at {}.", file.display()));
    }
    Ok(format!(
        "A backup has no master key: put the copy of {} at {} before you start, or the passwords of the connections \
         can't be opened.",
        ids.join(", "),
        file.display()
    ))
}

/// Every file has the bytes of the manifest, and every version that the metadata know is there. How many there are.
async fn check(backup: &Backup) -> Result<usize, Failure> {
    let tables = backup.folder.join(TABLES);
    let same = |file: PathBuf, entry: &Entry| match hashed(&file) {
        Ok(found) if found == (entry.bytes, entry.sha256.clone()) => Ok(()),
        Ok(_) => Err(format!("{} is damaged: it is not what the backup copied", file.display())),
        Err(error) => Err(format!("{} can't be read: {error}", file.display())),
    };
    same(backup.folder.join(METADATA), &backup.manifest.metadata)?;
    for entry in &backup.manifest.files {
        same(tables.join(&entry.path), entry)?;
    }
    let copy = Copy::of(backup)?;
    let meta = copy.open().await?;
    let versions = meta.stored_versions().await.map_err(told)?;
    meta.close().await.map_err(told)?;
    if versions.is_empty() {
        return Ok(0);
    }
    let store = DeltaStore::open(&tables.to_string_lossy()).map_err(told)?;
    let named: BTreeSet<&str> = backup.manifest.files.iter().map(|entry| entry.path.as_str()).collect();
    let damaged = |what: String| format!("{} is damaged: {what}", backup.folder.display());
    for (table, of_table) in by_table(&versions) {
        for version in &of_table {
            let found = store.logged_version(table, version.store).await.map_err(told)?;
            if (found.rows, found.bytes) != (version.rows, version.bytes) {
                return Err(
                    damaged(format!("a version of table {table} is not what the metadata say")).into()
                );
            }
        }
        let of_table: Vec<_> = of_table.iter().map(|version| version.store).collect();
        for file in store.files_of(table, &of_table).await.map_err(told)? {
            if !named.contains(file.path.as_str()) {
                return Err(damaged(format!("its manifest lacks {}", file.path)).into());
            }
        }
    }
    Ok(versions.len())
}

pub(crate) fn by_table(versions: &[StoredVersion]) -> BTreeMap<TableId, Vec<StoredVersion>> {
    let mut tables = BTreeMap::<_, Vec<_>>::new();
    for version in versions {
        tables.entry(version.table).or_default().push(*version);
    }
    tables
}

/// What is there already is of an interrupted restore.
async fn refuse_strangers(files: &[Entry], store: &DeltaStore) -> Result<(), Failure> {
    let named: BTreeSet<(&str, u64)> = files.iter().map(|entry| (entry.path.as_str(), entry.bytes)).collect();
    let there = store.all_files().await.map_err(told)?;
    match there.iter().find(|(path, bytes)| !named.contains(&(path.as_str(), **bytes))) {
        None => Ok(()),
        Some((path, _)) => {
            Err(format!("there are other tables where these are to be restored: {path}").into())
        }
    }
}

async fn bring_back(backup: &Backup, store: &DeltaStore) -> Result<(), Failure> {
    let there = store.all_files().await.map_err(told)?;
    for entry in &backup.manifest.files {
        if there.get(&entry.path) == Some(&entry.bytes) {
            continue;
        }
        let mut from = File::open(backup.folder.join(TABLES).join(&entry.path))?;
        let piece = move || -> io::Result<Option<Vec<u8>>> {
            let mut piece = vec![0; PIECE_BYTES];
            let read = from.read(&mut piece)?;
            piece.truncate(read);
            Ok((read > 0).then_some(piece))
        };
        let mut piece = piece;
        let pieces = std::iter::from_fn(move || piece().transpose());
        let pieces = stream::iter(pieces).map(|piece| piece.map(Into::into).map_err(Problem::bug));
        store.write_file(&entry.path, pieces.boxed()).await.map_err(told)?;
    }
    Ok(())
}

/// The metadata of a backup to look into: SQLite writes even where it only reads.
struct Copy(PathBuf);

impl Copy {
    fn of(backup: &Backup) -> Result<Self, Failure> {
        let copy = Self(std::env::temp_dir().join(format!("mycorr-restore-{}", uuid::Uuid::now_v7())));
        DirBuilder::new().mode(0o700).create(&copy.0)?;
        fs::copy(backup.folder.join(METADATA), copy.0.join(METADATA))?;
        Ok(copy)
    }

    async fn open(&self) -> Result<Meta, Failure> {
        Meta::open(&sqlite_url(&self.0.join(METADATA))).await.map_err(told)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

//! What a backup consists of.

use crate::Failure;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

/// The newest form that this version knows.
pub(crate) const FORMAT: u32 = 1;
pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const METADATA: &str = "metadata.db";
pub(crate) const TABLES: &str = "tables";
/// The backup that is being made, or was when it was interrupted.
pub(crate) const UNFINISHED: &str = ".unfinished";

#[derive(Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    /// Which Mycorr made it.
    pub(crate) version: String,
    /// The ids of the keys that were in the key file, which is not in the backup.
    pub(crate) master_keys: Vec<String>,
    pub(crate) metadata: Entry,
    /// By their paths within `tables`.
    pub(crate) files: Vec<Entry>,
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    /// In hexadecimal.
    pub(crate) sha256: String,
    /// Where it was copied from: when it was written there, in microseconds since 1970.
    pub(crate) modified: i64,
}

/// A backup that is finished.
pub(crate) struct Backup {
    pub(crate) folder: PathBuf,
    pub(crate) manifest: Manifest,
}

impl Backup {
    /// The newest in a folder of backups.
    pub(crate) fn newest(root: &Path) -> Result<Option<Self>, Failure> {
        let mut finished = Vec::new();
        for entry in fs::read_dir(root)? {
            let folder = entry?.path();
            let hidden = folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if !hidden && folder.join(MANIFEST).is_file() {
                finished.push(folder);
            }
        }
        finished.into_iter().max().map(Self::open).transpose()
    }

    /// A backup by its own folder, or the newest in a folder of backups.
    pub(crate) fn find(folder: &Path) -> Result<Self, Failure> {
        let shown = folder.display();
        if folder.file_name().is_some_and(|name| name == UNFINISHED) {
            return Err(unfinished(folder));
        }
        if folder.join(MANIFEST).is_file() {
            return Self::open(folder.to_owned());
        }
        match fs::metadata(folder) {
            Ok(found) if found.is_dir() => {}
            _ => return Err(format!("there is no folder {shown}").into()),
        }
        match Self::newest(folder)? {
            Some(newest) => Ok(newest),
            None if folder.join(UNFINISHED).is_dir() => Err(unfinished(folder)),
            None => Err(format!("there is no backup in {shown}").into()),
        }
    }

    fn open(folder: PathBuf) -> Result<Self, Failure> {
        let file = folder.join(MANIFEST);
        let manifest: Manifest = File::open(&file)
            .map_err(|error| error.to_string())
            .and_then(|file| serde_json::from_reader(BufReader::new(file)).map_err(|error| error.to_string()))
            .map_err(|error| format!("{} is damaged: {error}", file.display()))?;
        if manifest.format > FORMAT {
            return Err(format!("{} was made by a newer version of Mycorr", folder.display()).into());
        }
        Ok(Self { folder, manifest })
    }

    pub(crate) fn name(&self) -> String {
        self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

fn unfinished(folder: &Path) -> Failure {
    format!(
        "the backup in {} was interrupted and can't be restored: run `mycorr backup` again, which goes on with it",
        folder.display()
    )
    .into()
}

/// Size and SHA-256 of a file.
pub(crate) fn hashed(file: &Path) -> io::Result<(u64, String)> {
    let (mut from, mut hash) = (File::open(file)?, Hash::default());
    let mut piece = vec![0; 1 << 20];
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(hash.end()),
            read => hash.add(&piece[..read]),
        }
    }
}

#[derive(Default)]
pub(crate) struct Hash {
    digest: Sha256,
    bytes: u64,
}

impl Hash {
    pub(crate) fn add(&mut self, piece: &[u8]) {
        self.digest.update(piece);
        self.bytes += piece.len() as u64;
    }

    pub(crate) fn end(self) -> (u64, String) {
        (self.bytes, hex::encode(self.digest.finalize()))
    }
}

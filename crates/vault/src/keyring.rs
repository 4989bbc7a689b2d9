//! The file with the keys under which data keys are wrapped.

use crate::{Result, VaultError, cipher::Key};
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    str::FromStr,
};
use zeroize::Zeroizing;

/// Names a key. Random, so that a key of one file is never taken for one of another.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    pub(crate) fn random() -> Result<Self> {
        let mut id = [0; 8];
        getrandom::fill(&mut id).map_err(VaultError::Random)?;
        Ok(Self(id))
    }

    /// Of exactly 8 bytes.
    pub(crate) fn from_slice(bytes: &[u8]) -> Self {
        Self(bytes.try_into().expect("an id has 8 bytes"))
    }

    pub(crate) fn bytes(self) -> [u8; 8] {
        self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = hex::FromHexError;
    fn from_str(text: &str) -> Result<Self, hex::FromHexError> {
        let mut id = [0; 8];
        hex::decode_to_slice(text, &mut id)?;
        Ok(Self(id))
    }
}

/// Keys with their ids: all of them open, the last one (the primary) seals.
///
/// A text file of mode 0600, one key a line: its id as 16 hexadecimal digits, a blank, 32 random bytes in
/// Base64. Empty lines and those that begin with `#` are for people.
pub struct Keyring {
    keys: Vec<(KeyId, Key)>,
}

const PREFACE: &str = "\
# Mycorr's keys. Who has this file and the database can read the passwords of all connections; without this
# file nobody can. Keep it secret, and keep a copy apart from the copies of the database.
# The last key seals, all of them open. `mycorr keys rotate` adds one.
";

impl Keyring {
    /// Makes the file with one key, unless it exists. Whether it was made: then the operator should be told
    /// to keep a copy. Nobody ever sees half a file, nor is one overwritten, whoever else starts meanwhile.
    pub fn create_if_missing(path: &Path) -> Result<bool> {
        if let Ok(folder) = File::open(folder(path))
            && folder.try_lock().is_ok()
        {
            remove_unfinished(path);
        }
        match Self::create(path) {
            Ok(_) => Ok(true),
            Err(VaultError::Exists { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes the file with one key; [`VaultError::Exists`] if there is one.
    pub fn create(path: &Path) -> Result<KeyId> {
        let keyring = Self { keys: vec![(KeyId::random()?, Key::random()?)] };
        let _lock = lock_shared(path)?;
        // A link, unlike a renaming, fails where something is.
        keyring.write(path, |new| fs::hard_link(new, path)).map_err(|error| match error {
            VaultError::File { path, source } if source.kind() == io::ErrorKind::AlreadyExists => {
                VaultError::Exists { path }
            }
            error => error,
        })?;
        Ok(keyring.primary().0)
    }

    pub fn read(path: &Path) -> Result<Self> {
        let failed = |source| VaultError::File { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(VaultError::OpenToOthers { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(String::new());
        file.read_to_string(&mut text).map_err(failed)?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self> {
        let mut keys: Vec<(KeyId, Key)> = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            if text.trim().is_empty() || text.starts_with('#') {
                continue;
            }
            let key = parse_key(text).filter(|(id, _)| keys.iter().all(|(other, _)| other != id));
            keys.push(key.ok_or_else(|| VaultError::NoKey { path: path.to_owned(), line })?);
        }
        if keys.is_empty() {
            return Err(VaultError::NoKeys { path: path.to_owned() });
        }
        Ok(Self { keys })
    }

    /// Adds a key to the file and makes it the primary. The old ones stay, since they open what is not
    /// re-wrapped yet ([`crate::Vault::rewrap`]).
    pub fn rotate(path: &Path) -> Result<KeyId> {
        let new = (KeyId::random()?, Key::random()?);
        let id = new.0;
        Self::change(path, |keyring| {
            keyring.keys.push(new);
            Ok(())
        })?;
        Ok(id)
    }

    /// Removes a key from the file. What is still wrapped by it can never be opened again.
    pub fn remove(path: &Path, id: KeyId) -> Result<()> {
        Self::change(path, |keyring| {
            if keyring.primary().0 == id {
                return Err(VaultError::Primary(id));
            }
            let before = keyring.keys.len();
            keyring.keys.retain(|(other, _)| *other != id);
            if keyring.keys.len() == before { Err(VaultError::UnknownKey(id)) } else { Ok(()) }
        })
    }

    /// The ids of all keys, the primary last.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys.iter().map(|(id, _)| *id)
    }

    /// For each key a secret of 32 bytes for another use, the primary's last. Who has the file derives the same; the
    /// secret tells neither the key nor the secret of another use (HMAC-SHA-256 of the use's name).
    pub fn derive(&self, purpose: &str) -> Vec<(KeyId, Zeroizing<[u8; 32]>)> {
        let derive = |key: &Key| {
            let mut mac =
                Hmac::<Sha256>::new_from_slice(key.bytes()).expect("HMAC takes a key of any length");
            mac.update(purpose.as_bytes());
            Zeroizing::new(mac.finalize().into_bytes().into())
        };
        self.keys.iter().map(|(id, key)| (*id, derive(key))).collect()
    }

    pub(crate) fn primary(&self) -> (KeyId, &Key) {
        let (id, key) = self.keys.last().expect("a keyring has at least one key");
        (*id, key)
    }

    pub(crate) fn get(&self, id: KeyId) -> Option<&Key> {
        self.keys.iter().find(|(other, _)| *other == id).map(|(_, key)| key)
    }

    /// One change at a time: of two that both began with the same keys, the second would undo the first. And none
    /// between the sealing of a secret and its being stored ([`crate::Sealing`]).
    fn change(path: &Path, change: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let failed = |source| VaultError::File { path: path.to_owned(), source };
        // The file itself, should the path be a link to it.
        let path = &fs::canonicalize(path).map_err(failed)?;
        // The folder is locked, since the file is replaced. Unlocked when it is closed.
        let folder = File::open(folder(path)).map_err(failed)?;
        folder.lock().map_err(failed)?;
        remove_unfinished(path);
        let mut keyring = Self::read(path)?;
        change(&mut keyring)?;
        keyring.write(path, |new| fs::rename(new, path))
    }

    /// Writes a new file beside `path`, and lets `place` put it there once it is safe on the disk.
    fn write(&self, path: &Path, place: impl FnOnce(&Path) -> io::Result<()>) -> Result<()> {
        let new = PathBuf::from(format!("{}.{}.new", path.display(), KeyId::random()?));
        let result = (|| {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
            file.write_all(self.text().as_bytes())?;
            file.sync_all()?;
            place(&new)
        })();
        // After a renaming it is gone already.
        let _ = fs::remove_file(&new);
        result
            .and_then(|()| File::open(folder(path))?.sync_all())
            .map_err(|source| VaultError::File { path: path.to_owned(), source })
    }

    fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(PREFACE.len() + 80 * self.keys.len()));
        text.push_str(PREFACE);
        for (id, key) in &self.keys {
            let key = Zeroizing::new(BASE64_STANDARD.encode(key.bytes()));
            for part in [&id.to_string(), " ", &key, "\n"] {
                text.push_str(part);
            }
        }
        text
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

fn parse_key(line: &str) -> Option<(KeyId, Key)> {
    let (id, key) = line.trim().split_once(' ')?;
    let key = Zeroizing::new(BASE64_STANDARD.decode(key.trim()).ok()?);
    Some((id.parse().ok()?, Key::from_slice(&key)?))
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Lets no key be added or removed until it is dropped.
pub(crate) fn lock_shared(path: &Path) -> Result<File> {
    let failed = |source| VaultError::File { path: path.to_owned(), source };
    // The file itself, should the path be a link to it.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = File::open(folder(path)).map_err(failed)?;
    folder.lock_shared().map_err(failed)?;
    Ok(folder)
}

/// Removes what a process that died left of a file that was to replace `path`: there are keys in it. Only under the
/// lock is it certain that nobody is writing it.
fn remove_unfinished(path: &Path) {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return };
    for entry in fs::read_dir(folder(path)).into_iter().flatten().flatten() {
        let other = entry.file_name();
        let id = other
            .to_str()
            .and_then(|other| other.strip_prefix(name)?.strip_prefix('.')?.strip_suffix(".new"));
        if id.is_some_and(|id| id.parse::<KeyId>().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

//! Seals secrets for storage, and opens them again.
//!
//! Each connection has a [`DataKey`] of its own, which seals its secrets with AES-256-GCM. The data key is
//! stored beside them as a [`WrappedKey`]: sealed by a key of the [`Keyring`], a file that only the operator
//! has. Everything sealed is bound to a [`Context`], so that it opens only where it was sealed for. Knows
//! nothing of what the secrets are for; there is no way to store one that is not sealed.

mod cipher;
mod context;
mod error;
mod keyring;

pub use context::Context;
pub use error::VaultError;
pub use keyring::{KeyId, Keyring};

use cipher::{Frame, Key};
use mycorr_domain::Secret;
use std::{fmt, fs::File, path::PathBuf};
use zeroize::Zeroize;

type Result<T, E = VaultError> = std::result::Result<T, E>;

/// Opens and makes data keys with the keyring of a file. The file is read at each use: a rotation holds
/// from then on in every process, and no key stays in memory longer than it is needed.
#[derive(Clone, Debug)]
pub struct Vault {
    keyring: PathBuf,
}

/// A secret as it is stored: format, the data key's id, nonce, ciphertext, tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

/// A data key as it is stored: format, the id of the keyring's key, its own id, nonce, ciphertext, tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey(Vec<u8>);

/// Seals and opens the secrets of one connection. Overwritten with zeros when dropped.
pub struct DataKey {
    id: KeyId,
    key: Key,
}

/// Wraps data keys. No key is added to the file or removed from it until this is dropped: what was wrapped with a key
/// is stored before that key can be found to be of no more use.
pub struct Sealing {
    keyring: Keyring,
    _lock: File,
}

/// The first byte tells what something is, in which version of the format.
const WRAPPED: Frame<17> = Frame { format: 0x01 };
const SEALED: Frame<9> = Frame { format: 0x11 };

impl Vault {
    pub fn new(keyring: PathBuf) -> Self {
        Self { keyring }
    }

    /// The right to wrap data keys, to be held until what was wrapped is stored.
    pub fn begin_sealing(&self) -> Result<Sealing> {
        let lock = keyring::lock_shared(&self.keyring)?;
        Ok(Sealing { keyring: Keyring::read(&self.keyring)?, _lock: lock })
    }

    pub fn unwrap(&self, wrapped: &WrappedKey, context: &Context) -> Result<DataKey> {
        unwrap_with(&Keyring::read(&self.keyring)?, wrapped, context)
    }
}

impl Sealing {
    /// A data key, and its form for storage, which opens in the same context only.
    pub fn new_data_key(&self, context: &Context) -> Result<(DataKey, WrappedKey)> {
        let data_key = DataKey { id: KeyId::random()?, key: Key::random()? };
        let wrapped = self.wrap(&data_key, context)?;
        Ok((data_key, wrapped))
    }

    /// The same data key, wrapped by the primary key of the keyring; `None` if it already is. Secrets sealed
    /// with it stay as they are.
    pub fn rewrap(&self, wrapped: &WrappedKey, context: &Context) -> Result<Option<WrappedKey>> {
        if WRAPPED.header(&wrapped.0)?[1..9] == self.keyring.primary().0.bytes() {
            return Ok(None);
        }
        let data_key = unwrap_with(&self.keyring, wrapped, context)?;
        self.wrap(&data_key, context).map(Some)
    }

    fn wrap(&self, data_key: &DataKey, context: &Context) -> Result<WrappedKey> {
        let (id, key) = self.keyring.primary();
        let mut header = [0; 17];
        header[1..9].copy_from_slice(&id.bytes());
        header[9..].copy_from_slice(&data_key.id.bytes());
        WRAPPED.seal(key, header, context, data_key.key.bytes()).map(WrappedKey)
    }
}

fn unwrap_with(keyring: &Keyring, wrapped: &WrappedKey, context: &Context) -> Result<DataKey> {
    let header = WRAPPED.header(&wrapped.0)?;
    let id = KeyId::from_slice(&header[1..9]);
    let key = keyring.get(id).ok_or(VaultError::UnknownKey(id))?;
    let mut plain = WRAPPED.open(key, context, &wrapped.0)?;
    let key = Key::from_slice(&plain);
    plain.zeroize();
    Ok(DataKey { id: KeyId::from_slice(&header[9..]), key: key.ok_or(VaultError::Malformed)? })
}

impl DataKey {
    pub fn seal(&self, secret: &Secret, context: &Context) -> Result<Sealed> {
        let mut header = [0; 9];
        header[1..].copy_from_slice(&self.id.bytes());
        SEALED.seal(&self.key, header, context, secret.expose().as_bytes()).map(Sealed)
    }

    pub fn open(&self, sealed: &Sealed, context: &Context) -> Result<Secret> {
        let header = SEALED.header(&sealed.0)?;
        if header[1..] != self.id.bytes() {
            return Err(VaultError::OtherDataKey);
        }
        let plain = SEALED.open(&self.key, context, &sealed.0)?;
        match String::from_utf8(plain) {
            Ok(text) => Ok(Secret::new(text)),
            Err(error) => {
                error.into_bytes().zeroize();
                Err(VaultError::Malformed)
            }
        }
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({}, ..)", self.id)
    }
}

macro_rules! bytes {
    ($($name:ident),+) => {$(
        impl $name {
            /// What was stored. Whether it is whole shows when it is opened.
            pub fn from_bytes(bytes: Vec<u8>) -> Self {
                Self(bytes)
            }
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }
            pub fn into_bytes(self) -> Vec<u8> {
                self.0
            }
        }
    )+};
}

bytes!(Sealed, WrappedKey);

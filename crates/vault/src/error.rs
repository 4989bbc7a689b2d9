//! Why something can't be sealed or opened.

use crate::KeyId;
use mycorr_domain::{Code, Problem};
use std::{io, path::PathBuf};

/// For the operator's eyes: it names files and keys' ids, never a key or a secret.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the key file {path} can't be read or written")]
    File { path: PathBuf, source: io::Error },
    #[error("there is already a key file {path}; it is never overwritten")]
    Exists { path: PathBuf },
    #[error("the key file {path} is open to others (mode {mode:04o}): run chmod 600 {path}")]
    OpenToOthers { path: PathBuf, mode: u32 },
    #[error("line {line} of the key file {path} is no key: an id and 32 bytes in Base64 were expected")]
    NoKey { path: PathBuf, line: usize },
    #[error("the key file {path} holds no key")]
    NoKeys { path: PathBuf },
    #[error("the key {0} is the one that seals, and can't be removed")]
    Primary(KeyId),
    #[error("the key {0} is not in the key file")]
    UnknownKey(KeyId),
    #[error("sealed with the key of another connection")]
    OtherDataKey,
    #[error("what is stored is not what this program seals")]
    Malformed,
    #[error("what is stored was changed, belongs to another place, or was sealed with another key")]
    Refused,
    #[error("too long to be sealed")]
    TooLong,
    #[error("the system gives no random numbers")]
    Random(getrandom::Error),
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        let mut internal = error.to_string();
        if let Some(source) = std::error::Error::source(&error) {
            internal.push_str(&format!(": {source}"));
        }
        let ask = "Ask your operator to put the right key file back, or enter the password (and the CA \
                   certificate, if there was one) again.";
        let (detail, fix) = match error {
            VaultError::File { .. }
            | VaultError::Exists { .. }
            | VaultError::OpenToOthers { .. }
            | VaultError::NoKey { .. }
            | VaultError::NoKeys { .. }
            | VaultError::Primary(_) => (
                "Mycorr can't use its key file, without which no stored password can be sealed or opened.",
                "Ask your operator to look at the server's log, which says what is wrong with the key file.",
            ),
            VaultError::UnknownKey(_) => (
                "The stored password can't be opened: the key that sealed it is not in Mycorr's key file.",
                ask,
            ),
            VaultError::OtherDataKey | VaultError::Malformed | VaultError::Refused => (
                "The stored password can't be opened: it was changed, moved from another connection, or sealed \
                 with another key.",
                ask,
            ),
            VaultError::TooLong | VaultError::Random(_) => return Self::bug(internal),
        };
        Self::new(Code::SecretUnreadable, detail).fix(fix).internal(internal)
    }
}

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod keyring;
mod sealing;

use mycorr_vault::{Keyring, Vault};
use std::path::PathBuf;

/// A vault with a new key file, and the folder that holds it.
fn vault() -> (Vault, PathBuf, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    assert!(Keyring::create_if_missing(&path).unwrap());
    (Vault::new(path.clone()), path, folder)
}

//! AES-256-GCM (NIST SP 800-38D) in a frame that says what it is.

use crate::{Context, Result, VaultError};
use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use zeroize::Zeroizing;

/// 32 random bytes, overwritten with zeros when dropped.
#[derive(Clone)]
pub(crate) struct Key(Zeroizing<[u8; 32]>);

impl Key {
    pub(crate) fn random() -> Result<Self> {
        let mut key = Self(Zeroizing::new([0; 32]));
        getrandom::fill(&mut *key.0).map_err(VaultError::Random)?;
        Ok(key)
    }

    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Self(Zeroizing::new([0; 32]));
        (bytes.len() == 32).then(|| {
            key.0.copy_from_slice(bytes);
            key
        })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &*self.0
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new_from_slice(&*self.0).expect("a key has 32 bytes")
    }
}

/// Header of `HEADER` bytes, the first of them the format · nonce of 12 · ciphertext · tag of 16. The header
/// is authenticated, too.
///
/// Nonces are random: a data key seals a handful of secrets and a keyring's key wraps as many data keys as
/// there are connections, far from the 2³² that the standard sets as the limit.
pub(crate) struct Frame<const HEADER: usize> {
    pub(crate) format: u8,
}

const NONCE: usize = 12;
const TAG: usize = 16;

impl<const HEADER: usize> Frame<HEADER> {
    /// `header` without its first byte, which is set here.
    pub(crate) fn seal(
        &self,
        key: &Key,
        mut header: [u8; HEADER],
        context: &Context,
        plain: &[u8],
    ) -> Result<Vec<u8>> {
        header[0] = self.format;
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(VaultError::Random)?;
        let payload = Payload { msg: plain, aad: &aad(&header, context) };
        let sealed = key.cipher().encrypt(&nonce.into(), payload).map_err(|_| VaultError::TooLong)?;
        Ok([&header[..], &nonce, &sealed].concat())
    }

    /// The header, once the length and the format are right.
    pub(crate) fn header<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8; HEADER]> {
        match bytes.first_chunk() {
            Some(header) if bytes.len() >= HEADER + NONCE + TAG && header[0] == self.format => Ok(header),
            _ => Err(VaultError::Malformed),
        }
    }

    pub(crate) fn open(&self, key: &Key, context: &Context, bytes: &[u8]) -> Result<Vec<u8>> {
        let header = self.header(bytes)?;
        let (nonce, sealed) = bytes[HEADER..].split_first_chunk::<NONCE>().ok_or(VaultError::Malformed)?;
        let payload = Payload { msg: sealed, aad: &aad(header, context) };
        key.cipher().decrypt(&(*nonce).into(), payload).map_err(|_| VaultError::Refused)
    }
}

/// The header has a fixed length for each format, so nothing can move between it and the context.
fn aad(header: &[u8], context: &Context) -> Vec<u8> {
    [header, context.bytes()].concat()
}

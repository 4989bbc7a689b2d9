//! One value as a person sees it.

use sha2::{Digest, Sha256};

/// A cell of a page of rows: exactly the text that PostgreSQL's output function prints, or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    Null,
    Text(String),
    /// Bytes that are no UTF-8 (a `SQL_ASCII` database).
    Bytes(Vec<u8>),
    /// Over [`Cell::LARGEST`] bytes: the SHA-256 of the bytes and how many there are.
    Large {
        sha256: [u8; 32],
        length: u64,
    },
}

impl Cell {
    /// The longest cell that stands in a page, in bytes.
    pub const LARGEST: usize = 1 << 20;

    /// The cell of what PostgreSQL printed.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        if bytes.len() > Self::LARGEST {
            return Self::Large { sha256: Sha256::digest(&bytes).into(), length: bytes.len() as u64 };
        }
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Bytes(error.into_bytes()),
        }
    }
}

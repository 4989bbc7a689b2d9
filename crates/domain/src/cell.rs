//! One value as a person sees it.

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
}

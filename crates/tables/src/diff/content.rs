//! All rows of a version in a few bytes that do not depend on their order, kept with its commit: whether a sync has found
//! anything new is known without reading the version before.

use super::{
    fingerprint::{Hashed, fingerprints},
    sorter::Triple,
};
use crate::{companions::Companions, hash::TextHashes};
use arrow_array::RecordBatch;
use mycorr_domain::{Column, StoredColumn};
use std::fmt;

/// The way in which it is made.
const KIND: &str = "2:";

/// Whether a content that was written is made as contents are made now: one that is not says nothing about another.
pub(crate) fn is_comparable(written: &str) -> bool {
    written.starts_with(KIND)
}

/// Sums over the hashes of all rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    rows: u64,
    sum: u64,
    of_squares: u64,
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{KIND}{:x}:{:016x}:{:016x}", self.rows, self.sum, self.of_squares)
    }
}

impl Content {
    /// Returns the hashes of the rows.
    fn add(&mut self, columns: &[(StoredColumn<'_>, Hashed)], texts: &TextHashes, rows: usize) -> Vec<u64> {
        self.rows += rows as u64;
        let add = |[_, row, _]: Triple| {
            self.sum = self.sum.wrapping_add(row);
            self.of_squares = self.of_squares.wrapping_add(row.wrapping_mul(row));
            row
        };
        fingerprints(columns, texts, None, rows, 0).map(add).collect()
    }

    /// Rows that belong to the same version.
    pub(crate) fn append(&mut self, other: Self) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
        self.of_squares = self.of_squares.wrapping_add(other.of_squares);
    }
}

/// A [`Content`] in the making.
pub(crate) struct ContentHasher {
    columns: Vec<(Column, Hashed)>,
    content: Content,
}

impl ContentHasher {
    pub(crate) fn new(columns: &[Column]) -> Self {
        let columns = columns.iter().map(|column| (column.clone(), Hashed::of(column))).collect();
        Self { columns, content: Content::default() }
    }

    /// A batch as a writer takes it: the columns, then companions. Returns the hashes of its rows.
    pub(crate) fn add(&mut self, batch: &RecordBatch, texts: &TextHashes) -> Vec<u64> {
        let companions = Companions::of(batch, self.columns.len());
        let stored = self.columns.iter().zip(batch.columns()).map(|((column, hashed), native)| {
            (StoredColumn { column, native, exact: companions.get(column) }, *hashed)
        });
        let columns: Vec<_> = stored.collect();
        self.content.add(&columns, texts, batch.num_rows())
    }

    /// The same for all columns of so many rows that were stored.
    pub(crate) fn add_columns(&mut self, stored: Vec<StoredColumn<'_>>, rows: usize) {
        let hashed = self.columns.iter().map(|(_, hashed)| *hashed);
        let columns: Vec<_> = stored.into_iter().zip(hashed).collect();
        self.content.add(&columns, &TextHashes::none(), rows);
    }

    pub(crate) fn finish(self) -> Content {
        self.content
    }
}

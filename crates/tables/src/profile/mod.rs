//! What the columns of a version hold, collected from every batch while it is written. Memory is bounded, however many
//! columns and values there are.

mod column;
mod dense;
mod distinct;
mod histogram;
mod integers;
mod told;

use crate::{companions::Companions, hash::TextHashes};
use arrow_array::RecordBatch;
use column::ColumnBuilder;
use mycorr_domain::{Column, Profile};
use std::time::{Duration, Instant};

/// Different values that are counted exactly, of all columns and of one.
const MAX_COUNTED: usize = 1 << 16;
const MAX_COUNTED_OF_COLUMN: usize = 1024;
const MIN_COUNTED_OF_COLUMN: usize = 32;
/// Places for integers that lie close together, of all columns and of one.
const MAX_PLACES: usize = 1 << 18;
const MAX_PLACES_OF_COLUMN: usize = 1 << 14;

/// A [`Profile`] in the making, of a section of a version.
pub(crate) struct ProfileBuilder {
    rows: u64,
    /// What it took so far, of all threads.
    spent: Duration,
    columns: Vec<ColumnBuilder>,
    /// Room for the integers of one column of a batch.
    numbers: Vec<i64>,
}

impl ProfileBuilder {
    pub(crate) fn new(columns: &[Column]) -> Self {
        let most = (MAX_COUNTED / columns.len().max(1)).clamp(MIN_COUNTED_OF_COLUMN, MAX_COUNTED_OF_COLUMN);
        let places = (MAX_PLACES / columns.len().max(1)).min(MAX_PLACES_OF_COLUMN);
        let builder = |column: &Column| ColumnBuilder::new(column, most, places);
        Self {
            rows: 0,
            spent: Duration::ZERO,
            columns: columns.iter().map(builder).collect(),
            numbers: Vec::new(),
        }
    }

    /// A batch as a writer takes it: the columns, then companions.
    pub(crate) fn add(&mut self, batch: &RecordBatch, texts: &TextHashes) {
        let started = Instant::now();
        self.rows += batch.num_rows() as u64;
        let companions = Companions::of(batch, self.columns.len());
        for (at, (builder, native)) in self.columns.iter_mut().zip(batch.columns()).enumerate() {
            let exact = companions.get(&builder.column.column);
            builder.add(native, exact, texts.column(at), &mut self.numbers);
        }
        self.spent += started.elapsed();
    }

    /// Rows of the same version.
    pub(crate) fn append(&mut self, other: Self) {
        self.rows += other.rows;
        self.spent += other.spent;
        for (mine, theirs) in self.columns.iter_mut().zip(other.columns) {
            mine.append(theirs);
        }
    }

    pub(crate) fn finish(self) -> Profile {
        let started = Instant::now();
        let columns = self.columns.into_iter().map(ColumnBuilder::finish).collect();
        let microseconds = (self.spent + started.elapsed()).as_micros() as u64;
        // `bench/profile.mjs` sets it beside the import's time.
        tracing::debug!(rows = self.rows, microseconds, "a profile was made");
        Profile { rows: self.rows, columns }
    }
}

//! The files of the version that a new one follows: what still holds the same rows is taken over instead of written again.

use crate::{boundaries::Boundaries, log::LoggedFile};
use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
};

/// Files that begin with the same row and are tried.
const MAX_CANDIDATES: usize = 16;
/// A file of fewer rows than this part of all is written anew together with what follows it, unless its end is where a file
/// ends by its content: so that many small additions do not become many small files.
const MIN_SHARE: u64 = 64;
/// The same for one of so few bytes, as Arrow counts them.
const MIN_BYTES: u64 = 16 << 10;

#[derive(Default)]
pub(crate) struct EarlierFiles {
    files: Vec<(LoggedFile, AtomicBool)>,
    by_first: HashMap<u64, Vec<usize>>,
    rows: u64,
    pub(crate) boundaries: Option<Boundaries>,
}

impl EarlierFiles {
    pub(crate) fn new(files: &[LoggedFile], boundaries: Option<Boundaries>) -> Self {
        let mut by_first: HashMap<u64, Vec<usize>> = HashMap::new();
        for (at, content) in files.iter().map(|file| &file.content).enumerate() {
            if let Some(content) = content {
                by_first.entry(content.first).or_default().push(at);
            }
        }
        let rows = files.iter().map(|file| file.rows).sum();
        let files = files.iter().map(|file| (file.clone(), AtomicBool::new(false))).collect();
        Self { files, by_first, rows, boundaries }
    }

    /// Those that begin with a row of this hash and are free, the shortest first.
    pub(crate) fn candidates(&self, first: u64) -> Vec<usize> {
        let free = |at: &usize| !self.files[*at].1.load(SeqCst);
        let of_hash = self.by_first.get(&first).into_iter().flatten().copied();
        let mut found: Vec<usize> = of_hash.filter(free).take(MAX_CANDIDATES).collect();
        found.sort_by_key(|&at| self.files[at].0.rows);
        found
    }

    pub(crate) fn rows_of(&self, at: usize) -> u64 {
        self.files[at].0.rows
    }

    /// Whether a file of so many rows is large enough to be kept although it ends where no content ends one.
    pub(crate) fn is_worth_keeping(&self, rows: u64, boundaries: Boundaries) -> bool {
        rows >= (self.rows / MIN_SHARE).max(boundaries.rows_of(MIN_BYTES)).min(boundaries.min_rows())
    }

    /// Takes a file over if it has this digest, once.
    pub(crate) fn take(&self, at: usize, digest: &str) -> Option<LoggedFile> {
        let (file, taken) = &self.files[at];
        let same = file.content.as_ref().is_some_and(|content| content.digest == digest);
        (same && !taken.swap(true, SeqCst)).then(|| file.clone())
    }
}

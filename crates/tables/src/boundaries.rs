//! Where a file ends: after rows that their content chooses, so that rows which come or go move the ends of the files around
//! them and of no others (content-defined chunking).

use arrow_array::RecordBatch;
use mycorr_domain::{Problem, Result};
use serde::{Deserialize, Serialize};

/// A file is not ended before this part of the mean, nor goes on beyond this multiple of it.
const MIN_SHARE: u64 = 4;
const MAX_MULTIPLE: u64 = 8;
/// After so many files they become twice as large, and again.
const FILES_OF_A_SIZE: usize = 512;
const MAX_BITS: u32 = 32;

/// One row of 2^`bits` ends a file. Kept with a version, so that the next one is cut at the same rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Boundaries {
    bits: u32,
    /// Of a row, when that was chosen.
    row_bytes: u64,
}

impl Boundaries {
    /// For files of `file_bytes` on average, as Arrow counts them, of rows like those of `batch`. `earlier` are those of the
    /// version before, which stay what they are while rows are of about the same size.
    ///
    /// # Errors
    /// A bug in a batch.
    pub(crate) fn new(earlier: Option<Self>, batch: &RecordBatch, file_bytes: u64) -> Result<Self> {
        let mut bytes = 0;
        for column in batch.columns() {
            bytes += column.to_data().get_slice_memory_size().map_err(Problem::bug)? as u64;
        }
        let row_bytes = (bytes / (batch.num_rows() as u64).max(1)).max(1);
        if let Some(earlier) = earlier
            && (earlier.row_bytes / 2..=earlier.row_bytes.saturating_mul(2)).contains(&row_bytes)
        {
            return Ok(earlier);
        }
        Ok(Self { bits: (file_bytes / row_bytes).checked_ilog2().unwrap_or(0).min(MAX_BITS), row_bytes })
    }

    fn bits(self, files: usize) -> u32 {
        let larger = (1 + files / FILES_OF_A_SIZE).ilog2();
        (self.bits + larger).min(MAX_BITS)
    }

    /// Fewer rows than this are no file to keep.
    pub(crate) fn min_rows(self) -> u64 {
        (1 << self.bits) / MIN_SHARE
    }

    /// About so many rows take so many bytes.
    pub(crate) fn rows_of(self, bytes: u64) -> u64 {
        bytes / self.row_bytes.max(1)
    }

    /// How many of the rows with these hashes end a file of `rows` rows, the last of them included; `None` if the file goes
    /// on after them. It has so many `files` before it.
    pub(crate) fn end(self, files: usize, rows: u64, hashes: &[u64]) -> Option<usize> {
        let mean = 1_u64 << self.bits(files);
        let (min, max) = (mean / MIN_SHARE, mean.saturating_mul(MAX_MULTIPLE));
        let first = usize::try_from(min.saturating_sub(rows + 1)).unwrap_or(usize::MAX);
        let by_content = hashes.iter().skip(first).position(|hash| hash & (mean - 1) == 0);
        let by_content = by_content.map(|at| first + at + 1);
        let by_size = usize::try_from(max.saturating_sub(rows)).unwrap_or(usize::MAX).max(1);
        match by_content {
            Some(end) => Some(end.min(by_size)),
            None => (by_size <= hashes.len()).then_some(by_size),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(hashes: &[u64]) -> Vec<Vec<u64>> {
        let boundaries = Boundaries { bits: 6, row_bytes: 8 };
        let (mut files, mut at) = (Vec::new(), 0);
        while at < hashes.len() {
            let mut rows = 0;
            // In batches of whatever size.
            loop {
                let batch = &hashes[at + rows..hashes.len().min(at + rows + 1 + at % 50)];
                match boundaries.end(files.len(), rows as u64, batch) {
                    Some(end) => break rows += end,
                    None if batch.is_empty() => break,
                    None => rows += batch.len(),
                }
            }
            files.push(hashes[at..at + rows].to_vec());
            at += rows;
        }
        files
    }

    #[test]
    fn ends_meet_again_after_a_change() {
        let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
        let before: Vec<u64> = (1..20_000).map(hash).collect();
        let files = cut(&before);
        assert!(files.iter().all(|file| file.len() <= 512) && files.len() > 100, "{}", files.len());
        for at in [0, 1, 9_999, 19_998] {
            let mut inserted = before.clone();
            inserted.insert(at, hash(77_777));
            let mut removed = before.clone();
            removed.remove(at);
            for after in [inserted, removed] {
                let new = cut(&after).iter().filter(|file| !files.contains(file)).count();
                assert!(new <= 3, "{new} files are new after a change at {at}");
            }
        }
    }

    #[test]
    fn rows_that_are_all_the_same_are_cut_by_size() {
        let ends: Vec<_> = cut(&[1; 2000]).iter().map(Vec::len).collect();
        assert_eq!(ends, [512, 512, 512, 464]);
        let ends: Vec<_> = cut(&[0; 100]).iter().map(Vec::len).collect();
        assert_eq!(ends, [16, 16, 16, 16, 16, 16, 4]);
    }
}

//! The hashes of a file's rows, in their order, within the file: eight bytes for each between its last row group and its
//! footer, which names the place. Other readers skip them. What two versions share cancels out by them, without a row being
//! decoded.

use crate::version::DataFile;
use mycorr_domain::{Problem, Result};
use parquet::{arrow::arrow_reader::ArrowReaderMetadata, file::metadata::KeyValue};
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

const KEY: &str = "mycorr.row_hashes";
/// How they are made: a file that says otherwise is read as one without.
const KIND: &str = "2";
/// A file of the narrowest rows is decoded as soon as its hashes are read: they are left out where they would be more than
/// half as many bytes as the rows.
const MAX_SHARE: usize = 2;
const HASH_BYTES: usize = size_of::<u64>();

/// Of a file in the making.
#[derive(Default)]
pub(crate) struct RowHashes(Vec<u8>);

impl RowHashes {
    pub(crate) fn add(&mut self, hashes: &[u64]) {
        self.0.extend(hashes.iter().flat_map(|hash| hash.to_le_bytes()));
    }

    /// What is to be written after so many bytes of row groups, and the entry of the footer that names it.
    pub(crate) fn finish(self, at: usize) -> Option<(Vec<u8>, KeyValue)> {
        let place = || format!("{KIND}:{at}:{:016x}", checksum(&self.0));
        let worth = self.0.len() <= at / MAX_SHARE;
        worth.then(place).map(|place| (self.0, KeyValue::new(KEY.to_owned(), place)))
    }
}

fn checksum(bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(0, 1);
    hasher.write(bytes);
    hasher.finish()
}

fn place(metadata: &ArrowReaderMetadata) -> Option<(u64, u64)> {
    let entries = metadata.metadata().file_metadata().key_value_metadata()?;
    let value = entries.iter().find(|entry| entry.key == KEY)?.value.as_deref()?;
    let (at, sum) = value.strip_prefix(KIND)?.strip_prefix(':')?.split_once(':')?;
    Some((at.parse().ok()?, u64::from_str_radix(sum, 16).ok()?))
}

/// Whether a file has the hashes of its rows.
pub(crate) async fn has_row_hashes(file: &DataFile) -> Result<bool> {
    Ok(place(&file.metadata().await?).is_some())
}

/// The hashes of a file's rows; `None` where they are damaged.
pub(crate) async fn row_hashes(file: &DataFile) -> Result<Option<Vec<u64>>> {
    let metadata = file.metadata().await?;
    let (at, sum) = place(&metadata).ok_or_else(|| Problem::bug("a file without hashes of its rows"))?;
    let bytes = file.bytes(at..at + file.rows * HASH_BYTES as u64).await?;
    if checksum(&bytes) != sum {
        return Ok(None);
    }
    let hashes = bytes.as_chunks::<HASH_BYTES>().0;
    Ok(Some(hashes.iter().map(|hash| u64::from_le_bytes(*hash)).collect()))
}

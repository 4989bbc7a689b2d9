//! The fingerprints of a version's rows, sorted by the hash of their keys and cut into buckets by its leading bits, each
//! with the sum of what is in it: where the sums of two versions agree, nothing has to be read.

use super::sorter::{Merged, TRIPLE_BYTES, Triple, triples, write_triple};
use crate::{problem::storage, row_numbers::OwnedFile};
use mycorr_domain::Result;
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    os::unix::fs::FileExt,
    path::Path,
};
use uuid::Uuid;

/// Rows of a bucket, about.
const BUCKET_ROWS: u64 = 1024;
const MAX_BITS: u32 = 20;

pub(crate) struct Sidecar {
    data: Data,
    /// There are 2^bits buckets.
    bits: u32,
    /// How many rows are before each bucket, and in the end all of them.
    starts: Vec<u64>,
    sums: Vec<u64>,
    /// Sums with the numbers of the rows, by which damage is seen.
    checks: Vec<u64>,
}

enum Data {
    Memory(Vec<u8>),
    File { file: File, kept: OwnedFile },
}

/// Order does not matter, and a row that comes or goes is seen.
fn mixed([key, row, _]: Triple) -> u64 {
    (row.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ key.rotate_left(29)).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

fn checked([key, row, number]: Triple) -> u64 {
    mixed([key, row ^ number.rotate_left(32), number])
}

impl Sidecar {
    /// In a new file in `folder` if there is one.
    pub(crate) fn build(rows: u64, mut sorted: Merged, folder: Option<&Path>) -> Result<Self> {
        let bits = (rows / BUCKET_ROWS).checked_ilog2().unwrap_or(0).min(MAX_BITS);
        let buckets = 1_usize << bits;
        let (mut starts, mut sums) = (vec![0; buckets + 1], vec![0_u64; buckets]);
        let mut checks = sums.clone();
        let mut write = |out: &mut dyn Write| -> Result<()> {
            let mut out = out;
            while let Some(triple) = sorted.next()? {
                let bucket = bucket_of(triple[0], bits);
                starts[bucket + 1] += 1;
                sums[bucket] = sums[bucket].wrapping_add(mixed(triple));
                checks[bucket] = checks[bucket].wrapping_add(checked(triple));
                write_triple(&mut out, &triple).map_err(storage)?;
            }
            Ok(())
        };
        let data = match folder {
            None => {
                let mut bytes = Vec::new();
                write(&mut bytes)?;
                Data::Memory(bytes)
            }
            Some(folder) => {
                let path = folder.join(format!("{}.sidecar", Uuid::new_v4()));
                let file =
                    File::options().read(true).write(true).create_new(true).open(&path).map_err(storage)?;
                let owned = OwnedFile(path);
                let mut out = BufWriter::new(&file);
                write(&mut out)?;
                out.flush().map_err(storage)?;
                drop(out);
                Data::File { file, kept: owned }
            }
        };
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        Ok(Self { data, bits, starts, sums, checks })
    }

    pub(crate) fn bits(&self) -> u32 {
        self.bits
    }

    /// The fine buckets of one of 2^bits buckets.
    fn fine(&self, bucket: usize, bits: u32) -> std::ops::Range<usize> {
        let shift = self.bits - bits;
        bucket << shift..(bucket + 1) << shift
    }

    /// How many rows are in one of 2^bits buckets, which are at most as many as there are, and their sum.
    pub(crate) fn summary(&self, bucket: usize, bits: u32) -> (u64, u64) {
        let fine = self.fine(bucket, bits);
        let count = self.starts[fine.end] - self.starts[fine.start];
        (count, self.sums[fine].iter().fold(0, |sum: u64, of| sum.wrapping_add(*of)))
    }

    /// The rows of a bucket, by their keys' hashes.
    pub(crate) fn read(&self, bucket: usize, bits: u32) -> Result<Vec<Triple>> {
        let fine = self.fine(bucket, bits);
        let range =
            self.starts[fine.start] as usize * TRIPLE_BYTES..self.starts[fine.end] as usize * TRIPLE_BYTES;
        match &self.data {
            Data::Memory(bytes) => Ok(triples(&bytes[range]).collect()),
            Data::File { file, kept } => {
                let mut bytes = vec![0; range.len()];
                file.read_exact_at(&mut bytes, range.start as u64).map_err(storage)?;
                let found: Vec<_> = triples(&bytes).collect();
                let sum = found.iter().fold(0, |sum: u64, triple| sum.wrapping_add(checked(*triple)));
                let want = self.checks[fine].iter().fold(0, |sum: u64, of| sum.wrapping_add(*of));
                if sum != want {
                    let what = format!("{} is damaged", kept.0.display());
                    return Err(storage(io::Error::new(io::ErrorKind::InvalidData, what)));
                }
                Ok(found)
            }
        }
    }
}

fn bucket_of(key: u64, bits: u32) -> usize {
    key.checked_shr(u64::BITS - bits).unwrap_or(0) as usize
}

#[cfg(test)]
mod tests {
    use super::{super::sorter::Sorter, *};

    fn sidecar(triples: impl Iterator<Item = Triple>, folder: Option<&Path>) -> Sidecar {
        let mut sorter = Sorter::new(folder);
        triples.for_each(|triple| sorter.push(triple).unwrap());
        Sidecar::build(sorter.len(), sorter.finish().unwrap(), folder).unwrap()
    }

    #[test]
    fn buckets_of_different_sizes_meet() {
        let folder = tempfile::tempdir().unwrap();
        let triple = |n: u64| [n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n, n];
        for place in [None, Some(folder.path())] {
            let (few, many) =
                (sidecar((0..3000).map(triple), place), sidecar((0..40_000).map(triple), place));
            assert!(few.bits() < many.bits());
            let bits = few.bits();
            let all: usize = (0..1 << bits).map(|bucket| many.read(bucket, bits).unwrap().len()).sum();
            assert_eq!(all, 40_000);
            for bucket in 0..1 << bits {
                let (mine, theirs) = (few.read(bucket, bits).unwrap(), many.read(bucket, bits).unwrap());
                assert!(mine.iter().all(|triple| theirs.contains(triple)));
                assert_eq!(many.summary(bucket, bits).0, theirs.len() as u64);
            }
            let same = sidecar((0..3000).rev().map(triple), place);
            assert!((0..1 << bits).all(|bucket| same.summary(bucket, bits) == few.summary(bucket, bits)));
        }
    }

    #[test]
    fn damaged_bucket_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let sidecar = sidecar((0..100).map(|n| [n, n, n]), Some(folder.path()));
        let Data::File { kept, .. } = &sidecar.data else { panic!() };
        let file = File::options().read(true).write(true).open(&kept.0).unwrap();
        for place in [0, 1000, 24 * 100 - 1] {
            let mut byte = [0];
            file.read_exact_at(&mut byte, place).unwrap();
            file.write_all_at(&[!byte[0]], place).unwrap();
            assert!(sidecar.read(0, 0).is_err(), "{place}");
            file.write_all_at(&byte, place).unwrap();
            assert!(sidecar.read(0, 0).is_ok());
        }
    }
}

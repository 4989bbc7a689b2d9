//! Triples of numbers in ascending order, on disk what is more than a share of memory.

use crate::{problem::storage, row_numbers::OwnedFile};
use mycorr_domain::Result;
use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};
use uuid::Uuid;

pub(crate) type Triple = [u64; 3];

pub(crate) const TRIPLE_BYTES: usize = size_of::<Triple>();
/// What is sorted in memory before it is written out.
const RUN_TRIPLES: usize = (16 << 20) / TRIPLE_BYTES;

pub(crate) struct Sorter {
    /// Without one, everything stays in memory.
    folder: Option<PathBuf>,
    now: Vec<Triple>,
    runs: Vec<OwnedFile>,
    count: u64,
    run_triples: usize,
}

pub(crate) fn write_triple(out: &mut impl Write, triple: &Triple) -> io::Result<()> {
    let mut bytes = [0; TRIPLE_BYTES];
    for (bytes, number) in bytes.chunks_exact_mut(8).zip(triple) {
        bytes.copy_from_slice(&number.to_le_bytes());
    }
    out.write_all(&bytes)
}

pub(crate) fn triples(bytes: &[u8]) -> impl Iterator<Item = Triple> + '_ {
    bytes.chunks_exact(TRIPLE_BYTES).map(|bytes| {
        let mut triple = [0; 3];
        for (number, bytes) in triple.iter_mut().zip(bytes.chunks_exact(8)) {
            *number = bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte));
        }
        triple
    })
}

impl Sorter {
    pub(crate) fn new(folder: Option<&Path>) -> Self {
        Self {
            folder: folder.map(Path::to_owned),
            now: Vec::new(),
            runs: Vec::new(),
            count: 0,
            run_triples: RUN_TRIPLES,
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    pub(crate) fn push(&mut self, triple: Triple) -> Result<()> {
        self.count += 1;
        self.now.push(triple);
        if self.now.len() >= self.run_triples {
            self.end_run()?;
        }
        Ok(())
    }

    fn end_run(&mut self) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        self.now.sort_unstable();
        let path = folder.join(format!("{}.run", Uuid::new_v4()));
        let file = File::options().write(true).create_new(true).open(&path).map_err(storage)?;
        let owned = OwnedFile(path);
        let mut file = BufWriter::new(file);
        let mut write = || {
            self.now.iter().try_for_each(|triple| write_triple(&mut file, triple))?;
            file.flush()
        };
        write().map_err(storage)?;
        self.now.clear();
        self.runs.push(owned);
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<Merged> {
        self.now.sort_unstable();
        let mut merged = Merged { memory: self.now.into_iter(), runs: Vec::new(), next: BinaryHeap::new() };
        for run in self.runs {
            let file = File::open(&run.0).map_err(storage)?;
            merged.runs.push((BufReader::with_capacity(64 << 10, file), run));
        }
        for source in 0..=merged.runs.len() {
            merged.refill(source)?;
        }
        Ok(merged)
    }
}

/// The triples in their order.
pub(crate) struct Merged {
    memory: std::vec::IntoIter<Triple>,
    /// The file of each is removed with it.
    runs: Vec<(BufReader<File>, OwnedFile)>,
    /// The next triple of each source; memory is the last.
    next: BinaryHeap<Reverse<(Triple, usize)>>,
}

impl Merged {
    fn refill(&mut self, source: usize) -> Result<()> {
        let next = match self.runs.get_mut(source) {
            None => self.memory.next(),
            Some((file, _)) => {
                let mut bytes = [0; TRIPLE_BYTES];
                match file.read_exact(&mut bytes) {
                    Ok(()) => triples(&bytes).next(),
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
                    Err(error) => return Err(storage(error)),
                }
            }
        };
        self.next.extend(next.map(|triple| Reverse((triple, source))));
        Ok(())
    }

    pub(crate) fn next(&mut self) -> Result<Option<Triple>> {
        let Some(Reverse((triple, source))) = self.next.pop() else { return Ok(None) };
        self.refill(source)?;
        Ok(Some(triple))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triples_ascend_in_memory_and_over_many_runs() {
        let folder = tempfile::tempdir().unwrap();
        for (place, run_triples) in [(None, 7), (Some(folder.path()), 7), (Some(folder.path()), 10_000)] {
            let mut sorter = Sorter { run_triples, ..Sorter::new(place) };
            let triple = |n: u64| [n * 7919 % 101, n * 31 % 17, n];
            for n in 0..1000 {
                sorter.push(triple(n)).unwrap();
            }
            assert_eq!(sorter.len(), 1000);
            let mut merged = sorter.finish().unwrap();
            let mut want: Vec<_> = (0..1000).map(triple).collect();
            want.sort_unstable();
            for want in want {
                assert_eq!(merged.next().unwrap(), Some(want));
            }
            assert_eq!(merged.next().unwrap(), None);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

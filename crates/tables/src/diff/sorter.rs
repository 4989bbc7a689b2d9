//! Triples of numbers in ascending order, on disk what is more than a share of memory.

use crate::{problem::storage, row_numbers::OwnedFile};
use mycorr_domain::Result;
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, binary_heap::PeekMut},
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
    for (bytes, number) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(triple) {
        *bytes = number.to_le_bytes();
    }
    out.write_all(&bytes)
}

fn triple(bytes: &[u8; TRIPLE_BYTES]) -> Triple {
    let mut triple = [0; 3];
    for (number, bytes) in triple.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *number = u64::from_le_bytes(*bytes);
    }
    triple
}

pub(crate) fn triples(bytes: &[u8]) -> impl Iterator<Item = Triple> + '_ {
    bytes.as_chunks::<TRIPLE_BYTES>().0.iter().map(triple)
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
            let first = merged.read(source)?;
            merged.next.extend(first.map(|triple| Reverse((triple, source))));
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
    /// The next triple of a source.
    fn read(&mut self, source: usize) -> Result<Option<Triple>> {
        let Some((file, _)) = self.runs.get_mut(source) else { return Ok(self.memory.next()) };
        let mut bytes = [0; TRIPLE_BYTES];
        match file.read_exact(&mut bytes) {
            Ok(()) => Ok(Some(triple(&bytes))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(storage(error)),
        }
    }

    pub(crate) fn next(&mut self) -> Result<Option<Triple>> {
        let Some(&Reverse((least, source))) = self.next.peek() else { return Ok(None) };
        let next = self.read(source)?;
        let Some(mut top) = self.next.peek_mut() else { return Ok(None) };
        match next {
            // In its place, which takes one walk through the heap instead of two.
            Some(triple) => *top = Reverse((triple, source)),
            None => drop(PeekMut::pop(top)),
        }
        Ok(Some(least))
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

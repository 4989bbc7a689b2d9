//! The rows of a view by their numbers, in the view's order: in a file where there is a folder for it, so that a
//! large view takes no memory.

use crate::problem::storage;
use mycorr_domain::Result;
use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// Row numbers that are all written. Dropping them removes the file.
pub(crate) struct RowNumbers {
    kept: Kept,
    width: Width,
    count: u64,
}

enum Kept {
    Memory(Vec<u8>),
    File(OwnedFile),
}

/// Bytes of a number: 4 in a version with at most 2^32 rows.
#[derive(Clone, Copy)]
enum Width {
    Four = 4,
    Eight = 8,
}

/// Removed when it is dropped.
pub(crate) struct OwnedFile(pub(crate) PathBuf);

impl Drop for OwnedFile {
    fn drop(&mut self) {
        // What is left is removed at the next start.
        let _ = fs::remove_file(&self.0);
    }
}

impl RowNumbers {
    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.count * self.width as u64
    }

    /// The numbers at these places. Reads no more than them.
    pub(crate) fn slice(&self, range: Range<u64>) -> Result<Vec<u64>> {
        let width = self.width as usize;
        let (start, bytes) = (range.start * width as u64, (range.end - range.start) as usize * width);
        let mut read = Vec::new();
        let numbers = match &self.kept {
            Kept::Memory(all) => &all[start as usize..start as usize + bytes],
            Kept::File(file) => {
                read.resize(bytes, 0);
                File::open(&file.0).and_then(|file| file.read_exact_at(&mut read, start)).map_err(storage)?;
                &read[..]
            }
        };
        Ok(numbers
            .chunks_exact(width)
            .map(|number| number.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
            .collect())
    }
}

/// Row numbers in the making.
pub(crate) struct RowNumbersWriter {
    sink: Sink,
    width: Width,
    count: u64,
}

enum Sink {
    Memory(Vec<u8>),
    File(BufWriter<File>, OwnedFile),
}

impl RowNumbersWriter {
    /// For rows of a version that has `of` of them, in a new file in `folder` if there is one.
    pub(crate) fn create(of: u64, folder: Option<&Path>) -> Result<Self> {
        let width = if of <= 1 << 32 { Width::Four } else { Width::Eight };
        let sink = match folder {
            None => Sink::Memory(Vec::new()),
            Some(folder) => {
                let path = folder.join(format!("{}.rows", Uuid::new_v4()));
                let file = File::options().write(true).create_new(true).open(&path).map_err(storage)?;
                Sink::File(BufWriter::new(file), OwnedFile(path))
            }
        };
        Ok(Self { sink, width, count: 0 })
    }

    pub(crate) fn append(&mut self, rows: &[u64]) -> Result<()> {
        let width = self.width as usize;
        let mut bytes = Vec::with_capacity(rows.len() * width);
        rows.iter().for_each(|row| bytes.extend(&row.to_le_bytes()[..width]));
        self.count += rows.len() as u64;
        self.write(&bytes).map_err(storage)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.sink {
            Sink::Memory(all) => all.write_all(bytes),
            Sink::File(file, _) => file.write_all(bytes),
        }
    }

    /// Appends the numbers of another view of the same version.
    pub(crate) fn append_all(&mut self, other: RowNumbers) -> Result<()> {
        self.count += other.count;
        match &other.kept {
            Kept::Memory(all) => self.write(all),
            Kept::File(file) => File::open(&file.0).and_then(|mut file| match &mut self.sink {
                Sink::Memory(all) => io::copy(&mut file, all).map(drop),
                Sink::File(all, _) => io::copy(&mut file, all).map(drop),
            }),
        }
        .map_err(storage)
    }

    pub(crate) fn finish(self) -> Result<RowNumbers> {
        let kept = match self.sink {
            Sink::Memory(all) => Kept::Memory(all),
            Sink::File(mut file, owned) => {
                file.flush().map_err(storage)?;
                Kept::File(owned)
            }
        };
        Ok(RowNumbers { kept, width: self.width, count: self.count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_what_was_appended_in_memory_and_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        for (of, last) in [(1 << 32, u64::from(u32::MAX)), (1 << 40, (1 << 40) - 1)] {
            for place in [None, Some(folder.path())] {
                let writer = || RowNumbersWriter::create(of, place).unwrap();
                let (mut all, mut part) = (writer(), writer());
                all.append(&[7, 0]).unwrap();
                part.append(&[last, 5]).unwrap();
                part.append(&[]).unwrap();
                all.append_all(part.finish().unwrap()).unwrap();
                let rows = all.finish().unwrap();
                assert_eq!(rows.len(), 4);
                assert_eq!(rows.slice(0..4).unwrap(), [7, 0, last, 5]);
                assert_eq!(rows.slice(1..3).unwrap(), [0, last]);
                assert!(rows.slice(4..4).unwrap().is_empty());
            }
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

//! Rows that only one of two versions has, by the hashes that their files keep: nothing is decoded but those rows.

use super::{
    Candidates, Side, both,
    fingerprint::{Hashed, fingerprints},
    sorter::{Merged, Sorter, Triple},
    take,
};
use crate::{
    export::{Shape, row_bytes, rows_in_order},
    hash::TextHashes,
    options::QueryOptions,
    problem::storage,
    row_hashes::{has_row_hashes, row_hashes},
    version::{RowPlaces, Version},
};
use mycorr_domain::{Column, Problem, Result};
use std::{io, sync::Arc};

/// Of a row that is sorted in memory: its hash and its number.
const ROW_BYTES: u64 = 16;
/// What is decoded at a time.
const BATCH_BYTES: usize = 16 << 20;

/// Files of a version, and where their rows are in it.
pub(crate) type Files = (Version, RowPlaces);

/// Whether all files keep the hashes of their rows.
pub(crate) async fn have_hashes(files: [&Files; 2]) -> Result<bool> {
    for (version, _) in files {
        for file in version.files.iter() {
            if !has_row_hashes(file).await? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The rows that only one of the two has, as candidates, found with `memory` bytes. `key` are places in the columns of the
/// sides.
pub(crate) async fn candidates(
    [before, after]: [&Files; 2],
    sides: [&Side; 2],
    hashed: &[Hashed],
    key: Option<&[usize]>,
    memory: usize,
    options: &QueryOptions,
) -> Result<Candidates> {
    let sorter = || Sorter::new(options.spill_folder());
    let mut only = [sorter(), sorter()];
    let passes = ((before.0.rows + after.0.rows) * ROW_BYTES).div_ceil(memory as u64).max(1);
    for pass in 0..passes {
        let found = both([before, after].map(|(version, places)| {
            let (version, places) = (version.clone(), places.clone());
            async move { hashes(&version, &places, pass, passes).await }
        }));
        left_over(&found.await?, &mut only)?;
        tokio::task::yield_now().await;
    }
    let [only_before, only_after] = only;
    let mut found = Candidates::new(options);
    let Some(key) = key else {
        let move_all = |from: Sorter, to: &mut Sorter| -> Result<()> {
            let mut sorted = from.finish()?;
            while let Some([number, ..]) = sorted.next()? {
                to.push([number, 0, 0])?;
            }
            Ok(())
        };
        move_all(only_before, &mut found.removed)?;
        move_all(only_after, &mut found.added)?;
        return Ok(found);
    };
    let mut keyed = Vec::new();
    for (only, side) in [only_before, only_after].into_iter().zip(sides) {
        let columns: Arc<[Column]> = key.iter().map(|&at| side.columns[at].clone()).collect();
        let hashed: Vec<Hashed> = key.iter().map(|&at| hashed[at]).collect();
        let (numbers, version, options) = (only.finish()?, side.version.clone(), options.clone());
        keyed.push(async move { by_key(numbers, version, columns, hashed, &options).await });
    }
    let (after, before) = (keyed.pop(), keyed.pop());
    let (Some(before), Some(after)) = (before, after) else { return Err(Problem::bug("a side is missing")) };
    let [mut before, mut after] = both([before, after]).await?;
    let (mut next_before, mut next_after) = (before.next()?, after.next()?);
    let (mut old, mut new) = (Vec::new(), Vec::new());
    while let Some(hash) = next_before.iter().chain(&next_after).map(|triple| triple[0]).min() {
        take_key(&mut before, &mut next_before, hash, &mut old)?;
        take_key(&mut after, &mut next_after, hash, &mut new)?;
        found.compare(&old, &new, true)?;
    }
    Ok(found)
}

/// The hashes and numbers of the rows of one pass, in ascending order.
async fn hashes(version: &Version, places: &RowPlaces, pass: u64, passes: u64) -> Result<Vec<(u64, u64)>> {
    let mut found = Vec::new();
    let mut at = 0;
    for file in version.files.iter() {
        let hashes = row_hashes(file).await?;
        let hashes =
            hashes.ok_or_else(|| storage(io::Error::other("the hashes of a file's rows are damaged")))?;
        let first = places.of(file.first, &mut at);
        let of_pass = (first..).zip(hashes).filter(|(_, hash)| passes == 1 || hash % passes == pass);
        found.extend(of_pass.map(|(number, hash)| (hash, number)));
    }
    found.sort_unstable();
    Ok(found)
}

/// What is on one side alone, of equal hashes as many as there are more.
fn left_over([before, after]: &[Vec<(u64, u64)>; 2], only: &mut [Sorter; 2]) -> Result<()> {
    let (mut i, mut j) = (0, 0);
    while i < before.len() || j < after.len() {
        match (before.get(i), after.get(j)) {
            (Some(old), Some(new)) if old.0 == new.0 => (i, j) = (i + 1, j + 1),
            (Some(old), new) if new.is_none_or(|new| old.0 < new.0) => {
                only[0].push([old.1, old.0, 0])?;
                i += 1;
            }
            (_, Some(new)) => {
                only[1].push([new.1, new.0, 0])?;
                j += 1;
            }
            (_, None) => break,
        }
    }
    Ok(())
}

/// The same rows by the hashes of their keys, which are read.
async fn by_key(
    mut numbers: Merged,
    version: Arc<Version>,
    columns: Arc<[Column]>,
    hashed: Vec<Hashed>,
    options: &QueryOptions,
) -> Result<Merged> {
    let at_a_time = (BATCH_BYTES / row_bytes(&version, &columns).await?).clamp(1, 1 << 20);
    let shape = Shape::new(&version, columns).await?;
    let mut keyed = Sorter::new(options.spill_folder());
    loop {
        let rows = take(&mut numbers, at_a_time)?;
        if rows.is_empty() {
            return keyed.finish();
        }
        let ids: Vec<u64> = rows.iter().map(|row| row[0]).collect();
        let batch = rows_in_order(&version, &shape, &ids).await?;
        let columns: Vec<_> = shape.columns(&batch).into_iter().zip(hashed.iter().copied()).collect();
        for (row, [_, key, _]) in
            rows.iter().zip(fingerprints(&columns, &TextHashes::none(), None, batch.num_rows(), 0))
        {
            keyed.push([key, row[1], row[0]])?;
        }
    }
}

/// The triples of this key, of which `next` is the first or none is, into `group`.
fn take_key(sorted: &mut Merged, next: &mut Option<Triple>, key: u64, group: &mut Vec<Triple>) -> Result<()> {
    group.clear();
    while let Some(triple) = next.filter(|triple| triple[0] == key) {
        group.push(triple);
        *next = sorted.next()?;
    }
    Ok(())
}

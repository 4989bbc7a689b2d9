//! Rows of a version by their numbers, wherever they lie: of each file only the pages that hold them are
//! read and decoded.

use crate::{
    admission::Admission,
    companions::by_name,
    problem::storage,
    sizes,
    version::{DataFile, Version},
    workers::Workers,
};
use arrow_array::{ArrayRef, RecordBatch, cast::AsArray};
use futures::{TryStreamExt, future::try_join_all};
use mycorr_domain::{AnswerBudget, Cell, Column, Held, Problem, Result, output};
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ArrowReaderMetadata, RowSelection},
};
use std::{
    borrow::Cow,
    collections::HashMap,
    ops::{ControlFlow, Range},
    sync::Arc,
};

/// What a page decodes at a time.
const BATCH_BYTES: usize = 4 << 20;
/// Rows of a batch where they are small.
const BATCH_ROWS: usize = 1024;

/// The rows `ids` in that order, as many as an answer may hold. `ids` are rows of the version, none of them
/// twice. The answer has `parts` such pages. Rows that lie apart (of a sorted view) are many pages to decode: all workers take part.
pub(crate) async fn rows(
    version: &Arc<Version>,
    columns: &Arc<[Column]>,
    ids: Vec<u64>,
    workers: &Workers,
    memory: &Admission,
    parts: usize,
) -> Result<(Vec<Vec<Cell>>, Held)> {
    if columns.is_empty() {
        return Ok((vec![Vec::new(); ids.len()], None));
    }
    let most = AnswerBudget::BYTES / parts;
    let mut budget = AnswerBudget::new(ids.len() * columns.len()).split(parts);
    let row_bytes = row_bytes(version, columns, &ids).await? + columns.len() * size_of::<Cell>();
    let all_bytes = row_bytes.saturating_mul(ids.len());
    // The page, its encoding, and what is decoded at a time.
    let permit = memory.acquire(2 * all_bytes.min(most) + all_bytes.min(BATCH_BYTES)).await?;
    let held: Held = Some(Arc::new(permit));
    if all_bytes > most || ids.windows(2).all(|pair| pair[0] + 1 == pair[1]) {
        // Where values are large, some rows at a time, as they come.
        let (version, columns) = (version.clone(), columns.clone());
        let rows = async move { large(&version, &columns, &ids, row_bytes, &mut budget).await };
        return Ok((workers.run(rows).await?, held));
    }
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.sort_unstable_by_key(|&at| ids[at]);
    let size = order.len().div_ceil(workers.count());
    let parts = order.chunks(size).map(|part| {
        let (version, columns) = (version.clone(), columns.clone());
        let ids: Vec<u64> = part.iter().map(|&at| ids[at]).collect();
        let mut budget = budget.split(workers.count());
        workers.run(async move { ascending(&version, &columns, &ids, BATCH_ROWS, &mut budget).await })
    });
    let found = try_join_all(parts).await?;
    let mut rows: Vec<Option<Vec<Cell>>> = vec![None; ids.len()];
    for (part, found) in order.chunks(size).zip(found) {
        for (&at, row) in part.iter().zip(found) {
            rows[at] = Some(row);
        }
    }
    Ok((rows.into_iter().map_while(|row| row).collect(), held))
}

/// What a row of these takes when it is decoded, see [`sizes::row_bytes`].
async fn row_bytes(version: &Version, columns: &[Column], ids: &[u64]) -> Result<usize> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    let mut most = 0;
    let mut left = &sorted[..];
    for file in version.files.iter() {
        let (here, rest) = left.split_at(left.partition_point(|&id| id < file.first + file.rows));
        left = rest;
        if here.is_empty() {
            continue;
        }
        let metadata = file.metadata().await?;
        let mut first = file.first;
        let groups = metadata.metadata().row_groups().iter().enumerate().filter(|(_, group)| {
            let start = here.partition_point(|&id| id < first);
            first += group.num_rows() as u64;
            here.get(start).is_some_and(|&id| id < first)
        });
        most = most.max(sizes::row_bytes(&metadata, columns, groups.map(|(at, _)| at)));
    }
    Ok(most)
}

/// The rows `ids` in that order, few at a time, until the budget is spent.
async fn large(
    version: &Version,
    columns: &[Column],
    ids: &[u64],
    row_bytes: usize,
    budget: &mut AnswerBudget,
) -> Result<Vec<Vec<Cell>>> {
    let at_a_time = (BATCH_BYTES / row_bytes.max(1)).clamp(1, BATCH_ROWS);
    let mut rows = Vec::new();
    let mut left = ids;
    while !left.is_empty() && !budget.is_spent() {
        // Rows that lie together are read as one range, however many they are.
        let together = left.windows(2).take_while(|pair| pair[0] + 1 == pair[1]).count() + 1;
        let (now, rest) = left.split_at(together.max(at_a_time).min(left.len()));
        left = rest;
        let mut order: Vec<usize> = (0..now.len()).collect();
        order.sort_unstable_by_key(|&at| now[at]);
        let sorted: Vec<u64> = order.iter().map(|&at| now[at]).collect();
        let found = ascending(version, columns, &sorted, at_a_time, budget).await?;
        let mut placed: Vec<Option<Vec<Cell>>> = vec![None; now.len()];
        for (at, row) in order.into_iter().zip(found) {
            placed[at] = Some(row);
        }
        rows.extend(placed.into_iter().map_while(|row| row));
    }
    Ok(rows)
}

/// The rows `ids`, which ascend, until the budget is spent.
async fn ascending(
    version: &Version,
    columns: &[Column],
    ids: &[u64],
    batch_rows: usize,
    budget: &mut AnswerBudget,
) -> Result<Vec<Vec<Cell>>> {
    let mut rows = Vec::with_capacity(ids.len());
    let mut left = ids;
    for file in version.files.iter() {
        let (here, rest) = left.split_at(left.partition_point(|&id| id < file.first + file.rows));
        left = rest;
        let here: Vec<u64> = here.iter().map(|&id| id - file.first).collect();
        read(file, columns, &here, batch_rows, |batch| {
            let named = by_name(batch);
            let columns: Vec<_> =
                columns.iter().map(|column| Stored::of(&named, column)).collect::<Result<_>>()?;
            for row in 0..batch.num_rows() {
                if budget.is_spent() {
                    return Ok(ControlFlow::Break(()));
                }
                rows.push(columns.iter().map(|column| column.cell(row, budget)).collect());
            }
            Ok(ControlFlow::Continue(()))
        })
        .await?;
    }
    if rows.len() == ids.len() || budget.is_spent() {
        return Ok(rows);
    }
    Err(Problem::bug(format!("{} rows were found where {} were asked for", rows.len(), ids.len())))
}

/// The bytes of one cell, `None` for null.
pub(crate) async fn cell(
    version: &Version,
    columns: &[Column],
    id: u64,
    memory: &Admission,
) -> Result<Option<Vec<u8>>> {
    let _permit = memory.acquire(2 * row_bytes(version, columns, &[id]).await?).await?;
    let file = version.files.iter().find(|file| id >= file.first && id - file.first < file.rows);
    let file = file.ok_or_else(|| Problem::bug(format!("no file has row {id}")))?;
    let mut bytes = None;
    read(file, columns, &[id - file.first], 1, |batch| {
        bytes = Stored::of(&by_name(batch), &columns[0])?.bytes(0).map(Cow::into_owned);
        Ok(ControlFlow::Continue(()))
    })
    .await?;
    Ok(bytes)
}

/// A column of a batch, with its companion if the file has one.
struct Stored<'a> {
    column: &'a Column,
    native: &'a ArrayRef,
    exact: Option<&'a arrow_array::BinaryArray>,
}

impl<'a> Stored<'a> {
    /// `named` is [`by_name`] of the batch.
    fn of(named: &HashMap<&str, &'a ArrayRef>, column: &'a Column) -> Result<Self> {
        let native = named
            .get(column.field.as_str())
            .copied()
            .filter(|native| *native.data_type() == column.stored.arrow())
            .ok_or_else(|| Problem::bug(format!("no file has the column {}", column.field)))?;
        let exact = named.get(column.exact_name().as_str()).map(|exact| exact.as_binary::<i32>());
        Ok(Self { column, native, exact })
    }

    fn cell(&self, row: usize, budget: &mut AnswerBudget) -> Cell {
        output::cell_of(self.column, self.native, self.exact, row, budget)
    }

    fn bytes(&self, row: usize) -> Option<Cow<'a, [u8]>> {
        output::bytes_of(self.column, self.native, self.exact, row)
    }
}

/// Hands over the wanted rows of a file, given by ascending number, batch by batch.
pub(crate) async fn read(
    file: &DataFile,
    columns: &[Column],
    wanted: &[u64],
    batch_rows: usize,
    mut take: impl FnMut(&RecordBatch) -> Result<ControlFlow<()>>,
) -> Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let metadata = file.metadata().await?;
    let mut batches = file
        .open()
        .await?
        .with_projection(projection(&metadata, columns))
        .with_row_selection(RowSelection::from_consecutive_ranges(ranges(wanted), file.rows as usize))
        .with_batch_size(batch_rows)
        .build()
        .map_err(storage)?;
    while let Some(batch) = batches.try_next().await.map_err(storage)? {
        if take(&batch)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// The columns and their companions.
pub(crate) fn projection(metadata: &ArrowReaderMetadata, columns: &[Column]) -> ProjectionMask {
    let names = columns.iter().flat_map(|column| [column.field.clone(), column.exact_name()]);
    let places = names.filter_map(|name| metadata.schema().index_of(&name).ok());
    ProjectionMask::roots(metadata.parquet_schema(), places)
}

/// Ascending numbers as ranges.
fn ranges(numbers: &[u64]) -> std::vec::IntoIter<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for &number in numbers {
        let number = number as usize;
        match ranges.last_mut() {
            Some(last) if last.end == number => last.end += 1,
            _ => ranges.push(number..number + 1),
        }
    }
    ranges.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_ranges() {
        assert_eq!(ranges(&[]).count(), 0);
        assert_eq!(ranges(&[0, 1, 2, 5, 7, 8]).collect::<Vec<_>>(), [0..3, 5..6, 7..9]);
    }
}

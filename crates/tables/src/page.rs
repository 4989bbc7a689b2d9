//! Rows of a version by their numbers, wherever they lie: of each file only the pages that hold them are
//! read and decoded.

use crate::{
    problem::storage,
    version::{DataFile, Version},
    workers::Workers,
};
use arrow_array::{RecordBatch, cast::AsArray};
use futures::{TryStreamExt, future::try_join_all};
use mycorr_domain::{Cell, Column, Problem, Result, output};
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ArrowReaderMetadata, RowSelection},
};
use std::{borrow::Cow, ops::Range, sync::Arc};

/// The rows `ids` in that order. `ids` are rows of the version, none of them twice. Rows that lie apart (of a
/// sorted view) are many pages to decode: all workers take part.
pub(crate) async fn rows(
    version: &Arc<Version>,
    columns: &Arc<[Column]>,
    ids: Vec<u64>,
    workers: &Workers,
) -> Result<Vec<Vec<Cell>>> {
    if columns.is_empty() {
        return Ok(vec![Vec::new(); ids.len()]);
    }
    if ids.windows(2).all(|pair| pair[0] + 1 == pair[1]) {
        return ascending(version, columns, &ids).await;
    }
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.sort_unstable_by_key(|&at| ids[at]);
    let parts = order.chunks(order.len().div_ceil(workers.count())).map(|part| {
        let (version, columns) = (version.clone(), columns.clone());
        let ids: Vec<u64> = part.iter().map(|&at| ids[at]).collect();
        workers.run(async move { ascending(&version, &columns, &ids).await })
    });
    let found = try_join_all(parts).await?.into_iter().flatten();
    let mut rows = vec![Vec::new(); ids.len()];
    for (at, row) in order.into_iter().zip(found) {
        rows[at] = row;
    }
    Ok(rows)
}

/// The rows `ids`, which ascend.
async fn ascending(version: &Version, columns: &[Column], ids: &[u64]) -> Result<Vec<Vec<Cell>>> {
    let mut rows = Vec::with_capacity(ids.len());
    let mut left = ids;
    for file in &version.files {
        let (here, rest) = left.split_at(left.partition_point(|&id| id < file.first + file.rows));
        left = rest;
        let here: Vec<u64> = here.iter().map(|&id| id - file.first).collect();
        read(file, columns, &here, |batch| {
            let columns: Vec<_> =
                columns.iter().map(|column| Stored::of(batch, column)).collect::<Result<_>>()?;
            rows.extend(
                (0..batch.num_rows()).map(|row| columns.iter().map(|column| column.cell(row)).collect()),
            );
            Ok(())
        })
        .await?;
    }
    if rows.len() == ids.len() {
        return Ok(rows);
    }
    Err(Problem::bug(format!("{} rows were found where {} were asked for", rows.len(), ids.len())))
}

/// The bytes of one cell, `None` for null.
pub(crate) async fn cell(version: &Version, column: &Column, id: u64) -> Result<Option<Vec<u8>>> {
    let file = version
        .files
        .iter()
        .find(|file| id >= file.first && id - file.first < file.rows)
        .ok_or_else(|| Problem::invalid("row", format!("This version has {} rows.", version.rows)))?;
    let mut bytes = None;
    read(file, std::slice::from_ref(column), &[id - file.first], |batch| {
        bytes = Stored::of(batch, column)?.bytes(0).map(Cow::into_owned);
        Ok(())
    })
    .await?;
    Ok(bytes)
}

/// A column of a batch, with its companion if the file has one.
struct Stored<'a> {
    column: &'a Column,
    native: &'a arrow_array::ArrayRef,
    exact: Option<&'a arrow_array::BinaryArray>,
}

impl<'a> Stored<'a> {
    fn of(batch: &'a RecordBatch, column: &'a Column) -> Result<Self> {
        let native = batch
            .column_by_name(&column.field)
            .filter(|native| *native.data_type() == column.stored.arrow())
            .ok_or_else(|| Problem::bug(format!("no file has the column {}", column.field)))?;
        let exact = batch.column_by_name(&column.exact_name()).map(|exact| exact.as_binary::<i32>());
        Ok(Self { column, native, exact })
    }

    fn cell(&self, row: usize) -> Cell {
        output::text_of(self.column, self.native, self.exact, row)
    }

    fn bytes(&self, row: usize) -> Option<Cow<'a, [u8]>> {
        output::bytes_of(self.column, self.native, self.exact, row)
    }
}

/// Hands over the wanted rows of a file, given by ascending number, batch by batch.
async fn read(
    file: &DataFile,
    columns: &[Column],
    wanted: &[u64],
    mut take: impl FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let metadata = file.metadata().await?;
    let mut batches = file
        .open()
        .await?
        .with_projection(projection(metadata, columns))
        .with_row_selection(RowSelection::from_consecutive_ranges(ranges(wanted), file.rows as usize))
        .with_batch_size(batch_rows(metadata, columns, 1024))
        .build()
        .map_err(storage)?;
    while let Some(batch) = batches.try_next().await.map_err(storage)? {
        take(&batch)?;
    }
    Ok(())
}

/// The columns and their companions.
pub(crate) fn projection(metadata: &ArrowReaderMetadata, columns: &[Column]) -> ProjectionMask {
    let names = columns.iter().flat_map(|column| [column.field.clone(), column.exact_name()]);
    let places = names.filter_map(|name| metadata.schema().index_of(&name).ok());
    ProjectionMask::roots(metadata.parquet_schema(), places)
}

/// Few rows at a time where their values could be more than one array may hold, 2 GiB.
pub(crate) fn batch_rows(metadata: &ArrowReaderMetadata, columns: &[Column], usual: usize) -> usize {
    const LARGE: i64 = 256 << 20;
    let names: Vec<_> =
        columns.iter().flat_map(|column| [column.field.clone(), column.exact_name()]).collect();
    let large = metadata.metadata().row_groups().iter().flat_map(|group| group.columns()).any(|chunk| {
        chunk.uncompressed_size() > LARGE && names.iter().any(|name| chunk.column_path().string() == *name)
    });
    if large { usual.min(16) } else { usual }
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

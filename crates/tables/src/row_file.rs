//! The rows of a version one after the other in a file on this node's disk, as texts. Rows that lie apart, as those of a
//! sorted view do, take a read each; from the files of columns they take the decoding of a page for each row and column.

use crate::{export::ExportRows, problem::storage, row_numbers::OwnedFile, version::Version};
use futures::TryStreamExt;
use mycorr_domain::{AnswerBudget, Cell, Column, Problem, Result, output};
use std::{
    fs::File,
    io::{BufWriter, Write},
    ops::Range,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
    sync::Arc,
};
use uuid::Uuid;

/// Versions with longer rows are read from the files of their columns.
const MAX_ROW_BYTES: usize = 1 << 20;

/// Complete. Dropping it removes its files.
pub(crate) struct RowFile {
    rows: OwnedFile,
    /// Where each row begins, eight bytes for each, and the end of the last.
    starts: OwnedFile,
    /// What the cells of a row are.
    fields: Vec<String>,
    bytes: u64,
}

fn create(folder: &Path) -> Result<(BufWriter<File>, OwnedFile)> {
    let path = folder.join(format!("{}.cells", Uuid::new_v4()));
    let file = File::options().write(true).create_new(true).mode(0o600).open(&path).map_err(storage)?;
    Ok((BufWriter::new(file), OwnedFile(path)))
}

/// 0 is null, and a text of `n` bytes is `n + 1`: seven bits a byte, the lowest first, the highest bit where more follow.
fn put(out: &mut Vec<u8>, text: Option<&[u8]>) {
    let mut number = text.map_or(0, |text| text.len() + 1);
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
    out.extend_from_slice(text.unwrap_or_default());
}

/// The next cell of a row, which is cut off. `None` at a damaged one.
fn take<'a>(row: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let mut number = 0_usize;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = row.split_first()?;
        *row = rest;
        number |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            let Some(length) = number.checked_sub(1) else { return Some(None) };
            let (text, rest) = row.split_at_checked(length)?;
            *row = rest;
            return Some(Some(text));
        }
    }
    None
}

fn damaged() -> Problem {
    Problem::bug("a file of rows is damaged")
}

impl RowFile {
    /// `None` where it would come to more than `most` bytes, or rows are long.
    pub(crate) async fn build(
        version: Arc<Version>,
        columns: Arc<[Column]>,
        most: u64,
        folder: &Path,
    ) -> Result<Option<Self>> {
        let fields = columns.iter().map(|column| column.field.clone()).collect();
        let ((mut rows, rows_file), (mut starts, starts_file)) = (create(folder)?, create(folder)?);
        let mut at = 0_u64;
        let export = ExportRows::in_arrival(version, &[], columns, &[]).await?;
        let shape = export.shape();
        let mut batches = export.batches();
        let mut line = Vec::new();
        let mut count = 0;
        while let Some(batch) = batches.try_next().await? {
            let columns = shape.columns(&batch);
            for row in 0..batch.num_rows() {
                line.clear();
                for cell in &columns {
                    put(&mut line, output::bytes_of(cell.column, cell.native, cell.exact, row).as_deref());
                }
                starts.write_all(&at.to_le_bytes()).map_err(storage)?;
                rows.write_all(&line).map_err(storage)?;
                at += line.len() as u64;
                count += 1;
                if line.len() > MAX_ROW_BYTES || at + 8 * count > most {
                    return Ok(None);
                }
            }
        }
        starts.write_all(&at.to_le_bytes()).map_err(storage)?;
        rows.flush().map_err(storage)?;
        starts.flush().map_err(storage)?;
        Ok(Some(Self { rows: rows_file, starts: starts_file, fields, bytes: at + 8 * count }))
    }

    /// Of its files.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where these rows lie.
    pub(crate) fn places(&self, ids: &[u64]) -> Result<Vec<Range<u64>>> {
        let starts = File::open(&self.starts.0).map_err(storage)?;
        let place = |&id: &u64| {
            let mut ends = [[0; 8]; 2];
            starts.read_exact_at(ends.as_flattened_mut(), 8 * id).map_err(storage)?;
            let [start, end] = ends.map(u64::from_le_bytes);
            (start <= end).then_some(start..end).ok_or_else(damaged)
        };
        ids.iter().map(place).collect()
    }

    /// The rows at these places, as many as the budget holds.
    pub(crate) fn read(
        &self,
        columns: &[Column],
        places: &[Range<u64>],
        budget: &mut AnswerBudget,
    ) -> Result<Vec<Vec<Cell>>> {
        let file = File::open(&self.rows.0).map_err(storage)?;
        let wanted = columns.iter().map(|column| {
            let known = self.fields.iter().position(|field| *field == column.field);
            known.ok_or_else(|| Problem::bug(format!("no row has the column {}", column.field)))
        });
        let wanted: Vec<usize> = wanted.collect::<Result<_>>()?;
        let mut rows = Vec::with_capacity(places.len());
        let mut bytes = Vec::new();
        for place in places {
            if budget.is_spent() {
                break;
            }
            bytes.resize((place.end - place.start) as usize, 0);
            file.read_exact_at(&mut bytes, place.start).map_err(storage)?;
            let mut left = &bytes[..];
            let cells: Option<Vec<_>> = self.fields.iter().map(|_| take(&mut left)).collect();
            let cells = cells.filter(|_| left.is_empty()).ok_or_else(damaged)?;
            rows.push(wanted.iter().map(|&at| budget.cell(cells[at])).collect());
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cells_come_back(cells: Vec<Option<Vec<u8>>>, long in 0_usize..40_000) {
            let cells = cells.into_iter().chain([Some(vec![7; long]), None, Some(Vec::new())]);
            let cells: Vec<Option<Vec<u8>>> = cells.collect();
            let mut row = Vec::new();
            cells.iter().for_each(|cell| put(&mut row, cell.as_deref()));
            let mut left = &row[..];
            for cell in &cells {
                prop_assert_eq!(take(&mut left), Some(cell.as_deref()));
            }
            prop_assert!(left.is_empty());
            prop_assert_eq!(take(&mut left), None);
        }

        #[test]
        fn damaged_rows_are_no_cells(bytes: Vec<u8>) {
            let mut left = &bytes[..];
            while take(&mut left).is_some() {}
        }
    }
}

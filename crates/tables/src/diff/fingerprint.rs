//! Hashes of rows: equal exactly where the cells print the same text (but for collisions of 64 bits).

use super::sorter::Triple;
use crate::hash::{RowHash, TextHashes};
use arrow_array::{
    Array, ArrayRef, BinaryArray,
    cast::AsArray,
    types::{
        ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type,
        Int64Type, TimestampMicrosecondType,
    },
};
use mycorr_domain::{Column, ColumnType, StoredColumn, output};
use serde::{Deserialize, Serialize};

/// What of a value is hashed. Within one way, equal bytes and equal texts are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Hashed {
    Boolean,
    Integer,
    Float32,
    Float64,
    Decimal { scale: u8 },
    Date,
    Timestamp,
    TimestampTz,
    Text,
}

impl Hashed {
    pub(crate) fn of(column: &Column) -> Self {
        match column.stored {
            ColumnType::Boolean => Self::Boolean,
            ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64 => Self::Integer,
            ColumnType::Float32 => Self::Float32,
            ColumnType::Float64 => Self::Float64,
            ColumnType::Decimal { scale, .. } => Self::Decimal { scale },
            ColumnType::Date => Self::Date,
            ColumnType::Timestamp => Self::Timestamp,
            ColumnType::TimestampTz => Self::TimestampTz,
            ColumnType::Bytea
            | ColumnType::Text
            | ColumnType::Char
            | ColumnType::Uuid
            | ColumnType::Numeric
            | ColumnType::Time
            | ColumnType::TimeTz
            | ColumnType::Interval
            | ColumnType::Other => Self::Text,
        }
    }

    /// For columns of two versions: a value that was retyped and prints the same is equal.
    pub(crate) fn of_both(a: &Column, b: &Column) -> Self {
        if Self::of(a) == Self::of(b) { Self::of(a) } else { Self::Text }
    }
}

/// Rows that are hashed column by column before the next ones: their hashes stay in the processor's cache.
const BLOCK_ROWS: usize = 1024;

/// Adds a column's cells, from the row `first` on, to the hashes of the rows.
fn add(
    hashes: &mut [RowHash],
    (stored, hashed): &(StoredColumn<'_>, Hashed),
    texts: Option<&[u64]>,
    first: usize,
) {
    let StoredColumn { column, native, exact } = *stored;
    let exact = exact.filter(|exact| exact.null_count() < exact.len());
    if *hashed == Hashed::Text {
        if let (Some(values), None) = (native.as_string_opt::<i32>(), exact) {
            let each = Each { hashes, native, exact, first };
            match texts {
                Some(texts) => each.add(|row, hash| hash.word(texts[row])),
                None => each.add(|row, hash| hash.bytes(values.value(row).as_bytes())),
            }
            return;
        }
        for (row, hash) in (first..).zip(hashes) {
            match output::bytes_of(column, native, exact, row) {
                None => hash.null(),
                Some(bytes) => hash.bytes(&bytes),
            }
        }
        return;
    }
    let each = Each { hashes, native, exact, first };
    match column.stored {
        ColumnType::Boolean => {
            let values = native.as_boolean();
            each.add(|row, hash| hash.word(values.value(row).into()));
        }
        ColumnType::Int16 => each.numbers::<Int16Type>(|value, hash| hash.word(i64::from(value) as u64)),
        ColumnType::Int32 => each.numbers::<Int32Type>(|value, hash| hash.word(i64::from(value) as u64)),
        ColumnType::Int64 => each.numbers::<Int64Type>(|value, hash| hash.word(value as u64)),
        // NaN is printed in one way, whatever its bits.
        ColumnType::Float32 => each.numbers::<Float32Type>(|value, hash| {
            hash.word(if value.is_nan() { u32::MAX } else { value.to_bits() }.into());
        }),
        ColumnType::Float64 => each.numbers::<Float64Type>(|value, hash| {
            hash.word(if value.is_nan() { u64::MAX } else { value.to_bits() });
        }),
        ColumnType::Decimal { .. } => each.numbers::<Decimal128Type>(|value, hash| hash.wide(value)),
        ColumnType::Date => each.numbers::<Date32Type>(|value, hash| hash.word(i64::from(value) as u64)),
        ColumnType::Timestamp | ColumnType::TimestampTz => {
            each.numbers::<TimestampMicrosecondType>(|value, hash| hash.word(value as u64));
        }
        ColumnType::Bytea
        | ColumnType::Text
        | ColumnType::Char
        | ColumnType::Uuid
        | ColumnType::Numeric
        | ColumnType::Time
        | ColumnType::TimeTz
        | ColumnType::Interval
        | ColumnType::Other => unreachable!("these are hashed as text"),
    }
}

/// Cells of a column.
struct Each<'a> {
    hashes: &'a mut [RowHash],
    native: &'a ArrayRef,
    /// What the stored type can't hold.
    exact: Option<&'a BinaryArray>,
    first: usize,
}

impl Each<'_> {
    #[inline]
    fn numbers<T: ArrowPrimitiveType>(self, value: impl Fn(T::Native, &mut RowHash)) {
        let values = &self.native.as_primitive::<T>().values()[self.first..];
        if self.native.null_count() == 0 {
            values.iter().zip(self.hashes).for_each(|(number, hash)| value(*number, hash));
        } else {
            let first = self.first;
            self.add(|row, hash| value(values[row - first], hash));
        }
    }

    #[inline]
    fn add(self, value: impl Fn(usize, &mut RowHash)) {
        let nulls = self.native.nulls();
        for (row, hash) in (self.first..).zip(self.hashes) {
            if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                value(row, hash);
            } else {
                match self.exact.filter(|exact| exact.is_valid(row)) {
                    Some(exact) => hash.other(exact.value(row)),
                    None => hash.null(),
                }
            }
        }
    }
}

/// The key's hash, the row's hash and the number of each row; the first is numbered `first`. `key` are places in `columns`;
/// without one the whole row is the key. `texts`
/// are the hashes of the columns' texts, where they are known.
pub(crate) fn fingerprints(
    columns: &[(StoredColumn<'_>, Hashed)],
    texts: &TextHashes,
    key: Option<&[usize]>,
    rows: usize,
    first: u64,
) -> impl Iterator<Item = Triple> {
    let all: Vec<usize> = (0..columns.len()).collect();
    let hashes = |of: &[usize]| {
        let mut hashes = Vec::with_capacity(rows);
        for first in (0..rows).step_by(BLOCK_ROWS) {
            let mut block = [RowHash::EMPTY; BLOCK_ROWS];
            let block = &mut block[..BLOCK_ROWS.min(rows - first)];
            of.iter().for_each(|&at| add(block, &columns[at], texts.column(at), first));
            hashes.extend(block.iter().map(|hash| hash.finish()));
        }
        hashes
    };
    let of_rows = hashes(&all);
    let of_keys = key.map(hashes);
    of_rows.into_iter().enumerate().map(move |(at, row)| {
        let key = of_keys.as_ref().map_or(row, |of_keys: &Vec<u64>| of_keys[at]);
        [key, row, first + at as u64]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Decimal128Array, Int32Array, StringArray};
    use std::sync::Arc;

    #[test]
    fn hashes_are_those_of_the_cells_of_each_row_one_after_the_other() {
        let rows = 600_i32;
        let column = |position, pg_type: &str, stored| Column {
            name: format!("c{position}"),
            position,
            pg_type: pg_type.into(),
            stored,
            nullable: true,
            field: format!("c{position}"),
            tree: None,
        };
        let decimal = ColumnType::Decimal { precision: 12, scale: 2 };
        let described = [
            column(1, "int4", ColumnType::Int32),
            column(2, "text", ColumnType::Text),
            column(3, "numeric", decimal),
        ];
        let value = |row: i32| (row % 7 > 0).then_some(row);
        let natives: [ArrayRef; 3] = [
            Arc::new((0..rows).map(value).collect::<Int32Array>()),
            Arc::new(
                (0..rows)
                    .map(|row| value(row).map(|row| "é".repeat(row as usize % 9)))
                    .collect::<StringArray>(),
            ),
            Arc::new(
                (0..rows).map(|row| value(row).map(|row| i128::from(-row))).collect::<Decimal128Array>(),
            ),
        ];
        let columns: Vec<_> = described
            .iter()
            .zip(&natives)
            .map(|(column, native)| (StoredColumn { column, native, exact: None }, Hashed::of(column)))
            .collect();
        for (row, [key, hash, number]) in
            (0..rows).zip(fingerprints(&columns, &TextHashes::none(), Some(&[1]), rows as usize, 5))
        {
            let text = "é".repeat(row as usize % 9);
            let (mut whole, mut second) = (RowHash::EMPTY, RowHash::EMPTY);
            match value(row) {
                None => {
                    (0..3).for_each(|_| whole.null());
                    second.null();
                }
                Some(row) => {
                    whole.word(i64::from(row) as u64);
                    whole.bytes(text.as_bytes());
                    whole.wide(i128::from(-row));
                    second.bytes(text.as_bytes());
                }
            }
            assert_eq!((key, hash), (second.finish(), whole.finish()), "row {row}");
            assert_eq!(number, 5 + row as u64);
        }
    }
}

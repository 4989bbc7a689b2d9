//! Hashes of rows: equal exactly where the cells print the same text (but for collisions of 64 bits).

use super::sorter::Triple;
use arrow_array::{
    Array, ArrayRef, BinaryArray,
    cast::AsArray,
    types::{
        Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
        TimestampMicrosecondType,
    },
};
use mycorr_domain::{Column, ColumnType, StoredColumn, output};
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

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

const NULL: u8 = 0;
const VALUE: u8 = 1;
/// What the type can't hold, as it was printed.
const EXACT: u8 = 2;

/// Rows that are hashed column by column before the next ones: their hashers stay in the processor's cache.
const BLOCK_ROWS: usize = 256;

fn text(hasher: &mut SipHasher13, kind: u8, bytes: &[u8]) {
    hasher.write_u8(kind);
    hasher.write_u64(bytes.len() as u64);
    hasher.write(bytes);
}

/// Adds a column's cells, from the row `first` on, to the hashes of the rows.
fn add(hashers: &mut [SipHasher13], stored: &StoredColumn<'_>, hashed: Hashed, first: usize) {
    let StoredColumn { column, native, exact } = *stored;
    let exact = exact.filter(|exact| exact.null_count() < exact.len());
    if hashed == Hashed::Text {
        if let (Some(values), None) = (native.as_string_opt::<i32>(), exact) {
            let nulls = values.nulls();
            for (row, hasher) in (first..).zip(hashers) {
                match nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                    true => text(hasher, VALUE, values.value(row).as_bytes()),
                    false => hasher.write_u8(NULL),
                }
            }
            return;
        }
        for (row, hasher) in (first..).zip(hashers) {
            match output::bytes_of(column, native, exact, row) {
                None => hasher.write_u8(NULL),
                Some(bytes) => text(hasher, VALUE, &bytes),
            }
        }
        return;
    }
    let each = Each { hashers, native, exact, first };
    match column.stored {
        ColumnType::Boolean => {
            let values = native.as_boolean();
            each.add(|row, hasher| hasher.write_u8(values.value(row).into()));
        }
        ColumnType::Int16 => {
            let values = native.as_primitive::<Int16Type>();
            each.add(|row, hasher| hasher.write_u64(i64::from(values.value(row)) as u64));
        }
        ColumnType::Int32 => {
            let values = native.as_primitive::<Int32Type>();
            each.add(|row, hasher| hasher.write_u64(i64::from(values.value(row)) as u64));
        }
        ColumnType::Int64 => {
            let values = native.as_primitive::<Int64Type>();
            each.add(|row, hasher| hasher.write_u64(values.value(row) as u64));
        }
        // NaN is printed in one way, whatever its bits.
        ColumnType::Float32 => {
            let values = native.as_primitive::<Float32Type>();
            let bits = |value: f32| if value.is_nan() { u32::MAX } else { value.to_bits() };
            each.add(|row, hasher| hasher.write_u32(bits(values.value(row))));
        }
        ColumnType::Float64 => {
            let values = native.as_primitive::<Float64Type>();
            let bits = |value: f64| if value.is_nan() { u64::MAX } else { value.to_bits() };
            each.add(|row, hasher| hasher.write_u64(bits(values.value(row))));
        }
        ColumnType::Decimal { .. } => {
            let values = native.as_primitive::<Decimal128Type>();
            each.add(|row, hasher| {
                let value = values.value(row) as u128;
                hasher.write_u64(value as u64);
                hasher.write_u64((value >> 64) as u64);
            });
        }
        ColumnType::Date => {
            let values = native.as_primitive::<Date32Type>();
            each.add(|row, hasher| hasher.write_u32(values.value(row) as u32));
        }
        ColumnType::Timestamp | ColumnType::TimestampTz => {
            let values = native.as_primitive::<TimestampMicrosecondType>();
            each.add(|row, hasher| hasher.write_u64(values.value(row) as u64));
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

/// Cells of a column that is hashed by its stored values.
struct Each<'a> {
    hashers: &'a mut [SipHasher13],
    native: &'a ArrayRef,
    exact: Option<&'a BinaryArray>,
    first: usize,
}

impl Each<'_> {
    #[inline]
    fn add(self, value: impl Fn(usize, &mut SipHasher13)) {
        let nulls = self.native.nulls();
        for (row, hasher) in (self.first..).zip(self.hashers) {
            if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                hasher.write_u8(VALUE);
                value(row, hasher);
            } else {
                match self.exact.filter(|exact| exact.is_valid(row)) {
                    Some(exact) => text(hasher, EXACT, exact.value(row)),
                    None => hasher.write_u8(NULL),
                }
            }
        }
    }
}

/// The key's hash, the row's hash and the number of each row; the first is numbered `first`. `key` are places in `columns`;
/// without one the whole row is the key.
pub(crate) fn fingerprints(
    columns: &[(StoredColumn<'_>, Hashed)],
    key: Option<&[usize]>,
    rows: usize,
    first: u64,
) -> impl Iterator<Item = Triple> {
    // The keys of the hash stay what they are: sidecars are kept.
    let hasher = SipHasher13::new_with_keys(0x6d79_636f_7272, 1);
    let all: Vec<usize> = (0..columns.len()).collect();
    let hashes = |of: &[usize]| {
        let mut hashes = Vec::with_capacity(rows);
        for first in (0..rows).step_by(BLOCK_ROWS) {
            let mut block = [hasher; BLOCK_ROWS];
            let block = &mut block[..BLOCK_ROWS.min(rows - first)];
            of.iter().for_each(|&at| add(block, &columns[at].0, columns[at].1, first));
            hashes.extend(block.iter().map(Hasher::finish));
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

    /// What lies in files stays what it is: the hash of the cells' bytes, one after the other.
    #[test]
    fn hashes_are_those_of_the_bytes_of_each_row() {
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
        for (row, [key, hash, number]) in (0..rows).zip(fingerprints(&columns, Some(&[1]), rows as usize, 5))
        {
            let hash_of = |bytes: &[u8]| {
                let mut hasher = SipHasher13::new_with_keys(0x6d79_636f_7272, 1);
                hasher.write(bytes);
                hasher.finish()
            };
            let text = "é".repeat(row as usize % 9);
            let cells: [Vec<u8>; 3] = match value(row) {
                None => [vec![0], vec![0], vec![0]],
                Some(row) => [
                    [&[1][..], &i64::from(row).to_le_bytes()].concat(),
                    [&[1][..], &(text.len() as u64).to_le_bytes(), text.as_bytes()].concat(),
                    [&[1][..], &i128::from(-row).to_le_bytes()].concat(),
                ],
            };
            assert_eq!((key, hash), (hash_of(&cells[1]), hash_of(&cells.concat())), "row {row}");
            assert_eq!(number, 5 + row as u64);
        }
    }
}

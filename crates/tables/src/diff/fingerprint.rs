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

fn text(hasher: &mut SipHasher13, kind: u8, bytes: &[u8]) {
    hasher.write(&[kind]);
    hasher.write(&(bytes.len() as u64).to_le_bytes());
    hasher.write(bytes);
}

/// Adds a column's cells to the hashes of the rows.
fn add(hashers: &mut [SipHasher13], stored: &StoredColumn<'_>, hashed: Hashed) {
    let StoredColumn { column, native, exact } = *stored;
    let exact = exact.filter(|exact| exact.null_count() < exact.len());
    if hashed == Hashed::Text {
        for (row, hasher) in hashers.iter_mut().enumerate() {
            match output::bytes_of(column, native, exact, row) {
                None => hasher.write(&[NULL]),
                Some(bytes) => text(hasher, VALUE, &bytes),
            }
        }
        return;
    }
    fn each<const N: usize>(
        hashers: &mut [SipHasher13],
        native: &ArrayRef,
        exact: Option<&BinaryArray>,
        value: impl Fn(usize) -> [u8; N],
    ) {
        for (row, hasher) in hashers.iter_mut().enumerate() {
            if native.is_valid(row) {
                hasher.write(&[VALUE]);
                hasher.write(&value(row));
            } else {
                match exact.filter(|exact| exact.is_valid(row)) {
                    Some(exact) => text(hasher, EXACT, exact.value(row)),
                    None => hasher.write(&[NULL]),
                }
            }
        }
    }
    match column.stored {
        ColumnType::Boolean => {
            let values = native.as_boolean();
            each(hashers, native, exact, |row| [u8::from(values.value(row))]);
        }
        ColumnType::Int16 => {
            let values = native.as_primitive::<Int16Type>();
            each(hashers, native, exact, |row| i64::from(values.value(row)).to_le_bytes());
        }
        ColumnType::Int32 => {
            let values = native.as_primitive::<Int32Type>();
            each(hashers, native, exact, |row| i64::from(values.value(row)).to_le_bytes());
        }
        ColumnType::Int64 => {
            let values = native.as_primitive::<Int64Type>();
            each(hashers, native, exact, |row| values.value(row).to_le_bytes());
        }
        // NaN is printed in one way, whatever its bits.
        ColumnType::Float32 => {
            let values = native.as_primitive::<Float32Type>();
            let bits = |value: f32| if value.is_nan() { u32::MAX } else { value.to_bits() };
            each(hashers, native, exact, |row| bits(values.value(row)).to_le_bytes());
        }
        ColumnType::Float64 => {
            let values = native.as_primitive::<Float64Type>();
            let bits = |value: f64| if value.is_nan() { u64::MAX } else { value.to_bits() };
            each(hashers, native, exact, |row| bits(values.value(row)).to_le_bytes());
        }
        ColumnType::Decimal { .. } => {
            let values = native.as_primitive::<Decimal128Type>();
            each(hashers, native, exact, |row| values.value(row).to_le_bytes());
        }
        ColumnType::Date => {
            let values = native.as_primitive::<Date32Type>();
            each(hashers, native, exact, |row| values.value(row).to_le_bytes());
        }
        ColumnType::Timestamp | ColumnType::TimestampTz => {
            let values = native.as_primitive::<TimestampMicrosecondType>();
            each(hashers, native, exact, |row| values.value(row).to_le_bytes());
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
    let mut of_rows = vec![hasher; rows];
    columns.iter().for_each(|(column, hashed)| add(&mut of_rows, column, *hashed));
    let of_keys = key.map(|key| {
        let mut of_keys = vec![hasher; rows];
        key.iter().for_each(|&at| add(&mut of_keys, &columns[at].0, columns[at].1));
        of_keys
    });
    of_rows.into_iter().enumerate().map(move |(at, of_row)| {
        let row = of_row.finish();
        let key = of_keys.as_ref().map_or(row, |of_keys| of_keys[at].finish());
        [key, row, first + at as u64]
    })
}

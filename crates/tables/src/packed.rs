//! The keys of several columns and the row's number in one key per row that ascends: so that one comparison
//! decides, and rows that are equal stay in the order of arrival.

use arrow_array::{
    Array, ArrayRef, BinaryArray, Decimal128Array, UInt64Array,
    builder::BinaryBuilder,
    cast::AsArray,
    types::{Decimal128Type, UInt64Type},
};
use arrow_schema::DataType;
use std::sync::Arc;

/// Bits for the row's number: a million million rows.
const ROW: u32 = 40;

/// One number fits beside the row's number into 128 bits.
pub(crate) fn data_type(keys: &[DataType]) -> DataType {
    match keys {
        [DataType::UInt64] => DataType::Decimal128(38, 0),
        _ => DataType::Binary,
    }
}

/// Nulls are above everything; descending turns all of it around.
pub(crate) fn pack(keys: &[ArrayRef], descending: &[bool], rows: &UInt64Array) -> ArrayRef {
    match (keys, descending) {
        ([key], [descending]) if *key.data_type() == DataType::UInt64 => {
            Arc::new(narrow(key.as_primitive(), *descending, rows))
        }
        _ => Arc::new(broad(keys, descending, rows)),
    }
}

fn narrow(keys: &UInt64Array, descending: bool, rows: &UInt64Array) -> Decimal128Array {
    const NULL: u128 = 1 << 64;
    let pack = |(at, row): (usize, &u64)| {
        let key = if keys.is_valid(at) { keys.value(at).into() } else { NULL };
        let key = if descending { NULL - key } else { key };
        (key << ROW | u128::from(*row)) as i128
    };
    let packed = rows.values().iter().enumerate().map(pack);
    Decimal128Array::from_iter_values(packed).with_data_type(data_type(&[DataType::UInt64]))
}

fn broad(keys: &[ArrayRef], descending: &[bool], rows: &UInt64Array) -> BinaryArray {
    let mut packed = BinaryBuilder::with_capacity(rows.len(), rows.len() * 32);
    let mut bytes = Vec::new();
    for (at, row) in rows.values().iter().enumerate() {
        bytes.clear();
        for (keys, descending) in keys.iter().zip(descending) {
            let start = bytes.len();
            append(keys, at, &mut bytes);
            if *descending {
                bytes[start..].iter_mut().for_each(|byte| *byte = !*byte);
            }
        }
        bytes.extend(&row.to_be_bytes()[8 - ROW as usize / 8..]);
        packed.append_value(&bytes);
    }
    packed.finish()
}

fn append(keys: &ArrayRef, at: usize, bytes: &mut Vec<u8>) {
    if keys.is_null(at) {
        return bytes.push(1);
    }
    bytes.push(0);
    if *keys.data_type() == DataType::UInt64 {
        return bytes.extend(keys.as_primitive::<UInt64Type>().value(at).to_be_bytes());
    }
    // An end below every byte, and zero bytes that are told from it.
    let mut rest = keys.as_binary::<i32>().value(at);
    while let Some(zero) = rest.iter().position(|&byte| byte == 0) {
        bytes.extend(&rest[..zero]);
        bytes.extend([0, 1]);
        rest = &rest[zero + 1..];
    }
    bytes.extend(rest);
    bytes.extend([0, 0]);
}

/// One packed key, as bytes in the same order.
pub(crate) fn bytes(packed: &ArrayRef, at: usize) -> Vec<u8> {
    match packed.as_primitive_opt::<Decimal128Type>() {
        // None of them is negative.
        Some(packed) => packed.value(at).to_be_bytes().to_vec(),
        None => packed.as_binary::<i32>().value(at).to_vec(),
    }
}

/// The rows' numbers out of packed keys.
pub(crate) fn rows(packed: &ArrayRef) -> Vec<u64> {
    match packed.as_primitive_opt::<Decimal128Type>() {
        Some(packed) => packed.values().iter().map(|&key| (key as u64) & ((1 << ROW) - 1)).collect(),
        None => packed
            .as_binary::<i32>()
            .iter()
            .flatten()
            .map(|key| {
                let row = &key[key.len() - ROW as usize / 8..];
                row.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
            })
            .collect(),
    }
}

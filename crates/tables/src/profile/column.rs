//! What one column holds. A batch's values are gone through once for each thing that is asked of them, each time in a loop
//! that does nothing else.

use super::{dense::Dense, distinct::Distinct, histogram::Histogram};
use crate::{
    hash::{hash_bytes, hash_word},
    order::SortColumn,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray,
    cast::AsArray,
    types::{
        Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
        TimestampMicrosecondType,
    },
};
use mycorr_domain::{Column, ColumnType, output};
use std::collections::BTreeMap;

/// What the stored types can't hold is rare.
const MAX_OTHERS: usize = 32;
/// A longer value is not kept as an extreme.
const MAX_EXTREME_BYTES: usize = 1024;

/// Least and greatest value so far.
#[derive(Clone, Debug, Default)]
pub(super) enum Extremes {
    #[default]
    None,
    Integers(i128, i128),
    Floats(f64, f64),
    Bytes(Vec<u8>, Vec<u8>),
    /// One of them is too long.
    Unknown,
}

pub(super) struct ColumnBuilder {
    pub(super) column: SortColumn,
    /// Text that sorts by its bytes.
    pub(super) bytewise: bool,
    pub(super) nulls: u64,
    pub(super) values: u64,
    /// Integers, as long as they lie close together: what follows tells nothing of these.
    pub(super) dense: Option<Dense>,
    pub(super) distinct: Distinct,
    pub(super) histogram: Histogram,
    pub(super) extremes: Extremes,
    pub(super) integers: i128,
    pub(super) floats: f64,
    /// What the stored type can't hold; `None` once there are too many.
    pub(super) others: Option<BTreeMap<Vec<u8>, u64>>,
}

/// Equal where PostgreSQL prints the same.
#[inline]
fn hash_float(value: f64) -> u64 {
    hash_word(if value.is_nan() { u64::MAX } else { value.to_bits() })
}

/// The first eight bytes, as a number that sorts as they do.
#[inline]
fn head(bytes: &[u8]) -> u64 {
    match bytes.first_chunk::<8>() {
        Some(head) => u64::from_be_bytes(*head),
        None if bytes.is_empty() => 0,
        None => bytes.iter().fold(0, |head, byte| head << 8 | u64::from(*byte)) << (8 * (8 - bytes.len())),
    }
}

impl ColumnBuilder {
    /// Counts `most` different values exactly, and integers that lie in `places`.
    pub(super) fn new(column: &Column, most: usize, places: usize) -> Self {
        let column = SortColumn::new(column.clone(), true);
        Self {
            bytewise: column.is_bytewise(),
            column,
            nulls: 0,
            values: 0,
            dense: Some(Dense::new(places)),
            distinct: Distinct::new(most),
            histogram: Histogram::default(),
            extremes: Extremes::None,
            integers: 0,
            floats: 0.0,
            others: Some(BTreeMap::new()),
        }
    }

    /// `texts` are the hashes of a column of texts; `numbers` is room for integers.
    pub(super) fn add(
        &mut self,
        native: &ArrayRef,
        exact: Option<&BinaryArray>,
        texts: Option<&[u64]>,
        numbers: &mut Vec<i64>,
    ) {
        let exact = exact.filter(|exact| exact.null_count() < exact.len());
        let others = exact.map_or(0, |exact| exact.len() - exact.null_count());
        self.nulls += (native.null_count() - others) as u64;
        self.values += (native.len() - native.null_count()) as u64;
        for other in exact.into_iter().flatten().flatten() {
            self.add_other(other, 1);
            self.distinct.add(!hash_bytes(other), 1, || String::from_utf8_lossy(other).into_owned());
        }
        if self.dense.as_mut().is_some_and(|dense| !dense.reserve(native.len() as u64)) {
            self.leave_dense();
        }
        match self.column.column.stored {
            ColumnType::Int16 => self.add_integers(native.as_primitive::<Int16Type>(), numbers),
            ColumnType::Int32 => self.add_integers(native.as_primitive::<Int32Type>(), numbers),
            ColumnType::Int64 => self.add_integers(native.as_primitive::<Int64Type>(), numbers),
            ColumnType::Date => self.add_integers(native.as_primitive::<Date32Type>(), numbers),
            ColumnType::Timestamp | ColumnType::TimestampTz => {
                self.add_integers(native.as_primitive::<TimestampMicrosecondType>(), numbers);
            }
            ColumnType::Decimal { .. } => self.add_integers(native.as_primitive::<Decimal128Type>(), numbers),
            ColumnType::Float32 => {
                let values = native.as_primitive::<Float32Type>();
                self.add_floats(values.iter().flatten().map(f64::from), |value| {
                    let mut text = String::new();
                    output::float4(&mut text, value as f32);
                    text
                });
            }
            ColumnType::Float64 => {
                self.add_floats(native.as_primitive::<Float64Type>().iter().flatten(), |value| {
                    let mut text = String::new();
                    output::float8(&mut text, value);
                    text
                });
            }
            ColumnType::Boolean => {
                let (values, all) = (native.as_boolean(), native.len() - native.null_count());
                let trues = values.true_count();
                for (value, rows) in [(true, trues), (false, all - trues)] {
                    if rows > 0 {
                        let text = || if value { "t" } else { "f" }.to_owned();
                        self.distinct.add(hash_word(value.into()), rows as u64, text);
                    }
                }
            }
            ColumnType::Bytea => {
                let values = native.as_binary::<i32>().iter().flatten();
                self.add_bytes(values.map(|value| (value, hash_bytes(value))), |value| {
                    let mut text = String::new();
                    output::bytea(&mut text, value);
                    text
                });
            }
            _ => {
                let values = native.as_string::<i32>();
                let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
                let hashes = texts.unwrap_or_default().iter().copied();
                match values.null_count() {
                    0 => {
                        let (data, ends) = (values.value_data(), values.value_offsets().windows(2));
                        let values = ends.map(|ends| &data[ends[0] as usize..ends[1] as usize]);
                        self.add_bytes(values.zip(hashes), text);
                    }
                    _ => {
                        let values = values.iter().zip(hashes);
                        self.add_bytes(
                            values.filter_map(|(value, hash)| Some((value?.as_bytes(), hash))),
                            text,
                        );
                    }
                }
            }
        }
    }

    #[inline]
    fn add_floats(&mut self, values: impl Iterator<Item = f64> + Clone, print: impl Fn(f64) -> String) {
        let mut extremes = match self.extremes {
            Extremes::Floats(least, most) => Some((least, most)),
            _ => None,
        };
        for value in values.clone() {
            self.floats += value;
            let (least, most) = extremes.get_or_insert((value, value));
            if less(value, *least) {
                *least = value;
            }
            if less(*most, value) {
                *most = value;
            }
        }
        if let Some((least, most)) = extremes {
            self.extremes = Extremes::Floats(least, most);
        }
        self.histogram.extend(values.clone().filter(|value| value.is_finite()));
        self.distinct.extend(values, hash_float, print);
    }

    /// Values and their hashes.
    #[inline]
    fn add_bytes<'a>(
        &mut self,
        values: impl Iterator<Item = (&'a [u8], u64)> + Clone,
        text: impl Fn(&[u8]) -> String,
    ) {
        if self.bytewise {
            self.byte_extremes(values.clone().map(|(value, _)| value));
        }
        self.distinct.extend(values, |(_, hash)| hash, |(value, _)| text(value));
    }

    #[inline]
    fn byte_extremes<'a>(&mut self, values: impl Iterator<Item = &'a [u8]>) {
        let heads = |extremes: &Extremes| match extremes {
            Extremes::Bytes(least, most) => (head(least), head(most)),
            // No value is between them.
            _ => (u64::MAX, 0),
        };
        let (mut least_head, mut most_head) = heads(&self.extremes);
        for value in values {
            let head = head(value);
            if least_head < head && head < most_head {
                continue;
            }
            match &mut self.extremes {
                Extremes::Bytes(least, _) if value < least.as_slice() => *least = value.to_vec(),
                Extremes::Bytes(_, most) if value > most.as_slice() => *most = value.to_vec(),
                Extremes::None => self.extremes = Extremes::Bytes(value.to_vec(), value.to_vec()),
                Extremes::Bytes(..) => continue,
                _ => return,
            }
            if value.len() > MAX_EXTREME_BYTES {
                self.extremes = Extremes::Unknown;
                return;
            }
            (least_head, most_head) = heads(&self.extremes);
        }
    }

    /// Both are counted in the same way afterwards.
    fn append_dense(&mut self, other: &mut Self) {
        if let (Some(mine), Some(theirs)) = (&mut self.dense, &other.dense)
            && mine.append(theirs)
        {
            other.dense = None;
        } else {
            self.leave_dense();
            other.leave_dense();
        }
    }

    #[cold]
    fn add_other(&mut self, text: &[u8], rows: u64) {
        let Some(others) = &mut self.others else { return };
        *others.entry(text.to_vec()).or_default() += rows;
        if others.len() > MAX_OTHERS || text.len() > MAX_EXTREME_BYTES {
            self.others = None;
        }
    }

    /// Values of the same column.
    pub(super) fn append(&mut self, mut other: Self) {
        self.append_dense(&mut other);
        self.nulls += other.nulls;
        self.values += other.values;
        self.distinct.append(other.distinct);
        self.histogram.append(other.histogram);
        self.integers = self.integers.saturating_add(other.integers);
        self.floats += other.floats;
        self.extremes = match (std::mem::take(&mut self.extremes), other.extremes) {
            (one, Extremes::None) | (Extremes::None, one) => one,
            (Extremes::Integers(a, b), Extremes::Integers(c, d)) => Extremes::Integers(a.min(c), b.max(d)),
            (Extremes::Floats(a, b), Extremes::Floats(c, d)) => {
                Extremes::Floats(if less(c, a) { c } else { a }, if less(b, d) { d } else { b })
            }
            (Extremes::Bytes(a, b), Extremes::Bytes(c, d)) => Extremes::Bytes(a.min(c), b.max(d)),
            _ => Extremes::Unknown,
        };
        match other.others {
            Some(others) => others.iter().for_each(|(text, rows)| self.add_other(text, *rows)),
            None => self.others = None,
        }
    }
}

/// PostgreSQL's order of floats: NaN is above everything.
fn less(a: f64, b: f64) -> bool {
    a < b || (b.is_nan() && !a.is_nan())
}

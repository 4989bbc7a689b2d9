//! What the columns of a version hold, collected from every batch while it is written. Memory is bounded, however many
//! columns and values there are.

mod distinct;
mod histogram;

use crate::{numeric::Numeric, order::SortColumn};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, PrimitiveArray, RecordBatch,
    cast::AsArray,
    types::{
        Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
        TimestampMicrosecondType,
    },
};
use distinct::{Distinct, hash_bytes, hash_word};
use histogram::Histogram;
use mycorr_domain::{
    Column, ColumnType, Profile, output,
    profile::{Bar, ColumnProfile, TopValue},
};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Different values that are counted exactly, of all columns and of one.
const MAX_COUNTED: usize = 1 << 16;
const MAX_COUNTED_OF_COLUMN: usize = 1024;
const MIN_COUNTED_OF_COLUMN: usize = 32;
/// What the stored types can't hold is rare.
const MAX_OTHERS: usize = 32;
/// A longer value is not kept as an extreme.
const MAX_EXTREME_BYTES: usize = 1024;

/// Least and greatest value so far.
#[derive(Clone, Debug, Default)]
enum Extremes {
    #[default]
    None,
    Integers(i128, i128),
    Floats(f64, f64),
    Bytes(Vec<u8>, Vec<u8>),
    /// One of them is too long.
    Unknown,
}

struct ColumnBuilder {
    column: SortColumn,
    /// Text that sorts by its bytes.
    bytewise: bool,
    nulls: u64,
    values: u64,
    distinct: Distinct,
    histogram: Histogram,
    extremes: Extremes,
    integers: i128,
    floats: f64,
    /// What the stored type can't hold; `None` once there are too many.
    others: Option<BTreeMap<Vec<u8>, u64>>,
}

/// A [`Profile`] in the making, of a section of a version.
pub(crate) struct ProfileBuilder {
    rows: u64,
    /// What it took so far, of all threads.
    spent: Duration,
    columns: Vec<ColumnBuilder>,
}

impl ProfileBuilder {
    pub(crate) fn new(columns: &[Column]) -> Self {
        let most = (MAX_COUNTED / columns.len().max(1)).clamp(MIN_COUNTED_OF_COLUMN, MAX_COUNTED_OF_COLUMN);
        let builder = |column: &Column| ColumnBuilder {
            column: SortColumn::new(column.clone(), true),
            bytewise: SortColumn::new(column.clone(), true).is_bytewise(),
            nulls: 0,
            values: 0,
            distinct: Distinct::new(most),
            histogram: Histogram::default(),
            extremes: Extremes::None,
            integers: 0,
            floats: 0.0,
            others: Some(BTreeMap::new()),
        };
        Self { rows: 0, spent: Duration::ZERO, columns: columns.iter().map(builder).collect() }
    }

    /// A batch as a writer takes it: the columns, then companions.
    pub(crate) fn add(&mut self, batch: &RecordBatch) {
        let started = Instant::now();
        self.rows += batch.num_rows() as u64;
        for (builder, native) in self.columns.iter_mut().zip(batch.columns()) {
            let exact = batch.column_by_name(&builder.column.column.exact_name());
            builder.add(native, exact.map(|exact| exact.as_binary::<i32>()));
        }
        self.spent += started.elapsed();
    }

    /// Rows of the same version.
    pub(crate) fn append(&mut self, other: Self) {
        self.rows += other.rows;
        self.spent += other.spent;
        for (mine, theirs) in self.columns.iter_mut().zip(other.columns) {
            mine.append(theirs);
        }
    }

    pub(crate) fn finish(self) -> Profile {
        let started = Instant::now();
        let columns = self.columns.into_iter().map(ColumnBuilder::finish).collect();
        let microseconds = (self.spent + started.elapsed()).as_micros() as u64;
        // `bench/profile.mjs` sets it beside the import's time.
        tracing::debug!(rows = self.rows, microseconds, "a profile was made");
        Profile { rows: self.rows, columns }
    }
}

/// What a number is among the numbers of its type.
trait Number: ArrowPrimitiveType {
    fn integer(value: Self::Native) -> i128;
}

macro_rules! number {
    ($($name:ident),+) => {$(
        impl Number for $name {
            fn integer(value: Self::Native) -> i128 {
                i128::from(value)
            }
        }
    )+};
}

number!(Int16Type, Int32Type, Int64Type, Date32Type, TimestampMicrosecondType, Decimal128Type);

impl ColumnBuilder {
    fn add(&mut self, native: &ArrayRef, exact: Option<&BinaryArray>) {
        let exact = exact.filter(|exact| exact.null_count() < exact.len());
        let others = exact.map_or(0, |exact| exact.len() - exact.null_count());
        self.nulls += (native.null_count() - others) as u64;
        self.values += (native.len() - native.null_count()) as u64;
        for other in exact.into_iter().flatten().flatten() {
            self.add_other(other, 1);
            self.distinct.add(!hash_bytes(other), || String::from_utf8_lossy(other).into_owned());
        }
        match self.column.column.stored {
            ColumnType::Int16 => self.integers(native.as_primitive::<Int16Type>()),
            ColumnType::Int32 => self.integers(native.as_primitive::<Int32Type>()),
            ColumnType::Int64 => self.integers(native.as_primitive::<Int64Type>()),
            ColumnType::Date => self.integers(native.as_primitive::<Date32Type>()),
            ColumnType::Timestamp | ColumnType::TimestampTz => {
                self.integers(native.as_primitive::<TimestampMicrosecondType>());
            }
            ColumnType::Decimal { .. } => self.integers(native.as_primitive::<Decimal128Type>()),
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
                for value in native.as_boolean().iter().flatten() {
                    self.distinct.add(hash_word(value.into()), || if value { "t" } else { "f" }.to_owned());
                }
            }
            ColumnType::Bytea => {
                for value in native.as_binary::<i32>().iter().flatten() {
                    self.add_bytes(value, || {
                        let mut text = String::new();
                        output::bytea(&mut text, value);
                        text
                    });
                }
            }
            _ => {
                for value in native.as_string::<i32>().iter().flatten() {
                    self.add_bytes(value.as_bytes(), || value.to_owned());
                }
            }
        }
    }

    fn integers<T: Number>(&mut self, values: &PrimitiveArray<T>) {
        let stored = self.column.column.stored;
        let (mut least, mut most) = match self.extremes {
            Extremes::Integers(least, most) => (least, most),
            _ => (i128::MAX, i128::MIN),
        };
        for value in values.iter().flatten() {
            let value = T::integer(value);
            (least, most) = (least.min(value), most.max(value));
            self.integers = self.integers.saturating_add(value);
            let word =
                value as u64 ^ ((value >> 64) as u64).wrapping_add((value >> 63) as u64).rotate_left(17);
            self.distinct.add(hash_word(word), || printed(stored, value));
            if let Ok(value) = i64::try_from(value) {
                self.histogram.add(value);
            }
        }
        if least <= most {
            self.extremes = Extremes::Integers(least, most);
        }
    }

    fn add_floats(&mut self, values: impl Iterator<Item = f64>, print: impl Fn(f64) -> String) {
        for value in values {
            self.distinct
                .add(hash_word(if value.is_nan() { u64::MAX } else { value.to_bits() }), || print(value));
            self.floats += value;
            self.extremes = match self.extremes {
                Extremes::Floats(least, most) => Extremes::Floats(
                    if less(value, least) { value } else { least },
                    if less(most, value) { value } else { most },
                ),
                _ => Extremes::Floats(value, value),
            };
            if value.is_finite() {
                self.histogram.add(value);
            }
        }
    }

    fn add_bytes(&mut self, value: &[u8], text: impl FnOnce() -> String) {
        self.distinct.add(hash_bytes(value), text);
        if !self.bytewise {
            return;
        }
        match &mut self.extremes {
            Extremes::Bytes(least, most) => {
                if value < least.as_slice() {
                    *least = value.to_vec();
                } else if value > most.as_slice() {
                    *most = value.to_vec();
                } else {
                    return;
                }
            }
            Extremes::None => self.extremes = Extremes::Bytes(value.to_vec(), value.to_vec()),
            _ => return,
        }
        if value.len() > MAX_EXTREME_BYTES {
            self.extremes = Extremes::Unknown;
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

    fn append(&mut self, other: Self) {
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

    fn finish(self) -> ColumnProfile {
        let (distinct, distinct_is_exact) = self.distinct.count();
        let (min, max) = self.extremes().unzip();
        let top = self.distinct.top().into_iter();
        ColumnProfile {
            nulls: self.nulls,
            distinct,
            distinct_is_exact,
            min,
            max,
            mean: self.mean(),
            histogram: self.bars(),
            top: top.map(|(value, rows)| TopValue { value: value.to_owned(), rows }).collect(),
        }
    }

    /// Least and greatest, of all values that there are.
    fn extremes(&self) -> Option<(String, String)> {
        let stored = self.column.column.stored;
        let mut texts: Vec<String> = match &self.extremes {
            Extremes::Integers(least, most) => vec![printed(stored, *least), printed(stored, *most)],
            Extremes::Floats(least, most) => [least, most].map(|value| self.float(*value)).into(),
            Extremes::Bytes(least, most) => [least, most].map(|value| self.text(value)).into(),
            Extremes::Unknown => return None,
            // Where the order takes more than a look at the bytes, only few values are put in order.
            Extremes::None if self.values > 0 => {
                self.distinct.texts()?.into_iter().map(str::to_owned).collect()
            }
            Extremes::None => Vec::new(),
        };
        for other in self.others.as_ref()?.keys() {
            texts.push(String::from_utf8(other.clone()).ok()?);
        }
        let mut keyed = Vec::with_capacity(texts.len());
        for text in texts {
            keyed.push((self.key(&text)?, text));
        }
        let least = keyed.iter().min()?.1.clone();
        Some((least, keyed.into_iter().max()?.1))
    }

    fn key(&self, text: &str) -> Option<crate::order::Key> {
        match self.column.column.stored {
            ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64 | ColumnType::Decimal { .. } => {
                let mut key = Vec::new();
                Numeric::parse(text)?.key(&mut key);
                Some(crate::order::Key::Bytes(key))
            }
            _ => self.column.key_of(text),
        }
    }

    fn float(&self, value: f64) -> String {
        let mut text = String::new();
        match self.column.column.stored {
            ColumnType::Float32 => output::float4(&mut text, value as f32),
            _ => output::float8(&mut text, value),
        }
        text
    }

    fn text(&self, value: &[u8]) -> String {
        match self.column.column.stored {
            ColumnType::Bytea => {
                let mut text = String::new();
                output::bytea(&mut text, value);
                text
            }
            _ => String::from_utf8_lossy(value).into_owned(),
        }
    }

    fn mean(&self) -> Option<f64> {
        if self.values == 0 || self.others.as_ref().is_none_or(|others| !others.is_empty()) {
            return None;
        }
        let count = self.values as f64;
        let mean = match self.column.column.stored {
            ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64 => self.integers as f64 / count,
            ColumnType::Decimal { scale, .. } => self.integers as f64 / 10_f64.powi(scale.into()) / count,
            ColumnType::Float32 | ColumnType::Float64 => self.floats / count,
            _ => return None,
        };
        mean.is_finite().then_some(mean)
    }

    fn bars(&self) -> Vec<Bar> {
        let stored = self.column.column.stored;
        let (exponent, bars) = self.histogram.bars();
        let edge = |bin: i64| match stored {
            ColumnType::Float32 => {
                // The edge is perhaps no number of the type: the next one above it parts its numbers at the same place.
                let edge = bin as f64 * f64::from(exponent).exp2();
                let near = edge as f32;
                self.float(if f64::from(near) < edge { near.next_up() } else { near }.into())
            }
            ColumnType::Float64 => self.float(bin as f64 * f64::from(exponent).exp2()),
            _ => printed(stored, i128::from(bin) << exponent.clamp(0, 64)),
        };
        bars.into_iter().map(|(from, to, rows)| Bar { from: edge(from), to: edge(to), rows }).collect()
    }
}

/// PostgreSQL's order of floats: NaN is above everything.
fn less(a: f64, b: f64) -> bool {
    a < b || (b.is_nan() && !a.is_nan())
}

/// A value of a type that is stored as an integer, or an edge between two of them.
fn printed(stored: ColumnType, value: i128) -> String {
    let mut text = String::new();
    let word = i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX });
    match stored {
        ColumnType::Decimal { scale, .. } => output::decimal(&mut text, value, scale),
        ColumnType::Date => {
            let days = i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX });
            output::date(&mut text, days);
        }
        ColumnType::Timestamp => output::timestamp(&mut text, word),
        ColumnType::TimestampTz => output::timestamptz(&mut text, word),
        // The edge above the greatest of them is beyond 64 bits.
        _ => output::decimal(&mut text, value, 0),
    }
    text
}

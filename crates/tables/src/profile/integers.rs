//! Columns of integers, and of what is stored as such: all values of a batch are widened to 64 bits first, and then gone
//! through by loops that are short enough for the processor to do several values at once.

use super::{
    column::{ColumnBuilder, Extremes},
    told::printed,
};
use crate::hash::hash_word;
use arrow_array::{
    Array, ArrowPrimitiveType, PrimitiveArray,
    types::{Date32Type, Decimal128Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType},
};

/// A type whose values are integers.
pub(super) trait Number: ArrowPrimitiveType {
    fn wide(value: Self::Native) -> i128;
    /// The lowest 64 bits.
    fn narrow(value: Self::Native) -> i64;
    fn is_narrow(value: Self::Native) -> bool;
}

macro_rules! number {
    ($($name:ident),+) => {$(
        impl Number for $name {
            #[inline]
            fn wide(value: Self::Native) -> i128 {
                value.into()
            }

            #[inline]
            fn narrow(value: Self::Native) -> i64 {
                value as i64
            }

            #[inline]
            fn is_narrow(value: Self::Native) -> bool {
                (Self::wide(value) >> 64) as i64 == value as i64 >> 63
            }
        }
    )+};
}

number!(Int16Type, Int32Type, Int64Type, Date32Type, TimestampMicrosecondType, Decimal128Type);

#[inline]
fn hash_narrow(value: i64) -> u64 {
    hash_word(value as u64)
}

/// The same of a value that fits.
#[inline]
fn hash_integer(value: i128) -> u64 {
    match i64::try_from(value) {
        Ok(value) => hash_narrow(value),
        Err(_) => hash_word(value as u64 ^ hash_word((value >> 64) as u64)),
    }
}

fn sum(values: &[i64], furthest: u64) -> i128 {
    // None of the sums on the way leaves 64 bits.
    if furthest.saturating_mul(values.len() as u64) <= i64::MAX as u64 {
        return values.iter().fold(0_i64, |sum, value| sum.wrapping_add(*value)).into();
    }
    values.iter().copied().map(i128::from).sum()
}

impl ColumnBuilder {
    /// `numbers` is room for them.
    pub(super) fn add_integers<T: Number>(&mut self, values: &PrimitiveArray<T>, numbers: &mut Vec<i64>) {
        match values.null_count() {
            0 => self.add_values::<T>(values.values().iter().copied(), numbers),
            _ => self.add_values::<T>(values.iter().flatten(), numbers),
        }
    }

    #[inline]
    fn add_values<T: Number>(
        &mut self,
        mut values: impl Iterator<Item = T::Native> + Clone,
        numbers: &mut Vec<i64>,
    ) {
        numbers.clear();
        let mut first = None;
        if let Some(dense) = &mut self.dense {
            first = dense.extend::<T>(&mut values);
            if first.is_none() {
                return;
            }
            self.leave_dense();
        }
        let mut all_narrow = true;
        let mut narrow = |value| {
            all_narrow &= T::is_narrow(value);
            T::narrow(value)
        };
        let rest = values.clone();
        numbers.extend(first.map(&mut narrow));
        numbers.extend(values.map(narrow));
        if all_narrow {
            self.add_narrow(numbers)
        } else {
            self.add_wide(first.into_iter().chain(rest).map(T::wide))
        }
    }

    /// Integers that don't lie close together are counted like all others.
    pub(super) fn leave_dense(&mut self) {
        let Some(dense) = self.dense.take() else { return };
        let stored = self.column.column.stored;
        for (value, rows) in dense.counted() {
            let rows = u64::from(rows);
            self.widen(value.into(), value.into());
            self.integers = self.integers.saturating_add(i128::from(value) * i128::from(rows));
            self.distinct.add(hash_narrow(value), rows, || printed(stored, value.into()));
            self.histogram.add(value, rows);
        }
    }

    fn add_narrow(&mut self, values: &[i64]) {
        let around = |(least, most): (i64, i64), value: &i64| (least.min(*value), most.max(*value));
        let (least, most) = values.iter().fold((i64::MAX, i64::MIN), around);
        if values.is_empty() {
            return;
        }
        self.widen(least.into(), most.into());
        let sum = sum(values, least.unsigned_abs().max(most.unsigned_abs()));
        self.integers = self.integers.saturating_add(sum);
        let stored = self.column.column.stored;
        self.distinct.extend(values.iter().copied(), hash_narrow, |value| printed(stored, value.into()));
        self.histogram.extend_within(values, least, most);
    }

    /// Values some of which don't fit into 64 bits: these are in no bar.
    fn add_wide(&mut self, values: impl Iterator<Item = i128> + Clone) {
        for value in values.clone() {
            self.widen(value, value);
            self.integers = self.integers.saturating_add(value);
        }
        let stored = self.column.column.stored;
        self.distinct.extend(values.clone(), hash_integer, |value| printed(stored, value));
        self.histogram.extend(values.filter_map(|value| i64::try_from(value).ok()));
    }

    fn widen(&mut self, least: i128, most: i128) {
        self.extremes = match self.extremes {
            Extremes::Integers(a, b) => Extremes::Integers(a.min(least), b.max(most)),
            _ => Extremes::Integers(least, most),
        };
    }
}

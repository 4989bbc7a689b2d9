//! Columns of integers, and of what is stored as such: all values of a batch are widened to 64 bits first, and then gone
//! through by loops that are short enough for the processor to do several values at once.

use super::{
    column::{ColumnBuilder, Extremes},
    distinct::hash_word,
    told::printed,
};
use arrow_array::{
    Array, ArrowPrimitiveType, PrimitiveArray,
    types::{Date32Type, Decimal128Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType},
};
use std::iter;

/// Values of a batch that lie so close together are counted by their place among them.
const MAX_DENSE: usize = 8192;

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
                Self::wide(value) == i128::from(value as i64)
            }
        }
    )+};
}

number!(Int16Type, Int32Type, Int64Type, Date32Type, TimestampMicrosecondType, Decimal128Type);

#[inline]
fn hash_integer(value: i128) -> u64 {
    hash_word(value as u64 ^ ((value >> 64) as u64).wrapping_add((value >> 63) as u64).rotate_left(17))
}

/// The same of a value that fits.
#[inline]
fn hash_narrow(value: i64) -> u64 {
    hash_integer(value.into())
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
        let mut all_narrow = true;
        numbers.clear();
        let narrow = |value| {
            all_narrow &= T::is_narrow(value);
            T::narrow(value)
        };
        match values.null_count() {
            0 => numbers.extend(values.values().iter().copied().map(narrow)),
            _ => numbers.extend(values.iter().flatten().map(narrow)),
        }
        if all_narrow {
            self.add_narrow(numbers)
        } else {
            self.add_wide(values.iter().flatten().map(T::wide))
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
        let print = |value: i64| printed(stored, value.into());
        if most.abs_diff(least) < MAX_DENSE.min(values.len()) as u64 {
            let mut rows = [0_u32; MAX_DENSE];
            values.iter().for_each(|value| rows[(value - least) as usize % MAX_DENSE] += 1);
            let counted = (least..=most).zip(&rows).filter(|(_, rows)| **rows > 0);
            let counted = counted.map(|(value, rows)| (value, u64::from(*rows)));
            self.distinct.extend(counted.clone(), hash_narrow, print);
            self.histogram.extend(counted);
        } else {
            let values = values.iter().copied().zip(iter::repeat(1));
            self.distinct.extend(values.clone(), hash_narrow, print);
            self.histogram.extend(values);
        }
    }

    /// Values some of which don't fit into 64 bits: these are in no bar.
    fn add_wide(&mut self, values: impl Iterator<Item = i128> + Clone) {
        for value in values.clone() {
            self.widen(value, value);
            self.integers = self.integers.saturating_add(value);
        }
        let stored = self.column.column.stored;
        let counted = values.clone().zip(iter::repeat(1));
        self.distinct.extend(counted, hash_integer, |value| printed(stored, value));
        self.histogram.extend(values.filter_map(|value| Some((i64::try_from(value).ok()?, 1))));
    }

    fn widen(&mut self, least: i128, most: i128) {
        self.extremes = match self.extremes {
            Extremes::Integers(a, b) => Extremes::Integers(a.min(least), b.max(most)),
            _ => Extremes::Integers(least, most),
        };
    }
}

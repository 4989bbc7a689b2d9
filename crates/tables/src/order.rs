//! PostgreSQL's order of a column's values as keys that a machine compares: unsigned numbers where 64 bits
//! are enough, else bytes. Null has no key.
//!
//! Booleans sort false first; in floats -0 is 0 and NaN is above everything, as in `numeric`; infinite dates and times
//! are the extremes. Of what is stored as text and is no number or date, `sort_key` knows the order.

use crate::{
    datetime_key,
    numeric::Numeric,
    sort_key::{self, SortKey},
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, UInt64Array,
    builder::BinaryBuilder,
    cast::AsArray,
    types::{
        ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type,
        Int64Type, TimestampMicrosecondType,
    },
};
use arrow_schema::DataType;
use mycorr_domain::{Column, ColumnType};
use std::sync::Arc;

/// A column as some version stores it.
#[derive(Clone, Debug)]
pub(crate) struct SortColumn {
    pub(crate) column: Column,
    /// Whether any file of the version has the column's companion.
    pub(crate) companion: bool,
    key: Arc<SortKey>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Number(u64),
    Bytes(Vec<u8>),
}

/// Text of a type that cannot be read as its type says sorts above everything: shown, never refused.
const UNREADABLE: u8 = 0xff;

impl SortColumn {
    pub(crate) fn new(column: Column, companion: bool) -> Self {
        let key = Arc::new(SortKey::of(&column));
        Self { column, companion, key }
    }

    /// Whether values sort as the bytes that are stored.
    pub(crate) fn is_bytewise(&self) -> bool {
        match self.column.stored {
            ColumnType::Uuid | ColumnType::Bytea => true,
            ColumnType::Text | ColumnType::Other => self.key.is_text(),
            _ => false,
        }
    }

    /// A value of the column's type as it is written, of the types that `sort_key` knows.
    pub(crate) fn example(&self) -> std::borrow::Cow<'static, str> {
        self.key.example()
    }

    /// `UInt64` or `Binary`.
    pub(crate) fn key_type(&self) -> DataType {
        use ColumnType::*;
        match self.column.stored {
            Boolean | Int16 | Int32 | Int64 | Float32 | Float64 | Date | Time | TimeTz => DataType::UInt64,
            // The companion's values lie beyond the 64 bits.
            Timestamp | TimestampTz if !self.companion => DataType::UInt64,
            Decimal { precision: ..=18, .. } if !self.companion => DataType::UInt64,
            Timestamp | TimestampTz | Decimal { .. } => DataType::Binary,
            Other if self.key.is_number() => DataType::UInt64,
            Bytea | Text | Char | Uuid | Numeric | Interval | Other => DataType::Binary,
        }
    }

    /// The keys of a batch: of the stored values, and of what the companion holds in their place.
    pub(crate) fn keys(&self, native: &ArrayRef, exact: Option<&BinaryArray>) -> ArrayRef {
        let exact = exact.filter(|exact| exact.null_count() < exact.len());
        match self.key_type() {
            DataType::UInt64 => {
                let numbers = self.numbers(native);
                Arc::new(match exact {
                    None => numbers,
                    Some(exact) => (0..numbers.len())
                        .map(|row| match exact.is_valid(row) {
                            true => Some(self.number_of(exact.value(row)).unwrap_or(u64::MAX)),
                            false => numbers.is_valid(row).then(|| numbers.value(row)),
                        })
                        .collect(),
                })
            }
            _ => Arc::new(self.bytes(native, exact)),
        }
    }

    fn numbers(&self, native: &ArrayRef) -> UInt64Array {
        fn map<T: ArrowPrimitiveType>(native: &ArrayRef, key: impl Fn(T::Native) -> u64) -> UInt64Array {
            native.as_primitive::<T>().unary(key)
        }
        match self.column.stored {
            ColumnType::Boolean => native.as_boolean().iter().map(|value| value.map(u64::from)).collect(),
            ColumnType::Int16 => map::<Int16Type>(native, |value| signed(value.into())),
            ColumnType::Int32 => map::<Int32Type>(native, |value| signed(value.into())),
            ColumnType::Int64 => map::<Int64Type>(native, signed),
            ColumnType::Float32 => map::<Float32Type>(native, |value| float(value.into())),
            ColumnType::Float64 => map::<Float64Type>(native, float),
            ColumnType::Date => map::<Date32Type>(native, |value| signed(value.into())),
            ColumnType::Timestamp | ColumnType::TimestampTz => {
                map::<TimestampMicrosecondType>(native, signed)
            }
            ColumnType::Decimal { .. } => map::<Decimal128Type>(native, |value| signed(value as i64)),
            _ => native
                .as_string::<i32>()
                .iter()
                .map(|text| text.map(|text| self.number_of(text.as_bytes()).unwrap_or(u64::MAX)))
                .collect(),
        }
    }

    fn bytes(&self, native: &ArrayRef, exact: Option<&BinaryArray>) -> BinaryArray {
        let as_they_are = match self.column.stored {
            ColumnType::Bytea => Some(native.as_binary::<i32>().clone()),
            ColumnType::Uuid => Some(BinaryArray::from(native.as_string::<i32>().clone())),
            ColumnType::Text | ColumnType::Other if self.key.is_text() => {
                Some(BinaryArray::from(native.as_string::<i32>().clone()))
            }
            _ => None,
        };
        if let (Some(keys), None) = (&as_they_are, exact) {
            return keys.clone();
        }
        let mut keys = BinaryBuilder::with_capacity(native.len(), native.len() * 16);
        let mut key = Vec::new();
        for row in 0..native.len() {
            key.clear();
            if let Some(exact) = exact.filter(|exact| exact.is_valid(row)) {
                self.bytes_of(exact.value(row), &mut key);
            } else if native.is_null(row) {
                keys.append_null();
                continue;
            } else {
                match self.column.stored {
                    ColumnType::Timestamp | ColumnType::TimestampTz => {
                        let micros = native.as_primitive::<TimestampMicrosecondType>().value(row);
                        key.extend(wide(micros.into()));
                    }
                    ColumnType::Decimal { .. } => {
                        key.extend(wide(native.as_primitive::<Decimal128Type>().value(row)));
                    }
                    _ => match &as_they_are {
                        Some(bytes) => key.extend(bytes.value(row)),
                        None => self.bytes_of(native.as_string::<i32>().value(row).as_bytes(), &mut key),
                    },
                }
            }
            keys.append_value(&key);
        }
        keys.finish()
    }

    /// The key of a value given as text, as PostgreSQL prints it or a person writes it. None if it is not of
    /// the column's type.
    pub(crate) fn key_of(&self, text: &str) -> Option<Key> {
        match self.key_type() {
            DataType::UInt64 => self.number_of(text.as_bytes()).map(Key::Number),
            _ => {
                let mut key = Vec::new();
                self.try_bytes_of(text.as_bytes(), &mut key).map(|()| Key::Bytes(key))
            }
        }
    }

    fn number_of(&self, text: &[u8]) -> Option<u64> {
        if self.column.stored == ColumnType::Other {
            return self.key.number(text);
        }
        let text = std::str::from_utf8(text).ok()?;
        match self.column.stored {
            ColumnType::Boolean => boolean(text).map(u64::from),
            ColumnType::Float32 => parse_float::<f32>(text).map(|value| float(value.into())),
            ColumnType::Float64 => parse_float(text).map(float),
            ColumnType::Date => datetime_key::date(text).map(signed),
            ColumnType::Timestamp | ColumnType::TimestampTz => {
                let micros = self.timestamp(text)?;
                // Values beyond the 64 bits are beyond all that are stored.
                Some(signed(micros.clamp(i64::MIN.into(), i64::MAX.into()) as i64))
            }
            ColumnType::Time => datetime_key::time(text).map(signed),
            ColumnType::TimeTz => datetime_key::timetz(text).map(signed),
            _ => None,
        }
    }

    fn timestamp(&self, text: &str) -> Option<i128> {
        datetime_key::timestamp(text, self.column.stored == ColumnType::TimestampTz)
    }

    fn bytes_of(&self, text: &[u8], key: &mut Vec<u8>) {
        if self.try_bytes_of(text, key).is_none() {
            key.clear();
            key.push(UNREADABLE);
            key.extend(text);
        }
    }

    fn try_bytes_of(&self, bytes: &[u8], key: &mut Vec<u8>) -> Option<()> {
        let text = std::str::from_utf8(bytes);
        match self.column.stored {
            ColumnType::Timestamp | ColumnType::TimestampTz => key.extend(wide(self.timestamp(text.ok()?)?)),
            ColumnType::Interval => key.extend(wide(datetime_key::interval(text.ok()?)?)),
            ColumnType::Numeric => Numeric::parse(text.ok()?)?.key(key),
            ColumnType::Decimal { scale, .. } => match Numeric::parse(text.ok()?)? {
                Numeric::NegativeInfinity => key.extend(wide(i128::MIN)),
                Numeric::Infinity => key.extend(wide(i128::MAX - 1)),
                Numeric::NaN => key.extend(wide(i128::MAX)),
                Numeric::Finite(number) => key.extend(wide(number.floor(scale)?.0)),
            },
            ColumnType::Bytea => key.extend(hex::decode(text.ok()?.strip_prefix("\\x")?).ok()?),
            ColumnType::Uuid => key.extend(sort_key::uuid(text.ok()?)?.to_string().bytes()),
            ColumnType::Text | ColumnType::Char | ColumnType::Other if !self.key.is_text() => {
                self.key.write(text.ok()?, key)?;
            }
            _ => key.extend(bytes),
        }
        Some(())
    }
}

pub(crate) fn signed(value: i64) -> u64 {
    (value as u64) ^ (1 << 63)
}

pub(crate) fn wide(value: i128) -> [u8; 16] {
    ((value as u128) ^ (1 << 127)).to_be_bytes()
}

pub(crate) fn float(value: f64) -> u64 {
    if value.is_nan() {
        return u64::MAX;
    }
    // Adding 0 makes 0 of -0.
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// `Infinity`, `NaN` and numbers; one that is too large is refused, as PostgreSQL does.
pub(crate) fn parse_float<F: std::str::FromStr + Into<f64> + Copy>(text: &str) -> Option<F> {
    let text = text.trim();
    let value: F = text.parse().ok()?;
    let infinite =
        text.trim_start_matches(['+', '-']).get(..3).is_some_and(|s| s.eq_ignore_ascii_case("inf"));
    (infinite || !value.into().is_infinite()).then_some(value)
}

/// As PostgreSQL's `boolin`, but no abbreviations other than the first letter.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "on" | "1" => Some(true),
        "f" | "false" | "n" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

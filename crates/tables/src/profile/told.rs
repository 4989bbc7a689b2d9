//! What is told of a column once all of its values have passed by.

use super::column::{ColumnBuilder, Extremes};
use crate::numeric::Numeric;
use mycorr_domain::{
    ColumnType, output,
    profile::{Bar, ColumnProfile, TopValue},
};

impl ColumnBuilder {
    pub(super) fn finish(mut self) -> ColumnProfile {
        if self.dense.is_some() {
            self.distinct.count_all();
        }
        self.leave_dense();
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

/// A value of a type that is stored as an integer, or an edge between two of them.
pub(super) fn printed(stored: ColumnType, value: i128) -> String {
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

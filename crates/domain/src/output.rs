//! What PostgreSQL's output functions print for the values that are stored natively, under `TimeZone` UTC,
//! `DateStyle` ISO, `bytea_output` hex and `extra_float_digits` 1 (PostgreSQL, "Client Connection Defaults").
//! Every function appends; none can fail.

mod float;

use crate::{
    cell::{AnswerBudget, Cell},
    column::{Column, ColumnType},
};
use arrow_array::{
    Array, ArrayRef, BinaryArray,
    cast::AsArray,
    types::{
        Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
        TimestampMicrosecondType,
    },
};
use std::{borrow::Cow, fmt::Write};

pub use float::{float4, float8};

pub fn boolean(out: &mut String, value: bool) {
    out.push(if value { 't' } else { 'f' });
}

pub fn integer(out: &mut String, value: i64) {
    if value < 0 {
        out.push('-');
    }
    padded(out, value.unsigned_abs(), 1);
}

/// A number with at least `width` digits, at most 20: several times as fast as `write!`, and exports write millions.
fn padded(out: &mut String, mut value: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while value > 0 {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    let shown = &digits[at.min(digits.len() - width)..];
    out.push_str(std::str::from_utf8(shown).expect("digits are ASCII"));
}

/// `numeric` with exactly `scale` digits after the point: `unscaled` · 10^-`scale`.
pub fn decimal(out: &mut String, unscaled: i128, scale: u8) {
    if unscaled < 0 {
        out.push('-');
    }
    let scale = usize::from(scale);
    let magnitude = unscaled.unsigned_abs();
    if let (Ok(small), 0..=18) = (u64::try_from(magnitude), scale) {
        let unit = 10_u64.pow(scale as u32);
        padded(out, small / unit, 1);
        if scale > 0 {
            out.push('.');
            padded(out, small % unit, scale);
        }
        return;
    }
    let digits = format!("{:0width$}", magnitude, width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    out.push_str(whole);
    if scale > 0 {
        out.push('.');
        out.push_str(fraction);
    }
}

/// `date`, in days since 1970-01-01.
pub fn date(out: &mut String, days: i32) {
    if calendar_day(out, i64::from(days)) {
        out.push_str(" BC");
    }
}

/// `timestamp without time zone`, in microseconds since 1970-01-01.
pub fn timestamp(out: &mut String, micros: i64) {
    if day_and_time(out, micros) {
        out.push_str(" BC");
    }
}

/// `timestamp with time zone`, in microseconds since 1970-01-01 00:00 UTC.
pub fn timestamptz(out: &mut String, micros: i64) {
    let before_christ = day_and_time(out, micros);
    out.push_str("+00");
    if before_christ {
        out.push_str(" BC");
    }
}

pub fn bytea(out: &mut String, bytes: &[u8]) {
    out.push_str("\\x");
    let start = out.len();
    out.extend(std::iter::repeat_n('0', 2 * bytes.len()));
    let mut text = std::mem::take(out).into_bytes();
    hex::encode_to_slice(bytes, &mut text[start..]).expect("two digits per byte were made room for");
    *out = String::from_utf8(text).expect("hexadecimal digits are ASCII");
}

/// Appends the year, month and day, and tells whether it is BC.
fn calendar_day(out: &mut String, days: i64) -> bool {
    let (year, month, day) = civil_from_days(days);
    // There is no year 0: 1 BC is the year before 1.
    let before_christ = year <= 0;
    let shown = if before_christ { 1 - year } else { year };
    padded(out, shown.unsigned_abs(), 4);
    out.push('-');
    padded(out, month.unsigned_abs(), 2);
    out.push('-');
    padded(out, day.unsigned_abs(), 2);
    before_christ
}

fn day_and_time(out: &mut String, micros: i64) -> bool {
    const DAY: i64 = 86_400_000_000;
    let before_christ = calendar_day(out, micros.div_euclid(DAY));
    let of_day = micros.rem_euclid(DAY);
    let (seconds, mut fraction) = (of_day / 1_000_000, of_day % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    for (separator, part) in [(' ', hour), (':', minute), (':', second)] {
        out.push(separator);
        padded(out, part.unsigned_abs(), 2);
    }
    if fraction != 0 {
        let mut width = 6;
        while fraction % 10 == 0 {
            fraction /= 10;
            width -= 1;
        }
        write!(out, ".{fraction:0width$}").expect("a String takes everything");
    }
    before_christ
}

/// Year (astronomical: 0 is 1 BC), month and day in the proleptic Gregorian calendar of a day counted from
/// 1970-01-01. After Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468; // from 0000-03-01, so that a leap day ends its year
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The day, counted from 1970-01-01, of a year (astronomical), month and day: `days_from_civil` of the same algorithms.
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Appends the text of a stored value that is not null. `array` is of the type's [`ColumnType::arrow`].
pub fn stored(out: &mut String, array: &dyn Array, row: usize, stored: ColumnType) {
    match stored {
        ColumnType::Boolean => boolean(out, array.as_boolean().value(row)),
        ColumnType::Int16 => integer(out, array.as_primitive::<Int16Type>().value(row).into()),
        ColumnType::Int32 => integer(out, array.as_primitive::<Int32Type>().value(row).into()),
        ColumnType::Int64 => integer(out, array.as_primitive::<Int64Type>().value(row)),
        ColumnType::Float32 => float4(out, array.as_primitive::<Float32Type>().value(row)),
        ColumnType::Float64 => float8(out, array.as_primitive::<Float64Type>().value(row)),
        ColumnType::Decimal { scale, .. } => {
            decimal(out, array.as_primitive::<Decimal128Type>().value(row), scale);
        }
        ColumnType::Date => date(out, array.as_primitive::<Date32Type>().value(row)),
        ColumnType::Timestamp => {
            timestamp(out, array.as_primitive::<TimestampMicrosecondType>().value(row));
        }
        ColumnType::TimestampTz => {
            timestamptz(out, array.as_primitive::<TimestampMicrosecondType>().value(row));
        }
        ColumnType::Bytea => bytea(out, array.as_binary::<i32>().value(row)),
        ColumnType::Text
        | ColumnType::Char
        | ColumnType::Uuid
        | ColumnType::Numeric
        | ColumnType::Time
        | ColumnType::TimeTz
        | ColumnType::Interval
        | ColumnType::Other => out.push_str(array.as_string::<i32>().value(row)),
    }
}

/// The bytes that PostgreSQL printed for a cell, `None` for null: the companion's if it has any (`exact` is
/// absent where a file holds no companion), else the text of the stored value.
pub fn bytes_of<'a>(
    column: &Column,
    native: &'a ArrayRef,
    exact: Option<&'a BinaryArray>,
    row: usize,
) -> Option<Cow<'a, [u8]>> {
    if let Some(exact) = exact.filter(|exact| exact.is_valid(row)) {
        return Some(Cow::Borrowed(exact.value(row)));
    }
    if native.is_null(row) {
        return None;
    }
    if let Some(text) = native.as_string_opt::<i32>() {
        return Some(Cow::Borrowed(text.value(row).as_bytes()));
    }
    let mut out = String::new();
    stored(&mut out, native, row, column.stored);
    Some(Cow::Owned(out.into_bytes()))
}

/// A cell of an answer, see [`bytes_of`].
pub fn cell_of(
    column: &Column,
    native: &ArrayRef,
    exact: Option<&BinaryArray>,
    row: usize,
    budget: &mut AnswerBudget,
) -> Cell {
    budget.cell(bytes_of(column, native, exact, row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Date32Array, StringArray};
    use std::sync::Arc;

    fn text(print: impl FnOnce(&mut String)) -> String {
        let mut out = String::from(">");
        print(&mut out);
        out.split_off(1)
    }

    #[test]
    fn decimals() {
        for (unscaled, scale, want) in [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (-5, 2, "-0.05"),
            (12345, 2, "123.45"),
            (-10, 1, "-1.0"),
            (i128::MAX, 38, "1.70141183460469231731687303715884105727"),
        ] {
            assert_eq!(text(|out| decimal(out, unscaled, scale)), want);
        }
    }

    /// As PostgreSQL 15 prints them: the borders of its types and of the calendar.
    #[test]
    fn dates() {
        for (days, want) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (11_016, "2000-02-29"),
            (-719_162, "0001-01-01"),
            (-719_163, "0001-12-31 BC"),
            (-2_440_588, "4714-11-24 BC"),
            (2_932_897, "10000-01-01"),
            (2_145_042_905, "5874897-12-31"),
        ] {
            assert_eq!(text(|out| date(out, days)), want);
        }
    }

    #[test]
    fn timestamps() {
        for (micros, want) in [
            (0, "1970-01-01 00:00:00"),
            (-1, "1969-12-31 23:59:59.999999"),
            (1_500_000, "1970-01-01 00:00:01.5"),
            (1_000_010, "1970-01-01 00:00:01.00001"),
            (253_402_300_800_000_000, "10000-01-01 00:00:00"),
        ] {
            assert_eq!(text(|out| timestamp(out, micros)), want);
            assert_eq!(text(|out| timestamptz(out, micros)), format!("{want}+00"));
        }
        let ides = -63_549_316_800_000_000;
        assert_eq!(text(|out| timestamp(out, ides)), "0045-03-15 12:00:00 BC");
        assert_eq!(text(|out| timestamptz(out, ides)), "0045-03-15 12:00:00+00 BC");
    }

    #[test]
    fn bytes() {
        assert_eq!(text(|out| bytea(out, b"")), "\\x");
        assert_eq!(text(|out| bytea(out, b"\0\xff a")), "\\x00ff2061");
    }

    fn column(stored: ColumnType) -> Column {
        Column {
            name: "a".into(),
            position: 1,
            pg_type: "?".into(),
            stored,
            nullable: true,
            field: "a".into(),
            tree: None,
        }
    }

    #[test]
    fn the_companion_comes_first() {
        let native: ArrayRef = Arc::new(Date32Array::from(vec![Some(0), None, None]));
        let exact = BinaryArray::from(vec![None, Some(b"-infinity".as_slice()), None]);
        let mut budget = AnswerBudget::new(3);
        let cells: Vec<_> = (0..3)
            .map(|row| cell_of(&column(ColumnType::Date), &native, Some(&exact), row, &mut budget))
            .collect();
        assert_eq!(cells, [Cell::Text("1970-01-01".into()), Cell::Text("-infinity".into()), Cell::Null]);
    }

    #[test]
    fn odd_and_large_cells() {
        let long = "x".repeat(Cell::MAX_BYTES + 1);
        let native: ArrayRef = Arc::new(StringArray::from(vec![None, Some(&long[1..]), Some(&long)]));
        let exact = BinaryArray::from(vec![Some(b"\xff".as_slice()), None, None]);
        let mut budget = AnswerBudget::new(3);
        let mut cell = |row| cell_of(&column(ColumnType::Text), &native, Some(&exact), row, &mut budget);
        assert_eq!(cell(0), Cell::Bytes(vec![0xff]));
        assert_eq!(cell(1), Cell::Text(long[1..].into()));
        assert!(matches!(cell(2), Cell::Large(large) if large.length == long.len() as u64));
    }
}

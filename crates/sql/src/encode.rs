//! Rows of an answer, as PostgreSQL prints or sends them.

use crate::{
    failure::{Failure, SqlState},
    numeric,
    shown::{Form, Shown},
    text_values,
};
use arrow_array::{
    Array, ArrayRef, RecordBatch,
    cast::AsArray,
    types::{
        Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
        TimestampMicrosecondType,
    },
};
use bytes::{BufMut, BytesMut};
use mycorr_domain::{ColumnType, output};
use pgwire::{
    api::{Type, results::FieldFormat},
    messages::data::DataRow,
};
use std::borrow::Cow;

/// 2000-01-01, from which PostgreSQL counts, in days and microseconds since 1970-01-01.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// The columns of a batch in the form that is encoded.
pub(crate) fn prepared(shown: &[Shown], batch: &RecordBatch) -> Result<Vec<ArrayRef>, Failure> {
    let columns = shown.iter().zip(batch.columns()).map(|(shown, array)| shown.prepare(array));
    columns.collect::<Result<_, _>>().map_err(Failure::arrow)
}

/// The rows of a batch.
pub(crate) fn rows(
    shown: &[Shown],
    formats: &[FieldFormat],
    batch: &RecordBatch,
) -> Result<Vec<DataRow>, Failure> {
    let columns = prepared(shown, batch)?;
    let count = i16::try_from(columns.len())
        .map_err(|_| Failure::new(SqlState::TooManyColumns, "An answer has at most 32767 columns."))?;
    (0..batch.num_rows())
        .map(|row| {
            let mut data = BytesMut::new();
            for ((shown, format), array) in shown.iter().zip(formats).zip(&columns) {
                append(shown, *format, array, row, &mut data)?;
            }
            Ok(DataRow::new(data, count))
        })
        .collect()
}

/// A cell with its length in front, -1 for null.
pub(crate) fn append(
    shown: &Shown,
    format: FieldFormat,
    array: &ArrayRef,
    row: usize,
    out: &mut BytesMut,
) -> Result<(), Failure> {
    if array.is_null(row) {
        out.put_i32(-1);
        return Ok(());
    }
    let at = out.len();
    out.put_i32(0);
    match format {
        FieldFormat::Text => out.put_slice(&text_of(shown, array, row).unwrap_or_default()),
        FieldFormat::Binary => binary(shown, array, row, out)?,
    }
    let length = i32::try_from(out.len() - at - 4)
        .map_err(|_| Failure::new(SqlState::ProgramLimitExceeded, "A cell is larger than 2 GiB."))?;
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// What PostgreSQL prints for a cell; `None` for null.
pub(crate) fn text_of<'a>(shown: &Shown, array: &'a ArrayRef, row: usize) -> Option<Cow<'a, [u8]>> {
    if array.is_null(row) {
        return None;
    }
    let stored = match shown.form {
        Form::Bytes => return Some(Cow::Borrowed(array.as_binary::<i32>().value(row))),
        Form::Value(stored) => stored,
    };
    if let Some(text) = array.as_string_opt::<i32>() {
        return Some(Cow::Borrowed(text.value(row).as_bytes()));
    }
    let mut out = String::new();
    output::stored(&mut out, array, row, stored);
    Some(Cow::Owned(out.into_bytes()))
}

fn binary(shown: &Shown, array: &ArrayRef, row: usize, out: &mut BytesMut) -> Result<(), Failure> {
    let printed =
        |text: &[u8], out: &mut _| text_values::encode(&shown.pg, text, out).ok_or_else(|| unknown(shown));
    let stored = match shown.form {
        Form::Bytes => return printed(array.as_binary::<i32>().value(row), out),
        Form::Value(stored) => stored,
    };
    match stored {
        ColumnType::Boolean => out.put_u8(array.as_boolean().value(row).into()),
        ColumnType::Int16 => out.put_i16(array.as_primitive::<Int16Type>().value(row)),
        ColumnType::Int32 => out.put_i32(array.as_primitive::<Int32Type>().value(row)),
        ColumnType::Int64 => {
            let value = array.as_primitive::<Int64Type>().value(row);
            match shown.pg {
                Type::INT8 => out.put_i64(value),
                // An oid, and what is counted like one.
                _ => out.put_u32(value as u32),
            }
        }
        ColumnType::Float32 => out.put_f32(array.as_primitive::<Float32Type>().value(row)),
        ColumnType::Float64 => out.put_f64(array.as_primitive::<Float64Type>().value(row)),
        ColumnType::Decimal { scale, .. } => {
            let mut text = String::new();
            output::decimal(&mut text, array.as_primitive::<Decimal128Type>().value(row), scale);
            numeric::encode(&text, out).ok_or_else(|| unknown(shown))?;
        }
        ColumnType::Date => {
            let days = array.as_primitive::<Date32Type>().value(row);
            out.put_i32(days.checked_sub(EPOCH_DAYS).ok_or_else(|| unknown(shown))?);
        }
        ColumnType::Timestamp | ColumnType::TimestampTz => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            out.put_i64(micros.checked_sub(EPOCH_MICROS).ok_or_else(|| unknown(shown))?);
        }
        ColumnType::Bytea => out.put_slice(array.as_binary::<i32>().value(row)),
        _ => return printed(array.as_string::<i32>().value(row).as_bytes(), out),
    }
    Ok(())
}

fn unknown(shown: &Shown) -> Failure {
    let message = format!("A value of {:?} ({}) has no binary form here.", shown.name, shown.pg.name());
    Failure::new(SqlState::FeatureNotSupported, message)
        .hint(format!("Ask for text: CAST({:?} AS text).", shown.name))
}

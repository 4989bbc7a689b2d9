//! One column in the making.

use super::{
    Cells,
    binary::{Decoded, as_sent, binary, date, timestamp, uuid},
    spare::Spare,
    text,
};
use crate::wire::{Failure, pipeline::Format};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, PrimitiveArray, StringArray,
    builder::{ArrayBuilder, BinaryBuilder},
    types::{
        ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type,
        Int64Type, TimestampMicrosecondType,
    },
};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use mycorr_domain::{Column, ColumnType, MaskHasher, output};
use std::sync::Arc;

/// Collects a column's cells, and its companion's where one is needed.
pub(crate) struct ColumnBuilder {
    stored: ColumnType,
    format: Format,
    values: Values,
    nulls: NullBufferBuilder,
    exact: Option<BinaryBuilder>,
    /// Hashes each cell in place of keeping it.
    mask: Option<MaskHasher>,
    /// Of `values`, and of the offsets where these are bytes.
    spare: Spare,
    spare_offsets: Spare,
}

enum Values {
    Boolean(BooleanBufferBuilder),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Decimal(Vec<i128>, u8, u8),
    /// Text or bytes, one after another, and where each ends.
    Bytes {
        bytes: Vec<u8>,
        offsets: Vec<i32>,
        utf8: bool,
    },
}

impl ColumnBuilder {
    pub(crate) fn new(column: &Column, format: Format) -> Self {
        let bytes = |utf8| Values::Bytes { bytes: Vec::new(), offsets: vec![0], utf8 };
        let values = match column.stored {
            ColumnType::Boolean => Values::Boolean(BooleanBufferBuilder::new(0)),
            ColumnType::Int16 => Values::Int16(Vec::new()),
            ColumnType::Int32 | ColumnType::Date => Values::Int32(Vec::new()),
            ColumnType::Int64 | ColumnType::Timestamp | ColumnType::TimestampTz => Values::Int64(Vec::new()),
            ColumnType::Float32 => Values::Float32(Vec::new()),
            ColumnType::Float64 => Values::Float64(Vec::new()),
            ColumnType::Decimal { precision, scale } => Values::Decimal(Vec::new(), precision, scale),
            ColumnType::Bytea => bytes(false),
            _ => bytes(true),
        };
        Self {
            stored: column.stored,
            format,
            values,
            nulls: NullBufferBuilder::new(0),
            exact: None,
            mask: None,
            spare: Spare::default(),
            spare_offsets: Spare::default(),
        }
    }

    /// Hashes the cells of a column of text, if there is a mask.
    pub(crate) fn masked(self, mask: Option<MaskHasher>) -> Self {
        Self { mask, ..self }
    }

    /// Appends the cells of a column, which lie in `bytes`.
    pub(crate) fn extend(&mut self, cells: &Cells, bytes: &[u8], column: usize) -> Result<(), Failure> {
        let Self { stored, format, values, nulls, exact, mask, .. } = self;
        let cells = cells.column(bytes, column);
        let mut sink = Sink { nulls, exact };
        match values {
            Values::Boolean(values) => {
                for cell in cells {
                    let value = match cell {
                        Some(b"t") => sink.valid(true),
                        Some(b"f") => sink.valid(false),
                        Some(other) => sink.exact(other, false),
                        None => sink.null(false),
                    };
                    values.append(value);
                }
                Ok(())
            }
            Values::Int16(values) => sink.all(values, cells, |cell| {
                as_sent(text::integer(cell).and_then(|value| i16::try_from(value).ok()))
            }),
            Values::Int32(values) if *stored == ColumnType::Date => sink.all(values, cells, date),
            Values::Int32(values) => sink.all(values, cells, |cell| {
                as_sent(text::integer(cell).and_then(|value| i32::try_from(value).ok()))
            }),
            Values::Int64(values) => match stored {
                ColumnType::Timestamp => sink.all(values, cells, |cell| timestamp(cell, output::timestamp)),
                ColumnType::TimestampTz => {
                    sink.all(values, cells, |cell| timestamp(cell, output::timestamptz))
                }
                _ => sink.all(values, cells, |cell| as_sent(text::integer(cell))),
            },
            Values::Float32(values) => {
                sink.all(values, cells, |cell| Ok(Decoded::Value(f32::from_be_bytes(binary(cell)?))))
            }
            Values::Float64(values) => {
                sink.all(values, cells, |cell| Ok(Decoded::Value(f64::from_be_bytes(binary(cell)?))))
            }
            Values::Decimal(values, precision, scale) => {
                sink.all(values, cells, |cell| as_sent(text::decimal(cell, *precision, *scale)))
            }
            Values::Bytes { bytes, offsets, .. }
                if *stored == ColumnType::Uuid && *format == Format::Binary =>
            {
                for cell in cells {
                    match cell {
                        Some(cell) => {
                            uuid(bytes, binary(cell)?);
                            sink.valid(());
                        }
                        None => sink.null(()),
                    }
                    offsets.push(bytes.len() as i32);
                }
                Ok(())
            }
            Values::Bytes { bytes, offsets, .. } if let Some(mask) = mask => {
                for cell in cells {
                    match cell {
                        Some(cell) => {
                            bytes.extend_from_slice(&mask.hash(cell));
                            sink.valid(());
                        }
                        None => sink.null(()),
                    }
                    offsets.push(bytes.len() as i32);
                }
                Ok(())
            }
            Values::Bytes { bytes, offsets, utf8 } => {
                let first = offsets.len() - 1;
                for cell in cells {
                    match cell {
                        Some(cell) => {
                            bytes.extend_from_slice(cell);
                            sink.nulls.append_non_null();
                        }
                        None => sink.nulls.append_null(),
                    }
                    offsets.push(bytes.len() as i32);
                }
                let start = offsets[first] as usize;
                // One look at all of it, and a second only at what is not plain ASCII.
                if *utf8 && !bytes[start..].is_ascii() {
                    sink.keep_bad_utf8(bytes, offsets, first);
                }
                Ok(())
            }
        }
    }

    /// The column so far, and its companion if it has one; the builder starts anew. The companion stays.
    pub(crate) fn finish(&mut self, rows: usize) -> (ArrayRef, Option<ArrayRef>) {
        let nulls = self.nulls.finish();
        let spare = &mut self.spare;
        fn primitive<T: ArrowPrimitiveType>(
            values: &mut Vec<T::Native>,
            nulls: Option<NullBuffer>,
            spare: &mut Spare,
        ) -> PrimitiveArray<T> {
            PrimitiveArray::new(spare.hand_over(values).into(), nulls)
        }
        let array: ArrayRef = match &mut self.values {
            Values::Boolean(values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::Int16(values) => Arc::new(primitive::<Int16Type>(values, nulls, spare)),
            Values::Int32(values) if self.stored == ColumnType::Date => {
                Arc::new(primitive::<Date32Type>(values, nulls, spare))
            }
            Values::Int32(values) => Arc::new(primitive::<Int32Type>(values, nulls, spare)),
            Values::Int64(values) => match self.stored {
                ColumnType::Timestamp => {
                    Arc::new(primitive::<TimestampMicrosecondType>(values, nulls, spare))
                }
                ColumnType::TimestampTz => {
                    Arc::new(primitive::<TimestampMicrosecondType>(values, nulls, spare).with_timezone("UTC"))
                }
                _ => Arc::new(primitive::<Int64Type>(values, nulls, spare)),
            },
            Values::Float32(values) => Arc::new(primitive::<Float32Type>(values, nulls, spare)),
            Values::Float64(values) => Arc::new(primitive::<Float64Type>(values, nulls, spare)),
            Values::Decimal(values, precision, scale) => Arc::new(
                primitive::<Decimal128Type>(values, nulls, spare)
                    .with_precision_and_scale(*precision, *scale as i8)
                    .expect("the type map makes only decimals that Arrow has"),
            ),
            Values::Bytes { bytes, offsets, utf8 } => {
                let ends: ScalarBuffer<i32> = self.spare_offsets.hand_over(offsets).into();
                offsets.push(0);
                let (ends, bytes) = (OffsetBuffer::new(ends), spare.hand_over(bytes));
                if *utf8 {
                    Arc::new(StringArray::new(ends, bytes, nulls))
                } else {
                    Arc::new(BinaryArray::new(ends, bytes, nulls))
                }
            }
        };
        let exact = self.exact.as_mut().map(|exact| {
            exact.append_nulls(rows - exact.len());
            Arc::new(exact.finish()) as ArrayRef
        });
        (array, exact)
    }
}

/// Where a column's nulls and exceptions go.
struct Sink<'a> {
    nulls: &'a mut NullBufferBuilder,
    exact: &'a mut Option<BinaryBuilder>,
}

impl Sink<'_> {
    #[inline]
    fn all<'c, T: Default>(
        &mut self,
        values: &mut Vec<T>,
        cells: impl Iterator<Item = Option<&'c [u8]>>,
        decode: impl Fn(&'c [u8]) -> Result<Decoded<T>, Failure>,
    ) -> Result<(), Failure> {
        for cell in cells {
            let value = match cell {
                None => self.null(T::default()),
                Some(cell) => match decode(cell)? {
                    Decoded::Value(value) => self.valid(value),
                    Decoded::AsSent => self.exact(cell, T::default()),
                    Decoded::Exact(text) => self.exact(text.as_bytes(), T::default()),
                },
            };
            values.push(value);
        }
        Ok(())
    }

    #[inline]
    fn valid<T>(&mut self, value: T) -> T {
        self.nulls.append_non_null();
        value
    }

    #[inline]
    fn null<T>(&mut self, filler: T) -> T {
        self.nulls.append_null();
        filler
    }

    /// Null in the column, `text` in the companion.
    #[cold]
    fn exact<T>(&mut self, text: &[u8], filler: T) -> T {
        let row = self.nulls.len();
        self.companion(row, text);
        self.nulls.append_null();
        filler
    }

    fn companion(&mut self, row: usize, text: &[u8]) {
        let exact = self.exact.get_or_insert_with(BinaryBuilder::new);
        exact.append_nulls(row - exact.len());
        exact.append_value(text);
    }

    /// Moves cells that are no UTF-8 (a `SQL_ASCII` database holds any bytes) to the companion.
    #[cold]
    fn keep_bad_utf8(&mut self, bytes: &mut Vec<u8>, offsets: &mut [i32], first: usize) {
        let cell = |at: usize| offsets[at] as usize..offsets[at + 1] as usize;
        let bad: Vec<usize> =
            (first..offsets.len() - 1).filter(|&at| std::str::from_utf8(&bytes[cell(at)]).is_err()).collect();
        if bad.is_empty() {
            return;
        }
        for &at in &bad {
            self.companion(at, &bytes[cell(at)]);
        }
        // Rebuild the column's end without them.
        let old = bytes.split_off(offsets[first] as usize);
        let base = offsets[first];
        let mut bad = bad.into_iter().peekable();
        let mut start = base;
        let mut valid = Vec::with_capacity(offsets.len() - 1 - first);
        for at in first..offsets.len() - 1 {
            let end = offsets[at + 1];
            let kept = bad.next_if_eq(&at).is_none();
            if kept {
                bytes.extend_from_slice(&old[(start - base) as usize..(end - base) as usize]);
            }
            valid.push(kept);
            start = end;
            offsets[at + 1] = bytes.len() as i32;
        }
        self.set_null(first, &valid);
    }

    /// Makes null what is not valid among the rows from `first` on.
    fn set_null(&mut self, first: usize, valid: &[bool]) {
        let before = self.nulls.finish();
        let was = |row: usize| before.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        for row in 0..first {
            self.nulls.append(was(row));
        }
        for (at, &kept) in valid.iter().enumerate() {
            self.nulls.append(kept && was(first + at));
        }
    }
}

//! `COPY (query) TO STDOUT`.

use crate::{
    encode::{append, prepared, text_of},
    failure::Failure,
    planning::whole_table,
    shown::Shown,
};
use arrow_array::RecordBatch;
use bytes::{BufMut, BytesMut};
use datafusion::sql::sqlparser::ast::{
    CopyLegacyOption, CopyOption, CopySource, CopyTarget, Ident, Statement,
};
use futures::{Stream, StreamExt, stream};
use mycorr_domain::export::csv_field;
use pgwire::{
    api::results::{CopyResponse, FieldFormat},
    error::PgWireResult,
    messages::copy::CopyData,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CopyFormat {
    Text,
    Csv,
    Binary,
}

/// A `COPY … TO STDOUT`: the query, the format and whether names come first.
#[derive(Clone, Debug)]
pub(crate) struct CopyOut {
    pub(crate) query: Statement,
    format: CopyFormat,
    header: bool,
}

const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

impl CopyOut {
    /// # Errors
    /// `25006` for what would write, `0A000` for options that are not known here.
    pub(crate) fn of(
        source: CopySource,
        to: bool,
        target: &CopyTarget,
        options: &[CopyOption],
        legacy: &[CopyLegacyOption],
    ) -> Result<Self, Failure> {
        if !to {
            return Err(Failure::read_only("COPY FROM"));
        }
        if !matches!(target, CopyTarget::Stdout) {
            return Err(Failure::unsupported("COPY goes to STDOUT alone here."));
        }
        let query = match source {
            CopySource::Query(query) => Statement::Query(query),
            CopySource::Table { table_name, columns } => whole_table(&table_name, &columns)?,
        };
        let mut copy = Self { query, format: CopyFormat::Text, header: false };
        let unknown = |option: &dyn std::fmt::Display| {
            Failure::unsupported(format!("COPY option {option} is not known here."))
        };
        for option in options {
            match option {
                CopyOption::Format(format) => copy.format = format_named(format)?,
                CopyOption::Header(header) => copy.header = *header,
                CopyOption::Encoding(name)
                    if name.eq_ignore_ascii_case("utf8") || name.eq_ignore_ascii_case("utf-8") => {}
                CopyOption::Null(text) if text == copy.null() => {}
                CopyOption::Delimiter(char) if *char == copy.delimiter() => {}
                CopyOption::Quote('"') | CopyOption::Escape('"') if copy.format == CopyFormat::Csv => {}
                other => return Err(unknown(other)),
            }
        }
        for option in legacy {
            match option {
                CopyLegacyOption::Binary => copy.format = CopyFormat::Binary,
                CopyLegacyOption::Csv(more) if more.is_empty() => copy.format = CopyFormat::Csv,
                CopyLegacyOption::Header => copy.header = true,
                other => return Err(unknown(other)),
            }
        }
        Ok(copy)
    }

    fn null(&self) -> &'static str {
        if self.format == CopyFormat::Csv { "" } else { "\\N" }
    }

    fn delimiter(&self) -> char {
        if self.format == CopyFormat::Csv { ',' } else { '\t' }
    }

    /// The rows as they are sent.
    pub(crate) fn response(
        &self,
        columns: Vec<Shown>,
        batches: impl Stream<Item = Result<RecordBatch, Failure>> + Send + 'static,
    ) -> CopyResponse {
        let (format, count) = (self.format, columns.len());
        let mut first = BytesMut::new();
        match format {
            CopyFormat::Binary => first.put_slice(BINARY_HEADER),
            _ if self.header => {
                line(format, columns.iter().map(|shown| Some(shown.name.as_bytes().into())), &mut first)
            }
            _ => {}
        }
        let rows = batches.flat_map(move |batch| {
            let rows = batch.and_then(|batch| encode(format, &columns, &batch));
            stream::iter(match rows {
                Ok(rows) => rows.into_iter().map(Ok).collect(),
                Err(failure) => vec![Err(failure)],
            })
        });
        let data = stream::unfold((Box::pin(rows), Some(first)), |(mut rows, first)| async move {
            let row = rows.next().await;
            let data = match (first, row) {
                (None, None) => return None,
                (Some(first), None) => Ok(first),
                // The header goes with the first row: what is counted are messages.
                (Some(mut first), Some(Ok(row))) => {
                    first.put_slice(&row);
                    Ok(first)
                }
                (None, Some(row)) | (Some(_), Some(row @ Err(_))) => row,
            };
            let data: PgWireResult<CopyData> =
                data.map(|data| CopyData::new(data.freeze())).map_err(Into::into);
            Some((data, (rows, None)))
        });
        CopyResponse::new(i8::from(format == CopyFormat::Binary), count, data)
    }
}

fn format_named(name: &Ident) -> Result<CopyFormat, Failure> {
    match name.value.to_ascii_lowercase().as_str() {
        "text" => Ok(CopyFormat::Text),
        "csv" => Ok(CopyFormat::Csv),
        "binary" => Ok(CopyFormat::Binary),
        other => Err(Failure::unsupported(format!("COPY format {other:?} is not known here."))),
    }
}

fn encode(format: CopyFormat, columns: &[Shown], batch: &RecordBatch) -> Result<Vec<BytesMut>, Failure> {
    let arrays = prepared(columns, batch)?;
    let count = i16::try_from(columns.len()).map_err(Failure::bug)?;
    (0..batch.num_rows())
        .map(|row| {
            let mut out = BytesMut::new();
            match format {
                CopyFormat::Binary => {
                    out.put_i16(count);
                    for (shown, array) in columns.iter().zip(&arrays) {
                        append(shown, FieldFormat::Binary, array, row, &mut out)?;
                    }
                }
                _ => {
                    let cells = columns.iter().zip(&arrays).map(|(shown, array)| text_of(shown, array, row));
                    line(format, cells, &mut out);
                }
            }
            Ok(out)
        })
        .collect()
}

fn line<'a>(
    format: CopyFormat,
    cells: impl Iterator<Item = Option<std::borrow::Cow<'a, [u8]>>>,
    out: &mut BytesMut,
) {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            out.put_u8(if format == CopyFormat::Csv { b',' } else { b'\t' });
        }
        match (format, cell) {
            (CopyFormat::Csv, None) => {}
            (CopyFormat::Csv, Some(cell)) => csv_field(out, &cell, true),
            (_, None) => out.put_slice(b"\\N"),
            (_, Some(cell)) => escaped(&cell, out),
        }
    }
    out.put_u8(b'\n');
}

/// As `COPY` escapes text (src/backend/commands/copyto.c, `CopyAttributeOutText`).
fn escaped(cell: &[u8], out: &mut BytesMut) {
    for &byte in cell {
        let letter = match byte {
            b'\\' => b'\\',
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x0b => b'v',
            other => {
                out.put_u8(other);
                continue;
            }
        };
        out.put_slice(&[b'\\', letter]);
    }
}

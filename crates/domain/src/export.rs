//! Rows as files: which formats there are, and how rows are written as text.

use crate::{column::Column, output, problem::Result};
use arrow_array::{Array, ArrayRef, BinaryArray};
use async_trait::async_trait;
use bytes::Bytes;
use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// As `COPY … TO STDOUT (FORMAT csv, HEADER)` prints it, which is RFC 4180 but for the line's end.
    Csv,
    /// An object for each row, whose values are the texts of the cells, or null.
    JsonLines,
    /// Stored types, with a companion (`<name>__exact`) where a column has values that its type can't hold.
    Parquet,
    /// The same as a stream of Arrow's IPC format.
    Arrow,
}

/// A file in the making. Dropping it ends the work.
#[async_trait]
pub trait Export: Send {
    /// How long it is, where it can be read from any byte on; the same bytes each time.
    fn length(&self) -> Option<u64>;

    /// Leaves only these bytes of a file that has a length.
    fn cut(&mut self, range: Range<u64>);

    /// The next bytes, `None` after the last.
    async fn next(&mut self) -> Result<Option<Bytes>>;
}

/// A column of a batch, with its companion if there is one.
#[derive(Clone, Copy)]
pub struct StoredColumn<'a> {
    pub column: &'a Column,
    pub native: &'a ArrayRef,
    pub exact: Option<&'a BinaryArray>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextFormat {
    Csv,
    JsonLines,
}

/// Writes rows as CSV or JSON lines.
#[derive(Clone, Debug)]
pub struct TextEncoder {
    format: TextFormat,
    /// What a file begins with.
    header: Vec<u8>,
    /// What stands before each cell of a row.
    before: Vec<Vec<u8>>,
    end: &'static [u8],
}

impl TextEncoder {
    /// `None` for a format that is not text.
    pub fn new<'a>(format: ExportFormat, names: impl Iterator<Item = &'a str> + Clone) -> Option<Self> {
        match format {
            ExportFormat::Csv => Some(Self::csv(names)),
            ExportFormat::JsonLines => {
                let mut before: Vec<Vec<u8>> = Vec::new();
                for name in names {
                    let mut key = vec![if before.is_empty() { b'{' } else { b',' }];
                    json_string(&mut key, name);
                    key.push(b':');
                    before.push(key);
                }
                let end: &[u8] = if before.is_empty() { b"{}\n" } else { b"}\n" };
                Some(Self { format: TextFormat::JsonLines, header: Vec::new(), before, end })
            }
            ExportFormat::Parquet | ExportFormat::Arrow => None,
        }
    }

    pub fn csv<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Self {
        let before: Vec<Vec<u8>> =
            names.clone().enumerate().map(|(at, _)| if at == 0 { Vec::new() } else { vec![b','] }).collect();
        let mut this = Self { format: TextFormat::Csv, header: Vec::new(), before, end: b"\n" };
        let mut header = Vec::new();
        this.texts(&mut header, names.map(|name| Some(name.as_bytes())));
        this.header = header;
        this
    }

    /// What a file begins with.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// Appends a row of printed cells.
    pub fn texts<'a>(&self, out: &mut Vec<u8>, cells: impl Iterator<Item = Option<&'a [u8]>>) {
        for (before, cell) in self.before.iter().zip(cells) {
            out.extend_from_slice(before);
            self.cell(out, cell);
        }
        out.extend_from_slice(self.end);
    }

    /// Appends rows of a batch: the columns in the order of the names.
    pub fn rows(&self, out: &mut Vec<u8>, columns: &[StoredColumn<'_>], rows: Range<usize>) {
        let mut text = String::new();
        for row in rows {
            for (before, column) in self.before.iter().zip(columns) {
                out.extend_from_slice(before);
                self.stored(out, column, row, &mut text);
            }
            out.extend_from_slice(self.end);
        }
    }

    fn stored(&self, out: &mut Vec<u8>, stored: &StoredColumn<'_>, row: usize, text: &mut String) {
        let StoredColumn { column, native, exact } = stored;
        if exact.is_some_and(|exact| exact.is_valid(row)) || native.is_null(row) {
            let cell = exact.filter(|exact| exact.is_valid(row)).map(|exact| exact.value(row));
            return self.cell(out, cell);
        }
        if native.data_type() == &arrow_schema::DataType::Utf8 {
            return self.cell(out, output::bytes_of(column, native, None, row).as_deref());
        }
        text.clear();
        output::stored(text, native, row, column.stored);
        match self.format {
            // Numbers, times and hexadecimal digits need no quotes.
            TextFormat::Csv => out.extend_from_slice(text.as_bytes()),
            TextFormat::JsonLines => json_string(out, text),
        }
    }

    fn cell(&self, out: &mut Vec<u8>, cell: Option<&[u8]>) {
        match (self.format, cell) {
            (TextFormat::Csv, None) => {}
            (TextFormat::Csv, Some(bytes)) => csv_field(out, bytes, self.before.len() == 1),
            (TextFormat::JsonLines, None) => out.extend_from_slice(b"null"),
            (TextFormat::JsonLines, Some(bytes)) => match std::str::from_utf8(bytes) {
                Ok(text) => json_string(out, text),
                // As in a page of rows.
                Err(_) => {
                    out.extend_from_slice(b"{\"hex\":\"");
                    out.extend_from_slice(hex::encode(bytes).as_bytes());
                    out.extend_from_slice(b"\"}");
                }
            },
        }
    }
}

/// As PostgreSQL's `CopyAttributeOutCSV` (src/backend/commands/copyto.c) quotes: an empty text, because NULL is nothing;
/// what holds a comma, a quote or a line's end; and `\.` where it would stand alone on its line.
pub fn csv_field<B: for<'a> Extend<&'a u8>>(out: &mut B, bytes: &[u8], alone: bool) {
    let special = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    let quoted = bytes.is_empty() || bytes.iter().any(special) || alone && bytes == b"\\.";
    if !quoted {
        return out.extend(bytes);
    }
    out.extend(b"\"");
    for part in bytes.split_inclusive(|byte| *byte == b'"') {
        out.extend(part);
        if part.ends_with(b"\"") {
            out.extend(b"\"");
        }
    }
    out.extend(b"\"");
}

/// RFC 8259, section 7: quotes, backslashes and control characters are escaped.
fn json_string(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => {
                let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&digits);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(format: ExportFormat, names: &[&str], rows: &[&[Option<&[u8]>]]) -> String {
        let encoder = TextEncoder::new(format, names.iter().copied()).unwrap();
        let mut out = encoder.header().to_vec();
        rows.iter().for_each(|row| encoder.texts(&mut out, row.iter().copied()));
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn rows_as_text() {
        let rows: &[&[Option<&[u8]>]] =
            &[&[None, Some(b"")], &[Some(b"a,\"b\""), Some(b"\\.")], &[Some(b"x\ny"), Some(b"\xff")]];
        assert_eq!(
            lines(ExportFormat::Csv, &["a", "b c,d"], rows),
            "a,\"b c,d\"\n,\"\"\n\"a,\"\"b\"\"\",\\.\n\"x\ny\",\u{fffd}\n"
        );
        assert_eq!(
            lines(ExportFormat::JsonLines, &["a", "b\""], rows),
            "{\"a\":null,\"b\\\"\":\"\"}\n{\"a\":\"a,\\\"b\\\"\",\"b\\\"\":\"\\\\.\"}\n{\"a\":\"x\\ny\",\"b\\\"\":{\"hex\":\"ff\"}}\n"
        );
        assert_eq!(lines(ExportFormat::Csv, &["a"], &[&[Some(b"\\.")], &[None]]), "a\n\"\\.\"\n\n");
        assert_eq!(lines(ExportFormat::Csv, &[], &[&[], &[]]), "\n\n\n");
        assert_eq!(lines(ExportFormat::JsonLines, &[], &[&[], &[]]), "{}\n{}\n");
    }

    proptest! {
        #[test]
        fn json_is_what_serde_reads(text in ".*") {
            let mut out = Vec::new();
            json_string(&mut out, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}

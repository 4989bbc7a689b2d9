//! Differences as files.

use super::Differences;
use crate::{
    export::{GROUP_BYTES, PieceSender, Shape, parquet_writer, row_bytes, rows_in_order},
    problem::storage,
    row_numbers::RowNumbers,
    version::Version,
};
use arrow_array::{ArrayRef, RecordBatch, builder::StringBuilder};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use mycorr_domain::{Change, DiffFormat, DiffPlan, Problem, Result, StoredColumn, TextEncoder, output};
use parquet::arrow::ArrowWriter;
use std::{borrow::Cow, collections::HashSet, sync::Arc};

/// Rows that are read at a time, at most.
const MAX_ROWS: usize = 4096;
/// What they may take when they are decoded.
const ROWS_BYTES: usize = 4 << 20;

type Text<'a> = Option<Cow<'a, [u8]>>;

/// Sends all differences: the removed, the added, the changed.
pub(crate) async fn write(
    plan: DiffPlan,
    (from, to): (Arc<Version>, Arc<Version>),
    found: Arc<Differences>,
    format: DiffFormat,
    sender: PieceSender,
) -> Result<()> {
    let before = Shape::new(&from, plan.from.columns.clone()).await?;
    let after = Shape::new(&to, plan.to.columns.clone()).await?;
    let bytes = row_bytes(&from, &plan.from.columns).await? + row_bytes(&to, &plan.to.columns).await?;
    let at_a_time = (ROWS_BYTES / bytes).clamp(1, MAX_ROWS);
    let mut lines = Lines::new(&plan, format)?;
    sender.send(lines.begin(&plan)?).await?;
    for change in Change::ALL {
        let (old, new) = found.rows(change);
        let mut start = 0;
        while start < found.counts.of(change) {
            let end = (start + at_a_time as u64).min(found.counts.of(change));
            let slice =
                |numbers: Option<&RowNumbers>| numbers.map(|numbers| numbers.slice(start..end)).transpose();
            let old = match slice(old)? {
                Some(ids) => Some(rows_in_order(&from, &before, &ids).await?),
                None => None,
            };
            let new = match slice(new)? {
                Some(ids) => Some(rows_in_order(&to, &after, &ids).await?),
                None => None,
            };
            let old = old.as_ref().map(|batch| before.columns(batch));
            let new = new.as_ref().map(|batch| after.columns(batch));
            for row in 0..(end - start) as usize {
                let old = old.as_ref().map(|columns| texts(&plan, columns, row, |column| column.from));
                let new = new.as_ref().map(|columns| texts(&plan, columns, row, |column| column.to));
                lines.add(change, old.as_deref(), new.as_deref());
            }
            start = end;
            let bytes = lines.take()?;
            sender.send(bytes).await?;
        }
    }
    sender.send(lines.end()?).await
}

/// A row's cells by the columns of the plan.
fn texts<'a>(
    plan: &DiffPlan,
    columns: &[StoredColumn<'a>],
    row: usize,
    side: fn(&mycorr_domain::DiffColumn) -> Option<usize>,
) -> Vec<Text<'a>> {
    let cell = |column: &mycorr_domain::DiffColumn| {
        let StoredColumn { column, native, exact } = columns[side(column)?];
        // The column is the plan's own, the values are the batch's.
        output::bytes_of(column, native, exact, row)
    };
    plan.columns.iter().map(cell).collect()
}

/// A file in the making.
enum Lines {
    Text { encoder: TextEncoder, out: Vec<u8>, daff: bool },
    Parquet { writer: Box<ArrowWriter<Vec<u8>>>, schema: SchemaRef, columns: Vec<StringBuilder> },
}

fn names(plan: &DiffPlan) -> impl Iterator<Item = &str> + Clone {
    (0..plan.columns.len()).map(|at| match plan.column(at) {
        (_, Some(after)) => after.name.as_str(),
        (Some(before), None) => before.name.as_str(),
        (None, None) => "",
    })
}

impl Lines {
    fn new(plan: &DiffPlan, format: DiffFormat) -> Result<Self> {
        let first = match format {
            DiffFormat::Daff => "@@",
            DiffFormat::Csv | DiffFormat::Parquet => "change",
        };
        let all = std::iter::once(first).chain(names(plan));
        if format != DiffFormat::Parquet {
            let daff = format == DiffFormat::Daff;
            return Ok(Self::Text { encoder: TextEncoder::csv(all), out: Vec::new(), daff });
        }
        let mut taken = HashSet::new();
        let field = |name: &str| {
            let mut name = name.to_owned();
            while !taken.insert(name.clone()) {
                name.push('_');
            }
            Field::new(name, DataType::Utf8, true)
        };
        let schema = Arc::new(Schema::new(all.map(field).collect::<Vec<_>>()));
        let columns = schema.fields().iter().map(|_| StringBuilder::new()).collect();
        Ok(Self::Parquet { writer: Box::new(parquet_writer(schema.clone())?), schema, columns })
    }

    fn begin(&mut self, plan: &DiffPlan) -> Result<Vec<u8>> {
        let Self::Text { encoder, out, daff } = self else { return Ok(Vec::new()) };
        let mut begin = Vec::new();
        let schema = daff.then(|| schema_row(plan)).flatten();
        if let Some(schema) = schema {
            encoder.texts(&mut begin, schema.iter().map(|cell| Some(cell.as_bytes())));
        }
        begin.extend_from_slice(encoder.header());
        out.clear();
        Ok(begin)
    }

    fn add(&mut self, change: Change, old: Option<&[Text<'_>]>, new: Option<&[Text<'_>]>) {
        if let Self::Text { encoder, out, daff: true } = self {
            let cells = daff_row(change, old.unwrap_or_default(), new.unwrap_or_default());
            return encoder.texts(out, cells.iter().map(|cell| Some(cell.as_slice())));
        }
        let words = match change {
            Change::Removed | Change::Added => ["removed", "added"],
            Change::Changed => ["before", "after"],
        };
        for (word, cells) in words.into_iter().zip([old, new]) {
            let Some(cells) = cells else { continue };
            let cells = std::iter::once(Some(word.as_bytes())).chain(cells.iter().map(Option::as_deref));
            match self {
                Self::Text { encoder, out, .. } => encoder.texts(out, cells),
                Self::Parquet { columns, .. } => {
                    for (column, cell) in columns.iter_mut().zip(cells) {
                        match cell.map(std::str::from_utf8) {
                            None => column.append_null(),
                            Some(Ok(text)) => column.append_value(text),
                            // As PostgreSQL prints bytes.
                            Some(Err(_)) => {
                                column.append_value(format!("\\x{}", hex::encode(cell.unwrap_or_default())));
                            }
                        }
                    }
                }
            }
        }
    }

    fn take(&mut self) -> Result<Vec<u8>> {
        match self {
            Self::Text { out, .. } => Ok(std::mem::take(out)),
            Self::Parquet { writer, schema, columns } => {
                let arrays = columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect();
                let batch = RecordBatch::try_new(schema.clone(), arrays).map_err(Problem::bug)?;
                writer.write(&batch).map_err(storage)?;
                if writer.in_progress_size() >= GROUP_BYTES {
                    writer.flush().map_err(storage)?;
                }
                Ok(std::mem::take(writer.inner_mut()))
            }
        }
    }

    fn end(&mut self) -> Result<Vec<u8>> {
        let Self::Parquet { writer, .. } = self else { return Ok(Vec::new()) };
        writer.finish().map_err(storage)?;
        Ok(std::mem::take(writer.inner_mut()))
    }
}

/// daff's row about columns (paulfitz.github.io/daff-doc/spec.html), if any came, went or was renamed.
fn schema_row(plan: &DiffPlan) -> Option<Vec<String>> {
    let cell = |at| match plan.column(at) {
        (None, Some(_)) => "+++".to_owned(),
        (Some(_), None) => "---".to_owned(),
        (Some(before), Some(after)) if before.name != after.name => format!("({})", before.name),
        _ => String::new(),
    };
    let cells: Vec<String> = (0..plan.columns.len()).map(cell).collect();
    let any = cells.iter().any(|cell| !cell.is_empty());
    any.then(|| std::iter::once("!".to_owned()).chain(cells).collect())
}

/// daff's row of cells: a cell that changed is the old one, an arrow that the old cells do not hold, and the new one.
fn daff_row(change: Change, old: &[Text<'_>], new: &[Text<'_>]) -> Vec<Vec<u8>> {
    let quoted = |cells: &[Text<'_>]| cells.iter().map(|cell| daff_cell(cell.as_deref())).collect::<Vec<_>>();
    let (tag, cells) = match change {
        Change::Removed => ("---".to_owned(), quoted(old)),
        Change::Added => ("+++".to_owned(), quoted(new)),
        Change::Changed => {
            let mut arrow = "->".to_owned();
            let holds = |arrow: &str| {
                let window =
                    |cell: &Cow<'_, [u8]>| cell.windows(arrow.len()).any(|part| part == arrow.as_bytes());
                old.iter().chain(new).flatten().any(window)
            };
            while holds(&arrow) {
                arrow.insert(0, '-');
            }
            let pairs = old.iter().zip(new).map(|(old, new)| {
                let (before, after) = (daff_cell(old.as_deref()), daff_cell(new.as_deref()));
                match old == new {
                    true => after,
                    false => [&before, arrow.as_bytes(), &after].concat(),
                }
            });
            (arrow.clone(), pairs.collect())
        }
    };
    std::iter::once(tag.into_bytes()).chain(cells).collect()
}

/// NULL is written so; a text that could be taken for it gets an underscore more.
fn daff_cell(cell: Option<&[u8]>) -> Vec<u8> {
    let Some(text) = cell else { return b"NULL".to_vec() };
    let word = text.iter().position(|&byte| byte != b'_').map_or(&b""[..], |at| &text[at..]);
    if word == b"NULL" { [b"_", text].concat() } else { text.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_daff() {
        for (cell, want) in [
            (None, "NULL"),
            (Some("NULL"), "_NULL"),
            (Some("__NULL"), "___NULL"),
            (Some("_"), "_"),
            (Some(""), ""),
        ] {
            assert_eq!(daff_cell(cell.map(str::as_bytes)), want.as_bytes());
        }
        let text = |text: &'static str| Some(Cow::Borrowed(text.as_bytes()));
        let row = daff_row(
            Change::Changed,
            &[text("1"), text("a->b"), None],
            &[text("1"), text("c"), text("NULL")],
        );
        assert_eq!(
            row.iter().map(|cell| String::from_utf8_lossy(cell)).collect::<Vec<_>>(),
            ["-->", "1", "a->b-->c", "NULL-->_NULL"]
        );
    }
}

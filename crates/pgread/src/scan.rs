//! One SELECT, streamed into Arrow batches.

use crate::{
    catalogue::{SourceColumn, TableDescription},
    client::{Backend, Client, GRACE},
    decode::{Cells, ColumnBuilder},
    explain,
    in_flight::{Canceller, Stop, WithStop},
    sql::{self, Hashing, SelectList},
    wire::{
        Failure,
        pipeline::{self, Format, ResultColumn, Timeouts},
        stream::MAX_MESSAGE_BYTES,
    },
};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema, SchemaRef};
use mycorr_domain::{Column, ColumnType, Problem, Result, column::field_names};
use postgres_protocol::message::backend::Message;
use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};
use tokio::time::Instant;

/// Ends of a read that no honest one comes to.
#[derive(Clone, Copy, Debug)]
pub struct ScanLimits {
    /// The longest silence of the server, before the first row and between two. `None` for no limit: a query may
    /// compute for hours, and a server that is gone is found by TCP's keep-alive.
    pub idle: Option<Duration>,
    /// The longest read as a whole; the server ends it by itself.
    pub total: Duration,
    /// The largest row, in bytes as sent.
    pub row: usize,
}

impl Default for ScanLimits {
    fn default() -> Self {
        Self { idle: None, total: Duration::from_secs(24 * 3600), row: 64 << 20 }
    }
}

/// How long a read waits for somebody's lock on the table.
pub(crate) const LOCK: Duration = Duration::from_secs(10);
/// A batch is handed over when it has come to so many bytes, as sent, or rows.
const BATCH_BYTES: usize = 2 << 20;
const BATCH_ROWS: usize = 64 << 10;
/// So many bytes of rows are gone through once for each column: they and the places of their cells stay in the
/// processor's cache.
const DECODE_CHUNK_BYTES: usize = 128 << 10;

/// `text`'s.
const TEXT_OID: u32 = 25;

/// So much of a row over the limit is read to see which column makes it so large.
const MAX_NAMING_BYTES: usize = 64 << 10;

/// A table being read.
pub struct Scan {
    pub(crate) client: Client,
    pub(crate) wanted: SelectList,
    /// Which statement it is in the ledger.
    pub(crate) template: &'static str,
    /// The SELECT, and what its result's columns have to be.
    pub(crate) text: String,
    pub(crate) expected: Vec<(u32, Format)>,
    pub(crate) begun: bool,
    backend: Option<Backend>,
    pub(crate) schema: String,
    pub(crate) table: String,
    pub(crate) columns: Vec<Column>,
    builders: Vec<ColumnBuilder>,
    cells: Cells,
    pub(crate) limits: ScanLimits,
    /// The fields of the batches so far; grows when a companion is needed.
    fields: SchemaRef,
    rows: u64,
    pub(crate) began: Instant,
    /// How many SELECTs are to come to their end: one, or of a part of a table one for each of its ranges.
    pub(crate) selects: usize,
    /// CommandComplete of the last has come: nothing but ReadyForQuery may follow.
    complete: bool,
    /// ReadyForQuery has come.
    ready: bool,
}

impl Client {
    /// Prepares to read `table`: the columns of these names, or all that the role may read. Asks which process will
    /// answer; the SELECT itself is sent by [`Scan::begin`].
    ///
    /// # Errors
    /// `column_permission_denied` for a column that the role may not read, `source_changed` if there is none of a
    /// name.
    pub async fn read(
        mut self,
        table: &TableDescription,
        names: Option<&[String]>,
        limits: ScanLimits,
    ) -> Result<Scan> {
        let chosen = choose(table, names, self.target.endpoint.role())?;
        let backend = self.backend().await;
        let fields = field_names(chosen.iter().map(|column| column.name.as_str()));
        let columns: Vec<Column> = chosen
            .iter()
            .zip(fields)
            .map(|(column, field)| Column {
                name: column.name.clone(),
                position: column.position,
                pg_type: column.pg_type.clone(),
                stored: column.stored,
                nullable: column.nullable,
                field,
                tree: column.tree.clone(),
            })
            .collect();
        let (schema, name) = (&table.entry.schema, &table.entry.name);
        let wanted = SelectList {
            columns: chosen.iter().map(|column| (column.name.clone(), column.mask())).collect(),
            conditions: table.conditions.clone(),
        };
        Ok(Scan {
            text: sql::select_rows(schema, name, &wanted, None),
            wanted,
            template: sql::SELECT,
            expected: chosen.iter().map(|column| (column.type_oid, column.mapping.format)).collect(),
            begun: false,
            backend,
            builders: columns
                .iter()
                .zip(&chosen)
                .map(|(column, source)| {
                    ColumnBuilder::new(column, source.mapping.format).masked(source.hasher())
                })
                .collect(),
            fields: Arc::new(Schema::new(columns.iter().map(Column::arrow_field).collect::<Vec<Field>>())),
            cells: Cells::new(columns.len()),
            client: self,
            schema: schema.clone(),
            table: name.clone(),
            columns,
            limits,
            rows: 0,
            began: Instant::now(),
            selects: 1,
            complete: false,
            ready: false,
        })
    }
}

/// The columns of these names, or all that the role may read.
pub(crate) fn choose<'a>(
    table: &'a TableDescription,
    names: Option<&[String]>,
    role: &str,
) -> Result<Vec<&'a SourceColumn>> {
    let (schema, name) = (table.entry.schema.as_str(), table.entry.name.as_str());
    if let Some(problem) = &table.entry.problem {
        return Err(problem.clone());
    }
    let Some(names) = names else {
        return Ok(table.columns.iter().filter(|column| column.readable).collect());
    };
    names
        .iter()
        .map(|wanted| {
            let column = table.columns.iter().find(|column| column.name == *wanted);
            let column = column.ok_or_else(|| explain::column_not_found(schema, name, wanted))?;
            if !column.readable {
                return Err(explain::column_permission_denied(schema, name, &[wanted], role));
            }
            Ok(column)
        })
        .collect()
}

impl Scan {
    /// Sends the one SELECT and waits for the description of its rows, which comes with the first of them.
    ///
    /// # Errors
    /// As every read; `source_changed` if the table is no longer as it was described.
    pub async fn begin(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        let formats = self.formats();
        self.began = Instant::now();
        let parameters: Vec<&str> = self.wanted.conditions.parameters.iter().map(String::as_str).collect();
        let settings = self.client.enter(self.template, &self.text, &parameters, self.timeouts()).await?;
        self.await_rows();
        let described = async {
            self.client.send(&settings, &self.text, &self.wanted.conditions.parameters, &formats).await?;
            let columns = pipeline::columns(&mut self.client.wire).await;
            self.client.wire.expect_many();
            columns
        };
        let described = described.await;
        let described = match described {
            Ok(described) => described,
            Err(failure) => return Err(self.failed(failure).await),
        };
        if !self.is_expected(&described) {
            let failure = Failure::Protocol("another result than described".into());
            let stop = self.client.ended(Err(Some(&failure))).await;
            return Err(explain::source_changed(&self.schema, &self.table).with_stop(stop));
        }
        Ok(())
    }

    /// The same read, of what its rows come to instead of the rows: one text.
    pub(crate) fn hashing(self, hashing: Hashing) -> Self {
        let stored: Vec<ColumnType> = self.columns.iter().map(|column| column.stored).collect();
        let text = sql::checksums(&self.schema, &self.table, &self.wanted, &stored, hashing);
        let figures = Column {
            name: "figures".into(),
            position: 1,
            pg_type: "text".into(),
            stored: ColumnType::Text,
            nullable: true,
            field: "figures".into(),
            tree: None,
        };
        Self {
            template: sql::CHECKSUMS,
            text,
            expected: vec![(TEXT_OID, Format::Text)],
            builders: vec![ColumnBuilder::new(&figures, Format::Text)],
            fields: Arc::new(Schema::new(vec![figures.arrow_field()])),
            cells: Cells::new(1),
            columns: vec![figures],
            ..self
        }
    }

    pub(crate) fn formats(&self) -> Vec<Format> {
        self.expected.iter().map(|(_, format)| *format).collect()
    }

    /// The values that its rows are compared with.
    pub(crate) fn parameters(&self) -> &[String] {
        &self.wanted.conditions.parameters
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        Timeouts { statement: self.limits.total, lock: LOCK }
    }

    /// From here on the server may take as long as a read may.
    pub(crate) fn await_rows(&mut self) {
        self.client.wire.limits.idle = self.limits.idle.unwrap_or(self.limits.total + GRACE);
        self.client.wire.limits.deadline = Some(Instant::now() + self.limits.total + GRACE);
    }

    /// Whether the result is what the table was described to give.
    pub(crate) fn is_expected(&self, described: &[ResultColumn]) -> bool {
        let expected = self.expected.iter().map(|&(oid, format)| (oid, format as i16));
        described.iter().map(|column| (column.type_oid, column.format)).eq(expected)
    }

    /// What is read, in the order of the batches' columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes received on this connection.
    pub fn bytes(&self) -> u64 {
        self.client.wire.received()
    }

    /// [`Scan::bytes`], for somebody who looks while [`Scan::next`] waits.
    pub fn received(&self) -> Arc<AtomicU64> {
        self.client.wire.received_counter()
    }

    pub fn canceller(&self) -> Canceller {
        self.client.canceller.clone()
    }

    /// The process that works on it, where that can be known.
    pub fn backend(&self) -> Option<Backend> {
        self.backend
    }

    /// Closes the connection. A read that is not over is stopped at the server.
    pub async fn close(self) -> Stop {
        self.client.close().await
    }

    /// The next batch, `None` after the last. Companions ([`Column::exact_field`]) stand behind the columns
    /// once they are needed, and from then on.
    ///
    /// # Errors
    /// As every read; nothing more comes after one, and the server works on it no longer, or the problem says so.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        self.begin().await?;
        if !self.client.is_running() {
            return Ok(None);
        }
        match self.batch().await {
            Ok(Some(batch)) => Ok(Some(batch)),
            Ok(None) => {
                self.client.ended(Ok(self.rows)).await;
                Ok(None)
            }
            Err(failure) => Err(self.failed(failure).await),
        }
    }

    /// The server has said elsewhere that it no longer works on this: the read is over.
    pub async fn lost(&mut self) -> Problem {
        self.client.gone();
        let problem = self.failed(Failure::Lost(std::io::ErrorKind::ConnectionAborted.into())).await;
        Problem {
            detail: format!("{} The server's process that worked on it is gone.", problem.detail),
            ..problem
        }
    }

    /// Ends the read at the server, if need be, and says what went wrong.
    async fn failed(&mut self, failure: Failure) -> Problem {
        let early = self.client.wire.limits.deadline.is_some_and(|deadline| Instant::now() < deadline);
        let failure = match (failure, self.limits.idle) {
            (Failure::TimedOut, Some(idle)) if early => Failure::Idle(idle),
            (failure, _) => failure,
        };
        let stop = self.client.ended(Err(Some(&failure))).await;
        let problem = match failure {
            Failure::RowTooLarge { row, column, bytes } => {
                let column = column.and_then(|at| self.columns.get(at)).map(|column| column.name.as_str());
                explain::row_too_large(&self.schema, &self.table, row, column, bytes, self.limits.row)
            }
            failure => {
                let took = self.began.elapsed();
                self.client.read_failed(&failure, &self.schema, &self.table, took).await
            }
        };
        problem.with_stop(stop)
    }

    async fn batch(&mut self) -> Result<Option<RecordBatch>, Failure> {
        let mut rows = 0;
        let mut bytes = 0;
        while !self.ready && rows < BATCH_ROWS && bytes < BATCH_BYTES {
            let taken = if self.complete {
                0
            } else {
                self.locate(rows, DECODE_CHUNK_BYTES.min(BATCH_BYTES - bytes))?
            };
            if taken > 0 {
                let input = self.client.wire.input();
                for (at, builder) in self.builders.iter_mut().enumerate() {
                    builder.extend(&self.cells, input, at)?;
                }
                self.client.wire.take(taken);
                rows += self.cells.rows();
                bytes += taken;
                continue;
            }
            match self.client.wire.peek(MAX_MESSAGE_BYTES)? {
                Some((b'D', length)) if !self.complete => {
                    let wanted = if length > self.limits.row { length.min(MAX_NAMING_BYTES) } else { length };
                    let missing = wanted.saturating_sub(self.client.wire.input().len()).max(1);
                    self.client.wire.fill(missing).await?;
                }
                None => self.client.wire.fill(5).await?,
                // CommandComplete, ReadyForQuery, an error, or a notice in between.
                Some(_) => match self.client.wire.message().await? {
                    Message::CommandComplete(_) if !self.complete => {
                        self.selects -= 1;
                        self.complete = self.selects == 0;
                        if !self.complete {
                            self.client.finish_one(self.rows + rows as u64);
                        }
                    }
                    Message::ReadyForQuery(_) if self.complete => self.ready = true,
                    _ => return Err(Failure::Protocol("unexpected message among the rows".into())),
                },
            }
        }
        self.rows += rows as u64;
        if rows == 0 { Ok(None) } else { Ok(Some(self.assemble(rows))) }
    }

    /// Locates the cells of the DataRows that are there in full, and says how many bytes they take. `before` is
    /// how many rows the batch already has.
    fn locate(&mut self, before: usize, most_bytes: usize) -> Result<usize, Failure> {
        self.cells.clear();
        let Self { client, cells, limits, rows, .. } = self;
        let input = client.wire.input();
        let mut at = 0;
        while before + cells.rows() < BATCH_ROWS && at < most_bytes {
            let Some(&[b'D', a, b, c, d]) = input[at..].first_chunk::<5>() else { break };
            let length = u32::from_be_bytes([a, b, c, d]) as usize;
            if length > limits.row {
                if input.len() - at < length.min(MAX_NAMING_BYTES) {
                    break;
                }
                let row = *rows + (before + cells.rows()) as u64;
                return Err(too_large(&input[at..], row, length, limits.row));
            }
            let end = at + 1 + length;
            if length < 6 {
                return Err(Failure::Protocol("a row shorter than its count of columns".into()));
            }
            if end > input.len() {
                break;
            }
            cells.locate(input, at + 5, end)?;
            at = end;
        }
        Ok(at)
    }

    fn assemble(&mut self, rows: usize) -> RecordBatch {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.builders.len());
        let mut companions = Vec::new();
        for (builder, column) in self.builders.iter_mut().zip(&self.columns) {
            let (array, exact) = builder.finish(rows);
            arrays.push(array);
            companions.extend(exact.map(|exact| (column.exact_field(), exact)));
        }
        if self.fields.fields().len() != self.columns.len() + companions.len() {
            let fields = self.columns.iter().map(Column::arrow_field);
            let fields = fields.chain(companions.iter().map(|(field, _)| field.clone()));
            self.fields = Arc::new(Schema::new(fields.collect::<Vec<Field>>()));
        }
        arrays.extend(companions.into_iter().map(|(_, exact)| exact));
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.fields.clone(), arrays, &options)
            .expect("every builder has a cell for every row, of its column's type")
    }
}

/// Names the column that takes a row over the limit, as far as its cells have arrived.
fn too_large(message: &[u8], row: u64, bytes: usize, limit: usize) -> Failure {
    let mut at = 7;
    let mut column = None;
    for index in 0.. {
        let Some(&[a, b, c, d]) = message.get(at..).and_then(|rest| rest.first_chunk::<4>()) else { break };
        let length = u32::from_be_bytes([a, b, c, d]);
        at += 4 + if length == u32::MAX { 0 } else { length as usize };
        column = Some(index);
        if at > limit {
            break;
        }
    }
    Failure::RowTooLarge { row, column, bytes: bytes as u64 }
}

//! One SELECT, streamed into Arrow batches.

mod batches;

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
    },
};
use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema, SchemaRef};
use mycorr_domain::{Column, ColumnType, Problem, Result, column::field_names};
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

/// `text`'s.
const TEXT_OID: u32 = 25;

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
}

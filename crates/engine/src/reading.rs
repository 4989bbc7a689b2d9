//! From the source into a version: one SELECT, read on one task and written on another.

use crate::{Engine, runner::Made};
use arrow_array::RecordBatch;
use mycorr_domain::{Code, Problem, Result, TableWriter};
use mycorr_meta::{Beat, JobKind, Purpose, Work};
use mycorr_pgread::{Client, Scan, ScanLimits, Statement, TableDescription, Unread};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How many batches wait between reader and writer, besides the one that each holds.
const WAITING_BATCHES: usize = 1;

/// Rows and bytes read so far.
#[derive(Clone, Default)]
pub(crate) struct Progress(Arc<(AtomicU64, AtomicU64)>);

impl Progress {
    pub(crate) fn read(&self) -> (u64, u64) {
        (self.0.0.load(Relaxed), self.0.1.load(Relaxed))
    }

    fn set(&self, rows: u64, bytes: u64) {
        self.0.0.store(rows, Relaxed);
        self.0.1.store(bytes, Relaxed);
    }
}

fn interrupted() -> Problem {
    Problem::new(Code::Cancelled, "The job was interrupted. Nothing was changed.")
}

impl Engine {
    /// Reads a job's source into a new version of its table.
    pub(crate) async fn read(
        &self,
        work: &Work,
        progress: &Progress,
        abort: &CancellationToken,
    ) -> Result<Made> {
        let source = &work.job.source;
        let purpose = match work.job.kind {
            JobKind::Import => Purpose::Import,
            _ => Purpose::Sync,
        };
        let connection = match source.connection {
            Some(id) => self.meta.connection_of_job(id).await?,
            None => None,
        };
        let connection = connection.ok_or_else(|| {
            Problem::new(Code::NotFound, "The connection that this table comes through was deleted.")
                .fix("Import the table again through another connection.")
        })?;
        let target = self.target(&connection).await?;
        let note = |statements: Vec<Statement>| {
            self.note(connection.id, work.job.requested_by, purpose, Some(work.job.id), statements)
        };

        let connecting = abort.run_until_cancelled(Client::connect(&self.dialer, &target));
        let mut client = connecting.await.unwrap_or_else(|| Err(interrupted()))?;
        let described = client.describe(&source.schema, &source.table).await;
        note(client.statements()).await;
        let described = match described {
            Ok(described) => described,
            Err(problem) => {
                client.close().await;
                return Err(problem);
            }
        };
        let mut scan = match client.read(&described, source.columns.as_deref(), ScanLimits::default()).await {
            Ok(scan) => scan,
            Err(unread) => {
                let Unread { problem, mut client } = *unread;
                note(client.statements()).await;
                client.close().await;
                return Err(problem);
            }
        };
        let columns = scan.columns().to_vec();
        let made = async {
            if !self.meta.note_reading(work.lease, &columns, described.entry.estimated_rows).await? {
                return Err(interrupted());
            }
            self.store.write(work.job.table, &columns, work.job.id).await
        };
        let writer = match made.await {
            Ok(writer) => writer,
            Err(problem) => {
                note(scan.close().await).await;
                return Err(problem);
            }
        };
        note(scan.statements()).await;

        let (batches, received) = mpsc::channel(WAITING_BATCHES);
        let reader = tokio::spawn(pump(scan, batches, progress.clone(), abort.clone()));
        let written = write(writer, received).await;
        let (read, statements) = reader.await.map_err(Problem::bug)?;
        note(statements).await;
        // A writer that fails makes the reader end, so what it says comes first.
        let writer = written?;
        let rows = read?;
        if abort.is_cancelled() || self.beat(work, progress).await? != Beat::Held {
            return Err(interrupted());
        }
        let committed = writer.commit().await?;
        Ok(Made { columns, committed, warning: row_security(&described, rows) })
    }

    async fn beat(&self, work: &Work, progress: &Progress) -> Result<Beat> {
        let (rows, bytes) = progress.read();
        self.meta.report(work.lease, rows, bytes, crate::runner::LEASE).await
    }
}

/// Reads until the end, an error, an abort, or until nobody takes the batches any more. Returns how many rows
/// there were, and what was sent.
async fn pump(
    mut scan: Scan,
    batches: mpsc::Sender<RecordBatch>,
    progress: Progress,
    abort: CancellationToken,
) -> (Result<u64>, Vec<Statement>) {
    let canceller = scan.canceller();
    let read = async {
        while let Some(batch) = scan.next().await? {
            progress.set(scan.rows(), scan.bytes());
            if batches.send(batch).await.is_err() {
                return Err(interrupted());
            }
        }
        progress.set(scan.rows(), scan.bytes());
        Ok(scan.rows())
    };
    let read = abort.run_until_cancelled(read).await.unwrap_or_else(|| Err(interrupted()));
    if matches!(&read, Err(problem) if problem.code == Code::Cancelled) {
        // The server works on until it is told.
        canceller.cancel().await;
    }
    (read, scan.close().await)
}

/// Writes what comes until no more does.
async fn write(
    mut writer: Box<dyn TableWriter>,
    mut batches: mpsc::Receiver<RecordBatch>,
) -> Result<Box<dyn TableWriter>> {
    while let Some(batch) = batches.recv().await {
        writer.write(batch).await?;
    }
    Ok(writer)
}

/// What has to be said when the source may have hidden rows from the role.
fn row_security(table: &TableDescription, rows: u64) -> Option<Problem> {
    let name = format!("{}.{}", table.entry.schema, table.entry.name);
    table.row_security.then(|| {
        Problem::new(
            Code::RowSecurityHidesRows,
            format!("Row-level security is on for {name}: the role sees {rows} rows, of perhaps more."),
        )
        .fix(
            "If all rows are meant to come over, let the table's owner add a policy that shows them to the role \
             (CREATE POLICY … FOR SELECT TO … USING (true)).",
        )
    })
}

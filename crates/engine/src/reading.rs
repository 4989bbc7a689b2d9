//! From the source into a version: one SELECT, read on one task and written on another.

use crate::{
    imports::quota_exceeded,
    liveness::Liveness,
    runner::{Made, Runner},
    source::{self, Found},
    source_limits::{self, Throttle},
};
use arrow_array::RecordBatch;
use mycorr_domain::{Code, ModelId, Problem, Result, TableWriter};
use mycorr_meta::{Beat, JobKind, Purpose, Told, WaitingFor, Work};
use mycorr_pgread::{Client, Scan, Stop, TableDescription, WithStop};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How many batches wait between reader and writer, besides the one that each holds.
const WAITING_BATCHES: usize = 1;

/// How far a read is.
#[derive(Clone, Default)]
pub(crate) struct Progress(Arc<Mutex<Told>>);

impl Progress {
    pub(crate) fn read(&self) -> Told {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, rows: u64, bytes: u64, waiting_for: Option<WaitingFor>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Told { rows, bytes, waiting_for };
    }
}

fn interrupted() -> Problem {
    Problem::new(Code::Cancelled, "The job was cancelled. Nothing was changed.")
}

impl Runner {
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
            Problem::new(Code::NotFound, "The connection that this table comes through was deleted.").fix(
                "Point the table at another connection of yours (Use another connection), then sync again.",
            )
        })?;
        let limits = connection.limits;
        let journal =
            self.connections.ledger(connection.id, work.job.requested_by, purpose, Some(work.job.id));
        let mut client = {
            // The password goes as soon as it has been used.
            let target = self.connections.target(&connection).await?;
            let connecting = Client::connect(&self.connections.dialer, &target, journal.clone());
            match abort.run_until_cancelled(connecting).await.unwrap_or_else(|| Err(interrupted())) {
                Ok(client) => client,
                Err(problem) => return Err(self.connections.sign_in_failed(&connection, problem).await),
            }
        };
        let looking = async {
            let found = self.find_source(&mut client, work, connection.id).await?;
            source_limits::check_duration(limits, &found.description, found.columns.is_none())?;
            // What the role may do is looked at again at every sync. A table can be read without knowing it.
            let passport = match work.job.kind {
                JobKind::Sync => client.passport().await.ok(),
                _ => None,
            };
            Ok((found, passport))
        };
        let looked = abort.run_until_cancelled(looking).await.unwrap_or_else(|| Err(interrupted()));
        let (Found { description: described, columns: chosen, record }, passport) = match looked {
            Ok(looked) => looked,
            Err(problem) => return Err(problem.with_stop(client.close().await)),
        };
        self.connections.remember_passport(connection.id, passport).await;
        let started = Instant::now();
        let ended = |problem| source_limits::explain(problem, limits, started.elapsed());
        let scan_limits = source_limits::scan_limits(limits, self.largest_row, self.waiting.idle_timeout);
        let preparing = client.read(&described, chosen.as_deref(), scan_limits);
        let mut scan = abort.run_until_cancelled(preparing).await.unwrap_or_else(|| Err(interrupted()))?;
        let columns = scan.columns().to_vec();
        let liveness =
            Liveness { connections: self.connections.clone(), waiting: self.waiting, connection, journal };
        let making = async {
            let (backend, received) = (scan.backend(), scan.received());
            let begun = tokio::select! {
                biased;
                begun = scan.begin() => Some(begun),
                () = liveness.lost(backend, &received) => None,
            };
            match begun {
                Some(begun) => begun.map_err(ended)?,
                None => return Err(scan.lost().await),
            }
            if !self.meta.note_reading(work.lease, &columns, &record, described.entry.estimated_rows).await? {
                return Err(interrupted());
            }
            self.store.write(work.right, &columns).await
        };
        let made = abort.run_until_cancelled(making).await.unwrap_or_else(|| Err(interrupted()));
        let writer = match made {
            Ok(writer) => writer,
            Err(problem) => return Err(problem.with_stop(scan.close().await)),
        };

        let (batches, received) = mpsc::channel(WAITING_BATCHES);
        let throttle = Throttle::of(&self.meta, liveness.connection.id, limits);
        let reader = tokio::spawn(pump(scan, batches, progress.clone(), throttle, liveness, abort.clone()));
        let written = self.write(writer, received, work.job.model).await;
        let (read, stop) = reader.await.map_err(Problem::bug)?;
        // A writer that fails makes the reader end, so what it says comes first.
        let writer = written.map_err(|problem| problem.with_stop(stop))?;
        let rows = read.map_err(|problem| ended(problem).with_stop(stop))?;
        if abort.is_cancelled() || self.beat(work, progress).await? != Beat::Held {
            return Err(interrupted());
        }
        let mut writer = writer;
        let committed = match self.is_unchanged(work, &columns, &record, &mut *writer).await? {
            true => None,
            false => Some(writer.commit().await?),
        };
        let warning = source::changed(&record, &work.job.source, row_security(&described, rows));
        Ok(Made { columns, source: Some(record), committed, warning })
    }

    /// Writes what comes until no more does.
    async fn write(
        &self,
        mut writer: Box<dyn TableWriter>,
        mut batches: mpsc::Receiver<RecordBatch>,
        model: ModelId,
    ) -> Result<Box<dyn TableWriter>> {
        let within = |left: Option<u64>, bytes: u64| match left {
            Some(left) if bytes > left => {
                Err(quota_exceeded(self.imports.max_bytes_per_user.unwrap_or(left)))
            }
            _ => Ok(()),
        };
        let left = self.imports.storage_left(model).await?;
        while let Some(batch) = batches.recv().await {
            writer.write(batch).await?;
            within(left, writer.bytes())?;
        }
        // Other jobs of the same Models may have ended meanwhile.
        let bytes = writer.finish().await?;
        within(self.imports.storage_left(model).await?, bytes)?;
        Ok(writer)
    }

    async fn beat(&self, work: &Work, progress: &Progress) -> Result<Beat> {
        self.meta.report(work.lease, progress.read(), crate::runner::LEASE).await
    }
}

/// Reads until the end, an error, an abort, or until nobody takes the batches any more. Returns how many rows
/// there were, and whether the server has stopped.
async fn pump(
    mut scan: Scan,
    batches: mpsc::Sender<RecordBatch>,
    progress: Progress,
    mut throttle: Option<Throttle>,
    liveness: Liveness,
    abort: CancellationToken,
) -> (Result<u64>, Stop) {
    let read = async {
        let mut paid = scan.bytes();
        loop {
            let (backend, received) = (scan.backend(), scan.received());
            let next = tokio::select! {
                biased;
                batch = scan.next() => Some(batch?),
                () = liveness.lost(backend, &received) => None,
            };
            let Some(next) = next else { return Err(scan.lost().await) };
            let Some(batch) = next else { break };
            let wait = match &mut throttle {
                Some(throttle) => {
                    throttle.after(scan.bytes() - std::mem::replace(&mut paid, scan.bytes())).await
                }
                None => Duration::ZERO,
            };
            let waiting_for = (!wait.is_zero()).then_some(WaitingFor::BytesPerSecond);
            progress.set(scan.rows(), scan.bytes(), waiting_for);
            if batches.send(batch).await.is_err() {
                return Err(interrupted());
            }
            tokio::time::sleep(wait).await;
        }
        progress.set(scan.rows(), scan.bytes(), None);
        Ok(scan.rows())
    };
    let read = abort.run_until_cancelled(read).await.unwrap_or_else(|| Err(interrupted()));
    (read, scan.close().await)
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

//! From the source into a version: one SELECT, or one for each of several connections, each read on one task and all
//! written on another.

use crate::{
    liveness::Liveness,
    parallel_read::Reading,
    runner::{JobOutput, Made, Runner},
    source::{self, Found},
    source_limits::{self, Throttle},
    unchanged::is_damaged,
};
use arrow_array::RecordBatch;
use futures::future::join_all;
use mycorr_domain::{Code, ModelId, Problem, Result, Section, SourceChecksums, TableWriter};
use mycorr_meta::{ClaimedJob, Connection, JobKind, JobProgress, LeaseStatus, Purpose, WaitingFor};
use mycorr_pgread::{Agreed, ChecksumScan, Client, Journal, Scan, Stop, TableDescription, WithStop};
use mycorr_traces::Span;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// How many batches wait between reader and writer, besides the one that each holds.
const WAITING_BATCHES: usize = 1;

/// How far a read is.
#[derive(Clone, Default)]
pub(crate) struct Progress(Arc<Mutex<JobProgress>>);

impl Progress {
    pub(crate) fn read(&self) -> JobProgress {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many more have come through one of the connections.
    fn add(&self, rows: u64, bytes: u64, waiting_for: Option<WaitingFor>) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *told = JobProgress { rows: told.rows + rows, bytes: told.bytes + bytes, waiting_for };
    }
}

pub(crate) fn interrupted() -> Problem {
    Problem::new(Code::Cancelled, "The job was cancelled. Nothing was changed.")
}

impl Runner {
    /// Connects to where a job's table comes from.
    pub(crate) async fn open_source(
        &self,
        work: &ClaimedJob,
        purpose: Purpose,
        abort: &CancellationToken,
    ) -> Result<(Connection, Arc<dyn Journal>, Client)> {
        let connection = match work.job.source.connection {
            Some(id) => self.meta.connection_of_job(id).await?,
            None => None,
        };
        let connection = connection.ok_or_else(|| {
            Problem::new(Code::NotFound, "The connection that this table comes through was deleted.").fix(
                "Point the table at another connection of yours (Use another connection), then sync again.",
            )
        })?;
        let journal =
            self.connections.ledger(connection.id, work.job.requested_by, purpose, Some(work.job.id));
        let client = {
            // The password goes as soon as it has been used.
            let target = self.connections.target(&connection).await?;
            let connecting = Client::connect(&self.connections.dialer, &target, journal.clone());
            let span = Span::child("connect");
            span.note("mycorr.connection.id", &connection.id);
            let connecting = span.attempt(connecting);
            match abort.run_until_cancelled(connecting).await.unwrap_or_else(|| Err(interrupted())) {
                Ok(client) => client,
                Err(problem) => return Err(self.connections.sign_in_failed(&connection, problem).await),
            }
        };
        Ok((connection, journal, client))
    }

    /// Reads a job's source into a new version of its table.
    pub(crate) async fn read(
        &self,
        work: &ClaimedJob,
        progress: &Progress,
        abort: &CancellationToken,
    ) -> Result<JobOutput> {
        let purpose = match work.job.kind {
            JobKind::Import => Purpose::Import,
            _ => Purpose::Sync,
        };
        let (connection, journal, mut client) = self.open_source(work, purpose, abort).await?;
        let limits = connection.limits;
        let looking = async {
            let found = self.find_source(&mut client, work, connection.id).await?;
            source_limits::check_duration(
                limits,
                &found.description,
                found.columns.is_none() && found.record.filter.is_empty(),
            )?;
            // What the role may do is looked at again at every sync. A table can be read without knowing it.
            let passport = match work.job.kind {
                JobKind::Sync => client.passport().await.ok(),
                _ => None,
            };
            let most = usize::try_from(connection.max_connections).unwrap_or(1);
            let division = client.divide(&found.description, most).await;
            Ok((found, passport, division))
        };
        let looking = Span::child("describe").attempt(looking);
        let looked = abort.run_until_cancelled(looking).await.unwrap_or_else(|| Err(interrupted()));
        let (found, passport, division) = match looked {
            Ok(looked) => looked,
            Err(problem) => return Err(problem.with_stop(client.close().await)),
        };
        let Found { description: described, columns: chosen, record, .. } = &found;
        self.connections.remember_passport(connection.id, passport).await;
        let started = Instant::now();
        let ended = |problem| source_limits::explain(problem, limits, started.elapsed());
        let scan_limits = source_limits::scan_limits(limits, self.largest_row, self.waiting.idle_timeout);
        let preparing = async {
            let scan = client.read(described, chosen.as_deref(), scan_limits).await?;
            let reading = Reading {
                connection: &connection,
                journal: &journal,
                table: described,
                columns: chosen.as_deref(),
                limits: scan_limits,
                verify: work.verify,
            };
            self.read_in_parallel(scan, &division, reading).await
        };
        let prepared = abort.run_until_cancelled(preparing).await.unwrap_or_else(|| Err(interrupted()))?;
        let Agreed { mut scans, check, note } = prepared;
        let columns = scans[0].columns().to_vec();
        let liveness = Arc::new(Liveness {
            connections: self.connections.clone(),
            waiting: self.waiting,
            connection,
            journal,
        });
        let making = async {
            let scan = &mut scans[0];
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
            // How many rows meet the conditions, nobody has estimated.
            let estimated = described.entry.estimated_rows.filter(|_| record.filter.is_empty());
            if !self.meta.note_reading(work.lease, &columns, record, estimated).await? {
                return Err(interrupted());
            }
            let connections = scans.len() + usize::from(check.is_some());
            self.meta.note_connections(work.lease, connections, note.as_deref()).await?;
            let head = self.meta.table_of_job(work.job.table).await?.head;
            match head.as_ref().is_some_and(is_damaged) {
                true => self.store.write_anew(work.right, &columns).await,
                false => self.store.write(work.right, &columns).await,
            }
        };
        let made = abort.run_until_cancelled(making).await.unwrap_or_else(|| Err(interrupted()));
        let writer = match made {
            Ok(writer) => writer,
            Err(problem) => {
                let given_up = async {
                    if let Some(check) = check {
                        check.close().await;
                    }
                };
                let (stop, ()) = tokio::join!(close(scans), given_up);
                return Err(problem.with_stop(stop));
            }
        };

        let (batches, received) = mpsc::channel(WAITING_BATCHES * scans.len());
        // One that fails ends them all.
        let end = abort.child_token();
        let of = scans.len();
        let pumps = scans.into_iter().enumerate().map(|(index, scan)| {
            let throttle = Throttle::of(&self.meta, liveness.connection.id, limits);
            let (section, batches) = (Section { index, of }, batches.clone());
            let (progress, liveness, end) = (progress.clone(), liveness.clone(), end.clone());
            let (span, pump) =
                (Span::child("read"), pump(scan, section, batches, progress, throttle, liveness, end));
            tokio::spawn(span.clone().around(async move {
                let ended = pump.await;
                match &ended.0 {
                    Ok(rows) => span.count("mycorr.rows", *rows),
                    Err(problem) => span.fail(problem.code),
                }
                ended
            }))
        });
        let pumps: Vec<_> = pumps.collect();
        let check = check.map(|check| {
            let proving = prove(check, liveness.clone(), end.clone());
            tokio::spawn(Span::child("sum source").around(proving))
        });
        drop(batches);
        let written = Span::child("write").attempt(self.write(writer, received, work.job.model)).await;
        let (read, stop) = all(pumps).await?;
        // A writer that fails makes the reader end, so what it says comes first.
        let writer = written.map_err(|problem| problem.with_stop(stop))?;
        let rows = read.map_err(|problem| ended(problem).with_stop(stop))?;
        let checksums = match check {
            Some(check) => check.await.map_err(Problem::bug)?,
            None => None,
        };
        if abort.is_cancelled() || self.beat(work, progress).await? != LeaseStatus::Held {
            return Err(interrupted());
        }
        let mut writer = writer;
        let bytes = Span::child("finish").attempt(writer.finish()).await?;
        let unchanged = self.is_unchanged(work, &columns, record, &mut *writer).await?;
        if !unchanged {
            self.imports.reserve(work.lease, bytes).await?;
        }
        let made = match unchanged {
            true => Made::Nothing,
            false => match self.hold_reasons(work, &columns, rows, &found).await? {
                reasons if reasons.is_empty() => {
                    Made::Version(Span::child("commit").attempt(writer.commit()).await?)
                }
                reasons => Made::Held(Span::child("stage").attempt(writer.stage()).await?, reasons),
            },
        };
        let warning = source::changed(record, &work.job.source, row_security(described, rows));
        Ok(JobOutput { columns, source: Some(found.record), made, warning, checksums })
    }

    /// Writes what comes until no more does.
    async fn write(
        &self,
        mut writer: Box<dyn TableWriter>,
        mut batches: mpsc::Receiver<(Section, RecordBatch)>,
        model: ModelId,
    ) -> Result<Box<dyn TableWriter>> {
        let left = self.imports.storage_left(model).await?;
        while let Some((section, batch)) = batches.recv().await {
            writer.write_section(section, batch).await?;
            self.imports.within(left, writer.bytes())?;
        }
        Ok(writer)
    }

    async fn beat(&self, work: &ClaimedJob, progress: &Progress) -> Result<LeaseStatus> {
        self.meta.report(work.lease, progress.read(), crate::runner::LEASE).await
    }
}

/// Reads until the end, an error, an abort, or until nobody takes the batches any more. Returns how many rows
/// there were, and whether the server has stopped.
async fn pump(
    mut scan: Scan,
    section: Section,
    batches: mpsc::Sender<(Section, RecordBatch)>,
    progress: Progress,
    mut throttle: Option<Throttle>,
    liveness: Arc<Liveness>,
    end: CancellationToken,
) -> (Result<u64>, Stop) {
    let read = async {
        let mut paid = scan.bytes();
        let mut said = (0, 0);
        let mut report = |scan: &Scan, waiting_for| {
            let (rows, bytes) = std::mem::replace(&mut said, (scan.rows(), scan.bytes()));
            progress.add(scan.rows() - rows, scan.bytes() - bytes, waiting_for);
        };
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
            report(&scan, waiting_for);
            if batches.send((section, batch)).await.is_err() {
                return Err(interrupted());
            }
            tokio::time::sleep(wait).await;
        }
        report(&scan, None);
        Ok(scan.rows())
    };
    let read = end.run_until_cancelled(read).await.unwrap_or_else(|| Err(interrupted()));
    if read.is_err() {
        end.cancel();
    }
    (read, scan.close().await)
}

/// Waits for what the source makes of the rows. Without it, a comparison asks again.
async fn prove(
    mut check: ChecksumScan,
    liveness: Arc<Liveness>,
    end: CancellationToken,
) -> Option<SourceChecksums> {
    let (backend, received) = (check.backend(), check.received());
    let figures = async {
        tokio::select! {
            biased;
            figures = check.figures() => figures.map_err(Some),
            () = liveness.lost(backend, &received) => Err(None),
        }
    };
    let figures = end.run_until_cancelled(figures).await;
    check.close().await;
    match figures? {
        Ok(checksums) => Some(checksums),
        Err(problem) => {
            let code = problem.map_or(Code::ConnectionLost, |problem| problem.code).as_str();
            tracing::info!(code, "the source did not count what was read under the same snapshot");
            None
        }
    }
}

/// Waits for all readers: the rows of all, or what made the first of them fail.
async fn all(pumps: Vec<JoinHandle<(Result<u64>, Stop)>>) -> Result<(Result<u64>, Stop)> {
    let (mut read, mut stop) = (Ok(0), Stop::Over);
    for ended in join_all(pumps).await {
        let (more, ended) = ended.map_err(Problem::bug)?;
        if ended == Stop::Unconfirmed {
            stop = ended;
        }
        read = match (read, more) {
            (Ok(rows), Ok(more)) => Ok(rows + more),
            // Those that were ended for another's sake have nothing to tell.
            (Err(problem), Err(other)) if problem.code == Code::Cancelled => Err(other),
            (Err(problem), _) | (_, Err(problem)) => Err(problem),
        };
    }
    Ok((read, stop))
}

async fn close(scans: Vec<Scan>) -> Stop {
    let stops = join_all(scans.into_iter().map(Scan::close)).await;
    if stops.contains(&Stop::Unconfirmed) { Stop::Unconfirmed } else { Stop::Over }
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

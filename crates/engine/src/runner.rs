//! The job runner: workers that claim jobs, keep their leases and see each to its end.

use crate::{Engine, reading::Progress};
use chrono::{TimeDelta, Utc};
use mycorr_domain::{Code, Column, Committed, Problem, Result};
use mycorr_meta::{Beat, JobKind, NewVersion, Told, Work};
use std::{sync::Mutex, time::Duration};
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a worker that stops reporting keeps its job.
pub(crate) const LEASE: TimeDelta = TimeDelta::seconds(20);
/// How often a worker reports.
const BEAT: Duration = Duration::from_millis(500);
/// How often a worker without work looks for jobs that other processes queued or left.
const LOOK: Duration = Duration::from_secs(2);
/// How often the files of removed tables are looked after.
const TIDY: Duration = Duration::from_secs(20);
/// A job that was begun so often and never ended takes its worker down with it.
const MOST_RUNS: i64 = 5;

/// The workers of this process.
pub struct Workers {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Workers {
    /// Stops to claim, interrupts what runs, gives it back to the queue, and waits until that is done.
    pub async fn shut_down(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Why a job is to stop before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interrupt {
    /// Somebody asked for it.
    Cancelled,
    /// The job is somebody else's, or gone.
    Lost,
    /// This process is shutting down.
    Stopping,
}

/// What a run made: the columns, the commit, and what is to be said of it although it went well.
pub(crate) struct Made {
    pub(crate) columns: Vec<Column>,
    pub(crate) committed: Committed,
    pub(crate) warning: Option<Problem>,
}

impl Engine {
    /// Starts `count` workers. What a process that died has left over is found by its lease.
    pub fn start_workers(&self, count: usize) -> Workers {
        let workers = Workers { stop: CancellationToken::new(), tasks: TaskTracker::new() };
        for _ in 0..count {
            let (engine, stop) = (self.clone(), workers.stop.clone());
            workers.tasks.spawn(async move { engine.work(&stop).await });
        }
        let (engine, stop) = (self.clone(), workers.stop.clone());
        workers.tasks.spawn(async move {
            while stop.run_until_cancelled(tokio::time::sleep(TIDY)).await.is_some() {
                engine.tidy().await;
            }
        });
        let (engine, stop) = (self.clone(), workers.stop.clone());
        workers.tasks.spawn(async move { engine.keep_ledgers(&stop).await });
        workers
    }

    async fn work(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            match self.meta.claim(LEASE).await {
                Ok(Some(work)) => {
                    // There may be more for another worker.
                    self.0.queued.notify_one();
                    self.run(work, stop).await;
                }
                Ok(None) => {
                    let wait = tokio::time::timeout(LOOK, self.0.queued.notified());
                    stop.run_until_cancelled(wait).await;
                }
                Err(problem) => {
                    tracing::error!(cause = problem.internal, "no job could be claimed");
                    stop.run_until_cancelled(tokio::time::sleep(LOOK)).await;
                }
            }
        }
    }

    /// Sees a claimed job to its end.
    pub(crate) async fn run(&self, work: Work, stop: &CancellationToken) {
        let (id, kind) = (work.job.id, work.job.kind.as_str());
        tracing::info!(job = %id, kind, run = work.lease.fence, "job begins");
        self.job_changed(id);
        let progress = Progress::default();
        let abort = CancellationToken::new();
        let why = Mutex::new(None);
        let interrupt = |reason| {
            why.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get_or_insert(reason);
            abort.cancel();
        };
        let engine = self.clone();
        let running = {
            let (work, progress, abort) = (work.clone(), progress.clone(), abort.clone());
            tokio::spawn(async move { engine.perform(&work, &progress, &abort).await })
        };
        let see_to_the_end = async {
            let outcome = running.await.unwrap_or_else(|error| Err(Problem::bug(error)));
            let interrupted = *why.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            self.end(&work, outcome, interrupted).await;
        };
        tokio::select! {
            () = see_to_the_end => {}
            () = self.keep(&work, &progress, stop, interrupt) => unreachable!("reports until it is dropped"),
        }
        self.job_changed(id);
    }

    /// Reports until it is dropped, and interrupts the job when there is a reason.
    async fn keep(
        &self,
        work: &Work,
        progress: &Progress,
        stop: &CancellationToken,
        interrupt: impl Fn(Interrupt),
    ) {
        let (mut last, mut said) = (Instant::now(), Told::default());
        loop {
            tokio::select! {
                () = tokio::time::sleep(BEAT) => {}
                () = stop.cancelled() => {
                    interrupt(Interrupt::Stopping);
                    tokio::time::sleep(BEAT).await;
                }
            }
            let now = progress.read();
            match self.meta.report(work.lease, now, LEASE).await {
                Ok(Beat::Held) => last = Instant::now(),
                Ok(Beat::Cancelled) => {
                    last = Instant::now();
                    interrupt(Interrupt::Cancelled);
                }
                Ok(Beat::Lost) => interrupt(Interrupt::Lost),
                // Others take the lease for ours until it ends; stop in time.
                Err(_) if last.elapsed() + 2 * BEAT < LEASE.to_std().unwrap_or_default() => {}
                Err(_) => interrupt(Interrupt::Lost),
            }
            if now != said {
                said = now;
                self.job_changed(work.job.id);
            }
        }
    }

    async fn perform(&self, work: &Work, progress: &Progress, abort: &CancellationToken) -> Result<Made> {
        let (table, job) = (work.job.table, work.job.id);
        if let Some(committed) = self.store.committed(table, job).await? {
            let columns = self.columns_of(work).await?;
            return Ok(Made { columns, committed, warning: None });
        }
        if work.lease.fence > MOST_RUNS {
            return Err(Problem::bug(format!("job was begun {MOST_RUNS} times and never ended")));
        }
        match work.job.kind {
            JobKind::Import | JobKind::Sync => {
                if work.lease.fence > 1 {
                    // Nobody has looked after the files of the run before.
                    self.store.sweep(table).await?;
                }
                self.read(work, progress, abort).await
            }
            JobKind::Restore => {
                let to = self.restored(work).await?;
                let committed = self.store.restore(table, to.store, job).await?;
                Ok(Made { columns: to.columns.to_vec(), committed, warning: None })
            }
        }
    }

    /// What a commit holds that an earlier run made.
    async fn columns_of(&self, work: &Work) -> Result<Vec<Column>> {
        match (&work.columns, work.job.kind) {
            (Some(columns), _) => Ok(columns.clone()),
            (None, JobKind::Restore) => Ok(self.restored(work).await?.columns.to_vec()),
            (None, _) => Err(Problem::bug("a commit of columns that nobody noted")),
        }
    }

    async fn restored(&self, work: &Work) -> Result<mycorr_meta::Version> {
        let (table, _) = self.meta.table(work.job.requested_by, work.job.table).await?;
        self.meta.version(&table, work.restored_version).await
    }

    async fn end(&self, work: &Work, outcome: Result<Made>, interrupted: Option<Interrupt>) {
        let id = work.job.id;
        let problem = match outcome {
            Ok(made) => {
                let new = NewVersion {
                    columns: &made.columns,
                    committed: made.committed,
                    warning: made.warning.as_ref(),
                };
                match self.meta.succeed(work.lease, new).await {
                    Ok(Some(version)) => tracing::info!(job = %id, version, "job succeeded"),
                    Ok(None) => tracing::warn!(job = %id, "job was taken over or its table is gone"),
                    // The commit stands: whoever claims the job next finds it.
                    Err(problem) => {
                        tracing::error!(job = %id, cause = problem.internal, "version could not be recorded");
                    }
                }
                return;
            }
            Err(problem) => problem,
        };
        // What the interrupted read ended with is no news: why it was interrupted is.
        let problem = match interrupted {
            Some(Interrupt::Lost) => {
                tracing::warn!(job = %id, "job was taken over");
                return;
            }
            Some(Interrupt::Stopping) => {
                tracing::info!(job = %id, "job goes back to the queue");
                if let Err(problem) = self.meta.release(work.lease).await {
                    tracing::error!(job = %id, cause = problem.internal, "job could not be given back");
                }
                return;
            }
            // It may say that the server works on.
            Some(Interrupt::Cancelled) if problem.code == Code::Cancelled => problem,
            Some(Interrupt::Cancelled) => {
                Problem::new(Code::Cancelled, "The job was cancelled. Nothing was changed.")
            }
            None => problem,
        };
        tracing::info!(job = %id, code = problem.code.as_str(), cause = problem.internal, "job failed");
        if let Err(problem) = self.store.sweep(work.job.table).await {
            tracing::warn!(job = %id, cause = problem.internal, "leftover files could not be removed");
        }
        if let Err(problem) = self.meta.fail(work.lease, &problem).await {
            tracing::error!(job = %id, cause = problem.internal, "the end of a job could not be recorded");
        }
    }

    /// Removes the files of tables that are gone.
    async fn tidy(&self) {
        let removed = match self.meta.removed_tables(Utc::now()).await {
            Ok(removed) => removed,
            Err(problem) => {
                return tracing::warn!(cause = problem.internal, "removed tables can't be listed");
            }
        };
        for table in removed {
            let deleted = match self.store.delete(table).await {
                Ok(()) => self.meta.forget_removed(table).await,
                Err(problem) => Err(problem),
            };
            if let Err(problem) = deleted {
                tracing::warn!(%table, cause = problem.internal, "the files of a removed table remain for now");
            }
        }
    }
}

//! The job runner: workers that claim jobs, keep their leases and see each to its end.

mod cleanup;
mod end;
mod perform;

use crate::{
    Connections, Imports, Jobs, Notices, Waiting,
    reading::Progress,
    slow_reads::{MIN_WINDOW_BYTES, SLOW_WINDOW, SlowReads},
};
use chrono::TimeDelta;
use mycorr_domain::{
    Column, Committed, HoldReason, Problem, Receipt, Result, SourceChecksums, SourceRecord, TableStore,
};
use mycorr_meta::{ClaimedJob, JobProgress, LeaseStatus, Meta};
use mycorr_traces::{Span, SpanKind};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a worker that stops reporting keeps its job.
pub(crate) const LEASE: TimeDelta = TimeDelta::seconds(20);
/// How often a worker reports.
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(500);
/// How often a worker without work looks for jobs that other processes queued or left.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// How often the files of removed tables are looked after.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(20);
/// When files are looked for first that a crash has left and nobody misses, and how often after that.
const FIRST_ORPHANS: Duration = Duration::from_secs(10 * 60);
const ORPHANS: Duration = Duration::from_secs(24 * 60 * 60);
/// Places beside those that the operator gave, for the first job of a person who has none running.
const FIRST_PLACES: usize = 2;
/// Between two reads that are given up: as long as it takes to end one at its source, at most.
const GIVE_UP_INTERVAL: Duration = Duration::from_secs(10);
/// How many jobs may run beside the places, of sources that send next to nothing.
const MAX_SLOW_READS: usize = 16;
/// A job that was begun so often and never ended takes its worker down with it.
const MAX_ATTEMPTS: i64 = 5;

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
    /// What is left is kept for the metadata.
    NoRoom,
    /// Its source sent next to nothing while others waited.
    GivenUp,
}

/// What a worker claims its jobs under.
struct Turn {
    /// How many jobs may read at once.
    places: Arc<Semaphore>,
    /// How many may run at once, those included whose source sends next to nothing.
    slots: Arc<Semaphore>,
    /// Whether it takes only the first job of a person who has none running.
    only_first: bool,
}

/// What a run made: the columns, the commit, and what is to be said of it although it went well.
pub(crate) struct JobOutput {
    pub(crate) columns: Vec<Column>,
    pub(crate) source: Option<SourceRecord>,
    pub(crate) made: Made,
    pub(crate) warning: Option<Problem>,
    /// What the source made of the rows under the snapshot that they were read under.
    pub(crate) checksums: Option<SourceChecksums>,
}

/// What became of what was read.
pub(crate) enum Made {
    Version(Committed),
    /// A sync found nothing new.
    Nothing,
    /// It is stored beside the table and waits for a decision.
    Held(Committed, Vec<HoldReason>),
    /// A comparison came to this.
    Verified(Receipt),
}

impl JobOutput {
    fn new((columns, source): (Vec<Column>, Option<SourceRecord>), made: Made) -> Self {
        Self { columns, source, made, warning: None, checksums: None }
    }
}

/// What does the jobs.
#[derive(Clone)]
pub(crate) struct Runner {
    pub(crate) meta: Meta,
    pub(crate) store: Arc<dyn TableStore>,
    pub(crate) connections: Connections,
    pub(crate) imports: Imports,
    pub(crate) jobs: Jobs,
    pub(crate) largest_row: usize,
    pub(crate) min_free_bytes: u64,
    pub(crate) waiting: Waiting,
    /// Whether jobs wait for room where tables are stored.
    pub(crate) short_of_room: Arc<AtomicBool>,
    pub(crate) slow_reads: Arc<SlowReads>,
    pub(crate) notices: Notices,
}

impl Runner {
    pub(crate) fn start_workers(&self, count: usize) -> Workers {
        let workers = Workers { stop: CancellationToken::new(), tasks: TaskTracker::new() };
        let slots = Arc::new(Semaphore::new(count + FIRST_PLACES + MAX_SLOW_READS));
        // Without workers, jobs are left to other nodes.
        let first_places = if count == 0 { 0 } else { FIRST_PLACES };
        for (count, only_first) in [(count, false), (first_places, true)] {
            let turn = Turn { places: Arc::new(Semaphore::new(count)), slots: slots.clone(), only_first };
            let (runner, stop, tasks) = (self.clone(), workers.stop.clone(), workers.tasks.clone());
            workers.tasks.spawn(async move { runner.work(&stop, &tasks, &turn).await });
        }
        let (runner, stop) = (self.clone(), workers.stop.clone());
        workers.tasks.spawn(async move {
            while stop.run_until_cancelled(tokio::time::sleep(CLEANUP_INTERVAL)).await.is_some() {
                runner.tidy().await;
            }
        });
        let (runner, stop) = (self.clone(), workers.stop.clone());
        workers.tasks.spawn(async move {
            let mut wait = FIRST_ORPHANS;
            while stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
                runner.apply_policies().await;
                runner.remove_orphans().await;
                wait = ORPHANS;
            }
        });
        let (runner, stop) = (self.clone(), workers.stop.clone());
        workers.tasks.spawn(async move { runner.connections.keep_ledgers(&stop).await });
        let (runner, stop) = (self.clone(), workers.stop.clone());
        workers.tasks.spawn(async move { runner.keep_schedules(&stop).await });
        let (runner, stop) = (self.clone(), workers.stop.clone());
        workers.tasks.spawn(async move { runner.notices.keep_delivering(&stop).await });
        workers
    }

    /// Claims jobs one after the other, and lets each run beside the next.
    async fn work(&self, stop: &CancellationToken, tasks: &TaskTracker, turn: &Turn) {
        while let Some(Ok(place)) = stop.run_until_cancelled(turn.places.clone().acquire_owned()).await {
            let Some(slot) = stop.run_until_cancelled(self.slot(turn)).await else { return };
            let claimed = match self.wait_for_room().await {
                Ok(true) if turn.only_first => self.meta.claim_first(LEASE).await,
                Ok(true) => self.meta.claim(LEASE).await,
                Ok(false) => Ok(None),
                Err(problem) => Err(problem),
            };
            match claimed {
                Ok(Some(work)) => {
                    // There may be more for another worker.
                    self.jobs.job_queued();
                    let (runner, stop) = (self.clone(), stop.clone());
                    tasks.spawn(async move {
                        runner.run(work, &stop, Some(place)).await;
                        drop(slot);
                    });
                }
                Ok(None) => {
                    // Another may have a job for it.
                    drop(slot);
                    let wait = tokio::time::timeout(POLL_INTERVAL, self.jobs.queued());
                    stop.run_until_cancelled(wait).await;
                }
                Err(problem) => {
                    tracing::error!(cause = problem.internal, "no job could be claimed");
                    stop.run_until_cancelled(tokio::time::sleep(POLL_INTERVAL)).await;
                }
            }
        }
    }

    /// Room for one more running job. Where slow reads take all of it while a job waits, one of them is given up.
    async fn slot(&self, turn: &Turn) -> Option<OwnedSemaphorePermit> {
        let mut wait = POLL_INTERVAL;
        loop {
            let free = tokio::time::timeout(wait, turn.slots.clone().acquire_owned()).await;
            wait = POLL_INTERVAL;
            match free {
                Ok(slot) => return slot.ok(),
                Err(_) => match self.meta.jobs_wait().await {
                    Ok(false) => {}
                    // The one that is given up ends before another has to.
                    Ok(true) if self.slow_reads.give_up_one() => wait = GIVE_UP_INTERVAL,
                    Ok(true) => {}
                    Err(problem) => {
                        tracing::error!(cause = problem.internal, "waiting jobs can't be counted")
                    }
                },
            }
        }
    }

    /// Whether there is room for more tables; otherwise the jobs that wait say so.
    async fn wait_for_room(&self) -> Result<bool> {
        let room = self.has_room().await;
        if self.short_of_room.swap(!room, Relaxed) || !room {
            self.meta.wait_for_storage(!room).await?;
        }
        Ok(room)
    }

    /// A store that can't tell is asked when it is written to.
    async fn has_room(&self) -> bool {
        !matches!(self.store.free_bytes().await, Ok(Some(free)) if free < self.min_free_bytes)
    }

    /// Sees a claimed job to its end.
    pub(crate) async fn run(
        &self,
        work: ClaimedJob,
        stop: &CancellationToken,
        place: Option<OwnedSemaphorePermit>,
    ) {
        let kind = work.job.kind.as_str();
        let span =
            Span::continued(SpanKind::Consumer, format_args!("job {kind}"), work.traceparent.as_deref());
        span.note("mycorr.job.id", &work.job.id);
        span.note("mycorr.model.id", &work.job.model);
        span.note("mycorr.table.id", &work.job.table);
        span.count("mycorr.job.attempt", work.attempts.unsigned_abs());
        span.clone().around(self.run_within(&span, work, stop, place)).await;
    }

    async fn run_within(
        &self,
        span: &Span,
        work: ClaimedJob,
        stop: &CancellationToken,
        place: Option<OwnedSemaphorePermit>,
    ) {
        let (id, table, kind) = (work.job.id, work.job.table, work.job.kind.as_str());
        self.keep_trace(&work).await;
        tracing::info!(job = %id, kind, attempt = work.attempts, fence = work.lease.fence, "job begins");
        self.jobs.job_changed(id);
        let progress = Progress::default();
        let abort = CancellationToken::new();
        let give_up = CancellationToken::new();
        let why = Mutex::new(None);
        let interrupt = |reason| {
            why.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get_or_insert(reason);
            abort.cancel();
        };
        let runner = self.clone();
        let running = {
            let (work, progress, abort) = (work.clone(), progress.clone(), abort.clone());
            tokio::spawn(mycorr_traces::carry(async move { runner.perform(&work, &progress, &abort).await }))
        };
        let see_to_the_end = async {
            let outcome = running.await.unwrap_or_else(|error| Err(Problem::bug(error)));
            let interrupted = *why.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if let Err(problem) = &outcome {
                span.fail(problem.code);
            }
            self.end(&work, outcome, interrupted).await;
        };
        tokio::select! {
            () = see_to_the_end => {}
            () = self.keep(&work, &progress, stop, &give_up, place, interrupt) => unreachable!("reports until it is dropped"),
        }
        self.slow_reads.remove(id);
        self.apply_retention(table).await;
        self.jobs.job_changed(id);
    }

    /// What follows from a job that no request asked for, a notice or another run, belongs to its trace.
    async fn keep_trace(&self, work: &ClaimedJob) {
        let Some(own) = mycorr_traces::traceparent().filter(|_| work.traceparent.is_none()) else { return };
        if let Err(problem) = self.meta.note_trace(work.lease, &own).await {
            tracing::warn!(job = %work.job.id, cause = problem.internal, "a job's trace could not be noted");
        }
    }

    /// Reports until it is dropped, and interrupts the job when there is a reason.
    async fn keep(
        &self,
        work: &ClaimedJob,
        progress: &Progress,
        stop: &CancellationToken,
        give_up: &CancellationToken,
        mut place: Option<OwnedSemaphorePermit>,
        interrupt: impl Fn(Interrupt),
    ) {
        let (mut last, mut said) = (Instant::now(), JobProgress::default());
        let (mut window, mut bytes) = (Instant::now(), 0);
        loop {
            tokio::select! {
                () = tokio::time::sleep(HEARTBEAT_INTERVAL) => {}
                () = stop.cancelled() => {
                    interrupt(Interrupt::Stopping);
                    tokio::time::sleep(HEARTBEAT_INTERVAL).await;
                }
            }
            let now = progress.read();
            if give_up.is_cancelled() {
                interrupt(Interrupt::GivenUp);
            }
            if window.elapsed() >= SLOW_WINDOW {
                if now.bytes < bytes + MIN_WINDOW_BYTES {
                    drop(place.take());
                    self.slow_reads.add(work.job.id, work.job.requested_by, give_up);
                } else {
                    self.slow_reads.remove(work.job.id);
                }
                if !self.has_room().await {
                    interrupt(Interrupt::NoRoom);
                }
                (window, bytes) = (Instant::now(), now.bytes);
            }
            match self.meta.report(work.lease, now, LEASE).await {
                Ok(LeaseStatus::Held) => last = Instant::now(),
                Ok(LeaseStatus::Cancelled) => {
                    last = Instant::now();
                    interrupt(Interrupt::Cancelled);
                }
                Ok(LeaseStatus::Lost) => interrupt(Interrupt::Lost),
                // Others take the lease for ours until it ends; stop in time.
                Err(_) if last.elapsed() + 2 * HEARTBEAT_INTERVAL < LEASE.to_std().unwrap_or_default() => {}
                Err(_) => interrupt(Interrupt::Lost),
            }
            if now != said {
                said = now;
                self.jobs.job_changed(work.job.id);
            }
        }
    }
}

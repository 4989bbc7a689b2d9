//! Syncs that nobody asks for.

use crate::{Imports, runner::Runner};
use mycorr_domain::{Result, TableId, UserId};
use mycorr_meta::Schedule;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// When a table is to be synced.
pub struct NewSchedule {
    /// Five fields.
    pub cron: String,
    /// By its name in the IANA database.
    pub time_zone: String,
    /// Runs begin up to so much later, each table's always by the same.
    pub jitter_seconds: u32,
    pub paused: bool,
}

/// How often each process looks for what is due.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

impl Imports {
    /// Sets when a table is synced, in the caller's name. What paused an earlier schedule is forgotten.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `invalid`, `conflict` for a table without a connection; `storage_full`,
    /// `storage_unavailable`.
    pub async fn set_schedule(&self, user: UserId, table: TableId, new: NewSchedule) -> Result<Schedule> {
        let grant = self.meta.grant(user, table).await?;
        let at = self.meta.database_time().await?;
        let timing = (new.cron.as_str(), new.time_zone.as_str(), new.jitter_seconds);
        self.meta.set_schedule(&grant, timing, new.paused, at).await?;
        self.schedule(user, table).await
    }

    /// # Errors
    /// `not_found`, also for a table without one; `storage_unavailable`.
    pub async fn schedule(&self, user: UserId, table: TableId) -> Result<Schedule> {
        self.meta.schedule(&self.meta.grant(user, table).await?).await
    }

    /// # Errors
    /// `not_found`, `forbidden`; `storage_full`, `storage_unavailable`.
    pub async fn delete_schedule(&self, user: UserId, table: TableId) -> Result<()> {
        self.meta.delete_schedule(&self.meta.grant(user, table).await?).await
    }
}

impl Runner {
    /// Queues what is due until it is stopped.
    pub(crate) async fn keep_schedules(&self, stop: &CancellationToken) {
        loop {
            let wait = match self.queue_due().await {
                Ok(true) => Duration::ZERO,
                Ok(false) => POLL_INTERVAL,
                Err(problem) => {
                    tracing::error!(cause = problem.internal, "schedules can't be looked at");
                    POLL_INTERVAL
                }
            };
            if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                return;
            }
        }
    }

    /// Whether there may be more that is due.
    async fn queue_due(&self) -> Result<bool> {
        let runs = self.meta.queue_due(self.meta.database_time().await?).await?;
        if runs.queued > 0 {
            tracing::info!(jobs = runs.queued, "scheduled syncs queued");
            self.jobs.job_queued();
        }
        Ok(runs.more && runs.queued > 0)
    }
}

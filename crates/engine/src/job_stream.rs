//! All jobs of a person, as they change.

use crate::Jobs;
use futures::Stream;
use mycorr_domain::{JobId, Result, UserId};
use mycorr_meta::{Job, JobQuery, Listed};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

/// Changes that another process makes are seen after this.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Several jobs that report at the same time are one look.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

impl Jobs {
    /// The imports and syncs that a person may see, newest first.
    pub async fn visible_jobs(
        &self,
        user: UserId,
        wanted: &JobQuery,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Job>> {
        self.meta.visible_jobs(user, wanted, after, limit).await
    }

    /// Each job that a person may see and that is not over, now and at each change, its end included; and each that
    /// is queued from now on. Ends at a failure.
    pub fn watch_jobs(&self, user: UserId) -> impl Stream<Item = Result<Job>> + Send + use<> {
        let meta = self.meta.clone();
        let mut changed = self.changed.subscribe();
        async_stream::try_stream! {
            // Ids are made in the order of time.
            let mut newest = JobId::new();
            let mut seen = HashMap::new();
            loop {
                let jobs = meta.jobs_since(user, newest).await?;
                let present: HashSet<JobId> = jobs.iter().map(|job| job.id).collect();
                let ended: Vec<JobId> = seen.keys().copied().filter(|id| !present.contains(id)).collect();
                for id in ended {
                    seen.remove(&id);
                    // One whose Model is gone or hidden is seen no more.
                    if let Ok(job) = meta.job(user, id).await {
                        yield job;
                    }
                }
                for job in jobs {
                    if *newest.as_uuid() < *job.id.as_uuid() {
                        newest = job.id;
                    }
                    let now = state_of(&job);
                    let before = if job.state.is_final() {
                        seen.remove(&job.id)
                    } else {
                        seen.insert(job.id, now)
                    };
                    if before != Some(now) {
                        yield job;
                    }
                }
                let _ = tokio::time::timeout(POLL_INTERVAL, changed.recv()).await;
                tokio::time::sleep(MIN_INTERVAL).await;
            }
        }
    }
}

/// What a person sees of a job while it runs: two that are equal are told once.
pub(crate) fn state_of(job: &Job) -> impl Copy + PartialEq + use<> {
    let read = (job.rows, job.bytes, job.connections);
    (job.state, read, job.estimated_rows, job.started_at, job.waiting_for)
}

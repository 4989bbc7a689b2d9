//! Looking at jobs, and stopping them.

use crate::job_stream::state_of;
use futures::Stream;
use mycorr_domain::{JobId, ModelId, Result, UserId};
use mycorr_meta::{Job, Listed, Meta};
use std::{sync::Arc, time::Duration};
use tokio::sync::{Notify, broadcast};

/// What happens to jobs, for who waits for it.
#[derive(Clone)]
pub struct Jobs {
    pub(crate) meta: Meta,
    /// Told when a job is queued.
    queued: Arc<Notify>,
    /// Told which job of this process has changed.
    pub(crate) changed: broadcast::Sender<JobId>,
}

/// Who is slower than this many changes looks again.
const MAX_WAITING_CHANGES: usize = 64;

impl Jobs {
    pub(crate) fn new(meta: Meta) -> Self {
        let (changed, _) = broadcast::channel(MAX_WAITING_CHANGES);
        Self { meta, queued: Arc::default(), changed }
    }

    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn job(&self, user: UserId, id: JobId) -> Result<Job> {
        self.meta.job(user, id).await
    }

    /// The imports and syncs of a Model, newest first.
    ///
    /// # Errors
    /// `not_found`, `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn jobs(
        &self,
        user: UserId,
        model: ModelId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Job>> {
        self.meta.jobs(user, model, after, limit).await
    }

    /// Asks a job to stop. The table stays as it was.
    ///
    /// # Errors
    /// `not_found`, `forbidden`; `storage_full`, `storage_unavailable`.
    pub async fn cancel_job(&self, user: UserId, id: JobId) -> Result<Job> {
        let model = self.meta.job(user, id).await?.model;
        let job = self.meta.cancel_job(&self.meta.grant(user, model).await?, id).await?;
        self.job_changed(id);
        Ok(job)
    }

    /// The job now and at each change, until it has ended or can't be seen any more. A change that this
    /// process makes is seen at once, another's within a second.
    pub fn watch_job(&self, user: UserId, id: JobId) -> impl Stream<Item = Result<Job>> + Send + use<> {
        let meta = self.meta.clone();
        let mut changed = self.changed.subscribe();
        async_stream::stream! {
            let mut last = None;
            loop {
                let job = match meta.job(user, id).await {
                    Ok(job) => job,
                    Err(problem) => {
                        yield Err(problem);
                        return;
                    }
                };
                let now = state_of(&job);
                let over = job.state.is_final();
                if last != Some(now) {
                    last = Some(now);
                    yield Ok(job);
                }
                if over {
                    return;
                }
                let told = async {
                    // To have missed some is to be told as well.
                    while changed.recv().await.is_ok_and(|changed| changed != id) {}
                };
                let _ = tokio::time::timeout(Duration::from_secs(1), told).await;
            }
        }
    }

    /// Tells those who watch.
    pub(crate) fn job_changed(&self, id: JobId) {
        // Fails when nobody watches.
        let _ = self.changed.send(id);
    }

    /// Lets a worker look for work.
    pub(crate) fn job_queued(&self) {
        self.queued.notify_one();
    }

    /// Done when a job may have been queued.
    pub(crate) async fn queued(&self) {
        self.queued.notified().await;
    }
}

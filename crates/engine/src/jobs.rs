//! Looking at jobs, and stopping them.

use crate::Engine;
use futures::Stream;
use mycorr_domain::{JobId, ModelId, Result, UserId};
use mycorr_meta::{Job, Listed};
use std::time::Duration;

impl Engine {
    pub async fn job(&self, user: UserId, id: JobId) -> Result<Job> {
        self.meta.job(user, id).await
    }

    /// The imports and syncs of a Model, newest first.
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
    pub async fn cancel_job(&self, user: UserId, id: JobId) -> Result<Job> {
        let job = self.meta.cancel_job(user, id).await?;
        self.job_changed(id);
        Ok(job)
    }

    /// The job now and at each change, until it has ended or can't be seen any more. A change that this
    /// process makes is seen at once, another's within a second.
    pub fn watch_job(&self, user: UserId, id: JobId) -> impl Stream<Item = Result<Job>> + Send + use<> {
        let engine = self.clone();
        let mut changed = self.0.changed.subscribe();
        async_stream::stream! {
            let mut last = None;
            loop {
                let job = match engine.meta.job(user, id).await {
                    Ok(job) => job,
                    Err(problem) => {
                        yield Err(problem);
                        return;
                    }
                };
                let read = (job.rows, job.bytes, job.connections);
                let now = (job.state, read, job.estimated_rows, job.started_at, job.waiting_for);
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
        let _ = self.0.changed.send(id);
    }
}

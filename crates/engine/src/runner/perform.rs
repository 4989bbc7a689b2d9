//! What a job does, by its kind; what an earlier run of it left comes first.

use super::{JobOutput, MAX_ATTEMPTS, Made, Runner};
use crate::reading::Progress;
use mycorr_domain::{Column, Problem, Result, SourceRecord};
use mycorr_meta::{ClaimedJob, JobKind};
use mycorr_traces::Span;
use tokio_util::sync::CancellationToken;

impl Runner {
    pub(super) async fn perform(
        &self,
        work: &ClaimedJob,
        progress: &Progress,
        abort: &CancellationToken,
    ) -> Result<JobOutput> {
        // A comparison writes nothing.
        if work.again && work.job.kind != JobKind::Verify {
            // An earlier run may have committed, or may be paused: it must not any more.
            if let Some(committed) = self.store.take_over(work.right).await? {
                return Ok(JobOutput::new(self.noted(work).await?, Made::Version(committed)));
            }
            if let Some(staged) = work.accepted {
                let committing = self.store.commit_staged(work.right, staged);
                let committed = Span::child("commit").attempt(committing).await?;
                return Ok(JobOutput::new(self.noted(work).await?, Made::Version(committed)));
            }
            // Nobody has looked after its files.
            self.store.sweep(work.right).await?;
        }
        if work.attempts > MAX_ATTEMPTS {
            return Err(Problem::bug(format!("job was begun {MAX_ATTEMPTS} times and never ended")));
        }
        self.meta.check_permitted(&work.job).await?;
        match work.job.kind {
            JobKind::Import | JobKind::Sync => self.read(work, progress, abort).await,
            JobKind::Verify => {
                let receipt = self.verify(work, abort).await?;
                Ok(JobOutput::new((Vec::new(), None), Made::Verified(receipt)))
            }
            JobKind::Restore => {
                let to = self.restored(work).await?;
                let committing = self.store.restore(work.right, to.store);
                let committed = Span::child("commit").attempt(committing).await?;
                Ok(JobOutput::new((to.columns.to_vec(), to.source), Made::Version(committed)))
            }
        }
    }

    /// What a commit holds that an earlier run made, and where it came from.
    async fn noted(&self, work: &ClaimedJob) -> Result<(Vec<Column>, Option<SourceRecord>)> {
        match (&work.columns, work.job.kind) {
            (Some(columns), _) => Ok((columns.clone(), work.source.clone())),
            (None, JobKind::Restore) => {
                let to = self.restored(work).await?;
                Ok((to.columns.to_vec(), to.source))
            }
            (None, _) => Err(Problem::bug("a commit of columns that nobody noted")),
        }
    }

    async fn restored(&self, work: &ClaimedJob) -> Result<mycorr_meta::Version> {
        let table = self.meta.table_of_job(work.job.table).await?;
        self.meta.version(&table, work.restored_version).await
    }
}

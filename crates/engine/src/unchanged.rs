//! A sync that found nothing new makes no version.

use crate::{rows::snapshot, runner::Runner};
use mycorr_domain::{Column, Problem, Result, SourceChecksums, SourceRecord, TableWriter};
use mycorr_meta::{ClaimedJob, JobKind, Version};

/// Whether a comparison found that what is stored is not what was written: the next sync writes all of it anew.
pub(crate) fn is_damaged(version: &Version) -> bool {
    version.receipt.as_ref().is_some_and(|(_, receipt)| receipt.intact == Some(false))
}

impl Runner {
    /// Whether the rows that were read, and all that is remembered of their source, are those of the newest version.
    pub(crate) async fn is_unchanged(
        &self,
        work: &ClaimedJob,
        columns: &[Column],
        source: &SourceRecord,
        writer: &mut dyn TableWriter,
    ) -> Result<bool> {
        if work.job.kind != JobKind::Sync {
            return Ok(false);
        }
        let (table, _) = self.meta.table(work.job.requested_by, work.job.table).await?;
        let Some(head) = table.head else { return Ok(false) };
        // A server may be upgraded and a role renamed without any row being another.
        let same = head.source.as_ref().is_some_and(|before| {
            let now = SourceRecord {
                server_version: before.server_version.clone(),
                role: before.role.clone(),
                change: before.change,
                ..source.clone()
            };
            *before == now && source.change.is_none()
        });
        if !same || *head.columns != *columns || is_damaged(&head) {
            return Ok(false);
        }
        writer.has_rows_of(&snapshot(&head)).await
    }

    /// Ends a sync that made no version, and leaves nothing of it.
    pub(crate) async fn end_unchanged(
        &self,
        work: &ClaimedJob,
        warning: Option<&Problem>,
        checksums: Option<&SourceChecksums>,
    ) {
        let id = work.job.id;
        if let Err(problem) = self.store.sweep(work.right).await {
            tracing::warn!(job = %id, cause = problem.internal, "leftover files could not be removed");
        }
        match self.meta.succeed_unchanged(work.lease, warning, checksums).await {
            Ok(true) => {
                tracing::info!(job = %id, "job found nothing new");
                // A comparison may follow.
                self.jobs.job_queued();
            }
            Ok(false) => tracing::warn!(job = %id, "job was taken over or its table is gone"),
            Err(problem) => {
                tracing::error!(job = %id, cause = problem.internal, "the end of a job could not be recorded");
            }
        }
    }
}

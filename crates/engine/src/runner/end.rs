//! How a job ends: what came of it is recorded, or why nothing did.

use super::{Interrupt, JobOutput, Made, Runner};
use crate::slow_reads::given_up;
use mycorr_domain::{Code, Problem, Result};
use mycorr_meta::{ClaimedJob, NewVersion};
use mycorr_traces::Span;

impl Runner {
    pub(super) async fn end(
        &self,
        work: &ClaimedJob,
        outcome: Result<JobOutput>,
        interrupted: Option<Interrupt>,
    ) {
        let id = work.job.id;
        let problem = match outcome {
            Ok(made) => {
                let committed = match made.made {
                    Made::Version(committed) => committed,
                    Made::Nothing => {
                        return self
                            .end_unchanged(work, made.warning.as_ref(), made.checksums.as_ref())
                            .await;
                    }
                    Made::Held(staged, reasons) => {
                        return self.end_held(work, staged, &reasons, made.warning.as_ref()).await;
                    }
                    Made::Verified(receipt) => return self.end_verified(work, &receipt).await,
                };
                let new = NewVersion {
                    columns: &made.columns,
                    source: made.source.as_ref(),
                    committed,
                    warning: made.warning.as_ref(),
                    checksums: made.checksums.as_ref(),
                };
                match Span::child("record").attempt(self.meta.succeed(work.lease, new)).await {
                    Ok(Some(version)) => {
                        tracing::info!(job = %id, version, "job succeeded");
                        if work.accepted.is_some()
                            && let Err(problem) = self.store.sweep(work.right).await
                        {
                            tracing::warn!(job = %id, cause = problem.internal, "leftover files could not be removed");
                        }
                        // A comparison may follow.
                        self.jobs.job_queued();
                    }
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
            Some(Interrupt::NoRoom) => Problem::new(
                Code::StorageFull,
                "There is no room left where tables are stored. Nothing was changed.",
            )
            .fix("Make room on the volume of the tables, or enlarge it, then try again."),
            Some(Interrupt::GivenUp) => given_up(),
            None => problem,
        };
        tracing::info!(job = %id, code = problem.code.as_str(), cause = problem.internal, "job failed");
        // The decision can be taken again, unless it was taken back.
        if work.accepted.is_some() && problem.code != Code::Cancelled {
            if let Err(problem) = self.meta.hold_again(work.lease).await {
                tracing::error!(job = %id, cause = problem.internal, "a held job could not be recorded");
            }
            return;
        }
        if let Err(problem) = self.store.sweep(work.right).await {
            tracing::warn!(job = %id, cause = problem.internal, "leftover files could not be removed");
        }
        if let Err(problem) = self.meta.fail(work.lease, &problem).await {
            tracing::error!(job = %id, cause = problem.internal, "the end of a job could not be recorded");
        }
    }
}

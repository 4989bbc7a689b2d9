//! Comparing what is stored with its source: a version proves itself.

use crate::{
    Imports,
    reading::interrupted,
    rows::snapshot,
    runner::Runner,
    source::{Found, now},
    source_limits,
};
use mycorr_domain::{Code, Problem, Receipt, Result, SourceChecksums, SourceRecord, TableId, UserId};
use mycorr_meta::{ClaimedJob, Job, Purpose, Version};
use tokio_util::sync::CancellationToken;

impl Imports {
    /// Queues a comparison of the newest version with its source.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `conflict` while a job is pending, `too_many_requests`; `storage_full`, `storage_unavailable`.
    pub async fn verify(&self, user: UserId, table: TableId) -> Result<Job> {
        let grant = self.meta.grant(user, table).await?;
        let job = self.meta.queue_verify(&grant).await?;
        self.jobs.job_queued();
        Ok(job)
    }
}

impl Runner {
    /// Does with what is stored what the server did with the source: under the snapshot of the import, if it could; or
    /// now.
    pub(crate) async fn verify(&self, work: &ClaimedJob, abort: &CancellationToken) -> Result<Receipt> {
        let head = self.meta.table_of_job(work.job.table).await?.head;
        let head = head
            .ok_or_else(|| Problem::new(Code::NotFound, "The first import of this table is not done yet."))?;
        let record = head.source.clone().ok_or_else(|| {
            Problem::new(
                Code::Conflict,
                "Where this version was read from was not kept then, so it can't be compared.",
            )
            .fix("Sync the table, then verify it.")
        })?;
        let source = match &work.checksums {
            Some(known) => known.clone(),
            None => self.ask_source(work, &head, &record, abort).await?,
        };
        let at = snapshot(&head);
        let reading = self.store.checksums(&at, source.hash);
        let stored = abort.run_until_cancelled(reading).await.unwrap_or_else(|| Err(interrupted()))?;
        Ok(Receipt::new(
            head.version,
            &head.columns,
            &record,
            &source.checksums,
            &stored.checksums,
            stored.intact,
            work.checksums.is_some(),
        ))
    }

    /// Lets the server count and hash the source.
    async fn ask_source(
        &self,
        work: &ClaimedJob,
        head: &Version,
        record: &SourceRecord,
        abort: &CancellationToken,
    ) -> Result<SourceChecksums> {
        let (connection, _, mut client) = self.open_source(work, Purpose::Verify, abort).await?;
        let limits =
            source_limits::scan_limits(connection.limits, self.largest_row, self.waiting.idle_timeout);
        let asking = async {
            let Found { description, record: found, .. } =
                self.find_source(&mut client, work, connection.id).await?;
            source_limits::check_duration(connection.limits, &description, found.filter.is_empty())?;
            let by_name = !found.is_same_table(record);
            let names = head.columns.iter().map(|column| {
                now(&description, column, by_name).map(|column| column.name.clone()).ok_or_else(|| {
                    let detail =
                        format!("The column {} of this version is not in the source any more.", column.name);
                    Problem::new(Code::SourceChanged, detail).fix("Sync the table, then verify it.")
                })
            });
            let names: Vec<String> = names.collect::<Result<_>>()?;
            client.checksums(&description, Some(&names), limits).await
        };
        let asked = abort.run_until_cancelled(asking).await.unwrap_or_else(|| Err(interrupted()));
        let stop = client.close().await;
        asked.map_err(|problem| mycorr_pgread::WithStop::with_stop(problem, stop))
    }

    /// Records what a comparison came to. What is stored and is not what was written fails the job.
    pub(crate) async fn end_verified(&self, work: &ClaimedJob, receipt: &Receipt) {
        let id = work.job.id;
        let problem = (receipt.intact == Some(false)).then(|| damaged(receipt));
        match self.meta.end_verified(work.lease, receipt, problem.as_ref()).await {
            Ok(true) => tracing::info!(job = %id, equal = receipt.equal, "version was verified"),
            Ok(false) => tracing::warn!(job = %id, "job was taken over or its table is gone"),
            Err(problem) => {
                tracing::error!(job = %id, cause = problem.internal, "the end of a job could not be recorded");
            }
        }
    }
}

fn damaged(receipt: &Receipt) -> Problem {
    let version = receipt.version;
    Problem::new(
        Code::DamagedData,
        format!(
            "What is stored of version {version} is not what was written: its files were damaged or altered."
        ),
    )
    .fix("Check the disk, then sync the table: the next version is written anew. Or restore a backup.")
}

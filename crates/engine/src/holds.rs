//! Syncs that are held, and the decision about them.

use crate::{
    Diff, Tables,
    rows::snapshot,
    runner::{LEASE, Runner},
    source::Found,
    spawn_uncancellable,
    versions::ColumnChanges,
};
use mycorr_domain::{
    Column, Committed, Compared, DiffPlan, Hold, HoldReason, Problem, Result, SyncPolicy, TableId, UserId,
};
use mycorr_meta::{ClaimedJob, HeldSync, JobKind, JobState, Table, Version};

/// A sync that waits for a decision, and what it would change.
pub struct Held {
    pub sync: HeldSync,
    pub diff: Diff,
}

impl Tables {
    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn sync_policy(&self, user: UserId, table: TableId) -> Result<SyncPolicy> {
        Ok(self.meta.table(user, table).await?.0.sync_policy)
    }

    /// Sets a table's policy, and deletes the versions that it does not keep.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `invalid`; `storage_full`, `storage_unavailable`.
    pub async fn set_sync_policy(
        &self,
        user: UserId,
        table: TableId,
        policy: SyncPolicy,
    ) -> Result<SyncPolicy> {
        let policy = policy.checked()?;
        self.meta.set_sync_policy(&self.meta.grant(user, table).await?, policy).await?;
        let runner = self.runner.clone();
        spawn_uncancellable(async move { runner.apply_retention(table).await }).await;
        Ok(policy)
    }

    /// What a table's held sync would make of it.
    ///
    /// # Errors
    /// `not_found` if nothing is held, `forbidden`, `too_busy`; `storage_unavailable`.
    pub async fn held(&self, user: UserId, table: TableId) -> Result<Held> {
        let sync = self.held_sync(user, table).await?;
        let (table, _) = self.meta.table(user, table).await?;
        let from = self.meta.version(&table, None).await?;
        let to = sync.version.clone();
        let plan =
            DiffPlan::new((snapshot(&from), from.source.as_ref()), (snapshot(&to), to.source.as_ref()));
        let counts = self.store.diff(&plan).await?;
        Ok(Held { sync, diff: Diff { from, to, plan, counts } })
    }

    pub(crate) async fn held_sync(&self, user: UserId, table: TableId) -> Result<HeldSync> {
        self.meta.held_sync(&self.meta.grant(user, table).await?).await
    }

    /// Makes what is held the next version.
    ///
    /// # Errors
    /// `not_found` if nothing is held, `forbidden`, `conflict` while a job is pending; `storage_full`, `storage_unavailable`.
    pub async fn accept_held(&self, user: UserId, table: TableId) -> Result<(Version, ColumnChanges)> {
        let grant = self.meta.grant(user, table).await?;
        let work = self.meta.accept_held(&grant, LEASE).await?;
        self.made_by(user, table, work).await
    }

    /// Throws away what is held.
    ///
    /// # Errors
    /// `not_found` if nothing is held, `forbidden`; `storage_full`, `storage_unavailable`.
    pub async fn discard_held(&self, user: UserId, table: TableId) -> Result<()> {
        let job = self.meta.discard_held(&self.meta.grant(user, table).await?).await?;
        let runner = self.runner.clone();
        runner.jobs.job_changed(job);
        spawn_uncancellable(async move { runner.remove_dropped(table).await }).await;
        Ok(())
    }

    /// Does a job that was claimed here, and finds what it made.
    pub(crate) async fn made_by(
        &self,
        user: UserId,
        table: TableId,
        work: ClaimedJob,
    ) -> Result<(Version, ColumnChanges)> {
        let (job, runner) = (work.job.id, self.runner.clone());
        spawn_uncancellable(async move {
            runner.run(work, &Default::default(), None).await;
        })
        .await;
        let job = self.meta.job(user, job).await?;
        match (job.state, job.version, job.problem) {
            (JobState::Succeeded, Some(_), _) => {}
            (_, _, Some(problem)) => return Err(problem),
            _ => return Err(Problem::bug("a job ended without a version")),
        }
        let (table, _) = self.meta.table(user, table).await?;
        let made = self.meta.version(&table, job.version).await?;
        let before = self.version_before(&table, made.version).await?;
        let changes = before.map(|before| ColumnChanges::between(&before, &made)).unwrap_or_default();
        Ok((made, changes))
    }
}

impl Runner {
    /// The table of a sync that may have to be held.
    pub(crate) async fn held_by_policy(&self, work: &ClaimedJob) -> Result<Option<Table>> {
        if work.job.kind != JobKind::Sync {
            return Ok(None);
        }
        let table = self.meta.table_of_job(work.job.table).await?;
        Ok((table.sync_policy.hold != Hold::Never && table.head.is_some()).then_some(table))
    }

    /// Why a sync that has read all its rows is held; nothing if it is not.
    pub(crate) async fn hold_reasons(
        &self,
        work: &ClaimedJob,
        columns: &[Column],
        rows: u64,
        found: &Found,
    ) -> Result<Vec<HoldReason>> {
        let table = self.held_by_policy(work).await?;
        let Some((table, head)) = table.and_then(|table| Some((table.clone(), table.head?))) else {
            return Ok(Vec::new());
        };
        let before = Compared { columns: &head.columns, rows: head.rows, source: head.source.as_ref() };
        let after = Compared { columns, rows, source: Some(&found.record) };
        Ok(table.sync_policy.reasons(before, after, &found.unreadable))
    }

    /// Ends a sync that is held. What it read stays beside the table.
    pub(crate) async fn end_held(
        &self,
        work: &ClaimedJob,
        staged: Committed,
        reasons: &[HoldReason],
        warning: Option<&Problem>,
    ) {
        let id = work.job.id;
        match self.meta.hold(work.lease, staged, reasons, warning).await {
            Ok(true) => tracing::info!(job = %id, reasons = reasons.len(), "job is held"),
            Ok(false) => tracing::warn!(job = %id, "job was taken over, cancelled or its table is gone"),
            Err(problem) => {
                tracing::error!(job = %id, cause = problem.internal, "a held job could not be recorded");
            }
        }
    }
}

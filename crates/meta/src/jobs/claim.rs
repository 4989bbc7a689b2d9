//! Which job is done next, and by whom.

use super::{
    give,
    holds::staged,
    lease::{ClaimedJob, Lease, next_fence},
    record,
};
use crate::{
    Meta, db,
    entity::{connection, job},
    from_json, now,
    record::{JobKind, JobState, WaitingFor},
    time,
};
use chrono::TimeDelta;
use mycorr_domain::Result;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, JoinType, Order, QueryFilter,
    sea_query::{Asterisk, Expr, ExprTrait, Query, SimpleExpr},
};
use std::{
    collections::HashMap,
    sync::PoisonError,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Between two looks at a lease that is over by the clock: longer than a worker takes between two reports.
const CONFIRM: Duration = Duration::from_millis(1500);

/// Of one person, however many workers there are.
const MAX_RUNNING_PER_USER: i64 = 8;

/// Fence and end of each lease that was seen, and since when it is the same.
pub(crate) type SeenLeases = HashMap<Uuid, ((i64, Option<i64>), Instant)>;

impl Meta {
    /// Takes a job that waits, or whose worker has stopped reporting: of the person who has the fewest running, then
    /// of the connection that has, then the oldest. One whose connection already has as many running as its owner
    /// allows is passed over, and says so.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn claim(&self, lease: TimeDelta) -> Result<Option<ClaimedJob>> {
        self.claim_below(lease, MAX_RUNNING_PER_USER).await
    }

    /// The same, but only of a person who has none running: nobody waits behind all of another's.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn claim_first(&self, lease: TimeDelta) -> Result<Option<ClaimedJob>> {
        self.claim_below(lease, 1).await
    }

    /// Of a person who has fewer than `most` running.
    async fn claim_below(&self, lease: TimeDelta, most: i64) -> Result<Option<ClaimedJob>> {
        let abandoned = self.abandoned(lease).await?;
        if candidates(&self.db, &abandoned, most).await?.is_empty() {
            let silent = job::Entity::find()
                .filter(job::Column::State.eq(JobState::Queued.as_str()))
                .filter(job::Column::WaitingFor.is_null());
            if silent.one(&self.db).await.map_err(db)?.is_some() {
                let transaction = self.write().await?;
                hold_back(&transaction).await?;
                transaction.commit().await.map_err(db)?;
            }
            return Ok(None);
        }
        // In one transaction, so that two workers don't both take the last place.
        let transaction = self.write().await?;
        let mut claimed = None;
        for row in candidates(&transaction, &abandoned, most).await? {
            // Another worker that saw the same lease run out may have been faster.
            let seen = |other: &job::Model| (other.id, other.fence) == (row.id, row.fence);
            if row.state == JobState::Running.as_str() && !abandoned.iter().any(seen) {
                continue;
            }
            claimed = take(&transaction, row, lease).await?;
            if claimed.is_some() {
                break;
            }
        }
        hold_back(&transaction).await?;
        transaction.commit().await.map_err(db)?;
        Ok(claimed)
    }

    /// Whether a job waits that a worker could take.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn jobs_wait(&self) -> Result<bool> {
        Ok(!candidates(&self.db, &[], MAX_RUNNING_PER_USER).await?.is_empty())
    }

    /// Running jobs of which no worker reports. Two looks at a lease tell: by the clock it is over, and it was not
    /// kept in between; or it was not kept for as long as it lasts, whatever the clock says. So no jump of a clock
    /// takes a job away from a worker that reports, and no lease of a wrong clock sticks.
    async fn abandoned(&self, lease: TimeDelta) -> Result<Vec<job::Model>> {
        let running = job::Entity::find()
            .filter(job::Column::State.eq(JobState::Running.as_str()))
            .all(&self.db)
            .await
            .map_err(db)?;
        let (at, now) = (Instant::now(), now().timestamp_micros());
        let mut seen = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        let looked = std::mem::take(&mut *seen);
        let mut abandoned = Vec::new();
        for row in running {
            let held = (row.fence, row.lease_until);
            let since = match looked.get(&row.id) {
                Some((before, since)) if *before == held => *since,
                _ => at,
            };
            seen.insert(row.id, (held, since));
            let unchanged = at.duration_since(since);
            let over = row.lease_until.is_none_or(|until| until < now);
            if over && unchanged >= CONFIRM || unchanged >= lease.to_std().unwrap_or_default().max(CONFIRM) {
                abandoned.push(row);
            }
        }
        Ok(abandoned)
    }
}

/// The first jobs that can be claimed: those that wait, and those that are abandoned.
async fn candidates(
    on: &impl ConnectionTrait,
    abandoned: &[job::Model],
    most: i64,
) -> Result<Vec<job::Model>> {
    let ids: Vec<Uuid> = abandoned.iter().map(|row| row.id).collect();
    // What runs, but for what is abandoned, by whom it was asked for and by the connection that it reads.
    let running = |column: job::Column| {
        let mut query = Query::select();
        query
            .column(column)
            .expr_as(Expr::col(job::Column::Id).count(), "running")
            .from(job::Entity)
            .and_where(job::Column::State.eq(JobState::Running.as_str()))
            .and_where(job::Column::Id.is_not_in(ids.clone()))
            .group_by_col(column);
        if matches!(column, job::Column::ConnectionId) {
            // A restore asks nothing of the database.
            query.and_where(job::Column::Kind.ne(JobKind::Restore.as_str()));
        }
        query
    };
    let count = |of: &'static str| Expr::col((of, "running")).if_null(0);
    let mut query = Query::select();
    query
        .column((job::Entity, Asterisk))
        .from(job::Entity)
        .join_subquery(
            JoinType::LeftJoin,
            running(job::Column::RequestedBy),
            "person",
            Expr::col(("person", "requested_by")).equals((job::Entity, job::Column::RequestedBy)),
        )
        .join_subquery(
            JoinType::LeftJoin,
            running(job::Column::ConnectionId),
            "source",
            Expr::col(("source", "connection_id")).equals((job::Entity, job::Column::ConnectionId)),
        )
        .left_join(
            connection::Entity,
            Expr::col((connection::Entity, connection::Column::Id))
                .equals((job::Entity, job::Column::ConnectionId)),
        )
        .cond_where(
            Condition::any()
                .add(job::Column::State.eq(JobState::Queued.as_str()))
                .add(job::Column::Id.is_in(ids.clone())),
        )
        .cond_where(
            Condition::any()
                .add(job::Column::Kind.eq(JobKind::Restore.as_str()))
                .add(connection::Column::LimitImports.is_null())
                .add(count("source").lt(Expr::col((connection::Entity, connection::Column::LimitImports)))),
        )
        .and_where(
            Expr::col((job::Entity, job::Column::Kind))
                .eq(JobKind::Restore.as_str())
                .or(count("person").lt(most)),
        )
        .order_by_expr(count("person"), Order::Asc)
        .order_by_expr(count("source"), Order::Asc)
        .order_by((job::Entity, job::Column::Id), Order::Asc)
        .limit(8);
    job::Entity::find().from_raw_sql(on.get_database_backend().build(&query)).all(on).await.map_err(db)
}

/// Lets the jobs that wait for their connection's turn say so.
async fn hold_back(on: &impl ConnectionTrait) -> Result<()> {
    let mut running = Query::select();
    running
        .expr(Expr::col(job::Column::Id).count())
        .from_as(job::Entity, "running")
        .and_where(Expr::col(("running", "state")).eq(JobState::Running.as_str()))
        .and_where(Expr::col(("running", "kind")).ne(JobKind::Restore.as_str()))
        .and_where(
            Expr::col(("running", "connection_id")).equals((connection::Entity, connection::Column::Id)),
        );
    let mut full = Query::select();
    full.column(connection::Column::Id)
        .from(connection::Entity)
        .and_where(connection::Column::LimitImports.is_not_null())
        .and_where(
            SimpleExpr::SubQuery(None, Box::new(running.into()))
                .gte(Expr::col((connection::Entity, connection::Column::LimitImports))),
        );
    job::Entity::update_many()
        .col_expr(job::Column::WaitingFor, Expr::value(WaitingFor::Imports.as_str()))
        .filter(job::Column::ConnectionId.in_subquery(full))
        .filter(job::Column::State.eq(JobState::Queued.as_str()))
        .filter(job::Column::WaitingFor.is_null())
        .exec(on)
        .await
        .map_err(db)?;
    Ok(())
}

/// Claims `row` unless somebody else was faster.
pub(super) async fn take(
    on: &DatabaseTransaction,
    row: job::Model,
    lease: TimeDelta,
) -> Result<Option<ClaimedJob>> {
    let (at, fence, attempts) = (now(), next_fence(on).await?, row.attempts + 1);
    let started_at = row.started_at.unwrap_or(at.timestamp_micros());
    let claimed = job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value(JobState::Running.as_str()))
        .col_expr(job::Column::Fence, Expr::value(fence))
        .col_expr(job::Column::Attempts, Expr::value(attempts))
        .col_expr(job::Column::LeaseUntil, Expr::value((at + lease).timestamp_micros()))
        .col_expr(job::Column::StartedAt, Expr::value(started_at))
        .col_expr(job::Column::WaitingFor, Expr::value(Option::<String>::None))
        .filter(job::Column::Id.eq(row.id))
        .filter(job::Column::Fence.eq(row.fence))
        .filter(job::Column::State.eq(&row.state))
        .exec(on)
        .await
        .map_err(db)?;
    if claimed.rows_affected == 0 {
        return Ok(None);
    }
    let columns = row.columns.as_deref().map(from_json).transpose()?;
    let source = row.source.as_deref().map(from_json).transpose()?;
    let accepted = if row.accepted_by.is_some() { staged(&row)? } else { None };
    let checksums = row.source_checksums.as_deref().map(from_json).transpose()?;
    let verify = row.verify;
    let (restored_version, again) = (row.restored_version, row.fence > 0);
    let mut job = record(row)?;
    job.state = JobState::Running;
    job.waiting_for = None;
    job.started_at = Some(time(started_at));
    let right = give(job.table, job.id, fence);
    Ok(Some(ClaimedJob {
        lease: Lease { job: job.id, fence },
        right,
        attempts,
        again,
        job,
        restored_version,
        columns,
        source,
        accepted,
        verify,
        checksums,
    }))
}

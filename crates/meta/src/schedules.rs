//! Schedules: tables that are synced without anybody asking. There is no leader: whoever looks first moves a schedule on
//! and queues its job in one transaction, and a unique index lets what was due at one moment be queued once.

use crate::{
    Meta, db,
    entity::{job, schedule, table},
    events::{About, note},
    from_json,
    grants::{Grant, Read, Write},
    jobs::{insert_scheduled, writable},
    record::{Action, JobKind, Schedule, StoredProblem},
    tables::pending,
    time, to_json,
};
use chrono::{DateTime, TimeDelta, Utc};
use mycorr_domain::{Code, CronSchedule, Problem, Result, TableId, UserId};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict, Query},
};
use std::collections::HashMap;
use uuid::Uuid;

/// So many failures in a row that do not pass by themselves pause a schedule.
pub const MAX_FAILURES: i32 = 5;
/// Before the first retry after a failure that passes by itself; doubled with each further one.
const FIRST_RETRY: TimeDelta = TimeDelta::seconds(30);
/// Between two retries, at most; the next regular run may come earlier.
const MAX_RETRY: TimeDelta = TimeDelta::hours(1);
/// So many schedules are moved on in one transaction.
const BATCH: u64 = 250;
/// Clocks of two readers differ by less. One that is further behind the moment at which a schedule was moved on has
/// been set back.
const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(5);

/// What a look at the schedules came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DueRuns {
    /// Jobs that were queued.
    pub queued: usize,
    /// Whether there may be more that are due.
    pub more: bool,
}

impl schedule::Model {
    fn timing(&self) -> Result<CronSchedule> {
        timing(self.table_id, &self.cron, &self.time_zone, self.jitter_seconds)
    }
}

/// The last bytes of an id are random: the same spread in every process.
fn timing(table: Uuid, cron: &str, time_zone: &str, jitter_seconds: i32) -> Result<CronSchedule> {
    let seed = table.as_u128() as u64;
    CronSchedule::parse(cron, time_zone, u32::try_from(jitter_seconds).unwrap_or_default(), seed)
}

fn micros(at: Option<DateTime<Utc>>) -> Option<i64> {
    at.map(|at| at.timestamp_micros())
}

impl Meta {
    /// Sets when a table is synced, in the name of who sets it. An earlier pause ends unless `paused` is asked for.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `invalid`, `conflict` for a table without a connection; `storage_full`,
    /// `storage_unavailable`.
    pub async fn set_schedule(
        &self,
        grant: &Grant<Write, TableId>,
        (cron, time_zone, jitter_seconds): (&str, &str, u32),
        paused: bool,
        at: DateTime<Utc>,
    ) -> Result<()> {
        let id = *grant.on().as_uuid();
        let jitter = i32::try_from(jitter_seconds).unwrap_or(i32::MAX);
        let timing = timing(id, cron, time_zone, jitter)?;
        let transaction = self.write().await?;
        let row = writable(&transaction, grant).await?;
        crate::jobs::check_sync_by(&transaction, grant.user(), row.connection_id).await?;
        if row.connection_id.is_none() {
            return Err(Problem::new(
                Code::Conflict,
                "The connection that this table came through was deleted, so it can't be synced.",
            )
            .fix("Point the table at another connection of yours (Use another connection) first."));
        }
        let next = if paused { None } else { timing.next_after(at) };
        let new = schedule::ActiveModel {
            table_id: Set(id),
            cron: Set(timing.cron().to_owned()),
            time_zone: Set(timing.time_zone().to_owned()),
            jitter_seconds: Set(jitter),
            set_by: Set(*grant.user().as_uuid()),
            next_at: Set(micros(next)),
            computed_at: Set(at.timestamp_micros()),
            paused_at: Set(paused.then_some(at.timestamp_micros())),
            pause_problem: Set(None),
            failures: Set(0),
            retries: Set(0),
        };
        use schedule::Column as C;
        let replace = OnConflict::column(C::TableId)
            .update_columns([C::Cron, C::TimeZone, C::JitterSeconds, C::SetBy, C::NextAt, C::ComputedAt])
            .update_columns([C::PausedAt, C::PauseProblem, C::Failures, C::Retries])
            .to_owned();
        schedule::Entity::insert(new)
            .on_conflict(replace)
            .exec_without_returning(&transaction)
            .await
            .map_err(db)?;
        let detail =
            format!("{} {}{}", timing.cron(), timing.time_zone(), if paused { ", paused" } else { "" });
        let about = About::Model(row.model_id, &row.name);
        note(&transaction, Some(grant.user()), Action::ScheduleSet, about, detail).await?;
        transaction.commit().await.map_err(db)
    }

    /// # Errors
    /// `not_found` for a table without one; `storage_unavailable`.
    pub async fn schedule(&self, grant: &Grant<Read, TableId>) -> Result<Schedule> {
        let id = *grant.on().as_uuid();
        let row = schedule::Entity::find_by_id(id).one(&self.db).await.map_err(db)?;
        let row = row.ok_or_else(|| Problem::not_found("schedule"))?;
        let last = job::Entity::find()
            .filter(job::Column::TableId.eq(id))
            .filter(job::Column::ScheduledFor.is_not_null())
            .order_by_desc(job::Column::Id)
            .one(&self.db)
            .await
            .map_err(db)?;
        let last_run = match last {
            Some(job) => self.shown(grant.user(), vec![job]).await?.pop(),
            None => None,
        };
        let stored = row.pause_problem.as_deref().map(from_json::<StoredProblem>).transpose()?;
        Ok(Schedule {
            description: row.timing()?.description(),
            cron: row.cron,
            time_zone: row.time_zone,
            jitter_seconds: u32::try_from(row.jitter_seconds).unwrap_or_default(),
            next_run_at: row.next_at.map(time),
            paused_at: row.paused_at.map(time),
            // What a failure says of the source is for the connection's owner: as it is in the job.
            pause_problem: match (stored.map(Problem::from), &last_run) {
                (Some(problem), Some(last)) => Some(last.problem.clone().unwrap_or(problem)),
                (problem, _) => problem.map(|problem| Problem::new(problem.code, problem.code.title())),
            },
            retries: u32::try_from(row.retries).unwrap_or_default(),
            last_run,
        })
    }

    /// # Errors
    /// `not_found`, `forbidden`; `storage_full`, `storage_unavailable`.
    pub async fn delete_schedule(&self, grant: &Grant<Write, TableId>) -> Result<()> {
        let transaction = self.write().await?;
        let row = writable(&transaction, grant).await?;
        let deleted = schedule::Entity::delete_by_id(row.id).exec(&transaction).await.map_err(db)?;
        if deleted.rows_affected == 0 {
            return Err(Problem::not_found("schedule"));
        }
        let about = About::Model(row.model_id, &row.name);
        note(&transaction, Some(grant.user()), Action::ScheduleDeleted, about, "").await?;
        transaction.commit().await.map_err(db)
    }

    /// The database's clock: the one that all nodes share.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn database_time(&self) -> Result<DateTime<Utc>> {
        let sql = format!("SELECT {} AS now", self.clock());
        let row = self.db.query_one_raw(self.statement(sql, [])).await.map_err(db)?;
        let now: Option<i64> = row.map(|row| row.try_get("", "now")).transpose().map_err(db)?;
        now.map(time).ok_or_else(|| Problem::bug("the database does not tell the time"))
    }

    /// Queues the syncs that are due at `at`, the longest due first. Of several times that were missed one is made up
    /// for; a table with a job that is not over waits until it is.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn queue_due(&self, at: DateTime<Utc>) -> Result<DueRuns> {
        if self.due(&self.db, at).await?.is_empty() && self.ahead(&self.db, at).await?.is_empty() {
            return Ok(DueRuns::default());
        }
        let transaction = self.write().await?;
        for row in self.ahead(&transaction, at).await? {
            // A retry that is earlier stays.
            advance(&transaction, &row, row.next_at, at).await?;
        }
        let due = self.due(&transaction, at).await?;
        let mut runs = DueRuns { queued: 0, more: due.len() as u64 == BATCH };
        let ids: Vec<Uuid> = due.iter().map(|row| row.table_id).collect();
        let tables = table::Entity::find().filter(table::Column::Id.is_in(ids)).all(&transaction).await;
        let tables: HashMap<Uuid, table::Model> =
            tables.map_err(db)?.into_iter().map(|table| (table.id, table)).collect();
        for row in due {
            let (Some(table), Some(due_at)) = (tables.get(&row.table_id), row.next_at) else { continue };
            let asker = UserId::from_uuid(row.set_by);
            match insert_scheduled(&transaction, asker, table, due_at).await? {
                // Who was faster moved it on as well.
                Some(job) if !advance(&transaction, &row, None, at).await? => {
                    job::Entity::delete_by_id(*job.as_uuid()).exec(&transaction).await.map_err(db)?;
                }
                Some(_) => runs.queued += 1,
                // A clock that was set back has come to what was done already.
                None if was_queued(&transaction, &row, due_at).await? => {
                    advance(&transaction, &row, None, at).await?;
                }
                // Another job was queued in between: afterwards.
                None => {}
            }
        }
        transaction.commit().await.map_err(db)?;
        Ok(runs)
    }

    /// Schedules that are due, of tables without a job that waits or runs.
    async fn due(&self, on: &impl ConnectionTrait, at: DateTime<Utc>) -> Result<Vec<schedule::Model>> {
        let busy = Query::select()
            .expr(Expr::val(1))
            .from(job::Entity)
            .and_where(
                Expr::col((job::Entity, job::Column::TableId))
                    .equals((schedule::Entity, schedule::Column::TableId)),
            )
            .cond_where(pending())
            .take();
        schedule::Entity::find()
            .filter(schedule::Column::NextAt.lte(at.timestamp_micros()))
            .filter(Expr::exists(busy).not())
            .order_by_asc(schedule::Column::NextAt)
            .limit(BATCH)
            .all(on)
            .await
            .map_err(db)
    }

    /// Schedules that were moved on by a clock that was ahead.
    async fn ahead(&self, on: &impl ConnectionTrait, at: DateTime<Utc>) -> Result<Vec<schedule::Model>> {
        schedule::Entity::find()
            .filter(schedule::Column::ComputedAt.gt((at + CLOCK_SKEW).timestamp_micros()))
            .filter(schedule::Column::NextAt.is_not_null())
            .order_by_desc(schedule::Column::ComputedAt)
            .limit(BATCH)
            .all(on)
            .await
            .map_err(db)
    }
}

/// Sets when a schedule is due next, at `latest` if that is given. False if somebody else changed it since it was read.
async fn advance(
    on: &DatabaseTransaction,
    row: &schedule::Model,
    latest: Option<i64>,
    at: DateTime<Utc>,
) -> Result<bool> {
    let next = micros(row.timing()?.next_after(at)).into_iter().chain(latest).min();
    let moved = schedule::Entity::update_many()
        .col_expr(schedule::Column::NextAt, Expr::value(next))
        .col_expr(schedule::Column::ComputedAt, Expr::value(at.timestamp_micros()))
        .filter(schedule::Column::TableId.eq(row.table_id))
        .filter(schedule::Column::NextAt.eq(row.next_at))
        .filter(schedule::Column::ComputedAt.eq(row.computed_at))
        .exec(on)
        .await
        .map_err(db)?;
    Ok(moved.rows_affected == 1)
}

async fn was_queued(on: &DatabaseTransaction, row: &schedule::Model, due_at: i64) -> Result<bool> {
    let same = job::Entity::find()
        .filter(job::Column::TableId.eq(row.table_id))
        .filter(job::Column::ScheduledFor.eq(due_at));
    Ok(same.one(on).await.map_err(db)?.is_some())
}

/// What the end of a sync means for the table's schedule, in the transaction that records it; `problem` is why it
/// failed. True if it has paused the schedule.
pub(crate) async fn note_end(
    on: &DatabaseTransaction,
    job: &job::Model,
    problem: Option<&Problem>,
    at: DateTime<Utc>,
) -> Result<bool> {
    if job.kind != JobKind::Sync.as_str() {
        return Ok(false);
    }
    let Some(row) = schedule::Entity::find_by_id(job.table_id).one(on).await.map_err(db)? else {
        return Ok(false);
    };
    let Some(problem) = problem else {
        // It works again, whoever asked for it.
        return reset(on, row, at).await.map(|()| false);
    };
    if job.scheduled_for.is_none() || problem.code == Code::Cancelled || row.paused_at.is_some() {
        return Ok(false);
    }
    let mut change = schedule::Entity::update_many().filter(schedule::Column::TableId.eq(row.table_id));
    let failures = row.failures + 1;
    let pause = !problem.code.is_transient() && failures >= MAX_FAILURES;
    if problem.code.is_transient() {
        let retry = (at + retry_after(row.retries, job.id)).timestamp_micros();
        change = change.col_expr(schedule::Column::Retries, Expr::value(row.retries + 1)).col_expr(
            schedule::Column::NextAt,
            Expr::value(row.next_at.map(|next| std::cmp::min(next, retry))),
        );
    } else {
        change = change
            .col_expr(schedule::Column::Failures, Expr::value(failures))
            .col_expr(schedule::Column::Retries, Expr::value(0));
    }
    if pause {
        change = change
            .col_expr(schedule::Column::NextAt, Expr::value(Option::<i64>::None))
            .col_expr(schedule::Column::PausedAt, Expr::value(at.timestamp_micros()))
            .col_expr(schedule::Column::PauseProblem, Expr::value(to_json(&StoredProblem::from(problem))));
        let about = About::Model(job.model_id, &job.table_name);
        note(on, None, Action::SchedulePaused, about, problem.code.as_str()).await?;
    }
    change.exec(on).await.map_err(db)?;
    Ok(pause)
}

/// Doubled with each retry, and spread by a fifth so that what failed together is not retried together.
fn retry_after(retries: i32, job: Uuid) -> TimeDelta {
    let doubled = FIRST_RETRY * 2_i32.pow(retries.clamp(0, 10) as u32);
    let base = std::cmp::min(doubled, MAX_RETRY);
    base + base * (job.as_u128() % 200) as i32 / 1000
}

async fn reset(on: &DatabaseTransaction, row: schedule::Model, at: DateTime<Utc>) -> Result<()> {
    let mut change = schedule::Entity::update_many()
        .col_expr(schedule::Column::Failures, Expr::value(0))
        .col_expr(schedule::Column::Retries, Expr::value(0))
        .filter(schedule::Column::TableId.eq(row.table_id));
    if row.pause_problem.is_some() {
        change = resume(change, micros(row.timing()?.next_after(at)), at);
    }
    change.exec(on).await.map_err(db)?;
    Ok(())
}

type Change = sea_orm::UpdateMany<schedule::Entity>;

fn resume(change: Change, next: Option<i64>, at: DateTime<Utc>) -> Change {
    change
        .col_expr(schedule::Column::NextAt, Expr::value(next))
        .col_expr(schedule::Column::ComputedAt, Expr::value(at.timestamp_micros()))
        .col_expr(schedule::Column::PausedAt, Expr::value(Option::<i64>::None))
        .col_expr(schedule::Column::PauseProblem, Expr::value(Option::<String>::None))
}

/// The connection works again: schedules that failures have paused are due at once. One more such failure pauses
/// them again.
pub(crate) async fn resume_paused(
    on: &impl ConnectionTrait,
    connection: Uuid,
    at: DateTime<Utc>,
) -> Result<()> {
    let through = Query::select()
        .column(table::Column::Id)
        .from(table::Entity)
        .and_where(table::Column::ConnectionId.eq(connection))
        .take();
    let change = schedule::Entity::update_many()
        .col_expr(schedule::Column::Failures, Expr::value(MAX_FAILURES - 1))
        .filter(
            Condition::all()
                .add(schedule::Column::PauseProblem.is_not_null())
                .add(schedule::Column::TableId.in_subquery(through)),
        );
    resume(change, Some(at.timestamp_micros()), at).exec(on).await.map_err(db)?;
    Ok(())
}

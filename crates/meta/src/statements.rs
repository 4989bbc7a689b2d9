//! The ledger: every statement that was ever sent to a source. An entry is written before its statement is sent,
//! and is open until the statement has ended. A process keeps its open entries alive; those of one that died are
//! closed as `interrupted` by whoever finds them.

use crate::{
    Listed, Meta, after, count, db,
    entity::{connection, removed_ledger, statement, statement_text, user},
    from_json, now,
    record::{Purpose, Statement},
    time, to_json,
};
use chrono::{DateTime, TimeDelta, Utc};
use mycorr_domain::{ConnectionId, JobId, Problem, Result, StatementId, UserId};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, OnConflict},
};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

/// Unless the connection's owner chooses otherwise.
pub(crate) const DEFAULT_RETENTION_DAYS: i64 = 400;
/// So many entries are removed in one transaction: others wait for it a few milliseconds.
const PRUNE_ROWS: u64 = 500;
/// So many entries are looked through for those of one purpose.
const MAX_LOOKED_THROUGH: u64 = 20_000;
const INTERRUPTED: &str = "interrupted";

pub struct NewStatement {
    pub at: DateTime<Utc>,
    pub template: String,
    pub statement: String,
    pub parameters: Vec<String>,
    pub purpose: Purpose,
    pub actor: UserId,
    pub job: Option<JobId>,
    pub rows: u64,
    pub bytes: u64,
    pub milliseconds: u64,
    pub outcome: String,
}

/// What became of a statement.
#[derive(Clone, Debug)]
pub struct StatementEnd {
    pub id: StatementId,
    pub rows: u64,
    pub bytes: u64,
    pub milliseconds: u64,
    pub outcome: String,
}

/// A connection's entries before one of them, newest first.
fn ledger(on: ConnectionId, before: Option<StatementId>) -> Select<statement::Entity> {
    let mut query = statement::Entity::find().filter(statement::Column::ConnectionId.eq(*on.as_uuid()));
    if let Some(id) = before {
        query = query.filter(statement::Column::Id.lt(*id.as_uuid()));
    }
    query.order_by_desc(statement::Column::Id)
}

/// Names a text: the first half of its SHA-256.
pub(crate) fn text_hash(text: &str) -> Uuid {
    let digest = Sha256::digest(text.as_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    Uuid::from_bytes(half)
}

impl Meta {
    /// Enters statements that are about to be sent, in the given order. They are open for the time `open`, and
    /// durable once this returns.
    ///
    /// # Errors
    /// `not_found` for a connection that is gone: it has no ledger, so nothing is sent through it.
    pub async fn enter_statements(
        &self,
        on: ConnectionId,
        statements: Vec<NewStatement>,
        open: TimeDelta,
    ) -> Result<Vec<StatementId>> {
        let transaction = self.write().await?;
        let until = (now() + open).timestamp_micros();
        let ids = insert(&transaction, on, statements, Some(until)).await?;
        transaction.commit().await.map_err(db)?;
        ids.ok_or_else(|| Problem::not_found("connection"))
    }

    /// Adds statements that have ended, in the given order. A connection that is gone has no ledger any more.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn record_statements(&self, on: ConnectionId, statements: Vec<NewStatement>) -> Result<()> {
        let transaction = self.write().await?;
        insert(&transaction, on, statements, None).await?;
        transaction.commit().await.map_err(db)
    }

    /// Completes entries, also such as were taken for interrupted meanwhile.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn complete_statements(&self, ends: &[StatementEnd]) -> Result<()> {
        let transaction = self.write().await?;
        for end in ends {
            statement::Entity::update_many()
                .col_expr(statement::Column::Rows, Expr::value(count(end.rows)))
                .col_expr(statement::Column::Bytes, Expr::value(count(end.bytes)))
                .col_expr(statement::Column::Milliseconds, Expr::value(count(end.milliseconds)))
                .col_expr(statement::Column::Outcome, Expr::value(end.outcome.as_str()))
                .col_expr(statement::Column::OpenUntil, Expr::value(Option::<i64>::None))
                .filter(statement::Column::Id.eq(*end.id.as_uuid()))
                .exec(&transaction)
                .await
                .map_err(db)?;
        }
        transaction.commit().await.map_err(db)
    }

    /// Keeps open entries open: the process that sent them lives.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn renew_statements(&self, ids: &[StatementId], open: TimeDelta) -> Result<()> {
        statement::Entity::update_many()
            .col_expr(statement::Column::OpenUntil, Expr::value((now() + open).timestamp_micros()))
            .filter(statement::Column::Id.is_in(ids.iter().map(|id| *id.as_uuid())))
            .filter(statement::Column::OpenUntil.is_not_null())
            .exec(&self.db)
            .await
            .map_err(db)?;
        Ok(())
    }

    /// Closes the open entries of processes that died. How many there were.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn close_interrupted_statements(&self) -> Result<u64> {
        let dead = statement::Column::OpenUntil.lt(now().timestamp_micros());
        let any = statement::Entity::find().filter(dead.clone()).one(&self.db).await.map_err(db)?;
        if any.is_none() {
            return Ok(0);
        }
        let closed = statement::Entity::update_many()
            .col_expr(statement::Column::Outcome, Expr::value(INTERRUPTED))
            .col_expr(statement::Column::OpenUntil, Expr::value(Option::<i64>::None))
            .filter(dead)
            .exec(&self.db)
            .await
            .map_err(db)?;
        Ok(closed.rows_affected)
    }

    /// Newest first; with a purpose, only what was sent for it. Then no more than a bounded number of entries are looked
    /// through at once, so that a part may hold fewer than `limit` and still have a next one.
    ///
    /// # Errors
    /// `not_found`, `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn statements(
        &self,
        owner: UserId,
        on: ConnectionId,
        purpose: Option<Purpose>,
        from: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Statement>> {
        self.owned(owner, on).await?;
        let mut query = ledger(on, after::<StatementId>(from)?);
        let mut last: Option<Uuid> = None;
        if let Some(purpose) = purpose {
            let ids = query.clone().select_only().column(statement::Column::Id);
            let looked_through = ids.offset(MAX_LOOKED_THROUGH - 1).limit(1);
            last = looked_through.into_tuple().one(&self.db).await.map_err(db)?;
            query = query.filter(statement::Column::Purpose.eq(purpose.as_str()));
        }
        if let Some(last) = last {
            query = query.filter(statement::Column::Id.gte(last));
        }
        let rows = query.limit(limit as u64 + 1).all(&self.db).await.map_err(db)?;
        let texts = self.statement_texts(on, &rows).await?;
        let actors = self.actors(&rows).await?;
        let statements = rows.into_iter().map(|row| record(row, &texts, &actors)).collect::<Result<_>>()?;
        let part = Listed::new(statements, limit, |statement: &Statement| statement.id.to_string());
        Ok(Listed { next: part.next.or_else(|| last.map(|last| last.to_string())), ..part })
    }

    async fn statement_texts(
        &self,
        on: ConnectionId,
        rows: &[statement::Model],
    ) -> Result<HashMap<Uuid, String>> {
        let hashes: HashSet<Uuid> = rows.iter().map(|row| row.text_hash).collect();
        let texts = statement_text::Entity::find()
            .filter(statement_text::Column::ConnectionId.eq(*on.as_uuid()))
            .filter(statement_text::Column::Hash.is_in(hashes))
            .all(&self.db)
            .await
            .map_err(db)?;
        Ok(texts.into_iter().map(|text| (text.hash, text.text)).collect())
    }

    async fn actors(&self, rows: &[statement::Model]) -> Result<HashMap<Uuid, String>> {
        let ids: HashSet<Uuid> = rows.iter().map(|row| row.actor_id).collect();
        let users =
            user::Entity::find().filter(user::Column::Id.is_in(ids)).all(&self.db).await.map_err(db)?;
        Ok(users.into_iter().map(|user| (user.id, user.email)).collect())
    }

    /// Removes a slice of the ledgers of deleted connections. False once nothing of them is left.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn prune_ledgers(&self) -> Result<bool> {
        let removed = removed_ledger::Entity::find().one(&self.db).await.map_err(db)?;
        let Some(removed_ledger::Model { connection_id }) = removed else { return Ok(false) };
        let ledger = Condition::all().add(statement::Column::ConnectionId.eq(connection_id));
        if self.delete_slice(ledger).await? > 0 {
            return Ok(true);
        }
        let transaction = self.write().await?;
        statement_text::Entity::delete_many()
            .filter(statement_text::Column::ConnectionId.eq(connection_id))
            .exec(&transaction)
            .await
            .map_err(db)?;
        removed_ledger::Entity::delete_by_id(connection_id).exec(&transaction).await.map_err(db)?;
        transaction.commit().await.map_err(db)?;
        Ok(true)
    }

    /// Removes a slice of the entries that are older at `at` than their connection's owner keeps them. False once
    /// there are none.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn prune_statements(&self, at: DateTime<Utc>) -> Result<bool> {
        let connections: Vec<(Uuid, i64)> = connection::Entity::find()
            .select_only()
            .column(connection::Column::Id)
            .column(connection::Column::StatementsRetentionDays)
            .into_tuple()
            .all(&self.db)
            .await
            .map_err(db)?;
        for (id, days) in connections {
            let oldest = at - TimeDelta::days(days);
            let old = Condition::all()
                .add(statement::Column::ConnectionId.eq(id))
                .add(statement::Column::Id.lt(first_id(oldest)));
            if self.delete_slice(old).await? > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn delete_slice(&self, which: Condition) -> Result<u64> {
        let ids: Vec<Uuid> = statement::Entity::find()
            .select_only()
            .column(statement::Column::Id)
            .filter(which)
            .order_by_asc(statement::Column::Id)
            .limit(PRUNE_ROWS)
            .into_tuple()
            .all(&self.db)
            .await
            .map_err(db)?;
        if ids.is_empty() {
            return Ok(0);
        }
        let deleted = statement::Entity::delete_many()
            .filter(statement::Column::Id.is_in(ids))
            .exec(&self.db)
            .await
            .map_err(db)?;
        Ok(deleted.rows_affected)
    }
}

/// The first id that can have been made at a moment: ids begin with their time (RFC 9562, UUID version 7).
pub(crate) fn first_id(at: DateTime<Utc>) -> Uuid {
    let milliseconds = at.timestamp_millis().max(0) as u128;
    Uuid::from_u128(milliseconds << 80)
}

/// `None` if the connection is gone.
async fn insert(
    transaction: &DatabaseTransaction,
    on: ConnectionId,
    statements: Vec<NewStatement>,
    open_until: Option<i64>,
) -> Result<Option<Vec<StatementId>>> {
    let exists: Option<Uuid> = connection::Entity::find_by_id(*on.as_uuid())
        .select_only()
        .column(connection::Column::Id)
        .into_tuple()
        .one(transaction)
        .await
        .map_err(db)?;
    if exists.is_none() {
        return Ok(None);
    }
    if statements.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let mut ids = Vec::with_capacity(statements.len());
    let mut texts = BTreeMap::new();
    let mut rows = Vec::with_capacity(statements.len());
    for new in statements {
        let (id, hash) = (StatementId::new(), text_hash(&new.statement));
        ids.push(id);
        texts.insert(hash, new.statement);
        rows.push(statement::ActiveModel {
            id: Set(*id.as_uuid()),
            connection_id: Set(*on.as_uuid()),
            at: Set(new.at.timestamp_micros()),
            template: Set(new.template),
            text_hash: Set(hash),
            parameters: Set(to_json(&new.parameters)),
            purpose: Set(new.purpose.as_str().to_owned()),
            actor_id: Set(*new.actor.as_uuid()),
            job_id: Set(new.job.map(|job| *job.as_uuid())),
            rows: Set(count(new.rows)),
            bytes: Set(count(new.bytes)),
            milliseconds: Set(count(new.milliseconds)),
            outcome: Set(new.outcome),
            open_until: Set(open_until),
        });
    }
    let texts = texts.into_iter().map(|(hash, text)| statement_text::ActiveModel {
        connection_id: Set(*on.as_uuid()),
        hash: Set(hash),
        text: Set(text),
    });
    let known = OnConflict::columns([statement_text::Column::ConnectionId, statement_text::Column::Hash])
        .do_nothing()
        .to_owned();
    statement_text::Entity::insert_many(texts)
        .on_conflict(known)
        .exec_without_returning(transaction)
        .await
        .map_err(db)?;
    statement::Entity::insert_many(rows).exec_without_returning(transaction).await.map_err(db)?;
    Ok(Some(ids))
}

fn record(
    row: statement::Model,
    texts: &HashMap<Uuid, String>,
    actors: &HashMap<Uuid, String>,
) -> Result<Statement> {
    let text = texts.get(&row.text_hash);
    Ok(Statement {
        id: StatementId::from_uuid(row.id),
        at: time(row.at),
        template: row.template,
        statement: text.ok_or_else(|| Problem::bug("a statement without its text"))?.clone(),
        parameters: from_json(&row.parameters)?,
        purpose: Purpose::parse(&row.purpose)?,
        actor: actors.get(&row.actor_id).cloned(),
        job: row.job_id.map(JobId::from_uuid),
        rows: row.rows as u64,
        bytes: row.bytes as u64,
        milliseconds: row.milliseconds as u64,
        outcome: row.outcome,
    })
}

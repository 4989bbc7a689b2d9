//! The ledger: every statement that was ever sent to a source.

use crate::{
    Listed, Meta, after, count, db,
    entity::{connection, statement, user},
    from_json,
    record::{Purpose, Statement},
    time, to_json,
};
use chrono::{DateTime, Utc};
use mycorr_domain::{ConnectionId, JobId, Result, StatementId, UserId};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

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

impl Meta {
    /// Adds to the ledger, in the given order. A connection that is gone has no ledger any more.
    pub async fn record_statements(&self, on: ConnectionId, statements: Vec<NewStatement>) -> Result<()> {
        if statements.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = statements
            .into_iter()
            .map(|new| statement::ActiveModel {
                id: Set(*StatementId::new().as_uuid()),
                connection_id: Set(*on.as_uuid()),
                at: Set(new.at.timestamp_micros()),
                template: Set(new.template),
                statement: Set(new.statement),
                parameters: Set(to_json(&new.parameters)),
                purpose: Set(new.purpose.as_str().to_owned()),
                actor_id: Set(*new.actor.as_uuid()),
                job_id: Set(new.job.map(|job| *job.as_uuid())),
                rows: Set(count(new.rows)),
                bytes: Set(count(new.bytes)),
                milliseconds: Set(count(new.milliseconds)),
                outcome: Set(new.outcome),
            })
            .collect();
        let transaction = self.write().await?;
        let exists =
            connection::Entity::find_by_id(*on.as_uuid()).one(&transaction).await.map_err(db)?.is_some();
        if exists {
            statement::Entity::insert_many(rows).exec_without_returning(&transaction).await.map_err(db)?;
        }
        transaction.commit().await.map_err(db)
    }

    /// Newest first.
    pub async fn statements(
        &self,
        owner: UserId,
        on: ConnectionId,
        from: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Statement>> {
        self.owned(owner, on).await?;
        let mut query = statement::Entity::find()
            .find_also_related(user::Entity)
            .filter(statement::Column::ConnectionId.eq(*on.as_uuid()));
        if let Some(id) = after::<StatementId>(from)? {
            query = query.filter(statement::Column::Id.lt(*id.as_uuid()));
        }
        let rows = query
            .order_by_desc(statement::Column::Id)
            .limit(limit as u64 + 1)
            .all(&self.db)
            .await
            .map_err(db)?;
        let statements = rows.into_iter().map(record).collect::<Result<_>>()?;
        Ok(Listed::new(statements, limit, |statement: &Statement| statement.id.to_string()))
    }
}

fn record((row, actor): (statement::Model, Option<user::Model>)) -> Result<Statement> {
    Ok(Statement {
        id: StatementId::from_uuid(row.id),
        at: time(row.at),
        template: row.template,
        statement: row.statement,
        parameters: from_json(&row.parameters)?,
        purpose: Purpose::parse(&row.purpose)?,
        actor: actor.map(|user| user.email),
        job: row.job_id.map(JobId::from_uuid),
        rows: row.rows as u64,
        bytes: row.bytes as u64,
        milliseconds: row.milliseconds as u64,
        outcome: row.outcome,
    })
}

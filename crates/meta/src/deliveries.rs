//! The outbox: what is on its way to a webhook or a mailbox. A delivery is claimed by moving its next attempt away, so it
//! is made at least once and under one id, however often a process dies.

use crate::{
    Meta, db,
    entity::{delivery, job, notice, user, webhook},
    from_json,
    notices::has_mail,
    now,
    record::{Channel, DeliveryState, StoredProblem},
    time, to_json,
};
use chrono::{DateTime, TimeDelta, Utc};
use mycorr_domain::{Code, DeliveryId, Email, ModelId, NoticeId, Problem, Result};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, JoinType, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, OnConflict},
};
use serde_json::json;
use std::collections::HashMap;
use uuid::Uuid;

/// How long an attempt may take: it is made again when its process has died.
const ATTEMPT_LEASE: TimeDelta = TimeDelta::minutes(2);
/// Without a process that sends mail, mails are written for so long.
const MAIL_PROMISE: TimeDelta = TimeDelta::days(1);
/// A secret as it is stored beside the data key that seals it.
#[derive(Clone, Debug)]
pub struct SealedText {
    pub data_key: Vec<u8>,
    pub sealed: Vec<u8>,
}

/// A delivery to be attempted now.
#[derive(Clone, Debug)]
pub struct ClaimedDelivery {
    pub id: DeliveryId,
    /// Under which the receiver knows it, at each attempt.
    pub notice: Option<NoticeId>,
    pub channel: Channel,
    pub kind: String,
    pub model: Option<ModelId>,
    /// The mailbox.
    pub address: Option<String>,
    pub body: String,
    /// What of it is secret.
    pub sealed: Option<SealedText>,
    /// This one included.
    pub attempts: u32,
    pub created_at: DateTime<Utc>,
    /// Of the job that it is about.
    pub traceparent: Option<String>,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub enum AttemptEnd {
    Delivered {
        status: Option<u16>,
    },
    /// `next_at`: when it is made again; `None` for never.
    Failed {
        status: Option<u16>,
        problem: Problem,
        next_at: Option<DateTime<Utc>>,
    },
}

/// What a mail is about, besides notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailKind {
    PasswordReset,
    Invite,
}

impl MailKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset",
            Self::Invite => "invite",
        }
    }
}

/// The whole of a message to a webhook (Standard Webhooks, "Payload structure").
fn payload(notice: &notice::Model) -> String {
    let code = notice.code.as_deref().and_then(Code::parse);
    to_json(&json!({
        "type": notice.kind,
        "timestamp": time(notice.at),
        "data": {
            "model_id": notice.model_id,
            "model_name": notice.model_name,
            "table_id": notice.table_id,
            "table_name": notice.table_name,
            "job_id": notice.job_id,
            "code": notice.code,
            "title": code.map(Code::title),
        },
    }))
}

fn new(channel: Channel, kind: &str, body: String) -> delivery::Model {
    let at = now().timestamp_micros();
    delivery::Model {
        id: *DeliveryId::new().as_uuid(),
        notice_id: None,
        channel: channel.as_str().to_owned(),
        kind: kind.to_owned(),
        model_id: None,
        address: None,
        body,
        data_key: None,
        sealed: None,
        state: DeliveryState::Pending.as_str().to_owned(),
        attempts: 0,
        next_at: Some(at),
        status: None,
        error: None,
        created_at: at,
        finished_at: None,
    }
}

async fn insert(on: &impl ConnectionTrait, row: delivery::Model) -> Result<()> {
    let row = delivery::ActiveModel::from(row);
    delivery::Entity::insert(row).exec_without_returning(on).await.map_err(db)?;
    Ok(())
}

/// To the webhook of the notice's Model, if it has one that wants this kind.
pub(crate) async fn send_webhook(on: &DatabaseTransaction, notice: &notice::Model) -> Result<()> {
    let Some(model) = notice.model_id else { return Ok(()) };
    let hook = webhook::Entity::find_by_id(model).one(on).await.map_err(db)?;
    let Some(hook) = hook else { return Ok(()) };
    let kinds = hook.kinds.as_deref().map(from_json::<Vec<String>>).transpose()?;
    if kinds.is_some_and(|kinds| !kinds.contains(&notice.kind)) {
        return Ok(());
    }
    let row = delivery::Model {
        notice_id: Some(notice.id),
        model_id: Some(model),
        ..new(Channel::Webhook, &notice.kind, payload(notice))
    };
    insert(on, row).await
}

/// To each person's mailbox, where mail is set up.
pub(crate) async fn send_mails(
    on: &DatabaseTransaction,
    notice: &notice::Model,
    people: &[user::Model],
) -> Result<()> {
    if !has_mail(on).await? {
        return Ok(());
    }
    let body = to_json(&json!({
        "model_id": notice.model_id,
        "model_name": notice.model_name,
        "table_id": notice.table_id,
        "table_name": notice.table_name,
        "title": notice.code.as_deref().and_then(Code::parse).map(Code::title),
        "actor": notice.actor,
    }));
    for person in people {
        let row = delivery::Model {
            notice_id: Some(notice.id),
            address: Some(person.email.clone()),
            ..new(Channel::Mail, &notice.kind, body.clone())
        };
        insert(on, row).await?;
    }
    Ok(())
}

impl Meta {
    /// Promises to send mail for a while.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn promise_mail(&self) -> Result<()> {
        use crate::entity::outbox_setting::{ActiveModel, Column, Entity};
        let known = OnConflict::column(Column::Id).update_column(Column::MailUntil).to_owned();
        let row = ActiveModel { id: Set(1), mail_until: Set((now() + MAIL_PROMISE).timestamp_micros()) };
        Entity::insert(row).on_conflict(known).exec_without_returning(&self.db).await.map_err(db)?;
        Ok(())
    }

    /// Puts a mail into the outbox.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn queue_mail(
        &self,
        kind: MailKind,
        to: &Email,
        id: DeliveryId,
        sealed: Option<SealedText>,
        body: String,
    ) -> Result<()> {
        let (data_key, sealed) = sealed.map(|text| (text.data_key, text.sealed)).unzip();
        let row = delivery::Model {
            id: *id.as_uuid(),
            address: Some(to.as_str().to_owned()),
            data_key,
            sealed,
            ..new(Channel::Mail, kind.as_str(), body)
        };
        insert(&self.db, row).await
    }

    /// Takes up to `most` deliveries that are due at `at`.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn claim_deliveries(
        &self,
        channels: &[Channel],
        most: u64,
        at: DateTime<Utc>,
    ) -> Result<Vec<ClaimedDelivery>> {
        let due = delivery::Entity::find()
            .filter(delivery::Column::NextAt.lte(at.timestamp_micros()))
            .filter(delivery::Column::Channel.is_in(channels.iter().map(|channel| channel.as_str())))
            .order_by_asc(delivery::Column::NextAt)
            .limit(most)
            .all(&self.db)
            .await
            .map_err(db)?;
        let traces = self.traces_of(due.iter().filter_map(|row| row.notice_id)).await?;
        let mut claimed = Vec::new();
        for row in due {
            let taken = delivery::Entity::update_many()
                .col_expr(delivery::Column::NextAt, Expr::value((at + ATTEMPT_LEASE).timestamp_micros()))
                .col_expr(delivery::Column::Attempts, Expr::value(row.attempts + 1))
                .filter(delivery::Column::Id.eq(row.id))
                .filter(delivery::Column::NextAt.eq(row.next_at))
                .filter(delivery::Column::Attempts.eq(row.attempts))
                .exec(&self.db)
                .await
                .map_err(db)?;
            if taken.rows_affected == 1 {
                claimed.push(ClaimedDelivery {
                    id: DeliveryId::from_uuid(row.id),
                    notice: row.notice_id.map(NoticeId::from_uuid),
                    channel: Channel::parse(&row.channel)?,
                    kind: row.kind,
                    model: row.model_id.map(ModelId::from_uuid),
                    address: row.address,
                    body: row.body,
                    sealed: row
                        .data_key
                        .zip(row.sealed)
                        .map(|(data_key, sealed)| SealedText { data_key, sealed }),
                    attempts: u32::try_from(row.attempts + 1).unwrap_or_default(),
                    created_at: time(row.created_at),
                    traceparent: row.notice_id.and_then(|notice| traces.get(&notice).cloned()),
                });
            }
        }
        Ok(claimed)
    }

    /// What the jobs that notices are about go on with.
    async fn traces_of(&self, notices: impl Iterator<Item = Uuid>) -> Result<HashMap<Uuid, String>> {
        let notices: Vec<Uuid> = notices.collect();
        if notices.is_empty() || !mycorr_traces::is_enabled() {
            return Ok(HashMap::new());
        }
        let job = notice::Entity::belongs_to(job::Entity).from(notice::Column::JobId).to(job::Column::Id);
        let traces: Vec<(Uuid, String)> = notice::Entity::find()
            .select_only()
            .columns([notice::Column::Id])
            .column(job::Column::Traceparent)
            .join(JoinType::InnerJoin, job.into())
            .filter(notice::Column::Id.is_in(notices))
            .filter(job::Column::Traceparent.is_not_null())
            .into_tuple()
            .all(&self.db)
            .await
            .map_err(db)?;
        Ok(traces.into_iter().collect())
    }

    /// Records how an attempt ended, unless it was made again meanwhile. What was sealed goes with the last one.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn end_attempt(&self, of: &ClaimedDelivery, end: AttemptEnd) -> Result<()> {
        let at = now().timestamp_micros();
        let (state, status, error, next) = match end {
            AttemptEnd::Delivered { status } => (DeliveryState::Delivered, status, None, None),
            AttemptEnd::Failed { status, problem, next_at } => {
                let error = Some(to_json(&StoredProblem::from(&problem)));
                let next = next_at.map(|at| at.timestamp_micros());
                let state = if next.is_some() { DeliveryState::Pending } else { DeliveryState::Failed };
                (state, status, error, next)
            }
        };
        let mut change = delivery::Entity::update_many()
            .col_expr(delivery::Column::State, Expr::value(state.as_str()))
            .col_expr(delivery::Column::Status, Expr::value(status.map(i32::from)))
            .col_expr(delivery::Column::Error, Expr::value(error))
            .col_expr(delivery::Column::NextAt, Expr::value(next));
        if state != DeliveryState::Pending {
            change = change
                .col_expr(delivery::Column::FinishedAt, Expr::value(at))
                .col_expr(delivery::Column::DataKey, Expr::value(Option::<Vec<u8>>::None))
                .col_expr(delivery::Column::Sealed, Expr::value(Option::<Vec<u8>>::None));
        }
        change
            .filter(delivery::Column::Id.eq(*of.id.as_uuid()))
            .filter(delivery::Column::Attempts.eq(of.attempts as i32))
            .exec(&self.db)
            .await
            .map_err(db)?;
        Ok(())
    }

    /// Data keys of webhooks and of mails that wait, for a rotation of the keyring; with what each is bound to.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn outbox_keys(&self) -> Result<Vec<(OutboxKey, Vec<u8>)>> {
        let hooks = webhook::Entity::find().all(&self.db).await.map_err(db)?;
        let mails = delivery::Entity::find()
            .filter(delivery::Column::DataKey.is_not_null())
            .all(&self.db)
            .await
            .map_err(db)?;
        let hooks = hooks.into_iter().map(|row| (OutboxKey::Webhook(row.model_id), row.data_key));
        let mails = mails.into_iter().filter_map(|row| Some((OutboxKey::Mail(row.id), row.data_key?)));
        Ok(hooks.chain(mails).collect())
    }

    /// Replaces a data key if it still is the `old` one. Whether it was.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn replace_outbox_key(&self, of: OutboxKey, old: Vec<u8>, new: Vec<u8>) -> Result<bool> {
        let replaced = match of {
            OutboxKey::Webhook(model) => webhook::Entity::update_many()
                .col_expr(webhook::Column::DataKey, Expr::value(new))
                .filter(webhook::Column::ModelId.eq(model))
                .filter(webhook::Column::DataKey.eq(old))
                .exec(&self.db)
                .await
                .map_err(db)?,
            OutboxKey::Mail(id) => delivery::Entity::update_many()
                .col_expr(delivery::Column::DataKey, Expr::value(new))
                .filter(delivery::Column::Id.eq(id))
                .filter(delivery::Column::DataKey.eq(old))
                .exec(&self.db)
                .await
                .map_err(db)?,
        };
        Ok(replaced.rows_affected == 1)
    }

    pub(crate) async fn prune_deliveries(&self, before: DateTime<Utc>, most: u64) -> Result<bool> {
        let old: Vec<Uuid> = delivery::Entity::find()
            .select_only()
            .column(delivery::Column::Id)
            .filter(delivery::Column::FinishedAt.lt(before.timestamp_micros()))
            .limit(most)
            .into_tuple()
            .all(&self.db)
            .await
            .map_err(db)?;
        if old.is_empty() {
            return Ok(false);
        }
        let old = delivery::Entity::delete_many().filter(delivery::Column::Id.is_in(old));
        old.exec(&self.db).await.map_err(db)?;
        Ok(true)
    }
}

/// What a data key of the outbox is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboxKey {
    /// The webhook of this Model.
    Webhook(Uuid),
    /// This delivery.
    Mail(Uuid),
}

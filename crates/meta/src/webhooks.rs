//! Where the notices of a Model go, and what became of them there.

use crate::{
    Meta, db,
    deliveries::SealedText,
    entity::{delivery, webhook},
    from_json,
    grants::{Grant, Own, confirm},
    now,
    record::{Delivery, DeliveryState, NoticeKind, StoredProblem, Webhook},
    time, to_json,
};
use mycorr_domain::{DeliveryId, ModelId, NoticeId, Problem, Result};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};

/// So many deliveries of a webhook are listed.
const MAX_LISTED: u64 = 50;

impl Meta {
    /// Sets where the notices of a Model go.
    ///
    /// # Errors
    /// `not_found`, `forbidden`; `storage_full`, `storage_unavailable`.
    pub async fn set_webhook(
        &self,
        grant: &Grant<Own>,
        url: &str,
        kinds: Option<&[NoticeKind]>,
        secret: SealedText,
    ) -> Result<()> {
        let transaction = self.write().await?;
        confirm(&transaction, grant).await?;
        let kinds: Option<Vec<&str>> = kinds.map(|kinds| kinds.iter().map(|kind| kind.as_str()).collect());
        use webhook::Column as C;
        let row = webhook::ActiveModel {
            model_id: Set(*grant.on().as_uuid()),
            url: Set(url.to_owned()),
            kinds: Set(kinds.as_ref().map(to_json)),
            data_key: Set(secret.data_key),
            secret: Set(secret.sealed),
            created_at: Set(now().timestamp_micros()),
        };
        let replace = OnConflict::column(C::ModelId)
            .update_columns([C::Url, C::Kinds, C::DataKey, C::Secret, C::CreatedAt])
            .to_owned();
        webhook::Entity::insert(row)
            .on_conflict(replace)
            .exec_without_returning(&transaction)
            .await
            .map_err(db)?;
        transaction.commit().await.map_err(db)
    }

    /// Where the notices of a Model go, and the newest of them.
    ///
    /// # Errors
    /// `not_found`, also for a Model without one; `storage_unavailable`.
    pub async fn webhook(&self, grant: &Grant<Own>) -> Result<Webhook> {
        let model = *grant.on().as_uuid();
        let row = webhook::Entity::find_by_id(model).one(&self.db).await.map_err(db)?;
        let row = row.ok_or_else(|| Problem::not_found("webhook"))?;
        let rows = delivery::Entity::find()
            .filter(delivery::Column::ModelId.eq(model))
            .order_by_desc(delivery::Column::Id)
            .limit(MAX_LISTED)
            .all(&self.db)
            .await
            .map_err(db)?;
        Ok(Webhook {
            url: row.url,
            kinds: row
                .kinds
                .as_deref()
                .map(from_json::<Vec<String>>)
                .transpose()?
                .map(|kinds| kinds.iter().map(|kind| NoticeKind::parse(kind)).collect::<Result<_>>())
                .transpose()?,
            created_at: time(row.created_at),
            deliveries: rows.into_iter().map(record).collect::<Result<_>>()?,
        })
    }

    /// # Errors
    /// `not_found`, `forbidden`; `storage_full`, `storage_unavailable`.
    pub async fn delete_webhook(&self, grant: &Grant<Own>) -> Result<()> {
        let transaction = self.write().await?;
        confirm(&transaction, grant).await?;
        let model = *grant.on().as_uuid();
        let deleted = webhook::Entity::delete_by_id(model).exec(&transaction).await.map_err(db)?;
        if deleted.rows_affected == 0 {
            return Err(Problem::not_found("webhook"));
        }
        delivery::Entity::delete_many()
            .filter(delivery::Column::ModelId.eq(model))
            .exec(&transaction)
            .await
            .map_err(db)?;
        transaction.commit().await.map_err(db)
    }

    /// Sends a message to a Model's webhook once more, under the same id.
    ///
    /// # Errors
    /// `not_found`, `forbidden`; `storage_full`, `storage_unavailable`.
    pub async fn redeliver(&self, grant: &Grant<Own>, id: DeliveryId) -> Result<()> {
        let transaction = self.write().await?;
        confirm(&transaction, grant).await?;
        let row = delivery::Entity::find_by_id(*id.as_uuid())
            .filter(delivery::Column::ModelId.eq(*grant.on().as_uuid()))
            .one(&transaction)
            .await
            .map_err(db)?;
        let row = row.ok_or_else(|| Problem::not_found("delivery"))?;
        let again = delivery::ActiveModel {
            id: Set(row.id),
            state: Set(DeliveryState::Pending.as_str().to_owned()),
            next_at: Set(Some(now().timestamp_micros())),
            finished_at: Set(None),
            ..Default::default()
        };
        again.update_without_returning(&transaction).await.map_err(db)?;
        transaction.commit().await.map_err(db)
    }

    /// Where a Model's messages go, and the secret that signs them; `None` where that is over.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn webhook_target(&self, model: ModelId) -> Result<Option<(String, SealedText)>> {
        let row = webhook::Entity::find_by_id(*model.as_uuid()).one(&self.db).await.map_err(db)?;
        Ok(row.map(|row| (row.url, SealedText { data_key: row.data_key, sealed: row.secret })))
    }
}

fn record(row: delivery::Model) -> Result<Delivery> {
    let error = row.error.as_deref().map(from_json::<StoredProblem>).transpose()?;
    Ok(Delivery {
        id: DeliveryId::from_uuid(row.id),
        notice: row.notice_id.map(NoticeId::from_uuid),
        kind: NoticeKind::parse(&row.kind)?,
        state: DeliveryState::parse(&row.state)?,
        attempts: u32::try_from(row.attempts).unwrap_or_default(),
        status: row.status.and_then(|status| u16::try_from(status).ok()),
        problem: error.map(Problem::from),
        created_at: time(row.created_at),
        next_attempt_at: row.next_at.map(time),
        finished_at: row.finished_at.map(time),
    })
}

//! `/models/{id}/webhook`.

use super::notices::NoticeKind;
use crate::{
    App,
    authentication::Caller,
    extract::{Body, Path},
    problem::{ApiError, ProblemBody},
};
use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use mycorr_domain::{DeliveryId, ModelId};
use mycorr_engine as engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeliveryState {
    /// An attempt is due or under way.
    Pending,
    /// The receiver answered with 2xx.
    Delivered,
    /// No attempt is made any more.
    Failed,
}

/// A message to a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Delivery {
    id: Uuid,
    /// What the receiver gets as `webhook-id`, at each attempt.
    #[schema(required)]
    notice_id: Option<Uuid>,
    kind: NoticeKind,
    state: DeliveryState,
    attempts: u32,
    /// What the receiver of the last attempt answered.
    #[schema(required)]
    status: Option<u16>,
    /// Why the last attempt failed.
    #[schema(required)]
    problem: Option<ProblemBody>,
    created_at: DateTime<Utc>,
    #[schema(required)]
    next_attempt_at: Option<DateTime<Utc>>,
    #[schema(required)]
    finished_at: Option<DateTime<Utc>>,
}

impl From<engine::Delivery> for Delivery {
    fn from(delivery: engine::Delivery) -> Self {
        Self {
            id: *delivery.id.as_uuid(),
            notice_id: delivery.notice.map(|id| *id.as_uuid()),
            kind: delivery.kind.into(),
            state: match delivery.state {
                engine::DeliveryState::Pending => DeliveryState::Pending,
                engine::DeliveryState::Delivered => DeliveryState::Delivered,
                engine::DeliveryState::Failed => DeliveryState::Failed,
            },
            attempts: delivery.attempts,
            status: delivery.status,
            problem: delivery.problem.as_ref().map(ProblemBody::new),
            created_at: delivery.created_at,
            next_attempt_at: delivery.next_attempt_at,
            finished_at: delivery.finished_at,
        }
    }
}

/// Where the notices of a Model go.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Webhook {
    url: String,
    /// null for all.
    #[schema(required)]
    kinds: Option<Vec<NoticeKind>>,
    created_at: DateTime<Utc>,
    /// The newest 50, newest first.
    deliveries: Vec<Delivery>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetWebhook {
    /// `https` or `http`, a host that a connection may have.
    #[schema(example = "https://example.com/hooks/mycorr", max_length = 2000)]
    url: String,
    /// All when left out.
    kinds: Option<Vec<NoticeKind>>,
}

/// Shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookSecret {
    /// Signs messages as Standard Webhooks says.
    #[schema(example = "whsec_…")]
    secret: String,
}

/// Where the notices of a Model go, with its last deliveries. For its owner.
#[utoipa::path(get, path = "/models/{id}/webhook", tag = "models", params(("id" = Uuid, Path)),
    responses((status = OK, body = Webhook)))]
pub(crate) async fn get_webhook(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ModelId>,
) -> Result<Json<Webhook>, ApiError> {
    let webhook = app.engine.notices.webhook(caller.id(), id).await?;
    Ok(Json(Webhook {
        url: webhook.url,
        kinds: webhook.kinds.map(|kinds| kinds.into_iter().map(NoticeKind::from).collect()),
        created_at: webhook.created_at,
        deliveries: webhook.deliveries.into_iter().map(Delivery::from).collect(),
    }))
}

/// Sets where the notices of a Model go, signed as Standard Webhooks says, with a new secret. For its owner.
#[utoipa::path(put, path = "/models/{id}/webhook", tag = "models", params(("id" = Uuid, Path)),
    request_body = SetWebhook, responses((status = OK, body = WebhookSecret)))]
pub(crate) async fn set_webhook(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ModelId>,
    Body(form): Body<SetWebhook>,
) -> Result<Json<WebhookSecret>, ApiError> {
    let kinds = form.kinds.map(|kinds| kinds.into_iter().map(engine::NoticeKind::from).collect());
    let secret = app.engine.notices.set_webhook(caller.id(), id, &form.url, kinds).await?;
    Ok(Json(WebhookSecret { secret: secret.expose().to_owned() }))
}

/// From now on no notice of this Model goes there; what waits is dropped. For its owner.
#[utoipa::path(delete, path = "/models/{id}/webhook", tag = "models", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT)))]
pub(crate) async fn delete_webhook(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ModelId>,
) -> Result<StatusCode, ApiError> {
    app.engine.notices.delete_webhook(caller.id(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a message once more, under the same `webhook-id`. For the Model's owner.
#[utoipa::path(post, path = "/models/{id}/webhook/redeliver/{delivery_id}", tag = "models",
    params(("id" = Uuid, Path), ("delivery_id" = Uuid, Path)), responses((status = ACCEPTED)))]
pub(crate) async fn redeliver(
    State(app): State<App>,
    caller: Caller,
    Path((id, delivery)): Path<(ModelId, DeliveryId)>,
) -> Result<StatusCode, ApiError> {
    app.engine.notices.redeliver(caller.id(), id, delivery).await?;
    Ok(StatusCode::ACCEPTED)
}

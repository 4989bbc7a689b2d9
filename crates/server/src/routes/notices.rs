//! `/notices`.

use crate::{
    App,
    authentication::Caller,
    extract::{Paging, Path, Query},
    problem::ApiError,
};
use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use mycorr_domain::NoticeId;
use mycorr_engine as engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NoticeKind {
    /// Once, until it works again.
    SyncFailed,
    /// A sync waits for a decision.
    SyncHeld,
    /// A table was due twice since it was synced last, or its schedule paused itself.
    TableStale,
    /// The first sync that succeeded after one of these.
    SyncRecovered,
    /// A Model or a table was shared with the reader.
    Shared,
    /// A Model was handed over to the reader.
    Transferred,
}

impl From<engine::NoticeKind> for NoticeKind {
    fn from(kind: engine::NoticeKind) -> Self {
        match kind {
            engine::NoticeKind::SyncFailed => Self::SyncFailed,
            engine::NoticeKind::SyncHeld => Self::SyncHeld,
            engine::NoticeKind::TableStale => Self::TableStale,
            engine::NoticeKind::SyncRecovered => Self::SyncRecovered,
            engine::NoticeKind::Shared => Self::Shared,
            engine::NoticeKind::Transferred => Self::Transferred,
        }
    }
}

impl From<NoticeKind> for engine::NoticeKind {
    fn from(kind: NoticeKind) -> Self {
        match kind {
            NoticeKind::SyncFailed => Self::SyncFailed,
            NoticeKind::SyncHeld => Self::SyncHeld,
            NoticeKind::TableStale => Self::TableStale,
            NoticeKind::SyncRecovered => Self::SyncRecovered,
            NoticeKind::Shared => Self::Shared,
            NoticeKind::Transferred => Self::Transferred,
        }
    }
}

/// Something that the caller is told of.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Notice {
    /// The same in the page, in mails and as `webhook-id`.
    id: Uuid,
    at: DateTime<Utc>,
    kind: NoticeKind,
    #[schema(required)]
    model_id: Option<Uuid>,
    /// As it was called then; empty where a table alone was shared.
    model_name: String,
    #[schema(required)]
    table_id: Option<Uuid>,
    table_name: String,
    /// The job that it is about: it says what happened, as far as the caller may know.
    #[schema(required)]
    job_id: Option<Uuid>,
    /// Why a sync failed.
    #[schema(required)]
    code: Option<String>,
    /// The code in a few words.
    #[schema(required)]
    title: Option<String>,
    /// Who shared or handed over.
    #[schema(required)]
    actor: Option<String>,
    #[schema(required)]
    read_at: Option<DateTime<Utc>>,
}

impl From<engine::Notice> for Notice {
    fn from(notice: engine::Notice) -> Self {
        Self {
            id: *notice.id.as_uuid(),
            at: notice.at,
            kind: notice.kind.into(),
            model_id: notice.model.map(|id| *id.as_uuid()),
            model_name: notice.model_name,
            table_id: notice.table.map(|id| *id.as_uuid()),
            table_name: notice.table_name,
            job_id: notice.job.map(|id| *id.as_uuid()),
            code: notice.code.map(|code| code.as_str().to_owned()),
            title: notice.code.map(|code| code.title().to_owned()),
            actor: notice.actor,
            read_at: notice.read_at,
        }
    }
}

/// A part of the caller's notices.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NoticeList {
    items: Vec<Notice>,
    /// Pass it as `after` to get the next part; null at the end.
    #[schema(required)]
    next: Option<String>,
    /// Of all of them, how many were not read yet.
    unread: u64,
}

/// What the caller was told, newest first: failed, held and stale syncs of Models that they may change, and what was
/// shared with them.
#[utoipa::path(get, path = "/notices", tag = "accounts", params(Paging), responses((status = OK, body = NoticeList)))]
pub(crate) async fn list_notices(
    State(app): State<App>,
    caller: Caller,
    Query(paging): Query<Paging>,
) -> Result<Json<NoticeList>, ApiError> {
    let (listed, unread) = app.engine.notices.list(caller.id(), paging.after(), paging.limit()?).await?;
    let items = listed.items.into_iter().map(Notice::from).collect();
    Ok(Json(NoticeList { items, next: listed.next, unread }))
}

/// Marks a notice as read.
#[utoipa::path(post, path = "/notices/{id}/read", tag = "accounts", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT)))]
pub(crate) async fn read_notice(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<NoticeId>,
) -> Result<StatusCode, ApiError> {
    app.engine.notices.read(caller.id(), Some(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Marks all of the caller's notices as read.
#[utoipa::path(post, path = "/notices/read", tag = "accounts", responses((status = NO_CONTENT)))]
pub(crate) async fn read_notices(State(app): State<App>, caller: Caller) -> Result<StatusCode, ApiError> {
    app.engine.notices.read(caller.id(), None).await?;
    Ok(StatusCode::NO_CONTENT)
}

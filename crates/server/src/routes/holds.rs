//! `/tables/{id}/sync-policy` and `/tables/{id}/held`.

use super::{
    diff::{Diff, summary},
    versions::Version,
};
use crate::{
    App,
    authentication::Caller,
    extract::{Body, Path},
    problem::ApiError,
};
use axum::{Json, extract::State, http::StatusCode, response::Response};
use mycorr_domain::{self as domain, Problem, TableId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Hold {
    #[default]
    Never,
    /// What breaks something: a column is gone, retyped or no longer readable, no rows where there were some, more rows lost
    /// than allowed, row-level security newly on, another table under the same name.
    Breaking,
    /// Whatever is new.
    Always,
}

/// Which versions are kept: those that any of the two keeps, the newest, and checkpoints; all where both are left out.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Keep {
    /// So many of the newest.
    #[schema(minimum = 1, maximum = 100_000)]
    versions: Option<u32>,
    /// Those that are not older.
    #[schema(minimum = 1, maximum = 36_500)]
    days: Option<u32>,
}

/// What a table's syncs may change without asking, and which of its versions are kept. What is left out is as it is
/// where nobody set a policy.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SyncPolicy {
    /// Which syncs are held until somebody accepts or discards what they read.
    #[schema(default = "never")]
    hold: Hold,
    /// More rows lost than this share of the version before break something.
    #[schema(minimum = 0, maximum = 100, default = 20)]
    max_rows_lost_percent: u8,
    keep: Keep,
    /// Whether each sync proves itself against the source.
    #[schema(default = false)]
    verify: bool,
}

impl Default for SyncPolicy {
    fn default() -> Self {
        domain::SyncPolicy::default().into()
    }
}

impl From<domain::SyncPolicy> for SyncPolicy {
    fn from(policy: domain::SyncPolicy) -> Self {
        Self {
            hold: match policy.hold {
                domain::Hold::Never => Hold::Never,
                domain::Hold::Breaking => Hold::Breaking,
                domain::Hold::Always => Hold::Always,
            },
            max_rows_lost_percent: policy.max_rows_lost_percent,
            keep: Keep { versions: policy.keep.versions, days: policy.keep.days },
            verify: policy.verify,
        }
    }
}

impl From<SyncPolicy> for domain::SyncPolicy {
    fn from(policy: SyncPolicy) -> Self {
        Self {
            hold: match policy.hold {
                Hold::Never => domain::Hold::Never,
                Hold::Breaking => domain::Hold::Breaking,
                Hold::Always => domain::Hold::Always,
            },
            max_rows_lost_percent: policy.max_rows_lost_percent,
            keep: domain::Keep { versions: policy.keep.versions, days: policy.keep.days },
            verify: policy.verify,
        }
    }
}

/// Why a sync is held.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HoldCode {
    ColumnGone,
    ColumnRetyped,
    ColumnUnreadable,
    NoRows,
    RowsLost,
    RowSecurity,
    AnotherTable,
    /// The policy holds whatever is new.
    Changed,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HoldReason {
    code: HoldCode,
    /// A sentence for a person.
    message: String,
}

impl From<domain::HoldReason> for HoldReason {
    fn from(reason: domain::HoldReason) -> Self {
        let code = match reason.code {
            domain::HoldCode::ColumnGone => HoldCode::ColumnGone,
            domain::HoldCode::ColumnRetyped => HoldCode::ColumnRetyped,
            domain::HoldCode::ColumnUnreadable => HoldCode::ColumnUnreadable,
            domain::HoldCode::NoRows => HoldCode::NoRows,
            domain::HoldCode::RowsLost => HoldCode::RowsLost,
            domain::HoldCode::RowSecurity => HoldCode::RowSecurity,
            domain::HoldCode::AnotherTable => HoldCode::AnotherTable,
            domain::HoldCode::Changed => HoldCode::Changed,
        };
        Self { code, message: reason.message }
    }
}

/// A sync that waits for a decision.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Held {
    job_id: Uuid,
    reasons: Vec<HoldReason>,
    /// From the newest version to what is held.
    diff: Diff,
}

/// A table's sync policy.
#[utoipa::path(get, path = "/tables/{id}/sync-policy", tag = "tables", params(("id" = Uuid, Path)),
    responses((status = OK, body = SyncPolicy)))]
pub(crate) async fn get_sync_policy(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
) -> Result<Json<SyncPolicy>, ApiError> {
    Ok(Json(app.engine.tables.sync_policy(caller.id(), id).await?.into()))
}

/// Sets a table's sync policy. Versions that it does not keep are deleted.
#[utoipa::path(put, path = "/tables/{id}/sync-policy", tag = "tables", params(("id" = Uuid, Path)),
    request_body = SyncPolicy, responses((status = OK, body = SyncPolicy)))]
pub(crate) async fn set_sync_policy(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
    Body(policy): Body<SyncPolicy>,
) -> Result<Json<SyncPolicy>, ApiError> {
    Ok(Json(app.engine.tables.set_sync_policy(caller.id(), id, policy.into()).await?.into()))
}

/// The sync of a table that waits for a decision: why, and what it would change. Its rows are those of the version `held`.
#[utoipa::path(get, path = "/tables/{id}/held", tag = "tables", params(("id" = Uuid, Path)),
    responses((status = OK, body = Held)))]
pub(crate) async fn get_held(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
) -> Result<Response, ApiError> {
    let held = app.engine.tables.held(caller.id(), id).await?;
    let (diff, _held) = summary(&app, &held.diff).await?;
    let answer = Held {
        job_id: *held.sync.job.as_uuid(),
        reasons: held.sync.reasons.into_iter().map(HoldReason::from).collect(),
        diff,
    };
    let json = serde_json::to_vec(&answer).map_err(Problem::bug)?;
    Ok(app.large_answers.answer("application/json", json).await?)
}

/// Makes what is held the next version.
#[utoipa::path(post, path = "/tables/{id}/held/accept", tag = "tables", params(("id" = Uuid, Path)),
    responses((status = CREATED, body = Version)))]
pub(crate) async fn accept_held(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
) -> Result<(StatusCode, Json<Version>), ApiError> {
    let made = app.engine.tables.accept_held(caller.id(), id).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Throws away what is held. The table stays as it is.
#[utoipa::path(post, path = "/tables/{id}/held/discard", tag = "tables", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT)))]
pub(crate) async fn discard_held(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
) -> Result<StatusCode, ApiError> {
    app.engine.tables.discard_held(caller.id(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

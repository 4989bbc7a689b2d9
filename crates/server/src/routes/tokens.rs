//! `/tokens`: bearer tokens for scripts.

use super::List;
use crate::{
    App,
    extract::{Body, Paging, Path, Query},
    problem::ApiError,
};
use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use mycorr_domain::TokenId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A token, without the token itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Token {
    id: Uuid,
    name: String,
    created_at: DateTime<Utc>,
    #[schema(required)]
    expires_at: Option<DateTime<Utc>>,
    /// To the minute.
    #[schema(required)]
    last_used_at: Option<DateTime<Utc>>,
}

/// A new token; it is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewToken {
    id: Uuid,
    #[schema(example = "myc_…")]
    token: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateToken {
    #[schema(max_length = 100)]
    name: String,
    /// Never, when left out.
    expires_at: Option<DateTime<Utc>>,
}

/// Makes a token that acts for its maker.
#[utoipa::path(post, path = "/tokens", tag = "accounts", request_body = CreateToken,
    responses((status = CREATED, body = NewToken)))]
pub(crate) async fn create_token(
    State(app): State<App>,
    Body(_form): Body<CreateToken>,
) -> Result<(StatusCode, Json<NewToken>), ApiError> {
    app.later()
}

/// The caller's tokens, newest first.
#[utoipa::path(get, path = "/tokens", tag = "accounts", params(Paging),
    responses((status = OK, body = List<Token>)))]
pub(crate) async fn list_tokens(
    State(app): State<App>,
    Query(_paging): Query<Paging>,
) -> Result<Json<List<Token>>, ApiError> {
    app.later()
}

/// Revokes a token at once.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "accounts", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT)))]
pub(crate) async fn delete_token(
    State(app): State<App>,
    Path(_id): Path<TokenId>,
) -> Result<StatusCode, ApiError> {
    app.later()
}

//! `/tokens`: bearer tokens for scripts.

use super::List;
use crate::{
    App,
    authentication::Caller,
    extract::{Body, Paging, Path, Query},
    problem::ApiError,
};
use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use mycorr_domain::{ModelId, TokenId};
use mycorr_engine::TokenScope;
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
    access: TokenAccess,
    /// The one Model that it is good for.
    #[schema(required)]
    model_id: Option<Uuid>,
}

/// Whether a token may change anything.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TokenAccess {
    Read,
    #[default]
    Write,
}

impl From<mycorr_engine::Token> for Token {
    fn from(token: mycorr_engine::Token) -> Self {
        let mycorr_engine::Token { id, name, created_at, expires_at, last_used_at, scope } = token;
        let access = match scope.access {
            mycorr_engine::TokenAccess::Read => TokenAccess::Read,
            mycorr_engine::TokenAccess::Write => TokenAccess::Write,
        };
        let model_id = scope.model.map(|id| *id.as_uuid());
        Self { id: *id.as_uuid(), name, created_at, expires_at, last_used_at, access, model_id }
    }
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
    /// `write` when left out: all that its maker may do.
    #[serde(default)]
    access: TokenAccess,
    /// Only what is in this Model; everything when left out.
    model_id: Option<Uuid>,
}

/// Makes a token that acts for its maker, perhaps within narrower bounds.
#[utoipa::path(post, path = "/tokens", tag = "accounts", request_body = CreateToken,
    responses((status = CREATED, body = NewToken)))]
pub(crate) async fn create_token(
    State(app): State<App>,
    caller: Caller,
    Body(form): Body<CreateToken>,
) -> Result<(StatusCode, Json<NewToken>), ApiError> {
    let access = match form.access {
        TokenAccess::Read => mycorr_engine::TokenAccess::Read,
        TokenAccess::Write => mycorr_engine::TokenAccess::Write,
    };
    let scope = TokenScope { access, model: form.model_id.map(ModelId::from_uuid) };
    let new = app.engine.accounts.create_token(caller.id(), &form.name, form.expires_at, scope).await?;
    let token = NewToken { id: *new.id.as_uuid(), token: new.token.expose().to_owned() };
    Ok((StatusCode::CREATED, Json(token)))
}

/// The caller's tokens, newest first.
#[utoipa::path(get, path = "/tokens", tag = "accounts", params(Paging),
    responses((status = OK, body = List<Token>)))]
pub(crate) async fn list_tokens(
    State(app): State<App>,
    caller: Caller,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Token>>, ApiError> {
    let tokens = app.engine.accounts.tokens(caller.id(), paging.after(), paging.limit()?).await?;
    Ok(Json(tokens.into()))
}

/// Revokes a token at once.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "accounts", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT)))]
pub(crate) async fn delete_token(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TokenId>,
) -> Result<StatusCode, ApiError> {
    app.engine.accounts.delete_token(caller.id(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! `/sign-up`, `/sign-in`, `/sign-out`, `/me`.

use crate::{App, extract::Body, problem::ApiError};
use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use mycorr_domain::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    id: Uuid,
    name: String,
    email: String,
    /// The first account is the administrator's.
    admin: bool,
    created_at: DateTime<Utc>,
}

/// A person as others see them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Person {
    id: Uuid,
    name: String,
    email: String,
}

/// Whether an account can be made here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignUpState {
    /// There is no account yet: who signs up now becomes the administrator.
    first: bool,
    /// Anyone may sign up.
    open: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignUp {
    #[schema(max_length = 100)]
    name: String,
    #[schema(format = Email)]
    email: String,
    /// At least 10 characters.
    #[schema(value_type = String, format = Password, min_length = 10)]
    password: Secret,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    #[schema(format = Email)]
    email: String,
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

/// Tells whether an account can be made here.
#[utoipa::path(get, path = "/sign-up", tag = "accounts", security(()),
    responses((status = OK, body = SignUpState)))]
pub(crate) async fn get_sign_up(State(app): State<App>) -> Result<Json<SignUpState>, ApiError> {
    app.later()
}

/// Makes an account and signs it in.
#[utoipa::path(post, path = "/sign-up", tag = "accounts", security(()), request_body = SignUp,
    responses((status = CREATED, body = Me, description = "Signed in: the cookie `mycorr_session` is set")))]
pub(crate) async fn sign_up(
    State(app): State<App>,
    Body(_form): Body<SignUp>,
) -> Result<(StatusCode, Json<Me>), ApiError> {
    app.later()
}

/// Signs in: sets the cookie `mycorr_session`.
#[utoipa::path(post, path = "/sign-in", tag = "accounts", security(()), request_body = SignIn,
    responses((status = OK, body = Me)))]
pub(crate) async fn sign_in(State(app): State<App>, Body(_form): Body<SignIn>) -> Result<Json<Me>, ApiError> {
    app.later()
}

/// Ends the session and removes the cookie.
#[utoipa::path(post, path = "/sign-out", tag = "accounts", responses((status = NO_CONTENT)))]
pub(crate) async fn sign_out(State(app): State<App>) -> Result<StatusCode, ApiError> {
    app.later()
}

/// Who is signed in.
#[utoipa::path(get, path = "/me", tag = "accounts", responses((status = OK, body = Me)))]
pub(crate) async fn get_me(State(app): State<App>) -> Result<Json<Me>, ApiError> {
    app.later()
}

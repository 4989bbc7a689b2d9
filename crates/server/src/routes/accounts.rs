//! `/sign-up`, `/sign-in`, `/sign-out`, `/me`.

use crate::{
    App,
    caller::{self, Caller},
    client_address::ClientAddress,
    extract::Body,
    problem::ApiError,
};
use axum::{
    Extension, Json,
    extract::State,
    http::{StatusCode, header},
    response::{AppendHeaders, IntoResponse},
};
use chrono::{DateTime, Utc};
use mycorr_domain::Secret;
use mycorr_engine::User;
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

impl From<User> for Me {
    fn from(user: User) -> Self {
        let User { id, name, email, admin, created_at } = user;
        Self { id: *id.as_uuid(), name, email, admin, created_at }
    }
}

impl From<User> for Person {
    fn from(user: User) -> Self {
        Self { id: *user.id.as_uuid(), name: user.name, email: user.email }
    }
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
    /// At least 8 characters.
    #[schema(value_type = String, format = Password, min_length = 8)]
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
    let state = app.engine.accounts.sign_up_state().await?;
    Ok(Json(SignUpState { first: state.first, open: state.open }))
}

/// Makes an account and signs it in.
#[utoipa::path(post, path = "/sign-up", tag = "accounts", security(()), request_body = SignUp,
    responses((status = CREATED, body = Me, description = "Signed in: the cookie `mycorr_session` is set")))]
pub(crate) async fn sign_up(
    State(app): State<App>,
    Extension(from): Extension<ClientAddress>,
    Body(form): Body<SignUp>,
) -> Result<impl IntoResponse, ApiError> {
    let signed_in = app.engine.accounts.sign_up(&form.name, &form.email, form.password, from.0).await?;
    let cookie = caller::cookie(&signed_in, &app.settings);
    let headers = AppendHeaders([(header::SET_COOKIE, cookie)]);
    Ok((StatusCode::CREATED, headers, Json(Me::from(signed_in.user))))
}

/// Signs in: sets the cookie `mycorr_session`.
#[utoipa::path(post, path = "/sign-in", tag = "accounts", security(()), request_body = SignIn,
    responses((status = OK, body = Me)))]
pub(crate) async fn sign_in(
    State(app): State<App>,
    Extension(from): Extension<ClientAddress>,
    Body(form): Body<SignIn>,
) -> Result<impl IntoResponse, ApiError> {
    let signed_in = app.engine.accounts.sign_in(&form.email, form.password, from.0).await?;
    let cookie = caller::cookie(&signed_in, &app.settings);
    Ok((AppendHeaders([(header::SET_COOKIE, cookie)]), Json(Me::from(signed_in.user))))
}

/// Ends the session and removes the cookie.
#[utoipa::path(post, path = "/sign-out", tag = "accounts", responses((status = NO_CONTENT)))]
pub(crate) async fn sign_out(State(app): State<App>, caller: Caller) -> Result<impl IntoResponse, ApiError> {
    if let Some(session) = caller.session {
        app.engine.accounts.sign_out(session).await?;
    }
    let cookie = caller::no_cookie(&app.settings);
    Ok((StatusCode::NO_CONTENT, AppendHeaders([(header::SET_COOKIE, cookie)])))
}

/// Who is signed in.
#[utoipa::path(get, path = "/me", tag = "accounts", responses((status = OK, body = Me)))]
pub(crate) async fn get_me(caller: Caller) -> Json<Me> {
    Json(caller.user.into())
}

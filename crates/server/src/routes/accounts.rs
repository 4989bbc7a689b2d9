//! `/sign-up`, `/sign-in`, `/sign-out`, `/me`, `/sessions`.

use crate::{
    App,
    authentication::{self, Caller},
    client_address::ClientAddress,
    extract::{Body, Paging, Path, Query},
    problem::ApiError,
    routes::List,
};
use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{AppendHeaders, IntoResponse},
};
use chrono::{DateTime, Utc};
use mycorr_domain::{Secret, SessionId};
use mycorr_engine::{SessionInfo, User};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
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
        let User { id, name, email, admin, created_at, .. } = user;
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
    /// Whom the invitation is for that was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    invite: Option<Invited>,
}

/// Whom an invitation is for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Invited {
    email: String,
    expires_at: DateTime<Utc>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SignUpParams {
    /// The last part of an invitation's link.
    #[param(value_type = Option<String>)]
    invite: Option<Secret>,
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
    /// The last part of an invitation's link: good once, for the address that was invited.
    #[schema(value_type = Option<String>)]
    invite: Option<Secret>,
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
#[utoipa::path(get, path = "/sign-up", tag = "accounts", security(()), params(SignUpParams),
    responses((status = OK, body = SignUpState)))]
pub(crate) async fn get_sign_up(
    State(app): State<App>,
    Extension(from): Extension<ClientAddress>,
    Query(params): Query<SignUpParams>,
) -> Result<Json<SignUpState>, ApiError> {
    let accounts = &app.engine.accounts;
    let state = accounts.sign_up_state().await?;
    let invite = match params.invite {
        Some(token) => Some(accounts.invite(token.expose(), from.0).await?),
        None => None,
    };
    let invite = invite.map(|invite| Invited { email: invite.email, expires_at: invite.expires_at });
    Ok(Json(SignUpState { first: state.first, open: state.open, invite }))
}

/// Makes an account and signs it in.
#[utoipa::path(post, path = "/sign-up", tag = "accounts", security(()), request_body = SignUp,
    responses((status = CREATED, body = Me, description = "Signed in: the cookie `mycorr_session` is set")))]
pub(crate) async fn sign_up(
    State(app): State<App>,
    Extension(from): Extension<ClientAddress>,
    headers: HeaderMap,
    Body(form): Body<SignUp>,
) -> Result<impl IntoResponse, ApiError> {
    let (accounts, browser) = (&app.engine.accounts, authentication::browser(&headers, from));
    let SignUp { name, email, password, invite } = form;
    let signed_in = match invite {
        Some(invite) => accounts.sign_up_invited(&name, &email, password, invite.expose(), browser).await?,
        None => accounts.sign_up(&name, &email, password, browser).await?,
    };
    let cookie = authentication::cookie(&signed_in, &app.settings);
    let headers = AppendHeaders([(header::SET_COOKIE, cookie)]);
    Ok((StatusCode::CREATED, headers, Json(Me::from(signed_in.user))))
}

/// Signs in: sets the cookie `mycorr_session`.
#[utoipa::path(post, path = "/sign-in", tag = "accounts", security(()), request_body = SignIn,
    responses((status = OK, body = Me)))]
pub(crate) async fn sign_in(
    State(app): State<App>,
    Extension(from): Extension<ClientAddress>,
    headers: HeaderMap,
    Body(form): Body<SignIn>,
) -> Result<impl IntoResponse, ApiError> {
    let signed_in = app
        .engine
        .accounts
        .sign_in(&form.email, form.password, authentication::browser(&headers, from))
        .await?;
    let cookie = authentication::cookie(&signed_in, &app.settings);
    Ok((AppendHeaders([(header::SET_COOKIE, cookie)]), Json(Me::from(signed_in.user))))
}

/// Ends the session and removes the cookie.
#[utoipa::path(post, path = "/sign-out", tag = "accounts", responses((status = NO_CONTENT)))]
pub(crate) async fn sign_out(State(app): State<App>, caller: Caller) -> Result<impl IntoResponse, ApiError> {
    if let Some(session) = caller.session() {
        app.engine.accounts.end_session(caller.id(), session).await?;
    }
    let cookie = authentication::no_cookie(&app.settings);
    Ok((StatusCode::NO_CONTENT, AppendHeaders([(header::SET_COOKIE, cookie)])))
}

/// Who is signed in.
#[utoipa::path(get, path = "/me", tag = "accounts", responses((status = OK, body = Me)))]
pub(crate) async fn get_me(caller: Caller) -> Json<Me> {
    Json(caller.user.into())
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MeForm {
    #[schema(max_length = 100)]
    name: Option<String>,
    password: Option<NewPassword>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    #[schema(value_type = String, format = Password)]
    current: Secret,
    /// At least 8 characters.
    #[schema(value_type = String, format = Password, min_length = 8)]
    new: Secret,
}

/// Changes the caller's name or password. A new password ends every other session.
#[utoipa::path(patch, path = "/me", tag = "accounts", request_body = MeForm,
    responses((status = OK, body = Me)))]
pub(crate) async fn update_me(
    State(app): State<App>,
    caller: Caller,
    Extension(from): Extension<ClientAddress>,
    Body(form): Body<MeForm>,
) -> Result<Json<Me>, ApiError> {
    let (accounts, keep) = (&app.engine.accounts, caller.session());
    if let Some(NewPassword { current, new }) = form.password {
        accounts.change_password(&caller.user, current, new, keep, from.0).await?;
    }
    let user = match form.name {
        Some(name) => accounts.rename(caller.id(), &name).await?,
        None => caller.user,
    };
    Ok(Json(user.into()))
}

/// A browser in which the caller is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    id: Uuid,
    created_at: DateTime<Utc>,
    /// To the minute.
    last_seen_at: DateTime<Utc>,
    /// From where it was used last.
    #[schema(required)]
    address: Option<String>,
    /// What the browser calls itself.
    #[schema(required)]
    agent: Option<String>,
    /// Whether this request showed it.
    current: bool,
}

/// Where the caller is signed in, newest first.
#[utoipa::path(get, path = "/sessions", tag = "accounts", params(Paging),
    responses((status = OK, body = List<Session>)))]
pub(crate) async fn list_sessions(
    State(app): State<App>,
    caller: Caller,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Session>>, ApiError> {
    let sessions = app.engine.accounts.sessions(caller.id(), paging.after(), paging.limit()?).await?;
    let session = |info: SessionInfo| Session {
        id: *info.id.as_uuid(),
        created_at: info.created_at,
        last_seen_at: info.last_seen_at,
        address: info.address,
        agent: info.agent,
        current: caller.session() == Some(info.id),
    };
    Ok(Json(sessions.map(session).into()))
}

/// Ends a session of the caller at once.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "accounts", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT)))]
pub(crate) async fn end_session(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<SessionId>,
) -> Result<StatusCode, ApiError> {
    app.engine.accounts.end_session(caller.id(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

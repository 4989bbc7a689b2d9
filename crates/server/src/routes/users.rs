//! `/users`, for administrators, and `/password-resets`.

use super::List;
use crate::{
    App,
    authentication::Caller,
    client_address::ClientAddress,
    extract::{Body, Path, Query, limit},
    problem::ApiError,
};
use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use chrono::{DateTime, Utc};
use mycorr_domain::{Secret, UserId};
use mycorr_engine::{NewLink, User as Account, UserChange};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// An account, as administrators see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct User {
    id: Uuid,
    name: String,
    email: String,
    admin: bool,
    /// Signed out everywhere, and kept from signing in.
    disabled: bool,
    created_at: DateTime<Utc>,
}

impl From<Account> for User {
    fn from(user: Account) -> Self {
        let Account { id, name, email, admin, created_at, disabled } = user;
        Self { id: *id.as_uuid(), name, email, admin, disabled, created_at }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsersParams {
    /// Only those whose name or e-mail address contains this, in any case.
    search: Option<String>,
    #[param(minimum = 1, maximum = 1000, default = 200)]
    limit: Option<u64>,
    /// The `next` of the part before.
    after: Option<String>,
}

/// All accounts, newest first. Administrators only.
#[utoipa::path(get, path = "/users", tag = "accounts", params(UsersParams),
    responses((status = OK, body = List<User>)))]
pub(crate) async fn list_users(
    State(app): State<App>,
    caller: Caller,
    Query(params): Query<UsersParams>,
) -> Result<Json<List<User>>, ApiError> {
    let UsersParams { search, after, limit: asked } = params;
    let accounts = &app.engine.accounts;
    let users = accounts.users(caller.id(), search.as_deref(), after.as_deref(), limit(asked)?).await?;
    Ok(Json(users.map(User::from).into()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserForm {
    admin: Option<bool>,
    disabled: Option<bool>,
}

/// Makes an account an administrator's, or disables it: its sessions end, its tokens are refused, its jobs that wait
/// are not done. Administrators only; the last one stays. Being one opens nobody's Models or connections.
#[utoipa::path(patch, path = "/users/{id}", tag = "accounts", params(("id" = Uuid, Path)),
    request_body = UserForm, responses((status = OK, body = User)))]
pub(crate) async fn update_user(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
    Body(form): Body<UserForm>,
) -> Result<Json<User>, ApiError> {
    let change = UserChange { admin: form.admin, disabled: form.disabled };
    Ok(Json(app.engine.accounts.change_user(caller.id(), id, change).await?.into()))
}

/// A link that is good once. It is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Link {
    url: String,
    expires_at: DateTime<Utc>,
}

impl Link {
    pub(crate) fn new(app: &App, headers: &HeaderMap, page: &str, link: &NewLink) -> Self {
        Self { url: app.settings.link(headers, page, link.token.expose()), expires_at: link.expires_at }
    }
}

/// Makes a link with which a person sets a new password within 24 hours. Administrators only.
#[utoipa::path(post, path = "/users/{id}/password-reset", tag = "accounts", params(("id" = Uuid, Path)),
    responses((status = CREATED, body = Link)))]
pub(crate) async fn create_password_reset(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<UserId>,
) -> Result<(StatusCode, Json<Link>), ApiError> {
    let link = app.engine.accounts.create_password_reset(caller.id(), id).await?;
    Ok((StatusCode::CREATED, Json(Link::new(&app, &headers, "password-reset", &link))))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForgottenPassword {
    #[schema(format = Email)]
    email: String,
}

/// Asks for a mail with a link to a new password. The answer is the same whether there is such an account or not;
/// without mail, only an administrator can make a link.
#[utoipa::path(post, path = "/password-resets", tag = "accounts", security(()),
    request_body = ForgottenPassword, responses((status = ACCEPTED)))]
pub(crate) async fn request_password_reset(
    State(app): State<App>,
    Extension(from): Extension<ClientAddress>,
    Body(form): Body<ForgottenPassword>,
) -> Result<StatusCode, ApiError> {
    app.engine.notices.request_password_reset(&form.email, from.0).await?;
    Ok(StatusCode::ACCEPTED)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResetPassword {
    /// At least 8 characters.
    #[schema(value_type = String, format = Password, min_length = 8)]
    password: Secret,
}

/// Sets a new password by a link, once. Every session of the account ends.
#[utoipa::path(post, path = "/password-resets/{token}", tag = "accounts", security(()),
    params(("token" = String, Path)), request_body = ResetPassword, responses((status = NO_CONTENT)))]
pub(crate) async fn reset_password(
    State(app): State<App>,
    Extension(from): Extension<ClientAddress>,
    Path(token): Path<String>,
    Body(form): Body<ResetPassword>,
) -> Result<StatusCode, ApiError> {
    app.engine.accounts.use_password_reset(&token, form.password, from.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

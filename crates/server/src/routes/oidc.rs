//! `/sign-in/providers`, `/sign-in/oidc/{id}` and `/identities`: sign-in by OpenID Connect.

use super::List;
use crate::{
    App,
    authentication::{self, Caller},
    client_address::ClientAddress,
    extract::{Body, Path, Query},
    problem::ApiError,
};
use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
};
use axum_extra::extract::CookieJar;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use mycorr_domain::{Code, IdentityId, Problem, Secret, UserId};
use mycorr_engine::{LinkedIdentity, SignInCallback};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What a browser keeps while its person is at a provider.
const COOKIE: &str = "mycorr_oidc";
/// As long as a person may stay there.
const COOKIE_AGE: Duration = Duration::from_secs(600);
/// Why a sign-in was refused, for the page to which the browser is sent back.
const REFUSED_COOKIE: &str = "mycorr_refused";
const REFUSED_AGE: Duration = Duration::from_secs(60);

/// Where people can sign in besides here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignInProvider {
    #[schema(example = "corp")]
    id: String,
    name: String,
}

/// The providers at which one can sign in.
#[utoipa::path(get, path = "/sign-in/providers", tag = "accounts", security(()),
    responses((status = OK, body = List<SignInProvider>)))]
pub(crate) async fn list_providers(State(app): State<App>) -> Json<List<SignInProvider>> {
    let provider = |(id, name): (&str, &str)| SignInProvider { id: id.to_owned(), name: name.to_owned() };
    Json(List::all(app.engine.accounts.providers().map(provider).collect()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct BeginParams {
    /// The path of the page to be on afterwards.
    #[param(example = "/jobs")]
    next: Option<String>,
}

/// Leads to a provider, for a browser: code flow with PKCE, state and nonce.
#[utoipa::path(get, path = "/sign-in/oidc/{id}", tag = "accounts", security(()),
    params(("id" = String, Path), BeginParams), responses((status = SEE_OTHER, description = "To the provider")))]
pub(crate) async fn begin_oidc(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Query(params): Query<BeginParams>,
) -> Result<Response, ApiError> {
    let begun = app.engine.accounts.begin_sign_in(&id, &redirect(&app, &headers, &id)).await?;
    let kept = Kept { secret: begun.secret, user: None, next: page_path(params.next) };
    Ok(see_other(&begun.url, [kept.cookie(&app)?]))
}

/// What providers send; other parameters of theirs are let through.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CallbackParams {
    state: Option<String>,
    #[param(value_type = Option<String>)]
    code: Option<Secret>,
    /// Why there is no code (RFC 6749, section 4.1.2.1).
    error: Option<String>,
    /// Whose answer it is (RFC 9207).
    iss: Option<String>,
}

/// Where a provider sends a browser back to. Signs in, or adds the way to sign in to the account that asked for it.
/// Whoever does not ask for `text/html` gets a refusal as a problem; a browser is sent to a page that shows it.
#[utoipa::path(get, path = "/sign-in/oidc/{id}/callback", tag = "accounts", security(()),
    params(("id" = String, Path), CallbackParams),
    responses((status = SEE_OTHER, description = "Signed in: the cookie `mycorr_session` is set")))]
pub(crate) async fn finish_oidc(
    State(app): State<App>,
    Path(id): Path<String>,
    Extension(from): Extension<ClientAddress>,
    headers: HeaderMap,
    Query(params): Query<CallbackParams>,
) -> Response {
    let kept = Kept::of(&headers);
    let refused = kept.as_ref().map_or_else(|| "/sign-in?refused".to_owned(), Kept::refused);
    let forget = set_cookie(&app, COOKIE, "", Duration::ZERO, true);
    let finished = match kept {
        Some(kept) => finish(&app, &id, from, &headers, params, kept).await,
        None => Err(Problem::new(
            Code::SignInFailed,
            "This sign-in was not begun in this browser, or too long ago.",
        )
        .fix("Begin the sign-in again.")),
    };
    match finished {
        Ok((next, session)) => see_other(&next, session.into_iter().chain(forget)),
        Err(problem) if wants_page(&headers) => {
            see_other(&refused, forget.into_iter().chain(told(&app, &problem)))
        }
        Err(problem) => {
            let mut answer = ApiError::from(problem).into_response();
            answer.headers_mut().extend(forget.map(|cookie| (header::SET_COOKIE, cookie)));
            answer
        }
    }
}

/// Leads to the page of a provider where one signs out of it, and from there back to the page for signing in. Ends no
/// session here.
#[utoipa::path(get, path = "/sign-in/oidc/{id}/sign-out", tag = "accounts", security(()),
    params(("id" = String, Path)), responses((status = SEE_OTHER, description = "To the provider")))]
pub(crate) async fn sign_out_oidc(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let back = format!("{}/sign-in", app.settings.origin(&headers));
    match app.engine.accounts.sign_out_url(&id, &back).await {
        Ok(url) => Ok(see_other(&url, [])),
        Err(problem) if wants_page(&headers) => Ok(see_other("/sign-in?refused=out", told(&app, &problem))),
        Err(problem) => Err(problem.into()),
    }
}

/// Where to be now, and the cookie of the session if there is a new one.
async fn finish(
    app: &App,
    id: &str,
    from: ClientAddress,
    headers: &HeaderMap,
    params: CallbackParams,
    kept: Kept,
) -> Result<(String, Option<HeaderValue>), Problem> {
    let accounts = &app.engine.accounts;
    let redirect = redirect(app, headers, id);
    let CallbackParams { state, code, error, iss } = params;
    let callback = SignInCallback { state, code, error, issuer: iss };
    let Some(user) = kept.user else {
        let browser = authentication::browser(headers, from);
        let signed_in = accounts.finish_sign_in(id, &redirect, &kept.secret, callback, browser).await?;
        return Ok((kept.next, Some(authentication::cookie(&signed_in, &app.settings))));
    };
    // Whoever asked for it has to be signed in here still.
    let signed_in = authentication::session_user(app, headers, from).await?;
    if signed_in != Some(user) {
        return Err(Problem::new(Code::SignInFailed, "You are not signed in to the account any more.")
            .fix("Sign in to it, and add the way to sign in again."));
    }
    accounts.add_identity(user, id, &redirect, &kept.secret, callback, from.0).await?;
    Ok((kept.next, None))
}

/// A way to sign in besides a password.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Identity {
    id: Uuid,
    issuer: String,
    /// The id of the provider that speaks for the issuer, while there is one.
    #[schema(required)]
    provider: Option<String>,
    /// As the provider said at the last sign-in.
    #[schema(required)]
    email: Option<String>,
    created_at: DateTime<Utc>,
    #[schema(required)]
    last_used_at: Option<DateTime<Utc>>,
}

impl Identity {
    fn new(app: &App, identity: LinkedIdentity) -> Self {
        let LinkedIdentity { id, issuer, email, created_at, last_used_at } = identity;
        let provider = app.engine.accounts.provider_of(&issuer).map(str::to_owned);
        Self { id: *id.as_uuid(), issuer, provider, email, created_at, last_used_at }
    }
}

/// The ways to sign in that the caller has besides a password.
#[utoipa::path(get, path = "/identities", tag = "accounts", responses((status = OK, body = List<Identity>)))]
pub(crate) async fn list_identities(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<List<Identity>>, ApiError> {
    let identities = app.engine.accounts.identities(caller.id()).await?;
    Ok(Json(List::all(identities.into_iter().map(|identity| Identity::new(&app, identity)).collect())))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddIdentity {
    /// The id of a provider.
    provider: String,
    /// The path of the page to be on afterwards.
    next: Option<String>,
}

/// Where the browser goes now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Begun {
    url: String,
}

/// Begins to add a way to sign in: the browser goes to `url`, and comes back signed in there.
#[utoipa::path(post, path = "/identities", tag = "accounts", request_body = AddIdentity,
    responses((status = OK, body = Begun)))]
pub(crate) async fn add_identity(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Body(form): Body<AddIdentity>,
) -> Result<impl IntoResponse, ApiError> {
    if caller.session().is_none() {
        return Err(Problem::new(
            Code::Forbidden,
            "A way to sign in is added in the browser, not by a token.",
        )
        .into());
    }
    let id = form.provider;
    let begun = app.engine.accounts.begin_sign_in(&id, &redirect(&app, &headers, &id)).await?;
    let next = form.next.or_else(|| Some("/settings/account".to_owned()));
    let kept = Kept { secret: begun.secret, user: Some(caller.id()), next: page_path(next) };
    let cookie = AppendHeaders([(header::SET_COOKIE, kept.cookie(&app)?)]);
    Ok((cookie, Json(Begun { url: begun.url })))
}

/// Takes a way to sign in away; the last one of an account without a password stays.
#[utoipa::path(delete, path = "/identities/{id}", tag = "accounts", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT)))]
pub(crate) async fn delete_identity(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<IdentityId>,
) -> Result<StatusCode, ApiError> {
    app.engine.accounts.delete_identity(caller.id(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the cookie holds: it is for this server alone, and nothing that it says is believed without the provider's
/// answer, or the session of the person.
struct Kept {
    secret: Secret,
    /// Who adds a way to sign in; without them somebody signs in.
    user: Option<UserId>,
    next: String,
}

impl Kept {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let jar = CookieJar::from_headers(headers);
        let mut parts = jar.get(COOKIE)?.value().split('.');
        let (secret, user, next) = (parts.next()?, parts.next()?, parts.next()?);
        if secret.is_empty() {
            return None;
        }
        let user = if user.is_empty() { None } else { Some(user.parse().ok()?) };
        let next = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(next).ok()?).ok()?;
        Some(Self { secret: Secret::new(secret.to_owned()), user, next: page_path(Some(next)) })
    }

    /// The page for whoever was refused. After signing in from there, it goes on to where they wanted to be.
    fn refused(&self) -> String {
        if self.user.is_some() {
            return "/settings/account?refused".to_owned();
        }
        if self.next == "/" {
            return "/sign-in?refused".to_owned();
        }
        let next: String = url::form_urlencoded::byte_serialize(self.next.as_bytes()).collect();
        format!("/sign-in?refused&next={next}")
    }

    fn cookie(&self, app: &App) -> Result<HeaderValue, Problem> {
        let user = self.user.map(|user| user.to_string()).unwrap_or_default();
        let next = BASE64_URL_SAFE_NO_PAD.encode(&self.next);
        let text = format!("{}.{user}.{next}", self.secret.expose());
        set_cookie(app, COOKIE, &text, COOKIE_AGE, true)
            .ok_or_else(|| Problem::bug("a cookie that is not ASCII"))
    }
}

/// `Lax`: a provider sends the browser back from its own site.
fn set_cookie(app: &App, name: &str, value: &str, age: Duration, hidden: bool) -> Option<HeaderValue> {
    let secure = if app.settings.is_https() { "; Secure" } else { "" };
    let hidden = if hidden { "; HttpOnly" } else { "" };
    let text = format!("{name}={value}; Path=/; Max-Age={}{hidden}; SameSite=Lax{secure}", age.as_secs());
    let mut cookie = HeaderValue::from_str(&text).ok()?;
    cookie.set_sensitive(true);
    Some(cookie)
}

/// A problem for the page to which a browser is sent.
fn told(app: &App, problem: &Problem) -> Option<HeaderValue> {
    let text = [Some(problem.detail.as_str()), problem.fix.as_deref()];
    let text = text.into_iter().flatten().collect::<Vec<_>>().join(" ");
    set_cookie(app, REFUSED_COOKIE, &BASE64_URL_SAFE_NO_PAD.encode(text), REFUSED_AGE, false)
}

fn see_other(to: &str, cookies: impl IntoIterator<Item = HeaderValue>) -> Response {
    let mut answer = StatusCode::SEE_OTHER.into_response();
    let headers = answer.headers_mut();
    if let Ok(to) = HeaderValue::from_str(to) {
        headers.insert(header::LOCATION, to);
    }
    let cookies: Vec<(HeaderName, HeaderValue)> =
        cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie)).collect();
    for (name, cookie) in cookies {
        headers.append(name, cookie);
    }
    answer
}

fn redirect(app: &App, headers: &HeaderMap, id: &str) -> String {
    app.settings.link(headers, "api/v1/sign-in/oidc", &format!("{id}/callback"))
}

/// A path of the page and of nothing else: `//host` would lead away.
fn page_path(next: Option<String>) -> String {
    let is_path = |path: &String| {
        path.starts_with('/')
            && !path.starts_with("//")
            && !path.contains('\\')
            && path.chars().all(|c| !c.is_control())
    };
    next.filter(is_path).unwrap_or_else(|| "/".to_owned())
}

fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_the_page_is_gone_to() {
        for (next, want) in [
            ("/models/1?share=1", "/models/1?share=1"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("/a\r\nset-cookie: x", "/"),
            ("", "/"),
        ] {
            assert_eq!(page_path(Some(next.to_owned())), want, "{next:?}");
        }
        assert_eq!(page_path(None), "/");
    }
}

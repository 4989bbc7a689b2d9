//! Who is asking.

use crate::{App, Settings, client_address::ClientAddress, problem::ApiError};
use axum::{
    extract::{FromRequestParts, MatchedPath},
    http::{HeaderMap, HeaderValue, Uri, header, request::Parts},
};
use axum_extra::extract::CookieJar;
use mycorr_domain::{Code, ModelId, Problem, SessionId, TableId, UserId};
use mycorr_engine::{Browser, Identity, Proof, SignedIn, TokenAccess, TokenScope, User};
use std::{future::Future, time::Duration};

/// A person who showed a session or a token.
pub(crate) struct Caller {
    pub(crate) user: User,
    proof: Proof,
}

impl Caller {
    pub(crate) fn id(&self) -> UserId {
        self.user.id
    }

    /// The session that was shown; `None` for a token.
    pub(crate) fn session(&self) -> Option<SessionId> {
        match self.proof {
            Proof::Session(id) => Some(id),
            Proof::Token(..) => None,
        }
    }

    /// Done once the session or token that was shown is good no more: what goes on for long ends then.
    pub(crate) fn revoked(&self, app: &App) -> impl Future<Output = ()> + Send + use<> {
        self.revoked_from(app, || async { Ok(()) })
    }

    /// Done then, and once `look` says that the caller may not see what they are being sent.
    pub(crate) fn revoked_from<L, F, T>(
        &self,
        app: &App,
        look: L,
    ) -> impl Future<Output = ()> + Send + use<L, F, T>
    where
        L: Fn() -> F + Send,
        F: Future<Output = mycorr_domain::Result<T>> + Send,
    {
        let (accounts, proof) = (app.engine.accounts.clone(), self.proof);
        async move {
            // What can't be asked now is asked again.
            while accounts.stands(proof).await.unwrap_or(true) && !is_refused(&look().await) {
                tokio::time::sleep(STANDS_INTERVAL).await;
            }
        }
    }

    /// Done once the caller may not see a table.
    pub(crate) fn revoked_from_table(
        &self,
        app: &App,
        id: TableId,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (tables, user) = (app.engine.tables.clone(), self.id());
        self.revoked_from(app, move || {
            let tables = tables.clone();
            async move { tables.table(user, id).await }
        })
    }
}

fn is_refused<T>(looked: &mycorr_domain::Result<T>) -> bool {
    looked.as_ref().is_err_and(|problem| matches!(problem.code, Code::NotFound | Code::Forbidden))
}

/// How often it is asked whether a stream may go on.
const STANDS_INTERVAL: Duration = Duration::from_secs(2);

const COOKIE: &str = "mycorr_session";

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let identity = if let Some(authorization) = parts.headers.get(header::AUTHORIZATION) {
            let token = authorization
                .to_str()
                .ok()
                .and_then(|text| text.split_once(' '))
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                .map(|(_, token)| token.trim());
            match token {
                Some(token) => app.engine.accounts.by_token(token).await?,
                None => None,
            }
        } else {
            let jar = CookieJar::from_headers(&parts.headers);
            let Some(cookie) = jar.get(COOKIE) else { return Err(not_signed_in().into()) };
            if !parts.method.is_safe() && !is_same_origin(&parts.headers, &app.settings) {
                return Err(cross_origin(&parts.headers, &app.settings).into());
            }
            let from = parts.extensions.get::<ClientAddress>().map(|from| from.0);
            app.engine.accounts.by_session(cookie.value(), from).await?
        };
        let Identity { user, proof } = identity.ok_or_else(not_signed_in)?;
        if let Proof::Token(_, scope) = proof {
            check_scope(app, &user, scope, parts).await?;
        }
        Ok(Self { user, proof })
    }
}

/// A token may be narrower than its person. Routes under `/models/{id}`, `/tables/{id}` and `/jobs/{id}` are open to one
/// for a Model where the id leads to that Model; every other route is closed to it, new ones too.
async fn check_scope(app: &App, user: &User, scope: TokenScope, parts: &Parts) -> Result<(), Problem> {
    if scope.access == TokenAccess::Read && !parts.method.is_safe() {
        return Err(Problem::new(Code::Forbidden, "This token may read, and change nothing."));
    }
    let Some(model) = scope.model else { return Ok(()) };
    let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let mut segments = route.trim_start_matches("/api/v1/").split('/');
    let (first, second) = (segments.next().unwrap_or_default(), segments.next());
    let (models, tables, jobs) = (&app.engine.models, &app.engine.tables, &app.engine.jobs);
    let of: ModelId = match (first, second) {
        ("me", None) if parts.method.is_safe() => return Ok(()),
        ("models", Some("{id}")) => models.model(user.id, path_id(&parts.uri)?).await?.id,
        ("tables", Some("{id}")) => tables.table(user.id, path_id(&parts.uri)?).await?.model,
        ("jobs", Some("{id}")) => jobs.job(user.id, path_id(&parts.uri)?).await?.model,
        _ => return Err(Problem::new(Code::Forbidden, "This token is good for one Model only.")),
    };
    if of == model { Ok(()) } else { Err(Problem::not_found("thing")) }
}

/// The id in `/{things}/{id}…`: the router has taken the prefix away.
fn path_id<T: std::str::FromStr>(uri: &Uri) -> Result<T, Problem> {
    let id = uri.path().trim_start_matches("/api/v1").split('/').nth(2).and_then(|id| id.parse().ok());
    id.ok_or_else(|| Problem::not_found("thing"))
}

/// Whose session a browser shows, if any.
pub(crate) async fn session_user(
    app: &App,
    headers: &HeaderMap,
    from: ClientAddress,
) -> Result<Option<UserId>, Problem> {
    let jar = CookieJar::from_headers(headers);
    let Some(cookie) = jar.get(COOKIE) else { return Ok(None) };
    let identity = app.engine.accounts.by_session(cookie.value(), Some(from.0)).await?;
    Ok(identity.map(|identity| identity.user.id))
}

/// In characters: those of the largest browsers call themselves by fewer.
const MAX_AGENT: usize = 300;

/// From where somebody signs in.
pub(crate) fn browser(headers: &HeaderMap, from: ClientAddress) -> Browser {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Browser { address: from.0, agent: agent.map(|agent| agent.chars().take(MAX_AGENT).collect()) }
}

fn not_signed_in() -> Problem {
    Problem::new(Code::NotSignedIn, "You are not signed in, or your session or token is over.")
        .fix("Sign in, or send a token: Authorization: Bearer myc_…")
}

fn cross_origin(headers: &HeaderMap, settings: &Settings) -> Problem {
    let origin = settings.link(headers, "", "");
    Problem::new(
        Code::CrossOrigin,
        "This request has a cookie and does not prove that it comes from Mycorr's own page, so it was not carried out.",
    )
    .fix(format!(
        "Use Mycorr's own page. A script makes a token once, with the header Origin: {} beside its cookie, and from \
         then on sends the token instead: Authorization: Bearer myc_…",
        origin.trim_end_matches('/')
    ))
}

/// Whether a request that carries the cookie comes from our own page. Browsers say so themselves
/// (Sec-Fetch-Site, W3C Fetch Metadata); those that don't yet tell where the page is from (Origin).
fn is_same_origin(headers: &HeaderMap, settings: &Settings) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text("origin") else { return false };
    if settings.public_url.as_deref().is_some_and(|public| public.eq_ignore_ascii_case(origin)) {
        return true;
    }
    let place = origin.split_once("://").map(|(_, place)| place);
    place.is_some() && place.map(str::to_ascii_lowercase) == text("host").map(str::to_ascii_lowercase)
}

/// The cookie of a person who just signed in. Lax: links from elsewhere lead into the page signed in, but
/// nothing that changes state is sent along with it.
pub(crate) fn cookie(signed_in: &SignedIn, settings: &Settings) -> HeaderValue {
    let seconds = (signed_in.expires_at - chrono::Utc::now()).num_seconds();
    let mut cookie = set_cookie(signed_in.session.expose(), seconds, settings);
    cookie.set_sensitive(true);
    cookie
}

/// Takes the cookie away.
pub(crate) fn no_cookie(settings: &Settings) -> HeaderValue {
    set_cookie("", 0, settings)
}

fn set_cookie(value: &str, seconds: i64, settings: &Settings) -> HeaderValue {
    let secure = if settings.is_https() { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).expect("a session's text is Base64 for URLs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(headers: &[(&'static str, &'static str)], public_url: Option<&str>) -> bool {
        let headers = headers
            .iter()
            .map(|&(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect();
        is_same_origin(
            &headers,
            &Settings { public_url: public_url.map(str::to_owned), ..Settings::default() },
        )
    }

    #[test]
    fn same_origin() {
        assert!(same(&[("sec-fetch-site", "same-origin")], None));
        assert!(same(&[("sec-fetch-site", "none")], None));
        assert!(!same(&[("sec-fetch-site", "same-site")], None));
        let lies = [("sec-fetch-site", "cross-site"), ("origin", "http://a:1"), ("host", "a:1")];
        assert!(!same(&lies, None), "what the browser says of the site counts first");
        assert!(same(&[("origin", "http://127.0.0.1:8420"), ("host", "127.0.0.1:8420")], None));
        assert!(!same(&[("origin", "http://127.0.0.1:8421"), ("host", "127.0.0.1:8420")], None));
        assert!(!same(&[("origin", "null"), ("host", "127.0.0.1:8420")], None));
        assert!(!same(&[("host", "127.0.0.1:8420")], None));
        let behind_a_proxy = [("origin", "https://mycorr.example.com"), ("host", "10.0.0.7:8420")];
        assert!(same(&behind_a_proxy, Some("https://mycorr.example.com")));
        assert!(!same(&behind_a_proxy, Some("https://other.example.com")));
    }
}

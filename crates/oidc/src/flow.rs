//! The code flow: where a person is sent, and what the provider says when they come back.

use crate::{Provider, http::HttpError};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use mycorr_domain::{Code, Problem, Result, Secret};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, HttpRequest, IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, Scope, TokenResponse,
    core::{
        CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier,
        CoreJwsSigningAlgorithm, CoreTokenResponse, CoreUserInfoClaims,
    },
};
use sha2::{Digest, Sha256};
use std::{
    error::Error,
    time::{Duration, Instant},
};

/// What a provider says of itself is asked for again after this; a change of its keys is known long before.
const METADATA_AGE: Duration = Duration::from_secs(60);

/// Signatures by a key that the provider alone has. Neither `none`, nor those for which our own secret is the key.
const SIGNATURES: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

pub(crate) struct Metadata {
    of: ProviderMetadataWithLogout,
    since: Instant,
}

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// With what a person comes back from a provider.
#[derive(Clone, Debug, Default)]
pub struct Callback {
    pub state: Option<String>,
    pub code: Option<Secret>,
    /// Why there is no code (RFC 6749, section 4.1.2.1).
    pub error: Option<String>,
    /// Whose answer it is (RFC 9207).
    pub issuer: Option<String>,
}

/// Who a person is to a provider.
#[derive(Clone, Debug)]
pub struct Claims {
    pub issuer: String,
    /// Never changes at this issuer, and is never given to somebody else.
    pub subject: String,
    pub email: Option<String>,
    /// Whether the provider knows that the address is theirs.
    pub email_verified: bool,
    pub name: Option<String>,
}

/// What binds the way to a provider and back to one browser. All three come from the one secret that it keeps.
struct Binding {
    state: String,
    nonce: String,
    verifier: String,
}

impl Binding {
    fn of(secret: &Secret) -> Self {
        let derive = |label: &str| {
            let digest = Sha256::new().chain_update(label).chain_update(secret.expose()).finalize();
            BASE64_URL_SAFE_NO_PAD.encode(digest)
        };
        Self { state: derive("state:"), nonce: derive("nonce:"), verifier: derive("verifier:") }
    }
}

impl Provider {
    /// Where the person signs in. `secret` is 256 bits of chance, which their browser keeps until they come back to
    /// `redirect`.
    ///
    /// # Errors
    /// `provider_unavailable`.
    pub async fn authorization_url(&self, redirect: &str, secret: &Secret) -> Result<String> {
        let Binding { state, nonce, verifier } = Binding::of(secret);
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier));
        let client = self.client(redirect).await?;
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                || CsrfToken::new(state),
                || Nonce::new(nonce),
            )
            .set_pkce_challenge(challenge);
        for scope in self.settings.scopes.iter().filter(|scope| *scope != "openid") {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        Ok(request.url().0.to_string())
    }

    /// Who came back from the provider. `redirect` and `secret` are those with which they were sent there.
    ///
    /// # Errors
    /// `sign_in_failed` for an answer that is not for this browser or not good, `provider_unavailable`.
    pub async fn claims(&self, redirect: &str, secret: &Secret, callback: Callback) -> Result<Claims> {
        let Binding { state, nonce, verifier } = Binding::of(secret);
        if callback.state.is_none_or(|told| Sha256::digest(told) != Sha256::digest(state)) {
            return Err(
                self.refused("The answer is not for a sign-in that was begun in this browser (state).")
            );
        }
        if callback.issuer.is_some_and(|issuer| issuer != self.settings.issuer) {
            return Err(self.refused("The answer is another provider's (iss)."));
        }
        if let Some(error) = callback.error {
            // One of a list of words; whatever else it is stays out of the answer.
            let known = error.len() <= 60 && error.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            let what = if known { error } else { "an unknown error".to_owned() };
            return Err(self.refused(format!("{} did not sign you in: {what}.", self.name())));
        }
        let code = callback.code.ok_or_else(|| self.refused("The answer holds no code (code)."))?;
        let client = self.client(redirect).await?;
        let http = |request| self.request(request);
        let tokens = client
            .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
            .map_err(|error| self.unavailable(&error))?
            .set_pkce_verifier(PkceCodeVerifier::new(verifier))
            .request_async(&http)
            .await;
        let tokens: CoreTokenResponse = tokens.map_err(|error| match &error {
            openidconnect::RequestTokenError::Request(_) => self.unavailable(&error),
            _ => {
                tracing::warn!(
                    provider = self.id(),
                    cause = causes(&error),
                    "a sign-in's code was not taken"
                );
                self.refused("The provider did not take the code: it was used already, or it is another's.")
            }
        })?;
        let id_token =
            tokens.id_token().ok_or_else(|| self.refused("The answer holds no ID token (id_token)."))?;
        let verifier = client.id_token_verifier().set_allowed_algs(SIGNATURES);
        let claims = id_token.claims(&verifier, &Nonce::new(nonce)).map_err(|error| {
            tracing::warn!(provider = self.id(), cause = causes(&error), "an ID token was refused");
            self.refused(format!("The ID token is not good: {}.", wrong(&error)))
        })?;
        self.check_access_token(&tokens, id_token, claims, &verifier)?;
        let mut person = Claims {
            issuer: claims.issuer().as_str().to_owned(),
            subject: claims.subject().as_str().to_owned(),
            email: claims.email().map(|email| email.as_str().to_owned()),
            email_verified: claims.email_verified() == Some(true),
            name: claims.name().and_then(|name| name.get(None)).map(|name| name.as_str().to_owned()),
        };
        if person.subject.is_empty() {
            return Err(self.missing("sub"));
        }
        // Some providers tell more only when they are asked for it.
        if person.email.is_none()
            && let Ok(request) =
                client.user_info(tokens.access_token().clone(), Some(claims.subject().clone()))
        {
            let told: CoreUserInfoClaims =
                request.request_async(&http).await.map_err(|error| match &error {
                    openidconnect::UserInfoError::Request(_) => self.unavailable(&error),
                    _ => {
                        tracing::warn!(provider = self.id(), cause = causes(&error), "claims were refused");
                        self.refused("What the provider says of you is not good (userinfo).")
                    }
                })?;
            person.email = told.email().map(|email| email.as_str().to_owned());
            person.email_verified = told.email_verified() == Some(true);
            let name = told.name().and_then(|name| name.get(None)).map(|name| name.as_str().to_owned());
            person.name = person.name.or(name);
        }
        Ok(person)
    }

    /// Where the person signs out of the provider too, to come back to `back` (OpenID Connect RP-Initiated Logout 1.0).
    /// No ID token is kept to be sent along, so the provider asks them first.
    ///
    /// # Errors
    /// `not_found` where the provider has no such page, `provider_unavailable`.
    pub async fn sign_out_url(&self, back: &str) -> Result<String> {
        let metadata = self.metadata().await?;
        let page = metadata.additional_metadata().end_session_endpoint.clone().ok_or_else(|| {
            let detail = format!("{} has no page for signing out from here.", self.name());
            Problem::new(Code::NotFound, detail).fix(format!("Sign out on the pages of {}.", self.name()))
        })?;
        let request = LogoutRequest::from(page)
            .set_client_id(ClientId::new(self.settings.client_id.clone()))
            .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(back.to_owned()).map_err(Problem::bug)?);
        Ok(request.http_get_url().into())
    }

    /// The access token is the one that came with the ID token (OpenID Connect Core, section 3.1.3.8).
    fn check_access_token(
        &self,
        tokens: &CoreTokenResponse,
        id_token: &CoreIdToken,
        claims: &CoreIdTokenClaims,
        verifier: &CoreIdTokenVerifier<'_>,
    ) -> Result<()> {
        let Some(expected) = claims.access_token_hash() else { return Ok(()) };
        let actual = id_token.signing_alg().ok().zip(id_token.signing_key(verifier).ok()).and_then(
            |(algorithm, key)| AccessTokenHash::from_token(tokens.access_token(), algorithm, key).ok(),
        );
        if actual.as_ref() == Some(expected) {
            return Ok(());
        }
        Err(self.refused("The access token is not the ID token's (at_hash)."))
    }

    async fn client(&self, redirect: &str) -> Result<Client> {
        let secret = self.settings.client_secret.as_ref();
        let redirect = RedirectUrl::new(redirect.to_owned()).map_err(Problem::bug)?;
        let client = CoreClient::from_provider_metadata(
            self.metadata().await?,
            ClientId::new(self.settings.client_id.clone()),
            secret.map(|secret| ClientSecret::new(secret.expose().to_owned())),
        );
        Ok(client.set_redirect_uri(redirect))
    }

    async fn metadata(&self) -> Result<ProviderMetadataWithLogout> {
        let mut known = self.metadata.lock().await;
        if let Some(metadata) = known.as_ref()
            && metadata.since.elapsed() < METADATA_AGE
        {
            return Ok(metadata.of.clone());
        }
        let issuer = IssuerUrl::new(self.settings.issuer.clone()).map_err(Problem::bug)?;
        let http = |request| self.request(request);
        let of = ProviderMetadataWithLogout::discover_async(issuer, &http).await;
        let of = of.map_err(|error| self.unavailable(&error))?;
        *known = Some(Metadata { of: of.clone(), since: Instant::now() });
        Ok(of)
    }

    fn request(
        &self,
        request: HttpRequest,
    ) -> impl Future<Output = Result<openidconnect::HttpResponse, HttpError>> + Send + use<> {
        let http = self.http.clone();
        async move { http.send(request).await }
    }

    /// A claim that is needed was not sent.
    pub fn missing(&self, claim: &str) -> Problem {
        let detail = format!("{} did not send the claim {claim} about you.", self.name());
        Problem::new(Code::SignInFailed, detail).fix(format!(
            "Ask the operator of this server to have the provider send {claim}: by its scope, or in the provider's settings."
        ))
    }

    /// Why nobody was signed in.
    pub fn refused(&self, detail: impl Into<String>) -> Problem {
        Problem::new(Code::SignInFailed, detail.into())
            .fix("Begin the sign-in again. If it is refused again, tell the operator of this server.")
    }

    fn unavailable(&self, error: &(dyn Error + 'static)) -> Problem {
        tracing::warn!(provider = self.id(), cause = causes(error), "a sign-in provider can't be used");
        let detail = format!("{} can't be reached, or its answer can't be understood.", self.name());
        Problem::new(Code::ProviderUnavailable, detail)
            .fix("Try again in a minute, or sign in with your password. The log of this server says why.")
    }
}

/// The part of an ID token that is wrong, by the name of its claim.
fn wrong(error: &openidconnect::ClaimsVerificationError) -> &'static str {
    use openidconnect::ClaimsVerificationError as Wrong;
    match error {
        Wrong::Expired(_) => "it has expired (exp)",
        Wrong::InvalidAudience(_) => "it is for somebody else (aud)",
        Wrong::InvalidIssuer(_) => "it is by somebody else (iss)",
        Wrong::InvalidNonce(_) => "it is for another sign-in (nonce)",
        Wrong::InvalidSubject(_) => "it does not say who you are (sub)",
        Wrong::SignatureVerification(_) => "its signature is not the provider's (alg, kid)",
        _ => "a part of it can't be understood",
    }
}

/// An error with what caused it, for the log.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

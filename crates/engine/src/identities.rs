//! Sign-in by OpenID Connect. A person is an issuer and a subject: no address makes an account somebody's.

use crate::{
    Accounts,
    accounts::{SignedIn, random_text},
};
use mycorr_domain::{Email, IdentityId, PersonName, Problem, Result, Secret, UserId};
use mycorr_meta::{Browser, LinkedIdentity, NewIdentity};
use mycorr_oidc::{Callback, Claims, Provider};
use std::net::IpAddr;

/// A sign-in that was begun: where to, and what the browser keeps until the person comes back.
pub struct BegunSignIn {
    pub url: String,
    pub secret: Secret,
}

impl Accounts {
    /// Where people can sign in besides here: id and name, in the operator's order.
    pub fn providers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.providers.iter().map(|provider| (provider.id(), provider.name()))
    }

    /// Begins a sign-in at a provider, from where the person comes back to `redirect`.
    ///
    /// # Errors
    /// `not_found`, `provider_unavailable`.
    pub async fn begin_sign_in(&self, provider: &str, redirect: &str) -> Result<BegunSignIn> {
        let secret = Secret::new(random_text()?);
        let url = self.providers.get(provider)?.authorization_url(redirect, &secret).await?;
        Ok(BegunSignIn { url, secret })
    }

    /// Where a person signs out of a provider too, to come back to `back`.
    ///
    /// # Errors
    /// `not_found`, also for a provider that has no such page; `provider_unavailable`.
    pub async fn sign_out_url(&self, provider: &str, back: &str) -> Result<String> {
        self.providers.get(provider)?.sign_out_url(back).await
    }

    /// The id of the provider that speaks for an issuer.
    pub fn provider_of(&self, issuer: &str) -> Option<&str> {
        self.providers.of_issuer(issuer).map(Provider::id)
    }

    /// Signs in who came back from a provider: to the account that it leads to, or to a new one that an invitation waits
    /// for. What is refused is slowed by address, as links are.
    ///
    /// # Errors
    /// `not_found`, `sign_in_failed`, `forbidden` for an account that is disabled, `email_taken`, `sign_up_closed`,
    /// `too_many_requests`, `provider_unavailable`.
    pub async fn finish_sign_in(
        &self,
        provider: &str,
        redirect: &str,
        secret: &Secret,
        callback: Callback,
        browser: Browser,
    ) -> Result<SignedIn> {
        let provider = self.providers.get(provider)?;
        let claims = self.claims(provider, redirect, secret, callback, browser.address).await?;
        let user = match self.meta.user_by_identity(identity(&claims)).await? {
            Some(user) => user,
            None => {
                let text = claims.email.as_deref().ok_or_else(|| provider.missing("email"))?;
                if !claims.email_verified {
                    return Err(provider.missing("email_verified"));
                }
                let email = Email::parse(text).map_err(|_| provider.missing("email"))?;
                let name = claims.name.as_deref().unwrap_or_default();
                let name =
                    PersonName::parse("name", name).or_else(|_| PersonName::parse("name", email.as_str()))?;
                let anyone = self.is_open();
                self.meta.create_user_by_identity(&name, &email, identity(&claims), anyone).await?
            }
        };
        if user.disabled {
            return Err(disabled());
        }
        self.start_session(user, &browser).await
    }

    /// Adds the way by which somebody came back from a provider to the account in which they are signed in.
    ///
    /// # Errors
    /// `not_found`, `sign_in_failed`, `conflict` where it leads to another account, `too_many_requests`,
    /// `provider_unavailable`.
    pub async fn add_identity(
        &self,
        user: UserId,
        provider: &str,
        redirect: &str,
        secret: &Secret,
        callback: Callback,
        from: IpAddr,
    ) -> Result<()> {
        let provider = self.providers.get(provider)?;
        let claims = self.claims(provider, redirect, secret, callback, from).await?;
        self.meta.add_identity(user, identity(&claims)).await
    }

    async fn claims(
        &self,
        provider: &Provider,
        redirect: &str,
        secret: &Secret,
        callback: Callback,
        from: IpAddr,
    ) -> Result<Claims> {
        let attempt = self.sign_in_limits.begin_link(&self.meta, from).await?;
        let claims = provider.claims(redirect, secret, callback).await?;
        attempt.refund(&self.meta).await?;
        Ok(claims)
    }

    /// The ways to sign in that a person has besides a password.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn identities(&self, user: UserId) -> Result<Vec<LinkedIdentity>> {
        self.meta.identities(user).await
    }

    /// # Errors
    /// `not_found`; `conflict` for the last way to sign in.
    pub async fn delete_identity(&self, user: UserId, id: IdentityId) -> Result<()> {
        self.meta.delete_identity(user, id).await
    }
}

fn identity(claims: &Claims) -> NewIdentity<'_> {
    NewIdentity { issuer: &claims.issuer, subject: &claims.subject, email: claims.email.as_deref() }
}

pub(crate) fn disabled() -> Problem {
    Problem::new(mycorr_domain::Code::Forbidden, "This account is disabled.")
        .fix("Ask an administrator to enable it.")
}

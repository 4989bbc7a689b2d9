//! Sign-in by OpenID Connect (OpenID Connect Core 1.0): the code flow with PKCE (RFC 7636), state and nonce, at the
//! providers that the operator's file names. Every request goes through `egress`, as a connection's do.
//!
//! Says who a person is to a provider, and knows nothing of accounts.

mod config;
mod flow;
mod http;

pub use config::ConfigError;
pub use flow::{Callback, Claims};

use config::Settings;
use flow::Metadata;
use http::Http;
use mycorr_domain::{Problem, Result};
use mycorr_egress::Dialer;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The providers at which people can sign in. Cheap to clone.
#[derive(Clone, Default)]
pub struct Providers(Arc<[Provider]>);

/// One of them.
pub struct Provider {
    settings: Settings,
    http: Http,
    /// What the provider says of itself, for a while.
    metadata: Mutex<Option<Metadata>>,
}

impl Providers {
    /// Reads the operator's file, in TOML: `[[providers]]` with `id`, `name`, `issuer`, `client_id`, `client_secret` or
    /// `client_secret_file`, and perhaps `scopes`.
    ///
    /// # Errors
    /// What is wrong in the file, for the operator.
    pub fn parse(text: &str, dialer: &Dialer) -> std::result::Result<Self, ConfigError> {
        let http = Http::new(dialer.clone());
        let provider = |settings| Provider { settings, http: http.clone(), metadata: Mutex::default() };
        Ok(Self(config::parse(text)?.into_iter().map(provider).collect()))
    }

    /// In the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }

    /// The one by whose word people of an issuer sign in.
    pub fn of_issuer(&self, issuer: &str) -> Option<&Provider> {
        self.iter().find(|provider| provider.settings.issuer == issuer)
    }

    /// # Errors
    /// `not_found`.
    pub fn get(&self, id: &str) -> Result<&Provider> {
        self.iter().find(|provider| provider.id() == id).ok_or_else(|| Problem::not_found("sign-in provider"))
    }
}

impl Provider {
    /// As it stands in addresses.
    pub fn id(&self) -> &str {
        &self.settings.id
    }

    /// As people know it.
    pub fn name(&self) -> &str {
        &self.settings.name
    }
}

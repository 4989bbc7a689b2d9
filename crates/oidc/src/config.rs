//! The operator's file of providers.

use mycorr_domain::Secret;
use serde::Deserialize;
use std::{fs, io, path::PathBuf};
use url::{Host, Url};

/// What is wrong with the file. Nothing of its secrets is in it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("it is not TOML, or a key in it is unknown or missing: {0}")]
    Toml(String),
    #[error("provider {id}: {what}")]
    Provider { id: String, what: &'static str },
    #[error("provider {id}: the file of the client secret can't be read: {cause}")]
    SecretFile { id: String, cause: io::Error },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, alias = "provider")]
    providers: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    name: Option<String>,
    issuer: String,
    client_id: String,
    client_secret: Option<Secret>,
    client_secret_file: Option<PathBuf>,
    #[serde(default = "scopes")]
    scopes: Vec<String>,
}

fn scopes() -> Vec<String> {
    ["openid", "email", "profile"].map(str::to_owned).to_vec()
}

/// A provider, as the operator describes it.
pub(crate) struct Settings {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    /// A public client has none.
    pub(crate) client_secret: Option<Secret>,
    pub(crate) scopes: Vec<String>,
}

pub(crate) fn parse(text: &str) -> Result<Vec<Settings>, ConfigError> {
    // The message of the parser quotes the line, which may hold a secret: only what it says is passed on.
    let file: File = toml::from_str(text).map_err(|error| ConfigError::Toml(error.message().to_owned()))?;
    let mut all: Vec<Settings> = Vec::new();
    for entry in file.providers {
        let settings = entry.check()?;
        if all.iter().any(|other| other.id == settings.id) {
            return Err(ConfigError::Provider { id: settings.id, what: "another provider has this id" });
        }
        all.push(settings);
    }
    Ok(all)
}

impl Entry {
    fn check(self) -> Result<Settings, ConfigError> {
        let Self { id, name, issuer, client_id, client_secret, client_secret_file, scopes } = self;
        let wrong = |what| Err(ConfigError::Provider { id: id.clone(), what });
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.is_empty() || id.len() > 40 || !id.chars().all(plain) {
            return wrong("an id is 1 to 40 lower-case letters, digits and hyphens");
        }
        if !Url::parse(&issuer).is_ok_and(|url| is_permitted(&url)) {
            return wrong("the issuer has to be an https:// URL");
        }
        if !scopes.iter().any(|scope| scope == "openid") {
            return wrong("the scopes have to hold openid");
        }
        let client_secret = match (client_secret, client_secret_file) {
            (Some(_), Some(_)) => return wrong("either client_secret or client_secret_file, not both"),
            (None, Some(file)) => match fs::read_to_string(file) {
                Ok(text) => Some(Secret::new(text.trim().to_owned())),
                Err(cause) => return Err(ConfigError::SecretFile { id, cause }),
            },
            (secret, None) => secret,
        };
        let name = name.unwrap_or_else(|| id.clone());
        Ok(Settings { id, name, issuer, client_id, client_secret, scopes })
    }
}

/// `https`, or `http` to this very machine, where nobody else can listen.
pub(crate) fn is_permitted(url: &Url) -> bool {
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(Host::Ipv6(address))) => address.is_loopback(),
        ("http", Some(Host::Domain(name))) => name == "localhost",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str =
        "[[providers]]\nid = \"corp\"\nissuer = \"https://login.example.com\"\nclient_id = \"m\"\n";

    #[test]
    fn providers_are_read() {
        let all = parse(&format!("{ONE}client_secret = \"s\"\n")).unwrap();
        assert_eq!((all[0].id.as_str(), all[0].name.as_str()), ("corp", "corp"));
        assert_eq!(all[0].scopes, ["openid", "email", "profile"]);
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn mistakes_are_named_without_secrets() {
        for (text, what) in [
            (ONE.replace("https:", "http:"), "https://"),
            (ONE.replace("\"corp\"", "\"Corp Ltd\""), "lower-case"),
            (format!("{ONE}{ONE}"), "another provider"),
            (format!("{ONE}scopes = [\"email\"]\n"), "openid"),
            (format!("{ONE}clientsecret = \"hunter2\"\n"), "clientsecret"),
            (format!("{ONE}client_secret = \"hunter2\"\nclient_secret_file = \"/x\"\n"), "not both"),
            (format!("{ONE}client_secret_file = \"/nowhere\"\n"), "can't be read"),
            (format!("{ONE}client_secret = \"hunter2\"x\n"), "TOML"),
        ] {
            let told = parse(&text).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(told.contains(what), "{text}: {told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn loopback_alone_may_be_spoken_to_in_clear() {
        for (url, want) in [
            ("https://login.example.com", true),
            ("http://127.0.0.1:9400", true),
            ("http://[::1]:9400", true),
            ("http://localhost:9400", true),
            ("http://127.0.0.1.example.com", false),
            ("http://10.0.0.1", false),
            ("ftp://login.example.com", false),
            ("file:///etc/passwd", false),
        ] {
            assert_eq!(is_permitted(&Url::parse(url).unwrap()), want, "{url}");
        }
    }
}

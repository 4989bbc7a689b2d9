//! What a person fills in for a connection, and all that is wrong with it at once.

use mycorr_domain::{
    ConnectionKind, ConnectionName, DatabaseName, Endpoint, Port, Problem, Result, RoleName, Secret,
};
use mycorr_egress::Host;
use mycorr_pgread::{
    Target,
    tls::{CaCertificate, ProviderRoots},
};

/// So many one import may open at most.
const MAX_CONNECTIONS: u64 = mycorr_pgread::MAX_CONNECTIONS as u64;

/// What a person filled in.
pub struct ConnectionForm {
    pub kind: ConnectionKind,
    pub name: String,
    pub host: String,
    pub port: i64,
    pub database: String,
    pub username: String,
    pub password: Secret,
    pub encrypted: bool,
    /// PEM.
    pub ca_certificate: Option<Secret>,
}

impl ConnectionForm {
    /// All that is wrong with the fields at once.
    pub(crate) fn parse(self, provider_roots: ProviderRoots) -> Result<(ConnectionName, Target)> {
        let mut wrong = Wrong::default();
        let name = wrong.take(ConnectionName::parse(&self.name));
        let host = wrong.take(parse_host(&self.host));
        let port = wrong.take(Port::parse(self.port));
        let database = wrong.take(DatabaseName::parse(&self.database));
        let username = wrong.take(RoleName::parse(&self.username));
        let password = wrong.take(parse_password(self.password));
        let ca = wrong.take(parse_ca(self.ca_certificate.as_ref(), self.encrypted));
        match (name, host, port, database, username, password, ca) {
            (
                Some(name),
                Some(host),
                Some(port),
                Some(database),
                Some(username),
                Some(password),
                Some(ca_certificate),
            ) => {
                let endpoint = Endpoint { host, port, database, username, encrypted: self.encrypted };
                Ok((name, Target { endpoint, password, ca_certificate, provider_roots }))
            }
            _ => Err(wrong.into()),
        }
    }
}

pub(crate) fn parse_host(text: &str) -> Result<String> {
    Host::parse(text.trim())
        .map(|host| host.to_string())
        .map_err(|error| Problem::invalid("host", error.to_string()))
}

/// PostgreSQL takes any text but NUL; an empty one is for methods that ask for none.
pub(crate) fn parse_password(password: Secret) -> Result<Secret> {
    match password.expose() {
        text if text.contains('\0') => {
            Err(Problem::invalid("password", "A NUL character is not allowed here."))
        }
        text if text.len() > 10_000 => Err(Problem::invalid("password", "At most 10,000 bytes.")),
        _ => Ok(password),
    }
}

pub(crate) fn parse_ca(pem: Option<&Secret>, encrypted: bool) -> Result<Option<CaCertificate>> {
    match pem {
        None => Ok(None),
        Some(_) if !encrypted => Err(Problem::invalid(
            "ca_certificate",
            "A CA certificate is of use only when an encrypted connection is required.",
        )),
        Some(pem) => CaCertificate::parse(pem.expose()).map(Some).map_err(|problem| {
            let message = problem.detail.clone();
            if problem.fields.is_empty() { problem.field("ca_certificate", message) } else { problem }
        }),
    }
}

pub(crate) fn parse_retention(days: u64) -> Result<u64> {
    match days {
        1..=3650 => Ok(days),
        _ => Err(Problem::invalid(
            "statements_retention_days",
            "This has to be a number of days from 1 to 3650.",
        )),
    }
}

pub(crate) fn parse_max_connections(most: u64) -> Result<u64> {
    match most {
        1..=MAX_CONNECTIONS => Ok(most),
        _ => Err(Problem::invalid(
            "max_connections",
            format!("This has to be a number from 1 to {MAX_CONNECTIONS}."),
        )),
    }
}

/// Several problems as one: the first one's code and sentence, the fields of all.
#[derive(Default)]
pub(crate) struct Wrong(Option<Problem>);

impl Wrong {
    pub(crate) fn take<T>(&mut self, parsed: Result<T>) -> Option<T> {
        let problem = match parsed {
            Ok(value) => return Some(value),
            Err(problem) => problem,
        };
        match &mut self.0 {
            Some(first) => first.fields.extend(problem.fields),
            None => self.0 = Some(problem),
        }
        None
    }
}

impl From<Wrong> for Problem {
    fn from(wrong: Wrong) -> Self {
        wrong.0.unwrap_or_else(|| Problem::bug("a field is missing and nothing is wrong with it"))
    }
}

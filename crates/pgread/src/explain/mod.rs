//! Failures in words: what happened, why, and the line that mends it. SQL and lines of configuration stand on
//! lines of their own, below the sentence, to be copied.

mod beneath;
mod certificate;
mod foreign;
mod hba;
mod pooler;
mod reading;
mod server;
mod source;
mod sqlstate;
mod words;

pub(crate) use source::{
    column_not_found, column_permission_denied, filter_refused, row_too_large, schema_permission_denied,
    settings_elsewhere, source_changed, table_not_found, table_permission_denied,
};

pub(crate) use server::password_expired;
pub(crate) use words::product;

use crate::{
    sql,
    wire::{Failure, ServerError, failure::AuthenticationRefusal},
};
use beneath::Beneath;
use mycorr_domain::{Code, Endpoint, Problem};
use mycorr_egress::{Attempt, DialError, Outcome};

/// What was being asked when it failed.
#[derive(Clone, Copy)]
pub(crate) struct ErrorContext<'a> {
    endpoint: &'a Endpoint,
    schema: Option<&'a str>,
    table: Option<&'a str>,
}

impl<'a> ErrorContext<'a> {
    pub(crate) fn login(endpoint: &'a Endpoint) -> Self {
        Self { endpoint, schema: None, table: None }
    }
    pub(crate) fn schema(endpoint: &'a Endpoint, schema: &'a str) -> Self {
        Self { endpoint, schema: Some(schema), table: None }
    }
    pub(crate) fn table(endpoint: &'a Endpoint, schema: &'a str, table: &'a str) -> Self {
        Self { endpoint, schema: Some(schema), table: Some(table) }
    }
}

pub(crate) fn to_problem(failure: &Failure, asked: &ErrorContext<'_>) -> Problem {
    explain_read(failure, asked, None)
}

/// A failed look into the catalogue by one of `sql`'s statements, which every PostgreSQL from 10 on understands: what
/// lacks something that they name is another server.
pub(crate) fn explain_look(
    failure: &Failure,
    asked: &ErrorContext<'_>,
    text: &str,
    version: &str,
) -> Problem {
    if let Failure::Server(error) = failure
        && is_lacking(error)
    {
        let lacks = server::named(&error.message, [sql::SETTINGS.text, text].into_iter());
        return not_supported(version, None, lacks).internal(failure);
    }
    to_problem(failure, asked)
}

/// An unknown function, setting, column or table, a syntax that is not understood, or an internal error of a server
/// that does not name its functions.
fn is_lacking(error: &ServerError) -> bool {
    let unknown = matches!(
        error.sqlstate.as_str(),
        "42883"
            | "42704"
            | "42703"
            | "42P01"
            | "3F000"
            | "42601"
            | "42846"
            | "42804"
            | "22023"
            | "42P02"
            | "42809"
            | "42P18"
    );
    let unsupported =
        error.sqlstate == "0A000" && error.routine.as_deref() != Some("GetSerializableTransactionSnapshot");
    let foreign =
        error.routine.is_none() && matches!(error.sqlstate.get(..2), Some("XX" | "58" | "22" | "0A" | "42"));
    error.sqlstate != "42501" && (unknown || unsupported || foreign)
}

/// A server of PostgreSQL's protocol that is not PostgreSQL 10 or newer.
pub(crate) fn not_supported(version: &str, product: Option<&str>, lacks: Option<&str>) -> Problem {
    let version = reading::shown(version);
    let says =
        if version.is_empty() { String::new() } else { format!(" It says that it is version {version}.") };
    let who = match product.or_else(|| words::product(&version)) {
        Some(product) => {
            format!("This is {product}, which speaks PostgreSQL's protocol but is not PostgreSQL.")
        }
        None if lacks.is_some() => {
            "This server speaks PostgreSQL's protocol, but is not PostgreSQL 10 or newer.".to_owned()
        }
        None => "This server is older than PostgreSQL 10.".to_owned(),
    };
    let lacks = match lacks {
        Some(name) => format!(" It lacks {name}, without which Mycorr cannot read safely and exactly."),
        None => " It lacks what Mycorr needs to read safely and exactly: the catalogue and the sign-in of PostgreSQL 10.".to_owned(),
    };
    Problem::new(Code::NotSupportedServer, format!("{who}{says}{lacks}"))
        .fix("Connect to a PostgreSQL server, version 10 or newer. Data of another system can be read once it is copied into one.")
}

/// The names that a server's error holds, for the look-up that finds what bears them, a name a line. Only of errors
/// about names and rights, and of a context the functions: elsewhere values may stand in them.
fn named_in(error: &ServerError) -> String {
    const MAX_NAMES: usize = 40;
    let about_names = matches!(
        error.sqlstate.as_str(),
        "42501" | "42P01" | "3F000" | "42883" | "42704" | "42703" | "42725"
    );
    let part = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$'));
    let mut names: Vec<&str> = Vec::new();
    if about_names {
        names.extend(error.message.split('"').skip(1).step_by(2));
        names.extend(error.message.split(part));
        // `permission denied for table a b`
        names.extend(
            error
                .message
                .split_once(" for ")
                .and_then(|(_, rest)| rest.split_once(' '))
                .map(|(_, name)| name),
        );
    }
    for line in error.context.iter().flat_map(|context| context.lines()).take(8) {
        let before = line.split('(').next().unwrap_or_default();
        names.extend(before.rsplit([' ', '.', '"']).find(|name| !name.is_empty()));
        names.extend(line.split('"').nth(1));
    }
    names.retain(|name| !name.is_empty() && name.len() <= 63 && !name.contains('\n'));
    names.sort_unstable();
    names.dedup();
    names.truncate(MAX_NAMES);
    names.join("\n")
}

fn explain_read(failure: &Failure, asked: &ErrorContext<'_>, beneath: Option<&Beneath>) -> Problem {
    let Endpoint { host, port, .. } = asked.endpoint;
    let at = format!("{host}:{}", port.get());
    let problem = match failure {
        Failure::Dial(error) => dial(error, asked.endpoint),
        Failure::NotEntered(problem) => (**problem).clone(),
        Failure::NoTls => Problem::new(
            Code::EncryptionUnsupported,
            format!("The server at {at} does not offer encryption (TLS)."),
        )
        .fix(
            "Switch TLS on at the server (ssl = on in postgresql.conf, with ssl_cert_file and ssl_key_file). \
             Only if it is on a trusted private network, switch Require encrypted connection off.",
        ),
        Failure::Certificate(fault) => certificate::certificate(fault, host),
        Failure::Tls(_) => Problem::new(
            Code::EncryptionUnsupported,
            format!("The server at {at} and Mycorr could not agree on encryption. Mycorr needs TLS 1.2 or newer."),
        )
        .fix("Let the server offer TLS 1.2 or 1.3 with current ciphers and keys (ssl_min_protocol_version, ssl_ciphers)."),
        Failure::NotPostgresql(_) => Problem::new(
            Code::NotPostgresql,
            format!("What answers at {at} is not a PostgreSQL server."),
        )
        .fix("Check the host and the port. PostgreSQL usually listens on 5432, poolers on 6432 or 6543."),
        Failure::Protocol(_) => Problem::new(
            Code::ProtocolViolation,
            format!("The server at {at} broke the rules of PostgreSQL's protocol, so the connection was closed."),
        )
        .fix("Check that the host and port lead to PostgreSQL directly or through a pooler that is up to date."),
        Failure::Authentication(refusal) => authentication(*refusal, asked.endpoint),
        Failure::Server(error) => server::server(error, asked, beneath),
        Failure::NotSupported { version, product } => match product {
            Some("PgBouncer") => pooler::console(asked.endpoint.database.as_str()),
            product => not_supported(version, *product, None),
        },
        Failure::Lost(_) => Problem::new(
            Code::ConnectionLost,
            format!("The connection to {at} was lost. Nothing was changed."),
        )
        .fix("Try again. If it keeps happening, something on the way ends it: a firewall or pooler that closes quiet connections, or a server that restarts."),
        Failure::TimedOut => Problem::new(
            Code::ConnectionTimeout,
            format!("The server at {at} did not answer in time."),
        )
        .fix("Check host and port, and that the server is not overloaded. A pooler is silent like this when it does not \
              reach its server, or when that has no database of this name."),
        Failure::Idle(limit) => Problem::new(
            Code::ConnectionTimeout,
            format!(
                "The server at {at} sent nothing for {} seconds, which is as long as this Mycorr waits. Nothing was changed.",
                limit.as_secs_f32()
            ),
        )
        .fix("If the source needs longer between two rows, let the operator raise MYCORR_IDLE_TIMEOUT."),
        Failure::RowTooLarge { row, bytes, .. } => Problem::new(
            Code::RowTooLarge,
            format!("Row {} is {bytes} bytes long.", row + 1),
        ),
    };
    problem.internal(failure)
}

fn dial(error: &DialError, endpoint: &Endpoint) -> Problem {
    let Endpoint { host, port, .. } = endpoint;
    let port = port.get();
    // With several addresses it matters which of them failed how.
    let each = match error.tried() {
        attempts @ [_, _, ..] => format!(" Tried: {}.", tried(attempts)),
        _ => String::new(),
    };
    match error {
        DialError::InvalidHost(error) => Problem::new(Code::Invalid, error.to_string()).field("host", error.to_string()),
        DialError::PrivateAddress { address } => {
            let why = match address {
                Some(address) if address.to_string() != *host => format!("{host} resolves to {address}"),
                _ => format!("{host} is a private or internal address"),
            };
            Problem::new(
                Code::PrivateAddress,
                format!("connections to private/internal addresses are not allowed: {why}."),
            )
            .fix("Use a host that resolves to public addresses only. Whoever runs Mycorr can let a private host through with MYCORR_ALLOW_HOSTS.")
            .field("host", "This leads to a private or internal address.")
        }
        DialError::NotFound { .. } => Problem::new(
            Code::HostNotFound,
            format!("failed to lookup address: the name {host} is not known."),
        )
        .fix("Check the host for a typing error. It is the server's name, without postgres:// and without a port.")
        .field("host", "This name is not known."),
        DialError::Refused { .. } => Problem::new(
            Code::ConnectionRefused,
            format!("connection refused: nothing listens on port {port} of {host}, or a firewall turns Mycorr away.{each}"),
        )
        .fix("Check host and port, and that the server listens on its public address (listen_addresses in postgresql.conf)."),
        DialError::TimedOut { .. } => Problem::new(
            Code::ConnectionTimeout,
            format!("No answer from {host} on port {port}: the host is down, or a firewall drops what Mycorr sends.{each}"),
        )
        .fix("Check host and port, and allow Mycorr's addresses in the database's firewall."),
        DialError::Unreachable { .. } | DialError::Other { .. } => Problem::new(
            Code::ConnectionTimeout,
            format!("There is no way from here to {host}.{each}"),
        )
        .fix("Check the host. If it has an IPv6 address only, use a host name that has an IPv4 address too."),
    }
}

/// `203.0.113.1 refused, 203.0.113.2 no answer`
pub(crate) fn tried(attempts: &[Attempt]) -> String {
    let each = attempts.iter().map(|attempt| {
        let outcome = match attempt.outcome {
            Outcome::Connected => "connected",
            Outcome::Refused => "refused",
            Outcome::TimedOut => "no answer",
            Outcome::Unreachable => "no way there",
            Outcome::Failed(_) => "failed",
        };
        format!("{} {outcome}", attempt.address.ip())
    });
    each.collect::<Vec<_>>().join(", ")
}

fn authentication(refusal: AuthenticationRefusal, endpoint: &Endpoint) -> Problem {
    match refusal {
        AuthenticationRefusal::Unsupported(method) => Problem::new(
            Code::AuthenticationUnsupported,
            format!("The server wants to authenticate by {method}, which Mycorr does not do."),
        )
        .fix(format!(
            "Let the role sign in with a password: a line in pg_hba.conf like this one, above the one that asks for {method}. Then reload the server.\n{}",
            hba::hba_line(endpoint, None)
        )),
        AuthenticationRefusal::ClearPassword => Problem::new(
            Code::AuthenticationUnsupported,
            "The server asked for the password in clear over an unencrypted connection. It was not sent.",
        )
        .fix("Switch Require encrypted connection on, or use scram-sha-256 in the server's pg_hba.conf."),
        AuthenticationRefusal::ServerUnproven => Problem::new(
            Code::AuthenticationFailed,
            "The server could not prove that it knows the role's password. It may not be the server it pretends to be.",
        )
        .fix("Check the host. If it is right, tell your database's administrator."),
    }
}

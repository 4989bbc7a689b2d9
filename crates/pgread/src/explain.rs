//! Failures in words: what happened, why, and the line that mends it. PostgreSQL's errors are recognised by
//! SQLSTATE (manual, appendix A) and by structured fields, never by their text, which may be translated.

use crate::{
    sql,
    tls::{CertificateFault, Rule},
    wire::{Failure, ServerError, failure::AuthenticationRefusal},
};
use mycorr_domain::{Code, Endpoint, Problem};
use mycorr_egress::{Attempt, DialError, Outcome};

/// What was being asked when it failed.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    endpoint: &'a Endpoint,
    schema: Option<&'a str>,
    table: Option<&'a str>,
}

impl<'a> Asked<'a> {
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

pub(crate) fn explain(failure: &Failure, asked: &Asked<'_>) -> Problem {
    let Endpoint { host, port, .. } = asked.endpoint;
    let at = format!("{host}:{}", port.get());
    let problem = match failure {
        Failure::Dial(error) => dial(error, asked.endpoint),
        Failure::NoTls => Problem::new(
            Code::EncryptionUnsupported,
            format!("The server at {at} does not offer encryption (TLS)."),
        )
        .fix(
            "Switch TLS on at the server (ssl = on in postgresql.conf, with ssl_cert_file and ssl_key_file). \
             Only if it is on a trusted private network, switch Require encrypted connection off.",
        ),
        Failure::Certificate(fault) => certificate(fault, host),
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
        Failure::Server(error) => server(error, asked),
        Failure::Lost(_) => Problem::new(
            Code::ConnectionLost,
            format!("The connection to {at} was lost. Nothing was changed."),
        )
        .fix("Try again. If it keeps happening, look into the server's log for this moment, and for a firewall or pooler that ends connections."),
        Failure::TimedOut => Problem::new(
            Code::ConnectionTimeout,
            format!("The server at {at} did not answer in time."),
        )
        .fix("Check host and port, and that the database's firewall lets Mycorr's addresses in."),
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

fn certificate(fault: &CertificateFault, host: &str) -> Problem {
    let shown = fault.chain.first();
    let subject = shown
        .map_or_else(String::new, |leaf| format!(" It is for {}, issued by {}.", leaf.subject, leaf.issuer));
    let (code, why, fix) = match fault.rule {
        Rule::Untrusted if fault.pasted_ca => (
            Code::CertificateUntrusted,
            format!("the server's certificate does not come from the CA that was pasted ({}).", fault.reason),
            "Paste the CA that signed the server's certificate, with its intermediates, in Advanced → Custom CA certificate.".to_owned(),
        ),
        Rule::Untrusted => (
            Code::CertificateUntrusted,
            format!("the server's certificate comes from a CA that is not in the public trust store ({}).", fault.reason),
            "Get the CA certificate (PEM) from your database's administrator or provider and paste it in Advanced → Custom CA certificate.".to_owned(),
        ),
        Rule::Unsound => (
            Code::CertificateUntrusted,
            format!("the server's certificate, or one above it, is not good enough ({}).", fault.reason),
            "Have it made again: for a server, with an RSA key of 2,048 bits or more or an elliptic-curve one, \
             signed with SHA-256 or better by a certificate that may sign others."
                .to_owned(),
        ),
        Rule::Expired => (
            Code::CertificateExpired,
            "a certificate of the server has expired.".to_owned(),
            "Have the server's certificate renewed.".to_owned(),
        ),
        Rule::NotYetValid => (
            Code::CertificateNotYetValid,
            "a certificate of the server is not valid yet.".to_owned(),
            "Check the clocks of both machines, or wait until the certificate is valid.".to_owned(),
        ),
        Rule::WrongHost => {
            let names = shown.map(|leaf| &leaf.names).filter(|names| !names.is_empty());
            let names = names.map_or_else(|| "no name of it".to_owned(), |names| few(names));
            (
                Code::CertificateWrongHost,
                format!("the server's certificate is not for {host}; it is for: {names}."),
                "Use one of the names in the certificate as the host, or have a certificate made for this one.".to_owned(),
            )
        }
    };
    Problem::new(code, format!("SSL error: certificate verify failed: {why}{subject}")).fix(fix)
}

/// The first names of a list that may hold thousands.
fn few(names: &[String]) -> String {
    const MOST: usize = 8;
    let more = names.len().saturating_sub(MOST);
    let text = names[..names.len() - more].join(", ");
    if more > 0 { format!("{text} and {more} more") } else { text }
}

fn authentication(refusal: AuthenticationRefusal, endpoint: &Endpoint) -> Problem {
    match refusal {
        AuthenticationRefusal::Unsupported(method) => Problem::new(
            Code::AuthenticationUnsupported,
            format!("The server wants to authenticate by {method}, which Mycorr does not do."),
        )
        .fix(format!(
            "Let the role sign in with a password: a line in pg_hba.conf like\nhostssl {} {} all scram-sha-256",
            sql::identifier(endpoint.database.as_str()),
            sql::identifier(endpoint.username.as_str())
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

fn server(error: &ServerError, asked: &Asked<'_>) -> Problem {
    let Endpoint { database, username, .. } = asked.endpoint;
    let (database, role) = (database.as_str(), username.as_str());
    fn new(code: Code, detail: impl Into<String>) -> Problem {
        Problem::new(code, detail)
    }
    match (error.sqlstate.as_str(), asked.schema, asked.table) {
        // Only the server's source tells a refusal of pg_hba.conf from a role that may not sign in.
        ("28000", ..) if error.routine.as_deref() == Some("ClientAuthentication") => new(
            Code::ConnectionRejected,
            format!("The server has no rule in pg_hba.conf that lets {role} into {database} from Mycorr's address this way."),
        )
        .fix(format!(
            "Add a line to pg_hba.conf and reload the server:\n{} {} {} <Mycorr's address>/32 scram-sha-256",
            if asked.endpoint.encrypted { "hostssl" } else { "host" },
            sql::identifier(database),
            sql::identifier(role)
        )),
        ("28000", ..) if error.routine.as_deref() == Some("InitializeSessionUserId") => new(
            Code::AuthenticationFailed,
            format!("The role {role} does not exist or is not allowed to sign in."),
        )
        .fix(format!("ALTER ROLE {} LOGIN;", sql::identifier(role)))
        .field("username", "This role can't sign in."),
        // SCRAM's channel binding: what the server refuses in these two is not the password.
        ("28000", ..)
            if matches!(
                error.routine.as_deref(),
                Some("read_client_first_message" | "read_client_final_message")
            ) =>
        {
            new(
                Code::AuthenticationFailed,
                "Mycorr was shown another certificate than the server's own: something between the two decrypts \
                 the connection. The password was not given away.",
            )
            .fix("Connect to the server itself, or to a pooler that signs roles in, not to a proxy that only ends TLS. \
                  If you know of none, tell your database's administrator: somebody may be listening.")
        }
        ("28000" | "28P01", ..) => new(
            Code::AuthenticationFailed,
            format!("password authentication failed for user \"{role}\": the username or the password is wrong."),
        )
        .fix(format!("Check both. To set a new password: ALTER ROLE {} PASSWORD '<new-password>';", sql::identifier(role)))
        .field("password", "The server refused this username or password."),
        ("3D000", ..) => new(Code::DatabaseNotFound, format!("database \"{database}\" does not exist."))
            .fix("Use the database's name, not the cluster's or the server's. Upper and lower case matter.")
            .field("database", "There is no database of this name on the server."),
        ("42501", None, _) => new(
            Code::ConnectionRejected,
            format!("The role {role} may not connect to the database {database}."),
        )
        .fix(sql::grant_connect(database, role)),
        ("42501", Some(schema), Some(table)) => table_permission_denied(schema, table, role),
        ("42501", Some(schema), None) => schema_permission_denied(schema, role),
        ("53300", ..) => new(
            Code::TooManyConnections,
            "The server has no free connection for this role.",
        )
        .fix(format!(
            "Try again later, or raise the limit: max_connections of the server, or ALTER ROLE {} CONNECTION LIMIT <n>;",
            sql::identifier(role)
        )),
        ("57P01" | "57P02" | "57P03" | "57P04" | "57P05", ..) => new(
            Code::ServerShuttingDown,
            "The server is starting, stopping or restarting, or its administrator ended this connection. Nothing was changed.",
        )
        .fix("Try again in a moment."),
        ("57014", ..) => new(
            Code::StatementTimeout,
            "The server stopped the read because it took longer than statement_timeout allows. Nothing was changed.",
        )
        .fix(format!("ALTER ROLE {} SET statement_timeout = '1h';", sql::identifier(role))),
        ("55P03", ..) => new(
            Code::StatementTimeout,
            "Somebody holds a lock on the table (an ALTER TABLE, for example), and it was not free in time. Nothing was changed.",
        )
        .fix("Try again when that is over. It shows in: SELECT pid, query FROM pg_stat_activity WHERE state <> 'idle';"),
        ("40001" | "40P01", ..) => new(
            Code::RecoveryConflict,
            "This server is a replica, and it had to remove rows that were being read. Nothing was changed.",
        )
        .fix("Try again, read from the primary, or have hot_standby_feedback or max_standby_streaming_delay raised on the replica."),
        ("42P05" | "26000" | "34000" | "42P03", ..) => new(
            Code::PoolerConflict,
            "prepared statement \"...\" already exists: a connection pooler mixed this connection with another one.",
        )
        .fix("Use the pooler's session mode or the direct connection."),
        ("42P01" | "3F000", Some(schema), Some(table)) => table_not_found(schema, table),
        ("42703" | "42804", Some(schema), Some(table)) => source_changed(schema, table),
        ("25006", ..) => new(
            Code::WriteRefused,
            "Reading this would write: a view or a column calls a function that changes data. The read was refused and nothing was changed.",
        )
        .fix("Import a table or a view that only reads."),
        ("53100" | "53200" | "53000" | "53400", ..) => new(
            Code::SourceError,
            format!("The database server ran out of memory or disk during the read (SQLSTATE {}).", error.sqlstate),
        )
        .fix("Try again later, or have the server's administrator look at it."),
        ("22021" | "22P05", ..) => new(
            Code::SourceError,
            "The table holds a character that cannot be expressed in UTF-8.",
        )
        .fix("Have the value mended at the source, or leave the column out."),
        ("08P01", ..) => new(
            Code::ProtocolViolation,
            "The server or a pooler in front of it did not understand Mycorr.",
        )
        .fix("If a pooler stands in between, check that it is up to date and knows this database and role, or use the direct connection."),
        (sqlstate, ..) => new(
            Code::SourceError,
            format!("The database reported an error (SQLSTATE {}). Nothing was changed.", plain(sqlstate)),
        )
        .fix("The server's log holds the text for this moment. PostgreSQL's manual lists the codes in appendix A."),
    }
}

/// An SQLSTATE is five letters and digits; a hostile server may send anything.
fn plain(sqlstate: &str) -> &str {
    let valid = sqlstate.len() == 5 && sqlstate.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if valid { sqlstate } else { "unknown" }
}

pub(crate) fn settings_elsewhere() -> Problem {
    Problem::new(
        Code::PoolerConflict,
        "A connection pooler spreads reads over several servers: Mycorr's settings went to one and the read to another, so values would not arrive as they are. Nothing was read.",
    )
    .fix("Use the direct connection to one server, or have the pooler read from one server only (Pgpool-II: load_balance_mode = off, or a line in database_redirect_preference_list).")
}

pub(crate) fn schema_permission_denied(schema: &str, role: &str) -> Problem {
    Problem::new(
        Code::SchemaPermissionDenied,
        format!("permission denied for schema {schema}: the role {role} lacks USAGE on it."),
    )
    .fix(sql::grant_usage(schema, role))
}

pub(crate) fn table_permission_denied(schema: &str, table: &str, role: &str) -> Problem {
    Problem::new(
        Code::TablePermissionDenied,
        format!("permission denied for table {table}: the role {role} lacks SELECT on {schema}.{table}, or on what it reads."),
    )
    .fix(sql::grant_select(schema, table, role))
}

pub(crate) fn column_permission_denied(schema: &str, table: &str, columns: &[&str], role: &str) -> Problem {
    Problem::new(
        Code::ColumnPermissionDenied,
        format!(
            "permission denied for table {table}: the role {role} may not read {} of {schema}.{table}.",
            columns.join(", ")
        ),
    )
    .fix(sql::grant_select_columns(schema, table, columns, role))
}

pub(crate) fn table_not_found(schema: &str, table: &str) -> Problem {
    Problem::new(
        Code::TableNotFound,
        format!("There is no table or view {schema}.{table} in the database, or no right to see it."),
    )
    .fix("It may have been dropped or renamed. Look for it in the list of tables.")
}

pub(crate) fn column_not_found(schema: &str, table: &str, column: &str) -> Problem {
    Problem::new(Code::SourceChanged, format!("There is no column {column} in {schema}.{table} any more."))
        .fix("It may have been dropped or renamed. Import the table again with the columns that it has now.")
}

pub(crate) fn source_changed(schema: &str, table: &str) -> Problem {
    Problem::new(Code::SourceChanged, format!("{schema}.{table} was altered while it was about to be read."))
        .fix("Try again: the table is read as it is then.")
}

pub(crate) fn row_too_large(
    schema: &str,
    table: &str,
    row: u64,
    column: Option<&str>,
    bytes: u64,
    limit: usize,
) -> Problem {
    let column = column.map_or_else(String::new, |column| format!(" (the column {column} takes it over)"));
    Problem::new(
        Code::RowTooLarge,
        format!("Row {} of {schema}.{table} has {bytes} bytes{column}, more than the {limit} that a row may have.", row + 1),
    )
    .fix("Leave that column out, or have whoever runs Mycorr raise the limit for rows.")
}

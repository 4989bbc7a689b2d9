//! PostgreSQL's own errors, recognised by SQLSTATE (manual, appendix A) and by structured fields, never by
//! their text, which may be translated. Of the text only what stays in every language is looked at: names and
//! addresses of the person's own.

use super::{Asked, pooler, reading::reading, source};
use crate::{sql, wire::ServerError};
use mycorr_domain::{Code, Endpoint, Problem};
use std::net::IpAddr;

pub(super) fn server(error: &ServerError, asked: &Asked<'_>) -> Problem {
    if let Some(problem) = pooler::said(error, asked.endpoint) {
        return problem;
    }
    if let (Some(schema), Some(table)) = (asked.schema, asked.table)
        && let Some(problem) = reading(error, schema, table, asked.endpoint.role())
    {
        return problem;
    }
    if let Some(problem) = signing_in(error, asked) {
        return problem;
    }
    anywhere(error, asked)
}

pub(super) fn new(code: Code, detail: impl Into<String>) -> Problem {
    Problem::new(code, detail)
}

/// The function of the server's source that reported an error: the same in every language, and in every version
/// that is tested.
pub(super) fn routine(error: &ServerError) -> &str {
    error.routine.as_deref().unwrap_or_default()
}

/// What keeps a role out.
fn signing_in(error: &ServerError, asked: &Asked<'_>) -> Option<Problem> {
    let Endpoint { database, encrypted, .. } = asked.endpoint;
    let (database, role) = (database.as_str(), asked.endpoint.role());
    Some(match (error.sqlstate.as_str(), routine(error)) {
        // Who is turned away by pg_hba.conf is named; who shows no certificate is not.
        ("28000", "ClientAuthentication") if !error.message.contains(role) => new(
            Code::AuthenticationUnsupported,
            "The server wants a client certificate, which Mycorr does not have.",
        )
        .fix(format!(
            "Let the role sign in with a password: a line in pg_hba.conf like this one (without clientcert), above the one \
             that asks for a certificate. Then reload the server.\n{}",
            hba_line(asked.endpoint, address_in(&error.message))
        )),
        ("28000", "ClientAuthentication") => {
            let way = if *encrypted { "with encryption" } else { "without encryption" };
            let encrypt = if *encrypted {
                ""
            } else {
                "Switch Require encrypted connection on: many servers, Amazon RDS among them, let nobody in without. If that \
                 is not it: "
            };
            new(
                Code::ConnectionRejected,
                format!("The server has no rule in pg_hba.conf that lets {role} into {database} from Mycorr's address {way}."),
            )
            .fix(format!(
                "{encrypt}Add this line to pg_hba.conf, above any that rejects, and reload the server.\n{}",
                hba_line(asked.endpoint, address_in(&error.message))
            ))
        }
        ("28000", "InitializeSessionUserId") => new(
            Code::AuthenticationFailed,
            format!("The role {role} does not exist or is not allowed to sign in."),
        )
        .fix(format!("ALTER ROLE {} LOGIN;", sql::identifier(role)))
        .field("username", "This role can't sign in."),
        // SCRAM's channel binding: what the server refuses in these two is not the password.
        ("28000", "read_client_first_message" | "read_client_final_message") => new(
            Code::AuthenticationFailed,
            "Mycorr was shown another certificate than the server's own: something between the two decrypts \
             the connection. The password was not given away.",
        )
        .fix("Connect to the server itself, or to a pooler that signs roles in, not to a proxy that only ends TLS. \
              If you know of none, tell your database's administrator: somebody may be listening."),
        ("28000" | "28P01", _) => wrong_password(role),
        ("3D000", _) => database_not_found(database),
        // Everywhere else a table is asked for, and `reading` has looked at it.
        ("42501", _) => match asked.schema {
            Some(schema) => source::schema_permission_denied(schema, role),
            None => new(
                Code::ConnectionRejected,
                format!("permission denied for database {database}: the role {role} may not connect to it."),
            )
            .fix(sql::grant_connect(database, role)),
        },
        ("55000", "CheckMyDatabase" | "InitPostgres") => new(
            Code::ConnectionRejected,
            format!("The database {database} takes no connections at the moment: it is closed to everybody, a template, or was not dropped to the end."),
        )
        .fix(format!("ALTER DATABASE {} ALLOW_CONNECTIONS true;", sql::identifier(database))),
        ("53300", "InitializeSessionUserId") => new(
            Code::TooManyConnections,
            format!("The role {role} has as many connections open as it may have."),
        )
        .fix(format!(
            "Try again later, or lift the limit:\nALTER ROLE {} CONNECTION LIMIT -1;",
            sql::identifier(role)
        )),
        ("53300", "CheckMyDatabase") => new(
            Code::TooManyConnections,
            format!("The database {database} has as many connections open as it may have."),
        )
        .fix(format!(
            "Try again later, or lift the limit:\nALTER DATABASE {} CONNECTION LIMIT -1;",
            sql::identifier(database)
        )),
        ("53300", "InitPostgres") => new(
            Code::TooManyConnections,
            "The server has no free connection but those that it keeps for administrators.",
        )
        .fix("Try again later, close connections that nobody needs, or raise max_connections in postgresql.conf and restart the server."),
        ("53300", _) => new(Code::TooManyConnections, "The server has no free connection.")
            .fix("Try again later, close connections that nobody needs, or raise max_connections in postgresql.conf and restart the server."),
        _ => return None,
    })
}

pub(super) fn wrong_password(role: &str) -> Problem {
    Problem::new(
        Code::AuthenticationFailed,
        format!("password authentication failed for user \"{role}\": the username or the password is wrong."),
    )
    .fix(format!(
        "Check both. To set a new password:\nALTER ROLE {} PASSWORD '<new-password>';",
        sql::identifier(role)
    ))
    .field("password", "The server refused this username or password.")
}

pub(super) fn database_not_found(database: &str) -> Problem {
    Problem::new(Code::DatabaseNotFound, format!("database \"{database}\" does not exist."))
        .fix("Use the database's name, not the cluster's or the server's. Upper and lower case matter.")
        .field("database", "There is no database of this name on the server.")
}

/// What can happen to any statement.
fn anywhere(error: &ServerError, asked: &Asked<'_>) -> Problem {
    let role = asked.endpoint.role();
    let sqlstate = plain(&error.sqlstate);
    match (sqlstate, routine(error)) {
        ("57P03", _) => new(
            Code::ServerShuttingDown,
            "The server lets nobody in at the moment: it is starting, stopping, or still recovering from a crash.",
        )
        .fix("Try again in a moment."),
        ("57P04", _) => new(
            Code::ServerShuttingDown,
            format!("The database {} was dropped, and its connections were ended. Nothing was changed.", asked.endpoint.database.as_str()),
        )
        .fix("Ask your database's administrator where it went."),
        ("57P02", _) => new(
            Code::ServerShuttingDown,
            "Another process of the server crashed, so that the server restarted and ended this connection. Nothing was changed.",
        )
        .fix("Try again in a moment. If it keeps happening, the server's log tells which process crashes."),
        ("57P01" | "57P05", _) => new(
            Code::ServerShuttingDown,
            "The server is stopping or restarting, or its administrator ended this connection. Nothing was changed.",
        )
        .fix("Try again in a moment."),
        ("57014", _) => new(
            Code::StatementTimeout,
            "The server stopped the read: it took longer than statement_timeout allows, or somebody cancelled it there. Nothing was changed.",
        )
        .fix(format!("ALTER ROLE {} SET statement_timeout = '1h';", sql::identifier(role))),
        ("55P03", _) => locked(),
        // A role may have default_transaction_isolation = serializable.
        ("40001", routine) if routine.contains("Serializ") => new(
            Code::SourceError,
            format!("Another transaction got into the way of the read (SQLSTATE {sqlstate}), because {role} reads with isolation level serializable. Nothing was changed."),
        )
        .fix(format!("Try again, or:\nALTER ROLE {} SET default_transaction_isolation = 'repeatable read';", sql::identifier(role))),
        ("40001" | "40P01", _) => new(
            Code::RecoveryConflict,
            "This server is a replica, and it had to remove rows that were being read. Nothing was changed.",
        )
        .fix("Try again, read from the primary, or have hot_standby_feedback or max_standby_streaming_delay raised on the replica."),
        ("42P05" | "26000" | "34000" | "42P03", _) => new(
            Code::PoolerConflict,
            "prepared statement \"...\" already exists: a connection pooler mixed this connection with another one.",
        )
        .fix("Use the pooler's session mode or the direct connection."),
        ("25006", _) => new(
            Code::WriteRefused,
            "Reading this would write: a view or a column calls a function that changes data. The read was refused and nothing was changed.",
        )
        .fix("Import a table or a view that only reads."),
        ("53100", _) => new(Code::SourceError, "The database server's disk is full (SQLSTATE 53100).")
            .fix("Have the server's administrator free space. A read needs some where it sorts or joins more than fits into memory."),
        ("53200", _) => new(Code::SourceError, "The database server ran out of memory during the read (SQLSTATE 53200).")
            .fix("Try again later, or have the server's administrator look at it (max_locks_per_transaction, if a table has many partitions)."),
        ("53000" | "53400", _) => new(
            Code::SourceError,
            format!("A limit of the database server does not allow the read (SQLSTATE {sqlstate})."),
        )
        .fix("Have the server's administrator look into its log for this moment, which names the limit."),
        ("22021" | "22P05", _) => new(
            Code::SourceError,
            format!("The table holds a character that cannot be expressed in UTF-8 (SQLSTATE {sqlstate})."),
        )
        .fix("Have the value mended at the source, or leave the column out."),
        ("0A000", _) => new(
            Code::SourceError,
            "The server does not support something that reading this needs (SQLSTATE 0A000).",
        )
        .fix("If it is not PostgreSQL itself but speaks its protocol, or has a table that lives elsewhere, read from PostgreSQL."),
        ("XX001" | "XX002" | "58P01" | "58030" | "58000", _) => new(
            Code::SourceError,
            format!("The server can't read its own files: they are damaged or missing, or its disk fails (SQLSTATE {sqlstate})."),
        )
        .fix("Tell your database's administrator at once. The server's log names the file."),
        ("F0000" | "F0001", _) => new(
            Code::SourceError,
            format!("A mistake in the server's configuration is in the way (SQLSTATE {sqlstate})."),
        )
        .fix("Have the server's administrator look into its log for this moment, which names the mistake."),
        ("08P01", _) => new(
            Code::ProtocolViolation,
            "The server or a pooler in front of it did not understand Mycorr.",
        )
        .fix("If a pooler stands in between, check that it is up to date and knows this database and role, or use the direct connection."),
        _ => new(
            Code::SourceError,
            format!("The database reported an error (SQLSTATE {sqlstate}). Nothing was changed."),
        )
        .fix("The server's log holds the text for this moment. PostgreSQL's manual lists the codes in appendix A."),
    }
}

pub(super) fn locked() -> Problem {
    Problem::new(
        Code::StatementTimeout,
        "Somebody holds a lock on the table (an ALTER TABLE, for example), and it was not free in time. Nothing was changed.",
    )
    .fix("Try again when that is over. Who holds one shows in:\nSELECT pid, usename, query FROM pg_stat_activity WHERE state <> 'idle';")
}

/// An SQLSTATE is five letters and digits; a hostile server may send anything.
fn plain(sqlstate: &str) -> &str {
    let valid = sqlstate.len() == 5 && sqlstate.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if valid { sqlstate } else { "unknown" }
}

/// A line of pg_hba.conf that lets the role in from `from`.
pub(super) fn hba_line(endpoint: &Endpoint, from: Option<IpAddr>) -> String {
    let from = match from {
        Some(address) => format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 }),
        None => "<Mycorr's address>/32".to_owned(),
    };
    let kind = if endpoint.encrypted { "hostssl" } else { "host" };
    let (database, role) = (hba_name(endpoint.database.as_str()), hba_name(endpoint.role()));
    format!("{kind} {database} {role} {from} scram-sha-256")
}

/// Quoted where it would mean something else in pg_hba.conf (manual, "The pg_hba.conf File").
fn hba_name(name: &str) -> String {
    let plain = sql::identifier(name) == name
        && !matches!(name, "sameuser" | "samerole" | "samegroup" | "replication");
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// The address that a server says it sees. Whatever the language, it stands between characters that no address has.
fn address_in(message: &str) -> Option<IpAddr> {
    let other = |c: char| !(c.is_ascii_hexdigit() || matches!(c, '.' | ':'));
    message.split(other).filter(|word| word.contains(['.', ':'])).find_map(|word| word.parse().ok())
}

//! PostgreSQL's own errors, recognised by SQLSTATE (manual, appendix A) and by structured fields, never by
//! their text, which may be translated. Of the text only what stays in every language is looked at: names and
//! addresses of the person's own.

use super::{
    ErrorContext,
    beneath::Beneath,
    hba::{address_in, hba_advice},
    pooler,
    reading::Read,
    sqlstate::{class, plain},
};
use crate::{sql, wire::ServerError};
use mycorr_domain::{Code, Endpoint, Problem};

pub(super) fn server(error: &ServerError, asked: &ErrorContext<'_>, beneath: Option<&Beneath>) -> Problem {
    if let Some(problem) = pooler::said(error, asked.endpoint) {
        return problem;
    }
    if let (Some(schema), Some(table)) = (asked.schema, asked.table)
        && let Some(problem) = (Read { error, schema, table, endpoint: asked.endpoint, beneath }).to_problem()
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
fn signing_in(error: &ServerError, asked: &ErrorContext<'_>) -> Option<Problem> {
    let Endpoint { database, encrypted, .. } = asked.endpoint;
    let (database, role) = (database.as_str(), asked.endpoint.role());
    Some(match (error.sqlstate.as_str(), routine(error)) {
        // An event trigger on login may raise anything.
        (_, "exec_stmt_raise") if asked.schema.is_none() => new(
            Code::ConnectionRejected,
            format!("An event trigger of the database {database} turned {role} away at its sign-in."),
        )
        .fix(format!(
            "Ask the database's administrator why: it may be meant so. If it is not, let the role in without event triggers \
             (PostgreSQL 17 or newer):\n{}",
            sql::alter_role_in(role, database, "event_triggers", "off")
        )),
        // Who is turned away by pg_hba.conf is told the address that the server saw; who shows no certificate is not.
        ("28000", "ClientAuthentication") if address_in(&error.message).is_none() => new(
            Code::AuthenticationUnsupported,
            "The server wants a client certificate, which Mycorr does not have.",
        )
        .fix(format!(
            "Let the role sign in with a password: a line in pg_hba.conf like this one (without clientcert), above the one \
             that asks for a certificate. Then reload the server.{}",
            hba_advice(asked.endpoint, None)
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
                "{encrypt}Add this line to pg_hba.conf, above any that rejects, and reload the server.{}",
                hba_advice(asked.endpoint, address_in(&error.message))
            ))
        }
        // PostgreSQL only hands the password on (LDAP, PAM, RADIUS), or asks for none (ident, peer, certificates).
        ("28000", "auth_failed") if error.password_sent => new(
            Code::AuthenticationFailed,
            format!("The service that checks passwords for the server (LDAP, PAM or RADIUS) refused {role}: the username or the password is wrong there."),
        )
        .fix("Check both. A new password is set in that service, not in PostgreSQL.")
        .field("password", "The server refused this username or password."),
        ("28000", "auth_failed") => new(
            Code::AuthenticationUnsupported,
            format!("The server wants to know {role} by the operating system or a client certificate, not by a password."),
        )
        .fix(format!(
            "Let the role sign in with a password: a line in pg_hba.conf like this one, above the one that asks for ident, peer \
             or cert. Then reload the server.{}",
            hba_advice(asked.endpoint, None)
        )),
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
        ("42501", "CheckMyDatabase" | "InitPostgres") => new(
            Code::ConnectionRejected,
            format!("permission denied for database {database}: the role {role} may not connect to it."),
        )
        .fix(sql::grant_connect(database, role)),
        ("42501", _) if asked.table.is_none() => hidden_catalogue(error, role),
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
        ("F0000", "ClientAuthentication") => new(
            Code::AuthenticationUnsupported,
            "A rule in the server's pg_hba.conf asks for a client certificate, and its configuration has no authority to check one with (SQLSTATE F0000). Mycorr has no client certificate either.",
        )
        .fix(format!(
            "Let the role sign in with a password: a line in pg_hba.conf like this one, above the one that asks for a certificate. \
             Then reload the server.{}",
            hba_advice(asked.endpoint, None)
        )),
        _ => return None,
    })
}

/// A look into the catalogue was refused. Everybody may look, unless an administrator took that away.
fn hidden_catalogue(error: &ServerError, role: &str) -> Problem {
    let hidden = named(&error.message, sql::TEMPLATES.iter().map(|template| template.text));
    let what =
        hidden.map_or_else(|| "a part of the catalogue".to_owned(), |name| format!("pg_catalog.{name}"));
    let problem = new(
        Code::TablePermissionDenied,
        format!(
            "permission denied: the role {role} may not look into {what}, which everybody may unless an administrator took that away."
        ),
    );
    match hidden {
        // Functions that exist once, so that their name is enough.
        Some(
            name @ ("set_config" | "pg_is_in_recovery" | "pg_backend_pid" | "aclexplode" | "format_type"),
        ) => {
            problem.fix(format!("GRANT EXECUTE ON FUNCTION pg_catalog.{name} TO {};", sql::identifier(role)))
        }
        Some(name)
            if name.starts_with("pg_") && !name.starts_with("pg_is") && !name.starts_with("pg_has") =>
        {
            problem.fix(format!("GRANT SELECT ON pg_catalog.{name} TO {};", sql::identifier(role)))
        }
        _ => problem.fix(format!("Have {what} opened to the role again.")),
    }
}

/// Which word of the statements that were sent a server's message holds, whatever its language: what it does not have,
/// or does not allow. The longest, since words of the message's own are short.
pub(super) fn named<'a>(message: &str, statements: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    let said: Vec<&str> = message.split(word).filter(|word| word.len() > 4).collect();
    let keyword = |word: &str| word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    statements
        .flat_map(|text| text.split(word))
        .filter(|word| word.len() > 4 && !keyword(word) && said.contains(word))
        .max_by_key(|word| word.len())
}

/// A server takes a wrong password and an expired one alike, and says so only in its log.
pub(super) fn wrong_password(role: &str) -> Problem {
    Problem::new(
        Code::AuthenticationFailed,
        format!("password authentication failed for user \"{role}\": the username or the password is wrong, or the password has expired."),
    )
    .fix(format!(
        "Check both. A new password is set with \\password in psql, or on the provider's page. A server does not say that a \
         password has expired (VALID UNTIL); if that may be so, this makes it good again:\n{}",
        sql::valid_for_ever(role)
    ))
    .field("password", "The server refused this username or password.")
}

pub(crate) fn password_expired(role: &str) -> Problem {
    Problem::new(Code::PasswordExpired, format!("The password of the role {role} has expired."))
        .fix(format!(
            "Set a new one, or make this one good again, as the server's administrator:\n{}",
            sql::valid_for_ever(role)
        ))
        .field("password", "This password has expired.")
}

pub(super) fn database_not_found(database: &str) -> Problem {
    Problem::new(Code::DatabaseNotFound, format!("database \"{database}\" does not exist."))
        .fix("Use the database's name, not the cluster's or the server's. Upper and lower case matter.")
        .field("database", "There is no database of this name on the server.")
}

/// What can happen to any statement.
fn anywhere(error: &ServerError, asked: &ErrorContext<'_>) -> Problem {
    let (role, database) = (asked.endpoint.role(), asked.endpoint.database.as_str());
    let sqlstate = plain(&error.sqlstate);
    match (sqlstate, routine(error)) {
        ("57P03", _)
            if error.hint.is_none()
                && error.detail.as_deref().is_some_and(super::words::names_hot_standby) =>
        {
            new(
                Code::HotStandbyOff,
                "The server is a replica that takes no connections: its hot_standby is off.",
            )
            .fix("Connect to the primary, or to another replica. Or have this line set in the replica's postgresql.conf, and the replica restarted:\nhot_standby = on")
        }
        ("57P03", _) => new(
            Code::ServerShuttingDown,
            "The server lets nobody in at the moment: it is starting, stopping, or still recovering from a crash.",
        )
        .fix("Try again in a moment. A replica older than PostgreSQL 14 says this for ever if its hot_standby is off: then connect to the primary."),
        ("57P04", _) => new(
            Code::ServerShuttingDown,
            format!("The database {database} was dropped, and its connections were ended. Nothing was changed."),
        )
        .fix("Ask your database's administrator where it went."),
        ("57P02", _) => new(
            Code::ServerShuttingDown,
            "Another process of the server crashed, so that the server restarted and ended this connection. Nothing was changed.",
        )
        .fix("Try again in a moment. If it keeps happening, tell the server's administrator that its processes crash."),
        ("57P05", _) => new(
            Code::ConnectionLost,
            "The server ended the connection because it was idle for longer than idle_session_timeout allows. Nothing was changed.",
        )
        .fix(format!(
            "Try again, or have the limit raised for the role:\n{}",
            sql::alter_role_in(role, database, "idle_session_timeout", "'10min'")
        )),
        ("25P03", _) => new(
            Code::ConnectionLost,
            "The server ended the connection because its transaction was idle for longer than idle_in_transaction_session_timeout allows. Nothing was changed.",
        )
        .fix(format!(
            "Try again, or have the limit raised for the role:\n{}",
            sql::alter_role_in(role, database, "idle_in_transaction_session_timeout", "'10min'")
        )),
        ("25P04", _) => new(
            Code::StatementTimeout,
            "The server stopped the read: it took longer than transaction_timeout allows. Nothing was changed.",
        )
        .fix(sql::alter_role_in(role, database, "transaction_timeout", "'24h'")),
        ("57P01", _) => new(
            Code::ServerShuttingDown,
            "The server is stopping or restarting, or its administrator ended this connection. Nothing was changed.",
        )
        .fix("Try again in a moment."),
        ("57014", _) => new(
            Code::StatementTimeout,
            "The server stopped the read: it took longer than statement_timeout allows, or somebody cancelled it there. Nothing was changed.",
        )
        .fix(sql::alter_role_in(role, database, "statement_timeout", "'24h'")),
        ("55P03", _) => locked(),
        ("0A000", "GetSerializableTransactionSnapshot") => new(
            Code::SourceError,
            format!("This server is a replica, and {role} reads with isolation level serializable, which replicas do not have (SQLSTATE 0A000)."),
        )
        .fix(format!(
            "Run this on the primary:\n{}",
            sql::alter_role_in(role, database, "default_transaction_isolation", "'repeatable read'")
        )),
        // A role may have default_transaction_isolation = serializable.
        ("40001", routine) if routine.contains("Serializ") => new(
            Code::SourceError,
            format!("Another transaction got into the way of the read (SQLSTATE {sqlstate}), because {role} reads with isolation level serializable. Nothing was changed."),
        )
        .fix(format!(
            "Try again, or:\n{}",
            sql::alter_role_in(role, database, "default_transaction_isolation", "'repeatable read'")
        )),
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
            format!("The database server ran into a limit of its configuration (SQLSTATE {sqlstate}{}).", by(error)),
        )
        .fix("Have the server's administrator raise the limit; the function in brackets says where in PostgreSQL it is checked."),
        ("22021" | "22P05", _) => new(
            Code::SourceError,
            format!("The table holds a character that cannot be expressed in UTF-8 (SQLSTATE {sqlstate})."),
        )
        .fix("Have the value mended at the source, or leave the column out."),
        ("XX001" | "XX002", _) => damaged(sqlstate, ""),
        ("58P01" | "58030" | "58000", _) => new(
            Code::DamagedData,
            format!("The server can't read its own files: they are damaged or missing, or its disk fails (SQLSTATE {sqlstate}{}).", by(error)),
        )
        .fix("Tell your database's administrator at once: no copy of this table can be complete until it is restored."),
        ("F0000" | "F0001", _) => new(
            Code::SourceError,
            format!("A mistake in the server's configuration files is in the way (SQLSTATE {sqlstate}{}).", by(error)),
        )
        .fix("Have the server's administrator check postgresql.conf and pg_hba.conf: SELECT * FROM pg_hba_file_rules shows which rule it does not understand."),
        ("08P01", _) => new(
            Code::ProtocolViolation,
            "The server or a pooler in front of it did not understand Mycorr (SQLSTATE 08P01).",
        )
        .fix("If a pooler stands in between, check that it is up to date and knows this database and role, or use the direct connection."),
        _ => unknown(error),
    }
}

/// Rows or their pages that the server cannot read any more. `place` continues "The server met damaged data".
pub(super) fn damaged(sqlstate: &str, place: &str) -> Problem {
    new(
        Code::DamagedData,
        format!("The server met damaged data{place}: a row or a page is damaged or missing, and cannot be read any more (SQLSTATE {sqlstate}). Nothing was changed."),
    )
    .fix("Tell your database's administrator at once: what is damaged has to be restored from a backup or a replica. pg_amcheck (PostgreSQL 14 or newer) lists which tables are.")
}

/// What there is to say of an error that nothing above knows.
fn unknown(error: &ServerError) -> Problem {
    let sqlstate = plain(&error.sqlstate);
    let severity = match error.severity.as_str() {
        "FATAL" => ", and ended the connection",
        "PANIC" => ", and is restarting",
        _ => "",
    };
    let class = class(sqlstate);
    new(
        Code::SourceError,
        format!("The database reported an error that Mycorr has no words for: {class} (SQLSTATE {sqlstate}{}){severity}. Nothing was changed.", by(error)),
    )
    .fix("Try again. If it happens again, give these words and the time to the database's administrator: the SQLSTATE is explained in appendix A of PostgreSQL's manual.")
}

/// `, reported by ExecMain` if PostgreSQL says which of its functions did.
fn by(error: &ServerError) -> String {
    let routine = routine(error);
    let plain =
        routine.len() <= 63 && routine.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain && !routine.is_empty() { format!(", reported by {routine}") } else { String::new() }
}

pub(super) fn locked() -> Problem {
    Problem::new(
        Code::StatementTimeout,
        "Somebody holds a lock on the table (an ALTER TABLE, for example), and it was not free in time. Nothing was changed.",
    )
    .fix("Try again when that is over. Who holds one shows in:\nSELECT a.pid, a.usename, a.state, a.query FROM pg_stat_activity a JOIN pg_locks l USING (pid) WHERE l.mode = 'AccessExclusiveLock' AND l.granted AND l.relation IS NOT NULL;")
}

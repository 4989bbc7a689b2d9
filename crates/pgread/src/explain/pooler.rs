//! What poolers and providers' proxies say in their own name. PostgreSQL names the function of its source that
//! reports an error; they (PgBouncer, Supavisor, Neon's proxy) name none, and put most of what they have to say
//! under one SQLSTATE. There is nothing but their words, which are never translated, to tell it apart by.

use super::server::{database_not_found, hba_line, wrong_password};
use crate::wire::ServerError;
use mycorr_domain::{Code, Endpoint, Problem};

/// `None` for what PostgreSQL said, or would have said in the same way.
pub(super) fn said(error: &ServerError, endpoint: &Endpoint) -> Option<Problem> {
    let ours = matches!(
        error.sqlstate.as_str(),
        "08P01" | "28000" | "53300" | "58000" | "XX000" | "08006" | "57P01"
    );
    if error.routine.is_some() || !ours {
        return None;
    }
    let text = error.message.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let (database, role) = (endpoint.database.as_str(), endpoint.username.as_str());
    // What a person searches for comes first, then the more general.
    Some(if has(&["tenant or user not found", "tenant/user", "no tenant"]) {
        Problem::new(
            Code::AuthenticationFailed,
            format!("Tenant or user not found: the pooler knows no project to which the username {role} belongs."),
        )
        .fix(
            "At Supabase's pooler the username is the role, a dot and the project ref (postgres.abcdefghijklmnopqrst), and the \
             host is the one that the project's page shows under Connect: it is of one region, and its number counts. A project \
             that is paused is not found either.",
        )
        .field("username", "This has to end with a dot and the project ref.")
    } else if has(&[
        "endpoint id is not specified",
        "project id is not specified",
        "inconsistent project name",
    ]) {
        Problem::new(
            Code::ConnectionRejected,
            "The provider's proxy could not tell from the host which database is meant.",
        )
        .fix("Use the host name that the provider shows, not an IP address, and leave Require encrypted connection on: the name is sent with the encryption.")
        .field("host", "This has to be the whole name that the provider shows.")
    } else if has(&[
        "endpoint could not be found",
        "endpoint is disabled",
        "project not found",
        "project is paused",
    ]) {
        Problem::new(
            Code::ConnectionRejected,
            "The provider's proxy does not find the project that the host names, or it is switched off.",
        )
        .fix("Compare the host with what the provider's page shows, and start the project there if it is paused.")
        .field("host", "The provider finds no project of this name, or it is paused.")
    } else if has(&[
        "connection is insecure",
        "ssl required",
        "ssl connection is required",
        "sslmode=require",
    ]) {
        Problem::new(
            Code::ConnectionRejected,
            "The server, or the pooler in front of it, takes encrypted connections only.",
        )
        .fix("Switch Require encrypted connection on.")
    } else if has(&["no such user", "authentication failed", "auth failed", "wrong password"]) {
        wrong_password(role)
    } else if has(&["no such database"]) || has(&["does not exist"]) && has(&["database"]) {
        database_not_found(database)
            .fix("Use a name that the pooler in front of the database knows (PgBouncer: its section [databases]). Upper and lower case matter.")
    } else if has(&[
        "no more connections",
        "too many",
        "max client",
        "max clients",
        "unable to check out",
        "remaining connection slots",
    ]) {
        Problem::new(Code::TooManyConnections, "The pooler in front of the database has no free connection.").fix(
            "Try again later, or raise its limits (PgBouncer: max_client_conn, default_pool_size; Supabase: Pool Size in the \
             database settings).",
        )
    } else if has(&["query_wait_timeout"]) {
        Problem::new(
            Code::TooManyConnections,
            "The pooler in front of the database got no connection to it in time: all are in use, or it can't sign in there.",
        )
        .fix("Try again later. If it goes on, look into the pooler's log: it may not reach the database, or know none of this name.")
    } else if has(&[
        "cannot connect to server",
        "server login has been failing",
        "server_login_retry",
        "backend nodes are down",
    ]) || has(&[
        "connection to database not available",
        "couldn't connect to compute node",
        "failed to connect",
    ]) {
        Problem::new(
            Code::ConnectionRefused,
            "connection refused: the pooler answers, but does not reach the database behind it.",
        )
        .fix("Check that the database server runs, and that the pooler may reach it and signs in with the right password.")
    } else if has(&["shutting down", "is going down", "administrator command"]) {
        Problem::new(
            Code::ServerShuttingDown,
            "The pooler in front of the database is stopping. Nothing was changed.",
        )
        .fix("Try again in a moment.")
    } else if has(&["server conn crashed", "server closed", "connection reset", "terminating connection"]) {
        Problem::new(
            Code::ConnectionLost,
            "The pooler in front of the database lost its connection to it. Nothing was changed.",
        )
        .fix("Try again. If it keeps happening, look into the logs of the pooler and of the server for this moment.")
    } else if error.sqlstate == "28000" || has(&["not allowed", "login rejected", "pool_hba"]) {
        Problem::new(
            Code::ConnectionRejected,
            format!("The pooler in front of the database does not let {role} into {database}."),
        )
        .fix(format!(
            "If it has rules like pg_hba.conf (PgBouncer: auth_hba_file; Pgpool-II: pool_hba.conf), add this line there, above any \
             that rejects, and reload it.\n{}",
            hba_line(endpoint, None)
        ))
    } else {
        return None;
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mycorr_domain::{DatabaseName, Port, RoleName};

    /// What cannot be made to happen here, as its makers' sources and users quote it.
    #[test]
    fn providers() {
        let endpoint = Endpoint {
            host: "db.example.com".into(),
            port: Port::parse(5432).expect("a port"),
            database: DatabaseName::parse("shop").expect("a name"),
            username: RoleName::parse("reader").expect("a name"),
            encrypted: true,
        };
        for (sqlstate, message, code) in [
            ("XX000", "Tenant or user not found", Some(Code::AuthenticationFailed)),
            ("XX000", "(ENOTFOUND) tenant/user postgres.abc not found", Some(Code::AuthenticationFailed)),
            ("XX000", "Max client connections reached", Some(Code::TooManyConnections)),
            (
                "XX000",
                "MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size",
                Some(Code::TooManyConnections),
            ),
            ("08P01", "SSL connection is required", Some(Code::ConnectionRejected)),
            (
                "XX000",
                "Endpoint ID is not specified. Either please upgrade the postgres client library (libpq) for SNI support \
                 or pass the endpoint ID (first part of the domain name) as a parameter: '?options=endpoint%3D<endpoint-id>'.",
                Some(Code::ConnectionRejected),
            ),
            (
                "XX000",
                "The requested endpoint could not be found, or you don't have access to it.",
                Some(Code::ConnectionRejected),
            ),
            ("XX000", "connection is insecure (try using `sslmode=require`)", Some(Code::ConnectionRejected)),
            ("08P01", "no such user: reader", Some(Code::AuthenticationFailed)),
            ("08P01", "SASL authentication failed", Some(Code::AuthenticationFailed)),
            ("08P01", "no such database: shop", Some(Code::DatabaseNotFound)),
            // PgBouncer hands on what its server said, under its own code.
            ("08P01", "database \"shop\" does not exist", Some(Code::DatabaseNotFound)),
            ("08P01", "no more connections allowed (max_client_conn)", Some(Code::TooManyConnections)),
            ("08P01", "query_wait_timeout", Some(Code::TooManyConnections)),
            ("08P01", "pgbouncer cannot connect to server", Some(Code::ConnectionRefused)),
            (
                "08P01",
                "server login has been failing, try again later (server_login_retry)",
                Some(Code::ConnectionRefused),
            ),
            ("08P01", "server conn crashed?", Some(Code::ConnectionLost)),
            ("08P01", "something new", None),
            ("XX042", "no such user", None),
        ] {
            let mut error =
                ServerError { sqlstate: sqlstate.into(), message: message.into(), ..ServerError::default() };
            let problem = said(&error, &endpoint);
            assert_eq!(problem.as_ref().map(|problem| problem.code), code, "{message}");
            assert!(problem.is_none_or(|problem| problem.fix.is_some()), "{message}");
            // The same from PostgreSQL itself is its own.
            error.routine = Some("ProcessStartupPacket".into());
            assert_eq!(said(&error, &endpoint), None);
        }
    }
}

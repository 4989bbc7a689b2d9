//! What poolers and providers' proxies say in their own name, by the table in `words`.

use super::{
    hba::{address_in, hba_line},
    server::{database_not_found, password_expired, wrong_password},
    words::{self, Meaning},
};
use crate::wire::ServerError;
use mycorr_domain::{Code, Endpoint, Problem};

/// `None` for what PostgreSQL said, or would have said in the same way.
pub(super) fn said(error: &ServerError, endpoint: &Endpoint) -> Option<Problem> {
    let class = error.sqlstate.get(..2).unwrap_or_default();
    if error.routine.is_some() || !matches!(class, "08" | "28" | "53" | "57" | "58" | "XX") {
        return None;
    }
    let (database, role) = (endpoint.database.as_str(), endpoint.username.as_str());
    let meaning = match words::meaning(&error.message) {
        Some(meaning) => meaning,
        None if error.sqlstate == "28000" => Meaning::Rejected,
        None => return None,
    };
    Some(match meaning {
        Meaning::TenantNotFound => Problem::new(
            Code::AuthenticationFailed,
            format!("Tenant or user not found: the pooler knows no project to which the username {role} belongs."),
        )
        .fix(
            "At Supabase's pooler the username is the role, a dot and the project ref (postgres.abcdefghijklmnopqrst), and the \
             host is the one that the project's page shows under Connect: it is of one region, and its number counts. A project \
             that is paused is not found either.",
        )
        .field("username", "This has to end with a dot and the project ref."),
        Meaning::HostUnclear => Problem::new(
            Code::ConnectionRejected,
            "The provider's proxy could not tell from the host which database is meant.",
        )
        .fix("Use the host name that the provider shows, not an IP address, and leave Require encrypted connection on: the name is sent with the encryption.")
        .field("host", "This has to be the whole name that the provider shows."),
        Meaning::ProjectNotFound => Problem::new(
            Code::ConnectionRejected,
            "The provider's proxy does not find the project that the host names, or it is switched off.",
        )
        .fix("Compare the host with what the provider's page shows, and start the project there if it is paused.")
        .field("host", "The provider finds no project of this name, or it is paused."),
        Meaning::QuotaUsedUp => Problem::new(
            Code::QuotaExceeded,
            "The database's provider lets nobody in: the project has used up what its plan allows (compute time, transfer or storage).",
        )
        .fix("Raise the plan or its limits on the provider's page, or wait until the next billing period. Nothing can be done in the database itself."),
        Meaning::AddressNotAllowed => {
            let address = address_in(&error.message).map_or_else(String::new, |address| format!(" {address}"));
            Problem::new(
                Code::ConnectionRejected,
                format!("The database's provider takes connections from a list of addresses only, and Mycorr's address{address} is not on it."),
            )
            .fix(format!("Add Mycorr's address{address} to the list on the provider's page (Neon: IP Allow; Supabase: Network Restrictions; Azure and others: Firewall rules)."))
        }
        Meaning::EncryptedOnly => Problem::new(
            Code::ConnectionRejected,
            "The server, or the pooler in front of it, takes encrypted connections only.",
        )
        .fix("Switch Require encrypted connection on."),
        Meaning::Console => console(database),
        Meaning::Blocked => Problem::new(
            Code::TooManyConnections,
            "The pooler lets nobody into this project for a while: somebody signed in with wrong passwords too often.",
        )
        .fix("Wait some minutes, check the password, then try again."),
        Meaning::PasswordExpired => password_expired(role),
        Meaning::WrongPassword => wrong_password(role),
        Meaning::DatabaseNotFound => database_not_found(database)
            .fix("Use a name that the pooler in front of the database knows (PgBouncer: its section [databases]). Upper and lower case matter."),
        Meaning::NoServer => Problem::new(
            Code::PoolerHasNoServer,
            "The connection pooler answers, but got no connection to the database behind it: the server is down or refuses the pooler, or all connections are in use.",
        )
        .fix("Check that the database server runs, that the pooler may reach it and signs in with the right password, and that it has free connections; then try again."),
        Meaning::Full => Problem::new(Code::TooManyConnections, "The pooler in front of the database has no free connection.").fix(
            "Try again later, or raise its limits (PgBouncer: max_client_conn, default_pool_size; Supabase: Pool Size in the \
             database settings).",
        ),
        Meaning::Stopping => Problem::new(
            Code::ServerShuttingDown,
            "The pooler in front of the database is stopping. Nothing was changed.",
        )
        .fix("Try again in a moment."),
        Meaning::Lost => Problem::new(
            Code::ConnectionLost,
            "The pooler in front of the database lost its connection to it. Nothing was changed.",
        )
        .fix("Try again. If it keeps happening, the server behind the pooler restarts, crashes or closes connections: its administrator can tell which."),
        Meaning::Rejected => Problem::new(
            Code::ConnectionRejected,
            format!("The pooler in front of the database does not let {role} into {database}."),
        )
        .fix(format!(
            "If it has rules like pg_hba.conf (PgBouncer: auth_hba_file; Pgpool-II: pool_hba.conf), add this line there, above any \
             that rejects, and reload it.\n{}",
            hba_line(endpoint, None)
        )),
    })
}

/// A pooler's own database, which holds no tables.
pub(super) fn console(database: &str) -> Problem {
    Problem::new(
        Code::NotSupportedServer,
        format!(
            "The database {database} is the pooler's own admin console, not a database: it holds no tables."
        ),
    )
    .fix("Enter the name of a database that the pooler serves (PgBouncer: one of its section [databases]).")
    .field("database", "This is the pooler's admin console.")
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
            (
                "XX000",
                "Your account or project has exceeded the compute time quota. Upgrade your plan to increase limits.",
                Some(Code::QuotaExceeded),
            ),
            (
                "53300",
                "Your project has exceeded the data transfer quota. Upgrade your plan to increase limits.",
                Some(Code::QuotaExceeded),
            ),
            (
                "XX000",
                "This IP address 192.0.2.1 is not allowed to connect to this endpoint.",
                Some(Code::ConnectionRejected),
            ),
            (
                "XX000",
                "(EADDRNOTALLOWED) address not in tenant allow_list: {192, 0, 2, 1}",
                Some(Code::ConnectionRejected),
            ),
            (
                "XX000",
                "Failed to connect to database: {:error, :econnrefused}",
                Some(Code::PoolerHasNoServer),
            ),
            ("XX000", "(ECIRCUITBREAKER) too many authentication failures", Some(Code::TooManyConnections)),
            (
                "28000",
                "This RDS proxy has no credentials for the role reader. Check the credentials for this role and try again.",
                Some(Code::AuthenticationFailed),
            ),
            ("08P01", "Timed-out waiting to acquire database connection.", Some(Code::PoolerHasNoServer)),
            ("28P01", "The access token has expired.", Some(Code::PasswordExpired)),
            ("28P01", "password is expired", Some(Code::PasswordExpired)),
            (
                "08P01",
                "extended query protocol not supported by admin console",
                Some(Code::NotSupportedServer),
            ),
            ("08P01", "no such user: reader", Some(Code::AuthenticationFailed)),
            ("08P01", "SASL authentication failed", Some(Code::AuthenticationFailed)),
            ("08P01", "no such database: shop", Some(Code::DatabaseNotFound)),
            // PgBouncer hands on what its server said, under its own code.
            ("08P01", "database \"shop\" does not exist", Some(Code::DatabaseNotFound)),
            ("08P01", "no more connections allowed (max_client_conn)", Some(Code::TooManyConnections)),
            ("08P01", "query_wait_timeout", Some(Code::PoolerHasNoServer)),
            ("08P01", "pgbouncer cannot connect to server", Some(Code::PoolerHasNoServer)),
            (
                "08P01",
                "server login has been failing, try again later (server_login_retry)",
                Some(Code::PoolerHasNoServer),
            ),
            (
                "58000",
                "all backend nodes are down, pgpool requires at least one valid node",
                Some(Code::PoolerHasNoServer),
            ),
            ("08P01", "server conn crashed?", Some(Code::ConnectionLost)),
            ("08P01", "something new", None),
        ] {
            let mut error =
                ServerError { sqlstate: sqlstate.into(), message: message.into(), ..ServerError::default() };
            let problem = said(&error, &endpoint);
            assert_eq!(problem.as_ref().map(|problem| problem.code), code, "{message}");
            assert!(problem.as_ref().is_none_or(|problem| problem.fix.is_some()), "{message}");
            if message.contains("192") {
                assert!(problem.is_some_and(|problem| problem.detail.contains("192.0.2.1")), "{message}");
            }
            // The same from PostgreSQL itself is its own.
            error.routine = Some("ProcessStartupPacket".into());
            assert_eq!(said(&error, &endpoint), None);
        }
    }
}

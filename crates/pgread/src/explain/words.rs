//! The one place where failures are told apart by words. PostgreSQL names the function of its source that reports an
//! error; poolers and providers' proxies name none and put most of what they say under one SQLSTATE, and a few of
//! PostgreSQL's own differ in nothing else. Each row says where the words come from. They are never translated,
//! unless the row says so.

/// What somebody other than PostgreSQL means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    TenantNotFound,
    HostUnclear,
    ProjectNotFound,
    QuotaUsedUp,
    AddressNotAllowed,
    EncryptedOnly,
    Console,
    Blocked,
    PasswordExpired,
    WrongPassword,
    DatabaseNotFound,
    NoServer,
    Full,
    Stopping,
    Lost,
    Rejected,
}

use Meaning::{
    AddressNotAllowed, Blocked, Console, DatabaseNotFound, EncryptedOnly, Full, HostUnclear, Lost, NoServer,
    PasswordExpired, ProjectNotFound, QuotaUsedUp, Rejected, Stopping, TenantNotFound, WrongPassword,
};

/// Who says it (where that stands), the words in lower case (all of those between which an & stands), and what they
/// mean. The first that fits counts: what is particular comes before what is general.
const SAID: &[(&str, &str, Meaning)] = &[
    ("Supavisor, docs/errors and lib/supavisor/errors", "(eaddrnotallowed)", AddressNotAllowed),
    ("Supavisor", "not in tenant allow_list", AddressNotAllowed),
    ("Supavisor", "(ecircuitbreaker)", Blocked),
    ("Supavisor", "(echeckouttimeout)", Full),
    ("Supavisor", "(emaxconnsession)", Full),
    ("Supavisor", "{:error, :", NoServer),
    ("Supavisor", "(edbhandlerexited)", Lost),
    ("Supavisor", "tenant or user not found", TenantNotFound),
    ("Supavisor", "tenant/user", TenantNotFound),
    ("Supavisor", "no tenant", TenantNotFound),
    ("Neon, proxy/src/auth/mod.rs", "endpoint id is not specified", HostUnclear),
    ("Neon, before 2023", "project id is not specified", HostUnclear),
    ("Neon, proxy/src/auth/credentials.rs", "inconsistent project name", HostUnclear),
    ("CockroachDB Cloud, pkg/ccl/sqlproxyccl", "missing cluster identifier", HostUnclear),
    ("Neon, proxy/src/control_plane/errors.rs", "compute time quota", QuotaUsedUp),
    ("Neon, proxy/src/control_plane/errors.rs", "data transfer quota", QuotaUsedUp),
    ("Neon, Xata, Prisma Postgres", "quota", QuotaUsedUp),
    ("Prisma Postgres, documentation, error messages", "planlimitreached", QuotaUsedUp),
    ("Supabase, Neon: plans", "upgrade your plan", QuotaUsedUp),
    ("Neon, proxy/src/auth/mod.rs", "not allowed to connect to this endpoint", AddressNotAllowed),
    ("Azure, single server, firewall rules", "client with ip address", AddressNotAllowed),
    ("CockroachDB Cloud, IP allowlist", "not in the allowlist", AddressNotAllowed),
    ("CockroachDB Cloud, pkg/ccl/sqlproxyccl", "connection refused by the ip allowlist", AddressNotAllowed),
    ("Neon, proxy/src/control_plane", "endpoint could not be found", ProjectNotFound),
    ("Neon, proxy/src/control_plane", "endpoint is disabled", ProjectNotFound),
    ("Neon, proxy/src/control_plane", "project not found", ProjectNotFound),
    ("Supabase", "project is paused", ProjectNotFound),
    ("Neon, proxy/src/proxy/handshake.rs", "connection is insecure", EncryptedOnly),
    ("PgBouncer, src/client.c", "ssl required", EncryptedOnly),
    ("Supavisor; Azure, single server", "ssl connection is required", EncryptedOnly),
    ("Amazon RDS Proxy, troubleshooting", "requires tls connections", EncryptedOnly),
    ("Neon", "sslmode=require", EncryptedOnly),
    ("PgBouncer, src/admin.c", "admin console", Console),
    ("PgBouncer, src/admin.c", "console", Console),
    ("Azure, Microsoft Entra authentication", "token has expired", PasswordExpired),
    ("CockroachDB, pkg/sql/pgwire/auth_methods.go", "password is expired", PasswordExpired),
    ("EDB Postgres Advanced Server, profiles", "password has expired", PasswordExpired),
    ("PgBouncer, src/client.c", "no such user", WrongPassword),
    ("PgBouncer, Pgpool-II, Odyssey", "authentication failed", WrongPassword),
    ("PgBouncer, src/client.c", "auth failed", WrongPassword),
    ("Supavisor", "wrong password", WrongPassword),
    ("Amazon RDS Proxy, troubleshooting", "has no credentials for the role", WrongPassword),
    ("Amazon RDS Proxy, troubleshooting", "password that was provided for the role", WrongPassword),
    ("PgBouncer, src/client.c", "no such database", DatabaseNotFound),
    ("PgBouncer handing on PostgreSQL's", "database & does not exist", DatabaseNotFound),
    ("PgBouncer, src/objects.c", "query_wait_timeout", NoServer),
    ("PgBouncer, src/objects.c", "cannot connect to server", NoServer),
    ("PgBouncer, src/objects.c", "server login has been failing", NoServer),
    ("PgBouncer, src/objects.c", "server_login_retry", NoServer),
    ("PgBouncer, src/janitor.c", "(server down)", NoServer),
    ("PgBouncer, src/objects.c", "server login failed", NoServer),
    ("Pgpool-II, src/protocol/child.c", "backend nodes are down", NoServer),
    ("Supavisor", "connection to database not available", NoServer),
    ("Neon, proxy/src/compute.rs", "couldn't connect to compute node", NoServer),
    ("Odyssey, sources/frontend.c", "failed to connect", NoServer),
    ("PgCat, src/errors.rs", "allserversdown", NoServer),
    ("PgCat, src/client.rs", "could not get connection from the pool", NoServer),
    ("Amazon RDS Proxy, troubleshooting", "timed-out waiting to acquire database connection", NoServer),
    ("PgBouncer, src/client.c", "no more connections", Full),
    ("Neon, PgBouncer, Odyssey", "too many", Full),
    ("Supavisor", "max client", Full),
    ("Supavisor", "unable to check out", Full),
    ("PostgreSQL, handed on", "remaining connection slots", Full),
    ("PgBouncer, Supavisor, Pgpool-II", "shutting down", Stopping),
    ("Pgpool-II, src/protocol/child.c", "is going down", Stopping),
    ("Pgpool-II, Supavisor", "administrator command", Stopping),
    ("PgBouncer, src/server.c", "server conn crashed", Lost),
    ("PgBouncer, src/server.c", "server closed", Lost),
    ("Odyssey", "connection reset", Lost),
    ("Pgpool-II", "terminating connection", Lost),
    ("PgBouncer, src/client.c; Pgpool-II", "not allowed", Rejected),
    ("PgBouncer, src/client.c", "login rejected", Rejected),
    ("Pgpool-II, src/auth/pool_hba.c", "pool_hba", Rejected),
];

pub(super) fn meaning(message: &str) -> Option<Meaning> {
    let text = message.to_lowercase();
    SAID.iter().find(|row| row.1.split(" & ").all(|words| text.contains(words))).map(|row| row.2)
}

/// PostgreSQL, `postmaster.c` (from 18 on `backend_startup.c`): "Hot standby mode is disabled." in its translations. Of
/// the other reasons to let nobody in none names hot standby, but one that comes with a hint.
const HOT_STANDBY: &[&str] =
    &["hot standby", "hot-standby", "ホットスタンバイ", "горячего резерва", "standby a caldo", "热备"];

pub(super) fn names_hot_standby(detail: &str) -> bool {
    let text = detail.to_lowercase();
    HOT_STANDBY.iter().any(|words| text.contains(words))
}

/// libpq, `fe-connect.c`, and the system's names for errors, as postgres_fdw and dblink hand them on: why a foreign
/// server cannot be reached or does not let the other one in.
const UNREACHED: &[(&str, &str)] = &[
    ("password authentication failed", "it refused the username or the password of the user mapping"),
    ("no password supplied", "it asks for a password, and the user mapping has none"),
    ("no pg_hba.conf entry", "its pg_hba.conf does not let this server in"),
    ("pg_hba.conf rejects", "its pg_hba.conf turns this server away"),
    ("role \"", "it has no such role as the user mapping names, or that may not sign in"),
    ("database \"", "it has no such database"),
    ("too many clients", "it has no free connection"),
    ("remaining connection slots", "it has no free connection"),
    ("starting up", "it is starting"),
    ("shutting down", "it is stopping"),
    ("certificate", "its certificate was not accepted"),
    ("ssl", "the two could not agree on encryption"),
    ("connection refused", "nothing listens there"),
    ("could not translate host name", "its host name is not known there"),
    ("timeout expired", "it did not answer in time"),
    ("timed out", "it did not answer in time"),
    ("no route to host", "there is no way to it"),
    ("network is unreachable", "there is no way to it"),
    ("server closed the connection", "it closed the connection"),
];

pub(super) fn unreached(detail: &str) -> Option<&'static str> {
    let text = detail.to_lowercase();
    UNREACHED.iter().find(|(words, _)| text.contains(words)).map(|row| row.1)
}

/// Who says of itself that it is not PostgreSQL: a parameter that only it reports (ParameterStatus), or a word in its
/// version.
const PRODUCTS: &[(&str, &str)] = &[
    ("crdb_version", "CockroachDB"),
    ("cockroach", "CockroachDB"),
    ("padb_version", "Amazon Redshift"),
    ("padb_revision", "Amazon Redshift"),
    ("redshift", "Amazon Redshift"),
    ("mz_version", "Materialize"),
    ("materialize", "Materialize"),
    ("crate_version", "CrateDB"),
    ("crate", "CrateDB"),
    ("risingwave", "RisingWave"),
    ("questdb", "QuestDB"),
    ("duckdb", "DuckDB"),
    ("clickhouse", "ClickHouse"),
    ("greenplum", "Greenplum"),
    ("bouncer", "PgBouncer"),
];

/// The product that a parameter's name, or a version, names.
pub(crate) fn product(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    PRODUCTS.iter().find(|(words, _)| text.contains(words)).map(|row| row.1)
}

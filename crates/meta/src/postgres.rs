//! PostgreSQL as the metadata's database, for several processes on any number of machines. All that it needs beyond
//! SQLite is here, apart from the clock (`Meta::clock`).

use crate::{Code, Problem, pool::ACQUIRE_TIMEOUT, pool::MAX_CONNECTIONS};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr,
    SqlxPostgresConnector, TransactionTrait,
    sqlx::{
        self, ConnectOptions, Executor,
        postgres::{PgConnectOptions, PgDatabaseError, PgPoolOptions, PgSslMode},
    },
};
use std::time::Duration;

/// The lock that every transaction takes before it writes: an arbitrary number, the same in every version.
const WRITE_LOCK: i64 = 0x4d79_636f_7272_0001;
/// The same for a change of the schema.
const SCHEMA_LOCK: i64 = 0x4d79_636f_7272_0002;

/// Between two statements of a transaction that writes; shorter than others wait for it.
const MAX_SILENCE: Duration = Duration::from_secs(5);

/// Whether a URL names PostgreSQL.
pub(crate) fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// Connects as libpq would, except that a server on another machine is verified unless the URL says otherwise.
/// The pool is made here, since sea-orm's own way writes the URL, password included, into its trace.
pub(crate) async fn connect(url: &str) -> Result<DatabaseConnection, DbErr> {
    // Fails where the process has one, which does as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let failed = |error| DbErr::Conn(RuntimeErr::SqlxError(std::sync::Arc::new(error)));
    let mut options: PgConnectOptions = url.parse().map_err(failed)?;
    let chosen =
        url.contains("sslmode=") || url.contains("ssl-mode=") || std::env::var_os("PGSSLMODE").is_some();
    if !chosen && !is_local(&options) {
        options = options.ssl_mode(PgSslMode::VerifyFull);
    }
    if options.get_application_name().is_none() {
        options = options.application_name("mycorr");
    }
    let pool = PgPoolOptions::new()
        .max_connections(MAX_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(|connection, _| {
            Box::pin(async move {
                // Whatever the database's own default is.
                connection
                    .execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED")
                    .await?;
                Ok(())
            })
        })
        .connect_with(options.disable_statement_logging())
        .await
        .map_err(failed)?;
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
}

/// On this machine, by a socket or the loopback interface.
fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || address.is_ok_and(|address| address.is_loopback())
}

/// Makes a transaction the only one that writes, as SQLite does: what it has read cannot change before it commits.
/// READ COMMITTED shows each of its statements what was committed before. A process that stops in the middle holds
/// the others up for [`MAX_SILENCE`] and is then rolled back by the server. The settings end with the transaction,
/// so a pooler in transaction mode may stand in between.
pub(crate) async fn lock_writes(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    let settings = format!(
        "SELECT set_config('lock_timeout', '{}', true), set_config('idle_in_transaction_session_timeout', '{}', true)",
        ACQUIRE_TIMEOUT.as_millis(),
        MAX_SILENCE.as_millis()
    );
    transaction.execute_unprepared(&settings).await?;
    transaction.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({WRITE_LOCK})")).await?;
    Ok(())
}

/// Held while one process changes the schema; others that start wait for it.
pub(crate) async fn lock_schema(on: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let transaction = on.begin().await?;
    transaction.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({SCHEMA_LOCK})")).await?;
    Ok(transaction)
}

/// How often, and how long apart, the idle sessions of all nodes are ended when the schema has changed.
const RENEWALS: usize = 3;
const RENEWAL_INTERVAL: Duration = Duration::from_millis(300);

/// Ends the sessions of this database's nodes that do nothing: a session keeps the plans of its statements, and refuses
/// one whose columns have changed since ("cached plan must not change result type"), as those of earlier releases do that
/// ask for `jobs.*`. The pools look at a connection before they use it, and open another.
pub(crate) async fn renew_sessions(on: &DatabaseConnection) -> Result<(), DbErr> {
    if on.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    for round in 0..RENEWALS {
        if round > 0 {
            // Those that were busy.
            tokio::time::sleep(RENEWAL_INTERVAL).await;
        }
        on.execute_unprepared(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
             AND usename = current_user AND pid <> pg_backend_pid() AND state = 'idle'",
        )
        .await?;
    }
    Ok(())
}

/// What an error of PostgreSQL, or of the way to it, means; `None` for a bug of ours and for SQLite's errors.
pub(crate) fn problem(error: &DbErr) -> Option<Problem> {
    let (DbErr::Conn(RuntimeErr::SqlxError(sqlx))
    | DbErr::Exec(RuntimeErr::SqlxError(sqlx))
    | DbErr::Query(RuntimeErr::SqlxError(sqlx))) = error
    else {
        return None;
    };
    let code = match &**sqlx {
        sqlx::Error::Database(error) => error.try_downcast_ref::<PgDatabaseError>()?.code(),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
            "08006"
        }
        _ => return None,
    };
    // https://www.postgresql.org/docs/current/errcodes-appendix.html
    match code {
        "53100" => Some(crate::storage_full()),
        "42501" => Some(
            Problem::new(
                Code::StorageUnavailable,
                "The role in MYCORR_DATABASE_URL may not do that in its database.",
            )
            .fix("Make it the owner of the database: ALTER DATABASE … OWNER TO …"),
        ),
        // A standby, a lock that was not given, a deadlock, a statement or transaction that the server ended.
        "25006" | "25P03" | "40001" | "40P01" | "55P03" | "57014" => Some(crate::unavailable()),
        // Connection, authorisation, resources, an operator's intervention, the system.
        _ if ["08", "28", "3D", "53", "57", "58"].contains(&&code[..2]) => Some(crate::unavailable()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::Meta;
    use mycorr_testkit::Cluster;

    /// Such as one whose process was stopped, or whose machine is gone.
    #[tokio::test]
    async fn transaction_that_says_nothing_more_holds_others_up_for_a_while_only() {
        let url = Cluster::shared().metadata_url("silent");
        let (silent, other) = (Meta::open(&url).await.unwrap(), Meta::open(&url).await.unwrap());
        let transaction = silent.write().await.unwrap();
        other.check_writable().await.unwrap();
        assert!(transaction.commit().await.is_err(), "it was rolled back");
        silent.check_writable().await.unwrap();
    }
}

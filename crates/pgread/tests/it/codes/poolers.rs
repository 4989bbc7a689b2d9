//! What poolers say in their own name.

use super::{
    Table,
    connecting::{port, with},
    connects, refused,
};
use crate::support::{dialer, target_at, unsaved};
use mycorr_domain::{Code, DatabaseName, RoleName, Secret};
use mycorr_pgread::Client;
use mycorr_testkit::{Cluster, Database, Options, PgBouncer, Pgpool, PoolMode};
use std::{fs, os::unix::fs::PermissionsExt};

pub(super) async fn rows(table: &mut Table) {
    let cluster = Cluster::start(&Options::default());
    let database = Database::create(&cluster);
    let pooler = PgBouncer::start(&cluster, PoolMode::Transaction, &[("max_client_conn", "2")]);
    let good = target_at(&cluster, &database, pooler.port());
    connects(&good).await;
    let wrong = with(&good, |t| t.password = Secret::new("wrong".into()));
    let nobody = with(&good, |t| t.endpoint.username = RoleName::parse("nobody").unwrap());
    let nothing = with(&good, |t| t.endpoint.database = DatabaseName::parse("Nothing").unwrap());
    let failed = "password authentication failed";
    table.row("PgBouncer, password", &refused(&wrong).await, Code::AuthenticationFailed, &[failed]);
    table.row("PgBouncer, role", &refused(&nobody).await, Code::AuthenticationFailed, &[failed]);
    // Where it has to ask the server for the password first, and that has no such database, it says nothing at all.
    let users = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o644)).tempfile().unwrap();
    fs::write(users.path(), format!("\"{}\" \"{}\"\n", database.role, database.password)).unwrap();
    let users = users.path().display().to_string();
    let knowing = PgBouncer::start(&cluster, PoolMode::Session, &[("auth_file", &users)]);
    let problem = refused(&with(&nothing, |t| t.endpoint.port = port(knowing.port()))).await;
    let words = "database \"Nothing\" does not exist";
    table.row("PgBouncer, database", &problem, Code::DatabaseNotFound, &[words]);
    let console = PgBouncer::start(
        &cluster,
        PoolMode::Session,
        &[("auth_file", &users), ("admin_users", &database.role)],
    );
    let console = with(&target_at(&cluster, &database, console.port()), |t| {
        t.endpoint.database = DatabaseName::parse("pgbouncer").unwrap();
    });
    let words = ["admin console"];
    table.row("PgBouncer, console", &refused(&console).await, Code::NotSupportedServer, &words);
    let report = mycorr_pgread::test(&dialer(), &console, unsaved(), &mut |_| {}).await;
    assert_eq!(report.problem.unwrap().fields[0].field, "database");

    let mut open = Vec::new();
    let problem = loop {
        match Client::connect(&dialer(), &good, unsaved()).await {
            Ok(client) => open.push(client),
            Err(problem) => break problem,
        }
    };
    table.row("PgBouncer, full", &problem, Code::TooManyConnections, &["pooler"]);
    drop(open);

    let strict = PgBouncer::start(&cluster, PoolMode::Session, &[("client_tls_sslmode", "require")]);
    let clear = with(&target_at(&cluster, &database, strict.port()), |t| t.endpoint.encrypted = false);
    let problem = refused(&clear).await;
    table.row("PgBouncer, in clear", &problem, Code::ConnectionRejected, &["encrypted connections only"]);
    connects(&with(&clear, |t| t.endpoint.encrypted = true)).await;

    let pgpool = Pgpool::start(&[&cluster]);
    let through = target_at(&cluster, &database, pgpool.port());
    connects(&through).await;
    let wrong = with(&through, |t| t.password = Secret::new("wrong".into()));
    table.row("Pgpool-II, password", &refused(&wrong).await, Code::AuthenticationFailed, &[failed]);

    // A pooler that is there, and its server is not.
    let short = PgBouncer::start(&cluster, PoolMode::Transaction, &[("query_wait_timeout", "1")]);
    cluster.stop("immediate");
    let problem = refused(&target_at(&cluster, &database, short.port())).await;
    table.row("PgBouncer, no server", &problem, Code::PoolerHasNoServer, &["pooler"]);
    cluster.start_again();
}

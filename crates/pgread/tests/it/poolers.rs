//! Poolers in between: the whole journey through them, and nothing that stays behind.

use crate::{
    statements::{fill, is_select, journey},
    support::{dialer, target, target_at, unsaved},
    types,
};
use mycorr_pgread::test;
use mycorr_testkit::{Cluster, Database, PgBouncer, Pgpool, PoolMode, Server};

/// Several at once over few connections, and twice, so that connections are used again.
async fn crowd(database: &Database<'_>, port: u16) {
    for _ in 0..2 {
        tokio::join!(journey(database, port), journey(database, port), journey(database, port));
    }
}

/// Nothing but our own SELECTs, and what begins as the pooler's own statements do: `DISCARD ALL` cleans up between
/// clients, which is its operator's choice; Pgpool-II asks the catalogue what the functions of a statement do.
fn heard_only_select(database: &Database<'_>, poolers: &[&str]) {
    let heard = database.log_statements();
    assert!(heard.len() > 30);
    for statement in &heard {
        let pooler_speaks = poolers.iter().any(|own| statement.text.starts_with(own));
        assert!(is_select(&statement.text) || pooler_speaks, "{}", statement.text);
    }
}

#[tokio::test]
async fn pgbouncer_in_either_mode_works_and_keeps_nothing() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let report = test(&dialer(), &target(cluster, &database), unsaved(), &mut |_| {}).await;
    assert_eq!(report.server.unwrap().pooler, None);
    for mode in [PoolMode::Transaction, PoolMode::Session] {
        for pooler in PgBouncer::kinds(cluster, mode) {
            let database = Database::create(cluster);
            fill(&database);
            let report =
                test(&dialer(), &target_at(cluster, &database, pooler.port()), unsaved(), &mut |_| {}).await;
            let seen = report.server.and_then(|server| server.pooler).unwrap_or_default();
            let name = if mode == PoolMode::Transaction { "transaction" } else { "session" };
            assert_eq!(seen, format!("a connection pooler in {name} mode"));
            crowd(&database, pooler.port()).await;
            let cleans: &[&str] = if mode == PoolMode::Session { &["DISCARD ALL"] } else { &[] };
            heard_only_select(&database, cleans);
            types::make(&database, Server::distribution().major());
            types::compare(&database, "every_type", pooler.port()).await;
        }
    }
}

#[tokio::test]
async fn pgpool_works_and_keeps_nothing() {
    let cluster = Cluster::shared();
    let pooler = Pgpool::start(&[cluster]);
    let database = Database::create(cluster);
    fill(&database);
    crowd(&database, pooler.port()).await;
    heard_only_select(&database, &["DISCARD ALL", "SELECT "]);
    types::make(&database, Server::distribution().major());
    types::compare(&database, "every_type", pooler.port()).await;
}

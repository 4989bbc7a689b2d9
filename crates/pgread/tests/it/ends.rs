//! Whatever ends a read, the server does not work on it afterwards; and slow is not dead.

use crate::support::{begin, begun, connect, dialer, target, target_at, unsaved};
use async_trait::async_trait;
use mycorr_domain::{Code, Problem, Result, StatementId};
use mycorr_pgread::{Client, Ending, Journal, MemoryJournal, Outgoing, Scan, ScanLimits, Stop};
use mycorr_testkit::{Cluster, Database, PgBouncer, PoolMode};
use std::{process::Command, sync::Arc, time::Duration};

/// A row that fills the server's buffer, so that it is sent, and then nothing for an hour.
fn fill(database: &Database<'_>) {
    database.sql(
        "CREATE VIEW public.slow AS SELECT repeat('x', 10000) AS t, pg_sleep(n)::text AS p FROM generate_series(0, 3600, 3600) n; \
         CREATE VIEW public.large AS SELECT repeat('x', 200000) AS t, pg_sleep(n)::text AS p FROM generate_series(0, 3600, 3600) n",
    );
}

async fn slow(database: &Database<'_>, journal: &Arc<MemoryJournal>, limits: ScanLimits) -> Scan {
    let target = target(database.cluster, database);
    let mut client = Client::connect(&dialer(), &target, journal.clone()).await.unwrap();
    let description = client.describe("public", "slow").await.unwrap();
    begin(client, &description, limits).await
}

/// How many statements of the role the server works on.
fn active(database: &Database<'_>) -> String {
    let role = &database.role;
    database
        .sql(&format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}' AND state = 'active'"))
}

async fn wait_until_active(database: &Database<'_>, count: &str) {
    let question = format!(
        "SELECT count(*) = {count} FROM pg_stat_activity WHERE usename = '{}' AND wait_event = 'PgSleep'",
        database.role
    );
    while database.cluster.sql_async("postgres", &question).await != "t" {}
}

fn cancelled_by_request(database: &Database<'_>) -> bool {
    let log = database.cluster.log();
    let mut lines = log.lines().filter(|line| line.contains(&database.role));
    lines.any(|line| line.contains("canceling statement due to user request"))
}

fn last_outcome(journal: &MemoryJournal) -> String {
    journal.take().pop().unwrap().outcome
}

#[tokio::test]
async fn closing_stops_the_query_and_waits_for_the_servers_word() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    fill(&database);
    let journal = Arc::new(MemoryJournal::default());
    let scan = slow(&database, &journal, ScanLimits::default()).await;
    wait_until_active(&database, "1").await;
    assert_eq!(scan.close().await, Stop::Over);
    assert_eq!(active(&database), "0");
    assert!(cancelled_by_request(&database));
    assert_eq!(last_outcome(&journal), "cancelled");
}

#[tokio::test]
async fn dropped_reads_and_catalogue_queries_are_stopped() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    fill(&database);
    let journal = Arc::new(MemoryJournal::default());
    let mut scan = slow(&database, &journal, ScanLimits::default()).await;
    let reading = tokio::spawn(async move { scan.next().await.map(|batch| batch.is_some()) });
    let mut client = Client::connect(&dialer(), &target(cluster, &database), journal.clone()).await.unwrap();
    let description = client.describe("public", "slow").await.unwrap();
    let preview = tokio::spawn(async move { client.preview(&description, 50).await.map(drop) });
    wait_until_active(&database, "2").await;
    reading.abort();
    preview.abort();
    wait_until_active(&database, "0").await;
    assert!(cancelled_by_request(&database));
    let outcomes = loop {
        let outcomes: Vec<_> = journal.statements().into_iter().map(|entry| entry.outcome).collect();
        if !outcomes.iter().any(|outcome| outcome == mycorr_pgread::RUNNING) {
            break outcomes;
        }
        // The entries are completed by a task in the background, once the server was told.
        tokio::task::yield_now().await;
    };
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "cancelled").count(), 2, "{outcomes:?}");
}

#[tokio::test]
async fn limits_of_ours_end_the_query_at_the_server() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    fill(&database);
    let journal = Arc::new(MemoryJournal::default());
    let limits = ScanLimits { idle: Some(Duration::from_millis(300)), ..ScanLimits::default() };
    let mut scan = slow(&database, &journal, limits).await;
    let problem = scan.next().await.unwrap_err();
    assert_eq!(problem.code, Code::ConnectionTimeout);
    assert!(problem.fix.as_deref().unwrap().contains("MYCORR_IDLE_TIMEOUT"), "{problem}");
    assert_eq!(active(&database), "0");
    assert_eq!(last_outcome(&journal), "connection_timeout");
    scan.close().await;

    let mut client = connect(cluster, &database).await;
    let description = client.describe("public", "large").await.unwrap();
    let limits = ScanLimits { row: 100_000, ..ScanLimits::default() };
    let mut scan = begun(client, &description, None, limits).await.unwrap();
    assert_eq!(scan.next().await.unwrap_err().code, Code::RowTooLarge);
    assert_eq!(active(&database), "0");
}

#[tokio::test]
async fn a_process_that_does_not_answer_is_said_to_run_on() {
    // A cluster of its own: others would wait for a process that is stopped.
    let cluster = Cluster::start(&Default::default());
    let database = Database::create(&cluster);
    fill(&database);
    let journal = Arc::new(MemoryJournal::default());
    let limits = ScanLimits { idle: Some(Duration::from_millis(300)), ..ScanLimits::default() };
    let mut scan = slow(&database, &journal, limits).await;
    let process = scan.backend().unwrap().process_id.to_string();
    let signal =
        |name: &str| assert!(Command::new("kill").args([name, &process]).status().unwrap().success());
    signal("-STOP");
    let problem = scan.next().await.unwrap_err();
    signal("-CONT");
    assert!(problem.detail.contains("may still be running"), "{problem}");
    assert_eq!(last_outcome(&journal), "not_stopped");
}

/// Silence, however long, is not an end: the server is asked whether it still has the process.
#[tokio::test]
async fn a_silent_backend_is_found_alive_and_a_gone_one_gone() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(
        "CREATE FUNCTION public.nap(n int) RETURNS int LANGUAGE plpgsql STABLE AS \
           $$BEGIN IF n = 3000 THEN PERFORM pg_advisory_xact_lock_shared(51); END IF; RETURN n; END$$; \
         CREATE VIEW public.gap AS SELECT public.nap(n) AS n, repeat('x', 20) AS pad FROM generate_series(1, 5000) n; \
         CREATE TABLE public.t AS SELECT 1 AS one",
    );
    let name = database.name.clone();
    let holder = tokio::spawn(async move {
        let lock = "SET application_name = 'holder'; SELECT pg_advisory_lock(51); SELECT pg_sleep(3600)";
        let _ = tokio::spawn(async move { Cluster::shared().sql_async(&name, lock).await }).await;
    });
    let held = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted)";
    while cluster.sql_async(&database.name, held).await != "t" {}

    let mut client = connect(cluster, &database).await;
    let description = client.describe("public", "gap").await.unwrap();
    let mut scan = begin(client, &description, ScanLimits::default()).await;
    let backend = scan.backend().unwrap();
    let waits = "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name LIKE 'mycorr-%'";
    while cluster.sql_async(&database.name, waits).await != "t" {}
    let mut second = connect(cluster, &database).await;
    assert_eq!(second.has_backend(backend).await.unwrap(), Some(true));
    cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder'");
    holder.await.unwrap();
    while scan.next().await.unwrap().is_some() {}
    assert_eq!(scan.rows(), 5000);
    scan.close().await;
    let gone = format!("SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = {}", backend.process_id);
    while cluster.sql_async("postgres", &gone).await != "t" {}
    assert_eq!(second.has_backend(backend).await.unwrap(), Some(false));
    second.close().await;

    // Another server says nothing, and behind a pooler the process is not known.
    let other = Cluster::start(&Default::default());
    let elsewhere = Database::create(&other);
    assert_eq!(connect(&other, &elsewhere).await.has_backend(backend).await.unwrap(), None);
    let Some(pooler) = PgBouncer::kinds(cluster, PoolMode::Transaction).into_iter().next() else { return };
    let target = target_at(cluster, &database, pooler.port());
    let mut client = Client::connect(&dialer(), &target, unsaved()).await.unwrap();
    let description = client.describe("public", "t").await.unwrap();
    let scan = begin(client, &description, ScanLimits::default()).await;
    assert_eq!(scan.backend(), None);
    scan.close().await;
}

struct FullJournal;

#[async_trait]
impl Journal for FullJournal {
    async fn sent(&self, _: Vec<Outgoing>) -> Result<Vec<StatementId>> {
        Err(Problem::new(Code::StorageFull, "The disk is full."))
    }
    async fn ended(&self, _: Vec<(StatementId, Ending)>) {
        panic!("nothing was sent");
    }
}

#[tokio::test]
async fn what_the_journal_does_not_take_is_not_sent() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let target = target(cluster, &database);
    let mut client = Client::connect(&dialer(), &target, Arc::new(FullJournal)).await.unwrap();
    assert_eq!(client.schemas(None, 1000).await.unwrap_err().code, Code::StorageFull);
    client.close().await;
    assert!(database.received_statements().is_empty());
}

//! What the server hears: SELECT and nothing else, and the ledger knows all of it.

use crate::support::{begin, dialer, read, target, target_at};
use mycorr_pgread::{Client, ScanLimits, StepName, sql, test};
use mycorr_testkit::{Cluster, Database, PgBouncer, PoolMode};

async fn journey(cluster: &Cluster, database: &Database<'_>, port: u16) -> Vec<mycorr_pgread::Statement> {
    let target = target_at(cluster, database, port);
    let report = test(&dialer(), &target, &mut |_| {}).await;
    assert!(report.ok(), "{:?}", report.problem);
    assert_eq!(report.steps.iter().map(|step| step.step).collect::<Vec<_>>(), StepName::ALL);
    let mut ledger = report.statements;

    let mut client = Client::connect(&dialer(), &target).await.unwrap();
    client.schemas().await.unwrap();
    client.tables("public", None, None, 100).await.unwrap();
    let description = client.describe("public", "orders").await.unwrap();
    client.preview(&description, 50).await.unwrap();
    let mut scan = begin(client, &description, ScanLimits::default()).await;
    while scan.next().await.unwrap().is_some() {}
    assert_eq!(scan.rows(), 5000);
    ledger.extend(scan.close().await);
    ledger
}

fn fill(database: &Database<'_>) {
    database.sql(
        "CREATE TABLE public.orders AS SELECT n AS id, n * 1.5 AS price, now() AS at FROM generate_series(1, 5000) n; \
         CREATE TABLE public.log (id int)",
    );
}

#[tokio::test]
async fn only_select_is_heard_and_the_ledger_agrees() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    fill(&database);
    let ledger = journey(cluster, &database, cluster.port()).await;
    let heard = database.log_statements();
    assert!(
        heard
            .iter()
            .all(|statement| statement.text.starts_with("SELECT") || statement.text == sql::DESCRIBE.text),
        "{heard:?}"
    );
    let heard: Vec<&str> = heard.iter().map(|statement| statement.text.as_str()).collect();
    let entered: Vec<&str> = ledger.iter().map(|statement| statement.statement.as_str()).collect();
    assert_eq!(entered, heard);
    assert!(ledger.iter().all(|statement| statement.outcome == "ok"), "{ledger:?}");
}

#[tokio::test]
async fn poolers_in_either_mode_work_and_keep_nothing() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let report = test(&dialer(), &target(cluster, &database), &mut |_| {}).await;
    assert_eq!(report.server.unwrap().pooler, None);
    for mode in [PoolMode::Transaction, PoolMode::Session] {
        let pooler = PgBouncer::start(cluster, mode, &[]);
        let database = Database::create(cluster);
        fill(&database);
        let report = test(&dialer(), &target_at(cluster, &database, pooler.port()), &mut |_| {}).await;
        let seen = report.server.and_then(|server| server.pooler).unwrap_or_default();
        let name = if mode == PoolMode::Transaction { "transaction" } else { "session" };
        assert_eq!(seen, format!("a connection pooler in {name} mode"));
        // Several at once over few connections, and twice, so that connections are used again.
        for _ in 0..2 {
            tokio::join!(
                journey(cluster, &database, pooler.port()),
                journey(cluster, &database, pooler.port()),
                journey(cluster, &database, pooler.port())
            );
        }
        let heard = database.log_statements();
        assert!(heard.len() > 30);
        for statement in &heard {
            // In session mode PgBouncer itself cleans up between clients; that is its operator's choice.
            let pooler_speaks = mode == PoolMode::Session && statement.text == "DISCARD ALL";
            let selects = statement.text.starts_with("SELECT") || statement.text == sql::DESCRIBE.text;
            assert!(selects || pooler_speaks, "{}", statement.text);
        }
    }
}

#[tokio::test]
async fn nothing_that_is_read_can_write() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    fill(&database);
    database.sql(
        "CREATE FUNCTION public.sneak() RETURNS int LANGUAGE sql VOLATILE SECURITY DEFINER AS 'INSERT INTO public.log VALUES (1) RETURNING id'; \
         CREATE VIEW public.sneaky AS SELECT public.sneak() AS one",
    );
    let client = Client::connect(&dialer(), &target(cluster, &database)).await.unwrap();
    let problem = read(client, "public", "sneaky").await.unwrap_err();
    assert_eq!(problem.code.as_str(), "write_refused");
    assert_eq!(database.sql("SELECT count(*) FROM public.log").trim(), "0");
}

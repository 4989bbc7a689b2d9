//! What the server hears: SELECT and nothing else, and the ledger knows all of it.

use crate::support::{begin, dialer, read, target, target_at, unsaved};
use mycorr_pgread::{Client, MemoryJournal, ScanLimits, Statement, StepName, sql, test};
use mycorr_testkit::{Cluster, Database};
use std::sync::Arc;

/// From the test of a connection on `port`, which leads to the database, to a table read in full; the ledger.
pub(crate) async fn journey(database: &Database<'_>, port: u16) -> Vec<Statement> {
    let cluster = database.cluster;
    let target = target_at(cluster, database, port);
    let journal = Arc::new(MemoryJournal::default());
    let report = test(&dialer(), &target, journal.clone(), &mut |_| {}).await;
    assert!(report.ok(), "{:?}", report.problem);
    assert_eq!(report.steps.iter().map(|step| step.step).collect::<Vec<_>>(), StepName::ALL);

    let mut client = Client::connect(&dialer(), &target, journal.clone()).await.unwrap();
    client.schemas(None, 1000).await.unwrap();
    client.tables("public", None, None, 100).await.unwrap();
    let mut description = client.describe("public", "orders").await.unwrap();
    client.statistics(&mut description, true).await.unwrap();
    client.preview(&description, 50).await.unwrap();
    let mut scan = begin(client, &description, ScanLimits::default()).await;
    while scan.next().await.unwrap().is_some() {}
    assert_eq!(scan.rows(), 5000);
    scan.close().await;
    journal.take()
}

/// Makes what [`journey`] reads.
pub(crate) fn fill(database: &Database<'_>) {
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
    let ledger = journey(&database, cluster.port()).await;
    heard_as_entered(&database, &ledger);
}

/// What the server heard of the database's role is what the ledger says, and nothing but SELECT.
pub(crate) fn heard_as_entered(database: &Database<'_>, ledger: &[Statement]) {
    let heard = database.log_statements();
    assert!(heard.iter().all(|statement| is_select(&statement.text)), "{heard:?}");
    let heard: Vec<&str> = heard.iter().map(|statement| statement.text.as_str()).collect();
    let entered: Vec<&str> = ledger.iter().map(|statement| statement.statement.as_str()).collect();
    assert_eq!(entered, heard);
    assert!(ledger.iter().all(|statement| statement.outcome == "ok"), "{ledger:?}");
}

/// One of the documented statements, and no other.
pub(crate) fn is_select(text: &str) -> bool {
    let shapes = ["SELECT \"", "SELECT array_to_string(ARRAY[count(*)::text"];
    sql::TEMPLATES.iter().any(|template| template.text == text)
        || shapes.iter().any(|shape| text.starts_with(shape))
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
    let client = Client::connect(&dialer(), &target(cluster, &database), unsaved()).await.unwrap();
    let problem = read(client, "public", "sneaky").await.unwrap_err();
    assert_eq!(problem.code.as_str(), "write_refused");
    assert_eq!(database.sql("SELECT count(*) FROM public.log").trim(), "0");
}

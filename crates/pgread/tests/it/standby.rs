//! A hot standby as a source: it is read as any server, and may have to break a read off.

use crate::{
    statements::{fill, heard_as_entered, journey},
    support::{begin, connect, dialer, read, target, target_at, unsaved},
    types,
};
use mycorr_domain::Code;
use mycorr_pgread::{Client, MemoryJournal, ScanLimits, test};
use mycorr_testkit::{Cluster, Database, Options, Pgpool, Server};
use std::{sync::Arc, time::Duration};

#[tokio::test]
async fn a_standby_is_read_and_breaks_off_when_it_must_remove_rows() {
    let primary = Cluster::start(&Options { settings: &[("autovacuum", "off")], ..Options::default() });
    let original = Database::create(&primary);
    fill(&original);
    types::make(&original, Server::distribution().major());
    // More than all buffers on the way hold, so that the server has to wait for its reader.
    original
        .sql("CREATE TABLE public.big AS SELECT n, repeat('x', 1000) AS t FROM generate_series(1, 100000) n");
    original.sql("CREATE UNLOGGED TABLE public.unlogged (id int)");
    let standby = primary.standby(&[("max_standby_streaming_delay", "0"), ("hot_standby_feedback", "off")]);
    let database = Database { cluster: &standby, ..original.clone() };
    standby.catch_up(&primary);

    let journal = Arc::new(MemoryJournal::default());
    let report = test(&dialer(), &target(&standby, &database), journal.clone(), &mut |_| {}).await;
    assert!(report.ok(), "{:?}", report.problem);
    assert!(report.server.unwrap().in_recovery);
    let mut ledger = journal.take();
    ledger.extend(journey(&database, standby.port()).await);
    heard_as_entered(&database, &ledger);
    types::compare(&database, "every_type", standby.port()).await;

    let problem = read(connect(&standby, &database).await, "public", "unlogged").await.unwrap_err();
    assert!(problem.code == Code::SourceError && problem.detail.contains("unlogged"), "{problem}");

    let mut client = Client::connect(&dialer(), &target(&standby, &database), journal.clone()).await.unwrap();
    let description = client.describe("public", "big").await.unwrap();
    let mut scan = begin(client, &description, ScanLimits::default()).await;
    scan.next().await.unwrap().unwrap();
    original.sql("DELETE FROM public.big");
    original.sql("VACUUM public.big");
    // The standby cancels the read as soon as it comes to the VACUUM, which it may have to be given time for.
    let problem = loop {
        match scan.next().await {
            Ok(batch) => assert!(batch.is_some(), "the read was not broken off"),
            Err(problem) => break problem,
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(problem.code, Code::RecoveryConflict, "{problem}");
    scan.close().await;
    assert_eq!(journal.take().last().unwrap().outcome, "40001");

    // Pgpool-II sends reads to the standby and settings to the primary: better no value than another one.
    let pooler = Pgpool::start(&[&primary, &standby]);
    let balanced = target_at(&standby, &database, pooler.port());
    // The name that the settings give the connection is not one that the role can have set.
    primary.sql(&format!("ALTER ROLE {} SET application_name = 'mycorr'", database.role));
    standby.catch_up(&primary);
    let report = test(&dialer(), &balanced, unsaved(), &mut |_| {}).await;
    assert_eq!(report.problem.unwrap().code, Code::PoolerConflict);
    let mut client = Client::connect(&dialer(), &balanced, unsaved()).await.unwrap();
    assert_eq!(client.describe("public", "every_type").await.unwrap_err().code, Code::PoolerConflict);
    client.close().await;
    drop(pooler);

    // A standby cannot keep a database that is gone.
    let mut client = connect(&standby, &database).await;
    primary.sql(&format!("DROP DATABASE \"{}\"", database.name));
    standby.catch_up(&primary);
    let problem = client.schemas(None, 1000).await.unwrap_err();
    assert!(matches!(problem.code, Code::ServerShuttingDown | Code::ConnectionLost), "{problem}");
}

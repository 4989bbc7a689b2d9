//! Reads that break in the middle: each ends with its code, nothing comes after it, and the server is left alone.

use crate::{
    hostile::message,
    support::{begin, dialer, last_read, target_at},
};
use mycorr_domain::{Code, Problem};
use mycorr_pgread::{Client, MemoryJournal, Scan, ScanLimits};
use mycorr_testkit::{Cluster, Database, Fault, FaultProxy};
use std::{sync::Arc, time::Duration};

const ROWS: u64 = 30_000;

fn fill(database: &Database<'_>) {
    database.sql(&format!(
        "CREATE TABLE public.t AS SELECT n, 'row ' || n || '.' || repeat('x', 200) AS t, n * 0.5::float8 AS f FROM generate_series(1, {ROWS}) n"
    ));
}

/// Starts to read `table` through `port`, unencrypted so that somebody on the way can meddle.
async fn scan(
    database: &Database<'_>,
    table: &str,
    port: u16,
    limits: ScanLimits,
    journal: Arc<MemoryJournal>,
) -> Scan {
    let mut target = target_at(database.cluster, database, port);
    target.endpoint.encrypted = false;
    let mut client = Client::connect(&dialer(), &target, journal).await.unwrap();
    let description = client.describe("public", table).await.unwrap();
    begin(client, &description, limits).await
}

async fn drain(scan: &mut Scan) -> Result<u64, Problem> {
    while scan.next().await?.is_some() {}
    Ok(scan.rows())
}

/// How a read ends. It stays ended, stands in the ledger as what it was, and its connection is closed.
async fn end(database: &Database<'_>, mut scan: Scan, journal: &MemoryJournal, what: &str) -> Problem {
    let problem = drain(&mut scan).await.expect_err(what);
    assert!(scan.next().await.unwrap().is_none(), "{what}: something came after the end");
    assert!(scan.rows() < ROWS, "{what}");
    scan.close().await;
    assert_ne!(last_read(journal).outcome, "ok", "{what}");
    let (cluster, role) = (database.cluster, &database.role);
    let left = format!("SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = '{role}'");
    while cluster.sql_async("postgres", &left).await != "t" {}
    problem
}

#[tokio::test]
async fn whoever_meddles_with_the_rows_is_found_out() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    fill(&database);
    let done = format!("SELECT {ROWS}\0");
    let (row, complete) = ((b'D', b"row 20000.".as_slice()), (b'C', done.as_bytes()));
    let short = ScanLimits { idle: Some(Duration::from_millis(500)), ..ScanLimits::default() };
    let usual = ScanLimits::default();
    let cell = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes(), bytes].concat();
    let cells = |count: u8, cells: &[Vec<u8>]| message(b'D', &[&[0, count][..], &cells.concat()].concat());
    let good = cells(3, &[cell(b"1"), cell(b"x"), cell(&[0; 8])]);
    let completion = message(b'C', done.as_bytes());
    use Fault::{Cut, Say, SayForever, Silence};
    for (what, (tag, holds), fault, limits, want) in [
        ("silence", row, Silence, short, Code::ConnectionTimeout),
        ("silence at the end", complete, Silence, short, Code::ConnectionTimeout),
        ("a cut before a message", row, Cut(0), usual, Code::ConnectionLost),
        ("a cut in its header", row, Cut(3), usual, Code::ConnectionLost),
        ("a cut in its body", row, Cut(50), usual, Code::ConnectionLost),
        ("a cut before the end", complete, Cut(0), usual, Code::ConnectionLost),
        ("garbage", row, Say(b"\x17garbage, garbage".repeat(9)), usual, Code::ProtocolViolation),
        ("zeros", row, Say(vec![0; 999]), usual, Code::ProtocolViolation),
        ("a row of 2 GB", row, Say(b"D\x7f\xff\xff\xff\0\x03".to_vec()), usual, Code::ProtocolViolation),
        ("a notice of 2 GB", row, Say(b"N\x7f\xff\xff\xff".to_vec()), usual, Code::ProtocolViolation),
        ("fewer cells", row, Say(cells(2, &[cell(b"1"), cell(b"x")])), usual, Code::ProtocolViolation),
        ("more cells than said", row, Say(cells(3, &vec![cell(b"1"); 4])), usual, Code::ProtocolViolation),
        ("a cell beyond its row", row, Say(cells(3, &[vec![0, 0, 1, 0]])), usual, Code::ProtocolViolation),
        (
            "a number of another size",
            row,
            Say(cells(3, &[cell(b"1"), cell(b"x"), cell(b"4444")])),
            usual,
            Code::ProtocolViolation,
        ),
        ("another answer", row, Say(message(b'T', &[0, 0])), usual, Code::ProtocolViolation),
        ("the start of a copy", row, Say(message(b'H', &[0, 0, 0])), usual, Code::ProtocolViolation),
        ("ready too soon", row, Say(message(b'Z', b"I")), usual, Code::ProtocolViolation),
        ("notices", row, SayForever(message(b'N', b"SNOTICE\0\0")), usual, Code::ProtocolViolation),
        ("an end without end", complete, SayForever(completion.clone()), usual, Code::ProtocolViolation),
        ("a row after the end", complete, Say([completion, good].concat()), usual, Code::ProtocolViolation),
        ("an error that says nothing", row, Say(message(b'E', b"\0")), usual, Code::SourceError),
    ] {
        let fault_proxy = FaultProxy::start(cluster, tag, holds, fault).await;
        let journal = Arc::new(MemoryJournal::default());
        let scan = scan(&database, "t", fault_proxy.port(), limits, journal.clone()).await;
        let problem = end(&database, scan, &journal, what).await;
        assert_eq!(problem.code, want, "{what}: {problem:?}");
    }
    // Left alone, it is all of it.
    let fault_proxy = FaultProxy::start(cluster, row.0, row.1, Fault::Silence).await;
    fault_proxy.be_awake(false);
    let mut scan = scan(&database, "t", fault_proxy.port(), usual, Arc::default()).await;
    assert_eq!(drain(&mut scan).await, Ok(ROWS));
    scan.close().await;
}

/// Errors of the server's own, raised at a row in the middle.
#[tokio::test]
async fn what_the_server_says_in_the_middle_is_understood() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    for (sqlstate, code) in [
        ("53200", Code::SourceError),
        ("53100", Code::SourceError),
        ("58030", Code::DamagedData),
        ("XX000", Code::SourceError),
        ("57014", Code::StatementTimeout),
        ("40001", Code::RecoveryConflict),
        ("57P01", Code::ServerShuttingDown),
        ("42501", Code::TablePermissionDenied),
    ] {
        let view = format!("v{}", sqlstate.to_lowercase());
        database.sql(&format!(
            "CREATE FUNCTION public.{view}(n int) RETURNS int LANGUAGE plpgsql STABLE AS \
               $$BEGIN IF n = 20000 THEN RAISE SQLSTATE '{sqlstate}' USING MESSAGE = 'the text may be anything'; END IF; RETURN n; END$$; \
             CREATE VIEW public.{view} AS SELECT public.{view}(n) AS n, repeat('x', 200) AS t FROM generate_series(1, {ROWS}) n"
        ));
        let journal = Arc::new(MemoryJournal::default());
        let scan = scan(&database, &view, cluster.port(), ScanLimits::default(), journal.clone()).await;
        let problem = end(&database, scan, &journal, sqlstate).await;
        assert_eq!(problem.code, code, "{sqlstate}: {problem:?}");
        assert!(!problem.detail.contains("may be anything"), "{problem:?}");
    }
}

/// A read has its snapshot and its lock: whatever is done to the table meanwhile, it comes over whole.
#[tokio::test]
async fn what_is_done_to_a_table_during_its_read_waits_or_is_not_seen() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let role = &database.role;
    for change in [
        "DROP TABLE public.t".to_owned(),
        "ALTER TABLE public.t DROP t".to_owned(),
        "ALTER TABLE public.t ALTER n TYPE text".to_owned(),
        "TRUNCATE public.t".to_owned(),
        format!("REVOKE ALL ON public.t FROM {role}"),
        "UPDATE public.t SET t = 'changed', f = NULL; DELETE FROM public.t WHERE n > 100".to_owned(),
    ] {
        database.sql("DROP TABLE IF EXISTS public.t");
        // More than all buffers on the way hold, so that the read is not over before the change begins.
        database.sql(&format!(
            "CREATE TABLE public.t AS SELECT n, repeat('x', 1000) AS t, 0.5::float8 AS f FROM generate_series(1, {ROWS}) n"
        ));
        let mut scan = scan(&database, "t", cluster.port(), ScanLimits::default(), Arc::default()).await;
        assert!(scan.next().await.unwrap().is_some());
        let (text, name) = (change.clone(), database.name.clone());
        let changing = tokio::spawn(async move { Cluster::shared().sql_async(&name, &text).await });
        let begun = "SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'postgres' AND (wait_event_type = 'Lock' OR state <> 'active')";
        while !changing.is_finished() && cluster.sql_async(&database.name, begun).await != "t" {}
        assert_eq!(drain(&mut scan).await, Ok(ROWS), "{change}");
        scan.close().await;
        changing.await.unwrap();
    }
}

//! One table through several connections: one moment, in the order of one, or through one connection and said.

use crate::{
    moving::{ACCOUNTS, AMOUNT, Writers},
    statements::is_select,
    support::{dialer, target_at, unsaved},
};
use arrow_array::{cast::AsArray, types::Int64Type};
use mycorr_pgread::{
    Agreed, Client, Division, Journal, MAX_CONNECTIONS, MemoryJournal, Scan, ScanLimits, Stop, agree,
    bench_api::agree_unproven,
};
use mycorr_testkit::{Cluster, Database, Options, PgBouncer, Pgpool, PoolMode, Server, counted};
use std::{collections::BTreeMap, sync::Arc, time::Instant};

/// Where and how a table is read.
#[derive(Clone)]
pub(crate) struct Source<'a> {
    pub(crate) database: &'a Database<'a>,
    pub(crate) port: u16,
    pub(crate) encrypted: bool,
    pub(crate) journal: Arc<dyn Journal>,
}

impl<'a> Source<'a> {
    pub(crate) fn of(database: &'a Database<'a>) -> Self {
        Self { database, port: database.cluster.port(), encrypted: true, journal: unsaved() }
    }

    pub(crate) async fn client(&self) -> Client {
        let mut target = target_at(self.database.cluster, self.database, self.port);
        target.endpoint.encrypted = self.encrypted;
        target.ca_certificate = target.ca_certificate.filter(|_| self.encrypted);
        Client::connect(&dialer(), &target, self.journal.clone()).await.unwrap()
    }

    /// As many scans as `table` is worth, `most` at most, which have not begun.
    async fn divided(&self, table: &str, most: usize) -> (Vec<Scan>, Division) {
        let mut client = self.client().await;
        let description = client.describe("public", table).await.unwrap();
        let division = client.divide(&description, most).await;
        let mut clients = vec![client];
        for _ in 1..division.connections() {
            clients.push(self.client().await);
        }
        let mut scans = Vec::new();
        for client in clients {
            scans.push(client.read(&description, None, ScanLimits::default()).await.unwrap());
        }
        (scans, division)
    }

    async fn open(&self, table: &str, most: usize) -> (Vec<Scan>, Option<String>) {
        let (scans, division) = self.divided(table, most).await;
        let Agreed { scans, note, .. } = agree(scans, None, &division).await.unwrap();
        (scans, note.or_else(|| division.note().map(str::to_owned)))
    }

    /// The values of the first column, a bigint, in the order of the scans.
    async fn read(&self, table: &str, most: usize) -> (Vec<i64>, usize, Option<String>) {
        let (scans, note) = self.open(table, most).await;
        let connections = scans.len();
        (first_column(scans).await, connections, note)
    }
}

pub(crate) async fn first_column(scans: Vec<Scan>) -> Vec<i64> {
    let tasks: Vec<_> = scans
        .into_iter()
        .map(|mut scan| {
            tokio::spawn(async move {
                let mut values: Vec<i64> = Vec::new();
                while let Some(batch) = scan.next().await.unwrap() {
                    values.extend(batch.column(0).as_primitive::<Int64Type>().values());
                }
                assert_eq!(scan.rows(), values.len() as u64);
                assert_eq!(scan.close().await, Stop::Over);
                values
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all
}

fn commits(database: &Database<'_>) -> u64 {
    let count = format!("SELECT xact_commit FROM pg_stat_database WHERE datname = '{}'", database.name);
    database.cluster.sql(&count).parse().unwrap()
}

/// 200 reads beside writers: through each number of connections, in clear, over TLS and through PgBouncer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_connections_read_one_moment() {
    let cluster = Cluster::start(&Options { settings: &[("max_connections", "100")], ..Options::default() });
    let database = Database::create(&cluster);
    let pooler = PgBouncer::start(&cluster, PoolMode::Transaction, &[]);
    let writers = Writers::start(&database);
    let direct = Source::of(&database);
    let ways = [
        ("in clear", Source { encrypted: false, ..direct.clone() }),
        ("TLS", direct.clone()),
        ("PgBouncer", Source { port: pooler.port(), ..direct }),
    ];
    let (started, before) = (Instant::now(), commits(&database));
    let mut agreed = BTreeMap::new();
    for most in [1, 2, 4, 8] {
        for (at, (name, source)) in ways.iter().cycle().take(50).enumerate() {
            let (amounts, connections, note) = source.read("accounts", most).await;
            let sum: i64 = amounts.iter().sum();
            assert_eq!(
                (amounts.len() as i64, sum),
                (ACCOUNTS, ACCOUNTS * AMOUNT),
                "read {at} of {most} connections, {name}: {connections} used, {note:?}"
            );
            assert!(connections == most || (connections == 1 && note.is_some()), "{connections} {note:?}");
            *agreed.entry((most, *name)).or_insert(0) += usize::from(connections == most);
        }
    }
    let rate = (commits(&database) - before) as f64 / started.elapsed().as_secs_f64();
    drop(writers);
    counted(&format!("beside {rate:.0} transactions a second, reads that agreed: {agreed:?}"));
    // One that falls back proves nothing about several connections.
    assert!(agreed.values().all(|&count| count > 0), "{agreed:?}");
    let heard = database.log_statements();
    assert!(heard.iter().all(|statement| is_select(&statement.text)));
}

/// What the comparison is for: without it, rows that move are missed or read twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_comparison_reads_are_wrong() {
    let cluster = Cluster::start(&Options::default());
    let database = Database::create(&cluster);
    let _writers = Writers::start(&database);
    let source = Source { encrypted: false, ..Source::of(&database) };
    for _ in 0..500 {
        let (scans, division) = source.divided("accounts", 4).await;
        let Agreed { scans, .. } = agree_unproven(scans, &division).await.unwrap();
        assert_eq!(scans.len(), 4);
        let amounts = first_column(scans).await;
        if (amounts.len() as i64, amounts.iter().sum()) != (ACCOUNTS, ACCOUNTS * AMOUNT) {
            return;
        }
    }
    panic!("500 reads without the comparison were right");
}

/// What is read through several connections, and in which order, is what one reads.
#[tokio::test]
async fn several_connections_give_the_order_of_one() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(
        "CREATE TABLE public.plain AS SELECT n::bigint AS id, repeat('x', 100) AS pad FROM generate_series(1, 20000) n; \
         UPDATE public.plain SET pad = 'y' WHERE id % 7 = 0; DELETE FROM public.plain WHERE id % 11 = 0; \
         CREATE MATERIALIZED VIEW public.materialized AS SELECT * FROM public.plain ORDER BY id DESC; \
         CREATE TABLE public.parts (id bigint, pad text) PARTITION BY RANGE (id); \
         CREATE TABLE public.last PARTITION OF public.parts FOR VALUES FROM (15000) TO (30000); \
         CREATE TABLE public.rest PARTITION OF public.parts DEFAULT; \
         CREATE TABLE public.none PARTITION OF public.parts FOR VALUES FROM (-10) TO (0); \
         CREATE TABLE public.middle PARTITION OF public.parts FOR VALUES FROM (5000) TO (15000) PARTITION BY HASH (id); \
         CREATE TABLE public.h1 PARTITION OF public.middle FOR VALUES WITH (MODULUS 2, REMAINDER 1); \
         CREATE TABLE public.h0 (pad text, dropped int, id bigint); ALTER TABLE public.h0 DROP COLUMN dropped; \
         ALTER TABLE public.middle ATTACH PARTITION public.h0 FOR VALUES WITH (MODULUS 2, REMAINDER 0); \
         INSERT INTO public.parts SELECT n, repeat('x', 100) FROM generate_series(1, 20000) n; \
         CREATE TABLE public.parent AS SELECT * FROM public.plain; \
         CREATE TABLE public.child (more int) INHERITS (public.parent); \
         INSERT INTO public.child SELECT n, repeat('z', 100), 1 FROM generate_series(1, 9000) n; \
         CREATE TABLE public.empty (id bigint)",
    );
    let source = Source::of(&database);
    for table in ["plain", "materialized", "parts", "parent"] {
        let (whole, connections, note) = source.read(table, 1).await;
        assert_eq!((connections, note), (1, None));
        for most in [2, 3, 8] {
            let (ids, connections, note) = source.read(table, most).await;
            assert_eq!((connections, note), (most, None), "{table}");
            assert!(ids == whole, "{table} through {most} connections is in another order");
        }
    }
    let (ids, connections, note) = source.read("empty", 4).await;
    assert!(ids.is_empty() && connections == 1 && note.unwrap().contains("small"));
}

/// The ledger knows every statement of every connection, before the server does.
#[tokio::test]
async fn every_statement_of_every_connection_is_in_the_ledger() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE public.t AS SELECT n::bigint AS id, repeat('x', 100) AS p FROM generate_series(1, 20000) n");
    let journal = Arc::new(MemoryJournal::default());
    let source = Source { journal: journal.clone(), ..Source::of(&database) };
    let (ids, connections, note) = source.read("t", 4).await;
    assert_eq!((ids.len(), connections, note), (20000, 4, None));
    let entered = journal.take();
    assert!(entered.iter().all(|entry| entry.outcome == "ok"), "{entered:?}");
    let selects: Vec<_> = entered.iter().filter(|entry| entry.template == "select").collect();
    assert_eq!((selects.len(), selects.iter().map(|entry| entry.rows).sum::<u64>()), (4, 20000));
    assert!(selects.iter().all(|entry| entry.bytes > 0 && entry.statement.contains(" WHERE ctid >= ")));
    let mut entered: Vec<_> = entered.into_iter().map(|entry| entry.statement).collect();
    let heard = database.log_statements();
    assert!(heard.iter().all(|statement| is_select(&statement.text)), "{heard:?}");
    let mut heard: Vec<_> = heard.into_iter().map(|statement| statement.text).collect();
    entered.sort();
    heard.sort();
    assert_eq!(entered, heard);
}

/// Whatever ends a read ends it on each of its connections.
#[tokio::test]
async fn closing_stops_every_connection_at_the_server() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE public.t AS SELECT n::bigint AS id, repeat('x', 1000) AS p FROM generate_series(1, 100000) n");
    let journal = Arc::new(MemoryJournal::default());
    let source = Source { journal: journal.clone(), ..Source::of(&database) };
    let (mut scans, _) = source.open("t", 3).await;
    assert_eq!(scans.len(), 3);
    for scan in &mut scans {
        scan.next().await.unwrap().unwrap();
    }
    for scan in scans {
        assert_eq!(scan.close().await, Stop::Over);
    }
    let active = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = '{}' AND state = 'active'",
        database.role
    );
    assert_eq!(database.sql(&active), "0");
    let outcomes: Vec<_> = journal
        .take()
        .into_iter()
        .filter(|entry| entry.template == "select")
        .map(|entry| entry.outcome)
        .collect();
    assert_eq!(outcomes, ["cancelled"; 3]);
}

#[tokio::test]
async fn what_can_not_be_divided_is_read_through_one_connection_and_said() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let role = &database.role;
    database.sql(&format!(
        "CREATE TABLE public.t AS SELECT n::bigint AS id, repeat('x', 100) AS p FROM generate_series(1, 20000) n; \
         CREATE VIEW public.v AS SELECT * FROM public.t; \
         CREATE TABLE public.columns AS TABLE public.t; REVOKE ALL ON public.columns FROM {role}; \
         GRANT SELECT (id) ON public.columns TO {role}; \
         CREATE TABLE public.policies (id bigint, p text) PARTITION BY RANGE (id); \
         CREATE TABLE public.policies_1 PARTITION OF public.policies FOR VALUES FROM (0) TO (10000); \
         CREATE TABLE public.policies_2 PARTITION OF public.policies FOR VALUES FROM (10000) TO (30000); \
         INSERT INTO public.policies SELECT * FROM public.t; \
         ALTER TABLE public.policies_2 ENABLE ROW LEVEL SECURITY; \
         CREATE TABLE public.kept (id bigint, p text) PARTITION BY RANGE (id); \
         CREATE TABLE public.kept_1 PARTITION OF public.kept FOR VALUES FROM (0) TO (30000); \
         INSERT INTO public.kept SELECT * FROM public.t; REVOKE ALL ON public.kept_1 FROM {role}"
    ));
    let source = Source::of(&database);
    for (table, reason) in [
        ("v", "a view has no pages"),
        ("columns", "may not read the table as a whole"),
        ("policies", "row-level security is on for the partition public.policies_2"),
        ("kept", "may not read the partition public.kept_1 as a whole"),
    ] {
        let (ids, connections, note) = source.read(table, 4).await;
        assert_eq!((ids.len(), connections), (20000, 1), "{table}");
        assert!(note.as_ref().is_some_and(|note| note.contains(reason)), "{table}: {note:?}");
    }
    // Row-level security of a table itself applies to each of its ranges.
    database.sql(
        "ALTER TABLE public.t ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON public.t USING (id % 10 = 0)",
    );
    let (ids, connections, _) = source.read("t", 4).await;
    assert_eq!((ids.len(), connections), (2000, 4));

    // What is attached after the look at the partitions.
    database.sql("GRANT SELECT ON public.kept_1 TO PUBLIC");
    let (scans, division) = source.divided("kept", 4).await;
    database.sql(
        "CREATE TABLE public.kept_2 PARTITION OF public.kept FOR VALUES FROM (30000) TO (40000); \
         INSERT INTO public.kept VALUES (30000, '')",
    );
    let Agreed { scans, note, .. } = agree(scans, None, &division).await.unwrap();
    assert!(scans.len() == 1 && note.unwrap().contains("attached or detached"));
    assert_eq!(first_column(scans).await.len(), 20001);
}

/// An owner's number is a ceiling: what role and server have free, and what a pooler serves, bounds it too.
#[tokio::test]
async fn fewer_connections_are_no_failure() {
    let cluster = Cluster::start(&Options::default());
    let database = Database::create(&cluster);
    database.sql("CREATE TABLE public.t AS SELECT n::bigint AS id, repeat('x', 100) AS p FROM generate_series(1, 20000) n");
    let source = Source::of(&database);
    cluster.sql(&format!("ALTER ROLE {} CONNECTION LIMIT 3", database.role));
    let (ids, connections, note) = source.read("t", MAX_CONNECTIONS).await;
    assert_eq!((ids.len(), connections), (20000, 3));
    assert!(note.unwrap().contains("room for 2 more"));
    cluster.sql(&format!("ALTER ROLE {} CONNECTION LIMIT -1", database.role));
    for (size, served) in [("3", 3), ("1", 1)] {
        let pooler = PgBouncer::start(&cluster, PoolMode::Transaction, &[("default_pool_size", size)]);
        let source = Source { port: pooler.port(), ..source.clone() };
        let (scans, note) = source.open("t", 4).await;
        let note = note.unwrap();
        // Which of them the pooler serves is its own choice: without the first, one reads all.
        assert!(scans.len() == served || scans.len() == 1, "{note}");
        assert!(note.contains("served at the same time"), "{note}");
        assert_eq!(first_column(scans).await.len(), 20000);
    }
}

/// Where one snapshot can't be proven, it is not believed.
#[tokio::test]
async fn pgpool_and_standbys_are_read_through_one_connection() {
    let primary = Cluster::start(&Options::default());
    let original = Database::create(&primary);
    original.sql("CREATE TABLE public.t AS SELECT n::bigint AS id, repeat('x', 100) AS p FROM generate_series(1, 20000) n");
    let pooler = Pgpool::start(&[&primary]);
    let source = Source { port: pooler.port(), ..Source::of(&original) };
    let (ids, connections, note) = source.read("t", 4).await;
    assert_eq!((ids.len(), connections), (20000, 1));
    assert!(note.as_ref().is_some_and(|note| note.contains("Pgpool-II")), "{note:?}");
    drop(pooler);

    let standby = primary.standby(&[]);
    standby.catch_up(&primary);
    let database = Database { cluster: &standby, ..original.clone() };
    let (ids, connections, note) = Source::of(&database).read("t", 4).await;
    assert_eq!((ids.len(), connections), (20000, 1));
    assert!(note.as_ref().is_some_and(|note| note.contains("standby")), "{note:?}");
}

/// A balancer may lead each connection to another server; even one with the same data, name and system identifier.
#[tokio::test]
async fn connections_to_different_servers_do_not_agree() {
    let primary = Cluster::start(&Options::default());
    let original = Database::create(&primary);
    original.sql("CREATE TABLE public.t AS SELECT n::bigint AS id, repeat('x', 100) AS p FROM generate_series(1, 20000) n");
    let twin = primary.standby(&[]);
    twin.catch_up(&primary);
    twin.sql("SELECT pg_promote()");
    let copy = Database { cluster: &twin, ..original.clone() };
    let journal = unsaved();
    let here = Source { journal: journal.clone(), ..Source::of(&original) };
    let there = Source { journal, ..Source::of(&copy) };
    let (mut scans, division) = here.divided("t", 2).await;
    let (mut others, _) = there.divided("t", 2).await;
    assert_eq!((scans.len(), others.len()), (2, 2));
    std::mem::swap(&mut scans[1], &mut others[1]);
    for scan in others {
        scan.close().await;
    }
    let Agreed { scans, note, .. } = agree(scans, None, &division).await.unwrap();
    assert!(scans.len() == 1 && note.as_ref().is_some_and(|note| note.contains("same server")), "{note:?}");
    assert_eq!(first_column(scans).await.len(), 20000);
}

/// A role whose transactions keep their first snapshot agrees at once or not at all.
#[tokio::test]
async fn isolation_of_the_role_changes_nothing() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE public.t AS SELECT n::bigint AS id, repeat('x', 100) AS p FROM generate_series(1, 20000) n");
    for level in ["repeatable read", "serializable"] {
        cluster.sql(&format!("ALTER ROLE {} SET default_transaction_isolation = '{level}'", database.role));
        let (ids, connections, note) = Source::of(&database).read("t", 3).await;
        assert_eq!(ids.len(), 20000);
        assert!(connections == 3 || note.is_some());
    }
}

#[tokio::test]
async fn versions_from_14_on_are_divided() {
    for server in Server::installed() {
        let cluster = Cluster::start(&Options { server: Some(&server), ..Options::default() });
        let database = Database::create(&cluster);
        database.sql(
            "CREATE TABLE public.t (id bigint, p text) PARTITION BY LIST (id); \
             CREATE TABLE public.t1 PARTITION OF public.t FOR VALUES IN (1, 3); \
             CREATE TABLE public.t0 PARTITION OF public.t FOR VALUES IN (0, 2); \
             INSERT INTO public.t SELECT n % 4, repeat('x', 100) FROM generate_series(1, 20000) n",
        );
        let source = Source::of(&database);
        let (whole, ..) = source.read("t", 1).await;
        let (ids, connections, note) = source.read("t", 3).await;
        assert!(ids == whole && ids.len() == 20000, "PostgreSQL {}", server.major());
        match server.major() {
            ..14 => assert!(connections == 1 && note.unwrap().contains("PostgreSQL 14")),
            major => assert_eq!((connections, note), (3, None), "PostgreSQL {major}"),
        }
    }
}

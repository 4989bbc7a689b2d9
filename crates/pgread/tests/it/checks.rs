//! What the server makes of the rows, under the snapshot of those that read them.

use crate::{
    moving::{ACCOUNTS, AMOUNT, Writers},
    snapshot::{Source, first_column},
    statements::is_select,
};
use mycorr_domain::SourceChecksums;
use mycorr_pgread::{Agreed, ScanLimits, agree};
use mycorr_testkit::{Cluster, Database, Options, PgBouncer, Pgpool, PoolMode, counted};

impl Source<'_> {
    /// The values of the first column, and what the server makes of the table if it could join.
    async fn read_and_check(&self, table: &str, most: usize) -> (Vec<i64>, usize, Option<SourceChecksums>) {
        let mut client = self.client().await;
        let description = client.describe("public", table).await.unwrap();
        let division = client.divide(&description, most).await;
        let beside = division.beside_check();
        let division = beside.as_ref().unwrap_or(&division);
        let limits = ScanLimits::default();
        let mut scans = vec![client.read(&description, None, limits).await.unwrap()];
        for _ in 1..division.connections() {
            scans.push(self.client().await.read(&description, None, limits).await.unwrap());
        }
        let check = match beside {
            Some(_) => Some(self.client().await.read_checksums(&description, None, limits).await.unwrap()),
            None => None,
        };
        let Agreed { scans, check, .. } = agree(scans, check, division).await.unwrap();
        let readers = scans.len();
        let figures = async {
            let mut check = check?;
            let figures = check.figures().await.unwrap();
            check.close().await;
            Some(figures)
        };
        let (values, figures) = tokio::join!(first_column(scans), figures);
        (values, readers, figures)
    }
}

/// A row that moves, moves for both: the sums are of the very rows that came over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checksums_are_of_the_moment_that_was_read() {
    let cluster = Cluster::start(&Options { settings: &[("max_connections", "100")], ..Options::default() });
    let database = Database::create(&cluster);
    let pooler = PgBouncer::start(&cluster, PoolMode::Transaction, &[]);
    let _writers = Writers::start(&database);
    let direct = Source::of(&database);
    let pooled = Source { port: pooler.port(), ..direct.clone() };
    let (mut proven, mut sums) = (0, std::collections::BTreeSet::new());
    for (most, readers) in [(2, 1), (3, 2), (5, 4)] {
        for round in 0..20 {
            let source = if round % 2 == 0 { &direct } else { &pooled };
            let (amounts, connections, checksums) = source.read_and_check("accounts", most).await;
            assert_eq!((amounts.len() as i64, amounts.iter().sum()), (ACCOUNTS, ACCOUNTS * AMOUNT));
            let Some(SourceChecksums { hash, checksums }) = checksums else {
                assert_eq!(connections, 1);
                continue;
            };
            assert_eq!((connections, checksums.rows), (readers, ACCOUNTS as u64));
            let sum: i128 =
                amounts.iter().map(|amount| i128::from(hash.hash(amount.to_string().as_bytes()))).sum();
            assert_eq!((checksums.columns[0].values, checksums.columns[0].sum), (ACCOUNTS as u64, sum));
            proven += 1;
            sums.insert(sum);
        }
    }
    counted(&format!("reads with a check that agreed: {proven} of 60"));
    // Otherwise nothing moved, or nothing was proven.
    assert!(sums.len() > 10, "{proven} proven, {} different", sums.len());
    assert!(database.log_statements().iter().all(|statement| is_select(&statement.text)));
}

/// Whatever stands in the way of one snapshot leaves the read as it is.
#[tokio::test]
async fn a_check_that_cannot_join_is_left_out() {
    let cluster = Cluster::start(&Options::default());
    let database = Database::create(&cluster);
    database.sql(
        "CREATE TABLE public.t AS SELECT n::bigint AS id, repeat('x', 100) AS p FROM generate_series(1, 20000) n; \
         CREATE VIEW public.v AS SELECT * FROM public.t; CREATE TABLE public.small (id bigint); \
         INSERT INTO public.small VALUES (1), (2); \
         CREATE TABLE public.parts (id bigint, p text) PARTITION BY HASH (id); \
         CREATE TABLE public.p0 PARTITION OF public.parts FOR VALUES WITH (MODULUS 2, REMAINDER 0); \
         CREATE TABLE public.p1 PARTITION OF public.parts FOR VALUES WITH (MODULUS 2, REMAINDER 1); \
         INSERT INTO public.parts SELECT * FROM public.t",
    );
    let source = Source::of(&database);
    for (table, most, rows, readers, checked) in [
        ("t", 1, 20_000, 1, false),
        ("t", 2, 20_000, 1, true),
        ("t", 8, 20_000, 7, true),
        ("parts", 4, 20_000, 3, true),
        ("small", 2, 2, 1, true),
        ("v", 4, 20_000, 1, false),
    ] {
        let (ids, connections, checksums) = source.read_and_check(table, most).await;
        assert_eq!((ids.len(), connections), (rows, readers), "{table} {most}");
        assert_eq!(checksums.is_some(), checked, "{table} {most}");
        assert!(checksums.is_none_or(|figures| figures.checksums.rows == rows as u64), "{table} {most}");
    }
    // The role's last connection reads.
    cluster.sql(&format!("ALTER ROLE {} CONNECTION LIMIT 1", database.role));
    let (ids, connections, checksums) = source.read_and_check("t", 2).await;
    assert_eq!((ids.len(), connections, checksums), (20_000, 1, None));
    cluster.sql(&format!("ALTER ROLE {} CONNECTION LIMIT -1", database.role));
    // Neither a pooler that serves one at a time nor one that keeps answers back lets it join.
    let pooler = PgBouncer::start(&cluster, PoolMode::Transaction, &[("default_pool_size", "1")]);
    let pgpool = Pgpool::start(&[&cluster]);
    for port in [pooler.port(), pgpool.port()] {
        let source = Source { port, ..source.clone() };
        let (ids, connections, checksums) = source.read_and_check("t", 2).await;
        assert_eq!((ids.len(), connections, checksums), (20_000, 1, None));
    }
}

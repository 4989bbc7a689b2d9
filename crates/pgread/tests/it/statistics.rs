//! What a table holds as the server's own statistics say, without reading it.

use crate::support::connect;
use mycorr_pgread::{ColumnStatistics, StatisticsState, TableStatistics};
use mycorr_testkit::{Cluster, Database, Options, Server};

async fn statistics(database: &Database<'_>, table: &str, values: bool) -> TableStatistics {
    let mut client = connect(database.cluster, database).await;
    let mut described = client.describe("public", table).await.unwrap();
    client.statistics(&mut described, values).await.unwrap()
}

fn column<'a>(statistics: &'a TableStatistics, name: &str) -> &'a ColumnStatistics {
    statistics.columns.iter().find(|column| column.name == name).unwrap()
}

/// A quarter of the notes is null, half of them is one text with everything that needs quoting.
const GOODS: &str = "CREATE TABLE public.goods (id int, note text, day date, tags int[], large bytea); \
     INSERT INTO public.goods SELECT n, CASE n % 4 WHEN 0 THEN NULL WHEN 1 THEN 'a' ELSE E'b,{}\"\\\\ ü' END, \
       '2026-02-03', ARRAY[1, 2], '\\x00ff' FROM generate_series(1, 1000) n; ANALYZE public.goods";

async fn says_what_analyze_found(database: &Database<'_>) {
    database.sql(GOODS);
    let hidden = statistics(database, "goods", false).await;
    assert_eq!(hidden.state, StatisticsState::Known);
    assert!(hidden.columns.iter().all(|column| column.most_common.is_none()), "{hidden:?}");
    let known = statistics(database, "goods", true).await;
    assert_eq!(column(&known, "id").distinct, Some(1000));
    let note = column(&known, "note");
    assert_eq!((note.null_share, note.distinct), (0.25, Some(2)));
    let common: Vec<_> = note.most_common.as_ref().unwrap().iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(common, ["b,{}\"\\ ü", "a"]);
    assert_eq!(note.most_common.as_ref().unwrap()[1].1, 0.25);
    // As the settings print them, and as a cell does.
    let first = |name: &str| column(&known, name).most_common.as_ref().unwrap()[0].clone();
    assert_eq!(first("day"), ("2026-02-03".to_owned(), 1.0));
    assert_eq!(first("tags"), ("{1,2}".to_owned(), 1.0));
    assert_eq!(first("large"), ("\\x00ff".to_owned(), 1.0));
    let size = "SELECT pg_relation_size('public.goods', 'main') / current_setting('block_size')::int";
    assert_eq!(known.pages.unwrap().to_string(), database.sql(size).trim());
}

#[tokio::test]
async fn every_version_says_what_analyze_found() {
    for server in Server::installed() {
        let cluster = Cluster::start(&Options { server: Some(&server), ..Options::default() });
        eprintln!("PostgreSQL {}", server.major());
        says_what_analyze_found(&Database::create(&cluster)).await;
    }
}

#[tokio::test]
async fn age_and_changes_since_are_told() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    // Autovacuum is not to come between.
    database.sql("CREATE TABLE public.t (id int) WITH (autovacuum_enabled = off); INSERT INTO public.t SELECT generate_series(1, 100)");
    let never = statistics(&database, "t", true).await;
    assert_eq!((never.state, never.analyzed_at), (StatisticsState::NeverAnalyzed, None));
    database.sql(&never.fix.unwrap());
    let analyzed = wait_for(&database, |found| found.analyzed_at.is_some()).await;
    assert_eq!(analyzed.state, StatisticsState::Known);
    let now: i64 = database.sql("SELECT extract(epoch FROM now())::bigint").trim().parse().unwrap();
    assert!((now - 3600..=now + 1).contains(&analyzed.analyzed_at.unwrap()), "{analyzed:?}");
    database.sql("UPDATE public.t SET id = id + 1 WHERE id <= 30");
    let changed = wait_for(&database, |found| found.changed_rows == Some(30)).await;
    assert_eq!(changed.analyzed_at, analyzed.analyzed_at);
}

/// The server counts a moment later.
async fn wait_for(database: &Database<'_>, there: impl Fn(&TableStatistics) -> bool) -> TableStatistics {
    for _ in 0..200 {
        let found = statistics(database, "t", false).await;
        if there(&found) {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("it was not counted");
}

#[tokio::test]
async fn what_has_no_statistics_says_why() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let role = &database.role;
    database.sql(&format!(
        "CREATE TABLE public.policed (id int, who text); INSERT INTO public.policed SELECT 1, 'x' FROM generate_series(1, 50); \
         ALTER TABLE public.policed ENABLE ROW LEVEL SECURITY; CREATE POLICY all_rows ON public.policed USING (true); \
         CREATE TABLE public.empty (id int); \
         CREATE VIEW public.seen AS SELECT 1 AS one; \
         CREATE TABLE public.some (id int, secret text); INSERT INTO public.some SELECT n, 's' FROM generate_series(1, 50) n; \
         REVOKE ALL ON public.some FROM \"{role}\"; GRANT SELECT (id) ON public.some TO \"{role}\"; \
         CREATE TABLE public.parent (id int, at int) PARTITION BY RANGE (id); \
         CREATE TABLE public.part PARTITION OF public.parent FOR VALUES FROM (0) TO (1000); \
         INSERT INTO public.parent SELECT n, 7 FROM generate_series(1, 50) n; \
         ANALYZE public.policed, public.empty, public.some, public.part"
    ));
    let state = async |table| statistics(&database, table, true).await.state;
    assert_eq!(state("policed").await, StatisticsState::RowSecurity);
    assert_eq!(state("seen").await, StatisticsState::NotKept);
    assert_eq!(state("empty").await, StatisticsState::Empty);
    // Of the columns that the role may not read, nothing is seen.
    let some = statistics(&database, "some", true).await;
    let names: Vec<_> = some.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!((some.state, names), (StatisticsState::Known, vec!["id"]));
    // Autovacuum analyses the parts and not what they are parts of.
    let parent = statistics(&database, "parent", true).await;
    assert_eq!(parent.state, StatisticsState::NeverAnalyzed);
    database.sql(&parent.fix.unwrap());
    let parent = statistics(&database, "parent", true).await;
    assert_eq!(column(&parent, "at").most_common, Some(vec![("7".to_owned(), 1.0)]));
}

#[tokio::test]
async fn a_parent_is_told_with_its_children() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(
        "CREATE TABLE public.parent (note text); CREATE TABLE public.child () INHERITS (public.parent); \
         INSERT INTO public.parent SELECT 'a' FROM generate_series(1, 100); \
         INSERT INTO public.child SELECT NULL FROM generate_series(1, 300); ANALYZE public.parent, public.child",
    );
    assert_eq!(column(&statistics(&database, "parent", false).await, "note").null_share, 0.75);
}

#[tokio::test]
async fn statistics_that_are_kept_from_the_role_are_named_with_their_grant() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(GOODS);
    for view in ["pg_stats", "pg_stat_user_tables"] {
        database.sql(&format!("REVOKE SELECT ON pg_catalog.{view} FROM PUBLIC"));
        let mut client = connect(cluster, &database).await;
        let mut described = client.describe("public", "goods").await.unwrap();
        let found = client.statistics(&mut described, true).await.unwrap();
        assert_eq!((found.state, found.columns.len()), (StatisticsState::Denied, 0));
        let [denied] = described.denied.as_slice() else { panic!("{:?}", described.denied) };
        assert_eq!(denied.object, format!("pg_catalog.{view}"));
        // The table is browsed all the same.
        assert_eq!(client.preview(&described, 5).await.unwrap().len(), 5);
        assert_eq!(found.fix.as_ref(), Some(&denied.grant));
        database.sql(&denied.grant);
        assert_eq!(statistics(&database, "goods", true).await.state, StatisticsState::Known);
    }
}

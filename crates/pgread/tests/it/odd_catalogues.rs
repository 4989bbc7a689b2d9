//! What a catalogue may hold beyond the ordinary: nothing of it takes a list, a description or a read down.

use crate::support::{connect, dialer, read, target};
use mycorr_domain::{Code, source_name};
use mycorr_pgread::{Client, MemoryJournal, TableKind};
use mycorr_testkit::{Cluster, Database};
use std::sync::Arc;

/// A relation of every odd kind that PostgreSQL's own regression tests leave behind, and some more.
const ODD: &str = include_str!("odd_relations.sql");

#[tokio::test]
async fn every_odd_relation_is_listed_described_and_read() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(ODD);
    let mut client = connect(cluster, &database).await;
    let mut tables = client.tables("public", None, None, 1000).await.unwrap();
    assert_eq!(client.search("public.", None, 1000).await.unwrap(), tables);
    tables.retain(|table| {
        !matches!(table.name.as_str(), "foreign_unreachable" | "matview_empty" | "unfit_view")
    });
    assert!(tables.len() > 40, "{}", tables.len());
    for table in &tables {
        let described = client.describe(&table.schema, &table.name).await.unwrap();
        assert_eq!(&described.entry, table);
        client.preview(&described, 5).await.unwrap();
        let (columns, rows) =
            read(connect(cluster, &database).await, &table.schema, &table.name).await.unwrap();
        let readable = described.columns.iter().filter(|column| column.readable).count();
        assert_eq!(columns.len(), readable, "{}", table.name);
        let name = String::from_utf8(source_name::to_bytes(&table.name).into()).unwrap();
        let count = database.sql(&format!("SELECT count(*) FROM public.\"{}\"", name.replace('"', "\"\"")));
        assert_eq!(rows.len().to_string(), count, "{}", table.name);
    }
    mycorr_testkit::counted(&format!("{} odd relations", tables.len()));
}

#[tokio::test]
async fn estimates_are_those_of_all_descendants_together() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(
        "CREATE TABLE public.tree (k int, day date, note text) PARTITION BY LIST (k); \
         CREATE TABLE public.tree_1 PARTITION OF public.tree FOR VALUES IN (1) PARTITION BY RANGE (day); \
         CREATE TABLE public.tree_1_a PARTITION OF public.tree_1 FOR VALUES FROM ('2024-01-01') TO ('2024-07-01'); \
         CREATE TABLE public.tree_1_b PARTITION OF public.tree_1 FOR VALUES FROM ('2024-07-01') TO ('2025-01-01'); \
         CREATE TABLE public.tree_2 PARTITION OF public.tree FOR VALUES IN (2); \
         INSERT INTO public.tree SELECT 1 + n % 2, '2024-01-01'::date + n % 300, 'x' FROM generate_series(1, 4000) n; \
         CREATE TABLE public.bare (k int) PARTITION BY LIST (k); \
         CREATE TABLE public.parent (id int); CREATE TABLE public.one () INHERITS (public.parent); \
         CREATE TABLE public.two () INHERITS (public.parent); CREATE TABLE public.both () INHERITS (public.one, public.two); \
         INSERT INTO public.parent SELECT 1 FROM generate_series(1, 100); INSERT INTO public.one SELECT 1 FROM generate_series(1, 200); \
         INSERT INTO public.both SELECT 1 FROM generate_series(1, 1000); ANALYZE",
    );
    let mut client = connect(cluster, &database).await;
    let size = |relations: &str| -> Option<u64> {
        Some(
            database
                .sql(&format!(
                    "SELECT sum(pg_relation_size(r, 'main')) FROM unnest(ARRAY[{relations}]::regclass[]) r"
                ))
                .parse()
                .unwrap(),
        )
    };
    let tables = client.tables("public", None, None, 100).await.unwrap();
    let found: Vec<_> =
        tables.iter().map(|table| (table.name.as_str(), table.estimated_rows, table.bytes)).collect();
    let children = "'public.one','public.two','public.both'";
    assert_eq!(
        found,
        [
            ("bare", None, Some(0)),
            ("both", Some(1000), size("'public.both'")),
            ("one", Some(1200), size("'public.one','public.both'")),
            ("parent", Some(1300), size(&format!("'public.parent',{children}"))),
            ("tree", Some(4000), size("'public.tree_1_a','public.tree_1_b','public.tree_2'")),
            ("two", Some(1000), size("'public.two','public.both'")),
        ]
    );
    for table in &tables {
        assert_eq!(client.describe("public", &table.name).await.unwrap().entry, *table);
    }
    // A part of a partitioned table, which no list holds, is a table like another to who names it.
    let part = client.describe("public", "tree_1").await.unwrap().entry;
    assert_eq!((part.kind, part.estimated_rows), (TableKind::PartitionedTable, Some(2000)));
}

#[tokio::test]
async fn an_estimate_that_is_no_estimate_is_unknown() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(
        "CREATE TABLE public.a (id int); CREATE TABLE public.b (id int); CREATE TABLE public.c (id int); CREATE TABLE public.d (id int); \
         CREATE TABLE public.parent (id int); CREATE TABLE public.child () INHERITS (public.parent); \
         UPDATE pg_class SET relpages = 7, reltuples = 'NaN' WHERE oid IN ('public.a'::regclass, 'public.child'::regclass); \
         UPDATE pg_class SET relpages = -5, reltuples = -3 WHERE oid = 'public.b'::regclass; \
         UPDATE pg_class SET relpages = 2147483647, reltuples = '3e38' WHERE oid = 'public.c'::regclass; \
         UPDATE pg_class SET reltuples = 'Infinity' WHERE oid = 'public.d'::regclass",
    );
    let mut client = connect(cluster, &database).await;
    let tables = client.tables("public", None, None, 100).await.unwrap();
    let found: Vec<_> =
        tables.iter().map(|table| (table.name.as_str(), table.estimated_rows, table.bytes)).collect();
    assert_eq!(
        found,
        [
            ("a", None, Some(7 * 8192)),
            ("b", None, Some(0)),
            ("c", Some(u64::MAX), Some(2147483647 * 8192)),
            ("child", None, Some(7 * 8192)),
            ("d", None, Some(0)),
            ("parent", None, Some(7 * 8192)),
        ]
    );
}

#[tokio::test]
async fn a_column_that_a_key_only_includes_is_not_of_the_key() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE public.k (a int, b int, c int, PRIMARY KEY (b, a) INCLUDE (c))");
    let described = connect(cluster, &database).await.describe("public", "k").await.unwrap();
    assert_eq!(
        described.columns.iter().map(|column| column.primary_key).collect::<Vec<_>>(),
        [true, true, false]
    );
}

#[tokio::test]
async fn schemas_come_in_parts() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database
        .sql("CREATE SCHEMA a; CREATE SCHEMA \"B\"; CREATE SCHEMA \"..\"; CREATE TABLE \"..\".\".\" (x int)");
    let mut client = connect(cluster, &database).await;
    let mut found = Vec::new();
    loop {
        let after = found.last().map(|(name, _): &(String, u64)| name.clone());
        let part = client.schemas(after.as_deref(), 2).await.unwrap();
        if part.is_empty() {
            break;
        }
        assert!(part.len() <= 2);
        found.extend(part.into_iter().map(|schema| (schema.name, schema.tables)));
    }
    assert_eq!(found, [("..".into(), 1), ("B".into(), 0), ("a".into(), 0), ("public".into(), 0)]);
    let shut = client.describe("..", ".").await.unwrap().entry.problem.unwrap();
    assert_eq!(shut.code, Code::SchemaPermissionDenied);
    database.sql(&format!(
        "GRANT USAGE ON SCHEMA \"..\" TO \"{0}\"; GRANT SELECT ON \"..\".\".\" TO \"{0}\"",
        database.role
    ));
    assert_eq!(client.describe("..", ".").await.unwrap().columns.len(), 1);
}

/// Names in Latin-1, as old installations have them.
const LATIN_1: &str = include_str!("latin_1.sql");

#[tokio::test]
async fn names_that_are_no_utf8_are_listed_described_and_read() {
    let cluster = Cluster::shared();
    let mut database = Database::create(cluster);
    database.name += "_ascii";
    cluster.sql(&format!(
        "CREATE DATABASE {} ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'",
        database.name
    ));
    database.sql(LATIN_1);
    let journal = Arc::new(MemoryJournal::default());
    let mut client = Client::connect(&dialer(), &target(cluster, &database), journal.clone()).await.unwrap();
    let schemas: Vec<_> =
        client.schemas(None, 10).await.unwrap().into_iter().map(|schema| schema.name).collect();
    assert_eq!(schemas, ["public", "sch\\xe9", "x"]);
    let names = |tables: Vec<mycorr_pgread::TableEntry>| -> Vec<String> {
        tables.into_iter().map(|table| table.name).collect()
    };
    assert_eq!(names(client.tables("x", None, None, 10).await.unwrap()), ["caf\\xe8", "caf\\xe9", "colbad"]);
    assert_eq!(names(client.tables("x", None, Some("caf\\xe8"), 1).await.unwrap()), ["caf\\xe9"]);
    assert_eq!(names(client.search("f\\xe9", None, 10).await.unwrap()), ["caf\\xe9"]);
    let described = client.describe("x", "colbad").await.unwrap();
    let columns: Vec<_> = described.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(columns, ["id", "pr\\xe9nom", "ö"]);
    assert_eq!(client.preview(&described, 5).await.unwrap().len(), 1);
    let sent = journal.statements();
    assert_eq!(
        sent.last().unwrap().statement,
        "SELECT \"id\", \"pr\\xe9nom\" AS c2, \"ö\" FROM \"x\".\"colbad\" LIMIT 5"
    );
    for (schema, table, rows) in [("x", "colbad", 1), ("x", "caf\\xe9", 0), ("sch\\xe9", "t\\xe4", 0)] {
        let (_, read) = read(connect(cluster, &database).await, schema, table).await.unwrap();
        assert_eq!(read.len(), rows, "{schema}.{table}");
    }
    assert_eq!(client.describe("x", "caf\\xea").await.unwrap_err().code, Code::TableNotFound);
}

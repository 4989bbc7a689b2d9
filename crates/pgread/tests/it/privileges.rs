//! What the role may not do is said with the line that mends it, and that line mends it.

use crate::support::{connect, read};
use mycorr_domain::Code;
use mycorr_pgread::TableKind;
use mycorr_testkit::{Cluster, Database};

#[tokio::test]
async fn the_grant_that_is_shown_is_the_one_that_is_missing() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(
        "CREATE SCHEMA \"Sales\"; CREATE TABLE \"Sales\".\"Order\" (id int, secret text); INSERT INTO \"Sales\".\"Order\" VALUES (1, 'x'); \
         CREATE TABLE \"Sales\".half (id int, secret text); INSERT INTO \"Sales\".half VALUES (2, 'y')",
    );
    let tables = connect(cluster, &database).await.tables("Sales", None, None, 10).await.unwrap();
    assert!(tables.iter().all(|table| !table.readable));
    let problem = read(connect(cluster, &database).await, "Sales", "Order").await.unwrap_err();
    assert_eq!(problem.code, Code::SchemaPermissionDenied);
    assert!(problem.detail.contains("permission denied for schema Sales"), "{problem}");
    database.sql(&problem.fix.unwrap());

    let problem = read(connect(cluster, &database).await, "Sales", "Order").await.unwrap_err();
    assert_eq!(problem.code, Code::TablePermissionDenied);
    assert!(problem.detail.contains("permission denied for table Order"), "{problem}");
    database.sql(&problem.fix.unwrap());
    assert_eq!(read(connect(cluster, &database).await, "Sales", "Order").await.unwrap().1.len(), 1);

    // Some columns: they are read, the others are left out, and asking for one of those says what to grant.
    database.sql(&format!("GRANT SELECT (id) ON \"Sales\".half TO \"{}\"", database.role));
    let (columns, _) = read(connect(cluster, &database).await, "Sales", "half").await.unwrap();
    assert_eq!(columns.len(), 1);
    let mut client = connect(cluster, &database).await;
    let description = client.describe("Sales", "half").await.unwrap();
    assert_eq!(description.columns.iter().map(|column| column.readable).collect::<Vec<_>>(), [true, false]);
    let wanted = ["secret".to_owned()];
    let Err(problem) = client.read(&description, Some(&wanted), Default::default()).await else { panic!() };
    assert_eq!(problem.code, Code::ColumnPermissionDenied);
    database.sql(&problem.fix.unwrap());
    assert_eq!(read(connect(cluster, &database).await, "Sales", "half").await.unwrap().0.len(), 2);
}

#[tokio::test]
async fn the_catalogue_is_listed_whole_and_searched() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(
        "CREATE TABLE public.a (id int PRIMARY KEY, v numeric(8,2) NOT NULL); INSERT INTO public.a SELECT n, n FROM generate_series(1, 1000) n; \
         CREATE VIEW public.b AS SELECT 1 AS x; CREATE MATERIALIZED VIEW public.c AS SELECT 1 AS x; \
         CREATE TABLE public.d (id int) PARTITION BY LIST (id); CREATE TABLE public.d1 PARTITION OF public.d FOR VALUES IN (1); \
         INSERT INTO public.d SELECT 1 FROM generate_series(1, 500); CREATE TABLE public.\"100%_B\" (); ANALYZE",
    );
    let mut client = connect(cluster, &database).await;
    let schemas = client.schemas().await.unwrap();
    assert_eq!(schemas.iter().map(|schema| (schema.name.as_str(), schema.tables)).collect::<Vec<_>>(), [("public", 5)]);
    let tables = client.tables("public", None, None, 100).await.unwrap();
    let shown: Vec<_> = tables.iter().map(|table| (table.name.as_str(), table.kind, table.estimated_rows)).collect();
    assert_eq!(shown, [
        ("100%_B", TableKind::Table, None),
        ("a", TableKind::Table, Some(1000)),
        ("b", TableKind::View, None),
        ("c", TableKind::MaterializedView, Some(1)),
        ("d", TableKind::PartitionedTable, Some(500)),
    ]);
    let names = |tables: Vec<mycorr_pgread::TableEntry>| tables.into_iter().map(|table| table.name).collect::<Vec<_>>();
    assert_eq!(names(client.tables("public", Some("b"), None, 100).await.unwrap()), ["100%_B", "b"]);
    assert_eq!(names(client.tables("public", Some("%_"), None, 100).await.unwrap()), ["100%_B"]);
    assert_eq!(names(client.tables("public", None, Some("a"), 2).await.unwrap()), ["b", "c"]);
    let description = client.describe("public", "a").await.unwrap();
    let columns: Vec<_> =
        description.columns.iter().map(|c| (c.name.as_str(), c.pg_type.as_str(), c.nullable, c.primary_key)).collect();
    assert_eq!(columns, [("id", "integer", false, true), ("v", "numeric(8,2)", false, false)]);
    assert!(!description.row_security);
    assert_eq!(client.describe("public", "A").await.unwrap_err().code, Code::TableNotFound);
    assert_eq!(client.describe("p\"; DROP TABLE a; --", "a").await.unwrap_err().code, Code::TableNotFound);
}

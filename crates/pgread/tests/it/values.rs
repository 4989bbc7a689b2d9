//! Every value arrives as PostgreSQL prints it: the server itself is the oracle.

use crate::{
    support::{connect, read, unsaved},
    types,
};
use mycorr_domain::Cell;
use mycorr_testkit::{Cluster, Database, Server};

#[tokio::test]
async fn every_type_arrives_as_it_is_printed() {
    let database = Database::create(Cluster::shared());
    types::make(&database, Server::distribution().major());
    types::compare(&database, "every_type", Cluster::shared().port()).await;
}

#[tokio::test]
async fn a_companion_comes_late_and_stays() {
    let database = Database::create(Cluster::shared());
    database.sql(
        "CREATE TABLE public.t AS SELECT n, CASE WHEN n = 150000 THEN 'infinity' ELSE '2024-01-01'::timestamp + n * interval '1 s' END AS v \
         FROM generate_series(0, 199999) n",
    );
    types::compare(&database, "t", Cluster::shared().port()).await;
}

#[tokio::test]
async fn bytes_that_are_no_utf8_are_kept() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let ascii = format!("{}_ascii", database.name);
    cluster.sql(&format!(
        "CREATE DATABASE \"{ascii}\" ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    ));
    cluster.sql_in(
        &ascii,
        "SET client_encoding='SQL_ASCII'; CREATE TABLE public.t (n int, v text); GRANT SELECT ON public.t TO PUBLIC; \
         INSERT INTO public.t VALUES (0, E'gr\\xfcn'), (1, 'plain'), (2, ''), (3, null), (4, E'\\xc3\\xbc'), (5, E'\\xff')",
    );
    let mut target = crate::support::target(cluster, &database);
    target.endpoint.database = mycorr_domain::DatabaseName::parse(&ascii).unwrap();
    let client = mycorr_pgread::Client::connect(&crate::support::dialer(), &target, unsaved()).await.unwrap();
    let (_, rows) = read(client, "public", "t").await.unwrap();
    let values: Vec<Cell> = rows.into_iter().map(|mut row| row.remove(1)).collect();
    assert_eq!(
        values,
        [
            Cell::Bytes(b"gr\xfcn".to_vec()),
            Cell::Text("plain".into()),
            Cell::Text(String::new()),
            Cell::Null,
            Cell::Text("ü".into()),
            Cell::Bytes(b"\xff".to_vec()),
        ]
    );
}

#[tokio::test]
async fn tables_of_any_shape() {
    let database = Database::create(Cluster::shared());
    let wide: Vec<String> = (0..1600).map(|n| format!("c{n} int")).collect();
    database.sql(&format!(
        "CREATE TABLE public.none (); INSERT INTO public.none SELECT FROM generate_series(1, 3); \
         CREATE TABLE public.wide ({}); INSERT INTO public.wide (c0, c1599) VALUES (1, 2); \
         CREATE TABLE public.\"O'Brien \"\"x\"\".y 👩‍🔬\" (\"SELECT\" int, \"a.b\" text, \"Ä\" int, \"ä\" int); \
         INSERT INTO public.\"O'Brien \"\"x\"\".y 👩‍🔬\" VALUES (1, 'x', 2, 3); \
         CREATE TABLE public.dropped (a int, b int, c int GENERATED ALWAYS AS (a * 2) STORED); \
         ALTER TABLE public.dropped DROP b; INSERT INTO public.dropped VALUES (4); \
         CREATE TABLE public.parent (id int) PARTITION BY LIST (id); \
         CREATE TABLE public.child PARTITION OF public.parent FOR VALUES IN (1, 2); INSERT INTO public.parent VALUES (1), (2); \
         CREATE VIEW public.view AS SELECT generate_series(1, 3) AS n; \
         CREATE MATERIALIZED VIEW public.matview AS SELECT 1 AS one; \
         CREATE TABLE public.empty (a int)",
        wide.join(", ")
    ));
    let text = |cell: &Cell| match cell {
        Cell::Null => "-".to_owned(),
        Cell::Text(text) => text.clone(),
        other => format!("{other:?}"),
    };
    for (table, columns, rows) in [
        ("none", vec![], vec!["", "", ""]),
        ("O'Brien \"x\".y 👩‍🔬", vec!["SELECT", "a.b", "Ä", "ä"], vec!["1,x,2,3"]),
        ("dropped", vec!["a", "c"], vec!["4,8"]),
        ("parent", vec!["id"], vec!["1", "2"]),
        ("child", vec!["id"], vec!["1", "2"]),
        ("view", vec!["n"], vec!["1", "2", "3"]),
        ("matview", vec!["one"], vec!["1"]),
        ("empty", vec!["a"], vec![]),
    ] {
        let (found, read) = read(connect(Cluster::shared(), &database).await, "public", table).await.unwrap();
        assert_eq!(found.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), columns, "{table}");
        let read: Vec<String> =
            read.iter().map(|row| row.iter().map(text).collect::<Vec<_>>().join(",")).collect();
        assert_eq!(read, rows, "{table}");
    }
    let (columns, rows) = read(connect(Cluster::shared(), &database).await, "public", "wide").await.unwrap();
    assert_eq!((columns.len(), rows[0].len()), (1600, 1600));
    assert_eq!(
        (&rows[0][0], &rows[0][1], &rows[0][1599]),
        (&Cell::Text("1".into()), &Cell::Null, &Cell::Text("2".into()))
    );
}

//! What the role may not do is said with the line that mends it, and that line mends it.

use crate::support::{begun, connect, read};
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
    let Err(problem) = begun(client, &description, Some(&wanted), Default::default()).await else { panic!() };
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
    let schemas = client.schemas(None, 1000).await.unwrap();
    assert_eq!(
        schemas.iter().map(|schema| (schema.name.as_str(), schema.tables)).collect::<Vec<_>>(),
        [("public", 5)]
    );
    let tables = client.tables("public", None, None, 100).await.unwrap();
    let shown: Vec<_> =
        tables.iter().map(|table| (table.name.as_str(), table.kind, table.estimated_rows)).collect();
    assert_eq!(
        shown,
        [
            ("100%_B", TableKind::Table, None),
            ("a", TableKind::Table, Some(1000)),
            ("b", TableKind::View, None),
            ("c", TableKind::MaterializedView, Some(1)),
            ("d", TableKind::PartitionedTable, Some(500)),
        ]
    );
    let names = |tables: Vec<mycorr_pgread::TableEntry>| {
        tables.into_iter().map(|table| table.name).collect::<Vec<_>>()
    };
    assert_eq!(names(client.tables("public", Some("b"), None, 100).await.unwrap()), ["100%_B", "b"]);
    assert_eq!(names(client.tables("public", Some("%_"), None, 100).await.unwrap()), ["100%_B"]);
    assert_eq!(names(client.tables("public", None, Some("a"), 2).await.unwrap()), ["b", "c"]);
    let description = client.describe("public", "a").await.unwrap();
    let columns: Vec<_> = description
        .columns
        .iter()
        .map(|c| (c.name.as_str(), c.pg_type.as_str(), c.nullable, c.primary_key))
        .collect();
    assert_eq!(columns, [("id", "integer", false, true), ("v", "numeric(8,2)", false, false)]);
    assert!(!description.row_security);
    assert_eq!(client.describe("public", "A").await.unwrap_err().code, Code::TableNotFound);
    assert_eq!(client.describe("p\"; DROP TABLE a; --", "a").await.unwrap_err().code, Code::TableNotFound);
}

#[tokio::test]
async fn the_passport_says_what_is_too_much_and_what_is_missing_and_its_sql_mends_both() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let role = &database.role;
    database.sql(&format!(
        "CREATE SCHEMA \"Closed\"; CREATE TABLE \"Closed\".a (); CREATE TABLE public.t (id int); ALTER TABLE public.t ENABLE ROW LEVEL SECURITY; \
         CREATE ROLE \"{role} writers\"; GRANT \"{role} writers\" TO \"{role}\"; GRANT INSERT ON public.t TO \"{role} writers\"; \
         GRANT DELETE ON public.t TO \"{role}\"; GRANT CREATE ON SCHEMA public TO PUBLIC; \
         GRANT CREATE ON DATABASE \"{0}\" TO \"{role}\"; ALTER ROLE \"{role}\" CREATEDB BYPASSRLS",
        database.name
    ));
    let passport = connect(cluster, &database).await.passport().await.unwrap();
    assert_eq!(passport.excess.len(), 5, "{:#?}", passport.excess);
    let rights = |passport: &mycorr_pgread::RolePrivileges| {
        passport
            .schemas
            .iter()
            .map(|s| (s.name.clone(), s.tables, s.readable, s.row_security))
            .collect::<Vec<_>>()
    };
    assert_eq!(rights(&passport), [("Closed".into(), 1, 0, 0), ("public".into(), 1, 1, 0)]);
    for excess in &passport.excess {
        database.sql(excess.revoke.as_ref().unwrap());
    }
    for schema in &passport.schemas {
        database.sql(schema.grant.as_deref().unwrap_or("SELECT"));
    }
    let mended = connect(cluster, &database).await.passport().await.unwrap();
    assert_eq!(mended.excess, []);
    assert_eq!(rights(&mended), [("Closed".into(), 1, 1, 0), ("public".into(), 1, 1, 0)]);
}

#[tokio::test]
async fn the_passport_means_those_tables_and_no_others() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let role = &database.role;
    database.sql(&format!(
        "CREATE TABLE public.open (id int); CREATE TABLE public.\"Shut, it is\" (id int); CREATE TABLE public.\"column\" (id int, v int); \
         CREATE TABLE public.everybody (id int); REVOKE ALL ON ALL TABLES IN SCHEMA public FROM \"{role}\"; \
         GRANT SELECT ON public.open, public.\"column\", public.everybody TO \"{role}\"; \
         GRANT UPDATE (v) ON public.\"column\" TO \"{role}\"; GRANT TRIGGER ON public.everybody TO PUBLIC"
    ));
    let passport = connect(cluster, &database).await.passport().await.unwrap();
    let quoted = mycorr_pgread::sql::identifier(role);
    assert_eq!(
        passport.schemas[0].grant.as_deref(),
        Some(format!("GRANT SELECT ON public.\"Shut, it is\" TO {quoted};").as_str())
    );
    let revokes: Vec<&str> = passport.excess.iter().map(|excess| excess.revoke.as_deref().unwrap()).collect();
    assert_eq!(
        revokes,
        [
            "REVOKE TRIGGER ON public.everybody FROM PUBLIC;".to_owned(),
            format!("REVOKE UPDATE ON public.\"column\" FROM {quoted};"),
        ]
    );
    for sql in revokes {
        database.sql(sql);
    }
    database.sql(passport.schemas[0].grant.as_deref().unwrap());
    let mended = connect(cluster, &database).await.passport().await.unwrap();
    assert_eq!((mended.excess.len(), mended.schemas[0].readable, mended.schemas[0].tables), (0, 4, 4));

    // More than can be named one by one.
    let many: String = (0..30).map(|n| format!("CREATE TABLE public.t{n} (id int);")).collect();
    database.sql(&format!("{many} REVOKE ALL ON ALL TABLES IN SCHEMA public FROM \"{role}\"; GRANT SELECT ON public.open TO \"{role}\""));
    let passport = connect(cluster, &database).await.passport().await.unwrap();
    assert!(passport.schemas[0].grant.as_deref().unwrap().contains("ON ALL TABLES IN SCHEMA public"));
}

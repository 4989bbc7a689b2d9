//! What ends a read.

use super::{Table, copied};
use crate::support::{begin, begun, connect, read};
use mycorr_domain::{Code, Problem};
use mycorr_pgread::ScanLimits;
use mycorr_testkit::{Cluster, Database};

pub(super) async fn fails(database: &Database<'_>, table: &str) -> Problem {
    let client = connect(database.cluster, database).await;
    let (schema, table) = table.split_once('.').unwrap_or(("public", table));
    match read(client, schema, table).await {
        Ok(_) => panic!("{table} was read"),
        Err(problem) => problem,
    }
}

pub(super) async fn works(database: &Database<'_>, table: &str) {
    let client = connect(database.cluster, database).await;
    let (schema, table) = table.split_once('.').unwrap_or(("public", table));
    read(client, schema, table).await.unwrap_or_else(|problem| panic!("{table}: still {problem:?}"));
}

pub(super) async fn rows(table: &mut Table) {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    rights(table, &database).await;
    views(table, &database).await;
    changes(table, &database).await;
    limits(table, &database).await;
    encodings(table, cluster).await;
}

/// Each with the SQL that mends it.
async fn rights(table: &mut Table, database: &Database<'_>) {
    let role = &database.role;
    database.sql(&format!(
        "CREATE SCHEMA \"Sales\"; CREATE TABLE \"Sales\".\"Order\" (id int, secret int); INSERT INTO \"Sales\".\"Order\" VALUES (1, 2); \
         CREATE TABLE public.base (id int); INSERT INTO public.base VALUES (1); CREATE ROLE {role}_owner; \
         CREATE VIEW public.window AS SELECT id FROM public.base; GRANT CREATE, USAGE ON SCHEMA public TO {role}_owner; \
         ALTER VIEW public.window OWNER TO {role}_owner; GRANT SELECT ON public.window TO {role}"
    ));
    for (code, words) in [
        (Code::SchemaPermissionDenied, "permission denied for schema Sales"),
        (Code::TablePermissionDenied, "permission denied for table Order"),
    ] {
        let client = connect(database.cluster, database).await;
        let problem = read(client, "Sales", "Order").await.unwrap_err();
        let fix = table.row(words, &problem, code, &[words]);
        database.sql(&fix);
    }
    database.sql(&format!(
        "REVOKE SELECT ON \"Sales\".\"Order\" FROM {role}; GRANT SELECT (id) ON \"Sales\".\"Order\" TO {role}"
    ));
    let mut client = connect(database.cluster, database).await;
    let description = client.describe("Sales", "Order").await.unwrap();
    let wanted = ["secret".to_owned()];
    let Err(problem) = begun(client, &description, Some(&wanted), ScanLimits::default()).await else {
        panic!()
    };
    let words = ["permission denied for table Order", "secret"];
    let fix = table.row("a column", &problem, Code::ColumnPermissionDenied, &words);
    database.sql(&fix);
    assert_eq!(read(connect(database.cluster, database).await, "Sales", "Order").await.unwrap().0.len(), 2);

    // The view may be read, and its owner may not read what is beneath.
    let problem = fails(database, "window").await;
    let words = ["permission denied for table base", "public.window needs it", "_owner lacks SELECT"];
    let fix = table.row("beneath a view", &problem, Code::TablePermissionDenied, &words);
    assert_eq!(fix, format!("GRANT SELECT ON public.base TO {role}_owner;"));
    database.sql(&fix);
    works(database, "window").await;

    // A right that goes away between the look into the catalogue and the read.
    let mut client = connect(database.cluster, database).await;
    let description = client.describe("public", "base").await.unwrap();
    database.sql(&format!("REVOKE SELECT ON public.base FROM {role}"));
    let Err(problem) = begun(client, &description, None, ScanLimits::default()).await else { panic!() };
    let words = ["permission denied for table base"];
    let fix = table.row("a right taken away", &problem, Code::TablePermissionDenied, &words);
    database.sql(&fix);
    works(database, "base").await;

    database.sql(
        "ALTER TABLE public.base ENABLE ROW LEVEL SECURITY; \
         CREATE FUNCTION public.all_rows() RETURNS SETOF int LANGUAGE plpgsql STABLE SET row_security = off \
           AS 'BEGIN RETURN QUERY SELECT id FROM public.base; END'; \
         CREATE VIEW public.every AS SELECT * FROM public.all_rows() AS id",
    );
    let problem = fails(database, "every").await;
    let fix = table.row("row_security off", &problem, Code::RowSecurityHidesRows, &["Row-level security"]);
    database.sql(copied(&fix));
    works(database, "every").await;
}

async fn views(table: &mut Table, database: &Database<'_>) {
    database.sql(
        "CREATE TABLE public.written (id int); SET check_function_bodies = off; \
         CREATE FUNCTION public.sneak() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'INSERT INTO public.written VALUES (1) RETURNING id'; \
         CREATE VIEW public.sneaky AS SELECT public.sneak() AS one; \
         CREATE FUNCTION public.lost() RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT count(*) FROM written); END'; \
         CREATE VIEW public.losing AS SELECT public.lost() AS one; \
         CREATE FUNCTION public.lost_too() RETURNS int LANGUAGE sql STABLE AS 'SELECT one_more()'; \
         CREATE FUNCTION public.one_more() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1'; \
         CREATE VIEW public.losing_too AS SELECT public.lost_too() AS one; \
         CREATE MATERIALIZED VIEW public.\"Unfilled\" AS SELECT 1 AS one WITH NO DATA; \
         CREATE FUNCTION public.deep(n int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN public.deep(n + 1); END'; \
         CREATE VIEW public.abyss AS SELECT public.deep(1) AS one",
    );
    let problem = fails(database, "sneaky").await;
    table.row("a view that writes", &problem, Code::WriteRefused, &["nothing was changed"]);
    assert_eq!(database.sql("SELECT count(*) FROM public.written"), "0");

    for (view, function, sqlstate) in [("losing", "lost()", "42P01"), ("losing_too", "lost_too()", "42883")] {
        let problem = fails(database, view).await;
        let words =
            ["search_path = pg_catalog", "without its schema", sqlstate, &format!("public.{function}")];
        let fix = table.row("a name without a schema", &problem, Code::ViewFailed, &words);
        database.sql(copied(&fix));
        works(database, view).await;
    }
    let fix = table.row(
        "a view never filled",
        &fails(database, "Unfilled").await,
        Code::SourceError,
        &["never filled", "public.Unfilled"],
    );
    database.sql(&fix);
    works(database, "Unfilled").await;
    let problem = fails(database, "abyss").await;
    table.row(
        "a function without end",
        &problem,
        Code::ViewFailed,
        &["54001", "stack", "public.deep(integer)"],
    );
}

async fn changes(table: &mut Table, database: &Database<'_>) {
    database.sql("CREATE TABLE public.gone (id int); CREATE TABLE public.altered (id int)");
    let mut client = connect(database.cluster, database).await;
    let problem = client.describe("public", "never").await.unwrap_err();
    table.row("no table", &problem, Code::TableNotFound, &["public.never"]);
    for (name, change, code) in [
        ("gone", "DROP TABLE public.gone", Code::TableNotFound),
        ("altered", "ALTER TABLE public.altered ALTER id TYPE text", Code::SourceChanged),
    ] {
        let mut client = connect(database.cluster, database).await;
        let description = client.describe("public", name).await.unwrap();
        database.sql(change);
        let Err(problem) = begun(client, &description, None, ScanLimits::default()).await else { panic!() };
        table.row(change, &problem, code, &[name]);
    }
}

async fn limits(table: &mut Table, database: &Database<'_>) {
    let role = &database.role;
    database.sql(
        "CREATE TABLE public.wide AS SELECT n AS id, repeat('x', 200000) AS blob FROM generate_series(1, 3) n; \
         CREATE TABLE public.held (id int); \
         CREATE VIEW public.sorted AS SELECT n, repeat('x', 100) AS t FROM generate_series(1, 100000) n ORDER BY md5(n::text); \
         CREATE VIEW public.slow AS SELECT 1 AS one, pg_sleep(1)::text AS t; \
         CREATE VIEW public.stuck AS SELECT repeat('x', 10000) AS t, pg_sleep(n)::text FROM generate_series(0, 3600, 3600) n",
    );
    let mut client = connect(database.cluster, database).await;
    let description = client.describe("public", "wide").await.unwrap();
    let mut scan = begin(client, &description, ScanLimits { row: 100_000, ..ScanLimits::default() }).await;
    let problem = scan.next().await.unwrap_err();
    table.row("a large row", &problem, Code::RowTooLarge, &["Row 1 of public.wide", "blob"]);
    scan.close().await;

    database.sql(&format!("ALTER ROLE {role} SET statement_timeout = '300ms'"));
    let problem = fails(database, "slow").await;
    let fix = table.row("statement_timeout", &problem, Code::StatementTimeout, &["statement_timeout"]);
    database.sql(&fix);
    works(database, "slow").await;

    database.sql(&format!(
        "ALTER ROLE {role} SET work_mem = '64kB'; ALTER ROLE {role} SET temp_file_limit = '1MB'"
    ));
    let fix = table.row(
        "temp_file_limit",
        &fails(database, "sorted").await,
        Code::SourceError,
        &["temp_file_limit", "53400"],
    );
    database.sql(&fix);
    works(database, "sorted").await;

    database.sql(&format!("ALTER ROLE {role} SET lock_timeout = '100ms'"));
    let lock = async {
        let text = "BEGIN; LOCK TABLE public.held; SELECT pg_sleep(3)";
        database.cluster.sql_async(&database.name, text).await
    };
    let reading = async {
        let held = "SELECT EXISTS (SELECT FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 'public.held'::regclass)";
        while database.cluster.sql_async(&database.name, held).await != "t" {}
        fails(database, "held").await
    };
    let (_, problem) = tokio::join!(lock, reading);
    table.row("a lock", &problem, Code::StatementTimeout, &["lock"]);
    works(database, "held").await;

    let mut client = connect(database.cluster, database).await;
    let description = client.describe("public", "stuck").await.unwrap();
    let mut scan = begin(client, &description, ScanLimits::default()).await;
    assert_eq!(database.kill_backends(), 1);
    let problem = loop {
        match scan.next().await {
            Ok(batch) => assert!(batch.is_some(), "a killed read ended well"),
            Err(problem) => break problem,
        }
    };
    table.row(
        "an administrator",
        &problem,
        Code::ServerShuttingDown,
        &["administrator ended this connection"],
    );
}

async fn encodings(table: &mut Table, cluster: &Cluster) {
    let mut database = Database::create(cluster);
    let name = format!("{}_1252", database.name);
    cluster.sql(&format!("CREATE DATABASE {name} ENCODING 'WIN1252' LOCALE 'C' TEMPLATE template0"));
    database.name = name;
    database.sql(&format!(
        "CREATE TABLE public.hole AS SELECT convert_from('\\x81', 'WIN1252') AS t; GRANT SELECT ON public.hole TO {}",
        database.role
    ));
    let problem = fails(&database, "hole").await;
    table.row("a character that UTF-8 lacks", &problem, Code::SourceError, &["UTF-8", "22P05"]);
}

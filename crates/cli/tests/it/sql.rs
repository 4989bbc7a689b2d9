//! The SQL door.

mod bounds;
mod clients;
mod divided;
mod world;

use mycorr_testkit::{Authority, Leaf};
use reqwest::Method;
use serde_json::json;
use std::process::{Command, Stdio};
use world::{MODEL, SHOP, World, installed, source, succeeded, text};

#[tokio::test(flavor = "multi_thread")]
async fn psql_lists_describes_and_reads() {
    let world = World::with(SHOP, &["orders", "Customers"]).await;
    let run = |command: &str| succeeded(&world.psql().args(["-d", MODEL, "-c", command]).output().unwrap());
    let listed = run("\\dt");
    for name in ["orders", "Customers", "public", "(2 rows)"] {
        assert!(listed.contains(name), "{listed}");
    }
    assert!(run("\\d").contains("orders"));
    let described = run("\\d orders");
    for line in [
        ["id", "integer", "not null"],
        ["customer", "character varying(20)", "not null"],
        ["total", "numeric(12,2)", ""],
        ["placed_at", "timestamp(3) with time zone", ""],
        ["note", "text", ""],
        ["code", "character(3)", ""],
        ["Odd name", "boolean", ""],
    ] {
        let holds = |row: &str| {
            row.trim_start().starts_with(line[0]) && row.contains(line[1]) && row.contains(line[2])
        };
        assert!(described.lines().any(holds), "{line:?} is not in\n{described}");
    }
    // As the source itself answers.
    for sql in [
        "SELECT * FROM orders ORDER BY id",
        "SELECT count(*) FROM orders",
        "SELECT customer, count(*), sum(total), min(placed_at) FROM orders GROUP BY customer ORDER BY customer",
        "SELECT o.id, c.since FROM orders o JOIN \"Customers\" c ON c.name = o.customer ORDER BY o.id LIMIT 5",
        "SELECT id FROM orders WHERE total > '9.5' AND total < 13 AND note LIKE 'note%' ORDER BY id",
        "SELECT id, \"Odd name\" FROM orders WHERE \"Odd name\" = 'yes' ORDER BY id DESC LIMIT 3",
        "SELECT id FROM orders WHERE id IN ('5', '10') OR placed_at = '2026-01-01 07:00:00+00' ORDER BY 1",
        "SELECT DISTINCT code FROM orders WHERE rtrim(code) < 'D' ORDER BY code",
        "WITH large AS (SELECT * FROM orders WHERE total >= 1000) SELECT count(*), max(id) FROM large",
        "SELECT NULL AS nothing, 1.10 AS scale, 'it''s' AS text, true AS yes",
        "VALUES (1, 'a'), (2, 'b')",
    ] {
        assert_eq!(world.says(sql), world.database.sql(sql).trim(), "{sql}");
    }
    assert_eq!(
        run("COPY (SELECT id, note FROM orders WHERE id < 3 ORDER BY id) TO STDOUT"),
        "1\tnote 1\n2\tnote 2"
    );
    assert!(world.mycorr.metrics().await.contains("mycorr_sql_unknown_catalogue_queries_total 0\n"));
    world.refuses("SELECT nothing FROM pg_catalog.pg_class", "42703");
    let metrics = world.mycorr.metrics().await;
    assert!(metrics.contains("mycorr_sql_unknown_catalogue_queries_total 1\n"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_queries_is_answered() {
    let world = World::with(SHOP, &["orders"]).await;
    let sent = || {
        let all = world.cluster.log_statements();
        all.iter().filter(|sent| sent.database == world.database.name).count()
    };
    let before = sent();
    for (sql, state) in [
        ("INSERT INTO orders (id) VALUES (0)", "25006"),
        ("UPDATE orders SET id = 1", "25006"),
        ("DELETE FROM orders", "25006"),
        ("TRUNCATE orders", "25006"),
        ("CREATE TABLE t (a int)", "25006"),
        ("CREATE TABLE t AS SELECT 1", "25006"),
        ("SELECT * INTO t FROM orders", "25006"),
        ("SELECT * FROM orders FOR UPDATE", "25006"),
        ("WITH gone AS (DELETE FROM orders RETURNING id) SELECT * FROM gone", "25006"),
        ("DROP TABLE orders", "25006"),
        ("COPY orders FROM STDIN", "25006"),
        ("COPY orders TO '/tmp/orders'", "0A000"),
        ("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'", "42601"),
        ("SELECT * FROM '/etc/passwd'", "42P01"),
        ("EXPLAIN SELECT 1", "0A000"),
        ("SET work_mem = '1GB'", "42704"),
        ("SET TimeZone = 'Europe/Berlin'", "0A000"),
        ("SELEC 1", "42601"),
        ("SELECT nothing FROM orders", "42703"),
        ("SELECT * FROM nothing", "42P01"),
        ("SELECT no_such_function(1)", "42883"),
        ("SELECT 1 / 0 FROM orders", "22012"),
        ("SELECT id FROM orders WHERE id = 'x'", "22P02"),
        ("SELECT id FROM orders WHERE note > 5", "42883"),
        ("SELECT id FROM orders WHERE code = 'A'", "0A000"),
        ("SELECT repeat('x', 1000000)", "42883"),
    ] {
        world.refuses(sql, state);
    }
    for (sql, said) in [
        ("SHOW server_encoding", "UTF8"),
        ("SET DateStyle = 'ISO, DMY'; SHOW DateStyle", "ISO, MDY"),
        ("BEGIN READ ONLY; SELECT 1; COMMIT", "1"),
        ("START TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT 2; ROLLBACK", "2"),
        ("DISCARD ALL; SELECT current_database(), current_schema()", "Work|public"),
    ] {
        assert_eq!(world.says(sql), said, "{sql}");
    }
    assert_eq!(sent(), before, "a statement reached the source");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_sees_what_its_person_may_read_at_one_moment() {
    let world = World::with(SHOP, &["orders", "Customers"]).await;
    let (mycorr, database) = (&world.mycorr, &world.database);
    let tables = mycorr.get(&format!("/models/{}/tables", world.model)).await;
    let orders = tables["items"].as_array().unwrap().iter().find(|table| table["name"] == "orders").unwrap();
    let id = orders["id"].as_str().unwrap().to_owned();
    let name = json!({"name": "before"});
    mycorr.ask(Method::PUT, &format!("/tables/{id}/versions/1/checkpoint"), Some(name)).await;
    let then = database.sql("SELECT to_char(now(), 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')").trim().to_owned();
    database.sql("DELETE FROM orders WHERE id > 10");
    let job =
        mycorr.ask(Method::PUT, &format!("/tables/{id}/sync-policy"), Some(json!({"hold": "never"}))).await;
    assert!(job.0.is_success(), "{job:?}");
    mycorr.sync(&id).await;
    let count = "SELECT count(*) FROM orders";
    for (at, rows) in [
        (MODEL.to_owned(), "10"),
        (world.model.clone(), "10"),
        (format!("{MODEL}@before"), "1000"),
        (format!("{}@{then}", world.model), "1000"),
    ] {
        assert_eq!(world.ask(&at, count).as_deref(), Ok(rows), "{at}");
    }
    // Only what has such a version is there.
    assert!(
        world.ask(&format!("{MODEL}@before"), "SELECT * FROM \"Customers\"").unwrap_err().contains("42P01")
    );
    assert_eq!(
        world
            .ask(
                &format!("{MODEL}@2001-01-01T00:00:00Z"),
                "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
            )
            .as_deref(),
        Ok("0")
    );
    for gone in ["Other", "Work@", "", "019ad000-0000-7000-8000-000000000000"] {
        let refused = world.psql().args(["-d", gone, "-c", "SELECT 1"]).output().unwrap();
        assert!(!refused.status.success(), "{gone}");
    }

    // Another person: what they may not read does not exist for them.
    let command = ["user", "create", "--email", "bob@example.org", "--name", "Bob", "--password-stdin"];
    mycorr.command_with(&command, "correct horse battery staple\n");
    let token =
        mycorr.command(&["token", "create", "--email", "bob@example.org", "--name", "sql"]).trim().to_owned();
    let as_bob = |database: &str, token: &str| {
        let mut psql = world.psql();
        psql.env("PGPASSWORD", token).args([
            "-U",
            "bob@example.org",
            "-A",
            "-t",
            "-d",
            database,
            "-c",
            count,
        ]);
        let output = psql.output().unwrap();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    };
    for database in [MODEL, &world.model] {
        assert!(as_bob(database, &token).unwrap_err().contains("does not exist"));
    }
    assert!(as_bob(MODEL, mycorr.token()).unwrap_err().contains("password authentication failed"));
    assert!(as_bob(MODEL, "mycorr_wrong").unwrap_err().contains("password authentication failed"));
    let viewer = json!({"email": "bob@example.org", "access": "viewer"});
    let (status, member) =
        mycorr.ask(Method::PUT, &format!("/models/{}/members", world.model), Some(viewer)).await;
    assert!(status.is_success(), "{member:#}");
    assert_eq!(as_bob(MODEL, &token).as_deref(), Ok("10"));
    let log = mycorr.log();
    assert!(!log.contains(&token) && !log.contains(mycorr.token()), "a token is in the log");
    assert!(!log.contains("note 7"), "a value is in the log");
}

/// A session that goes on, in which statements are sent one after the other.
struct Going {
    psql: std::process::Child,
    lines: std::io::Lines<std::io::BufReader<std::process::ChildStdout>>,
}

impl Going {
    fn start(mut psql: Command) -> Self {
        use std::io::BufRead;
        psql.args(["-q", "-A", "-t", "-d", MODEL])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut psql = psql.spawn().unwrap();
        let lines = std::io::BufReader::new(psql.stdout.take().unwrap()).lines();
        Self { psql, lines }
    }

    /// The first line of the answer; `None` when the session has ended.
    fn ask(&mut self, sql: &str) -> Option<String> {
        use std::io::Write;
        writeln!(self.psql.stdin.as_mut()?, "{sql}").ok()?;
        self.lines.next()?.ok()
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        let _ = self.psql.kill();
        let _ = self.psql.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_or_a_lost_right_ends_the_session() {
    let world = World::with(SHOP, &["orders"]).await;
    let mycorr = &world.mycorr;
    let made = mycorr.post("/tokens", json!({"name": "sql"})).await;
    let token = made["token"].as_str().unwrap_or_else(|| panic!("{made:#}"));
    let session = || {
        let mut psql = world.psql();
        psql.env("PGPASSWORD", token);
        Going::start(psql)
    };
    let (mut asking, mut idle) = (session(), session());
    for session in [&mut asking, &mut idle] {
        assert_eq!(session.ask("SELECT count(*) FROM orders;").as_deref(), Some("1000"));
    }
    let sessions = |metrics: String| metrics.lines().any(|line| line == "mycorr_sql_sessions 2");
    assert!(sessions(mycorr.metrics().await));
    let path = format!("/tokens/{}", made["id"].as_str().unwrap());
    assert!(mycorr.ask(Method::DELETE, &path, None).await.0.is_success());
    assert_eq!(asking.ask("SELECT count(*) FROM orders;"), None);
    // Who asks nothing is looked at as well.
    while !mycorr.metrics().await.contains("\nmycorr_sql_sessions 0\n") {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    drop(idle);

    let mut last = Going::start(world.psql());
    assert_eq!(last.ask("SELECT 1;").as_deref(), Some("1"));
    assert!(mycorr.ask(Method::DELETE, &format!("/models/{}", world.model), None).await.0.is_success());
    assert_eq!(last.ask("SELECT count(*) FROM orders;"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_messages_and_memory_are_bounded() {
    let world = World::start(SHOP, &["orders"], &[("MYCORR_QUERY_MEMORY", "67108864")]).await;
    let mut sessions: Vec<Going> = (0..25).map(|_| Going::start(world.psql())).collect();
    for session in &mut sessions {
        assert_eq!(session.ask("SELECT 1;").as_deref(), Some("1"));
    }
    world.refuses("SELECT 1", "too many connections");
    sessions.truncate(20);
    while world.ask(MODEL, "SELECT 1").is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    // A statement of more than a message may have ends its session, and no other.
    let long = format!("SELECT '{}';", "x".repeat(17 << 20));
    assert_eq!(sessions[0].ask(&long), None);
    assert_eq!(sessions[1].ask("SELECT 2;").as_deref(), Some("2"));
    // What needs more than its share of memory is refused, and the door goes on.
    let pairs = "(SELECT a.id * 1000 + b.id AS n FROM orders a CROSS JOIN orders b)";
    let large = format!("SELECT count(*) FROM {pairs} l JOIN {pairs} r ON l.n = r.n");
    world.refuses(&large, "53200");
    assert_eq!(world.says("SELECT count(*) FROM orders a CROSS JOIN orders b"), "1000000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_never_sent_in_clear_to_another_machine() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("door");
    let leaf = authority.issue(&Leaf::default());
    let (certificate, key) = (folder.path().join("certificate"), folder.path().join("key"));
    std::fs::write(&certificate, &leaf.certificate).unwrap();
    std::fs::write(&key, &leaf.key).unwrap();
    let root = folder.path().join("root");
    std::fs::write(&root, authority.pem()).unwrap();
    let files = [&certificate, &key].map(|path| path.to_str().unwrap());
    let settings = [("MYCORR_SQL_TLS_CERTIFICATE", files[0]), ("MYCORR_SQL_TLS_KEY", files[1])];
    let world = World::start(SHOP, &["orders"], &settings).await;
    let over = |mode: &str| {
        let mut psql = world.psql();
        psql.env("PGSSLMODE", mode).env("PGSSLROOTCERT", &root);
        psql.args(["-h", "localhost", "-A", "-t", "-d", MODEL, "-c", "SELECT count(*) FROM orders"])
            .output()
            .unwrap()
    };
    assert_eq!(succeeded(&over("verify-full")), "1000");
    let refused = over("disable");
    assert!(
        !refused.status.success() && text(&refused.stderr).contains("encrypted"),
        "{}",
        text(&refused.stderr)
    );

    let open = ["serve", "--share-data-dir", "--listen", "127.0.0.1:0", "--sql-listen", "0.0.0.0:0"];
    let plain = World::with("SELECT 1", &[]).await;
    let said = plain.mycorr.command_fails(&open);
    assert!(said.contains("MYCORR_SQL_TLS_CERTIFICATE"), "{said}");
}

const CELLS: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'glad');
    CREATE TABLE cells (
        id int PRIMARY KEY, bool boolean, int2 smallint, int8 bigint, oid oid, float4 real, float8 double precision,
        money_like numeric(12,2), any_size numeric, wide numeric(50,3), negative_scale numeric(5,-2), day date, clock time(3),
        clocktz timetz, stamp timestamp, stamptz timestamptz, span interval, bytes bytea, words text, limited varchar(10),
        padded char(5), label name, one \"char\", json json, jsonb jsonb, uuid uuid, bits bit(5), varbits varbit, xml xml,
        ints int[], texts text[], numbers numeric(6,2)[], stamps timestamptz[], grid int[][], jsons jsonb[], mood mood,
        inet inet, point point, spans int4range, vector tsvector, infinite timestamptz, nan numeric(8,3), never date,
        shortest float8, all_null text
    );
    INSERT INTO cells VALUES
        (1, true, -32768, 9223372036854775807, 4294967295, 1.1, 0.1, -9999999999.99, 123456789012345678901234567890.000100,
         12345678901234567890123456789012345678901234567.891, 12300, '2026-11-28', '23:59:59.999', '01:02:03+05:30',
         '2026-11-28 01:02:03.000001', '1999-12-31 23:59:59.5+00', '1 year 2 mons -3 days 04:05:06.789', '\\x00ff10',
         E'tab\t \"quoted\" ünïcode', 'abc', 'ab', 'name', 'c', '{\"a\": [1, 2.50]}', '{\"b\": 1.10}',
         'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '10101', '1', '<a>b</a>', '{1,NULL,3}', '{\"a b\",\"NULL\",NULL,\"\\\"\",\"\"}',
         '{1.50,-2.00}', '{\"2026-01-01 00:00:00+00\"}', '{{1,2},{3,4}}', '{\"{\\\"a\\\": 1}\"}', 'glad', '10.0.0.1/8', '(1,2)', '[1,5)',
         'a:1 b:2', 'infinity', 'NaN', '-infinity', 0.1::float8 + 0.2, NULL),
        (2, false, 0, 0, 0, '-0', 'NaN', 0, 'NaN', 0, 0, '0044-03-15 BC', '00:00', '24:00:00-12', '0044-03-15 12:00 BC',
         '294276-12-31 23:59:59+00', '-00:00:01', '', '', '', '', '', '', 'null', 'null', NULL, '00000', '', NULL, '{}', '{}',
         '{}', '{}', '[0:1][5:6]={{1,2},{3,4}}', '{}', 'sad', '::1', NULL, 'empty', '', '2026-01-01', 1, '2026-01-01', 1e300, NULL);
    INSERT INTO cells (id, float4, float8, any_size) VALUES (3, 'Infinity', '-Infinity', 'Infinity');";

/// Types whose values have a binary form that is not made here: a client that wants it is told so.
const TEXT_ONLY: &str = "inet,point,spans,vector";

#[tokio::test(flavor = "multi_thread")]
async fn cells_types_and_modifiers_are_those_of_the_source() {
    let world = World::with(CELLS, &["cells"]).await;
    let Some(python) = installed("python", &["psycopg[binary]==3.3.9"]) else { return };
    let mut program = Command::new(python);
    program.arg(source("exact.py")).arg(TEXT_ONLY);
    assert_eq!(succeeded(&world.client(program)), "44");
    // What is kept as text is not compared as text.
    for sql in [
        "SELECT id FROM cells WHERE any_size > 5",
        "SELECT id FROM cells ORDER BY any_size",
        "SELECT max(span) FROM cells",
        "SELECT DISTINCT infinite FROM cells",
        "SELECT any_size, count(*) FROM cells GROUP BY any_size",
        "SELECT a.id FROM cells a JOIN cells b ON a.nan = b.nan",
        "SELECT id FROM cells WHERE mood > 'glad'",
        "SELECT id FROM cells WHERE infinite < '2030-01-01'",
        "SELECT id FROM cells WHERE nan IN (SELECT nan FROM cells)",
        "SELECT s.x FROM (SELECT any_size AS x FROM cells) s ORDER BY s.x",
    ] {
        world.refuses(sql, "0A000");
    }
    for (sql, said) in [
        ("SELECT id FROM cells WHERE mood = 'glad'", "1"),
        ("SELECT id FROM cells WHERE TRY_CAST(infinite AS timestamptz) < '2030-01-01'", "2"),
        ("SELECT id FROM cells WHERE any_size::text = 'NaN'", "2"),
        ("SELECT words FROM cells ORDER BY any_size::text LIMIT 1", "tab\t \"quoted\" ünïcode"),
        ("SELECT count(DISTINCT nan::text) FROM cells", "2"),
        ("SELECT id FROM cells WHERE uuid = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "1"),
    ] {
        assert_eq!(world.says(sql), said, "{sql}");
    }
}

//! The door's bounds, as a client meets them.

use super::{
    Going,
    world::{MODEL, SHOP, World, text},
};
use serde_json::json;
use std::{
    io::Read,
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

const WAIT: Duration = Duration::from_millis(50);
/// 10^9 pairs: longer than a test waits.
const LONG: &str =
    "SELECT count(*) FROM orders a CROSS JOIN orders b CROSS JOIN orders c WHERE a.id + b.id > c.id";

fn begin(world: &World, sql: &str) -> Child {
    let mut psql = world.psql();
    psql.args(["-q", "-A", "-t", "-v", "VERBOSITY=verbose", "-d", MODEL, "-c", sql]);
    psql.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

async fn queries(world: &World) -> u64 {
    let metrics = world.mycorr.metrics().await;
    let line = metrics.lines().find_map(|line| line.strip_prefix("mycorr_sql_queries_total "));
    line.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_cancelled_ends_and_gives_back_what_it_held() {
    let world = World::with(SHOP, &["orders"]).await;
    // More than run at a time: each has to give its place back.
    for _ in 0..5 {
        let before = queries(&world).await;
        let running = begin(&world, LONG);
        while queries(&world).await == before {
            tokio::time::sleep(WAIT).await;
        }
        // psql sends a cancel request by a connection of its own.
        let sent = Command::new("kill").args(["-s", "INT", &running.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let output = running.wait_with_output().unwrap();
        assert!(text(&output.stderr).contains("57014"), "{}", text(&output.stderr));
    }
    assert_eq!(world.says("SELECT count(*) FROM orders"), "1000");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_too_long_for_memory_is_told_so() {
    let world = World::with(SHOP, &["orders"]).await;
    // Four whose clients don't read on.
    let rows = "COPY (SELECT a.*, b.* FROM orders a CROSS JOIN orders b) TO STDOUT";
    let mut holding: Vec<_> = (0..4).map(|_| begin(&world, rows)).collect();
    for held in &mut holding {
        let mut first = [0];
        held.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    }
    world.refuses("SELECT count(*) FROM orders", "53000");
    world.refuses("SELECT count(*) FROM orders", "too_busy");
    // What reads no table waits for nothing that they hold.
    assert_eq!(world.says("SELECT count(*) FROM pg_catalog.pg_class WHERE relname = 'orders'"), "1");
    for mut held in holding {
        held.kill().unwrap();
        held.wait().unwrap();
    }
    assert_eq!(world.says("SELECT count(*) FROM orders"), "1000");
}

#[allow(clippy::disallowed_methods, reason = "a client of the test's own server")]
#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_a_hundred_wait_for_one_to_end() {
    let world = World::with(SHOP, &["orders"]).await;
    let connect = || TcpStream::connect(("127.0.0.1", world.port)).unwrap();
    let mut silent: Vec<_> = (0..100).map(|_| connect()).collect();
    let asked = |seconds: &str| {
        let mut psql = world.psql();
        psql.env("PGCONNECT_TIMEOUT", seconds).args(["-A", "-t", "-d", MODEL, "-c", "SELECT 1"]);
        psql.output().unwrap()
    };
    assert!(!asked("2").status.success());
    silent.truncate(90);
    assert_eq!(text(&asked("20").stdout), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_one_model_opens_that_one_alone() {
    let world = World::with(SHOP, &["orders"]).await;
    let other = world.mycorr.post("/models", json!({"name": "Other"})).await;
    let body = json!({"name": "narrow", "model_id": world.model});
    let made = world.mycorr.post("/tokens", body).await;
    let token = made["token"].as_str().unwrap_or_else(|| panic!("{made:#}"));
    let narrow = || {
        let mut psql = world.psql();
        psql.env("PGPASSWORD", token);
        psql
    };
    let mut session = Going::start(narrow());
    assert_eq!(session.ask("SELECT count(*) FROM orders;").as_deref(), Some("1000"));
    for database in ["Other", other["id"].as_str().unwrap()] {
        let output = narrow().args(["-d", database, "-c", "SELECT 1"]).output().unwrap();
        assert!(text(&output.stderr).contains("does not exist"), "{}", text(&output.stderr));
    }
}

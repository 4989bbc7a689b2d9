//! A query of more rows than one node's memory and temporary files hold, on one node and on three.

use super::world::{MODEL, World, text};
use crate::product::{Mycorr, Second};
use mycorr_testkit::{Cluster, Database};
use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

/// As many groups as rows, unless `DIVIDED_ROWS` says otherwise.
const ROWS: u64 = 1_500_000;
/// `MYCORR_QUERY_MEMORY` in bytes, unless `DIVIDED_MEMORY` says otherwise: the least that can be set.
const MEMORY: u64 = 64 << 20;
/// `MYCORR_QUERY_DISK`, unless `DIVIDED_DISK` says otherwise. A query has a sixth of it, 11.7 bytes a row here: the groups
/// take 16, so two nodes hold them and one does not.
const DISK: u64 = 112 << 20;
const GROUPS: &str = "SELECT count(*), sum(n), max(n), sum(g % 1000 * n) \
                      FROM (SELECT id * 3 AS g, count(*) AS n FROM numbers GROUP BY id * 3) AS grouped";
const WAIT: Duration = Duration::from_millis(50);

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |value| value.parse().unwrap())
}

/// One node with the door open; others come beside it.
async fn world(metadata: &str) -> World {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let rows = setting("DIVIDED_ROWS", ROWS);
    database.sql(&format!(
        "CREATE TABLE numbers AS SELECT n AS id, 'name ' || n % 100 AS name FROM generate_series(1, {rows}::bigint) n"
    ));
    let settings = [
        ("MYCORR_DATABASE_URL", cluster.metadata_url(metadata)),
        ("MYCORR_QUERY_MEMORY", setting("DIVIDED_MEMORY", MEMORY).to_string()),
        ("MYCORR_QUERY_DISK", setting("DIVIDED_DISK", DISK).to_string()),
        ("MYCORR_CLUSTER_LISTEN", "127.0.0.1:0".to_owned()),
    ];
    let mut mycorr = Mycorr::start_with(&settings.map(|(name, value)| (name.to_owned(), value))).await;
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    mycorr.stop();
    mycorr.start_again_with(&["--sql-listen", &format!("127.0.0.1:{port}")]).await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let job = mycorr.import(&model, &connection, "numbers").await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    World { cluster, database, mycorr, model, port }
}

/// The addresses at which nodes take parts of queries.
async fn addresses(world: &World, metadata: &str, nodes: usize) -> Vec<String> {
    loop {
        let sql = "SELECT query_address FROM nodes WHERE query_address IS NOT NULL ORDER BY started_at";
        let found: Vec<_> = world.cluster.sql_async(metadata, sql).await.lines().map(str::to_owned).collect();
        if found.len() == nodes {
            return found;
        }
        tokio::time::sleep(WAIT).await;
    }
}

/// The temporary files of a node's queries.
fn spilled(world: &World, node: &Second) -> usize {
    let folder: PathBuf = world.mycorr.data().join(format!("spill-{}", node.process()));
    let below = |path: PathBuf| fs::read_dir(path).map_or(0, |entries| entries.count());
    fs::read_dir(folder).map_or(0, |entries| entries.flatten().map(|entry| below(entry.path())).sum())
}

#[allow(clippy::disallowed_methods, reason = "a stranger at the test's own server")]
#[tokio::test(flavor = "multi_thread")]
async fn a_query_beyond_one_node_is_answered_by_three_and_by_those_that_are_left() {
    let metadata = "divided";
    let world = world(metadata).await;
    let expected = world.database.sql(GROUPS);
    let begun = Instant::now();
    world.refuses(GROUPS, "too_busy");
    let refused = begun.elapsed();
    let (lost, kept) =
        (world.mycorr.second(&["--workers", "0"]).await, world.mycorr.second(&["--workers", "0"]).await);
    let addresses = addresses(&world, metadata, 3).await;
    let begun = Instant::now();
    assert_eq!(world.says(GROUPS), expected);
    let answered = begun.elapsed();

    // Every kind of plan that is divided answers as one node's does: sorts, joins, windows, distinct values.
    for sql in [
        "SELECT id FROM numbers ORDER BY id % 1000 DESC, id LIMIT 5",
        "SELECT id % 100, count(*), min(id), max(id), sum(id) FROM numbers GROUP BY id % 100 ORDER BY 1",
        "SELECT count(*), sum(a.id) FROM (SELECT id FROM numbers WHERE id % 1000 = 7) b JOIN numbers a ON a.id = b.id + 1",
        "SELECT count(*) FROM (SELECT DISTINCT id % 200000 FROM numbers) AS found",
        "SELECT count(*) FROM numbers WHERE CAST(id AS text) LIKE '%77%' AND id > (SELECT avg(id) FROM numbers)",
        "SELECT count(*), count(DISTINCT name), min(name) FROM numbers WHERE name LIKE 'name 7%'",
    ] {
        assert_eq!(world.says(sql), world.database.sql(sql), "{sql}");
    }

    // One is killed while it has spilled rows of the query.
    let mut psql = world.psql();
    psql.args(["-q", "-A", "-t", "-d", MODEL, "-c", GROUPS]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let begun = Instant::now();
    let mut running = psql.spawn().unwrap();
    while spilled(&world, &lost) == 0 {
        assert!(running.try_wait().unwrap().is_none(), "the query was over before it was in its middle");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    lost.kill();
    let output = running.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), expected);
    assert!(world.mycorr.log().contains("a node was lost in the middle of a query"));
    let again = begun.elapsed();
    println!(
        "refused by one node after {refused:.1?}, answered by three in {answered:.1?}, with one killed in {again:.1?}"
    );

    // Who has not got the key hears nothing but the end.
    let mut stranger = TcpStream::connect(&addresses[0]).unwrap();
    stranger.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut heard = Vec::new();
    let _ = stranger.read_to_end(&mut heard);
    const TLS_ALERT: u8 = 21;
    assert!(heard.first().is_none_or(|first| *first == TLS_ALERT) && heard.len() < 16, "{heard:?}");
    drop(kept);
}

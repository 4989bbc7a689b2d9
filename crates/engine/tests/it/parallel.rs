//! An import through as many connections as the owner allows: one version, in the order of one connection.

use crate::World;
use mycorr_domain::Code;
use mycorr_engine::{Change, Connection, Job, JobState, Limits, WaitingFor};
use std::time::{Duration, Instant};

async fn allow(world: &World, connection: &Connection, change: Change) -> Result<Connection, Code> {
    let changed = world.engine.connections.change_connection(world.ada, connection.id, change, None).await;
    changed.map_err(|refused| refused.problem.code)
}

fn several(most: u64) -> Change {
    Change { max_connections: Some(most), ..Change::default() }
}

async fn imported(world: &World, connection: &Connection, name: &str) -> (Job, Vec<String>) {
    let model = world.model().await;
    let (job, table) = world.start(connection, &model, name).await;
    let job = world.ended(&job).await;
    assert_eq!(job.state, JobState::Succeeded, "{:?}", job.problem);
    let query = mycorr_domain::RowQuery { limit: 1000, ..Default::default() };
    let page = world.engine.tables.rows(world.ada, table.id, None, query).await.unwrap();
    let first = page.page.rows.iter().map(|row| format!("{:?}", row[0])).collect();
    (job, first)
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_number_of_connections_is_stored_and_bounded() {
    let world = World::new().await;
    let connection = world.connection().await;
    assert_eq!(connection.max_connections, 1);
    for wrong in [0, 9, u64::MAX] {
        assert_eq!(allow(&world, &connection, several(wrong)).await.err(), Some(Code::Invalid));
    }
    assert_eq!(allow(&world, &connection, several(8)).await.unwrap().max_connections, 8);
    assert_eq!(
        world.engine.connections.connection(world.ada, connection.id).await.unwrap().max_connections,
        8
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn import_through_several_connections_is_the_same_table() {
    let world = World::new().await;
    world.database.sql(
        "CREATE TABLE t AS SELECT i AS id, repeat('x', 1000) AS pad FROM generate_series(1, 900) i; \
         UPDATE t SET pad = 'y' WHERE id % 3 = 0; CREATE VIEW v AS SELECT * FROM t",
    );
    let connection = world.connection().await;
    let (one, whole) = imported(&world, &connection, "t").await;
    assert_eq!((one.rows, one.connections, one.connections_note), (900, Some(1), None));
    allow(&world, &connection, several(3)).await.unwrap();
    let (three, parts) = imported(&world, &connection, "t").await;
    assert_eq!((three.rows, three.connections, three.connections_note), (900, Some(3), None));
    assert_eq!(parts, whole);
    assert!(three.bytes > 600_000, "{}", three.bytes);
    let (view, _) = imported(&world, &connection, "v").await;
    assert_eq!(view.connections, Some(1));
    assert!(view.connections_note.unwrap().contains("a view"));
    // A connection that the server refuses is one fewer.
    world.database.cluster.sql(&format!("ALTER ROLE {} CONNECTION LIMIT 2", world.database.role));
    let (two, parts) = imported(&world, &connection, "t").await;
    assert_eq!((two.rows, two.connections), (900, Some(2)));
    assert!(two.connections_note.is_some());
    assert_eq!(parts, whole);
}

/// The bytes per second are those of all connections together.
#[tokio::test(flavor = "multi_thread")]
async fn pace_and_cancel_hold_for_all_connections() {
    let world = World::new().await;
    world
        .database
        .sql("CREATE TABLE t AS SELECT i AS id, repeat('x', 1000) AS pad FROM generate_series(1, 40000) i");
    let connection = world.connection().await;
    let pace = Limits { bytes_per_second: Some(1_000_000), ..Limits::default() };
    let change = Change { limits: Some(pace), ..several(4) };
    allow(&world, &connection, change).await.unwrap();
    let model = world.model().await;
    let (job, _) = world.start(&connection, &model, "t").await;
    let waiting = world.seen(&job, |job| job.waiting_for == Some(WaitingFor::BytesPerSecond)).await;
    assert_eq!(waiting.connections, Some(4));
    world.engine.jobs.cancel_job(world.ada, job.id).await.unwrap();
    let ended = world.ended(&job).await;
    assert_eq!(ended.state, JobState::Cancelled);
    // Each had read a batch when it came to wait, and not another one.
    assert!(ended.bytes < 4 * (3 << 20), "{}", ended.bytes);
    let active = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{}'", world.database.role);
    let until = Instant::now() + Duration::from_secs(60);
    while world.database.sql(&active) != "0" {
        assert!(Instant::now() < until, "a connection stays");
    }
}

/// One connection that is lost ends the read of all, and the table keeps what it held.
#[tokio::test(flavor = "multi_thread")]
async fn lost_connection_ends_all_of_them() {
    let world = World::new().await;
    // More than the kernel takes in for a reader that waits, which may be 32 MB for each connection.
    world
        .database
        .sql("CREATE TABLE t AS SELECT i AS id, repeat('x', 1000) AS pad FROM generate_series(1, 160000) i");
    let connection = world.connection().await;
    let pace = Limits { bytes_per_second: Some(4_000_000), ..Limits::default() };
    allow(&world, &connection, Change { limits: Some(pace), ..several(3) }).await.unwrap();
    let model = world.model().await;
    let (job, _) = world.start(&connection, &model, "t").await;
    world.seen(&job, |job| job.waiting_for == Some(WaitingFor::BytesPerSecond)).await;
    let role = &world.database.role;
    // One that sends rows, and not the one over which the server is asked whether it lives.
    let sending = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE usename = '{role}' AND state = 'active' AND query LIKE 'SELECT \"id\"%' LIMIT 1"
    );
    let until = Instant::now() + Duration::from_secs(60);
    while world.database.sql(&sending) != "t" {
        assert!(Instant::now() < until, "nothing is being sent");
    }
    let ended = world.ended(&job).await;
    assert_eq!(ended.state, JobState::Failed);
    let code = ended.problem.unwrap().code;
    assert!(matches!(code, Code::ConnectionLost | Code::ServerShuttingDown), "{code:?}");
    let active = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}'");
    let until = Instant::now() + Duration::from_secs(60);
    while world.database.sql(&active) != "0" {
        assert!(Instant::now() < until, "a connection stays");
    }
}

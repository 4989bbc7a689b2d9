use crate::World;
use mycorr_domain::Code;
use mycorr_engine::{Change, Connection, JobState, Limits, NewSource, WaitingFor};

async fn limit(world: &World, connection: &Connection, limits: Limits) {
    let change = Change { limits: Some(limits), ..Change::default() };
    let changed = world.engine.connections.change_connection(world.ada, connection.id, change, None).await;
    assert_eq!(changed.map_err(|refused| refused.problem).unwrap().limits, limits);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pace_is_kept_and_said() {
    let world = World::new().await;
    // Some 3 MB of rows, so two batches: the first is paid for before the second is read.
    world
        .database
        .sql("CREATE TABLE t AS SELECT i AS id, repeat('x', 1000) AS pad FROM generate_series(1, 3000) i");
    let (connection, model) = (world.connection().await, world.model().await);
    limit(&world, &connection, Limits { bytes_per_second: Some(2_000_000), ..Limits::default() }).await;
    let (job, table) = world.start(&connection, &model, "t").await;
    let held = world.seen(&job, |job| job.waiting_for == Some(WaitingFor::BytesPerSecond)).await;
    assert_eq!(held.state, JobState::Running);
    let ended = world.ended(&job).await;
    assert_eq!((ended.state, ended.rows, ended.waiting_for), (JobState::Succeeded, 3000, None));
    assert_eq!(world.engine.tables.table(world.ada, table.id).await.unwrap().head.unwrap().rows, 3000);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_imports_at_a_time_than_allowed() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE quick AS SELECT 1 AS id");
    world
        .database
        .sql("CREATE VIEW slow AS SELECT i, pg_sleep(0.02)::text AS w FROM generate_series(1, 100000) i");
    let (connection, model) = (world.connection().await, world.model().await);
    limit(&world, &connection, Limits { imports: Some(1), ..Limits::default() }).await;
    let (slow, _) = world.start(&connection, &model, "slow").await;
    world.seen(&slow, |job| job.state == JobState::Running).await;
    let (quick, _) = world.start(&connection, &model, "quick").await;
    let waiting = world.seen(&quick, |job| job.waiting_for == Some(WaitingFor::Imports)).await;
    assert_eq!(waiting.state, JobState::Queued);
    world.engine.jobs.cancel_job(world.ada, slow.id).await.unwrap();
    assert_eq!(world.ended(&quick).await.state, JobState::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_that_make_no_sense_are_refused() {
    let world = World::new().await;
    let connection = world.connection().await;
    for limits in [
        Limits { bytes_per_second: Some(1), ..Limits::default() },
        Limits { imports: Some(0), ..Limits::default() },
        Limits { minutes: Some(100_000), ..Limits::default() },
    ] {
        let change = Change { limits: Some(limits), ..Change::default() };
        let refused =
            world.engine.connections.change_connection(world.ada, connection.id, change, None).await;
        assert_eq!(refused.err().unwrap().problem.code, Code::Invalid);
    }
    assert_eq!(
        world.engine.connections.connection(world.ada, connection.id).await.unwrap().limits,
        Limits::default()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_over_the_operators_limit_names_itself_and_nothing_is_lost() {
    let world = World::with_largest_row(100_000).await;
    world
        .database
        .sql("CREATE TABLE t AS SELECT i AS id, repeat('x', 10) AS pad FROM generate_series(1, 100) i");
    let table = world.imported("t").await;
    world.database.sql("UPDATE t SET pad = repeat('y', 200000) WHERE id = 7");
    let job = world.engine.imports.sync(world.ada, table.id).await.unwrap();
    let problem = world.ended(&job).await.problem.unwrap();
    assert_eq!(problem.code, Code::RowTooLarge);
    // The changed row has moved to the end of the table.
    for part in ["Row 100 of public.t", "column pad", "100000"] {
        assert!(problem.detail.contains(part), "{}", problem.detail);
    }
    assert_eq!(world.rows(table.id, None).await.len(), 100);
    assert_eq!(world.engine.tables.table(world.ada, table.id).await.unwrap().head.unwrap().version, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_outlives_its_connection_and_finds_another() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t AS SELECT 1 AS id");
    let table = world.imported("t").await;
    let first = table.source.connection.unwrap();
    let through = world.engine.connections.dependents(world.ada, first, None, 10).await.unwrap().items;
    assert_eq!(through.iter().map(|one| one.table).collect::<Vec<_>>(), [table.id]);
    world.engine.connections.delete_connection(world.ada, first).await.unwrap();
    assert_eq!(world.rows(table.id, None).await, [["1"]]);
    assert_eq!(world.engine.imports.sync(world.ada, table.id).await.unwrap_err().code, Code::Conflict);

    let second = world.connection().await;
    world.database.sql("CREATE TABLE moved AS SELECT 2 AS id");
    let source = NewSource {
        connection: second.id,
        schema: None,
        table: Some("moved".into()),
        filter: None,
        masks: None,
    };
    let bob = world
        .engine
        .accounts
        .add_user("Bob", "bob@example.org", crate::secret(crate::PASSWORD), true)
        .await
        .unwrap()
        .id;
    let stranger = NewSource { connection: second.id, schema: None, table: None, filter: None, masks: None };
    assert_eq!(
        world.engine.imports.set_source(bob, table.id, stranger).await.unwrap_err().code,
        Code::NotFound
    );
    let pointed = world.engine.imports.set_source(world.ada, table.id, source).await.unwrap();
    assert_eq!((pointed.source.connection, pointed.source.table.as_str()), (Some(second.id), "moved"));
    let job = world.engine.imports.sync(world.ada, table.id).await.unwrap();
    assert_eq!(world.ended(&job).await.state, JobState::Succeeded);
    assert_eq!(world.rows(table.id, None).await, [["2"]]);
}

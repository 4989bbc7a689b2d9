//! Slow is not dead, and whatever ends a read ends it at the source.

use crate::World;
use mycorr_domain::Code;
use mycorr_engine::{Change, Connection, ConnectionForm, Import, JobState, Limits, Statement};
use mycorr_testkit::{Cluster, Fault, FaultProxy};

/// Nothing for an hour.
fn stuck(world: &World) {
    world.database.sql("CREATE VIEW stuck AS SELECT pg_sleep(3600)::text AS t");
}

async fn is_true(world: &World, question: &str) {
    while world.database.cluster.sql_async(&world.database.name, question).await != "t" {}
}

async fn wait_until_active(world: &World, count: u32) {
    let question = format!(
        "SELECT count(*) = {count} FROM pg_stat_activity WHERE usename = '{}' AND wait_event = 'PgSleep'",
        world.database.role
    );
    is_true(world, &question).await;
}

fn active(world: &World) -> String {
    let role = &world.database.role;
    world
        .database
        .sql(&format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}' AND state = 'active'"))
}

fn cancelled_by_request(world: &World) -> usize {
    let log = world.database.cluster.log();
    let lines = log.lines().filter(|line| line.contains(&world.database.role));
    lines.filter(|line| line.contains("canceling statement due to user request")).count()
}

async fn ledger(world: &World, connection: &Connection) -> Vec<Statement> {
    world.engine.connections.statements(world.ada, connection.id, None, None, 1000).await.unwrap().items
}

async fn last(world: &World, connection: &Connection, template: &str) -> Statement {
    ledger(world, connection).await.into_iter().find(|sent| sent.template == template).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_silence_is_waited_for_while_the_server_says_that_it_works() {
    let world = World::new().await;
    world.database.sql(
        "CREATE FUNCTION nap(n int) RETURNS int LANGUAGE plpgsql STABLE AS \
           $$BEGIN IF n = 3000 THEN PERFORM pg_advisory_xact_lock_shared(51); END IF; RETURN n; END$$; \
         CREATE VIEW gap AS SELECT nap(n) AS n, repeat('x', 20) AS pad FROM generate_series(1, 5000) n",
    );
    let name = world.database.name.clone();
    tokio::spawn(async move {
        let lock = "SET application_name = 'gap'; SELECT pg_advisory_lock(51); SELECT pg_sleep(3600)";
        Cluster::shared().sql_async(&name, lock).await
    });
    is_true(
        &world,
        "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
        WHERE locktype = 'advisory' AND granted AND datname = current_database())",
    )
    .await;
    let (connection, model) = (world.connection().await, world.model().await);
    let (job, _) = world.start(&connection, &model, "gap").await;
    // The server is asked more than once, and says each time that it works on the read.
    loop {
        let sent = ledger(&world, &connection).await;
        let asked = sent.iter().filter(|sent| sent.template == "alive" && sent.outcome == "ok");
        if asked.count() >= 2 {
            assert_eq!(last(&world, &connection, "select").await.outcome, "running");
            break;
        }
    }
    assert_eq!(world.engine.jobs.job(world.ada, job.id).await.unwrap().state, JobState::Running);
    world
        .database
        .sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gap'");
    let ended = world.ended(&job).await;
    assert_eq!((ended.state, ended.rows), (JobState::Succeeded, 5000), "{:?}", ended.problem);
    assert_eq!(last(&world, &connection, "select").await.outcome, "ok");
}

/// Somebody on the way keeps the connection open although the server's process is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_whose_process_is_gone_ends() {
    let cluster = Cluster::shared();
    let world = World::new().await;
    world.database.sql("CREATE TABLE t AS SELECT n, 'row ' || n || '.' || repeat('x', 200) AS t FROM generate_series(1, 30000) n");
    let fault_proxy = FaultProxy::start(cluster, b'D', b"row 20000.", Fault::Silence).await;
    let form = ConnectionForm {
        port: fault_proxy.port().into(),
        encrypted: false,
        ca_certificate: None,
        ..world.form()
    };
    let connection = world
        .engine
        .connections
        .create_connection(world.ada, form, None)
        .await
        .map_err(|r| r.problem)
        .unwrap();
    let model = world.model().await;
    let (job, _) = world.start(&connection, &model, "t").await;
    while !ledger(&world, &connection).await.iter().any(|sent| sent.template == "alive") {}
    world.database.kill_backends();
    let problem = world.ended(&job).await.problem.unwrap();
    assert_eq!(problem.code, Code::ConnectionLost);
    assert!(problem.detail.contains("process that worked on it is gone"), "{problem}");
    assert_eq!(last(&world, &connection, "select").await.outcome, "connection_lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_before_the_first_row_ends_the_query() {
    let world = World::new().await;
    stuck(&world);
    let (connection, model) = (world.connection().await, world.model().await);
    let (job, _) = world.start(&connection, &model, "stuck").await;
    wait_until_active(&world, 1).await;
    world.engine.jobs.cancel_job(world.ada, job.id).await.unwrap();
    let ended = world.ended(&job).await;
    assert_eq!((ended.state, ended.problem.unwrap().code), (JobState::Cancelled, Code::Cancelled));
    assert_eq!((active(&world).as_str(), cancelled_by_request(&world)), ("0", 1));
    assert_eq!(last(&world, &connection, "select").await.outcome, "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shut_down_ends_the_queries_of_its_jobs() {
    let world = World::new().await;
    stuck(&world);
    let (connection, model) = (world.connection().await, world.model().await);
    world.start(&connection, &model, "stuck").await;
    wait_until_active(&world, 1).await;
    let World { engine, workers, ada, database, .. } = world;
    workers.shut_down().await;
    let left = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = '{}' AND state = 'active'",
        database.role
    );
    assert_eq!(database.sql(&left), "0");
    let sent = engine.connections.statements(ada, connection.id, None, None, 1).await.unwrap().items;
    assert_eq!((sent[0].template.as_str(), sent[0].outcome.as_str()), ("select", "cancelled"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_whose_reader_leaves_ends_at_the_server() {
    let world = World::new().await;
    stuck(&world);
    let connection = world.connection().await;
    let (engine, ada, id) = (world.engine.clone(), world.ada, connection.id);
    let reader = tokio::spawn(async move {
        engine.connections.preview(ada, id, "public".into(), "stuck".into()).await.map(drop)
    });
    wait_until_active(&world, 1).await;
    reader.abort();
    wait_until_active(&world, 0).await;
    while last(&world, &connection, "preview").await.outcome == "running" {}
    assert_eq!(last(&world, &connection, "preview").await.outcome, "cancelled");
    assert_eq!(cancelled_by_request(&world), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pace_at_which_a_table_takes_more_than_a_day_is_refused() {
    let world = World::new().await;
    // Some bytes, of which the catalogue is told that they are 100 GB.
    world.database.sql(
        "CREATE TABLE t AS SELECT 1 AS id; \
         UPDATE pg_class SET relpages = 12207032, reltuples = 1e9 WHERE relname = 't'",
    );
    let (connection, model) = (world.connection().await, world.model().await);
    let limits = Limits { bytes_per_second: Some(1_000_000), ..Limits::default() };
    let change = Change { limits: Some(limits), ..Change::default() };
    world
        .engine
        .connections
        .change_connection(world.ada, connection.id, change, None)
        .await
        .map_err(|r| r.problem)
        .unwrap();
    let (job, _) = world.start(&connection, &model, "t").await;
    let problem = world.ended(&job).await.problem.unwrap();
    assert_eq!(problem.code, Code::StatementTimeout);
    assert!(problem.detail.contains("snapshot") && problem.detail.contains("28 hours"), "{problem}");
    assert!(!ledger(&world, &connection).await.iter().any(|sent| sent.template == "select"));
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_reads_of_many_people_leave_room_for_another_persons_import() {
    let world = World::new().await;
    stuck(&world);
    world.database.sql("CREATE TABLE small AS SELECT 1 AS id");
    // Each person may have eight running; a process has room for twenty.
    let mut slow = Vec::new();
    for name in ["bob", "cyd", "dan"] {
        let email = format!("{name}@example.org");
        let user = world
            .engine
            .accounts
            .add_user(name, &email, crate::secret(crate::PASSWORD), false)
            .await
            .unwrap();
        let user = user.id;
        let connection = world.engine.connections.create_connection(user, world.form(), None).await;
        let connection = connection.map_err(|refused| refused.problem).unwrap();
        let model = world.engine.models.create_model(user, "Slow").await.unwrap();
        for number in 0..8 {
            let import = Import {
                connection: connection.id,
                schema: "public".into(),
                table: "stuck".into(),
                name: Some(format!("stuck_{number}")),
                columns: None,
                selection: Default::default(),
                verify: false,
            };
            slow.push((user, world.engine.imports.import(user, model.id, import).await.unwrap().0.id));
        }
    }
    wait_until_active(&world, 20).await;
    let (connection, model) = (world.connection().await, world.model().await);
    let (job, _) = world.start(&connection, &model, "small").await;
    assert_eq!(world.ended(&job).await.state, JobState::Succeeded);
    let mut given_up = 0;
    for (user, job) in slow {
        let job = world.engine.jobs.job(user, job).await.unwrap();
        if let Some(problem) = &job.problem {
            assert_eq!(problem.code, Code::TooBusy, "{problem:?}");
            given_up += 1;
        }
        assert!(world.engine.jobs.cancel_job(user, job.id).await.is_ok());
    }
    assert!(given_up > 0);
    wait_until_active(&world, 0).await;
}

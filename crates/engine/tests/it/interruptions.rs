use crate::{World, engine};
use mycorr_domain::{Code, TableStore};
use mycorr_engine::JobState;
use mycorr_meta::Meta;
use mycorr_testkit::{Cluster, Options};

/// A view that goes on for minutes, some rows at a time.
fn endless(world: &World) {
    world.database.sql(
        "CREATE VIEW endless AS
         SELECT i, repeat('x', 60000) AS pad, pg_sleep(0.002)::text AS pause FROM generate_series(1, 100000) AS i",
    );
}

fn hung_up(world: &World) {
    let role = &world.database.role;
    let question = format!("SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = '{role}'");
    world.database.cluster.wait_for(&question);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_stops_the_source_too() {
    let world = World::new().await;
    endless(&world);
    let (connection, model) = (world.connection().await, world.model().await);
    let (job, table) = world.start(&connection, &model, "endless").await;
    world.reading(&job).await;
    world.engine.jobs.cancel_job(world.ada, job.id).await.unwrap();
    let ended = world.ended(&job).await;
    assert_eq!((ended.state, ended.problem.unwrap().code), (JobState::Cancelled, Code::Cancelled));
    assert_eq!(world.engine.tables.table(world.ada, table.id).await.unwrap_err().code, Code::NotFound);
    hung_up(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_the_table_or_the_model_stops_its_job() {
    let world = World::new().await;
    endless(&world);
    let (connection, model) = (world.connection().await, world.model().await);
    let (job, table) = world.start(&connection, &model, "endless").await;
    world.reading(&job).await;
    world.engine.tables.delete_table(world.ada, table.id).await.unwrap();
    assert_eq!(world.ended(&job).await.state, JobState::Cancelled);
    let (job, _) = world.start(&connection, &model, "endless").await;
    world.reading(&job).await;
    world.engine.models.delete_model(world.ada, model.id).await.unwrap();
    hung_up(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_in_mid_import_is_its_own_code() {
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start(&Options::default())));
    let world = World::on(cluster).await;
    endless(&world);
    let (connection, model) = (world.connection().await, world.model().await);
    let (job, _) = world.start(&connection, &model, "endless").await;
    world.reading(&job).await;
    world.database.kill_backends();
    let ended = world.ended(&job).await;
    let code = ended.problem.unwrap().code;
    assert!(matches!(code, Code::ServerShuttingDown | Code::ConnectionLost), "{code:?}");

    let (job, _) = world.start(&connection, &model, "endless").await;
    world.reading(&job).await;
    cluster.stop("immediate");
    let ended = world.ended(&job).await;
    let code = ended.problem.unwrap().code;
    assert!(matches!(code, Code::ServerShuttingDown | Code::ConnectionLost), "{code:?}");
    let refused = world.engine.connections.schemas(world.ada, connection.id, None, 200).await.unwrap_err();
    assert_eq!(refused.code, Code::ConnectionRefused);
    cluster.start_again();
    world.engine.connections.schemas(world.ada, connection.id, None, 200).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shut_down_gives_jobs_back_and_the_next_start_does_them() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE gate (open boolean); INSERT INTO gate VALUES (false)");
    world.database.sql(
        "CREATE VIEW gated AS SELECT i, pg_sleep(CASE WHEN (SELECT open FROM gate) THEN 0 ELSE 0.01 END)::text AS p,
           repeat('x', 10000) AS pad
         FROM generate_series(1, 20000) AS i",
    );
    let (connection, model) = (world.connection().await, world.model().await);
    let (job, table) = world.start(&connection, &model, "gated").await;
    world.reading(&job).await;
    let World { engine: first, workers, ada, database, store, folder } = world;
    workers.shut_down().await;
    assert_eq!(first.jobs.job(ada, job.id).await.unwrap().state, JobState::Queued);
    drop(first);

    database.sql("UPDATE gate SET open = true");
    let allow = format!("127.0.0.1:{}", database.cluster.port());
    let second = engine(&folder, &store, &allow).await;
    let workers = second.start_workers(1);
    let world = World { engine: second, workers, ada, database, store, folder };
    let ended = world.ended(&job).await;
    assert_eq!((ended.state, ended.version), (JobState::Succeeded, Some(1)), "{:?}", ended.problem);
    let head = world.engine.tables.table(ada, table.id).await.unwrap().head.unwrap();
    assert_eq!(head.rows, 20000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_worker_died_after_the_commit_is_found_done() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1)");
    let table = world.imported("t").await;
    let World { engine: first, workers, ada, database, store, folder } = world;
    workers.shut_down().await;
    let job = first.imports.sync(ada, table.id).await.unwrap();
    // A worker that reads, commits, and dies before it can say so.
    let meta = Meta::open(&crate::database_url(&folder)).await.unwrap();
    let work = meta.claim(chrono::TimeDelta::seconds(-1)).await.unwrap().unwrap();
    let head = table.head.unwrap();
    let (columns, source) = (head.columns.to_vec(), head.source.unwrap());
    assert!(meta.note_reading(work.lease, &columns, &source, None).await.unwrap());
    let writer = store.write(work.right, &columns).await.unwrap();
    writer.commit().await.unwrap();

    let workers = first.start_workers(1);
    let world = World { engine: first, workers, ada, database, store, folder };
    let ended = world.ended(&job).await;
    assert_eq!((ended.state, ended.version, ended.rows), (JobState::Succeeded, Some(2), 0));
    let heard = world.database.log_statements();
    let reads = heard.iter().filter(|sent| sent.text.contains("FROM \"public\".\"t\""));
    assert_eq!(reads.count(), 1, "the source was read by the first import only");
}

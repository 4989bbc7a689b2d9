use crate::World;
use mycorr_domain::Code;
use mycorr_engine::{Import, JobState};

#[tokio::test(flavor = "multi_thread")]
async fn a_table_comes_over_as_the_server_prints_it() {
    let world = World::new().await;
    world.database.sql(
        "CREATE TYPE mood AS ENUM ('glad', 'sad');
         CREATE TABLE odd (id bigint, at timestamptz, what jsonb, price numeric, tags int[], m mood, day date);
         INSERT INTO odd VALUES
           (1, '2024-02-29 12:00:00.5+02', '{\"a\": 1}', 1.10, '{1,NULL}', 'sad', 'infinity'),
           (2, NULL, NULL, 'NaN', '{}', NULL, '0044-03-15 BC');",
    );
    let table = world.imported("odd").await;
    let head = table.head.as_ref().unwrap();
    assert_eq!((head.version, head.rows, head.columns.len()), (1, 2, 7));
    let first = ["1", "2024-02-29 10:00:00.5+00", "{\"a\": 1}", "1.10", "{1,NULL}", "sad", "infinity"];
    let second = ["2", "∅", "∅", "NaN", "{}", "∅", "0044-03-15 BC"];
    assert_eq!(world.rows(table.id, None).await, [first, second]);
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_columns_are_read_and_no_others_also_at_a_sync() {
    let world = World::new().await;
    world.database.sql(&format!(
        "CREATE TABLE people (id int, name text, salary int);
         INSERT INTO people VALUES (1, 'Ada', 9), (2, 'Bob', 8);
         REVOKE ALL ON people FROM {role}; GRANT SELECT (id, name) ON people TO {role};",
        role = world.database.role
    ));
    let (connection, model) = (world.connection().await, world.model().await);
    let import = |columns: &[&str]| Import {
        connection: connection.id,
        schema: "public".into(),
        table: "people".into(),
        name: Some("Crew".into()),
        columns: Some(columns.iter().map(|&column| column.into()).collect()),
        selection: Default::default(),
        verify: false,
    };
    let (job, table) = world.engine.imports.import(world.ada, model.id, import(&["name"])).await.unwrap();
    assert_eq!(world.ended(&job).await.state, JobState::Succeeded);
    assert_eq!(world.rows(table.id, None).await, [["Ada"], ["Bob"]]);
    world.database.sql("INSERT INTO people VALUES (3, 'Cyd', 7)");
    let job = world.engine.imports.sync(world.ada, table.id).await.unwrap();
    assert_eq!(world.ended(&job).await.version, Some(2));
    assert_eq!(world.rows(table.id, None).await, [["Ada"], ["Bob"], ["Cyd"]]);

    let (job, _) = world.engine.imports.import(world.ada, model.id, import(&["salary"])).await.unwrap();
    let job = world.ended(&job).await;
    assert_eq!(job.problem.unwrap().code, Code::ColumnPermissionDenied);
    let twice = world.engine.imports.import(world.ada, model.id, import(&["id", "id"])).await.unwrap_err();
    assert_eq!(twice.code, Code::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_import_leaves_its_problem_and_no_table() {
    let world = World::new().await;
    let (connection, model) = (world.connection().await, world.model().await);
    let (job, table) = world.start(&connection, &model, "nothing").await;
    let job = world.ended(&job).await;
    assert_eq!((job.state, job.problem.unwrap().code), (JobState::Failed, Code::TableNotFound));
    assert_eq!(world.engine.tables.table(world.ada, table.id).await.unwrap_err().code, Code::NotFound);
    assert!(world.engine.tables.tables(world.ada, model.id, None, 10).await.unwrap().items.is_empty());
    let listed = world.engine.jobs.jobs(world.ada, model.id, None, 10).await.unwrap().items;
    assert_eq!(listed[0].table_name, "nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_midway_leaves_the_version_before() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int, b int); INSERT INTO t VALUES (6, 2), (4, 1);");
    world.database.sql("CREATE VIEW v AS SELECT a / b AS c FROM t");
    let table = world.imported("v").await;
    assert_eq!(world.rows(table.id, None).await, [["3"], ["4"]]);
    world
        .database
        .sql("INSERT INTO t SELECT 1, 1 FROM generate_series(1, 1000); INSERT INTO t VALUES (1, 0)");
    let job = world.engine.imports.sync(world.ada, table.id).await.unwrap();
    let job = world.ended(&job).await;
    assert_eq!((job.state, job.problem.unwrap().code), (JobState::Failed, Code::ViewFailed));
    assert_eq!(world.rows(table.id, None).await, [["3"], ["4"]]);
    assert_eq!(
        world.engine.tables.table(world.ada, table.id).await.unwrap().job,
        None,
        "it can be tried again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_writes_is_refused() {
    let world = World::new().await;
    world.database.sql(
        "CREATE TABLE t (a int);
         CREATE FUNCTION sneak() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'INSERT INTO public.t VALUES (1) RETURNING a';
         CREATE VIEW v AS SELECT sneak() AS a",
    );
    let (connection, model) = (world.connection().await, world.model().await);
    let (job, _) = world.start(&connection, &model, "v").await;
    assert_eq!(world.ended(&job).await.problem.unwrap().code, Code::WriteRefused);
    assert_eq!(world.database.sql("SELECT count(*) FROM t"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn hidden_rows_are_said_aloud() {
    let world = World::new().await;
    world.database.sql(
        "CREATE TABLE t (a int); INSERT INTO t VALUES (1);
         ALTER TABLE t ENABLE ROW LEVEL SECURITY;",
    );
    let (connection, model) = (world.connection().await, world.model().await);
    let (job, table) = world.start(&connection, &model, "t").await;
    let job = world.ended(&job).await;
    assert_eq!((job.state, job.rows), (JobState::Succeeded, 0));
    assert_eq!(job.problem.unwrap().code, Code::RowSecurityHidesRows);
    assert!(world.rows(table.id, None).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_owns_the_connection_and_the_model_imports() {
    let world = World::new().await;
    let (connection, model) = (world.connection().await, world.model().await);
    let bob =
        world.engine.accounts.add_user("Bob", "bob@example.org", crate::secret("long enough"), false).await;
    let bob = bob.unwrap().id;
    let import = || Import {
        connection: connection.id,
        schema: "public".into(),
        table: "t".into(),
        name: None,
        columns: None,
        selection: Default::default(),
        verify: false,
    };
    let bobs = world.engine.models.create_model(bob, "Mine").await.unwrap();
    for (user, model) in [(bob, model.id), (bob, bobs.id), (world.ada, bobs.id)] {
        assert_eq!(
            world.engine.imports.import(user, model, import()).await.unwrap_err().code,
            Code::NotFound
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_heard_what_the_ledger_says_and_nothing_but_selects() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1)");
    let table = world.imported("t").await;
    let job = world.engine.imports.sync(world.ada, table.id).await.unwrap();
    world.ended(&job).await;
    let connection = table.source.connection.unwrap();
    world.engine.connections.preview(world.ada, connection, "public".into(), "t".into()).await.unwrap();
    let _ =
        world.engine.connections.describe(world.ada, connection, "public".into(), "gone".into(), false).await;

    let heard: Vec<_> = world.database.log_statements().into_iter().map(|sent| sent.text).collect();
    assert!(heard.iter().all(|text| text.starts_with("SELECT ")), "{heard:#?}");
    let mut ledger = Vec::new();
    let mut after = None;
    loop {
        let page = world
            .engine
            .connections
            .statements(world.ada, connection, None, after.as_deref(), 7)
            .await
            .unwrap();
        ledger.extend(page.items.into_iter().map(|sent| sent.statement));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    ledger.reverse();
    let (mut heard, mut ledger) = (squeezed(heard), squeezed(ledger));
    heard.sort();
    ledger.sort();
    assert_eq!(heard, ledger);
}

/// Without what the log does to blanks.
fn squeezed(texts: Vec<String>) -> Vec<String> {
    texts.iter().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

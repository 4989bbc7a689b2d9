//! Which table a sync reads, and what is remembered of it.

use crate::World;
use mycorr_domain::Code;
use mycorr_engine::{ForeignKey, Import, Job, JobState, SourceChange, Table, UniqueKey, Version};

async fn synced(world: &World, table: &Table) -> Job {
    let job = world.engine.imports.sync(world.ada, table.id).await.unwrap();
    world.ended(&job).await
}

async fn head(world: &World, table: &Table) -> Version {
    world.engine.tables.table(world.ada, table.id).await.unwrap().head.unwrap()
}

/// What the newest version says of its columns: added, removed, changed.
async fn changes(world: &World, table: &Table) -> [Vec<String>; 3] {
    let newest = world.engine.tables.versions(world.ada, table.id, None, 1).await.unwrap().items.remove(0).1;
    [newest.added, newest.removed, newest.changed]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_remembers_what_it_read() {
    let world = World::new().await;
    world.database.sql(
        "CREATE TABLE t (gone int, a int NOT NULL, b int, c text NOT NULL, PRIMARY KEY (c, a)); ALTER TABLE t DROP gone;
         CREATE UNIQUE INDEX b_key ON t (b) INCLUDE (c); CREATE UNIQUE INDEX some_key ON t (a) WHERE b > 0;
         CREATE UNIQUE INDEX lower_key ON t (lower(c)); CREATE INDEX plain ON t (a); ALTER TABLE t ENABLE ROW LEVEL SECURITY",
    );
    let table = world.imported("t").await;
    let source = head(&world, &table).await.source.unwrap();
    assert_eq!(source.oid.to_string(), world.database.sql("SELECT 't'::regclass::oid"));
    let key = |name: &str, primary, columns: &[i16]| UniqueKey {
        name: name.into(),
        primary,
        columns: columns.to_vec(),
        not_null: primary,
    };
    assert_eq!(source.keys, Some(vec![key("t_pkey", true, &[4, 2]), key("b_key", false, &[3])]));
    assert_eq!((source.schema.as_str(), source.table.as_str(), source.change), ("public", "t", None));
    assert!(source.server_version.starts_with("1"));
    assert_eq!((source.role.as_str(), source.row_security), (world.database.role.as_str(), true));
    // What a restore brings back comes from where that came from.
    synced(&world, &table).await;
    world.engine.tables.restore(world.ada, table.id, 1).await.unwrap();
    assert_eq!(head(&world, &table).await.source, Some(source));
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_keys_lead_to_tables_of_the_model() {
    let world = World::new().await;
    world.database.sql(
        "CREATE TABLE a (gone int, x int, y int, PRIMARY KEY (y, x)); ALTER TABLE a DROP gone;
         CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
         CREATE TABLE other (id int PRIMARY KEY);
         CREATE TABLE t (id int PRIMARY KEY, up int REFERENCES t, ax int, ay int, p int REFERENCES p, o int REFERENCES other,
           CONSTRAINT two FOREIGN KEY (ay, ax) REFERENCES a)",
    );
    let (connection, model) = (world.connection().await, world.model().await);
    let import = async |name: &str| {
        let (job, table) = world.start(&connection, &model, name).await;
        assert_eq!(world.ended(&job).await.state, JobState::Succeeded);
        table
    };
    let [t, a, p] = [import("t").await, import("a").await, import("p").await];
    let source = head(&world, &t).await.source.unwrap();
    let names: Vec<&str> = source.foreign_keys.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(names, ["t_o_fkey", "t_p_fkey", "t_up_fkey", "two"]);
    let oid: u32 = world.database.sql("SELECT 'a'::regclass::oid").parse().unwrap();
    assert_eq!(
        source.foreign_keys[3],
        ForeignKey {
            name: "two".into(),
            columns: vec![4, 3],
            to_oid: oid,
            to_schema: "public".into(),
            to_table: "a".into(),
            to_columns: vec![3, 2],
        }
    );
    let told = async |model| {
        let relations = world.engine.models.relations(world.ada, model).await.unwrap();
        relations.into_iter().map(|key| (key.table, key.columns, key.to_table, key.to)).collect::<Vec<_>>()
    };
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(
        told(t.model).await,
        [
            (t.id, names(&["o"]), "other".into(), None),
            (t.id, names(&["p"]), "p".into(), Some((p.id, names(&["id"])))),
            (t.id, names(&["up"]), "t".into(), Some((t.id, names(&["id"])))),
            (t.id, names(&["ay", "ax"]), "a".into(), Some((a.id, names(&["y", "x"])))),
        ]
    );
    // Where it led to is gone: the key is told, and leads nowhere.
    world.engine.tables.delete_table(world.ada, a.id).await.unwrap();
    assert_eq!(told(t.model).await[3].3, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_table_of_the_same_name_is_said_and_is_no_rename() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (id int, name text, old text); INSERT INTO t VALUES (1, 'n', 'o')");
    let table = world.imported("t").await;
    world.database.sql("DROP TABLE t; CREATE TABLE t (old text, id bigint); INSERT INTO t VALUES ('o', 2)");
    let job = synced(&world, &table).await;
    let said = job.problem.unwrap();
    assert_eq!((job.state, said.code), (JobState::Succeeded, Code::SourceChanged));
    assert!(said.detail.contains("another table under the same name"), "{}", said.detail);
    assert_eq!(head(&world, &table).await.source.unwrap().change, Some(SourceChange::AnotherTable));
    assert_eq!(changes(&world, &table).await, [vec![], vec!["name".to_owned()], vec!["id".to_owned()]]);
    // Said once; nothing is new any more.
    let job = synced(&world, &table).await;
    assert_eq!((job.problem, job.version), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_table_is_followed_and_its_renamed_columns_are() {
    let world = World::new().await;
    let role = &world.database.role;
    world.database.sql("CREATE TABLE t (id int, name text); INSERT INTO t VALUES (1, 'n')");
    let table = world.imported("t").await;
    world.database.sql(&format!(
        "CREATE SCHEMA moved; GRANT USAGE ON SCHEMA moved TO {role}; ALTER TABLE t RENAME TO \"T 2\"; ALTER TABLE \"T 2\" SET SCHEMA moved"
    ));
    let job = synced(&world, &table).await;
    let said = job.problem.unwrap();
    assert_eq!((job.state, said.code), (JobState::Succeeded, Code::SourceChanged));
    assert!(said.detail.contains("public.t is called moved.T 2 now"), "{}", said.detail);
    let now = world.engine.tables.table(world.ada, table.id).await.unwrap().source;
    assert_eq!((now.schema.as_str(), now.table.as_str()), ("moved", "T 2"));
    world.database.sql("ALTER TABLE moved.\"T 2\" RENAME name TO title");
    assert_eq!(synced(&world, &table).await.problem, None);
    assert_eq!(changes(&world, &table).await, [vec![], vec![], vec!["title".to_owned()]]);
    // One that is gone is gone, whatever has its oid's number elsewhere.
    world.database.sql("DROP TABLE moved.\"T 2\"; CREATE TABLE t (id int, title text)");
    let job = synced(&world, &table).await;
    assert_eq!(job.problem.unwrap().code, Code::TableNotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_column_that_was_renamed_is_followed() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (id int, name text); INSERT INTO t VALUES (1, 'n')");
    let (connection, model) = (world.connection().await, world.model().await);
    let import = Import {
        connection: connection.id,
        schema: "public".into(),
        table: "t".into(),
        name: None,
        columns: Some(vec!["name".into()]),
        selection: Default::default(),
        verify: false,
    };
    let (job, table) = world.engine.imports.import(world.ada, model.id, import).await.unwrap();
    assert_eq!(world.ended(&job).await.state, JobState::Succeeded);
    for name in ["title", "heading"] {
        let before = head(&world, &table).await.columns[0].name.clone();
        world.database.sql(&format!("ALTER TABLE t RENAME {before} TO {name}"));
        assert_eq!(synced(&world, &table).await.state, JobState::Succeeded);
        assert_eq!(head(&world, &table).await.columns[0].name, name);
    }
    world.database.sql("ALTER TABLE t DROP heading");
    assert_eq!(synced(&world, &table).await.problem.unwrap().code, Code::SourceChanged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_whose_select_was_revoked_fails_the_sync_with_the_grant() {
    let world = World::new().await;
    let role = &world.database.role;
    world.database.sql(&format!(
        "CREATE TABLE t (id int, name text, never text); INSERT INTO t VALUES (1, 'n', 'x');
         REVOKE ALL ON t FROM {role}; GRANT SELECT (id, name) ON t TO {role}"
    ));
    let table = world.imported("t").await;
    world.database.sql(&format!("REVOKE SELECT (name) ON t FROM {role}"));
    let job = synced(&world, &table).await;
    let problem = job.problem.unwrap();
    assert_eq!((job.state, problem.code), (JobState::Failed, Code::ColumnPermissionDenied));
    assert_eq!(problem.fix.as_deref(), Some(format!("GRANT SELECT (name) ON public.t TO {role};").as_str()));
    assert_eq!(head(&world, &table).await.version, 1);
    world.database.sql(&problem.fix.unwrap());
    // A new column comes, one that never could be read still doesn't.
    world.database.sql(&format!("ALTER TABLE t ADD more int; GRANT SELECT (more) ON t TO {role}"));
    assert_eq!(synced(&world, &table).await.state, JobState::Succeeded);
    assert_eq!(changes(&world, &table).await, [vec!["more".to_owned()], vec![], vec![]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_the_catalogue_that_are_kept_from_the_role_stop_no_import_and_no_sync() {
    let world = World::new().await;
    world.database.sql(
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);
         REVOKE SELECT ON pg_catalog.pg_roles, pg_catalog.pg_inherits, pg_catalog.pg_index, pg_catalog.pg_type FROM PUBLIC;
         REVOKE USAGE ON SCHEMA information_schema FROM PUBLIC;
         REVOKE EXECUTE ON FUNCTION has_table_privilege(oid, text), row_security_active(oid) FROM PUBLIC",
    );
    let table = world.imported("t").await;
    assert_eq!(synced(&world, &table).await.state, JobState::Succeeded);
    assert_eq!(head(&world, &table).await.source.unwrap().keys, None);
    let connection = world.engine.connections.connections(world.ada, None, 1).await.unwrap().items.remove(0);
    let passport = world.engine.connections.check_passport(world.ada, connection.id).await.unwrap().passport;
    let denied: Vec<_> = passport.denied.iter().map(|lookup| lookup.object.as_str()).collect();
    for part in [
        "pg_roles",
        "pg_inherits",
        "pg_index",
        "pg_type",
        "information_schema",
        "has_table_privilege",
        "row_security_active",
    ] {
        assert!(denied.iter().any(|object| object.contains(part)), "{part} is not in {denied:?}");
    }
    for lookup in &passport.denied {
        world.database.sql(&lookup.grant);
    }
    let passport = world.engine.connections.check_passport(world.ada, connection.id).await.unwrap().passport;
    assert_eq!(passport.denied, []);
    assert!(synced(&world, &table).await.problem.is_none());
    assert!(head(&world, &table).await.source.unwrap().keys.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_no_utf8_are_imported_and_synced() {
    let mut world = World::new().await;
    world.database.name += "_ascii";
    world.database.cluster.sql(&format!(
        "CREATE DATABASE {} ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'",
        world.database.name
    ));
    world.database.sql(include_str!("../../../pgread/tests/it/latin_1.sql"));
    let (connection, model) = (world.connection().await, world.model().await);
    let import = Import {
        connection: connection.id,
        schema: "x".into(),
        table: "colbad".into(),
        name: None,
        columns: Some(vec!["pr\\xe9nom".into()]),
        selection: Default::default(),
        verify: false,
    };
    let (job, table) = world.engine.imports.import(world.ada, model.id, import).await.unwrap();
    assert_eq!(world.ended(&job).await.state, JobState::Succeeded);
    assert_eq!(world.rows(table.id, None).await, [["a"]]);
    assert_eq!(head(&world, &table).await.columns[0].name, "pr\\xe9nom");
    assert_eq!(synced(&world, &table).await.state, JobState::Succeeded);
    let import = Import {
        connection: connection.id,
        schema: "sch\\xe9".into(),
        table: "t\\xe4".into(),
        name: None,
        columns: None,
        selection: Default::default(),
        verify: false,
    };
    let (job, table) = world.engine.imports.import(world.ada, model.id, import).await.unwrap();
    assert_eq!(world.ended(&job).await.state, JobState::Succeeded);
    assert_eq!(table.name, "t\\xe4");
    assert_eq!(synced(&world, &table).await.state, JobState::Succeeded);
}

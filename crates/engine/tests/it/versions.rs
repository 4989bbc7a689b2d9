use crate::World;
use mycorr_domain::Code;
use mycorr_engine::{ColumnChanges, JobKind};

#[tokio::test(flavor = "multi_thread")]
async fn a_history_and_the_way_back() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (id int, name text); INSERT INTO t VALUES (1, 'one')");
    let table = world.imported("t").await;
    world.database.sql(
        "ALTER TABLE t RENAME name TO title; ALTER TABLE t ADD extra int; INSERT INTO t VALUES (2, 'two', 3)",
    );
    let job = world.engine.imports.sync(world.ada, table.id).await.unwrap();
    world.ended(&job).await;
    assert_eq!(world.rows(table.id, None).await, [["1", "one", "∅"], ["2", "two", "3"]]);
    assert_eq!(world.rows(table.id, Some(1)).await, [["1", "one"]]);

    let (made, changes) = world.engine.tables.restore(world.ada, table.id, 1).await.unwrap();
    assert_eq!((made.version, made.cause, made.restored_version), (3, JobKind::Restore, Some(1)));
    assert_eq!((changes.removed, changes.changed), (vec!["extra".into()], vec!["name".into()]));
    assert_eq!(world.rows(table.id, None).await, [["1", "one"]]);
    let missing = world.engine.tables.restore(world.ada, table.id, 9).await.unwrap_err();
    assert_eq!(missing.code, Code::NotFound);

    let versions = world.engine.tables.versions(world.ada, table.id, None, 2).await.unwrap();
    let numbers: Vec<_> = versions.items.iter().map(|(version, _)| version.version).collect();
    assert_eq!((numbers, versions.next.as_deref()), (vec![3, 2], Some("2")));
    assert_eq!(versions.items[1].1.added, ["extra"]);
    assert_eq!(versions.items[1].1.changed, ["title"]);
    let rest = world.engine.tables.versions(world.ada, table.id, versions.next.as_deref(), 2).await.unwrap();
    assert_eq!(rest.items[0].1, ColumnChanges::default());
    assert_eq!(rest.items[0].0.created_by.as_ref().unwrap().id, world.ada);
}

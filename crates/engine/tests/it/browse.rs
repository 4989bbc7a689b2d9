use crate::World;
use mycorr_domain::{Cell, Code};
use mycorr_engine::{Purpose, TableKind};

#[tokio::test(flavor = "multi_thread")]
async fn from_schemas_to_a_preview() {
    let world = World::new().await;
    world.database.sql(
        "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(12,2), note text);
         INSERT INTO orders VALUES (1, 9.50, NULL), (2, 1000, 'late');
         CREATE VIEW big AS SELECT * FROM orders WHERE total > 100;
         CREATE TABLE other (x int);",
    );
    let (engine, ada, id) = (&world.engine, world.ada, world.connection().await.id);
    let schemas = engine.connections.schemas(ada, id, None, 200).await.unwrap().items;
    let public = schemas.iter().find(|schema| schema.name == "public").unwrap();
    assert_eq!(public.tables, 3);

    let page = engine.connections.source_tables(ada, id, "public".into(), None, None, 2).await.unwrap();
    let names: Vec<_> = page.items.iter().map(|table| table.name.as_str()).collect();
    assert_eq!((names, page.next.as_deref()), (vec!["big", "orders"], Some("orders")));
    let rest = engine.connections.source_tables(ada, id, "public".into(), None, page.next, 2).await.unwrap();
    assert_eq!((rest.items[0].name.as_str(), rest.next), ("other", None));
    let found = engine
        .connections
        .source_tables(ada, id, "public".into(), Some("BIG".into()), None, 9)
        .await
        .unwrap();
    assert_eq!((found.items.len(), found.items[0].kind), (1, TableKind::View));

    let (described, _) =
        engine.connections.describe(ada, id, "public".into(), "orders".into(), false).await.unwrap();
    let columns: Vec<_> = described.columns.iter().map(|c| (c.pg_type.as_str(), c.primary_key)).collect();
    assert_eq!(columns, [("bigint", true), ("numeric(12,2)", false), ("text", false)]);

    let preview = engine.connections.preview(ada, id, "public".into(), "orders".into()).await.unwrap();
    let text = |text: &str| Cell::Text(text.into());
    assert_eq!(preview.rows[0], [text("1"), text("9.50"), Cell::Null]);
    assert_eq!(preview.rows[1], [text("2"), text("1000.00"), text("late")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_statement_searches_all_schemas() {
    let world = World::new().await;
    let role = &world.database.role;
    world.database.sql(&format!(
        "CREATE SCHEMA \"a:ö\"; GRANT USAGE ON SCHEMA \"a:ö\" TO \"{role}\"; CREATE TABLE \"a:ö\".\"1 Orders\" (id int);
         CREATE TABLE orders (id int); CREATE TABLE orders_2 (id int); CREATE TABLE other (id int);
         CREATE SCHEMA orders; CREATE TABLE orders.shut (id int)"
    ));
    let id = world.connection().await.id;
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page =
            world.engine.connections.search_tables(world.ada, id, "ORDERS".into(), after, 1).await.unwrap();
        found.extend(
            page.items.iter().map(|table| format!("{}.{} {}", table.schema, table.name, table.readable)),
        );
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let sent = world.engine.connections.statements(world.ada, id, None, None, 100).await.unwrap().items;
    assert_eq!(
        sent.iter().filter(|one| one.template == "search" && one.purpose == Purpose::Browse).count(),
        found.len()
    );
    assert_eq!(
        found,
        ["a:ö.1 Orders false", "orders.shut false", "public.orders true", "public.orders_2 true"]
    );
    let exact = world
        .engine
        .connections
        .search_tables(world.ada, id, "public.orders_".into(), None, 10)
        .await
        .unwrap();
    assert_eq!(exact.items.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_read_says_why_and_stands_in_the_ledger() {
    let world = World::new().await;
    world
        .database
        .sql(&format!("CREATE TABLE secrets (x int); REVOKE ALL ON secrets FROM {}", world.database.role));
    let (engine, ada, id) = (&world.engine, world.ada, world.connection().await.id);
    let refused = engine.connections.preview(ada, id, "public".into(), "secrets".into()).await.err().unwrap();
    assert_eq!(refused.code, Code::TablePermissionDenied);
    assert!(refused.fix.unwrap().contains("GRANT SELECT ON"));
    let missing =
        engine.connections.describe(ada, id, "public".into(), "nothing".into(), true).await.unwrap_err();
    assert_eq!(missing.code, Code::TableNotFound);
    let nul = engine.connections.describe(ada, id, "public".into(), "a\0b".into(), true).await.unwrap_err();
    assert_eq!(nul.code, Code::NotFound);
    let ledger = engine.connections.statements(ada, id, None, None, 100).await.unwrap().items;
    let described = ledger.iter().filter(|sent| sent.template == "describe");
    let purposes: Vec<_> = described.map(|sent| sent.purpose).collect();
    assert_eq!(
        purposes,
        [Purpose::Browse, Purpose::Preview, Purpose::Test],
        "newest first; NUL was never sent"
    );
}

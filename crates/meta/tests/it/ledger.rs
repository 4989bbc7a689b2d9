use crate::{connection, url, user, world};
use chrono::{TimeDelta, Utc};
use mycorr_domain::{Code, UserId};
use mycorr_meta::{Meta, NewStatement, Purpose, StatementEnd};
use sea_orm::{ConnectionTrait, Database};

const OPEN: TimeDelta = TimeDelta::seconds(60);

fn statement(text: &str, actor: UserId) -> NewStatement {
    NewStatement {
        at: Utc::now(),
        template: "schemas".into(),
        statement: text.into(),
        parameters: vec!["it's".into()],
        purpose: Purpose::Browse,
        actor,
        job: None,
        rows: 0,
        bytes: 0,
        milliseconds: 0,
        outcome: "running".into(),
    }
}

async fn outcomes(meta: &Meta, owner: UserId, on: mycorr_domain::ConnectionId) -> Vec<String> {
    let page = meta.statements(owner, on, None, None, 1000).await.unwrap();
    page.items.into_iter().rev().map(|entry| entry.outcome).collect()
}

#[tokio::test]
async fn an_entry_is_open_until_it_is_completed_or_its_process_is_dead() {
    let world = world().await;
    let (meta, ada) = (&world.meta, world.ada.id);
    let on = connection(meta, &world.ada).await.id;
    let sent = vec![statement("SELECT 1", ada), statement("SELECT 2", ada)];
    let alive = meta.enter_statements(on, sent, OPEN).await.unwrap();
    let dead = meta.enter_statements(on, vec![statement("SELECT 1", ada)], -OPEN).await.unwrap();
    let late = meta.enter_statements(on, vec![statement("SELECT 3", ada)], -OPEN).await.unwrap();
    assert_eq!(outcomes(meta, ada, on).await, ["running"; 4]);
    // A heartbeat that comes before the others look keeps an entry open.
    meta.renew_statements(&late, OPEN).await.unwrap();
    assert_eq!(meta.close_interrupted_statements().await.unwrap(), 1);
    assert_eq!(outcomes(meta, ada, on).await, ["running", "running", "interrupted", "running"]);
    // One that comes after it opens nothing again; what is known in the end is entered.
    meta.renew_statements(&dead, -OPEN).await.unwrap();
    assert_eq!(meta.close_interrupted_statements().await.unwrap(), 0);
    let end = |id, rows, outcome: &str| StatementEnd {
        id,
        rows,
        bytes: 7,
        milliseconds: 8,
        outcome: outcome.into(),
    };
    let ends = [end(alive[0], 1, "ok"), end(alive[1], 5, "57014"), end(dead[0], 9, "ok")];
    meta.complete_statements(&ends).await.unwrap();
    assert_eq!(outcomes(meta, ada, on).await, ["ok", "57014", "ok", "running"]);
    let page = meta.statements(ada, on, None, None, 10).await.unwrap().items;
    assert_eq!((page[2].rows, page[2].bytes, page[2].statement.as_str()), (5, 7, "SELECT 2"));
}

#[tokio::test]
async fn nothing_is_entered_for_a_connection_that_is_gone() {
    let world = world().await;
    let on = connection(&world.meta, &world.ada).await.id;
    world.meta.delete_connection(world.ada.id, on).await.unwrap();
    let sent = vec![statement("SELECT 1", world.ada.id)];
    let refused = world.meta.enter_statements(on, sent, OPEN).await.unwrap_err();
    assert_eq!(refused.code, Code::NotFound);
}

#[tokio::test]
async fn old_entries_and_those_of_deleted_connections_go_in_slices() {
    let world = world().await;
    let (meta, ada) = (&world.meta, world.ada.id);
    let (kept, gone) = (connection(meta, &world.ada).await.id, connection(meta, &world.ada).await.id);
    for on in [kept, gone] {
        for _ in 0..2 {
            let many = (0..600).map(|_| statement("SELECT 1", ada)).collect();
            meta.record_statements(on, many).await.unwrap();
        }
    }
    meta.delete_connection(ada, gone).await.unwrap();
    let mut slices = 0;
    while meta.prune_ledgers().await.unwrap() {
        slices += 1;
    }
    assert!(slices > 2, "{slices}");
    assert_eq!(count(&world, "ledger").await, 1200);
    assert_eq!(
        count(&world, "statement_texts").await,
        1,
        "a text is kept once, and goes with its connection"
    );

    // 400 days by default, and what the owner says.
    assert!(!meta.prune_statements(Utc::now() + TimeDelta::days(399)).await.unwrap());
    meta.set_statements_retention(ada, kept, 30).await.unwrap();
    assert!(!meta.prune_statements(Utc::now() + TimeDelta::days(29)).await.unwrap());
    let later = Utc::now() + TimeDelta::days(31);
    assert!(meta.prune_statements(later).await.unwrap());
    assert!(count(&world, "ledger").await > 0, "one slice at a time");
    while meta.prune_statements(later).await.unwrap() {}
    assert_eq!(count(&world, "ledger").await, 0);
}

async fn count(world: &crate::World, table: &str) -> i64 {
    let db = Database::connect(url(&world._folder)).await.unwrap();
    let row = db.query_one_raw(sea_orm::Statement::from_string(
        db.get_database_backend(),
        format!("SELECT count(*) AS n FROM {table}"),
    ));
    row.await.unwrap().unwrap().try_get("", "n").unwrap()
}

/// A ledger as the first release wrote it.
#[tokio::test]
async fn entries_of_before_are_kept() {
    // The first release knew SQLite alone.
    if crate::postgresql::is_tested() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let meta = Meta::open(&url(&folder)).await.unwrap();
    let ada = user(&meta, "ada@example.org").await;
    let on = connection(&meta, &ada).await.id;
    meta.close().await.unwrap();
    let db = Database::connect(url(&folder)).await.unwrap();
    for old in [
        "DELETE FROM seaql_migrations WHERE version = 'm0005_ledger_ahead'",
        "DROP TABLE ledger",
        "DROP TABLE statement_texts",
        "DROP TABLE removed_ledgers",
        "ALTER TABLE connections DROP COLUMN statements_retention_days",
        "CREATE TABLE statements (id uuid_text NOT NULL PRIMARY KEY, connection_id uuid_text NOT NULL, \
           at bigint NOT NULL, template varchar NOT NULL, statement varchar NOT NULL, parameters varchar NOT NULL, \
           purpose varchar NOT NULL, actor_id uuid_text NOT NULL, job_id uuid_text NULL, rows bigint NOT NULL, \
           bytes bigint NOT NULL, milliseconds bigint NOT NULL, outcome varchar NOT NULL, \
           FOREIGN KEY (connection_id) REFERENCES connections (id) ON DELETE CASCADE)",
        "INSERT INTO statements SELECT randomblob(16), c.id, n, 'schemas', 'SELECT ' || (n % 3), '[\"a\"]', 'browse', u.id, \
           NULL, n, 2, 3, 'ok' \
         FROM connections c, users u, (WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 30) SELECT n FROM s)",
    ] {
        db.execute_unprepared(old).await.unwrap();
    }
    db.close().await.unwrap();

    let meta = Meta::open(&url(&folder)).await.unwrap();
    let entries = meta.statements(ada.id, on, None, None, 100).await.unwrap().items;
    assert_eq!(entries.len(), 30);
    for entry in entries {
        assert_eq!(entry.statement, format!("SELECT {}", entry.rows % 3));
        assert_eq!((entry.actor.as_deref(), entry.outcome.as_str()), (Some("ada@example.org"), "ok"));
    }
    assert_eq!(meta.connection(ada.id, on).await.unwrap().statements_retention_days, 400);
}

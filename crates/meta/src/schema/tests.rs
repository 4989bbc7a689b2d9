use super::{FLOOR, Migrator};
use crate::{Meta, NewNode, pool, postgres};
use mycorr_domain::Code;
use mycorr_testkit::Cluster;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, TransactionTrait};
use sea_orm_migration::MigratorTrait;
use std::collections::{BTreeMap, BTreeSet};
use tempfile::TempDir;

/// An empty database of each kind.
async fn databases(name: &str, folder: &TempDir) -> [DatabaseConnection; 2] {
    let url = format!("sqlite:{}", folder.path().join("meta.db").display());
    let file = pool::DatabaseFile::of(&url).unwrap();
    let sqlite = sea_orm::Database::connect(pool::options(&url, &file)).await.unwrap();
    [sqlite, postgres::connect(&Cluster::shared().metadata_url(name)).await.unwrap()]
}

/// What the statements of a binary can depend on.
#[derive(Debug, Default)]
struct Schema {
    /// By table and column: the type, and whether an INSERT may leave it out.
    columns: BTreeMap<(String, String), (String, bool)>,
    /// By table: what a unique index (`u`), a foreign key (`f`) or a check (`c`) says something about.
    constraints: BTreeSet<(String, String, Vec<String>)>,
}

impl Schema {
    async fn of(connection: &impl ConnectionTrait) -> Self {
        let (columns, constraints) = match connection.get_database_backend() {
            DbBackend::Sqlite => (
                "SELECT t.name AS \"table\", c.name AS \"column\", c.type AS kind, \
                 c.\"notnull\" = 0 OR c.dflt_value IS NOT NULL AS free \
                 FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'",
                "SELECT t.name AS \"table\", 'u' AS kind, group_concat(i.name) AS columns FROM sqlite_schema t \
                 JOIN pragma_index_list(t.name) l JOIN pragma_index_info(l.name) i \
                 WHERE t.type = 'table' AND l.\"unique\" GROUP BY t.name, l.name \
                 UNION SELECT t.name, 'f', f.\"from\" FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) f \
                 WHERE t.type = 'table'",
            ),
            _ => (
                "SELECT table_name::text AS \"table\", column_name::text AS \"column\", data_type::text AS kind, \
                 is_nullable = 'YES' OR column_default IS NOT NULL AS free \
                 FROM information_schema.columns WHERE table_schema = current_schema()",
                "SELECT c.relname::text AS \"table\", k.kind, string_agg(a.attname, ',' ORDER BY a.attname) AS columns \
                 FROM (SELECT indrelid AS relid, indexrelid AS id, 'u' AS kind, indkey::int2[] AS keys FROM pg_index WHERE indisunique \
                       UNION ALL SELECT conrelid, oid, contype::text, conkey FROM pg_constraint WHERE contype IN ('f', 'c')) k \
                 JOIN pg_class c ON c.oid = k.relid AND c.relnamespace = current_schema()::regnamespace \
                 JOIN pg_attribute a ON a.attrelid = k.relid AND a.attnum = ANY (k.keys) GROUP BY c.relname, k.id, k.kind",
            ),
        };
        let rows = async |sql: &str| {
            let statement = sea_orm::Statement::from_string(connection.get_database_backend(), sql);
            connection.query_all_raw(statement).await.unwrap()
        };
        let mut schema = Self::default();
        for row in rows(columns).await {
            let text = |name| row.try_get::<String>("", name).unwrap();
            let free = row.try_get("", "free").unwrap();
            schema.columns.insert((text("table"), text("column")), (text("kind"), free));
        }
        for row in rows(constraints).await {
            let text = |name| row.try_get::<String>("", name).unwrap();
            let mut columns: Vec<String> = text("columns").split(',').map(str::to_owned).collect();
            columns.sort();
            schema.constraints.insert((text("table"), text("kind"), columns));
        }
        schema
    }

    /// Why statements that are made for this one may fail on `new`.
    fn broken_by(&self, new: &Self) -> Vec<String> {
        let mut broken = Vec::new();
        for ((table, column), (kind, free)) in &self.columns {
            match new.columns.get(&(table.clone(), column.clone())) {
                None => broken.push(format!("{table}.{column} is gone")),
                Some((other, _)) if other != kind => {
                    broken.push(format!("{table}.{column} has another type"))
                }
                Some((_, still)) if *free && !still => broken.push(format!("{table}.{column} must be given")),
                Some(_) => {}
            }
        }
        let tables: BTreeSet<_> = self.columns.keys().map(|(table, _)| table).collect();
        let is_old =
            |table: &String, column: &String| self.columns.contains_key(&(table.clone(), column.clone()));
        for ((table, column), (_, free)) in &new.columns {
            if tables.contains(table) && !is_old(table, column) && !free {
                broken.push(format!("{table}.{column} is new and must be given"));
            }
        }
        for (table, kind, columns) in new.constraints.difference(&self.constraints) {
            if columns.iter().all(|column| is_old(table, column)) {
                broken.push(format!("{table} ({columns:?}) has a new constraint ({kind})"));
            }
        }
        broken
    }
}

#[tokio::test]
async fn steps_after_the_floor_only_add() {
    let folder = tempfile::tempdir().unwrap();
    let floor = Migrator::migrations().iter().position(|step| step.name() == FLOOR).expect("a step");
    for database in databases("floor", &folder).await {
        Migrator::up(&database, Some(floor as u32 + 1)).await.unwrap();
        let before = Schema::of(&database).await;
        assert!(before.columns.len() > 100 && before.constraints.len() > 20, "{before:?}");
        Migrator::up(&database, None).await.unwrap();
        let after = Schema::of(&database).await;
        assert!(after.columns.len() > before.columns.len());
        assert_eq!(before.broken_by(&after), Vec::<String>::new(), "raise FLOOR, or change the step");
    }
}

/// That the test above can fail.
#[tokio::test]
async fn what_an_older_node_would_stumble_over_is_found() {
    let folder = tempfile::tempdir().unwrap();
    for database in databases("stumble", &folder).await {
        Migrator::up(&database, None).await.unwrap();
        let before = Schema::of(&database).await;
        for (change, harmless) in [
            ("ALTER TABLE jobs ADD COLUMN a bigint", true),
            ("ALTER TABLE jobs ADD COLUMN a bigint NOT NULL DEFAULT 1", true),
            ("CREATE TABLE a (b bigint PRIMARY KEY)", true),
            ("CREATE INDEX a ON jobs (model_id)", true),
            ("CREATE UNIQUE INDEX a ON jobs (model_id)", false),
            ("ALTER TABLE jobs DROP COLUMN reserved_bytes", false),
            ("ALTER TABLE jobs RENAME COLUMN bytes TO octets", false),
            ("ALTER TABLE fences RENAME TO tokens_of_writers", false),
            ("DROP TABLE write_checks", false),
        ] {
            let transaction = database.begin().await.unwrap();
            transaction.execute_unprepared(change).await.unwrap();
            let broken = before.broken_by(&Schema::of(&transaction).await);
            assert_eq!(broken.is_empty(), harmless, "{change}: {broken:?}");
            transaction.rollback().await.unwrap();
        }
    }
}

/// As a node of an earlier release has them.
#[tokio::test]
async fn sessions_of_older_nodes_do_not_keep_the_plans_of_an_older_schema() {
    let url = Cluster::shared().metadata_url("plans");
    let older = Meta::open(&url).await.unwrap();
    // Of a pool's connections any may answer: how many of twenty questions were refused.
    let ask = async || {
        let mut refused = 0;
        for _ in 0..20 {
            let asked = older.db.query_all_raw(older.statement("SELECT * FROM jobs", [])).await;
            if let Err(error) = asked {
                assert!(error.to_string().contains("cached plan"), "{error}");
                refused += 1;
            }
        }
        refused
    };
    assert_eq!(ask().await, 0);
    for sql in [
        "ALTER TABLE jobs ADD COLUMN future bigint",
        "DELETE FROM seaql_migrations WHERE version = 'm0049_schema_floor'",
        "DROP TABLE schema_floor",
    ] {
        older.db.execute_unprepared(sql).await.unwrap();
    }
    assert!(ask().await > 0);
    Meta::open(&url).await.unwrap();
    assert_eq!(ask().await, 0);
}

/// As a newer version leaves it: a step that nobody here knows, and what has to be known.
async fn upgrade(meta: &Meta, floor: &str) {
    for sql in [
        "ALTER TABLE jobs ADD COLUMN future bigint".to_owned(),
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9000_future', 0)".to_owned(),
        format!("UPDATE schema_floor SET step = '{floor}'"),
    ] {
        meta.db.execute_unprepared(&sql).await.unwrap();
    }
}

fn urls(name: &str, folder: &TempDir) -> [String; 2] {
    [format!("sqlite:{}", folder.path().join("meta.db").display()), Cluster::shared().metadata_url(name)]
}

#[tokio::test]
async fn newer_schema_is_used_where_it_only_added() {
    let folder = tempfile::tempdir().unwrap();
    for url in urls("newer", &folder) {
        let running = Meta::open(&url).await.unwrap();
        upgrade(&running, FLOOR).await;
        running.check_writable().await.unwrap();
        // One that starts leaves the schema as it is.
        let started = Meta::open(&url).await.unwrap();
        started.check_writable().await.unwrap();
        running.db.execute_unprepared("UPDATE schema_floor SET step = 'm9000_future'").await.unwrap();
        let refused = Meta::open(&url).await.unwrap_err();
        assert_eq!(refused.code, Code::StorageUnavailable);
        assert!(refused.detail.contains("newer version"), "{refused:?}");
        // Those that run go on.
        started.check_writable().await.unwrap();
        // And what a newer version knows is not left out of a copy.
        let refused = Meta::dump(&url, &folder.path().join("dump.db")).await.unwrap_err();
        assert!(refused.detail.contains("newer version"), "{refused:?}");
    }
}

#[tokio::test]
async fn step_that_older_nodes_do_not_know_waits_for_their_end() {
    let url = Cluster::shared().metadata_url("waits");
    let meta = Meta::open(&url).await.unwrap();
    let node = NewNode {
        id: uuid::Uuid::now_v7(),
        role: "work",
        host: "old".into(),
        version: "0.0.9",
        workers: 1,
        query_address: None,
    };
    meta.heartbeat(&node).await.unwrap();
    let forget = format!("DELETE FROM seaql_migrations WHERE version = '{FLOOR}'");
    meta.db.execute_unprepared(&forget).await.unwrap();
    let refused = Meta::open(&url).await.unwrap_err();
    assert_eq!(refused.code, Code::Conflict);
    assert!(refused.detail.contains("work on old (0.0.9)"), "{refused:?}");
    meta.forget_node(node.id).await.unwrap();
    Meta::open(&url).await.unwrap();
    // Beside nodes of its own kind it starts as ever.
    meta.heartbeat(&node).await.unwrap();
    Meta::open(&url).await.unwrap();
}

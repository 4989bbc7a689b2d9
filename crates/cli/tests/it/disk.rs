//! What happens to the data directory: full for a while, read-only, locked, gone, or shared.

use crate::product::{Mycorr, id};
use mycorr_testkit::{Cluster, Database, SmallDisk, skip};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

const CLIENTS: usize = 8;
const ROUNDS: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_again_after_a_full_disk_without_a_restart() {
    let Some(disk) = SmallDisk::mount("48m") else { return };
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE public.t AS SELECT n AS id, md5(n::text) FROM generate_series(1, 1000) n");
    let mut mycorr = Mycorr::start_on(&disk).await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let table = mycorr.import(&model, &connection, "t").await["table_id"].as_str().unwrap().to_owned();
    let (over, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let shared = Arc::new(mycorr);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (mycorr, over, refused) = (shared.clone(), over.clone(), refused.clone());
            let table = table.clone();
            tokio::spawn(async move {
                let mut stored = Vec::new();
                while !over.load(SeqCst) {
                    for (method, path, body) in [
                        (Method::POST, "/models".to_owned(), json!({"name": format!("Of {client}")})),
                        (Method::POST, "/tokens".to_owned(), json!({"name": format!("Of {client}")})),
                        (Method::PATCH, format!("/tables/{table}"), json!({"name": format!("t{client}")})),
                    ] {
                        let (status, body) = mycorr.ask(method, &path, Some(body)).await;
                        match status.as_u16() {
                            200 | 201 if path == "/models" => stored.push(id(&body)),
                            200 | 201 => {}
                            507 => _ = refused.fetch_add(1, SeqCst),
                            _ => panic!("{path}: {status} {body:#}"),
                        }
                    }
                }
                stored
            })
        })
        .collect();
    for round in 0..ROUNDS {
        let before = refused.load(SeqCst);
        disk.fill();
        assert_ne!(shared.readiness().await, 200, "nothing can be written");
        while refused.load(SeqCst) < before + CLIENTS {
            assert!(clients.iter().all(|client| !client.is_finished()), "a client met another problem");
            disk.fill();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        disk.free();
        assert_eq!(shared.readiness().await, 200);
        if round % 10 == 0 {
            let job = shared.sync(&table).await;
            assert_eq!(job["state"], "succeeded", "{job:#}");
        }
    }
    over.store(true, SeqCst);
    let mut stored = Vec::new();
    for client in clients {
        stored.extend(client.await.unwrap());
    }
    mycorr = Arc::into_inner(shared).unwrap();
    mycorr.stop();
    mycorr.start_again().await;
    for model in stored {
        mycorr.get(&format!("/models/{model}")).await;
    }
}

#[tokio::test]
async fn a_read_only_folder_is_not_served() {
    let Some(disk) = SmallDisk::mount("32m") else { return };
    let mut mycorr = Mycorr::start_on(&disk).await;
    let model = mycorr.model().await;
    mycorr.stop();
    disk.read_only(true);
    let said = mycorr.command_fails(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(said.contains("can't be written"), "{said}");
    disk.read_only(false);
    mycorr.start_again().await;
    mycorr.get(&format!("/models/{model}")).await;
}

#[tokio::test]
async fn a_lock_of_another_process_loses_nothing() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE public.t AS SELECT n AS id FROM generate_series(1, 1000) n");
    let mut mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let script = "import sqlite3, sys, time\n\
                  db = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)\n\
                  db.execute('BEGIN IMMEDIATE')\nprint('locked', flush=True)\ntime.sleep(30)\ndb.execute('ROLLBACK')\n";
    let file = mycorr.data().join("mycorr.db");
    let locked = Command::new("python3").args(["-c", script]).arg(file).stdout(Stdio::piped()).spawn();
    let Ok(mut locked) = locked else {
        return skip("a_lock_of_another_process_loses_nothing", "python3");
    };
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(locked.stdout.take().unwrap()), &mut line)
        .unwrap();
    let body = json!({"connection_id": connection, "schema": "public", "table": "t"});
    let (status, problem) = mycorr.ask(Method::POST, &format!("/models/{model}/imports"), Some(body)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (503, &json!("storage_unavailable")), "{problem:#}");
    assert!(locked.wait().unwrap().success());
    assert_eq!(mycorr.import(&model, &connection, "t").await["state"], "succeeded");
    assert_eq!(mycorr.get(&format!("/models/{model}/tables")).await["items"].as_array().unwrap().len(), 1);
    mycorr.stop();
}

#[tokio::test]
async fn nothing_is_stored_into_a_folder_that_was_deleted() {
    let mycorr = Mycorr::start().await;
    fs::remove_dir_all(mycorr.data()).unwrap();
    assert_eq!(mycorr.readiness().await, 503);
    for _ in 0..20 {
        let (status, problem) = mycorr.ask(Method::POST, "/models", Some(json!({"name": "A"}))).await;
        assert_eq!((status.as_u16(), &problem["code"]), (503, &json!("storage_unavailable")), "{problem:#}");
    }
    assert!(!mycorr.data().exists(), "it is not made anew, empty");
}

#[tokio::test]
async fn a_start_that_would_lose_something_is_refused() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE public.t AS SELECT 1 AS id");
    let mut mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    mycorr.import(&model, &connection, "t").await;
    mycorr.stop();
    let (data, keys) = (mycorr.data(), mycorr.keys());
    let refused = |says: &str| {
        let said = mycorr.command_fails(&["serve", "--listen", "127.0.0.1:0"]);
        assert!(said.contains(says), "{said}");
    };

    mycorr.put_keys(&keys.replace(' ', "!"));
    refused("master.key");
    fs::remove_file(data.join("master.key")).unwrap();
    refused("the master key is missing");
    assert!(!data.join("master.key").exists(), "no other key is made in its place");
    mycorr.command(&["keys", "new"]);
    mycorr.put_keys(&keys);

    for file in ["mycorr.db", "mycorr.db-wal", "mycorr.db-shm"] {
        let _ = fs::rename(data.join(file), data.join(format!("{file}.away")));
    }
    refused("the database is empty, but there are tables");
    for file in ["mycorr.db", "mycorr.db-wal", "mycorr.db-shm"] {
        let _ = fs::remove_file(data.join(file));
        let _ = fs::rename(data.join(format!("{file}.away")), data.join(file));
    }
    mycorr.start_again().await;
    mycorr.get(&format!("/models/{model}")).await;
}

#[tokio::test]
async fn a_folder_is_served_once_unless_it_is_shared() {
    let mycorr = Mycorr::start().await;
    let said = mycorr.command_fails(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(said.contains("this folder is served by another process"), "{said}");
    // Commands run beside the server.
    mycorr.command(&["token", "create", "--email", "ada@example.org", "--name", "beside"]);
    mycorr.command(&["keys", "rotate"]);
}

/// A process that is stopped for longer than its lease, at some moment of eight syncs, then goes on: whatever is
/// listed is whole. `MYCORR_ROUNDS=7` tries more than fifty moments.
#[tokio::test]
async fn a_process_stopped_beyond_its_lease_tears_no_table() {
    const TABLES: usize = 8;
    let rounds: u64 = std::env::var("MYCORR_ROUNDS").map_or(1, |rounds| rounds.parse().unwrap());
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let mut mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let mut tables = Vec::new();
    for n in 0..TABLES {
        // Of different sizes, so that each is elsewhere when the process stops.
        let rows = 20_000 + n * 30_000;
        database.sql(&format!(
            "CREATE TABLE public.t{n} AS SELECT n AS id, repeat(md5(n::text), 4) AS text FROM generate_series(1, {rows}) n"
        ));
        let job = mycorr.import(&model, &connection, &format!("t{n}")).await;
        tables.push((job["table_id"].as_str().unwrap().to_owned(), rows));
    }
    mycorr.stop();
    let shared = ["--share-data-dir", "--workers", "8"];
    mycorr.start_again_with(&shared).await;
    for round in 0..rounds {
        let mut jobs = Vec::new();
        for (table, _) in &tables {
            jobs.push(id(&mycorr.post(&format!("/tables/{table}/sync"), json!({})).await["job"]));
        }
        tokio::time::sleep(Duration::from_millis(150 + round * 120)).await;
        mycorr.signal("STOP");
        // Stopped in the middle of a write to SQLite it would hold the lock that everybody needs: another moment.
        while !is_free(&mycorr.data().join("mycorr.db")) {
            mycorr.signal("CONT");
            tokio::time::sleep(Duration::from_millis(20)).await;
            mycorr.signal("STOP");
        }
        let second = mycorr.second(&shared).await;
        let first = mycorr.ask_at(second.port);
        mycorr.ready_again().await;
        for job in &jobs {
            let job = mycorr.finish(job).await;
            assert_eq!(job["state"], "succeeded", "{job:#}");
        }
        mycorr.signal("CONT");
        tokio::time::sleep(Duration::from_secs(3)).await;
        for (table, rows) in &tables {
            all_versions_are_whole(&mycorr, table, *rows).await;
        }
        mycorr.ask_at(first);
        drop(second);
        for (table, rows) in &tables {
            all_versions_are_whole(&mycorr, table, *rows).await;
        }
    }
    for (table, rows) in &tables {
        let job = mycorr.sync(table).await;
        assert_eq!((&job["state"], &job["rows"]), (&json!("succeeded"), &json!(rows)), "{job:#}");
    }
}

/// Whether nobody holds the write lock of a database.
fn is_free(database: &Path) -> bool {
    let script = "import sqlite3, sys\n\
                  db = sqlite3.connect(sys.argv[1], timeout=0.2, isolation_level=None)\n\
                  db.execute('BEGIN IMMEDIATE')\ndb.execute('ROLLBACK')\n";
    let asked = Command::new("python3").args(["-c", script]).arg(database).stderr(Stdio::null()).status();
    asked.expect("this test needs python3").success()
}

async fn all_versions_are_whole(mycorr: &Mycorr, table: &str, rows: usize) {
    let versions = mycorr.get(&format!("/tables/{table}/versions")).await;
    for version in versions["items"].as_array().unwrap() {
        let number = version["version"].to_string();
        for offset in ["0", &(rows - 5).to_string()] {
            let page = mycorr.rows(table, &[("version", &number), ("offset", offset), ("limit", "5")]).await;
            assert_eq!(page["total"], json!(rows), "{page:#}");
            assert!(page["rows"].as_array().is_some_and(|rows| rows.len() == 5), "{page:#}");
        }
        // Every file is read.
        let page = mycorr.rows(table, &[("version", &number), ("sort", "-id"), ("limit", "1")]).await;
        assert_eq!(page["rows"][0][0], Value::String(rows.to_string()), "{page:#}");
    }
}

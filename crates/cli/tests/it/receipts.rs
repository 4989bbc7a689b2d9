//! Versions that are compared with their source.

use crate::product::{Mycorr, id};
use mycorr_testkit::{Cluster, Database};
use reqwest::Method;
use serde_json::{Value, json};
use std::{fs, os::unix::fs::FileExt, path::PathBuf};

async fn verify(mycorr: &Mycorr, table: &str) -> Value {
    let started = mycorr.post(&format!("/tables/{table}/verify"), json!({})).await;
    assert_eq!(started["job"]["kind"], "verify");
    mycorr.finish(&id(&started["job"])).await
}

fn parquet_files(mycorr: &Mycorr, table: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(mycorr.data().join("tables").join(table)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "parquet")).collect()
}

/// Every type that is stored in its own way, extremes, and much that is kept as text.
const TABLE: &str = "CREATE TYPE mood AS ENUM ('sad', 'happy'); \
    CREATE TABLE t (id int PRIMARY KEY, i2 smallint, i8 bigint, n numeric, d numeric(38,9), f4 real, f8 float8, b boolean, \
      c char(6), v varchar(40), y bytea, dt date, ts timestamp, tz timestamptz, tm time, iv interval, u uuid, j jsonb, a text[], \
      m mood, x inet, mo money, p point, o oid, e text); \
    INSERT INTO t SELECT g, g % 300, g * 10000000000, CASE g % 4 WHEN 0 THEN 'NaN' ELSE g / 7.0 END, g / 3.0, g / 7.0, \
      CASE g % 5 WHEN 0 THEN 'Infinity' WHEN 1 THEN 'NaN' ELSE g / 11.0 END, nullif(g % 3, 0) = 1, 'c' || g % 9, \
      repeat('é', g % 20), decode(md5(g::text), 'hex'), CASE g % 6 WHEN 0 THEN 'infinity' ELSE '0044-03-15 BC'::date + g END, \
      '294276-01-01'::timestamp - g * interval '1 day', '1970-01-01'::timestamptz + g * interval '1 us', '24:00', \
      g * interval '1 mon -2 days 03:04:05.6', md5(g::text)::uuid, jsonb_build_object('g', g), ARRAY['a,b', NULL, g::text], \
      (enum_range(null::mood))[1 + g % 2], '10.0.0.1', g::numeric::money, point(g, -g), 4294967295, NULLIF('', 'x') \
    FROM generate_series(1, 3000) g";

#[tokio::test]
async fn what_is_stored_equals_its_source_text_for_text() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(TABLE);
    database.sql("CREATE TABLE nothing (); CREATE TABLE empty (a int); CREATE VIEW v AS SELECT id, c FROM t WHERE id < 10");
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    for (name, rows, more) in [
        ("t", 3000, json!({})),
        ("t", 1000, json!({"filter": ["id.lte.1000"], "masks": {"v": "hash", "n": "redact"}})),
        ("empty", 0, json!({})),
        ("v", 9, json!({})),
    ] {
        let mut body =
            json!({"connection_id": connection, "schema": "public", "table": name, "verify": true});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let started = mycorr.post(&format!("/models/{model}/imports"), body).await;
        let import = mycorr.finish(&id(&started["job"])).await;
        assert_eq!(import["state"], "succeeded", "{import:#}");
        // The comparison that was asked for follows by itself.
        let table = import["table_id"].as_str().unwrap();
        let jobs = mycorr.get(&format!("/models/{model}/jobs")).await;
        let follows = |job: &&Value| job["table_id"] == import["table_id"] && job["kind"] == "verify";
        let job = jobs["items"].as_array().unwrap().iter().find(follows).unwrap().clone();
        let job = mycorr.finish(&id(&job)).await;
        let receipt = &job["receipt"];
        assert_eq!(
            (&job["state"], &receipt["equal"]),
            (&json!("succeeded"), &json!(true)),
            "{name}: {job:#}"
        );
        assert_eq!(receipt["rows"], json!({"source": rows, "stored": rows}));
        assert_eq!((&receipt["source_changed"], &receipt["intact"]), (&json!(false), &json!(true)));
        for column in receipt["columns"].as_array().unwrap() {
            let masked = more["masks"].get(column["name"].as_str().unwrap()).is_some();
            assert_eq!(column["texts"], !masked, "{column}");
        }
        let versions = mycorr.get(&format!("/tables/{table}/versions")).await;
        assert_eq!(versions["items"][0]["verified"]["equal"], true);
        assert_eq!(mycorr.get(&format!("/tables/{table}")).await["version"], 1);
    }
}

#[tokio::test]
async fn a_source_that_moved_on_is_told_from_damage() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(TABLE);
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let job = mycorr.import(&mycorr.model().await, &connection, "t").await;
    let table = job["table_id"].as_str().unwrap().to_owned();
    let different = |job: &Value| -> Vec<String> {
        let columns = job["receipt"]["columns"].as_array().unwrap().iter();
        columns.filter(|c| c["equal"] == false).map(|c| c["name"].as_str().unwrap().to_owned()).collect()
    };

    database.sql("UPDATE t SET f8 = 1.5, c = 'other' WHERE id = 7");
    let job = verify(&mycorr, &table).await;
    assert_eq!((&job["state"], &job["problem"]), (&json!("succeeded"), &Value::Null), "{job:#}");
    let receipt = &job["receipt"];
    assert_eq!(
        (&receipt["equal"], &receipt["source_changed"], &receipt["intact"]),
        (&json!(false), &json!(true), &json!(true))
    );
    assert_eq!(different(&job), ["f8", "c"]);
    // A rename is followed; a value that went is counted.
    database.sql("ALTER TABLE t RENAME i8 TO renamed; UPDATE t SET renamed = NULL WHERE id = 8; DELETE FROM t WHERE id = 9");
    let job = verify(&mycorr, &table).await;
    assert_eq!(job["receipt"]["rows"], json!({"source": 2999, "stored": 3000}));
    let i8 =
        job["receipt"]["columns"].as_array().unwrap().iter().find(|c| c["name"] == "i8").unwrap().clone();
    assert_eq!(i8["values"], json!({"source": 2998, "stored": 3000}));
    database.sql("ALTER TABLE t DROP renamed");
    let job = verify(&mycorr, &table).await;
    assert_eq!(
        (&job["state"], &job["problem"]["code"]),
        (&json!("failed"), &json!("source_changed")),
        "{job:#}"
    );
    // The next version is equal again.
    assert_eq!(mycorr.sync(&table).await["version"], 2);
    assert_eq!(verify(&mycorr, &table).await["receipt"]["equal"], true);
    let ledger = mycorr.get(&format!("/connections/{connection}/statements?limit=1000")).await;
    let sent = ledger["items"].as_array().unwrap().iter().filter(|entry| {
        entry["purpose"] == "verify"
            && entry["statement"].as_str().unwrap().contains("hashtextextended(\"f8\"")
    });
    assert_eq!(sent.count(), 3);
    let (status, _) = mycorr.ask(Method::POST, &format!("/tables/{}/verify", uuid()), None).await;
    assert_eq!(status.as_u16(), 404);
}

fn uuid() -> &'static str {
    "01890a5d-ac96-774b-bcce-b302099a8057"
}

#[tokio::test]
async fn one_flipped_bit_in_a_stored_cell_fails_the_receipt() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    // Values that no dictionary holds and nothing makes smaller.
    database.sql(
        "CREATE TABLE t (id int, b bytea); INSERT INTO t SELECT g, decode(md5(g::text) || md5('x' || g), 'hex') \
         FROM generate_series(1, 2000) g",
    );
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let job = mycorr.import(&mycorr.model().await, &connection, "t").await;
    let table = job["table_id"].as_str().unwrap();
    assert_eq!(verify(&mycorr, table).await["receipt"]["equal"], true);
    let files = parquet_files(&mycorr, table);
    let path = &files[0];
    let whole = fs::read(path).unwrap();
    let file = fs::File::options().write(true).open(path).unwrap();
    let mut seen = 0;
    for at in (4..whole.len() - 4096).step_by(whole.len() / 40) {
        file.write_all_at(&[whole[at] ^ 0x10], at as u64).unwrap();
        let job = verify(&mycorr, table).await;
        // A page that can't be decoded any more, or rows that are not those that were written.
        assert_eq!(job["state"], "failed", "byte {at}: {job:#}");
        if !job["receipt"].is_null() {
            assert_eq!(job["problem"]["code"], "damaged_data");
            let receipt = &job["receipt"];
            assert_eq!((&receipt["equal"], &receipt["intact"]), (&json!(false), &json!(false)), "{job:#}");
            seen += 1;
        }
        file.write_all_at(&whole[at..=at], at as u64).unwrap();
    }
    assert!(seen > 0, "no flipped bit came to a cell");
    assert_eq!(verify(&mycorr, table).await["receipt"]["equal"], true);
}

#[tokio::test]
async fn damaged_version_is_followed_by_one_that_shares_nothing_with_it() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE t (id int, b text); INSERT INTO t SELECT g, md5(g::text) FROM generate_series(1, 30000) g");
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let job = mycorr.import(&mycorr.model().await, &connection, "t").await;
    let table = job["table_id"].as_str().unwrap();
    let files = parquet_files(&mycorr, table);
    let whole = fs::read(&files[0]).unwrap();
    let file = fs::File::options().write(true).open(&files[0]).unwrap();
    let mut damaged = false;
    for at in (4..whole.len() - 4096).step_by(whole.len() / 40) {
        file.write_all_at(&[whole[at] ^ 0x10], at as u64).unwrap();
        let job = verify(&mycorr, table).await;
        if job["problem"]["code"] == "damaged_data" {
            damaged = true;
            break;
        }
        file.write_all_at(&whole[at..=at], at as u64).unwrap();
    }
    assert!(damaged, "no flipped bit came to a cell");
    // The source is as it was, and yet the next sync writes all of it.
    let job = mycorr.sync(table).await;
    assert_eq!((&job["unchanged"], &job["version"]), (&json!(false), &json!(2)), "{job:#}");
    assert_eq!(parquet_files(&mycorr, table).len(), 2 * files.len());
    assert_eq!(verify(&mycorr, table).await["receipt"]["equal"], true);
    assert_eq!(mycorr.sync(table).await["unchanged"], true);
}

#[tokio::test]
async fn sync_that_finds_nothing_new_is_compared_too() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE t (id int PRIMARY KEY, b text); INSERT INTO t SELECT g, md5(g::text) FROM generate_series(1, 3000) g");
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let job = mycorr.import(&model, &connection, "t").await;
    let table = job["table_id"].as_str().unwrap();
    let verifications = async || {
        let jobs = mycorr.get(&format!("/models/{model}/jobs")).await;
        let jobs = jobs["items"].as_array().unwrap().clone();
        jobs.into_iter().filter(|job| job["kind"] == "verify").collect::<Vec<_>>()
    };
    assert_eq!(
        (mycorr.sync(table).await["unchanged"].clone(), verifications().await.len()),
        (json!(true), 0)
    );
    let policy = json!({"hold": "never", "verify": true});
    let (status, answer) =
        mycorr.ask(Method::PUT, &format!("/tables/{table}/sync-policy"), Some(policy)).await;
    assert_eq!(status.as_u16(), 200, "{answer}");
    assert_eq!(mycorr.sync(table).await["unchanged"], true);
    let follows = verifications().await;
    assert_eq!(follows.len(), 1);
    let compared = mycorr.finish(&id(&follows[0])).await;
    assert_eq!(compared["receipt"]["equal"], true, "{compared:#}");
    let versions = mycorr.get(&format!("/tables/{table}/versions")).await;
    assert_eq!(versions["items"].as_array().unwrap().len(), 1);
    assert_eq!(versions["items"][0]["verified"]["equal"], true);
}

/// A source that never rests is no reason for doubt: it counts what was read under the snapshot of the read.
#[tokio::test(flavor = "multi_thread")]
async fn import_is_proven_under_its_own_snapshot() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(TABLE);
    database.sql("INSERT INTO t SELECT id + 3000, i2, i8, n, d, f4, f8, b, c, v FROM t");
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let import = async |connections: u32| {
        let change = json!({"max_connections": connections});
        let path = format!("/connections/{connection}");
        assert!(mycorr.ask(Method::PATCH, &path, Some(change)).await.0.is_success());
        let body = json!({"connection_id": connection, "schema": "public", "table": "t", "verify": true});
        let started = mycorr.post(&format!("/models/{model}/imports"), body).await;
        let import = mycorr.finish(&id(&started["job"])).await;
        assert_eq!(import["state"], "succeeded", "{import:#}");
        let jobs = mycorr.get(&format!("/models/{model}/jobs")).await;
        let follows = |job: &&Value| job["table_id"] == import["table_id"] && job["kind"] == "verify";
        let job = jobs["items"].as_array().unwrap().iter().find(follows).unwrap().clone();
        (import, mycorr.finish(&id(&job)).await)
    };
    database.sql("CREATE TABLE enough ()");
    let writes = database.cluster.sql_async(
        &database.name,
        "DO $$ DECLARE g int := 0; BEGIN WHILE NOT EXISTS (SELECT FROM enough) LOOP g := g + 1; \
         UPDATE t SET i8 = i8 + 1, v = g::text WHERE id = 1 + g % 3000; COMMIT; PERFORM pg_sleep(0.02); \
         END LOOP; END $$",
    );
    let imports = async {
        let mut proven = 0;
        for connections in [2, 4, 2, 4] {
            let (import, verified) = import(connections).await;
            let receipt = &verified["receipt"];
            if receipt["snapshot"] == true {
                proven += 1;
                assert!(import["connections"].as_u64().unwrap() >= 2, "{import:#}");
                assert_eq!(receipt["equal"], true, "{verified:#}");
                assert_eq!(receipt["source_changed"], false);
                assert_eq!(receipt["rows"], json!({"source": 6000, "stored": 6000}));
            }
        }
        assert!(proven > 0, "no import was proven");
        // One connection can't prove it: another look at the source says that it is not the same any more.
        let (import, verified) = import(1).await;
        assert_eq!(import["connections"], 1);
        let receipt = &verified["receipt"];
        assert_eq!((&receipt["snapshot"], &receipt["intact"]), (&json!(false), &json!(true)), "{verified:#}");
        assert_eq!(receipt["source_changed"] == true, receipt["equal"] == false, "{verified:#}");
    };
    tokio::join!(writes, async {
        imports.await;
        database.sql("INSERT INTO enough DEFAULT VALUES");
    });
    // Asked for by an import, and in its ledger.
    let ledger = mycorr.get(&format!("/connections/{connection}/statements?limit=1000")).await;
    let hashing = |entry: &&Value| {
        entry["purpose"] == "import" && entry["statement"].as_str().unwrap().contains("hashtextextended(")
    };
    assert!(ledger["items"].as_array().unwrap().iter().any(|entry| hashing(&entry)));
}

//! Syncs that write only what is new, and others that read what they leave.

use crate::product::Mycorr;
use mycorr_testkit::{Cluster, Database, delta_readers};
use serde_json::{Value, json};
use std::{path::Path, process::Command};

/// Bytes of all files of rows.
fn stored(mycorr: &Mycorr, table: &str) -> u64 {
    let entries = std::fs::read_dir(mycorr.data().join("tables").join(table)).unwrap();
    let files = entries.map(|entry| entry.unwrap());
    let of_rows = files.filter(|file| file.path().extension().is_some_and(|is| is == "parquet"));
    of_rows.map(|file| file.metadata().unwrap().len()).sum()
}

#[tokio::test]
async fn sync_after_one_percent_was_appended_stores_a_twentieth_at_most() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(
        "CREATE TABLE t (id int PRIMARY KEY, t text, x float8); \
         INSERT INTO t SELECT g, md5(g::text), g / 7.0 FROM generate_series(1, 200000) g",
    );
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let job = mycorr.import(&mycorr.model().await, &connection, "t").await;
    let table = job["table_id"].as_str().unwrap();
    let full = stored(&mycorr, table);
    for sync in 0..3 {
        let before = stored(&mycorr, table);
        database.sql(&format!(
            "INSERT INTO t SELECT g, md5(g::text), g / 7.0 FROM generate_series({}, {}) g",
            200_001 + sync * 2000,
            202_000 + sync * 2000
        ));
        let job = mycorr.sync(table).await;
        assert_eq!((&job["version"], &job["rows"]), (&json!(sync + 2), &json!(202_000 + sync * 2000)));
        let added = stored(&mycorr, table) - before;
        assert!(added <= full / 20, "{added} of {full}");
        // The version says what it added, the table how large it is.
        let versions = mycorr.get(&format!("/tables/{table}/versions")).await;
        assert_eq!(versions["items"][0]["bytes"], added);
        let size = mycorr.get(&format!("/tables/{table}")).await["bytes"].as_u64().unwrap();
        assert!(size > full && size <= full + full / 20 * (sync + 1), "{size} of {full}");
    }
    // What the versions say comes to what is stored, whichever of them are there.
    for gone in [1, 3] {
        let sum = |versions: &Value| -> u64 {
            versions["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|version| version["bytes"].as_u64().unwrap())
                .sum()
        };
        let (status, answer) =
            mycorr.ask(reqwest::Method::DELETE, &format!("/tables/{table}/versions/{gone}"), None).await;
        assert!(status.is_success(), "{answer}");
        let versions = mycorr.get(&format!("/tables/{table}/versions")).await;
        assert_eq!(sum(&versions), stored(&mycorr, table), "{versions:#}");
    }
    let rows = mycorr.get(&format!("/tables/{table}/rows?version=2&offset=201999&limit=1")).await;
    assert_eq!((&rows["total"], &rows["rows"][0][0]), (&json!(202_000), &json!("202000")), "{rows}");
}

/// Prints for each version what its rows are, as DuckDB reads its files, and as the Python package reads them itself.
const READ: &str = r#"
import sys, json, deltalake, duckdb
path = sys.argv[1]
latest = deltalake.DeltaTable(path).version()
for version in range(latest + 1):
    table = deltalake.DeltaTable(path, version=version)
    files = table.file_uris()
    rows = duckdb.execute("""SELECT count(*), coalesce(md5(string_agg(concat_ws(':', id, t, x), ',' ORDER BY id)), '')
                             FROM read_parquet(?, union_by_name => true)""", [files]).fetchone() if files else (0, "")
    own = deltalake.QueryBuilder().register("t", table).execute("SELECT count(*) AS n, sum(id) AS s FROM t").read_all()
    schema = [field.name for field in table.schema().fields]
    print(json.dumps([rows[0], rows[1], own["n"][0].as_py(), own["s"][0].as_py(), schema, len(files)]))
"#;

fn read(python: &Path, folder: &Path) -> Vec<Value> {
    let output = Command::new(python).args(["-c", READ]).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn other_readers_see_every_version_as_postgresql_had_it() {
    let Some(python) = delta_readers() else { return };
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(
        "CREATE TABLE t (id int, t text, x int); \
         INSERT INTO t SELECT g, md5(g::text), nullif(g % 7, 0) FROM generate_series(1, 60000) g",
    );
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let job = mycorr.import(&mycorr.model().await, &connection, "t").await;
    let table = job["table_id"].as_str().unwrap().to_owned();
    let state = || {
        let rows = database.sql(
            "SELECT count(*) || ' ' || coalesce(md5(string_agg(concat_ws(':', id, t, x), ',' ORDER BY id)), '') || ' ' || \
             coalesce(sum(id), 0) FROM t",
        );
        rows.trim().to_owned()
    };
    let mut states = vec![state()];
    for change in [
        "INSERT INTO t SELECT g, md5(g::text), NULL FROM generate_series(60001, 60600) g",
        "UPDATE t SET t = 'changed' WHERE id % 20000 = 5",
        "DELETE FROM t WHERE id BETWEEN 30000 AND 30010; VACUUM t",
        "INSERT INTO t VALUES (0, 'into a free place', 1)",
        "ALTER TABLE t ADD more date DEFAULT '2020-01-01'",
        "INSERT INTO t SELECT g, md5(g::text), NULL FROM generate_series(70001, 70010) g",
        "DELETE FROM t",
        "INSERT INTO t SELECT g, 'again', NULL FROM generate_series(1, 10) g",
    ] {
        change.split("; ").for_each(|statement| drop(database.sql(statement)));
        let job = mycorr.sync(&table).await;
        assert_eq!(job["version"], states.len() + 1, "{change}: {job:#}");
        states.push(state());
    }
    mycorr.post(&format!("/tables/{table}/restore"), json!({"version": 3})).await;
    states.push(states[2].clone());

    let folder = mycorr.data().join("tables").join(&table);
    let found = read(&python, &folder);
    assert_eq!(found.len(), states.len());
    for (version, (found, state)) in found.iter().zip(&states).enumerate() {
        let by_duckdb =
            format!("{} {} {}", found[0], found[1].as_str().unwrap(), found[3].as_i64().unwrap_or(0));
        assert_eq!((&by_duckdb, &found[0]), (state, &found[2]), "version {}: {found}", version + 1);
    }
    assert!(found[1][5].as_u64() > Some(1), "no file was taken over: {}", found[1]);
    let columns = |version: usize| found[version][4].as_array().unwrap().len();
    assert_eq!((columns(4), columns(5), columns(9)), (3, 4, 3));
}

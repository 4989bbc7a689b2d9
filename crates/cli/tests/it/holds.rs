//! Syncs that are held until somebody decides.

use crate::product::{Mycorr, id};
use mycorr_testkit::{Cluster, Database};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A table with so many rows, imported, whose syncs are held by `hold`.
async fn held_by<'a>(mycorr: &Mycorr, database: &Database<'a>, cluster: &'a Cluster, hold: &str) -> String {
    database.sql(
        "CREATE TABLE t (id int PRIMARY KEY, name text, note text); \
         INSERT INTO t SELECT n, 'name ' || n, '' FROM generate_series(1, 100) n",
    );
    let connection = mycorr.connect(cluster, database, cluster.port()).await;
    let job = mycorr.import(&mycorr.model().await, &connection, "t").await;
    let table = job["table_id"].as_str().unwrap().to_owned();
    policy(mycorr, &table, json!({"hold": hold})).await;
    table
}

async fn policy(mycorr: &Mycorr, table: &str, policy: Value) -> Value {
    let (status, answer) =
        mycorr.ask(Method::PUT, &format!("/tables/{table}/sync-policy"), Some(policy)).await;
    assert_eq!(status, StatusCode::OK, "{answer:#}");
    answer
}

async fn decide(mycorr: &Mycorr, table: &str, decision: &str) -> (StatusCode, Value) {
    mycorr.ask(Method::POST, &format!("/tables/{table}/held/{decision}"), Some(json!({}))).await
}

/// What a job leaves is removed just after it has ended.
async fn files_become(mycorr: &Mycorr, files: usize) {
    while mycorr.parquet_files() != files {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn codes(held: &Value) -> Vec<&str> {
    held["reasons"].as_array().unwrap().iter().map(|reason| reason["code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn sync_that_breaks_the_policy_waits_for_a_decision() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let mut mycorr = Mycorr::start().await;
    let table = held_by(&mycorr, &database, cluster, "breaking").await;
    let path = format!("/tables/{table}");
    assert_eq!(mycorr.get(&format!("{path}/sync-policy")).await["max_rows_lost_percent"], 20);
    // What breaks nothing becomes a version as ever.
    database.sql("DELETE FROM t WHERE id > 80; ALTER TABLE t ADD extra text");
    assert_eq!(mycorr.sync(&table).await["version"], 2);
    let files = mycorr.parquet_files();

    // Each kind of break is held; each next one takes the place of the one before.
    let mut before: Option<String> = None;
    for (change, expected) in [
        ("DELETE FROM t WHERE id > 60", vec!["rows_lost"]),
        ("DELETE FROM t", vec!["no_rows"]),
        (
            "INSERT INTO t SELECT n, 'name ' || n, '' FROM generate_series(1, 80) n; ALTER TABLE t DROP note",
            vec!["column_gone"],
        ),
        ("ALTER TABLE t ALTER name TYPE varchar(20)", vec!["column_retyped", "column_gone"]),
    ] {
        database.sql(change);
        let job = mycorr.sync(&table).await;
        assert_eq!((&job["state"], &job["version"]), (&json!("held"), &Value::Null), "{job:#}");
        let held = mycorr.get(&format!("{path}/held")).await;
        assert_eq!((codes(&held), &held["job_id"]), (expected, &job["id"]), "{change}");
        let now = mycorr.get(&path).await;
        assert_eq!((&now["version"], &now["held_job_id"], &now["rows"]), (&json!(2), &job["id"], &json!(80)));
        if let Some(before) = before.replace(id(&job)) {
            let replaced = mycorr.get(&format!("/jobs/{before}")).await;
            assert_eq!(
                (&replaced["state"], &replaced["problem"]["code"]),
                (&json!("cancelled"), &json!("cancelled"))
            );
        }
        let empty = held["diff"]["removed"] == json!(80);
        files_become(&mycorr, files + usize::from(!empty)).await;
    }
    // It is no version, and outlives a restart. Its rows can be looked at.
    assert_eq!(mycorr.get(&format!("{path}/versions")).await["items"].as_array().unwrap().len(), 2);
    mycorr.stop();
    mycorr.start_again().await;
    let held = mycorr.get(&format!("{path}/held")).await;
    let diff = &held["diff"];
    assert_eq!((&diff["from"], &diff["to"], &diff["changed"]), (&json!(2), &json!("held"), &json!(0)));
    let page = mycorr.rows(&table, &[("version", "held"), ("sort", "-id"), ("limit", "1")]).await;
    assert_eq!((&page["version"], &page["total"]), (&json!("held"), &json!(80)));
    assert_eq!(page["rows"], json!([["80", "name 80", null]]));
    let rows = mycorr.get(&format!("{path}/diff/rows?to=held&limit=1")).await;
    assert_eq!((&rows["from"], &rows["to"], &rows["total"]), (&json!(2), &json!("held"), &json!(0)));
    let cell = mycorr.get(&format!("{path}/cell?version=held&row=0&column=name")).await;
    assert_eq!(cell, "name 1");
    assert_eq!(mycorr.rows(&table, &[("limit", "1")]).await["version"], 2);

    // Accepted, once.
    let (status, made) = decide(&mycorr, &table, "accept").await;
    assert_eq!(
        (status, &made["version"], &made["cause"]),
        (StatusCode::CREATED, &json!(3), &json!("sync")),
        "{made:#}"
    );
    assert_eq!(made["columns_removed"], json!(["note"]));
    for decision in ["accept", "discard"] {
        assert_eq!(decide(&mycorr, &table, decision).await.0, StatusCode::NOT_FOUND);
    }
    let job = mycorr.get(&format!("/jobs/{}", held["job_id"].as_str().unwrap())).await;
    assert_eq!((&job["state"], &job["version"]), (&json!("succeeded"), &json!(3)));
    let now = mycorr.get(&path).await;
    assert_eq!(
        (&now["version"], &now["held_job_id"], &now["job_id"]),
        (&json!(3), &Value::Null, &Value::Null)
    );
    assert_eq!(mycorr.sync(&table).await["unchanged"], true);

    // Discarded: the table stays, the files go.
    let files = mycorr.parquet_files();
    database.sql("DELETE FROM t WHERE id < 50");
    let job = mycorr.sync(&table).await;
    assert_eq!((&job["state"], mycorr.parquet_files()), (&json!("held"), files + 1));
    assert_eq!(decide(&mycorr, &table, "discard").await.0, StatusCode::NO_CONTENT);
    assert_eq!(mycorr.parquet_files(), files);
    assert_eq!(mycorr.get(&format!("/jobs/{}", id(&job))).await["state"], "cancelled");
    assert_eq!(mycorr.get(&path).await["rows"], 80);
    let (status, gone) = mycorr.rows_or_not(&table, &[("version", "held")]).await;
    assert_eq!((status, &gone["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));

    // A sync that finds the source mended leaves nothing to decide.
    assert_eq!(mycorr.sync(&table).await["state"], "held");
    database.sql("INSERT INTO t SELECT n, 'name ' || n, NULL FROM generate_series(1, 49) n");
    assert_eq!(mycorr.sync(&table).await["unchanged"], true);
    assert_eq!(mycorr.get(&path).await["held_job_id"], Value::Null);
    files_become(&mycorr, files).await;
    // To cancel the job is to discard what it holds.
    database.sql("DELETE FROM t");
    let job = id(&mycorr.sync(&table).await);
    mycorr.post(&format!("/jobs/{job}/cancel"), json!({})).await;
    assert_eq!(decide(&mycorr, &table, "accept").await.0, StatusCode::NOT_FOUND);
    assert_eq!(mycorr.get(&format!("/jobs/{job}")).await["state"], "cancelled");

    let model = mycorr.get(&path).await["model_id"].as_str().unwrap().to_owned();
    let activity = mycorr.get(&format!("/models/{model}/activity")).await;
    let actions: Vec<_> =
        activity["items"].as_array().unwrap().iter().map(|event| event["action"].as_str().unwrap()).collect();
    for action in
        ["table.sync_held", "table.sync_accepted", "table.sync_discarded", "table.sync_policy_changed"]
    {
        assert!(actions.contains(&action), "{action}: {actions:?}");
    }
}

#[tokio::test]
async fn rights_and_identity_that_change_are_held() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let mycorr = Mycorr::start().await;
    let table = held_by(&mycorr, &database, cluster, "breaking").await;
    let path = format!("/tables/{table}");
    let form = Mycorr::form(cluster, &database, cluster.port());
    let role = form["username"].as_str().unwrap();
    for (change, mend, expected) in [
        (
            format!("REVOKE SELECT ON t FROM {role}; GRANT SELECT (id, name) ON t TO {role}"),
            format!("GRANT SELECT ON t TO {role}"),
            vec!["column_unreadable"],
        ),
        (
            "ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (true)".to_owned(),
            "DROP POLICY p ON t; ALTER TABLE t DISABLE ROW LEVEL SECURITY".to_owned(),
            vec!["row_security"],
        ),
        (
            "ALTER TABLE t RENAME TO old; CREATE TABLE t AS TABLE old; ALTER TABLE t ADD PRIMARY KEY (id); \
             GRANT SELECT ON t TO PUBLIC"
                .to_owned(),
            "DROP TABLE t; ALTER TABLE old RENAME TO t".to_owned(),
            vec!["another_table"],
        ),
    ] {
        database.sql(&change);
        let job = mycorr.sync(&table).await;
        assert_eq!(job["state"], "held", "{change}: {job:#}");
        let held = mycorr.get(&format!("{path}/held")).await;
        assert_eq!(codes(&held), expected, "{held:#}");
        assert!(held["reasons"][0]["message"].as_str().unwrap().ends_with('.'));
        database.sql(&mend);
        assert_eq!(mycorr.sync(&table).await["unchanged"], true, "{mend}");
        assert_eq!(mycorr.get(&path).await["held_job_id"], Value::Null);
    }
    // Chosen columns of which one is gone.
    let model = mycorr.get(&path).await["model_id"].as_str().unwrap().to_owned();
    let connection = mycorr.get(&path).await["source"]["connection_id"].clone();
    let chosen = json!({"connection_id": connection, "schema": "public", "table": "t", "name": "chosen", "columns": ["id", "note"]});
    let started = mycorr.post(&format!("/models/{model}/imports"), chosen).await;
    let chosen = mycorr.finish(&id(&started["job"])).await["table_id"].as_str().unwrap().to_owned();
    policy(&mycorr, &chosen, json!({"hold": "breaking"})).await;
    database.sql("ALTER TABLE t DROP note");
    assert_eq!(mycorr.sync(&chosen).await["state"], "held");
    assert_eq!(codes(&mycorr.get(&format!("/tables/{chosen}/held")).await), ["column_gone"]);
    assert_eq!(decide(&mycorr, &chosen, "accept").await.0, StatusCode::CREATED);
    assert_eq!(mycorr.sync(&chosen).await["unchanged"], true);
}

#[tokio::test]
async fn policy_may_hold_everything_or_nothing() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let mut mycorr = Mycorr::start().await;
    let table = held_by(&mycorr, &database, cluster, "always").await;
    let path = format!("/tables/{table}");
    assert_eq!(mycorr.sync(&table).await["unchanged"], true);
    database.sql("UPDATE t SET note = 'x' WHERE id <= 3");
    assert_eq!(mycorr.sync(&table).await["state"], "held");
    let held = mycorr.get(&format!("{path}/held")).await;
    assert_eq!((codes(&held), &held["diff"]["changed"]), (vec!["changed"], &json!(3)));
    assert_eq!(held["diff"]["sample"][0]["after"], json!(["1", "name 1", "x"]));

    // A kill between the decision and its end: the sync is a version, or can still be decided about.
    let port = mycorr.get(&path).await;
    assert_eq!(port["held_job_id"], held["job_id"]);
    mycorr.kill();
    mycorr.start_again().await;
    assert_eq!(decide(&mycorr, &table, "accept").await.1["version"], 2);
    // While a sync runs nothing can be accepted, and a restore leaves what is held.
    database.sql("UPDATE t SET note = 'y' WHERE id <= 3");
    assert_eq!(mycorr.sync(&table).await["state"], "held");
    mycorr.post(&format!("{path}/restore"), json!({"version": 1})).await;
    assert_eq!(mycorr.get(&format!("{path}/held")).await["diff"]["from"], 3);
    assert_eq!(decide(&mycorr, &table, "accept").await.1["version"], 4);
    assert_eq!(mycorr.rows(&table, &[("sort", "id"), ("limit", "1")]).await["rows"][0][2], "y");

    policy(&mycorr, &table, json!({"hold": "never"})).await;
    database.sql("DELETE FROM t");
    assert_eq!(mycorr.sync(&table).await["version"], 5);
    // A table that is deleted takes what is held with it.
    policy(&mycorr, &table, json!({"hold": "always", "keep": {"versions": 5}})).await;
    database.sql("INSERT INTO t VALUES (1, '', '')");
    let job = id(&mycorr.sync(&table).await);
    let (status, _) = mycorr.ask(Method::DELETE, &path, None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(mycorr.get(&format!("/jobs/{job}")).await["state"], "cancelled");
}

#[tokio::test]
async fn versions_are_kept_by_count_and_checkpoints_always() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let mycorr = Mycorr::start().await;
    let table = held_by(&mycorr, &database, cluster, "never").await;
    let path = format!("/tables/{table}");
    for n in 2..=6 {
        database.sql(&format!("UPDATE t SET note = '{n}' WHERE id = {n}"));
        assert_eq!(mycorr.sync(&table).await["version"], n);
    }
    let body = json!({"name": "kept"});
    let (status, _) = mycorr.ask(Method::PUT, &format!("{path}/versions/2/checkpoint"), Some(body)).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    // What it frees is said before …
    let space = mycorr.get(&format!("{path}/freed-space?keep_versions=2")).await;
    assert_eq!(space["versions"], json!([4, 3, 1]));
    let (stored, freed) = (space["stored_bytes"].as_u64().unwrap(), space["freed_bytes"].as_u64().unwrap());
    assert!(freed > 0 && freed < stored, "{space}");
    assert_eq!(mycorr.get(&format!("{path}/freed-space?version=1")).await["versions"], json!([1]));
    assert_eq!(
        mycorr.get(&format!("{path}/freed-space?keep_versions=2&keep_days=1")).await["freed_bytes"],
        0
    );
    assert_eq!(mycorr.parquet_files(), 6);
    // … and is so afterwards.
    policy(&mycorr, &table, json!({"keep": {"versions": 2}})).await;
    let versions = async || -> Vec<i64> {
        let listed = mycorr.get(&format!("{path}/versions")).await;
        listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|version| version["version"].as_i64().unwrap())
            .collect()
    };
    assert_eq!((versions().await, mycorr.parquet_files()), (vec![6, 5, 2], 3));
    let space = mycorr.get(&format!("{path}/freed-space")).await;
    assert_eq!((&space["stored_bytes"], &space["freed_bytes"]), (&json!(stored - freed), &json!(0)));
    // Each sync goes on keeping as many; what is held is none of them, and is never swept.
    policy(&mycorr, &table, json!({"hold": "breaking", "keep": {"versions": 2}})).await;
    database.sql("DELETE FROM t WHERE id > 50");
    assert_eq!(mycorr.sync(&table).await["state"], "held");
    policy(&mycorr, &table, json!({"hold": "breaking", "keep": {"versions": 1}})).await;
    assert_eq!((versions().await, mycorr.parquet_files()), (vec![6, 2], 3));
    assert_eq!(decide(&mycorr, &table, "accept").await.1["version"], 7);
    assert_eq!((versions().await, mycorr.parquet_files()), (vec![7, 2], 2));
    assert_eq!(mycorr.rows(&table, &[("limit", "1")]).await["total"], 50);
    assert_eq!(mycorr.rows(&table, &[("version", "2"), ("limit", "1")]).await["total"], 100);

    for (wrong, field) in [
        (json!({"keep": {"versions": 0}}), "keep.versions"),
        (json!({"max_rows_lost_percent": 101}), "max_rows_lost_percent"),
        (json!({"hold": "sometimes"}), "hold"),
        (json!({"held": "always"}), "held"),
    ] {
        let (status, problem) = mycorr.ask(Method::PUT, &format!("{path}/sync-policy"), Some(wrong)).await;
        assert_eq!(
            (status, &problem["fields"][0]["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)),
            "{problem:#}"
        );
    }
}

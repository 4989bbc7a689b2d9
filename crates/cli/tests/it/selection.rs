//! Imports of some rows, and of values that nobody is to see.

use crate::product::{Mycorr, id};
use mycorr_testkit::{Cluster, Database};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Imports `public.<table>` with more in the body, and waits for it; the job.
async fn import(mycorr: &Mycorr, model: &str, connection: &str, table: &str, more: Value) -> Value {
    let mut body = json!({"connection_id": connection, "schema": "public", "table": table});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let started = mycorr.post(&format!("/models/{model}/imports"), body).await;
    mycorr.finish(&id(&started["job"])).await
}

/// All cells of a column.
async fn cells(mycorr: &Mycorr, table: &Value, column: &str) -> Vec<Value> {
    let page = mycorr.rows(table.as_str().unwrap(), &[("columns", column), ("limit", "1000")]).await;
    page["rows"].as_array().unwrap().iter().map(|row| row[0].clone()).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn conditions_choose_the_rows_that_sql_says() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(
        "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); CREATE DOMAIN positive AS int CHECK (value > 0); \
         CREATE TYPE pair AS (a int, b int); \
         CREATE TABLE t (id int PRIMARY KEY, i int, n numeric(12,2), b text, v varchar(9), c char(5), z timestamptz, d date, \
           u uuid, m mood, p positive, y bytea, f float8, x boolean, a int[], r int4range, w pair, q interval, j json, \
           \"odd \"\".name\" text, h inet); \
         INSERT INTO t SELECT g, nullif(g % 7, 0), g / 3.0, chr(97 + g % 26) || g, 'v_' || g % 5, 'c' || g % 4, \
           '2024-01-01'::timestamptz + g * interval '1 hour', CASE g % 9 WHEN 0 THEN 'infinity' ELSE '2024-01-01'::date + g END, \
           md5(g::text)::uuid, (enum_range(null::mood))[1 + g % 3], 1 + g, decode(md5(g::text), 'hex'), \
           CASE g % 11 WHEN 0 THEN 'NaN' ELSE g / 7.0 END, nullif(g % 3, 0) = 1, ARRAY[g % 3, g], int4range(g, g + 9), \
           CASE g % 2 WHEN 0 THEN row(null, null)::pair END, g * interval '1 day', '{}', 'o\\%' || g, ('10.0.0.' || g % 250)::inet \
         FROM generate_series(1, 300) g",
    );
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let cases: &[(&[&str], &str)] = &[
        (&["i.eq.3"], "i = 3"),
        (&["i.neq.3"], "i <> 3"),
        (&["i.is.null"], "i IS NULL"),
        (&["n.gte.33.335", "n.lt.66.67"], "n >= 33.335 AND n < 66.67"),
        (&["n.in.(1,2.00,3.005)"], "n IN (1, 2.00, 3.005)"),
        (&["b.like.a*"], "b LIKE 'a%'"),
        (&["b.ilike.*A1*"], "b ILIKE '%A1%'"),
        (&["b.eq.'; DROP TABLE t; --"], "false"),
        (&["v.eq.v_1"], "v = 'v_1'"),
        (&["v.like.v\\_1"], "v LIKE 'v\\_1'"),
        (&["c.eq.c1"], "c = 'c1'"),
        (&["c.in.(c1,c2)"], "c IN ('c1', 'c2')"),
        (&["z.gt.2024-01-03 00:00:00+02"], "z > '2024-01-03 00:00:00+02'"),
        (&["d.lte.2024-02-01"], "d <= '2024-02-01'"),
        (&["d.eq.infinity"], "d = 'infinity'"),
        (&["u.lt.80000000-0000-0000-0000-000000000000"], "u < '80000000-0000-0000-0000-000000000000'"),
        (&["m.gte.ok"], "m >= 'ok'"),
        (&["m.in.(sad,happy)"], "m IN ('sad', 'happy')"),
        (&["p.lt.20"], "p < 20"),
        (&["y.gte.\\x80"], "y >= '\\x80'"),
        (&["y.like.\\\\x0*"], "y::text LIKE '\\\\x0%'"),
        (&["f.gt.40", "f.neq.NaN"], "f > 40 AND f <> 'NaN'"),
        (&["x.is.true"], "x IS TRUE"),
        (&["x.is.false"], "x IS FALSE"),
        (&["x.eq.t"], "x"),
        (&["x.like.t"], "x"),
        (&["a.lt.{1,5}"], "a < '{1,5}'"),
        (&["a.in.(\"{1,1}\",\"{2,2}\")"], "a IN ('{1,1}', '{2,2}')"),
        (&["r.gt.[250,255)"], "r > '[250,255)'"),
        (&["w.is.null"], "w IS NOT DISTINCT FROM NULL"),
        (&["w.is.not_null"], "w IS DISTINCT FROM NULL"),
        (&["q.gt.3 mons"], "q > '3 mons'"),
        (&["h.like.10.0.0.1"], "host(h) = '10.0.0.1'"),
        (&["\"odd \"\".name\".like.o\\\\\\%1*"], "\"odd \"\".name\" LIKE 'o\\\\\\%1%'"),
        (&["id.in.()"], "false"),
        (&["id.gte.10", "id.gte.20", "id.lte.25"], "id BETWEEN 20 AND 25"),
    ];
    for (filter, wanted) in cases {
        let job =
            import(&mycorr, &model, &connection, "t", json!({"filter": filter, "columns": ["id"]})).await;
        assert_eq!(job["state"], "succeeded", "{filter:?}: {job:#}");
        let found: BTreeSet<String> = cells(&mycorr, &job["table_id"], "id")
            .await
            .iter()
            .map(|id| id.as_str().unwrap().to_owned())
            .collect();
        let sql = database.sql(&format!("SELECT id FROM t WHERE {wanted}"));
        let expected: BTreeSet<String> =
            sql.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect();
        assert_eq!(found, expected, "{filter:?}");
        let kept = mycorr.get(&format!("/tables/{}", job["table_id"].as_str().unwrap())).await;
        assert_eq!(kept["source"]["filter"].as_array().unwrap().len(), filter.len());
    }
    // What the server does not take is said before anything is read, with the condition.
    for bad in ["i.eq.abc", "d.gt.2024-13-01", "j.eq.{}", "u.eq.1", "m.eq.angry", "x.eq.maybe", "w.eq.(1,2)"]
    {
        let job = import(&mycorr, &model, &connection, "t", json!({"filter": ["id.gt.0", bad]})).await;
        assert_eq!(
            (&job["state"], &job["problem"]["code"]),
            (&json!("failed"), &json!("invalid")),
            "{bad}: {job:#}"
        );
        assert!(job["problem"]["detail"].as_str().unwrap().contains(bad), "{job:#}");
    }
    for (more, field) in [
        (json!({"filter": ["id"]}), "filter"),
        (json!({"filter": vec!["id.eq.1"; 33]}), "filter"),
        (json!({"filter": ["b.eq.a\u{0}"]}), "filter"),
        (json!({"masks": {"": "hash"}}), "masks"),
        (json!({"columns": ["id"], "masks": {"b": "hash"}}), "masks"),
    ] {
        let mut body = json!({"connection_id": connection, "schema": "public", "table": "t"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, problem) =
            mycorr.ask(Method::POST, &format!("/models/{model}/imports"), Some(body)).await;
        assert_eq!((status.as_u16(), &problem["fields"][0]["field"]), (422, &json!(field)), "{problem:#}");
    }
    // Values are in the ledger as parameters, and in no statement.
    let ledger = mycorr.get(&format!("/connections/{connection}/statements?limit=1000")).await;
    let entry = ledger["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["parameters"].as_array().unwrap().contains(&json!("'; DROP TABLE t; --")));
    assert!(entry.is_some_and(|entry| entry["statement"].as_str().unwrap().contains("$1")), "{entry:?}");
    assert!(
        !ledger["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|e| e["statement"].as_str().unwrap().contains("DROP"))
    );
}

#[tokio::test]
async fn a_selection_is_kept_at_every_sync_and_follows_a_rename() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(
        "CREATE TABLE t (id int PRIMARY KEY, day date, email text); \
         INSERT INTO t SELECT g, '2024-01-01'::date + g, 'person' || g || '@example.org' FROM generate_series(1, 50) g",
    );
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    // The column of the condition does not come over itself.
    let wanted =
        json!({"filter": ["day.gte.2024-02-01"], "columns": ["id", "email"], "masks": {"email": "hash"}});
    let job = import(&mycorr, &model, &connection, "t", wanted).await;
    assert_eq!((&job["state"], &job["rows"]), (&json!("succeeded"), &json!(20)), "{job:#}");
    let table = job["table_id"].as_str().unwrap();
    database.sql(
        "INSERT INTO t VALUES (51, '2023-01-01', 'old@example.org'), (52, '2025-01-01', 'new@example.org')",
    );
    assert_eq!(mycorr.sync(table).await["rows"], 21);

    database.sql("ALTER TABLE t RENAME day TO on_day; ALTER TABLE t RENAME email TO mail");
    let job = mycorr.sync(table).await;
    assert_eq!((&job["state"], &job["rows"]), (&json!("succeeded"), &json!(21)), "{job:#}");
    let source = mycorr.get(&format!("/tables/{table}")).await["source"].clone();
    assert_eq!(source["filter"], json!(["on_day.gte.2024-02-01"]));
    assert_eq!(source["masks"], json!({"mail": "hash"}));
    assert!(
        cells(&mycorr, &job["table_id"], "mail").await.iter().all(|cell| cell.as_str().unwrap().len() == 64)
    );

    for (change, back) in [
        ("ALTER TABLE t ALTER on_day TYPE text", "ALTER TABLE t ALTER on_day TYPE date USING on_day::date"),
        ("ALTER TABLE t DROP on_day", "SELECT"),
    ] {
        database.sql(change);
        let job = mycorr.sync(table).await;
        assert_eq!(
            (&job["state"], &job["problem"]["code"]),
            (&json!("failed"), &json!("source_changed")),
            "{job:#}"
        );
        let detail = job["problem"]["detail"].as_str().unwrap();
        assert!(detail.contains("on_day") && detail.contains("Nothing was read"), "{detail}");
        database.sql(back);
    }
    // The cure: the rows are chosen anew.
    let body = json!({"connection_id": connection, "filter": ["id.gt.40"]});
    let (status, table_now) = mycorr.ask(Method::PUT, &format!("/tables/{table}/source"), Some(body)).await;
    assert!(status.is_success(), "{table_now:#}");
    assert_eq!(table_now["source"]["masks"], json!({"mail": "hash"}));
    assert_eq!(mycorr.sync(table).await["rows"], 12);

    // Another table under the same name, in which the masked column is not to be found: its values might be elsewhere.
    database.sql("DROP TABLE t; CREATE TABLE t (id int, mail text, address text); INSERT INTO t VALUES (50, 'x@y', 'a')");
    let job = mycorr.sync(table).await;
    assert_eq!((&job["state"], &job["rows"]), (&json!("succeeded"), &json!(1)), "{job:#}");
    assert_eq!(cells(&mycorr, &job["table_id"], "mail").await[0].as_str().unwrap().len(), 64);
    database.sql("DROP TABLE t; CREATE TABLE t (id int, email text); INSERT INTO t VALUES (50, 'x@y')");
    let job = mycorr.sync(table).await;
    assert_eq!(
        (&job["state"], &job["problem"]["code"]),
        (&json!("failed"), &json!("source_changed")),
        "{job:#}"
    );
}

#[tokio::test]
async fn masked_values_are_in_no_file() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(
        "CREATE TABLE t (id int PRIMARY KEY, email text, phone bigint, at timestamptz, note text, blob bytea); \
         INSERT INTO t SELECT g, nullif('person' || g % 10 || '@example.org', 'person0@example.org'), 49170000000 + g, \
           '2024-01-01'::timestamptz + g * interval '1 s', CASE g % 3 WHEN 0 THEN 'very private ' || g END, \
           convert_to('kept under wraps', 'UTF8') FROM generate_series(1, 5000) g; \
         CREATE TABLE other AS SELECT 'person3@example.org'::varchar(30) AS address",
    );
    let mut mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let masks = json!({"email": "hash", "phone": "hash", "at": "hash", "note": "redact", "blob": "hash"});
    let job = import(&mycorr, &model, &connection, "t", json!({ "masks": masks })).await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    let table = job["table_id"].clone();
    let kept = mycorr.get(&format!("/tables/{}", table.as_str().unwrap())).await;
    assert_eq!(kept["source"]["masks"], masks);
    let types: Vec<&str> =
        kept["columns"].as_array().unwrap().iter().map(|c| c["pg_type"].as_str().unwrap()).collect();
    assert_eq!(types, ["integer", "text", "text", "text", "text", "text"]);

    // NULL stays NULL, equal stays equal, here and in the Model's other tables, and nowhere else.
    let emails = cells(&mycorr, &table, "email").await;
    assert_eq!(emails.iter().filter(|cell| cell.is_null()).count(), 100);
    assert_eq!(emails.iter().collect::<std::collections::HashSet<_>>().len(), 10);
    let notes = cells(&mycorr, &table, "note").await;
    assert_eq!(notes[..3], [Value::Null, Value::Null, json!("[redacted]")]);
    let masked = json!({"masks": {"address": "hash"}});
    let other = import(&mycorr, &model, &connection, "other", masked.clone()).await;
    assert_eq!(cells(&mycorr, &other["table_id"], "address").await[0], emails[2]);
    let elsewhere = import(&mycorr, &mycorr.model().await, &connection, "other", masked).await;
    assert_ne!(cells(&mycorr, &elsewhere["table_id"], "address").await[0], emails[2]);

    // Sorted, filtered and compared, for what that leaves on the disk; and synced under a rotated key.
    let name = table.as_str().unwrap().to_owned();
    mycorr.rows(&name, &[("sort", "email,-phone"), ("filter", "email.is.not_null")]).await;
    database.sql("UPDATE t SET email = 'person3@example.org' WHERE id = 10");
    assert!(mycorr.command(&["keys", "rotate"]).len() > 1);
    assert_eq!(mycorr.sync(&name).await["version"], 2);
    let changed = mycorr.rows(&name, &[("filter", "id.eq.10"), ("columns", "email")]).await;
    assert_eq!(changed["rows"][0][0], emails[2]);
    mycorr.get(&format!("/tables/{name}/diff?from=1&to=2")).await;
    mycorr.stop();
    let folder = mycorr.data();
    let paths = files(&folder);
    assert!(paths.iter().any(|path| path.extension().is_some_and(|extension| extension == "parquet")));
    for path in paths {
        let bytes = fs::read(&path).unwrap();
        for secret in ["person3@example", "49170000", "very private", "kept under", "6b65707420756e646572"] {
            assert!(
                !bytes.windows(secret.len()).any(|part| part == secret.as_bytes()),
                "{secret}: {}",
                path.display()
            );
        }
    }
}

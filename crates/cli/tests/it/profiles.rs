//! What the columns of a version hold, beside what SQL says of them.

use crate::product::Mycorr;
use mycorr_testkit::{Cluster, Database};
use serde_json::{Value, json};

fn column<'a>(profile: &'a Value, name: &str) -> &'a Value {
    profile["columns"].as_array().unwrap().iter().find(|column| column["name"] == name).unwrap()
}

fn sum(bars: &Value) -> u64 {
    bars.as_array().unwrap().iter().map(|bar| bar["rows"].as_u64().unwrap()).sum()
}

#[tokio::test]
async fn a_profile_says_what_sql_says() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(
        "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); \
         CREATE TABLE t (id int PRIMARY KEY, s smallint, l bigint, n numeric(12,2), w numeric(38,4), free numeric, f float8, g real, \
           b boolean, c char(4), v text COLLATE \"C\", m mood, y bytea, d date, ts timestamp, tz timestamptz, u uuid, nothing text); \
         INSERT INTO t SELECT g, nullif(g % 7, 0), g * -3000000000, g / 8.0, g * 1e20, g % 50 + 0.5, g / 3.0, nullif(g % 10, 3), \
           g % 3 = 0, 'c' || g % 5, 'v' || g % 5000, (enum_range(null::mood))[1 + g % 3], decode(md5(g::text), 'hex'), \
           CASE g % 100 WHEN 0 THEN 'infinity' ELSE '2000-01-01'::date + g % 1000 END, '2020-01-01'::timestamp + g * interval '1 s', \
           '1999-12-31 23:59:59+00'::timestamptz - g * interval '1 day', md5((g % 300)::text)::uuid, NULL \
         FROM generate_series(1, 20000) g",
    );
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let job = mycorr.import(&mycorr.model().await, &connection, "t").await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    let table = job["table_id"].as_str().unwrap();
    let profile = mycorr.get(&format!("/tables/{table}/profile")).await;
    assert_eq!((&profile["rows"], &profile["version"]), (&json!(20_000), &json!(1)));
    let settings = "SET extra_float_digits = 1; SET timezone = 'UTC'; SET bytea_output = 'hex'; ";
    // Name, and how least and greatest are found, where there is no aggregate for it.
    for name in
        ["id", "s", "l", "n", "w", "free", "f", "g", "b", "c", "v", "m", "y", "d", "ts", "tz", "u", "nothing"]
    {
        let found = column(&profile, name);
        let told = database.sql(&format!(
            "{settings} SELECT count(*) - count({name}), count(DISTINCT {name}), \
             (SELECT {name} FROM t WHERE {name} IS NOT NULL ORDER BY {name} LIMIT 1), \
             (SELECT {name} FROM t WHERE {name} IS NOT NULL ORDER BY {name} DESC LIMIT 1) FROM t"
        ));
        let told: Vec<&str> = told.lines().last().unwrap().split('|').collect();
        assert_eq!(found["nulls"].to_string(), told[0], "{name}");
        let (distinct, wanted) = (found["distinct"].as_u64().unwrap(), told[1].parse::<u64>().unwrap());
        match found["distinct_is_exact"].as_bool().unwrap() {
            true => assert_eq!(distinct, wanted, "{name}"),
            false => {
                assert!(distinct.abs_diff(wanted) < wanted / 8, "{name}: {distinct} instead of {wanted}")
            }
        }
        assert!(found["distinct_is_exact"] == (wanted <= 1024 || name == "d"), "{name}: {wanted}");
        assert_eq!(found["min"].as_str().unwrap_or_default().trim_end(), told[2].trim_end(), "{name}");
        assert_eq!(found["max"].as_str().unwrap_or_default().trim_end(), told[3].trim_end(), "{name}");
        // Each bar counts what lies between its edges.
        for bar in found["histogram"].as_array().unwrap() {
            let (from, to) = (bar["from"].as_str().unwrap(), bar["to"].as_str().unwrap());
            let between = format!("SELECT count(*) FROM t WHERE {name} >= '{from}' AND {name} < '{to}'");
            assert_eq!(database.sql(&between).trim(), bar["rows"].to_string(), "{name}: {bar}");
        }
        for top in found["top"].as_array().unwrap() {
            let value = top["value"].as_str().unwrap();
            let equal = database.sql(&format!("SELECT count(*) FROM t WHERE {name} = '{value}'"));
            assert_eq!(equal.trim(), top["rows"].to_string(), "{name}: {top}");
        }
    }
    assert_eq!(sum(&column(&profile, "id")["histogram"]), 20_000);
    assert_eq!(sum(&column(&profile, "d")["histogram"]), 19_800);
    let mean: f64 = database.sql("SELECT avg(n) FROM t").trim().parse().unwrap();
    assert!((column(&profile, "n")["mean"].as_f64().unwrap() - mean).abs() < 1e-6);
    assert_eq!(column(&profile, "nothing")["mean"], Value::Null);
    // Two labels are found as often as one another.
    assert_eq!(column(&profile, "m")["top"][0]["rows"], 6_667);
    // A version keeps its own; a restore brings it back.
    database.sql("DELETE FROM t WHERE id > 5");
    assert_eq!(mycorr.sync(table).await["version"], 2);
    assert_eq!(mycorr.get(&format!("/tables/{table}/profile")).await["rows"], 5);
    assert_eq!(mycorr.get(&format!("/tables/{table}/profile?version=1")).await, profile);
    mycorr.post(&format!("/tables/{table}/restore"), json!({"version": 1})).await;
    assert_eq!(mycorr.get(&format!("/tables/{table}/profile")).await["columns"], profile["columns"]);
}

#[tokio::test]
async fn widest_empty_and_masked_tables_have_a_profile() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let columns: Vec<String> = (0..1600).map(|n| format!("c{n} int")).collect();
    database.sql(&format!("CREATE TABLE wide ({})", columns.join(", ")));
    let values: Vec<String> = (0..1600).map(|n| format!("(g * {n}) % 100")).collect();
    database.sql(&format!("INSERT INTO wide SELECT {} FROM generate_series(1, 200) g", values.join(", ")));
    database.sql("CREATE TABLE empty (a int, b text); CREATE TABLE m AS SELECT 'secret'::text AS a");
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let job = mycorr.import(&model, &connection, "wide").await;
    let profile = mycorr.get(&format!("/tables/{}/profile", job["table_id"].as_str().unwrap())).await;
    assert_eq!(profile["columns"].as_array().unwrap().len(), 1600);
    let last = column(&profile, "c1599");
    assert_eq!((&last["min"], &last["max"]), (&json!("0"), &json!("99")));
    assert_eq!(sum(&last["histogram"]), 200);
    assert!(last["distinct"].as_u64().unwrap().abs_diff(100) <= 12, "{last}");
    let job = mycorr.import(&model, &connection, "empty").await;
    let profile = mycorr.get(&format!("/tables/{}/profile", job["table_id"].as_str().unwrap())).await;
    assert_eq!((&profile["rows"], &column(&profile, "b")["distinct"]), (&json!(0), &json!(0)));
    assert_eq!(column(&profile, "a")["min"], Value::Null);
    let body = json!({"connection_id": connection, "schema": "public", "table": "m", "masks": {"a": "hash"}});
    let started = mycorr.post(&format!("/models/{model}/imports"), body).await;
    let job = mycorr.finish(started["job"]["id"].as_str().unwrap()).await;
    let profile = mycorr.get(&format!("/tables/{}/profile", job["table_id"].as_str().unwrap())).await;
    assert_eq!(column(&profile, "a")["top"][0]["value"].as_str().unwrap().len(), 64);
}

/// A click on a bar filters: it has to find as many rows as the bar says, at the very ends of each type, too.
#[tokio::test]
async fn filters_of_bars_and_values_find_what_they_count() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(
        "CREATE TABLE ends (s smallint, i int, l bigint, n numeric(3,1), w numeric(38,0), f float8, g real, d date, ts timestamp, \
           tz timestamptz, b boolean, v text, y bytea); \
         INSERT INTO ends VALUES \
           (-32768, -2147483648, -9223372036854775808, -99.9, -99999999999999999999999999999999999999, '-Infinity', '-Infinity', \
            '4713-01-01 BC', '4713-01-01 BC', '4713-01-01 BC', false, '', ''), \
           (32767, 2147483647, 9223372036854775807, 99.9, 99999999999999999999999999999999999999, 'NaN', 'NaN', \
            '5874897-12-31', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999', true, 'a.b,\"c\"', '\\x00'), \
           (0, 0, 0, 0, 0, 1.7976931348623157e308, 3.4e38, 'infinity', '-infinity', 'infinity', NULL, '%_\\*', '\\xff'), \
           (1, 1, 1, 0.1, 1, -5e-324, 1e-45, '2000-01-01', '2000-01-01', '2000-01-01', true, ' ', NULL); \
         INSERT INTO ends (s, i, l, n, f, g, d, ts, tz, v) SELECT n % 3, n, n, n % 10, n / 7.0, n, '2020-01-01'::date + n, \
           '2020-01-01'::timestamp + n * interval '1 h', '2020-01-01 00:00+00'::timestamptz + n * interval '1 h', \
           'v' || n % 4 FROM generate_series(1, 2000) n; \
         CREATE TABLE near AS SELECT * FROM ends WHERE i BETWEEN -9 AND 3000; \
         CREATE TABLE far AS SELECT 32767::smallint - (n % 40)::smallint AS s, 2147483647 - n AS i, 9223372036854775807 - n AS l, \
           99.9::numeric(3,1) - (n % 30) / 10.0 AS n, '5874897-12-31'::date - n AS d, \
           '294276-12-31 23:59:59.999999'::timestamp - n * interval '1 us' AS ts FROM generate_series(0, 1999) n; \
         ALTER TABLE far ALTER s TYPE smallint, ALTER n TYPE numeric(3,1)",
    );
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    for name in ["ends", "near", "far"] {
        let job = mycorr.import(&model, &connection, name).await;
        assert_eq!(job["state"], "succeeded", "{job:#}");
        let table = job["table_id"].as_str().unwrap();
        let profile = mycorr.get(&format!("/tables/{table}/profile")).await;
        let total = async |filters: &[String]| {
            let mut query = vec![("limit", "1")];
            query.extend(filters.iter().map(|filter| ("filter", filter.as_str())));
            let (status, found) = mycorr.rows_or_not(table, &query).await;
            assert!(status.is_success(), "{name}: {filters:?}: {found:#}");
            found["total"].clone()
        };
        for column in profile["columns"].as_array().unwrap() {
            let field = column["name"].as_str().unwrap();
            assert_eq!(total(&[format!("{field}.is.null")]).await, column["nulls"], "{name}.{field}");
            for bar in column["histogram"].as_array().unwrap() {
                let (from, to) = (bar["from"].as_str().unwrap(), bar["to"].as_str().unwrap());
                let filters = [format!("{field}.gte.{from}"), format!("{field}.lt.{to}")];
                assert_eq!(total(&filters).await, bar["rows"], "{name}.{field}: {bar}");
            }
            for top in column["top"].as_array().unwrap() {
                let filter = format!("{field}.eq.{}", top["value"].as_str().unwrap());
                assert_eq!(total(&[filter]).await, top["rows"], "{name}.{field}: {top}");
            }
        }
    }
}

/// Every row is counted once, through how many connections it came.
#[tokio::test]
async fn profile_is_the_same_through_several_connections() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(
        "CREATE TABLE t AS SELECT g AS id, g % 11 AS few, nullif(g % 5, 0) AS some, md5(g::text) AS text \
         FROM generate_series(1, 300000) g; ANALYZE t",
    );
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    let mut profiles = Vec::new();
    for connections in [1, 4] {
        let change = json!({"max_connections": connections});
        let path = format!("/connections/{connection}");
        assert!(mycorr.ask(reqwest::Method::PATCH, &path, Some(change)).await.0.is_success());
        let body = json!({"connection_id": connection, "schema": "public", "table": "t", "name": format!("t {connections}")});
        let started = mycorr.post(&format!("/models/{model}/imports"), body).await;
        let job = mycorr.finish(started["job"]["id"].as_str().unwrap()).await;
        assert_eq!(
            (&job["state"], &job["connections"]),
            (&json!("succeeded"), &json!(connections)),
            "{job:#}"
        );
        profiles.push(mycorr.get(&format!("/tables/{}/profile", job["table_id"].as_str().unwrap())).await);
    }
    assert_eq!(profiles[0], profiles[1]);
    assert_eq!(profiles[0]["rows"], 300_000);
}

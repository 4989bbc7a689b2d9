use crate::World;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const UNPROCESSABLE: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_test_tells_its_steps_and_stores_nothing() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let mut form = world.form();
    form["password"] = json!("hunter2-is-wrong");
    let problem = ada.post("/connections", form.clone()).await;
    let problem = problem.problem(UNPROCESSABLE, "authentication_failed").await;
    assert!(problem["detail"].as_str().unwrap().contains("password authentication failed"));
    assert!(!problem.to_string().contains("hunter2"));
    let outcomes: Vec<_> = problem["steps"].as_array().unwrap().iter().map(|s| &s["outcome"]).collect();
    assert_eq!(outcomes, ["passed", "passed", "passed", "failed", "skipped", "skipped"]);
    let report = ada.post("/connections/test", form).await.ok().await;
    assert_eq!((&report["ok"], &report["problem"]["code"]), (&json!(false), &json!("authentication_failed")));
    assert_eq!(ada.get("/connections").await.ok().await, json!({"items": [], "next": null}));

    let report = ada.post("/connections/test", world.form()).await.ok().await;
    assert_eq!((&report["ok"], &report["problem"]), (&json!(true), &Value::Null));
    assert_eq!(report["server"]["in_recovery"], false);
    assert_eq!(ada.get("/connections").await.ok().await["items"], json!([]));
}

/// The events of an answer, as (name, data).
async fn events(answer: crate::Answer) -> Vec<(String, Value)> {
    assert_eq!(answer.header("content-type"), "text/event-stream");
    let text = answer.response.text().await.unwrap();
    let event = |event: &str| {
        let (name, data) = event.strip_prefix("event: ")?.split_once("\ndata: ")?;
        Some((name.to_owned(), serde_json::from_str(data).unwrap()))
    };
    text.split("\n\n").filter_map(event).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_can_be_followed_step_by_step() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let follow = async |path: &str, form: &Value| {
        ada.send(ada.with_body(Method::POST, path, form).header("accept", "text/event-stream")).await
    };
    let told = events(follow("/connections/test", &world.form()).await).await;
    let names: Vec<_> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["step", "step", "step", "step", "step", "step", "report"]);
    let report = &told[6].1;
    assert_eq!((&report["ok"], &report["steps"][3]), (&json!(true), &told[3].1));
    assert_eq!(report["tls"]["version"], "TLS 1.3");
    assert_eq!(report["authentication"], "SCRAM-SHA-256-PLUS");
    assert_eq!(report["addresses"], json!([{"address": "127.0.0.1", "outcome": "connected"}]));
    assert_eq!(report["certificates"][0]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(report["passport"]["schemas"][0]["name"], "public");

    let mut unknown = world.form();
    unknown["ca_certificate"] = Value::Null;
    let told = events(follow("/connections", &unknown).await).await;
    let (name, problem) = told.last().unwrap();
    assert_eq!((name.as_str(), &problem["code"]), ("problem", &json!("certificate_untrusted")));
    assert_eq!(problem["broken_rule"], "untrusted");
    assert!(problem["certificates"][0]["subject"].is_string() && problem["steps"].is_array());
    let saved = events(follow("/connections", &world.form()).await).await;
    let (name, connection) = saved.last().unwrap();
    assert_eq!((name.as_str(), &connection["name"]), ("connection", &json!("Shop")));
    assert!(!format!("{saved:?}").contains(&world.database.password));

    // What is refused before the first step is answered as ever.
    let mut bad = world.form();
    bad["port"] = json!(0);
    follow("/connections", &bad).await.problem(UNPROCESSABLE, "invalid").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_passport_and_a_new_role() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let saved = ada.post("/connections", world.form()).await.is(StatusCode::CREATED).await;
    assert_eq!(saved["limits"], json!({"bytes_per_second": null, "imports": null, "minutes": null}));
    let path = format!("/connections/{}", saved["id"].as_str().unwrap());
    let limits = json!({"bytes_per_second": 5_000_000, "imports": 1, "minutes": 30});
    assert_eq!(ada.patch(&path, json!({"limits": limits})).await.ok().await["limits"], limits);
    let wrong = json!({"limits": {"bytes_per_second": 1, "imports": null, "minutes": null}});
    ada.patch(&path, wrong).await.problem(UNPROCESSABLE, "invalid").await;

    let seen = ada.get(&format!("{path}/passport")).await.ok().await;
    assert!(seen["checked_at"].is_string() && seen["excess"] == json!([]), "{seen}");
    let now = ada.post(&format!("{path}/passport"), json!({})).await.ok().await;
    assert_eq!((&now["schemas"], &now["changes"]), (&seen["schemas"], &json!([])));
    assert_eq!(ada.get(&format!("{path}/tables")).await.ok().await, json!({"items": [], "next": null}));

    let role = json!({"username": "r-o", "database": "shop", "schemas": ["public", "Sales, old"]});
    let role = ada.post("/connections/role-script", role).await.ok().await;
    let (password, sql) = (role["password"].as_str().unwrap(), role["sql"].as_str().unwrap());
    assert!(password.len() >= 20 && !sql.contains(password) && sql.contains("'SCRAM-SHA-256$4096:"), "{sql}");
    assert!(sql.contains("GRANT USAGE ON SCHEMA \"Sales, old\" TO \"r-o\""), "{sql}");
    assert!(role["handout"].as_str().unwrap().contains(sql));
}

#[tokio::test(flavor = "multi_thread")]
async fn saved_looked_at_changed_deleted() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let saved = ada.post("/connections", world.form()).await.is(StatusCode::CREATED).await;
    let text = saved.to_string();
    assert!(!text.contains(&world.database.password) && !text.contains("BEGIN"), "{text}");
    assert!(saved["ca_certificate"]["sha256"].as_str().unwrap().len() == 64);
    assert_eq!((&saved["encrypted"], &saved["last_test_ok"]), (&json!(true), &json!(true)));
    let path = format!("/connections/{}", saved["id"].as_str().unwrap());
    assert_eq!(ada.get(&path).await.ok().await, saved);

    for (field, value) in [
        ("kind", json!("supabase")),
        ("host", json!("x")),
        ("port", json!(1)),
        ("database", json!("x")),
        ("username", json!(null)),
    ] {
        let answer = ada.patch(&path, json!({"name": "Other", field: value})).await;
        if value.is_null() {
            continue;
        }
        let problem = answer.problem(UNPROCESSABLE, "immutable_field").await;
        assert_eq!(problem["fields"][0]["field"], field);
    }
    let renamed = ada.patch(&path, json!({"name": "Replica"})).await.ok().await;
    assert_eq!(renamed["name"], "Replica");
    let unknown = ada.patch(&path, json!({"nmae": "x"})).await.problem(UNPROCESSABLE, "invalid").await;
    assert_eq!(unknown["fields"][0]["field"], "nmae");

    let beneath = ["", "/schemas", "/statements", "/schemas/public/tables"];
    for beneath in beneath {
        let answer = bob.get(&format!("{path}{beneath}")).await;
        answer.problem(StatusCode::NOT_FOUND, "not_found").await;
    }
    bob.delete(&path).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    ada.delete(&path).await.is(StatusCode::NO_CONTENT).await;
    ada.get(&path).await.problem(StatusCode::NOT_FOUND, "not_found").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_travel_as_data_and_schemas_come_in_parts() {
    let world = World::new().await;
    let role = &world.database.role;
    world.database.sql(&format!(
        "CREATE SCHEMA \"..\"; CREATE TABLE \"..\".\".\" (x int); INSERT INTO \"..\".\".\" VALUES (7);
         GRANT USAGE ON SCHEMA \"..\" TO {role}; GRANT SELECT ON \"..\".\".\" TO {role}; CREATE SCHEMA \"a&b=c\""
    ));
    let ada = world.user("ada").await;
    let saved = ada.post("/connections", world.form()).await.is(StatusCode::CREATED).await;
    let path = format!("/connections/{}", saved["id"].as_str().unwrap());
    let listed = ada.get(&format!("{path}/source-tables?schema=..&limit=1")).await.ok().await;
    assert_eq!((&listed["items"][0]["name"], &listed["next"]), (&json!("."), &json!(null)));
    let described = ada.get(&format!("{path}/source-table?schema=..&table=.")).await.ok().await;
    assert_eq!((&described["columns"][0]["name"], &described["denied"]), (&json!("x"), &json!([])));
    let preview = ada.get(&format!("{path}/source-table/preview?schema=..&table=.")).await.ok().await;
    assert_eq!(preview["rows"], json!([["7"]]));

    let mut names = Vec::new();
    let mut next = String::new();
    loop {
        let part = ada.get(&format!("{path}/schemas?limit=1{next}")).await.ok().await;
        let items = part["items"].as_array().unwrap();
        assert_eq!(items.len(), 1);
        names.push(items[0]["name"].as_str().unwrap().to_owned());
        match part["next"].as_str() {
            Some(after) => next = format!("&after={}", after.replace('&', "%26").replace('=', "%3D")),
            None => break,
        }
    }
    assert_eq!(names, ["..", "a&b=c", "public"]);
    ada.get(&format!("{path}/schemas?limit=1001")).await.problem(UNPROCESSABLE, "invalid").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browsing_and_the_ledger() {
    let world = World::new().await;
    world.database.sql(
        "CREATE TABLE \"a / b\" (id int PRIMARY KEY, \"größe, %\" text);
         INSERT INTO \"a / b\" VALUES (1, 'x'), (2, NULL)",
    );
    let ada = world.user("ada").await;
    let saved = ada.post("/connections", world.form()).await.is(StatusCode::CREATED).await;
    let path = format!("/connections/{}", saved["id"].as_str().unwrap());
    let schemas = ada.get(&format!("{path}/schemas")).await.ok().await;
    assert_eq!(schemas["items"], json!([{"name": "public", "tables": 1}]));
    let tables = ada.get(&format!("{path}/schemas/public/tables?search=%2F")).await.ok().await;
    assert_eq!(
        (&tables["items"][0]["name"], &tables["items"][0]["kind"]),
        (&json!("a / b"), &json!("table"))
    );
    let table = format!("{path}/schemas/public/tables/a%20%2F%20b");
    let described = ada.get(&table).await.ok().await;
    assert_eq!(described["name"], "a / b");
    let key = json!({"name": "id", "position": 1, "pg_type": "integer", "type": "integer",
                     "nullable": false, "readable": true, "primary_key": true});
    assert_eq!(described["columns"][0], key);
    let preview = ada.get(&format!("{table}/preview")).await.ok().await;
    assert_eq!(preview["rows"], json!([["1", "x"], ["2", null]]));
    let missing = ada.get(&format!("{path}/schemas/public/tables/none")).await;
    missing.problem(UNPROCESSABLE, "table_not_found").await;

    let ledger = ada.get(&format!("{path}/statements?limit=1")).await.ok().await;
    assert_eq!(ledger["items"][0]["purpose"], "browse");
    assert_eq!(ledger["items"][0]["actor"], "ada@example.org");
    assert!(ledger["next"].is_string());
    let whole = ada.get(&format!("{path}/statements")).await.ok().await;
    let purposes = |list: &serde_json::Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap().iter();
        items.map(|sent| sent["purpose"].as_str().unwrap().to_owned()).collect()
    };
    let tests = purposes(&ada.get(&format!("{path}/statements?purpose=test")).await.ok().await);
    assert!(!tests.is_empty() && tests.iter().all(|purpose| purpose == "test"), "{tests:?}");
    assert_eq!(tests.len(), purposes(&whole).iter().filter(|purpose| *purpose == "test").count());
    let text = ada.get(&format!("{path}/statements?format=csv&purpose=test")).await.response.text().await;
    assert_eq!(text.unwrap().matches("\r\n").count(), tests.len() + 1);
    let csv = ada.get(&format!("{path}/statements?format=csv")).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let text = csv.response.text().await.unwrap();
    assert!(text.starts_with("at,template,statement,parameters,"));
    let lines = text.matches("\r\n").count();
    assert_eq!(lines, whole["items"].as_array().unwrap().len() + 1);
    assert!(text.contains("\"a / b\"\" ") || text.contains("\"\"a / b\"\""), "quotes are doubled: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_forms() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let mut form = world.form();
    form["host"] = json!("postgres://user:hunter2@db/x");
    form["port"] = json!(0);
    let problem = ada.post("/connections", form).await.problem(UNPROCESSABLE, "invalid").await;
    let fields: Vec<_> = problem["fields"].as_array().unwrap().iter().map(|f| &f["field"]).collect();
    assert_eq!(fields, ["host", "port"]);
    assert!(!problem.to_string().contains("hunter2"));
    let mut form = world.form();
    form["ca_certificate"] = json!("x".repeat(5 << 20));
    let answer = ada.post("/connections", form).await;
    answer.problem(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large").await;
    let mut form = world.form();
    form["host"] = json!("localhost");
    let private = ada.post("/connections", form).await.problem(UNPROCESSABLE, "private_address").await;
    assert!(private["detail"].as_str().unwrap().contains("connections to private/internal addresses"));
    let text = ada.request(Method::POST, "/connections/test").header("content-type", "text/plain").body("{}");
    let answer = ada.send(text).await;
    answer.problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_script_has_the_typed_names() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let path = "/connections/role-script?kind=postgresql&username=r-o&database=shop&schemas=public,Sales";
    let sql = ada.get(path).await.ok().await["sql"].as_str().unwrap().to_owned();
    assert!(sql.contains("CREATE ROLE \"r-o\""), "{sql}");
    assert!(sql.contains("GRANT USAGE ON SCHEMA \"Sales\" TO \"r-o\""), "{sql}");
    ada.get("/connections/role-script").await.ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pace_says_how_long_a_table_takes() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE goods AS SELECT n FROM generate_series(1, 10000) n; ANALYZE goods");
    let ada = world.user("ada").await;
    let created = ada.post("/connections", world.form()).await.is(StatusCode::CREATED).await;
    let path = format!("/connections/{}", created["id"].as_str().unwrap());
    let ways = ["/source-table?schema=public&table=goods", "/schemas/public/tables/goods"];
    for way in ways {
        let table = ada.get(&format!("{path}{way}")).await.ok().await;
        assert_eq!(table["read_seconds"], json!(null), "{way}: nothing is held back");
    }
    let limits = json!({"bytes_per_second": 100_000, "imports": null, "minutes": null});
    ada.patch(&path, json!({"limits": limits})).await.ok().await;
    for way in ways {
        let table = ada.get(&format!("{path}{way}")).await.ok().await;
        let bytes = table["bytes"].as_u64().unwrap();
        assert_eq!(table["read_seconds"], json!(bytes.div_ceil(100_000)), "{way}: {table:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_says_how_many_connections_an_import_may_open() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let saved = ada.post("/connections", world.form()).await.is(StatusCode::CREATED).await;
    assert_eq!(saved["max_connections"], 1);
    let path = format!("/connections/{}", saved["id"].as_str().unwrap());
    let changed = ada.patch(&path, json!({"max_connections": 8})).await.ok().await;
    assert_eq!(changed["max_connections"], 8);
    assert_eq!(ada.get(&path).await.ok().await["max_connections"], 8);
    for wrong in [0, 9] {
        let refused = ada.patch(&path, json!({"max_connections": wrong})).await;
        let problem = refused.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
        assert_eq!(problem["fields"][0]["field"], "max_connections");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_tells_what_the_database_knows_and_no_value_unless_asked() {
    let world = World::new().await;
    world.database.sql(
        "CREATE TABLE goods AS SELECT n, CASE WHEN n % 2 = 0 THEN 'a secret' END AS note FROM generate_series(1, 1000) n; ANALYZE goods; \
         CREATE VIEW seen AS SELECT 1 AS one",
    );
    let ada = world.user("ada").await;
    let created = ada.post("/connections", world.form()).await.is(StatusCode::CREATED).await;
    let path = format!("/connections/{}", created["id"].as_str().unwrap());
    for way in ["/source-table?schema=public&table=goods&", "/schemas/public/tables/goods?"] {
        let table = ada.get(&format!("{path}{way}")).await.ok().await;
        let statistics = &table["statistics"];
        assert_eq!(statistics["state"], "known", "{way}");
        assert_eq!(statistics["columns"][1]["null_share"], 0.5);
        assert_eq!(statistics["columns"][0]["distinct"], 1000);
        assert!(!table.to_string().contains("a secret"), "{table}");
        assert!(statistics["pages"].as_u64().unwrap() > 0);
        assert_eq!(table["longest_read_seconds"], 24 * 3600);
        let table = ada.get(&format!("{path}{way}most_common=true")).await.ok().await;
        let common = &table["statistics"]["columns"][1]["most_common"];
        assert_eq!(*common, json!([{"value": "a secret", "share": 0.5}]));
    }
    let seen = ada.get(&format!("{path}/source-table?schema=public&table=seen")).await.ok().await;
    assert_eq!(seen["statistics"]["state"], "not_kept");
    assert_eq!(seen["statistics"]["fix"], json!(null));
    // In the ledger it stands as what it is, and never as a read.
    let sent = ada.get(&format!("{path}/statements")).await.ok().await;
    let names: Vec<_> = sent["items"].as_array().unwrap().iter().map(|one| one["template"].clone()).collect();
    assert!(names.contains(&json!("statistics")), "{names:?}");
    let odd = ada.get(&format!("{path}/source-table?schema=public&table=goods&most_common=perhaps")).await;
    odd.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
}

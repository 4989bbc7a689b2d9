use crate::{World, models::imported};
use reqwest::StatusCode;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn rows_sorted_filtered_of_any_version() {
    let world = World::new().await;
    world.database.sql(
        "CREATE TABLE goods (id int, name text, raw bytea);
         INSERT INTO goods VALUES (1, 'b', '\\x00ff'), (2, 'a', NULL), (3, 'c', '')",
    );
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let begun = imported(&world, &ada, "goods").await;
    let path = format!("/tables/{}", begun["table"]["id"].as_str().unwrap());
    let table = ada.get(&path).await.ok().await;
    assert_eq!((&table["version"], &table["rows"]), (&json!(1), &json!(3)));
    let column = json!({"name": "raw", "position": 3, "pg_type": "bytea", "type": "binary", "nullable": true, "order": "type", "collation": null});
    assert_eq!(table["columns"][2], column);
    assert_eq!(table["source"]["schema"], "public");

    let rows = ada.get(&format!("{path}/rows?offset=1&limit=1")).await.ok().await;
    assert_eq!(rows["rows"], json!([["2", "a", null]]));
    assert_eq!((&rows["total"], &rows["offset"], &rows["version"]), (&json!(3), &json!(1), &json!(1)));
    let sorted =
        ada.get(&format!("{path}/rows?sort=-id&filter=id.gte.2&filter=name.in.(a,c)")).await.ok().await;
    assert_eq!(sorted["rows"], json!([["3", "c", "\\x"], ["2", "a", null]]));
    let some = ada.get(&format!("{path}/rows?columns=raw,id&sort=-name&filter=name.neq.b")).await.ok().await;
    assert_eq!(some["rows"], json!([["\\x", "3"], [null, "2"]]));
    let names: Vec<_> = some["columns"].as_array().unwrap().iter().map(|column| &column["name"]).collect();
    assert_eq!(names, ["raw", "id"]);
    for columns in ["id,nothing", "id,id", "id,", ","] {
        let answer = ada.get(&format!("{path}/rows?columns={columns}")).await;
        let problem = answer.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
        assert_eq!(problem["fields"][0]["field"], "columns", "{columns}");
    }
    for (query, field) in [("sort=nothing", "sort"), ("filter=id", "filter"), ("filter=id.near.1", "filter")]
    {
        let answer = ada.get(&format!("{path}/rows?{query}")).await;
        let problem = answer.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
        assert_eq!(problem["fields"][0]["field"], field);
    }
    let answer = ada.get(&format!("{path}/rows?version=2")).await;
    answer.problem(StatusCode::NOT_FOUND, "not_found").await;
    let answer = ada.get(&format!("{path}/rows?offset=minus")).await;
    answer.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;

    let cell = ada.get(&format!("{path}/cell?row=0&column=raw")).await;
    assert_eq!(cell.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(cell.response.text().await.unwrap(), "\\x00ff");
    let null = ada.get(&format!("{path}/cell?row=1&column=raw")).await;
    null.is(StatusCode::NO_CONTENT).await;

    for beneath in ["", "/rows", "/cell?row=0&column=id", "/versions"] {
        let answer = bob.get(&format!("{path}{beneath}")).await;
        answer.problem(StatusCode::NOT_FOUND, "not_found").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn synced_restored_renamed_deleted() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1)");
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let begun = imported(&world, &ada, "t").await;
    let path = format!("/tables/{}", begun["table"]["id"].as_str().unwrap());
    world.database.sql("UPDATE t SET a = 2");
    bob.post(&format!("{path}/sync"), json!({})).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    let begun = ada.post(&format!("{path}/sync"), json!({})).await.is(StatusCode::ACCEPTED).await;
    assert_eq!(begun["job"]["kind"], "sync");
    assert_eq!(ada.follow(&begun["job"]).await["version"], 2);
    assert_eq!(ada.get(&format!("{path}/rows")).await.ok().await["rows"], json!([["2"]]));
    assert_eq!(ada.get(&format!("{path}/rows?version=1")).await.ok().await["rows"], json!([["1"]]));

    let restore = format!("{path}/restore");
    bob.post(&restore, json!({"version": 1})).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    ada.post(&restore, json!({"version": 7})).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    let made = ada.post(&restore, json!({"version": 1})).await.is(StatusCode::CREATED).await;
    assert_eq!((&made["version"], &made["cause"]), (&json!(3), &json!("restore")));
    assert_eq!(ada.get(&format!("{path}/rows")).await.ok().await["rows"], json!([["1"]]));
    let versions = ada.get(&format!("{path}/versions")).await.ok().await;
    let causes: Vec<_> = versions["items"].as_array().unwrap().iter().map(|v| &v["cause"]).collect();
    assert_eq!(causes, ["restore", "sync", "import"]);
    assert_eq!(versions["items"][0]["created_by"]["email"], "ada@example.org");

    assert_eq!(ada.patch(&path, json!({"name": "Things"})).await.ok().await["name"], "Things");
    ada.delete(&path).await.is(StatusCode::NO_CONTENT).await;
    ada.get(&path).await.problem(StatusCode::NOT_FOUND, "not_found").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_and_sorts_have_bounds() {
    let world = World::new().await;
    world
        .database
        .sql("CREATE TABLE t (a int, b int); INSERT INTO t SELECT n, n FROM generate_series(1, 2000) n");
    let ada = world.user("ada").await;
    let begun = imported(&world, &ada, "t").await;
    let path = format!("/tables/{}", begun["table"]["id"].as_str().unwrap());
    let filters = |count: usize| vec!["filter=a.gte.1"; count].join("&");
    let list = |count: usize| {
        let values: Vec<_> = (1..=count).map(|n| n.to_string()).collect();
        format!("filter=a.in.({})", values.join(","))
    };
    let sorts =
        |count: usize| format!("sort={}", (0..count).map(|n| format!("c{n}")).collect::<Vec<_>>().join(","));
    for (query, total) in [(filters(32), 2000), (list(1000), 1000)] {
        assert_eq!(ada.get(&format!("{path}/rows?limit=1&{query}")).await.ok().await["total"], total);
        ada.get(&format!("{path}/cell?row=0&column=b&{query}")).await.is(StatusCode::OK).await;
    }
    for (query, field, words) in [
        (filters(33), "filter", "at most 32 filters, this one has 33"),
        (filters(410), "filter", "this one has 410"),
        (list(1001), "filter", "at most 1000 values"),
        (sorts(17), "sort", "at most 16 columns"),
    ] {
        for place in ["rows?", "cell?row=0&column=a&"] {
            let answer = ada.get(&format!("{path}/{place}{query}")).await;
            let problem = answer.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
            assert_eq!(problem["fields"][0]["field"], field);
            assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_a_budget() {
    let world = World::new().await;
    world.database.sql(
        "CREATE TABLE documents AS SELECT n AS id, lpad(n::text, 900000, '0') AS document
         FROM generate_series(1, 30) n",
    );
    let ada = world.user("ada").await;
    let begun = imported(&world, &ada, "documents").await;
    let path = format!("/tables/{}", begun["table"]["id"].as_str().unwrap());
    let answer = ada.get(&format!("{path}/rows?sort=-id")).await;
    let text = answer.response.text().await.unwrap();
    assert!(text.len() < 8 << 20, "{}", text.len());
    let page: Value = serde_json::from_str(&text).unwrap();
    let rows = page["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 30);
    assert_eq!(rows[0][1].as_str().map(str::len), Some(900_000));
    let last = &rows[29][1];
    assert_eq!((&last["length"], last["sha256"].as_str().map(str::len)), (&json!(900_000), Some(64)));
    assert!(last["preview"].as_str().unwrap().starts_with("000"));

    // Any cell that is seen can be opened, by its place in the same view.
    let cell = ada.get(&format!("{path}/cell?row=29&column=document&sort=-id")).await;
    assert_eq!(cell.response.text().await.unwrap(), format!("{}1", "0".repeat(899_999)));
    let cell = ada.get(&format!("{path}/cell?row=1&column=document&sort=-id&filter=id.lt.10")).await;
    assert_eq!(cell.response.text().await.unwrap(), format!("{}8", "0".repeat(899_999)));
    let beyond = ada.get(&format!("{path}/cell?row=9&column=document&filter=id.lt.10")).await;
    beyond.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_answers_arrive_whole_however_they_are_coded() {
    let world = World::new().await;
    // A page of rows of more than a megabyte, which no compression makes small.
    world.database.sql(
        "CREATE TABLE t (a int, b text); INSERT INTO t SELECT n, \
         (SELECT string_agg(md5((n * 1000 + m)::text), '') FROM generate_series(1, 100) m) FROM generate_series(1, 500) n",
    );
    let ada = world.user("ada").await;
    let begun = imported(&world, &ada, "t").await;
    let table = begun["table"]["id"].as_str().unwrap();
    for path in [format!("/tables/{table}/rows?limit=500"), format!("/tables/{table}/export?format=csv")] {
        let mut read = Vec::new();
        for coding in ["identity", "gzip", "br"] {
            let request = ada.request(reqwest::Method::GET, &path).header("accept-encoding", coding);
            let answer = request.send().await.unwrap();
            let coded = answer.headers().get("content-encoding").map(|coding| coding.to_str().unwrap());
            assert_eq!(coded.unwrap_or("identity"), coding);
            read.push(answer.bytes().await.unwrap().len());
        }
        assert!(read[0] > 1_600_000 && read[1] > 800_000 && read[2] > 800_000, "{path}: {read:?}");
    }
}

//! What differs between versions, and files of versions, as the API answers.

use crate::{World, models::imported};
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn differences_of_two_versions() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (id int PRIMARY KEY, a text, b int); INSERT INTO t VALUES (1, 'x', 1), (2, NULL, 2), (3, 'z', 3)");
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let begun = imported(&world, &ada, "t").await;
    let path = format!("/tables/{}", begun["table"]["id"].as_str().unwrap());
    let answer = ada.get(&format!("{path}/diff")).await;
    let problem = answer.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
    assert_eq!(problem["fields"][0]["field"], "from");
    world.database.sql("ALTER TABLE t RENAME a TO title; DELETE FROM t WHERE id = 1; UPDATE t SET title = '' WHERE id = 2; INSERT INTO t VALUES (4, 'new', 4)");
    let begun = ada.post(&format!("{path}/sync"), json!({})).await.is(StatusCode::ACCEPTED).await;
    assert_eq!(ada.follow(&begun["job"]).await["version"], 2);

    let diff = ada.get(&format!("{path}/diff?from=1&to=2")).await.ok().await;
    let column = |name: &str, change: Option<&str>, before: &str, pg_type: &str, changed_rows: u64| json!({"name": name, "change": change, "name_before": before, "pg_type_before": pg_type, "pg_type": pg_type, "changed_rows": changed_rows});
    let columns = json!([
        column("id", None, "id", "integer", 0),
        column("title", Some("changed"), "a", "text", 1),
        column("b", None, "b", "integer", 0),
    ]);
    let rows = json!([
        {"change": "removed", "key": ["1"], "before": ["1", "x", "1"], "after": null},
        {"change": "added", "key": ["4"], "before": null, "after": ["4", "new", "4"]},
        {"change": "changed", "key": ["2"], "before": ["2", null, "2"], "after": ["2", "", "2"]},
    ]);
    let want = json!({"from": 1, "to": 2, "key": ["id"], "removed": 1, "added": 1, "changed": 1, "columns": columns, "sample": rows});
    assert_eq!(diff, want);
    // The newest and the one before it, unless others are named.
    assert_eq!(ada.get(&format!("{path}/diff")).await.ok().await, want);
    let page = ada.get(&format!("{path}/diff/rows?offset=1&limit=1")).await.ok().await;
    assert_eq!(
        page,
        json!({"from": 1, "to": 2, "total": 3, "offset": 1, "key": ["id"], "columns": columns, "rows": [rows[1]]})
    );
    let page = ada.get(&format!("{path}/diff/rows?change=changed")).await.ok().await;
    assert_eq!((&page["total"], &page["rows"]), (&json!(1), &json!([rows[2]])));
    let back = ada.get(&format!("{path}/diff?from=2&to=1")).await.ok().await;
    assert_eq!((&back["removed"], &back["sample"][0]["key"]), (&json!(1), &json!(["4"])));

    for query in ["diff?from=1&to=9", "diff?from=0", "diff/rows?from=7", "export?format=csv&version=9"] {
        ada.get(&format!("{path}/{query}")).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    }
    for query in
        ["diff/rows?change=moved", "diff/rows?limit=0", "diff?format=xml", "diff?change=added", "export"]
    {
        let answer = ada.get(&format!("{path}/{query}")).await;
        answer.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
    }
    for beneath in ["diff", "diff/rows", "diff?format=csv", "export?format=csv"] {
        bob.get(&format!("{path}/{beneath}")).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    }
    let csv = ada.get(&format!("{path}/export?format=csv&sort=-id&columns=title,id")).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"t.csv\"; filename*=UTF-8''t.csv");
    assert_eq!(csv.response.text().await.unwrap(), "title,id\nnew,4\nz,3\n\"\",2\n");
}

//! Ways to look at a table that were given names, and the operator's sample.

use crate::{Caller, World, models::imported};
use mycorr_server::{SampleSource, Settings};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn save(who: &Caller, path: &str, view: &Value) -> crate::Answer {
    who.send(who.with_body(Method::PUT, &format!("{path}/views"), view)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_saved_by_who_changes_and_seen_by_who_looks() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int, b text)");
    let (ada, bob, eve) = (world.user("ada").await, world.user("bob").await, world.user("eve").await);
    let begun = imported(&world, &ada, "t").await;
    let path = format!("/tables/{}", begun["table"]["id"].as_str().unwrap());
    let model = begun["table"]["model_id"].as_str().unwrap();
    let members = format!("/models/{model}/members");
    ada.put(&members, json!({"email": "bob@example.org", "access": "viewer"})).await.ok().await;

    let dear = json!({
        "name": "Dear", "sort": "-a", "filters": ["or.(a.gte.10,b.eq.x)"], "columns": ["b", "a"],
        "widths": {"a": 120}, "pinned": ["a"],
    });
    let first = save(&ada, &path, &dear).await.ok().await;
    save(&ada, &path, &json!({"name": "All"})).await.ok().await;
    save(&bob, &path, &dear).await.problem(StatusCode::FORBIDDEN, "forbidden").await;
    save(&eve, &path, &dear).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    eve.get(&format!("{path}/views")).await.problem(StatusCode::NOT_FOUND, "not_found").await;

    let listed = bob.get(&format!("{path}/views")).await.ok().await;
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.iter().map(|view| &view["name"]).collect::<Vec<_>>(), ["All", "Dear"]);
    for (field, value) in dear.as_object().unwrap() {
        assert_eq!(&items[1][field], value, "{field}");
    }
    assert_eq!(items[1]["saved_by"], "ada");
    assert_eq!((&items[0]["columns"], &items[0]["filters"]), (&Value::Null, &json!([])));

    // The same name is the same view.
    let again = save(&ada, &path, &json!({"name": "Dear", "sort": "b"})).await.ok().await;
    assert_eq!(again["id"], first["id"]);
    let listed = bob.get(&format!("{path}/views")).await.ok().await;
    assert_eq!((&listed["items"][1]["sort"], &listed["items"][1]["filters"]), (&json!("b"), &json!([])));

    for (field, bad) in [
        ("name", json!({"name": ""})),
        ("sort", json!({"name": "n", "sort": "a,a"})),
        ("filter", json!({"name": "n", "filters": ["a.near.1"]})),
        ("columns", json!({"name": "n", "columns": []})),
        ("widths", json!({"name": "n", "widths": {"a": 1}})),
        ("pinned", json!({"name": "n", "pinned": ["a", "a"]})),
    ] {
        let problem =
            save(&ada, &path, &bad).await.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
        assert_eq!(problem["fields"][0]["field"], field);
    }
    for n in 2..100 {
        save(&ada, &path, &json!({"name": format!("v{n}")})).await.ok().await;
    }
    save(&ada, &path, &json!({"name": "one more"})).await.problem(StatusCode::CONFLICT, "conflict").await;

    let one = format!("{path}/views/{}", first["id"].as_str().unwrap());
    bob.delete(&one).await.problem(StatusCode::FORBIDDEN, "forbidden").await;
    eve.delete(&one).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    ada.delete(&one).await.is(StatusCode::NO_CONTENT).await;
    ada.delete(&one).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    ada.delete(&path).await.is(StatusCode::NO_CONTENT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alternatives_are_one_filter() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int, \"b.c\" text); INSERT INTO t VALUES (1, 'x'), (2, 'y,z'), (3, NULL), (NULL, 'w')");
    let ada = world.user("ada").await;
    let begun = imported(&world, &ada, "t").await;
    let rows = format!("/tables/{}/rows", begun["table"]["id"].as_str().unwrap());
    for (filter, want) in [
        ("or.(a.eq.1,a.gt.2)", json!([["1", "x"], ["3", null]])),
        (r#"or.(a.eq.1,"""b.c"".eq.y,z")"#, json!([["1", "x"], ["2", "y,z"]])),
        (r#"or.("a.in.(1,2)",a.is.null)"#, json!([["1", "x"], ["2", "y,z"], [null, "w"]])),
    ] {
        let url = reqwest::Url::parse_with_params("http://x/", [("filter", filter)]).unwrap();
        let page = ada.get(&format!("{rows}?{}", url.query().unwrap())).await.ok().await;
        assert_eq!(page["rows"], want, "{filter}");
    }
    for bad in ["or.()", "or.(a.eq.1", "or.(nothing.eq.1,a.eq.1)"] {
        let url = reqwest::Url::parse_with_params("http://x/", [("filter", bad)]).unwrap();
        let problem = ada.get(&format!("{rows}?{}", url.query().unwrap())).await;
        let problem = problem.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
        assert_eq!(problem["fields"][0]["field"], "filter", "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_sample_is_connected_by_one_request() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    assert_eq!(ada.get("/connections/sample").await.ok().await, json!({"name": null}));
    ada.post("/connections/sample", json!({})).await.problem(StatusCode::NOT_FOUND, "not_found").await;

    let form = world.form();
    let sample = SampleSource::parse(form.to_string()).unwrap();
    assert!(!format!("{sample:?}").contains(form["password"].as_str().unwrap()));
    let world = World::with(Settings { sample: Some(sample), ..Settings::default() }).await;
    world.nobody().get("/connections/sample").await.problem(StatusCode::UNAUTHORIZED, "not_signed_in").await;
    let ada = world.user("ada").await;
    assert_eq!(ada.get("/connections/sample").await.ok().await["name"], form["name"]);
    let made = ada.post("/connections/sample", json!({})).await.is(StatusCode::CREATED).await;
    assert_eq!((&made["host"], &made["last_test_ok"]), (&form["host"], &json!(true)));
    assert!(!made.to_string().contains(form["password"].as_str().unwrap()));
    let problem = SampleSource::parse("{\"kind\":\"postgresql\"}".into()).unwrap_err();
    let fields: Vec<_> = problem.fields.iter().map(|field| &*field.field).collect();
    assert_eq!(fields, ["name", "host", "port", "database", "username", "password"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_missing_fields_of_a_body_are_told_at_once() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let fields = async |path: &str, body: Value| -> Vec<String> {
        let problem = ada.post(path, body).await.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
        let fields = problem["fields"].as_array().unwrap();
        fields.iter().map(|field| field["field"].as_str().unwrap().to_owned()).collect()
    };
    let wanted = ["kind", "name", "host", "port", "database", "username", "password"];
    assert_eq!(fields("/connections", json!({})).await, wanted);
    assert_eq!(fields("/connections/test", json!({})).await, wanted);
    assert_eq!(fields("/sign-up", json!({"nam": 1})).await, ["name", "email", "password", "nam"]);
    let wrong = json!({"kind": "postgresql", "name": 1, "host": "h", "port": "x", "database": "d"});
    assert_eq!(fields("/connections", wrong).await, ["username", "password", "name", "port"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_cookie_says_what_a_script_does() {
    let world = World::new().await;
    let form = json!({"name": "Ada", "email": "ada@example.org", "password": crate::PASSWORD});
    let answer = world.nobody().post("/sign-up", form).await;
    let ada = Caller { cookie: answer.cookie(), ..world.nobody() };
    let refused = ada.post("/tokens", json!({"name": "t"})).await;
    let problem = refused.problem(StatusCode::FORBIDDEN, "cross_origin").await;
    let origin = format!("Origin: {}", world.url);
    assert!(problem["fix"].as_str().unwrap().contains(&origin), "{problem}");
    // What it says works.
    let request = ada.with_body(Method::POST, "/tokens", &json!({"name": "t"})).header("origin", &world.url);
    let made = ada.send(request).await.is(StatusCode::CREATED).await;
    let token = Caller { token: Some(made["token"].as_str().unwrap().to_owned()), ..world.nobody() };
    assert_eq!(token.get("/me").await.ok().await["email"], "ada@example.org");
}

use crate::{Caller, PASSWORD, World, models::imported};
use mycorr_server::Settings;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

impl World {
    /// Somebody who signs in with a cookie.
    async fn browser(&self, email: &str, password: &str) -> Caller {
        let form = json!({"email": email, "password": password});
        let answer = self.nobody().post("/sign-in", form).await;
        let cookie = answer.cookie();
        answer.ok().await;
        Caller { cookie, ..self.nobody() }
    }

    /// A token of `who`, as the form says.
    async fn token(&self, who: &Caller, form: Value) -> Caller {
        let new = who.post("/tokens", form).await.is(StatusCode::CREATED).await;
        Caller { token: Some(new["token"].as_str().unwrap().to_owned()), ..self.nobody() }
    }
}

/// As a page of ours sends it.
async fn same_origin(who: &Caller, method: Method, path: &str, body: Value) -> crate::Answer {
    who.send(who.with_body(method, path, &body).header("sec-fetch-site", "same-origin")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn own_name_password_and_sessions() {
    let world = World::new().await;
    world.user("ada").await;
    let here = world.browser("ada@example.org", PASSWORD).await;
    let there = world.browser("ada@example.org", PASSWORD).await;
    let sessions = here.get("/sessions").await.ok().await;
    let items = sessions["items"].as_array().unwrap();
    let current: Vec<_> = items.iter().map(|item| item["current"] == true).collect();
    // The newest first; the oldest is the sign-up's.
    assert_eq!(current, [false, true, false]);
    assert_eq!(items[1]["address"], "127.0.0.1");
    let id = items[0]["id"].as_str().unwrap();
    let path = format!("/sessions/{id}");
    let bob = world.user("bob").await;
    bob.delete(&path).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    same_origin(&here, Method::DELETE, &path, json!({})).await.is(StatusCode::NO_CONTENT).await;
    there.get("/me").await.problem(StatusCode::UNAUTHORIZED, "not_signed_in").await;

    let there = world.browser("ada@example.org", PASSWORD).await;
    let new = json!({"name": " Ada L. ", "password": {"current": PASSWORD, "new": "another sentence"}});
    let me = same_origin(&here, Method::PATCH, "/me", new).await.ok().await;
    assert_eq!(me["name"], "Ada L.");
    there.get("/me").await.problem(StatusCode::UNAUTHORIZED, "not_signed_in").await;
    here.get("/me").await.ok().await;
    let wrong = json!({"password": {"current": PASSWORD, "new": "another sentence"}});
    let problem = same_origin(&here, Method::PATCH, "/me", wrong).await;
    let problem = problem.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
    assert_eq!(problem["fields"][0]["field"], "password.current");
    assert!(!problem.to_string().contains("sentence"));
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_manage_accounts() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = bob.get("/me").await.ok().await["id"].as_str().unwrap().to_owned();
    let own = ada.get("/me").await.ok().await["id"].as_str().unwrap().to_owned();
    bob.get("/users").await.problem(StatusCode::FORBIDDEN, "forbidden").await;
    let refused = bob.patch(&format!("/users/{own}"), json!({"disabled": true})).await;
    refused.problem(StatusCode::FORBIDDEN, "forbidden").await;
    let found = ada.get("/users?search=BOB").await.ok().await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    assert_eq!(found["items"][0]["disabled"], false);
    assert!(!found.to_string().contains("argon2"));
    let last = ada.patch(&format!("/users/{own}"), json!({"disabled": true})).await;
    last.problem(StatusCode::CONFLICT, "conflict").await;
    let unknown = ada.patch(&format!("/users/{}", uuid::Uuid::now_v7()), json!({})).await;
    unknown.problem(StatusCode::NOT_FOUND, "not_found").await;
    let cookie = world.browser("bob@example.org", PASSWORD).await;
    let disabled = ada.patch(&format!("/users/{id}"), json!({"disabled": true})).await.ok().await;
    assert_eq!(disabled["disabled"], true);
    for who in [&bob, &cookie] {
        who.get("/me").await.problem(StatusCode::UNAUTHORIZED, "not_signed_in").await;
    }
    let reset = format!("/users/{id}/password-reset");
    ada.post(&reset, json!({})).await.problem(StatusCode::CONFLICT, "conflict").await;
    ada.patch(&format!("/users/{id}"), json!({"disabled": false, "admin": true})).await.ok().await;
    bob.get("/users").await.ok().await;
    // An administrator sees nobody's data.
    let model = ada.post("/models", json!({"name": "Shop"})).await.is(StatusCode::CREATED).await;
    let path = format!("/models/{}", model["id"].as_str().unwrap());
    bob.get(&path).await.problem(StatusCode::NOT_FOUND, "not_found").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_link_sets_a_password_once() {
    let url = "https://m.example.com";
    let world = World::with(Settings { public_url: Some(url.into()), ..Settings::default() }).await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = bob.get("/me").await.ok().await["id"].as_str().unwrap().to_owned();
    let reset = format!("/users/{id}/password-reset");
    bob.post(&reset, json!({})).await.problem(StatusCode::FORBIDDEN, "forbidden").await;
    let link = ada.post(&reset, json!({})).await.is(StatusCode::CREATED).await;
    let token = link["url"].as_str().unwrap().strip_prefix("https://m.example.com/password-reset/").unwrap();
    let path = format!("/password-resets/{token}");
    let short = world.nobody().post(&path, json!({"password": "short"})).await;
    short.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
    let new = json!({"password": "another sentence"});
    world.nobody().post(&path, new.clone()).await.is(StatusCode::NO_CONTENT).await;
    world.nobody().post(&path, new).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    world.browser("bob@example.org", "another sentence").await;
    for email in ["bob@example.org", "nobody@example.org"] {
        let asked = world.nobody().post("/password-resets", json!({"email": email})).await;
        asked.is(StatusCode::ACCEPTED).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn narrower_token_does_less() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 3)");
    let ada = world.user("ada").await;
    let begun = imported(&world, &ada, "t").await;
    let other = ada.post("/models", json!({"name": "Other"})).await.is(StatusCode::CREATED).await;
    let id = |value: &Value| value.as_str().unwrap().to_owned();
    let (model, table, job) =
        (id(&begun["table"]["model_id"]), id(&begun["table"]["id"]), id(&begun["job"]["id"]));
    let other = id(&other["id"]);

    let reader = world.token(&ada, json!({"name": "r", "access": "read"})).await;
    for path in ["/models", "/connections", "/sessions", &format!("/tables/{table}/rows")] {
        reader.get(path).await.ok().await;
    }
    reader.post("/models", json!({"name": "x"})).await.problem(StatusCode::FORBIDDEN, "forbidden").await;
    reader.post("/tokens", json!({"name": "x"})).await.problem(StatusCode::FORBIDDEN, "forbidden").await;
    let sync = format!("/tables/{table}/sync");
    reader.post(&sync, json!({})).await.problem(StatusCode::FORBIDDEN, "forbidden").await;

    let narrow = world.token(&ada, json!({"name": "m", "model_id": model})).await;
    for path in [
        "/me".to_owned(),
        format!("/models/{model}"),
        format!("/models/{model}/tables"),
        format!("/tables/{table}/rows"),
        format!("/jobs/{job}"),
    ] {
        narrow.get(&path).await.ok().await;
    }
    for path in ["/models", "/connections", "/tokens", "/sessions", "/users"] {
        narrow.get(path).await.problem(StatusCode::FORBIDDEN, "forbidden").await;
    }
    narrow.get(&format!("/models/{other}")).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    narrow.patch("/me", json!({"name": "x"})).await.problem(StatusCode::FORBIDDEN, "forbidden").await;
    narrow.post(&sync, json!({})).await.is(StatusCode::ACCEPTED).await;

    let bob = world.user("bob").await;
    let refused = bob.post("/tokens", json!({"name": "x", "model_id": model})).await;
    refused.problem(StatusCode::NOT_FOUND, "not_found").await;
    let listed = ada.get("/tokens").await.ok().await;
    assert_eq!(
        (&listed["items"][0]["model_id"], &listed["items"][1]["access"]),
        (&json!(model), &json!("read"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn event_stream_ends_with_the_right_to_it() {
    let world = World::new().await;
    world.database.sql(
        "CREATE VIEW slow AS SELECT i, pg_sleep(0.02)::text AS pause FROM generate_series(1, 100000) AS i",
    );
    let ada = world.user("ada").await;
    let connection = ada.post("/connections", world.form()).await.is(StatusCode::CREATED).await;
    let model = ada.post("/models", json!({"name": "Shop"})).await.is(StatusCode::CREATED).await;
    let import = json!({"connection_id": connection["id"], "schema": "public", "table": "slow"});
    let path = format!("/models/{}/imports", model["id"].as_str().unwrap());
    let begun = ada.post(&path, import).await.is(StatusCode::ACCEPTED).await;
    let job = begun["job"]["id"].as_str().unwrap();
    let token = ada.post("/tokens", json!({"name": "watch"})).await.is(StatusCode::CREATED).await;
    let watcher = Caller { token: Some(token["token"].as_str().unwrap().to_owned()), ..world.nobody() };
    let events = watcher.get(&format!("/jobs/{job}/events")).await;
    assert_eq!(events.header("content-type"), "text/event-stream");
    ada.delete(&format!("/tokens/{}", token["id"].as_str().unwrap())).await.is(StatusCode::NO_CONTENT).await;
    // It would go on for half an hour.
    let rest = tokio::time::timeout(std::time::Duration::from_secs(30), events.response.text()).await;
    let last = rest.expect("the stream ends").unwrap();
    assert!(!last.contains("\"state\":\"succeeded\""));
    ada.post(&format!("/jobs/{job}/cancel"), json!({})).await.is(StatusCode::ACCEPTED).await;
}

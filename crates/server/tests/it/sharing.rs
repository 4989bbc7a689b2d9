use crate::{Caller, PASSWORD, World, models::imported};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

impl Caller {
    pub(crate) async fn put(&self, path: &str, body: Value) -> crate::Answer {
        self.send(self.with_body(Method::PUT, path, &body)).await
    }
}

pub(crate) fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

/// Signs up by a link, and shows a token from then on.
pub(crate) async fn sign_up_by(world: &World, url: &str, email: &str) -> Caller {
    let token = url.rsplit('/').next().unwrap();
    let invited = world.nobody().get(&format!("/sign-up?invite={token}")).await.ok().await;
    assert_eq!(invited["invite"]["email"], email);
    let form = json!({"name": "New", "email": email, "password": PASSWORD, "invite": token});
    world.nobody().post("/sign-up", form).await.is(StatusCode::CREATED).await;
    let token = world.engine.accounts.create_token_for(email, "test").await.unwrap();
    Caller { token: Some(token.token.expose().to_owned()), ..world.nobody() }
}

pub(crate) async fn forbidden(answer: crate::Answer) {
    answer.problem(StatusCode::FORBIDDEN, "forbidden").await;
}

pub(crate) async fn not_found(answer: crate::Answer) {
    answer.problem(StatusCode::NOT_FOUND, "not_found").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn model_is_shared_and_the_highest_grant_counts() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 3)");
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let begun = imported(&world, &ada, "t").await;
    let (model, table) = (begun["table"]["model_id"].as_str().unwrap(), id(&begun["table"]));
    let (path, members) = (format!("/models/{model}"), format!("/models/{model}/members"));
    not_found(bob.get(&members).await).await;
    not_found(bob.put(&members, json!({"email": "bob@example.org", "access": "viewer"})).await).await;

    let viewer = json!({"email": "BOB@example.org", "access": "viewer"});
    let member = ada.put(&members, viewer).await.ok().await;
    assert_eq!((&member["kind"], &member["access"]), (&json!("user"), &json!("viewer")));
    assert!(member.get("invite").is_none(), "bob has an account");
    assert_eq!(bob.get(&path).await.ok().await["access"], "viewer");
    assert_eq!(bob.get("/models").await.ok().await["items"][0]["access"], "viewer");
    bob.get(&format!("/tables/{table}/rows")).await.ok().await;
    let sync = format!("/tables/{table}/sync");
    forbidden(bob.post(&sync, json!({})).await).await;
    forbidden(bob.put(&members, json!({"email": "eve@example.org", "access": "viewer"})).await).await;
    forbidden(bob.delete(&path).await).await;

    // By a team he may do more.
    let team = id(&ada.post("/teams", json!({"name": "Data"})).await.is(StatusCode::CREATED).await);
    let people = format!("/teams/{team}/members");
    ada.put(&people, json!({"email": "bob@example.org", "role": "member"})).await.ok().await;
    ada.put(&members, json!({"team_id": team, "access": "collaborator"})).await.ok().await;
    assert_eq!(bob.get(&path).await.ok().await["access"], "collaborator");
    let job = bob.post(&sync, json!({})).await.is(StatusCode::ACCEPTED).await;
    assert_eq!(job["job"]["source"]["connection_id"], Value::Null);
    assert_eq!(bob.follow(&job["job"]).await["state"], "succeeded");
    forbidden(bob.patch(&path, json!({"name": "x"})).await).await;
    let listed = bob.get(&members).await.ok().await;
    let items = listed["items"].as_array().unwrap();
    let seen: Vec<_> =
        items.iter().map(|member| (&member["name"], &member["access"], &member["via"])).collect();
    let (owner, may, via) = (json!("owner"), json!("collaborator"), json!("Data"));
    let names = [json!("ada"), json!("bob"), json!("Data")];
    assert_eq!(
        seen,
        [(&names[0], &owner, &Value::Null), (&names[1], &may, &via), (&names[2], &may, &Value::Null)],
        "of bob's two grants the higher one counts"
    );
    assert_eq!(items[2]["team_id"], json!(team));

    // Whose team it isn't can't share with it, nor read it.
    let eve = world.user("eve").await;
    not_found(eve.get(&format!("/teams/{team}")).await).await;
    let hers = id(&eve.post("/models", json!({"name": "E"})).await.is(StatusCode::CREATED).await);
    let with = json!({"team_id": team, "access": "viewer"});
    not_found(eve.put(&format!("/models/{hers}/members"), with).await).await;

    // Taken out of the team he looks only; having left he sees nothing.
    let bobs = id(&bob.get("/me").await.ok().await);
    ada.delete(&format!("{people}/{bobs}")).await.is(StatusCode::NO_CONTENT).await;
    assert_eq!(bob.get(&path).await.ok().await["access"], "viewer");
    bob.delete(&format!("{members}/{}", id(&member))).await.is(StatusCode::NO_CONTENT).await;
    not_found(bob.get(&path).await).await;
    for wrong in [json!({"access": "viewer"}), json!({"email": "x@y.z", "team_id": team, "access": "viewer"})]
    {
        ada.put(&members, wrong).await.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
    }
    for (email, access) in [("ada@example.org", "viewer"), ("bob@example.org", "owner")] {
        let refused = ada.put(&members, json!({"email": email, "access": access})).await;
        refused.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn teams_keep_an_admin() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let team = id(&ada.post("/teams", json!({"name": "Data"})).await.is(StatusCode::CREATED).await);
    let (path, people) = (format!("/teams/{team}"), format!("/teams/{team}/members"));
    let adas = id(&ada.get("/me").await.ok().await);
    let bobs = id(&bob.get("/me").await.ok().await);
    let conflict = async |answer: crate::Answer| answer.problem(StatusCode::CONFLICT, "conflict").await;
    conflict(ada.delete(&format!("{people}/{adas}")).await).await;
    conflict(ada.put(&people, json!({"email": "ada@example.org", "role": "member"})).await).await;
    ada.put(&people, json!({"email": "bob@example.org", "role": "member"})).await.ok().await;
    for (method, path, body) in [
        (Method::PATCH, path.clone(), json!({"name": "x"})),
        (Method::DELETE, path.clone(), json!({})),
        (Method::PUT, people.clone(), json!({"email": "eve@example.org", "role": "admin"})),
        (Method::DELETE, format!("{people}/{adas}"), json!({})),
    ] {
        forbidden(bob.send(bob.with_body(method, &path, &body)).await).await;
    }
    assert_eq!(bob.get(&path).await.ok().await["members"], 2);
    ada.put(&people, json!({"email": "bob@example.org", "role": "admin"})).await.ok().await;
    ada.delete(&format!("{people}/{adas}")).await.is(StatusCode::NO_CONTENT).await;
    not_found(ada.get(&path).await).await;
    assert_eq!(bob.patch(&path, json!({"name": "Mine"})).await.ok().await["name"], "Mine");
    conflict(bob.delete(&format!("{people}/{bobs}")).await).await;
    bob.delete(&path).await.is(StatusCode::NO_CONTENT).await;
    not_found(bob.get(&path).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_table_is_shown_alone() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 3)");
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let begun = imported(&world, &ada, "t").await;
    let (model, table) = (begun["table"]["model_id"].as_str().unwrap(), id(&begun["table"]));
    let members = format!("/tables/{table}/members");
    let more = json!({"email": "bob@example.org", "access": "collaborator"});
    ada.put(&members, more).await.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
    let member = ada.put(&members, json!({"email": "bob@example.org"})).await.ok().await;
    for seen in ["", "/rows", "/versions", "/cell?row=0&column=a"] {
        bob.get(&format!("/tables/{table}{seen}")).await.ok().await;
    }
    forbidden(bob.post(&format!("/tables/{table}/sync"), json!({})).await).await;
    forbidden(bob.put(&members, json!({"email": "eve@example.org"})).await).await;
    not_found(bob.get(&members).await).await;
    for unseen in ["", "/tables", "/jobs", "/members"] {
        not_found(bob.get(&format!("/models/{model}{unseen}")).await).await;
    }
    assert_eq!(bob.get("/models").await.ok().await["items"], json!([]));
    let shown = bob.get("/tables").await.ok().await;
    assert_eq!((&shown["items"][0]["id"], &shown["items"][1]), (&begun["table"]["id"], &Value::Null));
    assert_eq!(ada.get("/tables").await.ok().await["items"], json!([]), "hers is in her Model");
    let whole = json!({"email": "bob@example.org", "access": "viewer"});
    let whole = ada.put(&format!("/models/{model}/members"), whole).await.ok().await;
    assert_eq!(bob.get("/tables").await.ok().await["items"], json!([]), "he sees it in the Model now");
    ada.delete(&format!("/models/{model}/members/{}", id(&whole))).await.is(StatusCode::NO_CONTENT).await;
    ada.delete(&format!("{members}/{}", id(&member))).await.is(StatusCode::NO_CONTENT).await;
    not_found(bob.get(&format!("/tables/{table}")).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn download_under_way_ends_when_the_right_is_revoked() {
    let world = World::new().await;
    // Far more than the buffers between the two hold.
    world
        .database
        .sql("CREATE TABLE t AS SELECT repeat(md5(i::text), 32) AS a FROM generate_series(1, 40000) i");
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let begun = imported(&world, &ada, "t").await;
    let (model, table) = (begun["table"]["model_id"].as_str().unwrap(), id(&begun["table"]));
    let members = format!("/models/{model}/members");
    let export = format!("/tables/{table}/export?format=csv");
    let whole = ada.get(&export).await.response.bytes().await.unwrap().len();
    for by in ["member", "token"] {
        let member =
            ada.put(&members, json!({"email": "bob@example.org", "access": "viewer"})).await.ok().await;
        let mut download = bob.get(&export).await.response;
        let mut got = download.chunk().await.unwrap().unwrap().len();
        match by {
            "member" => {
                ada.delete(&format!("{members}/{}", id(&member))).await.is(StatusCode::NO_CONTENT).await;
            }
            _ => {
                let tokens = bob.get("/tokens").await.ok().await;
                bob.delete(&format!("/tokens/{}", id(&tokens["items"][0])))
                    .await
                    .is(StatusCode::NO_CONTENT)
                    .await;
            }
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
        let broken = loop {
            match download.chunk().await {
                Ok(Some(piece)) => got += piece.len(),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        assert!(broken && got < whole, "by {by}: {got} of {whole} bytes, and no error");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn model_is_handed_over() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let model = id(&ada.post("/models", json!({"name": "Shop"})).await.is(StatusCode::CREATED).await);
    let (path, transfer) = (format!("/models/{model}"), format!("/models/{model}/transfer"));
    let unknown = ada.post(&transfer, json!({"email": "nobody@example.org"})).await;
    unknown.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
    ada.put(&format!("{path}/members"), json!({"email": "bob@example.org", "access": "viewer"}))
        .await
        .ok()
        .await;
    forbidden(bob.post(&transfer, json!({"email": "bob@example.org"})).await).await;
    let handed = ada.post(&transfer, json!({"email": "bob@example.org"})).await.ok().await;
    assert_eq!(
        (&handed["access"], &handed["owner"]["email"]),
        (&json!("collaborator"), &json!("bob@example.org"))
    );
    let listed = bob.get(&format!("{path}/members")).await.ok().await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 2, "once the owner, and who was");
    forbidden(ada.delete(&path).await).await;
    bob.delete(&path).await.is(StatusCode::NO_CONTENT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_read_the_activity_and_administrators_the_audit() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 3)");
    let admin = world.user("admin").await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let begun = imported(&world, &ada, "t").await;
    let (model, table) = (begun["table"]["model_id"].as_str().unwrap(), id(&begun["table"]));
    let members = format!("/models/{model}/members");
    let member =
        ada.put(&members, json!({"email": "bob@example.org", "access": "collaborator"})).await.ok().await;
    world.database.sql("INSERT INTO t VALUES (4)");
    let sync = bob.post(&format!("/tables/{table}/sync"), json!({})).await.is(StatusCode::ACCEPTED).await;
    bob.follow(&sync["job"]).await;
    bob.patch(&format!("/tables/{table}"), json!({"name": "orders"})).await.ok().await;
    bob.post(&format!("/tables/{table}/restore"), json!({"version": 1})).await.is(StatusCode::CREATED).await;
    bob.delete(&format!("/tables/{table}")).await.is(StatusCode::NO_CONTENT).await;
    let path = format!("/models/{model}/activity");
    let told = bob.get(&path).await.ok().await;
    let told: Vec<_> = told["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (
                text(&event["actor"]["name"]),
                text(&event["action"]),
                text(&event["object"]),
                text(&event["detail"]),
            )
        })
        .collect();
    let told: Vec<_> = told
        .iter()
        .map(|(who, what, on, how)| (who.as_str(), what.as_str(), on.as_str(), how.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("bob", "table.deleted", "orders", ""),
            ("bob", "table.restored", "orders", "version 3, 3 rows"),
            ("bob", "table.renamed", "orders", "from t"),
            ("bob", "table.synced", "t", "version 2, 4 rows"),
            ("ada", "member.added", "Shop", "bob@example.org: collaborator"),
            ("ada", "table.imported", "t", "version 1, 3 rows"),
            ("ada", "model.created", "Shop", ""),
        ]
    );
    not_found(admin.get(&path).await).await;
    ada.delete(&format!("{members}/{}", id(&member))).await.is(StatusCode::NO_CONTENT).await;
    not_found(bob.get(&path).await).await;

    forbidden(ada.get("/audit").await).await;
    let audit = admin.get("/audit?action=member.removed&actor=ada@example.org").await.ok().await;
    let event = &audit["items"][0];
    assert_eq!((&event["object"], &event["detail"]), (&json!(model), &json!("bob@example.org")));
    let all = admin.get("/audit").await.ok().await.to_string();
    for unseen in
        ["Shop", "orders", "127.0.0.1", &world.database.role, &world.database.password, "argon2", "myc_"]
    {
        assert!(!all.contains(unseen), "{unseen} in {all}");
    }
    let unknown = admin.get("/audit?actor=eve@example.org").await;
    unknown.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
}

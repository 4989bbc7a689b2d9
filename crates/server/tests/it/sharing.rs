use crate::{Caller, PASSWORD, World, models::imported};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

impl Caller {
    pub(crate) async fn put(&self, path: &str, body: Value) -> crate::Answer {
        self.send(self.with_body(Method::PUT, path, &body)).await
    }
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

/// Signs up by a link, and shows a token from then on.
async fn sign_up_by(world: &World, url: &str, email: &str) -> Caller {
    let token = url.rsplit('/').next().unwrap();
    let invited = world.nobody().get(&format!("/sign-up?invite={token}")).await.ok().await;
    assert_eq!(invited["invite"]["email"], email);
    let form = json!({"name": "New", "email": email, "password": PASSWORD, "invite": token});
    world.nobody().post("/sign-up", form).await.is(StatusCode::CREATED).await;
    let token = world.engine.accounts.create_token_for(email, "test").await.unwrap();
    Caller { token: Some(token.token.expose().to_owned()), ..world.nobody() }
}

async fn forbidden(answer: crate::Answer) {
    answer.problem(StatusCode::FORBIDDEN, "forbidden").await;
}

async fn not_found(answer: crate::Answer) {
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
async fn invitation_brings_models_and_teams_once() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let model = id(&ada.post("/models", json!({"name": "Shop"})).await.is(StatusCode::CREATED).await);
    let other = id(&ada.post("/models", json!({"name": "Other"})).await.is(StatusCode::CREATED).await);
    let team = id(&ada.post("/teams", json!({"name": "Data"})).await.is(StatusCode::CREATED).await);
    let form = json!({
        "email": "New@example.org",
        "models": [{"model_id": model, "access": "collaborator"}],
        "teams": [{"team_id": team, "role": "member"}],
    });
    let invite = ada.post("/invites", form.clone()).await.is(StatusCode::CREATED).await;
    let url = invite["url"].as_str().unwrap();
    // Sharing with the same address adds to the invitation, whose link stays.
    let members = format!("/models/{other}/members");
    let pending = ada.put(&members, json!({"email": "new@example.org", "access": "viewer"})).await.ok().await;
    assert_eq!((&pending["kind"], pending.get("invite")), (&json!("invite"), None));
    let listed = ada.get(&format!("/teams/{team}/members")).await.ok().await;
    assert_eq!(listed["items"][1]["kind"], "invite");
    assert!(!ada.get("/invites").await.ok().await.to_string().contains("/invite/"), "it is shown once");

    let token = url.rsplit('/').next().unwrap();
    let wrong = json!({"name": "N", "email": "other@example.org", "password": PASSWORD, "invite": token});
    let refused = world.nobody().post("/sign-up", wrong).await;
    refused.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
    let new = sign_up_by(&world, url, "new@example.org").await;
    let models = new.get("/models").await.ok().await;
    let access: Vec<_> = models["items"].as_array().unwrap().iter().map(|model| &model["access"]).collect();
    assert_eq!(access, ["viewer", "collaborator"], "newest first");
    assert_eq!(new.get("/teams").await.ok().await["items"][0]["role"], "member");
    let again = json!({"name": "N", "email": "new@example.org", "password": PASSWORD, "invite": token});
    not_found(world.nobody().post("/sign-up", again).await).await;
    ada.post("/invites", form).await.problem(StatusCode::CONFLICT, "email_taken").await;

    // Another's Model or team can't be given away, and another's invitation not be taken back.
    let bob = world.user("bob").await;
    let stolen = json!({"email": "x@example.org", "models": [{"model_id": model, "access": "viewer"}]});
    not_found(bob.post("/invites", stolen).await).await;
    let given = json!({"email": "x@example.org", "teams": [{"team_id": team, "role": "admin"}]});
    forbidden(new.post("/invites", given).await).await;
    let invite = bob.post("/invites", json!({"email": "y@example.org"})).await.is(StatusCode::CREATED).await;
    let path = format!("/invites/{}", id(&invite));
    not_found(new.delete(&path).await).await;
    bob.delete(&path).await.is(StatusCode::NO_CONTENT).await;
    let token = invite["url"].as_str().unwrap().rsplit('/').next().unwrap();
    not_found(world.nobody().get(&format!("/sign-up?invite={token}")).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn member_who_was_invited_by_sharing_becomes_one() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let model = id(&ada.post("/models", json!({"name": "Shop"})).await.is(StatusCode::CREATED).await);
    let members = format!("/models/{model}/members");
    let pending = ada.put(&members, json!({"email": "new@example.org", "access": "viewer"})).await.ok().await;
    assert_eq!((&pending["kind"], &pending["email"]), (&json!("invite"), &json!("new@example.org")));
    let new = sign_up_by(&world, pending["invite"]["url"].as_str().unwrap(), "new@example.org").await;
    assert_eq!(new.get(&format!("/models/{model}")).await.ok().await["access"], "viewer");
    let listed = ada.get(&members).await.ok().await;
    assert_eq!((&listed["items"][1]["kind"], &listed["items"][1]["id"]), (&json!("user"), &pending["id"]));
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
async fn owner_of_a_connection_says_who_syncs_through_it() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int)");
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let begun = imported(&world, &ada, "t").await;
    let (model, table) = (begun["table"]["model_id"].as_str().unwrap(), id(&begun["table"]));
    let connection = begun["job"]["source"]["connection_id"].as_str().unwrap();
    let member = json!({"email": "bob@example.org", "access": "collaborator"});
    ada.put(&format!("/models/{model}/members"), member).await.ok().await;
    let (path, sync) = (format!("/connections/{connection}"), format!("/tables/{table}/sync"));
    assert_eq!(ada.get(&path).await.ok().await["sync_by"], "collaborators");
    assert_eq!(ada.patch(&path, json!({"sync_by": "owner"})).await.ok().await["sync_by"], "owner");
    forbidden(bob.post(&sync, json!({})).await).await;
    let hers = ada.post(&sync, json!({})).await.is(StatusCode::ACCEPTED).await;
    ada.follow(&hers["job"]).await;
    ada.patch(&path, json!({"sync_by": "collaborators"})).await.ok().await;
    let his = bob.post(&sync, json!({})).await.is(StatusCode::ACCEPTED).await;
    assert_eq!(bob.follow(&his["job"]).await["state"], "succeeded");
    // An import needs a connection of one's own.
    let import = json!({"connection_id": connection, "schema": "public", "table": "t"});
    not_found(bob.post(&format!("/models/{model}/imports"), import).await).await;
    not_found(bob.put(&format!("/tables/{table}/source"), json!({"connection_id": connection})).await).await;
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

/// The seed's sentence: other team members cannot see credentials.
#[tokio::test(flavor = "multi_thread")]
async fn collaborator_finds_nothing_of_the_connection() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1)");
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let begun = imported(&world, &ada, "t").await;
    let (model, table) = (begun["table"]["model_id"].as_str().unwrap(), id(&begun["table"]));
    let connection = begun["job"]["source"]["connection_id"].as_str().unwrap().to_owned();
    let member = json!({"email": "bob@example.org", "access": "collaborator"});
    ada.put(&format!("/models/{model}/members"), member).await.ok().await;
    // One job that fails by the table, and one by the role, whose sentences name the role.
    world.database.sql("REVOKE ALL ON t FROM PUBLIC; ALTER TABLE t RENAME TO hidden; CREATE TABLE t (a int)");
    let role = &world.database.role;
    world.database.sql(&format!("REVOKE ALL ON t FROM \"{role}\""));
    let mut answers = Vec::new();
    let sync = bob.post(&format!("/tables/{table}/sync"), json!({})).await.is(StatusCode::ACCEPTED).await;
    answers.push(sync.to_string());
    let failed = bob.follow(&sync["job"]).await;
    assert_eq!(failed["state"], "failed", "{failed}");
    let own = ada.get(&format!("/jobs/{}", id(&failed))).await.ok().await;
    assert_eq!(own["problem"]["code"], failed["problem"]["code"]);
    assert!(own["problem"]["detail"].to_string().contains(role.as_str()), "{own}");
    answers.push(failed.to_string());
    let document: Value = serde_json::from_str(&mycorr_server::openapi()).unwrap();
    let job = id(&failed);
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(path) = path.strip_prefix("/api/v1") else { continue };
        if item.get("get").is_none() {
            continue;
        }
        let thing = match path.split('/').nth(1).unwrap() {
            "models" => model,
            "tables" => &table,
            "jobs" => &job,
            _ => &connection,
        };
        let path = path.replace("{id}", thing).replace("{schema}", "public").replace("{table}", "t");
        let path = path.replace("{version}", "1").replace("{user_id}", thing).replace("{member_id}", thing);
        let query = if path.ends_with("/cell") {
            "?row=0&column=a"
        } else if path.contains("/source-table") {
            "?schema=public&table=t"
        } else {
            ""
        };
        let mut answer = bob.get(&format!("{path}{query}")).await.response;
        if path == "/jobs/events" {
            // It goes on for a minute: what it begins with is enough.
            let first = tokio::time::timeout(std::time::Duration::from_secs(1), answer.chunk()).await;
            let first = first.ok().and_then(|chunk| chunk.unwrap()).unwrap_or_default();
            answers.push(String::from_utf8(first.to_vec()).unwrap());
            continue;
        }
        answers.push(answer.text().await.unwrap());
    }
    assert!(answers.len() > 30);
    let pem = world.database.cluster.authority().pem();
    let pem = pem.lines().nth(1).unwrap();
    let port = format!(":{}", world.database.cluster.port());
    let needles =
        [&world.database.password, role, &world.database.name, &port, "127.0.0.1", pem, &connection];
    for (at, answer) in answers.iter().enumerate() {
        // His own session says from where it is used.
        let answer = answer.replace("\"address\":\"127.0.0.1\"", "");
        for needle in needles {
            assert!(!answer.contains(needle), "{needle} in answer {at}: {answer}");
        }
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn connection_is_taken_over_with_its_secrets() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int)");
    let admin = world.user("admin").await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let begun = imported(&world, &ada, "t").await;
    let connection = begun["job"]["source"]["connection_id"].as_str().unwrap();
    let (path, table) = (format!("/connections/{connection}"), id(&begun["table"]));
    let (transfer, accept) = (format!("{path}/transfer"), format!("{path}/accept"));
    let to = |name: &str| json!({"email": format!("{name}@example.org")});
    for who in [&bob, &admin] {
        not_found(who.post(&transfer, to("bob")).await).await;
        not_found(who.post(&accept, json!({})).await).await;
    }
    let unknown = ada.post(&transfer, to("eve")).await;
    unknown.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
    ada.post(&transfer, to("bob")).await.is(StatusCode::ACCEPTED).await;
    not_found(bob.get(&path).await).await;
    ada.get(&path).await.ok().await;
    assert_eq!(bob.post(&accept, json!({})).await.ok().await["id"], connection);
    not_found(bob.post(&accept, json!({})).await).await;
    not_found(ada.get(&path).await).await;
    assert_eq!(bob.post(&format!("{path}/test"), json!({})).await.ok().await["ok"], true, "its secrets open");
    // Her table still comes through it, which is his to forbid.
    let sync = ada.post(&format!("/tables/{table}/sync"), json!({})).await.is(StatusCode::ACCEPTED).await;
    assert_eq!(ada.follow(&sync["job"]).await["state"], "succeeded");
    bob.patch(&path, json!({"sync_by": "owner"})).await.ok().await;
    forbidden(ada.post(&format!("/tables/{table}/sync"), json!({})).await).await;

    // Of an owner who is disabled an administrator hands it on, and sees nothing of it.
    let bobs = id(&bob.get("/me").await.ok().await);
    admin.patch(&format!("/users/{bobs}"), json!({"disabled": true})).await.ok().await;
    admin.post(&transfer, to("ada")).await.is(StatusCode::ACCEPTED).await;
    not_found(admin.get(&path).await).await;
    ada.post(&accept, json!({})).await.ok().await;
    let sync = ada.post(&format!("/tables/{table}/sync"), json!({})).await.is(StatusCode::ACCEPTED).await;
    assert_eq!(ada.follow(&sync["job"]).await["state"], "succeeded");
}

/// Who invites holds the link, and could sign up with it.
#[tokio::test(flavor = "multi_thread")]
async fn invitation_brings_nothing_that_others_gave() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let hers = id(&ada.post("/models", json!({"name": "Hers"})).await.is(StatusCode::CREATED).await);
    let his = id(&bob.post("/models", json!({"name": "His"})).await.is(StatusCode::CREATED).await);
    let share = json!({"email": "new@example.org", "access": "viewer"});
    let by_ada = ada.put(&format!("/models/{hers}/members"), share.clone()).await.ok().await;
    let by_bob = bob.put(&format!("/models/{his}/members"), share).await.ok().await;
    let new = sign_up_by(&world, by_bob["invite"]["url"].as_str().unwrap(), "new@example.org").await;
    new.get(&format!("/models/{his}")).await.ok().await;
    not_found(new.get(&format!("/models/{hers}")).await).await;
    let url = by_ada["invite"]["url"].as_str().unwrap();
    let link = json!({"invite": url.rsplit('/').next().unwrap()});
    let other = bob.post("/invites/accept", link.clone()).await;
    other.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
    new.post("/invites/accept", link.clone()).await.is(StatusCode::NO_CONTENT).await;
    new.get(&format!("/models/{hers}")).await.ok().await;
    not_found(new.post("/invites/accept", link).await).await;
}

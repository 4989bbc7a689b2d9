//! What others may do, and see, of a connection whose tables are shared with them.

use crate::{
    World,
    models::imported,
    sharing::{forbidden, id, not_found},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

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

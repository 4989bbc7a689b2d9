use crate::{Caller, World};
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn made_listed_used_revoked() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let new = ada.post("/tokens", json!({"name": "nightly"})).await.is(StatusCode::CREATED).await;
    let (id, token) = (new["id"].as_str().unwrap(), new["token"].as_str().unwrap());
    let script = Caller { token: Some(token.to_owned()), ..world.nobody() };
    assert_eq!(script.get("/me").await.ok().await["email"], "ada@example.org");
    let listed = ada.get("/tokens").await.ok().await;
    assert_eq!(listed["items"][0]["name"], "nightly");
    assert!(!listed.to_string().contains(token), "it is shown once");
    let path = format!("/tokens/{id}");
    bob.delete(&path).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    ada.delete(&path).await.is(StatusCode::NO_CONTENT).await;
    script.get("/me").await.problem(StatusCode::UNAUTHORIZED, "not_signed_in").await;
    let wrong = Caller { token: Some("myc_nonsense".into()), ..world.nobody() };
    wrong.get("/me").await.problem(StatusCode::UNAUTHORIZED, "not_signed_in").await;
}

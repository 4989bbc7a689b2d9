//! Invitations, and what they bring.

use crate::{
    PASSWORD, World,
    sharing::{forbidden, id, not_found, sign_up_by},
};
use reqwest::StatusCode;
use serde_json::json;

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

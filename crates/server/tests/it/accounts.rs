use crate::{Answer, Caller, PASSWORD, World};
use mycorr_server::Settings;
use reqwest::{Method, StatusCode};
use serde_json::json;

/// Signs up with a cookie; answers the caller and the cookie's line.
async fn browser(world: &World) -> (Caller, String) {
    let form = json!({"name": "Ada", "email": "ada@example.org", "password": PASSWORD});
    let answer = world.nobody().post("/sign-up", form).await;
    let cookie = answer.header("set-cookie").to_owned();
    let caller = Caller { cookie: answer.cookie(), ..world.nobody() };
    answer.is(StatusCode::CREATED).await;
    (caller, cookie)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_one_administers_and_stays_signed_in() {
    let world = World::new().await;
    let state = world.nobody().get("/sign-up").await.ok().await;
    assert_eq!(state, json!({"first": true, "open": true}));
    world.nobody().get("/me").await.problem(StatusCode::UNAUTHORIZED, "not_signed_in").await;
    let (ada, cookie) = browser(&world).await;
    for part in ["mycorr_session=", "; Path=/", "; HttpOnly", "; SameSite=Lax"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "plain http");
    let me = ada.get("/me").await.ok().await;
    assert_eq!((&me["email"], &me["admin"]), (&json!("ada@example.org"), &json!(true)));
    let state = world.nobody().get("/sign-up").await.ok().await;
    assert_eq!(state["first"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_tls_the_cookie_is_secure() {
    let world =
        World::with(Settings { public_url: Some("https://m.example.com".into()), ..Settings::default() })
            .await;
    let (_, cookie) = browser(&world).await;
    assert!(cookie.ends_with("; Secure"), "{cookie}");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_and_out() {
    let world = World::new().await;
    browser(&world).await;
    let caller = world.nobody();
    let wrong = json!({"email": "ada@example.org", "password": "wrong"});
    caller.post("/sign-in", wrong).await.problem(StatusCode::UNAUTHORIZED, "sign_in_failed").await;
    let right = json!({"email": "ada@example.org", "password": PASSWORD});
    let answer = caller.post("/sign-in", right).await;
    let caller = Caller { cookie: answer.cookie(), ..caller };
    answer.ok().await;
    caller.get("/me").await.ok().await;
    let out = caller.request(Method::POST, "/sign-out").header("sec-fetch-site", "same-origin");
    let answer = caller.send(out).await;
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    answer.is(StatusCode::NO_CONTENT).await;
    caller.get("/me").await.problem(StatusCode::UNAUTHORIZED, "not_signed_in").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_changes_nothing_from_another_site() {
    let world = World::new().await;
    let (ada, _) = browser(&world).await;
    let create = |headers: &[(&'static str, &str)]| {
        let mut request = ada.with_body(Method::POST, "/models", &json!({"name": "M"}));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        ada.send(request)
    };
    async fn refused(answer: Answer) {
        answer.problem(StatusCode::FORBIDDEN, "cross_origin").await;
    }
    refused(create(&[]).await).await;
    refused(create(&[("sec-fetch-site", "cross-site")]).await).await;
    refused(create(&[("sec-fetch-site", "same-site")]).await).await;
    refused(create(&[("origin", "https://evil.example")]).await).await;
    create(&[("sec-fetch-site", "same-origin")]).await.is(StatusCode::CREATED).await;
    create(&[("origin", &world.url)]).await.is(StatusCode::CREATED).await;
    ada.get("/models").await.ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_are_named() {
    let world = World::new().await;
    let nobody = world.nobody();
    for (form, field) in [
        (json!({"email": "a@b", "password": PASSWORD}), "name"),
        (json!({"name": "A", "email": "no address", "password": PASSWORD}), "email"),
        (json!({"name": "A", "email": "a@b", "password": "short"}), "password"),
        (json!({"name": "A", "email": "a@b", "password": 12345678}), "password"),
        (json!({"name": "A", "email": "a@b", "password": PASSWORD, "admin": true}), "admin"),
    ] {
        let problem =
            nobody.post("/sign-up", form).await.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
        assert_eq!(problem["fields"][0]["field"], field, "{problem}");
        assert!(!problem.to_string().contains("12345678"), "what was sent is not repeated");
    }
    world.user("ada").await;
    let again = json!({"name": "Ada", "email": "ADA@example.org", "password": PASSWORD});
    nobody.post("/sign-up", again).await.problem(StatusCode::CONFLICT, "email_taken").await;
}

//! What a client can draw out or repeat has an end, and nobody else waits for it.

use crate::{PASSWORD, World};
use mycorr_server::Settings;
use reqwest::StatusCode;
use serde_json::json;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends `text` and goes on holding the connection.
#[allow(clippy::disallowed_methods, reason = "a client dials the server of the test")]
async fn half_sent(world: &World, text: &str) -> TcpStream {
    let address = world.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A connection that had to make room is closed under our hands.
    let _ = stream.write_all(text.as_bytes()).await;
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn half_sent_requests_leave_the_server_answering() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let mut held = Vec::new();
    for n in 0..2000 {
        held.push(match n % 3 {
            0 => half_sent(&world, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ").await,
            1 => half_sent(&world, "").await,
            _ => {
                let head = "POST /api/v1/sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
                            Content-Length: 50\r\n\r\n{\"email\":";
                half_sent(&world, head).await
            }
        });
    }
    let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
    for _ in 0..20 {
        let answer = client.get(format!("{}/healthz", world.url)).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "ok\n");
        ada.get("/me").await.ok().await;
    }
    // The oldest made room for the newest.
    let mut one = held.swap_remove(0);
    assert_eq!(one.read(&mut [0; 16]).await.unwrap_or(0), 0, "it was closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_sign_in_says_when_to_try_again() {
    let world = World::new().await;
    world.user("ada").await;
    let form = json!({"email": "ada@example.org", "password": "wrong"});
    for _ in 0..10 {
        let answer = world.nobody().post("/sign-in", form.clone()).await;
        answer.problem(StatusCode::UNAUTHORIZED, "sign_in_failed").await;
    }
    let answer = world.nobody().post("/sign-in", form).await;
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    answer.problem(StatusCode::TOO_MANY_REQUESTS, "too_many_requests").await;
}

async fn sign_in_from(world: &World, forwarded: &str, password: &str) -> StatusCode {
    let form = json!({"email": "ada@example.org", "password": password});
    let nobody = world.nobody();
    let request = nobody.with_body(reqwest::Method::POST, "/sign-in", &form);
    request.header("x-forwarded-for", forwarded).send().await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_clients_are_told_apart() {
    let settings = Settings { trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()], ..Settings::default() };
    let world = World::with(settings).await;
    world.user("ada").await;
    assert_eq!(sign_in_from(&world, "198.51.100.1", PASSWORD).await, StatusCode::OK);
    for n in 0..12 {
        sign_in_from(&world, &format!("1.2.3.4, 203.0.113.{n}"), "wrong").await;
    }
    assert_eq!(sign_in_from(&world, "203.0.113.99", PASSWORD).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        sign_in_from(&world, "198.51.100.1", PASSWORD).await,
        StatusCode::OK,
        "where she signed in before"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_says_of_its_address_is_not_believed() {
    let world = World::new().await;
    world.user("ada").await;
    for n in 0..10 {
        sign_in_from(&world, &format!("203.0.113.{n}"), "wrong").await;
    }
    assert_eq!(sign_in_from(&world, "198.51.100.1", PASSWORD).await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_names_than_ours_are_refused() {
    let world =
        World::with(Settings { public_url: Some("https://m.example.com".into()), ..Settings::default() })
            .await;
    let ask = async |host: &str, path: &str| {
        let client = reqwest::Client::new();
        client.get(format!("{}{path}", world.url)).header("host", host).send().await.unwrap()
    };
    for path in ["/", "/api/v1/sign-up", "/metrics", "/api/openapi.json"] {
        assert_eq!(ask("rebound.evil.example", path).await.status(), StatusCode::FORBIDDEN, "{path}");
        let answer = ask("m.example.com", path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
    }
    assert_eq!(ask("localhost:1", "/api/v1/sign-up").await.status(), StatusCode::OK);
    assert_eq!(ask("rebound.evil.example", "/healthz").await.status(), StatusCode::OK);
}

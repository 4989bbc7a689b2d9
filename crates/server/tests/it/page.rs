use crate::World;
use reqwest::{Client, StatusCode};

/// These hold whether the page has been built or not.
#[tokio::test(flavor = "multi_thread")]
async fn any_other_address_is_the_pages() {
    let world = World::new().await;
    let mut nonces = Vec::new();
    for path in ["/", "/models/x/import", "/index.html"] {
        let answer = reqwest::get(format!("{}{path}", world.url)).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "text/html; charset=utf-8");
        assert_eq!(header("cache-control"), "no-cache");
        let policy = header("content-security-policy");
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        let html = answer.text().await.unwrap();
        assert!(!html.contains("__NONCE__"));
        if html.contains("csp-nonce") {
            assert!(html.contains(&nonce));
        }
        nonces.push(nonce);
    }
    nonces.dedup();
    assert_eq!(nonces.len(), 3, "a nonce is used once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_asset_is_no_page() {
    let world = World::new().await;
    let client = Client::new();
    let answer = client.get(format!("{}/assets/old-12345678.js", world.url)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let answer = client.get(format!("{}/assets/../Cargo.toml", world.url)).send().await.unwrap();
    assert!(!answer.text().await.unwrap().contains("[package]"));
    let answer = client.post(format!("{}/", world.url)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
}
#[tokio::test(flavor = "multi_thread")]
async fn json_is_compressed_for_clients_that_take_it() {
    let world = World::new().await;
    let client = Client::new();
    let get = async |path: &str, takes: &str| {
        client.get(format!("{}{path}", world.url)).header("accept-encoding", takes).send().await.unwrap()
    };
    let plain = get("/api/openapi.json", "identity").await;
    assert!(!plain.headers().contains_key("content-encoding"));
    let length = plain.bytes().await.unwrap().len();
    for coding in ["br", "gzip"] {
        let answer = get("/api/openapi.json", coding).await;
        assert_eq!(answer.headers()["content-encoding"], coding);
        assert_eq!(answer.headers()["vary"], "accept-encoding");
        assert!(answer.bytes().await.unwrap().len() * 5 < length);
    }
    // Too small to gain by it.
    assert!(!get("/healthz", "br").await.headers().contains_key("content-encoding"));
}

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

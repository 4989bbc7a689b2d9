//! Jobs of all Models together.

use crate::{Caller, World, models::imported};
use reqwest::StatusCode;
use serde_json::{Value, json};

fn ids(list: &Value) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect()
}

/// The next event of a stream of jobs.
async fn next_job(stream: &mut crate::Answer, text: &mut String) -> Value {
    loop {
        if let Some((event, rest)) = text.split_once("\n\n") {
            let (event, rest) = (event.to_owned(), rest.to_owned());
            *text = rest;
            if let Some(data) = event.strip_prefix("event: job\ndata: ") {
                return serde_json::from_str(data).unwrap();
            }
            continue;
        }
        let chunk = stream.response.chunk().await.unwrap().expect("the stream goes on");
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_all_models_are_listed_and_filtered() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int)");
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let (one, two) = (imported(&world, &ada, "t").await, imported(&world, &ada, "t").await);
    let id = |begun: &Value| begun["job"]["id"].as_str().unwrap().to_owned();
    let all = ada.get("/jobs").await.ok().await;
    assert_eq!(ids(&all), [id(&two), id(&one)], "newest first");
    let first = ada.get("/jobs?limit=1").await.ok().await;
    assert_eq!(ids(&first), [id(&two)]);
    let next = first["next"].as_str().unwrap();
    assert_eq!(ids(&ada.get(&format!("/jobs?limit=1&after={next}")).await.ok().await), [id(&one)]);
    assert_eq!(ids(&ada.get("/jobs?state=queued&state=running").await.ok().await), Vec::<String>::new());
    assert_eq!(ids(&ada.get("/jobs?state=failed&state=succeeded").await.ok().await).len(), 2);
    let model = one["table"]["model_id"].as_str().unwrap();
    let of_model = format!("/jobs?model_id={model}");
    assert_eq!(ids(&ada.get(&of_model).await.ok().await), [id(&one)]);

    assert_eq!(ids(&bob.get("/jobs").await.ok().await), Vec::<String>::new());
    bob.get(&of_model).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    for wrong in ["state=done", "model_id=x", "limit=0", "after=x"] {
        let answer = ada.get(&format!("/jobs?{wrong}")).await;
        answer.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
    }
    for path in ["/jobs", "/jobs/events"] {
        let answer = world.nobody().get(path).await;
        answer.problem(StatusCode::UNAUTHORIZED, "not_signed_in").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_stream_tells_of_each_job_from_its_beginning_to_its_end() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 3)");
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let before = imported(&world, &ada, "t").await;
    let stream = async |caller: &Caller| {
        let stream = caller.get("/jobs/events").await;
        assert_eq!(stream.header("content-type"), "text/event-stream");
        stream
    };
    let (mut hers, mut text) = (stream(&ada).await, String::new());
    let mut his = stream(&bob).await;
    let table = before["table"]["id"].as_str().unwrap();
    for _ in 0..2 {
        let begun =
            ada.post(&format!("/tables/{table}/sync"), json!({})).await.is(StatusCode::ACCEPTED).await;
        loop {
            let told = next_job(&mut hers, &mut text).await;
            assert_eq!(told["id"], begun["job"]["id"], "what was over before is not told");
            if told["finished_at"].is_string() {
                assert_eq!((&told["state"], &told["rows"]), (&json!("succeeded"), &json!(3)));
                break;
            }
        }
    }
    // Nobody else's jobs, though time enough has passed to hear of them.
    let silence = tokio::time::timeout(std::time::Duration::from_millis(1500), async {
        next_job(&mut his, &mut String::new()).await
    });
    assert!(silence.await.is_err());
}

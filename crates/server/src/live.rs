//! A test told step by step: who asks with `Accept: text/event-stream` gets an event for each step as it is over,
//! and the answer as the last one.

use crate::{
    problem::{ApiError, ProblemBody},
    routes::report::Step,
};
use axum::{
    Json,
    http::{HeaderMap, StatusCode, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use mycorr_engine::StepSender;
use serde::Serialize;
use std::convert::Infallible;
use tokio::sync::mpsc;

/// Runs `work`, which is given where to tell its steps. The answer's event is called `name`, or `problem`.
pub(crate) async fn live<T, W>(
    headers: &HeaderMap,
    name: &'static str,
    status: StatusCode,
    work: impl FnOnce(StepSender) -> W,
) -> Result<Response, ApiError>
where
    T: Serialize + Send + 'static,
    W: Future<Output = Result<T, ApiError>> + Send + 'static,
{
    if !wants_events(headers) {
        return Ok((status, Json(work(None).await?)).into_response());
    }
    let (told, mut steps) = mpsc::unbounded_channel();
    let mut work = Box::pin(work(Some(told)));
    // What is refused before the first step is answered as ever.
    let first = tokio::select! {
        biased;
        Some(step) = steps.recv() => step,
        done = &mut work => return Ok((status, Json(done?)).into_response()),
    };
    let events = async_stream::stream! {
        yield step_event(first);
        let done = loop {
            tokio::select! {
                biased;
                Some(step) = steps.recv() => yield step_event(step),
                done = &mut work => break done,
            }
        };
        while let Ok(step) = steps.try_recv() {
            yield step_event(step);
        }
        yield match done {
            Ok(value) => event(name, &value),
            Err(error) => event("problem", &ProblemBody::from(error)),
        };
    };
    // Proxies that collect answers would hold the events back.
    let headers = [("x-accel-buffering", "no")];
    Ok((headers, Sse::new(events).keep_alive(KeepAlive::default())).into_response())
}

fn wants_events(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|range| range.split(';').next().unwrap_or_default().trim() == "text/event-stream")
}

fn step_event(step: mycorr_engine::Step) -> Result<Event, Infallible> {
    event("step", &Step::from(step))
}

fn event(name: &str, value: &impl Serialize) -> Result<Event, Infallible> {
    let data = serde_json::to_string(value).expect("an answer is plain JSON");
    Ok(Event::default().event(name).data(data))
}

//! What is around every request: its id, its log line, its figures, the security headers, and the last word
//! on failures.

use crate::{
    App,
    body_drain::BodyDrain,
    extract, host,
    problem::{self, ApiError},
};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use mycorr_domain::{Code, Problem};
use mycorr_traces::{Span, SpanKind};
use std::{panic::AssertUnwindSafe, time::Instant};
use tracing::Instrument;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(crate) async fn wrap(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = Uuid::now_v7().to_string();
    let method = request.method().clone();
    let api = is_api(request.uri().path());
    // Monitors ask by whatever name they have, and learn nothing there.
    let monitor = matches!(request.uri().path(), "/healthz" | "/readyz");
    let public_url = app.settings.public_url.as_deref();
    let ours = monitor || host::is_ours(request.headers(), request.uri(), public_url);
    // The route and not the path: a path holds what people call their tables.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| if api { "none" } else { "page" }.to_owned());
    let trace = api.then(|| traced(&request, &id, &route));
    let span = tracing::info_span!("request", id, %method, route);
    let (request, rest) = BodyDrain::attach(request);
    let response = async {
        let answer = if ours {
            AssertUnwindSafe(next.run(request)).catch_unwind().await
        } else {
            drop(request);
            Ok(ApiError::from(host::refused()).into_response())
        };
        rest.discard().await;
        let response = answer.unwrap_or_else(|panic| ApiError::from(panicked(&*panic)).into_response());
        let mut response = problem::render(framework_errors(response), &id);
        add_headers(&mut response, &id, api);
        if app.settings.is_https() {
            let year = HeaderValue::from_static("max-age=31536000");
            response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, year);
        }
        let milliseconds = started.elapsed().as_millis() as u64;
        tracing::debug!(status = response.status().as_u16(), milliseconds, "answered");
        response
    };
    let response = response.instrument(span);
    let response = match trace {
        Some(trace) => trace.clone().around(async move { ended(&trace, response.await) }).await,
        None => response.await,
    };
    app.metrics.count(response.status(), started.elapsed());
    response
}

/// The span of a request, up to the head of its answer. Where its client has begun a trace, it goes on with that.
fn traced(request: &Request, id: &str, route: &str) -> Span {
    let parent = request.headers().get("traceparent").and_then(|header| header.to_str().ok());
    let method = request.method();
    let span = Span::continued(SpanKind::Server, format_args!("{method} {route}"), parent);
    span.note("http.request.method", method);
    span.note("http.route", &route);
    span.note("mycorr.request.id", &id);
    span
}

fn ended(span: &Span, response: Response) -> Response {
    let status = response.status();
    span.count("http.response.status_code", status.as_u16().into());
    if status.is_server_error() {
        span.fail_with(&status.as_u16());
    }
    response
}

pub(crate) fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Problem {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Problem::bug(text.unwrap_or_else(|| "a panic that says nothing".to_owned()))
}

/// Refusals that the framework makes by itself, in our words.
fn framework_errors(response: Response) -> Response {
    let problem = match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::new(Code::MethodNotAllowed, "This address exists, but not for this method.")
                .fix("Look the methods up in /api/openapi.json.")
        }
        StatusCode::PAYLOAD_TOO_LARGE => extract::too_large(),
        _ => return response,
    };
    if response.extensions().get::<ApiError>().is_some() {
        return response;
    }
    let allow = response.headers().get(header::ALLOW).cloned();
    let mut own = ApiError::from(problem).into_response();
    if let Some(allow) = allow {
        own.headers_mut().insert(header::ALLOW, allow);
    }
    own
}

fn add_headers(response: &mut Response, id: &str, api: bool) {
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::REFERRER_POLICY, "same-origin");
    // The page brings its own; nothing else is to be shown as a document that can do something.
    set(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    if api {
        set(header::CACHE_CONTROL, "no-store");
    }
    headers.insert(REQUEST_ID, HeaderValue::from_str(id).expect("an id is letters, digits and hyphens"));
}

//! `/healthz`, `/readyz`, `/metrics`: no account needed, nothing private in them.

use crate::{App, problem::ApiError};
use axum::{extract::State, http::header, response::IntoResponse};

/// The process lives.
#[utoipa::path(get, path = "/healthz", tag = "operating", security(()),
    responses((status = OK, body = String, content_type = "text/plain")))]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The process can serve: what it stores is stored.
#[utoipa::path(get, path = "/readyz", tag = "operating", security(()),
    responses((status = OK, body = String, content_type = "text/plain")))]
pub(crate) async fn readyz(State(app): State<App>) -> Result<&'static str, ApiError> {
    app.engine.ready().await?;
    Ok("ready\n")
}

/// Counters in the Prometheus text format.
#[utoipa::path(get, path = "/metrics", tag = "operating", security(()),
    responses((status = OK, body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(State(app): State<App>) -> Result<impl IntoResponse, ApiError> {
    let text = app.metrics.text(&app.engine, app.settings.more_metrics.as_ref()).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text))
}

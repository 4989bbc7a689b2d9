//! `/connections/sample`: the operator's source for whoever has none at hand.

use super::connections::Connection;
use crate::{App, authentication::Caller, live::live, problem::ApiError};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use mycorr_domain::Problem;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sample {
    /// What the connection would be called; null where the operator has named no source.
    #[schema(required)]
    name: Option<String>,
}

/// Whether the operator has named a source to try Mycorr with.
#[utoipa::path(get, path = "/connections/sample", tag = "connections", responses((status = OK, body = Sample)))]
pub(crate) async fn get_sample(State(app): State<App>, _caller: Caller) -> Json<Sample> {
    Json(Sample { name: app.settings.sample.as_ref().map(|sample| sample.name().to_owned()) })
}

/// Tests and saves a connection of the caller's to the operator's sample, as `POST /connections` does.
#[utoipa::path(post, path = "/connections/sample", tag = "connections",
    responses((status = CREATED, body = Connection)))]
pub(crate) async fn connect_sample(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let sample = app.settings.sample.as_ref().ok_or_else(|| Problem::not_found("sample"))?;
    let form = sample.form()?;
    live(&headers, "connection", StatusCode::CREATED, |live| async move {
        Ok(Connection::from(app.engine.connections.create_connection(caller.id(), form.into(), live).await?))
    })
    .await
}

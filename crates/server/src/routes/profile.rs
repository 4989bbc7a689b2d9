//! `/tables/{id}/profile`.

use crate::{
    App,
    authentication::Caller,
    extract::{Path, Query},
    problem::ApiError,
};
use axum::{extract::State, response::Response};
use mycorr_domain::{Problem, TableId, profile};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What the columns of a version hold, made from all its rows while they were written.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Profile {
    version: i64,
    rows: u64,
    columns: Vec<ColumnProfile>,
}

/// Values are texts as PostgreSQL prints them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ColumnProfile {
    name: String,
    nulls: u64,
    /// How many different values that are not null; within some per cent unless `distinct_is_exact`.
    distinct: u64,
    distinct_is_exact: bool,
    /// By the order of the type; null where there are no values, or that order can't be followed over so many.
    #[schema(required)]
    min: Option<String>,
    #[schema(required)]
    max: Option<String>,
    /// Of numbers that are all finite.
    #[schema(required)]
    mean: Option<f64>,
    /// Of numbers, dates and timestamps: bars of equal width, counted exactly. Infinity and NaN are in none.
    histogram: Vec<Bar>,
    /// The values that are found most, counted exactly; empty where too many are different.
    top: Vec<TopValue>,
}

/// Values from `from` on, up to but not including `to`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Bar {
    from: String,
    to: String,
    rows: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TopValue {
    value: String,
    rows: u64,
}

impl ColumnProfile {
    fn new(name: String, column: profile::ColumnProfile) -> Self {
        let bar = |profile::Bar { from, to, rows }| Bar { from, to, rows };
        let top = |profile::TopValue { value, rows }| TopValue { value, rows };
        Self {
            name,
            nulls: column.nulls,
            distinct: column.distinct,
            distinct_is_exact: column.distinct_is_exact,
            min: column.min,
            max: column.max,
            mean: column.mean,
            histogram: column.histogram.into_iter().map(bar).collect(),
            top: column.top.into_iter().map(top).collect(),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProfileParams {
    /// The newest when left out.
    version: Option<i64>,
}

/// What the columns of a version hold: nulls, different values, extremes, mean, histogram and the values found most.
#[utoipa::path(get, path = "/tables/{id}/profile", tag = "tables", params(("id" = Uuid, Path), ProfileParams),
    responses((status = OK, body = Profile)))]
pub(crate) async fn get_profile(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
    Query(params): Query<ProfileParams>,
) -> Result<Response, ApiError> {
    let (version, profile) = app.engine.tables.profile(caller.id(), id, params.version).await?;
    let names = version.columns.iter().map(|column| column.name.clone());
    let columns = names.zip(profile.columns).map(|(name, column)| ColumnProfile::new(name, column));
    let answer = Profile { version: version.version, rows: profile.rows, columns: columns.collect() };
    let json = serde_json::to_vec(&answer).map_err(Problem::bug)?;
    drop(answer);
    Ok(app.large_answers.answer("application/json", json).await?)
}

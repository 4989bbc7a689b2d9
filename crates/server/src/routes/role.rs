//! `/connections/role-script`: the SQL that makes the read-only role.

use super::connections::ConnectionKind;
use crate::{
    App,
    authentication::Caller,
    extract::{Body, Query},
    problem::ApiError,
};
use axum::{Json, extract::State};
use mycorr_domain::Problem;
use mycorr_engine as engine;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RoleScriptParams {
    /// The same for both.
    #[param(inline)]
    #[allow(dead_code)]
    kind: Option<ConnectionKind>,
    #[param(example = "mycorr_reader")]
    username: Option<String>,
    #[param(example = "shop")]
    database: Option<String>,
    /// Separated by commas; `public` when left out.
    #[param(example = "public,sales")]
    schemas: Option<String>,
}

/// SQL that makes the read-only role.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoleScript {
    sql: String,
}

/// The SQL that makes the read-only role.
#[utoipa::path(get, path = "/connections/role-script", tag = "connections", params(RoleScriptParams),
    responses((status = OK, body = RoleScript)))]
pub(crate) async fn get_role_script(
    _caller: Caller,
    Query(params): Query<RoleScriptParams>,
) -> Json<RoleScript> {
    let schemas: Vec<String> =
        filled(params.schemas, "public").split(',').map(|s| s.trim().to_owned()).collect();
    let username = filled(params.username, "mycorr_reader");
    let database = filled(params.database, "your_db");
    Json(RoleScript { sql: engine::role_script(&username, &database, &schemas, None) })
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateRoleScript {
    /// The same for both.
    #[allow(dead_code)]
    kind: Option<ConnectionKind>,
    #[schema(example = "mycorr_reader")]
    username: Option<String>,
    #[schema(example = "shop")]
    database: Option<String>,
    /// `public` when left out.
    #[schema(max_items = 1000)]
    schemas: Option<Vec<String>>,
}

/// A role with a password made up for it. Nothing is stored: it is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewRoleScript {
    password: String,
    /// Holds the password's SCRAM-SHA-256 verifier, with which nobody can sign in.
    sql: String,
    /// Plain text for the database's administrator, the SQL in it.
    handout: String,
}

/// The same with a strong password made up, and in a form to hand to an administrator.
#[utoipa::path(post, path = "/connections/role-script", tag = "connections", request_body = CreateRoleScript,
    responses((status = OK, body = NewRoleScript)))]
pub(crate) async fn create_role_script(
    State(app): State<App>,
    _caller: Caller,
    Body(form): Body<CreateRoleScript>,
) -> Result<Json<NewRoleScript>, ApiError> {
    let schemas = form.schemas.unwrap_or_else(|| vec!["public".to_owned()]);
    if schemas.len() > 1000 {
        return Err(Problem::invalid("schemas", "At most 1,000 schemas at a time.").into());
    }
    let username = filled(form.username, "mycorr_reader");
    let role = app.engine.connections.new_role(&username, &filled(form.database, "your_db"), &schemas)?;
    Ok(Json(NewRoleScript {
        password: role.password.expose().to_owned(),
        sql: role.sql,
        handout: role.handout,
    }))
}

fn filled(text: Option<String>, default: &str) -> String {
    text.filter(|text| !text.trim().is_empty()).unwrap_or_else(|| default.to_owned())
}

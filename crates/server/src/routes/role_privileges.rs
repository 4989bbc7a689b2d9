//! `/connections/{id}/passport`: what the connection's role may do.

use super::browse::DeniedLookup;
use crate::{App, authentication::Caller, extract::Path, problem::ApiError};
use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use mycorr_domain::ConnectionId;
use mycorr_engine as engine;
use serde::Serialize;
use utoipa::ToSchema;

/// What the role may do at the source.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Rights {
    schemas: Vec<SchemaRights>,
    /// Rights that a reader does not need.
    excess: Vec<Excess>,
    /// Parts of PostgreSQL's catalogue that the server keeps from the role, so that not all is known.
    denied: Vec<DeniedLookup>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SchemaRights {
    name: String,
    /// Whether the role has USAGE on it.
    usage: bool,
    tables: u64,
    /// Tables of which at least one column can be read.
    readable: u64,
    /// Tables in which row-level security may hide rows from the role.
    row_security: u64,
    /// The SQL that opens the rest; null where nothing is shut.
    #[schema(required)]
    grant: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Excess {
    what: String,
    /// The SQL that takes it away and nothing else; null for what no REVOKE takes away without taking reading away.
    #[schema(required)]
    revoke: Option<String>,
}

impl From<engine::RolePrivileges> for Rights {
    fn from(passport: engine::RolePrivileges) -> Self {
        let schema = |schema: engine::SchemaRights| SchemaRights {
            name: schema.name,
            usage: schema.usage,
            tables: schema.tables,
            readable: schema.readable,
            row_security: schema.row_security,
            grant: schema.grant,
        };
        let excess = |excess: engine::Excess| Excess { what: excess.what, revoke: excess.revoke };
        Self {
            schemas: passport.schemas.into_iter().map(schema).collect(),
            excess: passport.excess.into_iter().map(excess).collect(),
            denied: passport.denied.into_iter().map(DeniedLookup::from).collect(),
        }
    }
}

/// The role's rights as they were seen last: when the connection was tested, at a sync, or when asked for.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct RolePrivileges {
    /// null if they were never seen.
    #[schema(required)]
    checked_at: Option<DateTime<Utc>>,
    #[serde(flatten)]
    rights: Rights,
    /// What was different from the time before, newest first.
    changes: Vec<RightsChange>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RightsChange {
    at: DateTime<Utc>,
    /// In a sentence.
    what: String,
}

impl From<engine::SeenPrivileges> for RolePrivileges {
    fn from(seen: engine::SeenPrivileges) -> Self {
        Self {
            checked_at: Some(seen.checked_at),
            rights: seen.passport.into(),
            changes: seen
                .changes
                .into_iter()
                .map(|change| RightsChange { at: change.at, what: change.what })
                .collect(),
        }
    }
}

/// What the role may read, what it may not, and what it has too much of, as it was seen last.
#[utoipa::path(get, path = "/connections/{id}/passport", tag = "connections", params(("id" = Uuid, Path)),
    responses((status = OK, body = RolePrivileges)))]
pub(crate) async fn get_passport(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
) -> Result<Json<RolePrivileges>, ApiError> {
    Ok(Json(
        app.engine.connections.passport(caller.id(), id).await?.map(RolePrivileges::from).unwrap_or_default(),
    ))
}

/// The same, asked at the source now.
#[utoipa::path(post, path = "/connections/{id}/passport", tag = "connections", params(("id" = Uuid, Path)),
    responses((status = OK, body = RolePrivileges)))]
pub(crate) async fn check_passport(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
) -> Result<Json<RolePrivileges>, ApiError> {
    Ok(Json(app.engine.connections.check_passport(caller.id(), id).await?.into()))
}

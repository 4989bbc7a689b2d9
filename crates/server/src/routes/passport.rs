//! `/connections/{id}/passport`: what the connection's role may do.

use crate::{App, caller::Caller, extract::Path, problem::ApiError};
use axum::{Json, extract::State};
use mycorr_domain::ConnectionId;
use mycorr_engine as engine;
use serde::Serialize;
use utoipa::ToSchema;

/// What the role may do at the source.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Passport {
    schemas: Vec<SchemaRights>,
    /// Rights that a reader does not need.
    excess: Vec<Excess>,
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
    /// The SQL that takes it away.
    revoke: String,
}

impl From<engine::Passport> for Passport {
    fn from(passport: engine::Passport) -> Self {
        Self {
            schemas: passport
                .schemas
                .into_iter()
                .map(|schema| SchemaRights {
                    name: schema.name,
                    usage: schema.usage,
                    tables: schema.tables,
                    readable: schema.readable,
                    row_security: schema.row_security,
                    grant: schema.grant,
                })
                .collect(),
            excess: passport
                .excess
                .into_iter()
                .map(|excess| Excess { what: excess.what, revoke: excess.revoke })
                .collect(),
        }
    }
}

/// What the role may read, what it may not, and what it has too much of. Asked at the source each time.
#[utoipa::path(get, path = "/connections/{id}/passport", tag = "connections", params(("id" = Uuid, Path)),
    responses((status = OK, body = Passport)))]
pub(crate) async fn get_passport(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
) -> Result<Json<Passport>, ApiError> {
    Ok(Json(app.engine.passport(caller.id(), id).await?.into()))
}

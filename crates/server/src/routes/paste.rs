//! `/connections/parse`: a connection string that somebody pasted, as the form's fields. Stores and logs nothing.

use super::connections::ConnectionKind;
use crate::{authentication::Caller, extract::Body, problem::ApiError};
use axum::Json;
use mycorr_domain::Secret;
use mycorr_engine::paste;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paste {
    /// A `postgres://` URL, a libpq keyword string, a `psql` command line, a JDBC URL, …
    #[schema(value_type = String)]
    text: Secret,
}

/// The form's fields as far as the text names them.
#[derive(Serialize, ToSchema)]
pub(crate) struct Pasted {
    kind: ConnectionKind,
    #[schema(required)]
    host: Option<String>,
    #[schema(required)]
    port: Option<u16>,
    #[schema(required)]
    database: Option<String>,
    #[schema(required)]
    username: Option<String>,
    /// As it was pasted, for the form that it was pasted into.
    #[schema(required)]
    password: Option<String>,
    encrypted: bool,
    #[schema(required)]
    supabase: Option<Supabase>,
    /// What the form cannot take over, or takes over in another way than it stands there.
    warnings: Vec<String>,
}

/// What the host and the user say of a Supabase project.
#[derive(Serialize, ToSchema)]
pub(crate) struct Supabase {
    #[schema(required)]
    project_ref: Option<String>,
    #[schema(required)]
    region: Option<String>,
    endpoint: SupabaseEndpoint,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SupabaseEndpoint {
    Direct,
    SessionPooler,
    TransactionPooler,
}

impl From<paste::Pasted> for Pasted {
    fn from(pasted: paste::Pasted) -> Self {
        Self {
            kind: pasted.kind.into(),
            host: pasted.host,
            port: pasted.port,
            database: pasted.database,
            username: pasted.username,
            password: pasted.password.map(|password| password.expose().to_owned()),
            encrypted: pasted.encrypted,
            supabase: pasted.supabase.map(|supabase| Supabase {
                project_ref: supabase.project_ref,
                region: supabase.region,
                endpoint: match supabase.endpoint {
                    paste::SupabaseEndpoint::Direct => SupabaseEndpoint::Direct,
                    paste::SupabaseEndpoint::SessionPooler => SupabaseEndpoint::SessionPooler,
                    paste::SupabaseEndpoint::TransactionPooler => SupabaseEndpoint::TransactionPooler,
                },
            }),
            warnings: pasted.warnings,
        }
    }
}

/// Reads a pasted connection string.
#[utoipa::path(post, path = "/connections/parse", tag = "connections", request_body = Paste,
    responses((status = OK, body = Pasted)))]
pub(crate) async fn parse_connection(
    _caller: Caller,
    Body(paste): Body<Paste>,
) -> Result<Json<Pasted>, ApiError> {
    Ok(Json(paste::parse(paste.text.expose())?.into()))
}

//! `/models/{id}/relations`: how the tables of a Model refer to one another.

use super::List;
use crate::{App, authentication::Caller, extract::Path, problem::ApiError};
use axum::{Json, extract::State};
use mycorr_domain::ModelId;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A foreign key of a table, as it was at the source when the table's newest version was read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Relation {
    name: String,
    table_id: Uuid,
    columns: Vec<String>,
    to_schema: String,
    to_table: String,
    /// The table of the Model that holds what is referred to; null where none does.
    #[schema(required)]
    to_table_id: Option<Uuid>,
    /// Its columns, in the order of `columns`; empty where no table of the Model holds them.
    to_columns: Vec<String>,
}

impl From<mycorr_engine::Relation> for Relation {
    fn from(relation: mycorr_engine::Relation) -> Self {
        let mycorr_engine::Relation { name, table, columns, to_schema, to_table, to } = relation;
        let (to_table_id, to_columns) = to.map(|(id, columns)| (*id.as_uuid(), columns)).unzip();
        Self {
            name,
            table_id: *table.as_uuid(),
            columns,
            to_schema,
            to_table,
            to_table_id,
            to_columns: to_columns.unwrap_or_default(),
        }
    }
}

/// The foreign keys of a Model's tables, and which tables of the Model they lead to.
#[utoipa::path(get, path = "/models/{id}/relations", tag = "models", params(("id" = Uuid, Path)),
    responses((status = OK, body = List<Relation>)))]
pub(crate) async fn list_relations(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ModelId>,
) -> Result<Json<List<Relation>>, ApiError> {
    Ok(Json(List::all(app.engine.models.relations(caller.id(), id).await?)))
}

//! Something that people are told of.

use super::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "notices")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub at: i64,
    pub kind: String,
    pub model_id: Option<Uuid>,
    pub model_name: String,
    pub table_id: Option<Uuid>,
    pub table_name: String,
    pub job_id: Option<Uuid>,
    /// Why a sync failed.
    pub code: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
}
no_relations!();

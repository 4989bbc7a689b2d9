//! Something that somebody did.

use super::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub at: i64,
    pub actor_id: Option<Uuid>,
    pub action: String,
    pub model_id: Option<Uuid>,
    pub object: String,
    pub detail: String,
    pub audited: bool,
}
no_relations!();

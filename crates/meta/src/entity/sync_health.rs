//! A table whose syncs fail, until one succeeds.

use super::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "sync_health")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub table_id: Uuid,
    pub failure_told: bool,
    pub stale_told: bool,
}
no_relations!();

//! A version that is gone for everybody, and whose files are still to be removed.

use super::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "dropped_versions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub table_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub store_version: i64,
    /// That made it.
    pub job_id: Uuid,
}
no_relations!();

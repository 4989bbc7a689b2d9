//! A table that is gone from `tables` and whose files are still to be removed.

use super::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "removed_tables")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub table_id: Uuid,
    pub due_at: i64,
}
no_relations!();

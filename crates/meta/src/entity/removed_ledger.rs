//! A connection that is gone from `connections` and whose ledger is still to be removed.

use super::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "removed_ledgers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub connection_id: Uuid,
}
no_relations!();

//! Who is told.

use super::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "notice_readers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub notice_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    pub read_at: Option<i64>,
}
no_relations!();

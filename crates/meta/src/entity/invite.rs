//! An account that somebody may make by a link, once.

use super::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "invites")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub hash: Vec<u8>,
    pub email: String,
    pub invited_by: Uuid,
    pub created_at: i64,
    pub expires_at: i64,
}
no_relations!();

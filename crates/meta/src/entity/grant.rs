//! What a person, a team or an invitation may do with a Model or a table: one of each three is set.

use super::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "grants")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub model_id: Option<Uuid>,
    pub table_id: Option<Uuid>,
    pub user_id: Option<Uuid>,
    pub team_id: Option<Uuid>,
    pub invite_id: Option<Uuid>,
    /// The rank of an `Access`.
    pub access: i32,
    pub created_at: i64,
}
no_relations!();

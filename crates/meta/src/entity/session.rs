use super::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub hash: Vec<u8>,
    pub user_id: Uuid,
    pub created_at: i64,
    pub expires_at: i64,
    /// To the minute.
    pub last_seen_at: Option<i64>,
    /// From where it was used last.
    pub address: Option<String>,
    /// What the browser calls itself.
    pub agent: Option<String>,
}
belongs_to!(user by UserId);

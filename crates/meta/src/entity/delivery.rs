//! A message on its way.

use super::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "deliveries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub notice_id: Option<Uuid>,
    pub channel: String,
    pub kind: String,
    /// Whose webhook it is for.
    pub model_id: Option<Uuid>,
    /// The mailbox that it is for.
    pub address: Option<String>,
    pub body: String,
    pub data_key: Option<Vec<u8>>,
    /// What of it is secret, until it has arrived.
    pub sealed: Option<Vec<u8>>,
    pub state: String,
    pub attempts: i32,
    /// When the next attempt is due; null for none.
    pub next_at: Option<i64>,
    /// What the receiver of the last attempt answered.
    pub status: Option<i32>,
    pub error: Option<String>,
    pub created_at: i64,
    pub finished_at: Option<i64>,
}
no_relations!();

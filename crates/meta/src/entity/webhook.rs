//! Where the notices of a Model go.

use super::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "webhooks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub model_id: Uuid,
    pub url: String,
    /// Null for all.
    pub kinds: Option<String>,
    pub data_key: Vec<u8>,
    pub secret: Vec<u8>,
    pub created_at: i64,
}
no_relations!();

//! The key under which a Model's values are hashed, sealed.

use super::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "mask_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub model_id: Uuid,
    pub data_key: Vec<u8>,
    pub sealed: Vec<u8>,
}
no_relations!();

//! An entry of the ledger. Its text is in `statement_texts`.

use super::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "ledger")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub connection_id: Uuid,
    pub at: i64,
    pub template: String,
    pub text_hash: Uuid,
    pub parameters: String,
    pub purpose: String,
    pub actor_id: Uuid,
    pub job_id: Option<Uuid>,
    pub rows: i64,
    pub bytes: i64,
    pub milliseconds: i64,
    pub outcome: String,
    /// While the statement runs: until when its process has to say that it lives.
    pub open_until: Option<i64>,
}
no_relations!();

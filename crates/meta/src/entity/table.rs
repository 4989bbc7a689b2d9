use super::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "tables")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub model_id: Uuid,
    pub name: String,
    pub created_at: i64,
    /// The newest version's number; null until the first import is done.
    pub head: Option<i64>,
    pub connection_id: Option<Uuid>,
    pub source_schema: String,
    pub source_table: String,
    /// The names of the columns to read; null for all that can be read.
    pub source_columns: Option<String>,
    /// Conditions and masks, in JSON; null for none.
    pub source_selection: Option<String>,
    pub synced_at: Option<i64>,
    /// In JSON; null where nobody set one.
    pub sync_policy: Option<String>,
}
belongs_to!(model by ModelId);

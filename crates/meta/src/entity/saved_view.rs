use super::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "saved_views")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub table_id: Uuid,
    pub name: String,
    /// Filters, sort, columns and widths, in JSON.
    pub look: String,
    pub saved_by: Option<Uuid>,
    pub saved_at: i64,
}
belongs_to!(user by SavedBy);

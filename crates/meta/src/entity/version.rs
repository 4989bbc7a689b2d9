use super::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "versions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub table_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i64,
    pub store_version: i64,
    pub columns: String,
    /// What was read, and from where, in JSON; null for versions that were made before this was kept.
    pub source: Option<String>,
    pub rows: i64,
    /// Of the files that it added.
    pub bytes: i64,
    pub cause: String,
    pub restored_version: Option<i64>,
    pub job_id: Uuid,
    pub created_by: Option<Uuid>,
    pub created_at: i64,
    /// The name under which it is kept.
    pub checkpoint: Option<String>,
    /// The newest comparison with its source, in JSON.
    pub receipt: Option<String>,
    pub verified_at: Option<i64>,
    /// Of all its files; null for versions that were made before files were shared, whose `bytes` these are.
    pub size_bytes: Option<i64>,
}
belongs_to!(user by CreatedBy);

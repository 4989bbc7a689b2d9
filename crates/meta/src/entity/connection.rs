use super::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "connections")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub owner_id: Uuid,
    pub kind: String,
    pub name: String,
    pub host: String,
    pub port: i32,
    pub database: String,
    pub username: String,
    pub encrypted: bool,
    pub data_key: Vec<u8>,
    pub password: Vec<u8>,
    pub ca_certificate: Option<Vec<u8>>,
    pub ca_subject: Option<String>,
    pub ca_not_after: Option<i64>,
    pub ca_sha256: Option<String>,
    pub created_at: i64,
    pub last_tested_at: Option<i64>,
    pub last_test_ok: Option<bool>,
    pub server_version: Option<String>,
    pub limit_bytes_per_second: Option<i64>,
    pub limit_imports: Option<i64>,
    pub limit_minutes: Option<i64>,
    /// As the role's passport was seen last, in JSON that `engine` reads.
    pub passport: Option<String>,
    pub statements_retention_days: i64,
    /// `owner` where nobody else may sync through it.
    pub sync_by: Option<String>,
    /// Who may take it over.
    pub transfer_to: Option<Uuid>,
    pub max_connections: i64,
}
no_relations!();

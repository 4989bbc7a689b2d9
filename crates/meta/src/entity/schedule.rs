//! When a table is synced.

use super::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "schedules")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub table_id: Uuid,
    pub cron: String,
    pub time_zone: String,
    pub jitter_seconds: i32,
    /// In whose name it syncs.
    pub set_by: Uuid,
    /// When it is due; null while it is paused.
    pub next_at: Option<i64>,
    /// What the clock said when that was computed.
    pub computed_at: i64,
    pub paused_at: Option<i64>,
    /// The failure that paused it; null where a person did.
    pub pause_problem: Option<String>,
    /// In a row, of those that do not pass by themselves.
    pub failures: i32,
    /// In a row, after failures that do.
    pub retries: i32,
}
no_relations!();

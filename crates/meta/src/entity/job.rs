use super::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kind: String,
    pub state: String,
    pub model_id: Uuid,
    pub table_id: Uuid,
    pub table_name: String,
    pub connection_id: Option<Uuid>,
    pub source_schema: String,
    pub source_table: String,
    pub source_columns: Option<String>,
    pub source_selection: Option<String>,
    /// Which version a restore brings back.
    pub restored_version: Option<i64>,
    pub requested_by: Uuid,
    pub queued_at: i64,
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
    pub estimated_rows: Option<i64>,
    /// What the source is being read into: needed when a second run finds the first one's commit.
    pub columns: Option<String>,
    /// What is being read, with them.
    pub source: Option<String>,
    pub rows: i64,
    pub bytes: i64,
    pub version: Option<i64>,
    pub problem: Option<String>,
    pub cancelled: bool,
    pub lease_until: Option<i64>,
    pub fence: i64,
    /// How often it was begun, but for those that ended gracefully.
    pub attempts: i64,
    #[sea_orm(column_name = "held_back")]
    pub waiting_for: Option<String>,
    /// How many it read through, and why not through more.
    pub connections: Option<i64>,
    pub connections_note: Option<String>,
    /// Whether a comparison follows.
    pub verify: bool,
    pub receipt: Option<String>,
    /// When it was due by the table's schedule; null for one that somebody asked for.
    pub scheduled_for: Option<i64>,
    /// What a sync staged that was held, and why, in JSON.
    pub held: Option<String>,
    /// Who decided that it becomes a version.
    pub accepted_by: Option<Uuid>,
    /// What it is about to add to what is stored for the Model's owner; counts while it runs.
    pub reserved_bytes: Option<i64>,
    /// Of a comparison: what the source made of the rows under the snapshot of their import, in JSON.
    pub source_checksums: Option<String>,
    /// Of the span that asked for it, as W3C Trace Context writes it.
    pub traceparent: Option<String>,
}
no_relations!();

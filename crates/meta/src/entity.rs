//! The tables of the metadata, as sea-orm sees them; [`crate::migration`] makes them. Times are microseconds
//! since 1970 in UTC, so that both back ends compare them alike. Lists and problems are JSON text.

#![allow(unreachable_pub)] // sea-orm's derives want `pub`

use sea_orm::entity::prelude::*;

macro_rules! no_relations {
    () => {
        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}
        impl ActiveModelBehavior for ActiveModel {}
    };
}

/// Relates `$column` to the primary key of `$other`.
macro_rules! belongs_to {
    ($other:ident by $column:ident) => {
        #[derive(Copy, Clone, Debug, EnumIter)]
        pub enum Relation {
            Other,
        }
        impl RelationTrait for Relation {
            fn def(&self) -> RelationDef {
                Entity::belongs_to(super::$other::Entity)
                    .from(Column::$column)
                    .to(super::$other::Column::Id)
                    .into()
            }
        }
        impl Related<super::$other::Entity> for Entity {
            fn to() -> RelationDef {
                Relation::Other.def()
            }
        }
        impl ActiveModelBehavior for ActiveModel {}
    };
}

/// One row, once the first account was made: whoever inserts it is the administrator.
pub mod first_admin {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "founder")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub at: i64,
    }
    no_relations!();
}

pub mod user {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "users")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub email: String,
        pub name: String,
        pub password_hash: String,
        pub admin: bool,
        pub created_at: i64,
        pub disabled_at: Option<i64>,
    }
    no_relations!();
}

pub mod session {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "sessions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub hash: Vec<u8>,
        pub user_id: Uuid,
        pub created_at: i64,
        pub expires_at: i64,
        /// To the minute.
        pub last_seen_at: Option<i64>,
        /// From where it was used last.
        pub address: Option<String>,
        /// What the browser calls itself.
        pub agent: Option<String>,
    }
    belongs_to!(user by UserId);
}

/// Who a person is to a provider at which they sign in.
pub mod identity {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "identities")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub user_id: Uuid,
        pub issuer: String,
        pub subject: String,
        pub email: Option<String>,
        pub created_at: i64,
        pub last_used_at: Option<i64>,
    }
    belongs_to!(user by UserId);
}

/// A link to a new password, good once.
pub mod password_reset {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "password_resets")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub hash: Vec<u8>,
        pub user_id: Uuid,
        pub expires_at: i64,
    }
    belongs_to!(user by UserId);
}

pub mod token {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "tokens")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub hash: Vec<u8>,
        pub user_id: Uuid,
        pub name: String,
        pub created_at: i64,
        pub expires_at: Option<i64>,
        pub last_used_at: Option<i64>,
        /// `read` for one that changes nothing.
        pub access: Option<String>,
        /// The one Model that it is for.
        pub model_id: Option<Uuid>,
    }
    belongs_to!(user by UserId);
}

pub mod model {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "models")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub owner_id: Uuid,
        pub name: String,
        pub created_at: i64,
    }
    belongs_to!(user by OwnerId);
}

/// The key under which a Model's values are hashed, sealed.
pub mod mask_key {
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
}

pub mod connection {
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
}

pub mod table {
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
}

/// A version that is gone for everybody, and whose files are still to be removed.
pub mod dropped {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "dropped_versions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub table_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub store_version: i64,
        /// That made it.
        pub job_id: Uuid,
    }
    no_relations!();
}

pub mod version {
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
}

pub mod saved_view {
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
}

/// A table that is gone from `tables` and whose files are still to be removed.
pub mod removed {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "removed_tables")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub table_id: Uuid,
        pub due_at: i64,
    }
    no_relations!();
}

/// The highest fence that was given.
pub mod fence {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "fences")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub value: i64,
    }
    no_relations!();
}

pub mod job {
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
    }
    no_relations!();
}

/// When a table is synced.
pub mod schedule {
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
}

/// An entry of the ledger. Its text is in `statement_texts`.
pub mod statement {
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
}

pub mod statement_text {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "statement_texts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub connection_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub hash: Uuid,
        pub text: String,
    }
    no_relations!();
}

/// A connection that is gone from `connections` and whose ledger is still to be removed.
pub mod removed_ledger {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "removed_ledgers")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub connection_id: Uuid,
    }
    no_relations!();
}

pub mod team {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "teams")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
        pub created_at: i64,
    }
    no_relations!();
}

pub mod team_member {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "team_members")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub team_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        pub role: String,
        pub created_at: i64,
    }
    belongs_to!(user by UserId);
}

/// An account that somebody may make by a link, once.
pub mod invite {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "invites")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub hash: Vec<u8>,
        pub email: String,
        pub invited_by: Uuid,
        pub created_at: i64,
        pub expires_at: i64,
    }
    no_relations!();
}

/// A team that who takes an invitation belongs to.
pub mod invite_team {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "invite_teams")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub invite_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub team_id: Uuid,
        pub role: String,
    }
    belongs_to!(invite by InviteId);
}

/// What a person, a team or an invitation may do with a Model or a table: one of each three is set.
pub mod grant {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "grants")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub model_id: Option<Uuid>,
        pub table_id: Option<Uuid>,
        pub user_id: Option<Uuid>,
        pub team_id: Option<Uuid>,
        pub invite_id: Option<Uuid>,
        /// The rank of an `Access`.
        pub access: i32,
        pub created_at: i64,
    }
    no_relations!();
}

/// Something that people are told of.
pub mod notice {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "notices")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub at: i64,
        pub kind: String,
        pub model_id: Option<Uuid>,
        pub model_name: String,
        pub table_id: Option<Uuid>,
        pub table_name: String,
        pub job_id: Option<Uuid>,
        /// Why a sync failed.
        pub code: Option<String>,
        /// Who did it.
        pub actor: Option<String>,
    }
    no_relations!();
}

/// Who is told.
pub mod notice_reader {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "notice_readers")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub notice_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        pub read_at: Option<i64>,
    }
    no_relations!();
}

/// A table whose syncs fail, until one succeeds.
pub mod sync_health {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "sync_health")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub table_id: Uuid,
        pub failure_told: bool,
        pub stale_told: bool,
    }
    no_relations!();
}

/// Where the notices of a Model go.
pub mod webhook {
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
}

/// A message on its way.
pub mod delivery {
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
}

/// One row: until when processes that send mail have promised to.
pub mod outbox_setting {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "outbox_settings")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub mail_until: i64,
    }
    no_relations!();
}

/// Something that somebody did.
pub mod event {
    use super::*;
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "events")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub at: i64,
        pub actor_id: Option<Uuid>,
        pub action: String,
        pub model_id: Option<Uuid>,
        pub object: String,
        pub detail: String,
        pub audited: bool,
    }
    no_relations!();
}

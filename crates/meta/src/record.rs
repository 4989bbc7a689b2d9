//! What is read from the metadata, as plain values.

use chrono::{DateTime, Utc};
use mycorr_domain::{
    Code, Column, ConnectionId, ConnectionKind, DeliveryId, Endpoint, EventId, IdentityId, InviteId, JobId,
    MemberId, ModelId, NoticeId, Problem, Receipt, Selection, SessionId, SourceRecord, StatementId,
    StoreVersion, SyncPolicy, TableId, TeamId, TokenId, UserId,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Enums that are stored as the words that the HTTP contract uses.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($variant),+ }

        impl $name {
            /// All of them.
            #[allow(dead_code, reason = "not every list is asked for")]
            pub(crate) const WORDS: &[&str] = &[$($text),+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
            pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(Problem::bug(format!("{text:?} is no {}", stringify!($name)))),
                }
            }
        }
    )+};
}

/// What a person may do with a Model, from little to much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    Viewer = 1,
    Collaborator = 2,
    Owner = 3,
}

impl Access {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Collaborator => "collaborator",
            Self::Owner => "owner",
        }
    }

    /// As it is stored and compared in SQL.
    pub(crate) const fn rank(self) -> i32 {
        self as i32
    }

    pub(crate) const fn of_rank(rank: i32) -> Option<Self> {
        match rank {
            1 => Some(Self::Viewer),
            2 => Some(Self::Collaborator),
            3 => Some(Self::Owner),
            _ => None,
        }
    }
}

words! {
    JobKind { Import = "import", Sync = "sync", Restore = "restore", Verify = "verify" }
    JobState {
        Queued = "queued", Running = "running", Succeeded = "succeeded", Failed = "failed", Cancelled = "cancelled",
        Held = "held",
    }
    /// What a job waits for: a limit of its connection, or room where tables are stored.
    WaitingFor { BytesPerSecond = "bytes_per_second", Imports = "imports", Storage = "storage" }
    TeamRole { Member = "member", Admin = "admin" }
    /// Who may sync tables that come through a connection: its owner alone, or who may change the table.
    SyncBy { Owner = "owner", Collaborators = "collaborators" }
    /// What was done.
    Action {
        ModelCreated = "model.created",
        ModelRenamed = "model.renamed",
        ModelTransferred = "model.transferred",
        ModelDeleted = "model.deleted",
        TableImported = "table.imported",
        TableSynced = "table.synced",
        TableRestored = "table.restored",
        SyncHeld = "table.sync_held",
        SyncAccepted = "table.sync_accepted",
        SyncDiscarded = "table.sync_discarded",
        SyncPolicyChanged = "table.sync_policy_changed",
        VersionsDeleted = "table.versions_deleted",
        TableRenamed = "table.renamed",
        TableDeleted = "table.deleted",
        SourceChanged = "table.source_changed",
        ScheduleSet = "table.schedule_set",
        SchedulePaused = "table.schedule_paused",
        ScheduleDeleted = "table.schedule_deleted",
        MemberAdded = "member.added",
        MemberRemoved = "member.removed",
        AccountCreated = "account.created",
        AccountDisabled = "account.disabled",
        AccountEnabled = "account.enabled",
        AdminGranted = "account.admin_granted",
        AdminRevoked = "account.admin_revoked",
        PasswordChanged = "account.password_changed",
        PasswordResetMade = "account.password_reset_made",
        IdentityAdded = "account.identity_added",
        IdentityRemoved = "account.identity_removed",
        TokenCreated = "token.created",
        TokenDeleted = "token.deleted",
        InviteCreated = "invite.created",
        InviteDeleted = "invite.deleted",
        ConnectionCreated = "connection.created",
        ConnectionChanged = "connection.changed",
        ConnectionDeleted = "connection.deleted",
        ConnectionOffered = "connection.offered",
        ConnectionTransferred = "connection.transferred",
        TeamCreated = "team.created",
        TeamDeleted = "team.deleted",
        TeamMemberAdded = "team.member_added",
        TeamMemberRemoved = "team.member_removed",
    }
    TokenAccess { Read = "read", Write = "write" }
    /// What people are told of.
    NoticeKind {
        SyncFailed = "sync_failed",
        SyncHeld = "sync_held",
        TableStale = "table_stale",
        SyncRecovered = "sync_recovered",
        Shared = "shared",
        Transferred = "transferred",
    }
    /// On which way a notice leaves.
    Channel { Webhook = "webhook", Mail = "mail" }
    DeliveryState { Pending = "pending", Delivered = "delivered", Failed = "failed" }
    /// What a statement was sent for.
    Purpose { Test = "test", Browse = "browse", Preview = "preview", Import = "import", Sync = "sync", Verify = "verify" }
}

impl JobState {
    /// Whether nothing happens to the job by itself any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled | Self::Held)
    }
}

#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub email: String,
    pub admin: bool,
    pub created_at: DateTime<Utc>,
    pub disabled: bool,
}

/// A way to sign in besides a password.
#[derive(Clone, Debug)]
pub struct LinkedIdentity {
    pub id: IdentityId,
    pub issuer: String,
    /// As the provider said at the last sign-in.
    pub email: Option<String>,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug)]
pub struct Token {
    pub id: TokenId,
    pub name: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    /// To the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    pub scope: TokenScope,
}

/// What a token may do of what its person may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenScope {
    pub access: TokenAccess,
    /// Only what is in this Model.
    pub model: Option<ModelId>,
}

impl TokenScope {
    /// All that its person may do.
    pub const ALL: Self = Self { access: TokenAccess::Write, model: None };
}

/// A browser in which a person is signed in.
#[derive(Clone, Debug)]
pub struct SessionInfo {
    pub id: SessionId,
    pub created_at: DateTime<Utc>,
    /// To the minute.
    pub last_seen_at: DateTime<Utc>,
    /// From where it was used last; `None` for one that was begun before this was kept.
    pub address: Option<String>,
    pub agent: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub id: ModelId,
    pub name: String,
    pub owner: User,
    pub access: Access,
    /// How many tables it has that can be read.
    pub tables: u64,
    pub created_at: DateTime<Utc>,
}

/// The certificate that a person pasted, without the PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaSummary {
    pub subject: String,
    pub not_after: DateTime<Utc>,
    /// In hexadecimal.
    pub sha256: String,
}

/// What a connection's owner allows Mycorr to ask of the database; `None` is no ceiling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub bytes_per_second: Option<u64>,
    /// At a time.
    pub imports: Option<u64>,
    /// Of one import.
    pub minutes: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct Connection {
    pub id: ConnectionId,
    pub owner: UserId,
    pub kind: ConnectionKind,
    pub name: String,
    pub endpoint: Endpoint,
    pub ca_certificate: Option<CaSummary>,
    pub created_at: DateTime<Utc>,
    pub last_tested_at: Option<DateTime<Utc>>,
    pub last_test_ok: Option<bool>,
    pub server_version: Option<String>,
    pub limits: Limits,
    pub sync_by: SyncBy,
    /// How long entries of its ledger are kept.
    pub statements_retention_days: u64,
    /// How many connections one import may open.
    pub max_connections: u64,
    /// How many tables name it as their source.
    pub used_by: u64,
}

#[derive(Clone, Debug)]
pub struct Team {
    pub id: TeamId,
    pub name: String,
    /// The caller's.
    pub role: TeamRole,
    pub members: u64,
    pub created_at: DateTime<Utc>,
}

/// Who belongs to a team, or will when an invitation is taken.
#[derive(Clone, Debug)]
pub struct TeamMember {
    pub who: Who,
    pub role: TeamRole,
}

/// A person, a team, or an e-mail address that was invited.
#[derive(Clone, Debug)]
pub enum Who {
    User(User),
    Team(TeamId, String),
    Invite(InviteId, String),
}

/// Who may see a Model or a table.
#[derive(Clone, Debug)]
pub struct Member {
    /// `None` for the owner, and for who may see it through a team alone.
    pub id: Option<MemberId>,
    pub who: Who,
    /// Of several grants the highest.
    pub access: Access,
    /// The team that gives a person this access, where no grant of their own gives as much.
    pub via: Option<String>,
}

/// Something that somebody did.
#[derive(Clone, Debug)]
pub struct Event {
    pub id: EventId,
    pub at: DateTime<Utc>,
    /// `None` for the operator, and when the account is gone.
    pub actor: Option<User>,
    pub action: Action,
    /// To what: a name for who may see the thing, else an id.
    pub object: String,
    pub detail: String,
}

/// An invitation that was not taken yet.
#[derive(Clone, Debug)]
pub struct Invite {
    pub id: InviteId,
    pub email: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// A table that comes through a connection.
#[derive(Clone, Debug)]
pub struct Dependent {
    pub table: TableId,
    pub name: String,
    pub model: ModelId,
    pub model_name: String,
    pub schema: String,
    pub source_table: String,
    pub synced_at: Option<DateTime<Utc>>,
}

/// Where a table comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// `None` when the connection was deleted, and for who does not own it.
    pub connection: Option<ConnectionId>,
    /// Whether there is one.
    pub has_connection: bool,
    pub schema: String,
    pub table: String,
    /// The columns that were chosen; `None` for all that can be read.
    pub columns: Option<Vec<String>>,
    pub selection: Selection,
}

#[derive(Clone, Debug)]
pub struct Table {
    pub id: TableId,
    pub model: ModelId,
    pub name: String,
    pub created_at: DateTime<Utc>,
    /// `None` until the first import is done.
    pub head: Option<Version>,
    pub source: Source,
    /// When the newest import or sync finished.
    pub synced_at: Option<DateTime<Utc>>,
    /// The job that is queued or running.
    pub job: Option<JobId>,
    /// The sync that waits for a decision.
    pub held: Option<JobId>,
    pub sync_policy: SyncPolicy,
}

/// A version of a table, numbered from 1. It never changes.
#[derive(Clone, Debug)]
pub struct Version {
    pub table: TableId,
    pub version: i64,
    pub store: StoreVersion,
    pub columns: Arc<[Column]>,
    /// `None` for one that was made before this was kept.
    pub source: Option<SourceRecord>,
    pub rows: u64,
    /// Of the files that it added to those of the versions before it.
    pub bytes: u64,
    /// Of all its files.
    pub size_bytes: u64,
    pub cause: JobKind,
    pub restored_version: Option<i64>,
    /// `None` when the account is gone.
    pub created_by: Option<User>,
    pub created_at: DateTime<Utc>,
    /// The name under which it is kept.
    pub checkpoint: Option<String>,
    /// The newest comparison with its source, and when it was made.
    pub receipt: Option<(DateTime<Utc>, Receipt)>,
}

impl Version {
    /// Stands for the number of what is held: it is none of the table's versions.
    pub const HELD: i64 = 0;
}

/// A version of a table as a person names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionName {
    Number(i64),
    /// What a held sync would make.
    Held,
}

#[derive(Clone, Debug)]
pub struct Job {
    pub id: JobId,
    pub kind: JobKind,
    pub state: JobState,
    pub model: ModelId,
    pub table: TableId,
    pub table_name: String,
    pub source: Source,
    pub requested_by: UserId,
    pub queued_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub estimated_rows: Option<u64>,
    pub rows: u64,
    pub bytes: u64,
    pub waiting_for: Option<WaitingFor>,
    /// How many connections it reads through, once that is known.
    pub connections: Option<u64>,
    /// Why not through as many as the connection's owner allows.
    pub connections_note: Option<String>,
    pub version: Option<i64>,
    /// What a comparison came to.
    pub receipt: Option<Receipt>,
    pub problem: Option<Problem>,
}

/// When a table is synced without anybody asking.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Five fields.
    pub cron: String,
    /// What they say, in English.
    pub description: String,
    /// By its name in the IANA database.
    pub time_zone: String,
    pub jitter_seconds: u32,
    /// `None` while it is paused.
    pub next_run_at: Option<DateTime<Utc>>,
    pub paused_at: Option<DateTime<Utc>>,
    /// The failure that paused it; `None` where a person did.
    pub pause_problem: Option<Problem>,
    /// How often in a row it was tried again after failures that pass by themselves.
    pub retries: u32,
    pub last_run: Option<Job>,
}

/// Something that people are told of.
#[derive(Clone, Debug)]
pub struct Notice {
    pub id: NoticeId,
    pub at: DateTime<Utc>,
    pub kind: NoticeKind,
    pub model: Option<ModelId>,
    /// As it was called then.
    pub model_name: String,
    pub table: Option<TableId>,
    pub table_name: String,
    pub job: Option<JobId>,
    /// Why a sync failed.
    pub code: Option<Code>,
    /// Who did it.
    pub actor: Option<String>,
    pub read_at: Option<DateTime<Utc>>,
}

/// Where the notices of a Model go.
#[derive(Clone, Debug)]
pub struct Webhook {
    pub url: String,
    /// `None` for all.
    pub kinds: Option<Vec<NoticeKind>>,
    pub created_at: DateTime<Utc>,
    /// The newest, newest first.
    pub deliveries: Vec<Delivery>,
}

/// A notice on its way to a webhook.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub id: DeliveryId,
    pub notice: Option<NoticeId>,
    pub kind: NoticeKind,
    pub state: DeliveryState,
    pub attempts: u32,
    /// What the receiver of the last attempt answered; `None` where no answer came.
    pub status: Option<u16>,
    /// Why the last attempt failed.
    pub problem: Option<Problem>,
    pub created_at: DateTime<Utc>,
    pub next_attempt_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// A statement that was sent to a source.
#[derive(Clone, Debug)]
pub struct Statement {
    pub id: StatementId,
    pub at: DateTime<Utc>,
    pub template: String,
    pub statement: String,
    pub parameters: Vec<String>,
    pub purpose: Purpose,
    /// The e-mail address; `None` when the account is gone.
    pub actor: Option<String>,
    pub job: Option<JobId>,
    pub rows: u64,
    pub bytes: u64,
    pub milliseconds: u64,
    pub outcome: String,
}

/// A problem as a job keeps it: what a person reads, and nothing that is for the log.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredProblem {
    code: String,
    detail: String,
    fix: Option<String>,
    fields: Vec<(String, String)>,
}

impl From<&Problem> for StoredProblem {
    fn from(problem: &Problem) -> Self {
        Self {
            code: problem.code.as_str().to_owned(),
            detail: problem.detail.clone(),
            fix: problem.fix.clone(),
            fields: problem.fields.iter().map(|f| (f.field.to_string(), f.message.clone())).collect(),
        }
    }
}

impl From<StoredProblem> for Problem {
    fn from(stored: StoredProblem) -> Self {
        let mut problem = Problem::new(Code::parse(&stored.code).unwrap_or(Code::Internal), stored.detail);
        problem.fix = stored.fix;
        stored.fields.into_iter().fold(problem, |problem, (field, message)| problem.field(field, message))
    }
}

//! What is read from the metadata, as plain values.

mod notices;
mod people;
mod tables;

pub use notices::*;
pub use people::*;
pub use tables::*;

use mycorr_domain::{Code, Problem};
use serde::{Deserialize, Serialize};

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

//! Accounts and what is theirs: sessions, tokens, Models, connections, teams, invitations, and what they did.

use super::{Access, Action, SyncBy, TeamRole, TokenAccess};
use chrono::{DateTime, Utc};
use mycorr_domain::{
    ConnectionId, ConnectionKind, Endpoint, EventId, IdentityId, InviteId, MemberId, ModelId, SessionId,
    TeamId, TokenId, UserId,
};

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

//! Ids: UUIDv7 (RFC 9562), so that they sort by the time they were made. A type per thing, so that none is
//! taken for another.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id of this moment.
            #[allow(clippy::new_without_default)]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids!(
    /// A person with an account.
    UserId,
    /// A signed-in browser.
    SessionId,
    /// A bearer token for scripts.
    TokenId,
    /// Where and as whom Mycorr reads.
    ConnectionId,
    /// A workspace of tables, shared with teammates.
    ModelId,
    /// People who are shared with together.
    TeamId,
    /// Who a person is to a provider at which they sign in.
    IdentityId,
    /// A link by which somebody makes an account.
    InviteId,
    /// Who may see a Model or a table: a person, a team or an invitation.
    MemberId,
    /// A table of a Model.
    TableId,
    /// An import or a sync, queued or over.
    JobId,
    /// Something that somebody did.
    EventId,
    /// Something that people are told of.
    NoticeId,
    /// A notice on its way to one receiver.
    DeliveryId,
    /// A way to look at a table that was given a name.
    ViewId,
    /// A statement in the ledger.
    StatementId,
);

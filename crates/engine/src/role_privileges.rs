//! What a connection's role may do, as it was seen last, and how that changed. Looked at when a connection is
//! tested, when its owner asks, and at every sync.

use crate::Connections;
use chrono::{DateTime, Utc};
use mycorr_domain::{Code, ConnectionId, Problem, Result, UserId};
use mycorr_meta::{Connection, Purpose};
use mycorr_pgread::RolePrivileges;
use serde::{Deserialize, Serialize};

/// A passport as it was seen last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenPrivileges {
    pub checked_at: DateTime<Utc>,
    pub passport: RolePrivileges,
    /// Newest first.
    pub changes: Vec<RightsChange>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightsChange {
    pub at: DateTime<Utc>,
    /// In a sentence.
    pub what: String,
}

/// So many changes are remembered.
const MAX_CHANGES: usize = 50;

impl Connections {
    /// As it was seen last; `None` if it never was.
    ///
    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn passport(&self, user: UserId, id: ConnectionId) -> Result<Option<SeenPrivileges>> {
        self.meta.connection(user, id).await?;
        read(self.meta.passport(id).await?.as_deref())
    }

    /// Asks at the source what the role may read, what it may not, and what it has too much of.
    ///
    /// # Errors
    /// `not_found`; as every look at the source.
    pub async fn check_passport(&self, user: UserId, id: ConnectionId) -> Result<SeenPrivileges> {
        let passport = self
            .ask(user, id, Purpose::Browse, |client| {
                Box::pin(async move {
                    client.try_lookups().await?;
                    client.passport().await
                })
            })
            .await?;
        self.note_passport(id, passport).await
    }

    /// A sign-in over a saved connection failed. A server does not say that a password has expired, but what was seen
    /// of the role before may.
    pub(crate) async fn sign_in_failed(&self, connection: &Connection, problem: Problem) -> Problem {
        if problem.code != Code::AuthenticationFailed {
            return problem;
        }
        let stored = self.meta.passport(connection.id).await.ok().flatten();
        match read(stored.as_deref()) {
            Ok(Some(seen)) => seen.passport.expired(problem, connection.endpoint.role(), Utc::now()),
            _ => problem,
        }
    }

    /// Remembers what was seen, and what is different from before.
    pub(crate) async fn note_passport(
        &self,
        id: ConnectionId,
        passport: RolePrivileges,
    ) -> Result<SeenPrivileges> {
        loop {
            let old = self.meta.passport(id).await?;
            let seen = seen(read(old.as_deref())?, passport.clone(), Utc::now());
            let new = serde_json::to_string(&seen).map_err(Problem::bug)?;
            if self.meta.replace_passport(id, old, new).await? {
                return Ok(seen);
            }
        }
    }
}

fn read(stored: Option<&str>) -> Result<Option<SeenPrivileges>> {
    stored.map(serde_json::from_str).transpose().map_err(Problem::bug)
}

fn seen(before: Option<SeenPrivileges>, passport: RolePrivileges, at: DateTime<Utc>) -> SeenPrivileges {
    let Some(before) = before else {
        return SeenPrivileges { checked_at: at, passport, changes: Vec::new() };
    };
    let what = passport.changes_since(&before.passport);
    let mut changes: Vec<_> = what.into_iter().map(|what| RightsChange { at, what }).collect();
    changes.extend(before.changes);
    changes.truncate(MAX_CHANGES);
    SeenPrivileges { checked_at: at, passport, changes }
}

//! Mycorr is no tool to scan ports or to guess passwords with: tests that fail are counted, for each person and for
//! each role at a database. A person who has signed in as the role before has an allowance of their own there, so that
//! nobody can lock another out. Counted in `meta`, so for all processes together.

use mycorr_domain::{Code, Endpoint, Problem, Result, UserId};
use mycorr_meta::{Charge, Meta, Rate};
use std::time::Duration;

/// Failed tests of one person: 40 in 15 minutes.
const PERSON: Rate = Rate { burst: 40, interval: Duration::from_millis(22_500) };
/// Refused sign-ins of one role at one database: 10 in 15 minutes.
const ROLE: Rate = Rate { burst: 10, interval: Duration::from_secs(90) };
/// How long it counts that a person signed in as a role.
const KNOWN_FOR: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// A test under way: counts as failed until it is known not to be.
pub(crate) struct ConnectionTestAttempt {
    person: String,
    role: String,
    known: String,
}

impl ConnectionTestAttempt {
    /// # Errors
    /// `too_many_requests`.
    pub(crate) async fn begin(meta: &Meta, user: UserId, endpoint: &Endpoint) -> Result<Self> {
        let Endpoint { host, port, username, .. } = endpoint;
        let place = format!("{}@{}:{}", username.as_str(), host.to_ascii_lowercase(), port.get());
        let known = format!("test-known:{user} {place}");
        let role = match meta.remembers(&known).await? {
            true => format!("test-role:{user} {place}"),
            false => format!("test-role:{place}"),
        };
        let person = format!("test-person:{user}");
        if let Charge::Refused(wait) = meta.charge(&role, ROLE).await? {
            let detail = "This database refused this role too often: more attempts could lock it.";
            return Err(Problem::too_many_requests(detail, wait));
        }
        if let Charge::Refused(wait) = meta.charge(&person, PERSON).await? {
            meta.refund(&role, ROLE).await?;
            return Err(Problem::too_many_requests("Too many of your tests of connections failed.", wait));
        }
        Ok(Self { person, role, known })
    }

    pub(crate) async fn end(self, meta: &Meta, problem: Option<&Problem>) -> Result<()> {
        if problem.is_none() {
            meta.refund(&self.person, PERSON).await?;
            meta.remember(&self.known, KNOWN_FOR).await?;
        }
        if problem.is_none_or(|problem| problem.code != Code::AuthenticationFailed) {
            meta.refund(&self.role, ROLE).await?;
        }
        Ok(())
    }

    /// It was not tried.
    pub(crate) async fn give_back(self, meta: &Meta) -> Result<()> {
        meta.refund(&self.person, PERSON).await?;
        meta.refund(&self.role, ROLE).await
    }
}

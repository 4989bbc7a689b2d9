//! Mycorr is no tool to scan ports or to guess passwords with: tests that fail are counted, for each person and
//! for each role at a database.

use crate::attempts::Attempts;
use mycorr_domain::{Code, Endpoint, Problem, Result, UserId};
use std::time::Duration;

/// Failed tests of one person within the window.
const OF_ONE: usize = 40;
/// Refused sign-ins of one role at one database within the window, whoever tries.
const OF_ROLE: usize = 10;
const WINDOW: Duration = Duration::from_secs(15 * 60);

pub(crate) struct Trials {
    tests: Attempts,
    sign_ins: Attempts,
}

/// A test under way: counts as failed until it is known not to be.
pub(crate) struct Trial<'a> {
    trials: &'a Trials,
    user: String,
    role: String,
}

impl Trials {
    pub(crate) fn new() -> Self {
        Self { tests: Attempts::new(OF_ONE, WINDOW), sign_ins: Attempts::new(OF_ROLE, WINDOW) }
    }

    /// # Errors
    /// `too_many_requests`.
    pub(crate) fn begin(&self, user: UserId, endpoint: &Endpoint) -> Result<Trial<'_>> {
        let Endpoint { host, port, username, .. } = endpoint;
        let user = user.to_string();
        let role = format!("{}@{}:{}", username.as_str(), host.to_ascii_lowercase(), port.get());
        let refused = |detail: &str| {
            Problem::new(Code::TooManyRequests, detail).fix("Wait fifteen minutes, then try again.")
        };
        if !self.sign_ins.begin(&role) {
            return Err(refused("This database refused this role too often: more attempts could lock it."));
        }
        if !self.tests.begin(&user) {
            self.sign_ins.take_back(&role);
            return Err(refused("Too many of your tests of connections failed."));
        }
        Ok(Trial { trials: self, user, role })
    }
}

impl Trial<'_> {
    pub(crate) fn end(self, problem: Option<&Problem>) {
        if problem.is_none() {
            self.trials.tests.take_back(&self.user);
        }
        if problem.is_none_or(|problem| problem.code != Code::AuthenticationFailed) {
            self.trials.sign_ins.take_back(&self.role);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mycorr_domain::{DatabaseName, Port, RoleName};

    fn endpoint(port: i64) -> Endpoint {
        Endpoint {
            host: "db.example.com".into(),
            port: Port::parse(port).unwrap(),
            database: DatabaseName::parse("shop").unwrap(),
            username: RoleName::parse("reader").unwrap(),
            encrypted: true,
        }
    }

    #[test]
    fn guessing_ends_for_everybody_and_scanning_for_who_scans() {
        let trials = Trials::new();
        let (ada, bob) = (UserId::new(), UserId::new());
        let wrong = Problem::new(Code::AuthenticationFailed, "");
        for _ in 0..OF_ROLE {
            trials.begin(ada, &endpoint(5432)).unwrap().end(Some(&wrong));
        }
        assert_eq!(trials.begin(bob, &endpoint(5432)).err().unwrap().code, Code::TooManyRequests);
        trials.begin(bob, &endpoint(5433)).unwrap().end(None);
        let refused = Problem::new(Code::ConnectionRefused, "");
        for port in 1..=(OF_ONE - OF_ROLE) as i64 {
            trials.begin(ada, &endpoint(port)).unwrap().end(Some(&refused));
        }
        assert_eq!(trials.begin(ada, &endpoint(99)).err().unwrap().code, Code::TooManyRequests);
        trials.begin(bob, &endpoint(99)).unwrap();
    }

    #[test]
    fn tests_that_go_well_are_not_counted() {
        let trials = Trials::new();
        let ada = UserId::new();
        for _ in 0..2 * OF_ONE {
            trials.begin(ada, &endpoint(5432)).unwrap().end(None);
        }
    }
}

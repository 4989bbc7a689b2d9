//! What a test of a connection found: its steps, and what the server showed along the way.

use crate::{
    role_privileges::RolePrivileges,
    tls::{CertificateInfo, Rule},
};
use mycorr_domain::Problem;
use mycorr_egress::Attempt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepName {
    Address,
    Connect,
    Encrypt,
    Authenticate,
    Database,
    Privileges,
}

impl StepName {
    pub const ALL: [Self; 6] =
        [Self::Address, Self::Connect, Self::Encrypt, Self::Authenticate, Self::Database, Self::Privileges];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Connect => "connect",
            Self::Encrypt => "encrypt",
            Self::Authenticate => "authenticate",
            Self::Database => "database",
            Self::Privileges => "privileges",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Warned,
    Failed,
    Skipped,
}

impl Outcome {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Warned => "warned",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub step: StepName,
    pub outcome: Outcome,
    pub milliseconds: u64,
    pub message: String,
    pub fix: Option<String>,
}

/// What was found out about the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFacts {
    pub version: String,
    /// A replica.
    pub in_recovery: bool,
    /// What stands in between, recognised by how it behaves, e.g. `a connection pooler in transaction mode`.
    pub pooler: Option<String>,
}

/// What TLS agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// E.g. `TLS 1.3`.
    pub version: String,
    pub cipher: &'static str,
}

#[derive(Clone, Debug, Default)]
pub struct Report {
    /// All six, in order.
    pub steps: Vec<Step>,
    /// Every address that was tried, in order.
    pub addresses: Vec<Attempt>,
    pub tls: Option<Tls>,
    /// The method by which the role signed in, e.g. `SCRAM-SHA-256-PLUS`.
    pub authentication: Option<&'static str>,
    pub server: Option<ServerFacts>,
    /// What the server showed, its own certificate first: accepted, or, if that is the problem, refused.
    pub certificates: Vec<CertificateInfo>,
    /// Why they were refused, if they were.
    pub broken_rule: Option<Rule>,
    /// What the role may do, if the test got so far.
    pub passport: Option<RolePrivileges>,
    /// Why the test failed; `None` if it passed.
    pub problem: Option<Problem>,
}

impl Report {
    pub fn ok(&self) -> bool {
        self.problem.is_none()
    }
}

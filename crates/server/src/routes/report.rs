//! What the test of a connection tells.

use super::role_privileges::Rights;
use crate::problem::{ApiError, ProblemBody};
use chrono::{DateTime, Utc};
use mycorr_engine as engine;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StepName {
    Address,
    Connect,
    Encrypt,
    Authenticate,
    Database,
    Privileges,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StepOutcome {
    Passed,
    Warned,
    Failed,
    Skipped,
}

/// One step of a test.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Step {
    step: StepName,
    outcome: StepOutcome,
    milliseconds: u64,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl From<engine::Step> for Step {
    fn from(step: engine::Step) -> Self {
        Self {
            step: match step.step {
                engine::StepName::Address => StepName::Address,
                engine::StepName::Connect => StepName::Connect,
                engine::StepName::Encrypt => StepName::Encrypt,
                engine::StepName::Authenticate => StepName::Authenticate,
                engine::StepName::Database => StepName::Database,
                engine::StepName::Privileges => StepName::Privileges,
            },
            outcome: match step.outcome {
                engine::StepOutcome::Passed => StepOutcome::Passed,
                engine::StepOutcome::Warned => StepOutcome::Warned,
                engine::StepOutcome::Failed => StepOutcome::Failed,
                engine::StepOutcome::Skipped => StepOutcome::Skipped,
            },
            milliseconds: step.milliseconds,
            message: step.message,
            fix: step.fix,
        }
    }
}

/// What the test learned of the server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServerFacts {
    version: String,
    /// true on a hot standby.
    in_recovery: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pooler: Option<String>,
}

/// What became of one address of the host.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AddressOutcome {
    Connected,
    Refused,
    NoAnswer,
    Unreachable,
    Failed,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TriedAddress {
    #[schema(example = "203.0.113.7")]
    address: String,
    outcome: AddressOutcome,
}

impl From<engine::Attempt> for TriedAddress {
    fn from(attempt: engine::Attempt) -> Self {
        Self {
            address: attempt.address.ip().to_string(),
            outcome: match attempt.outcome {
                engine::DialOutcome::Connected => AddressOutcome::Connected,
                engine::DialOutcome::Refused => AddressOutcome::Refused,
                engine::DialOutcome::TimedOut => AddressOutcome::NoAnswer,
                engine::DialOutcome::Unreachable => AddressOutcome::Unreachable,
                engine::DialOutcome::Failed(_) => AddressOutcome::Failed,
            },
        }
    }
}

/// What TLS agreed on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tls {
    #[schema(example = "TLS 1.3")]
    version: String,
    #[schema(example = "TLS_AES_256_GCM_SHA384")]
    cipher: String,
}

/// A certificate that the server showed, for an administrator to compare.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Certificate {
    subject: String,
    issuer: String,
    /// Subject alternative names: DNS names and IP addresses.
    names: Vec<String>,
    not_before: DateTime<Utc>,
    not_after: DateTime<Utc>,
    /// In hexadecimal.
    sha256: String,
}

impl From<engine::CertificateInfo> for Certificate {
    fn from(certificate: engine::CertificateInfo) -> Self {
        Self {
            subject: certificate.subject,
            issuer: certificate.issuer,
            names: certificate.names,
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            sha256: certificate.sha256,
        }
    }
}

/// Which rule a server's certificate broke.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CertificateRule {
    /// No trusted authority vouches for it.
    Untrusted,
    /// It is too weak, or not made for what it is used for.
    Unsound,
    Expired,
    NotYetValid,
    WrongHost,
}

impl From<engine::Rule> for CertificateRule {
    fn from(rule: engine::Rule) -> Self {
        match rule {
            engine::Rule::Untrusted => Self::Untrusted,
            engine::Rule::Unsound => Self::Unsound,
            engine::Rule::Expired => Self::Expired,
            engine::Rule::NotYetValid => Self::NotYetValid,
            engine::Rule::WrongHost => Self::WrongHost,
        }
    }
}

/// What a test that failed tells beside its problem.
#[derive(Clone, Debug)]
pub(crate) struct FailedTest {
    pub(crate) steps: Vec<Step>,
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) broken_rule: Option<CertificateRule>,
}

impl From<engine::Report> for FailedTest {
    fn from(report: engine::Report) -> Self {
        Self {
            steps: report.steps.into_iter().map(Step::from).collect(),
            certificates: report.certificates.into_iter().map(Certificate::from).collect(),
            broken_rule: report.broken_rule.map(CertificateRule::from),
        }
    }
}

/// What a test found out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestReport {
    ok: bool,
    steps: Vec<Step>,
    /// Every address that was tried, in order.
    addresses: Vec<TriedAddress>,
    /// null where the connection is not encrypted, or did not get so far.
    #[schema(required)]
    tls: Option<Tls>,
    /// How the role signed in.
    #[schema(required, example = "SCRAM-SHA-256-PLUS")]
    authentication: Option<String>,
    /// As it was verified, the server's own first; or as it was refused.
    certificates: Vec<Certificate>,
    #[schema(required)]
    broken_rule: Option<CertificateRule>,
    #[schema(required)]
    server: Option<ServerFacts>,
    /// What the role may do.
    #[schema(required)]
    passport: Option<Rights>,
    #[schema(required)]
    problem: Option<ProblemBody>,
}

impl From<engine::Report> for TestReport {
    fn from(report: engine::Report) -> Self {
        Self {
            ok: report.ok(),
            problem: report.problem.as_ref().map(ProblemBody::new),
            steps: report.steps.into_iter().map(Step::from).collect(),
            addresses: report.addresses.into_iter().map(TriedAddress::from).collect(),
            tls: report.tls.map(|tls| Tls { version: tls.version, cipher: tls.cipher.to_owned() }),
            authentication: report.authentication.map(str::to_owned),
            certificates: report.certificates.into_iter().map(Certificate::from).collect(),
            broken_rule: report.broken_rule.map(CertificateRule::from),
            passport: report.passport.map(Rights::from),
            server: report.server.map(|server| ServerFacts {
                version: server.version,
                in_recovery: server.in_recovery,
                pooler: server.pooler,
            }),
        }
    }
}

impl From<engine::Refused> for ApiError {
    fn from(refused: engine::Refused) -> Self {
        match refused.test {
            Some(report) => Self::of_test(refused.problem, (*report).into()),
            None => refused.problem.into(),
        }
    }
}

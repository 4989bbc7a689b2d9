//! Connections: tested before they are saved, sealed when they are.

mod replace_secrets;

use crate::{
    EngineDeps,
    connection_form::{
        ConnectionForm, Wrong, parse_ca, parse_max_connections, parse_password, parse_retention,
    },
    connection_test_limits::ConnectionTestAttempt,
    ledger::OpenEntries,
    secrets::Opened,
    source_concurrency::SourceConcurrency,
    source_limits, spawn_uncancellable,
};
use mycorr_domain::{
    ConnectionId, ConnectionKind, ConnectionName, Email, Endpoint, FieldProblem, Problem, Result, Secret,
    UserId,
};
use mycorr_egress::Dialer;
use mycorr_meta::{
    CaSummary, Connection, Dependent, Limits, Listed, Meta, NewConnection, Purpose, Statement, SyncBy,
    TestResult,
};
use mycorr_pgread::{
    Journal, MemoryJournal, Report, RolePrivileges, Step, Target, paste,
    tls::{CaCertificate, ProviderRoots},
};
use mycorr_vault::Vault;
use std::sync::Arc;
use tokio::sync::mpsc;

/// What of a saved connection is to be replaced.
#[derive(Default)]
pub struct Change {
    pub name: Option<String>,
    pub password: Option<Secret>,
    /// `Some(None)` removes it.
    pub ca_certificate: Option<Option<Secret>>,
    pub limits: Option<Limits>,
    pub sync_by: Option<SyncBy>,
    /// How long its ledger is kept.
    pub statements_retention_days: Option<u64>,
    /// How many connections one import may open.
    pub max_connections: Option<u64>,
}

/// Who is told of each step of a test as it is over.
pub type StepSender = Option<mpsc::UnboundedSender<Step>>;

/// Why a connection was not saved; with the steps if it was a test that failed.
#[derive(Debug)]
pub struct Refused {
    pub problem: Problem,
    pub test: Option<Box<Report>>,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self { problem, test: None }
    }
}

impl Refused {
    /// The report, if the test went well.
    fn unless_ok(report: Report) -> Result<Report, Box<Self>> {
        match &report.problem {
            Some(problem) => Err(Box::new(Self { problem: problem.clone(), test: Some(Box::new(report)) })),
            None => Ok(report),
        }
    }
}

pub(crate) fn summary(ca: &CaCertificate) -> CaSummary {
    let info = ca.summary();
    CaSummary { subject: info.subject, not_after: info.not_after, sha256: info.sha256 }
}

/// Saved places to read from: tested, sealed, browsed, with the ledger of what was asked there.
#[derive(Clone)]
pub struct Connections {
    pub(crate) meta: Meta,
    pub(crate) vault: Vault,
    pub(crate) dialer: Dialer,
    pub(crate) provider_roots: ProviderRoots,
    pub(crate) source_concurrency: Arc<SourceConcurrency>,
    pub(crate) open_entries: OpenEntries,
}

impl Connections {
    pub(crate) fn new(deps: &EngineDeps) -> Self {
        Self {
            meta: deps.meta.clone(),
            vault: deps.vault.clone(),
            dialer: deps.dialer.clone(),
            provider_roots: deps.provider_roots.clone(),
            source_concurrency: Arc::new(SourceConcurrency::new(&deps.meta)),
            open_entries: OpenEntries::default(),
        }
    }

    /// Tests what was filled in and stores nothing.
    ///
    /// # Errors
    /// `invalid`, `too_many_requests`. What the test finds is in the report.
    pub async fn test_form(&self, user: UserId, form: ConnectionForm, live: StepSender) -> Result<Report> {
        let kind = form.kind;
        let (_, target) = form.parse(self.provider_roots.clone())?;
        let connections = self.clone();
        // Left in the middle it would count as one that failed.
        let journal = Arc::new(MemoryJournal::default());
        spawn_uncancellable(async move { connections.probe(user, kind, target, journal, live).await }).await
    }

    /// Tests and saves. When the test fails nothing is stored.
    ///
    /// # Errors
    /// `invalid`, `too_many_requests`, what the test failed with; `storage_full`, `storage_unavailable`.
    pub async fn create_connection(
        &self,
        user: UserId,
        form: ConnectionForm,
        live: StepSender,
    ) -> Result<Connection, Refused> {
        let kind = form.kind;
        let (name, target) = form.parse(self.provider_roots.clone())?;
        let connections = self.clone();
        spawn_uncancellable(async move {
            let journal = Arc::new(MemoryJournal::default());
            let report = connections.probe(user, kind, target.clone(), journal.clone(), live).await?;
            let report = Refused::unless_ok(report).map_err(|refused| *refused)?;
            let id = ConnectionId::new();
            let (sealed, sealing) = connections.seal(id, &target.endpoint, &Opened::of(&target))?;
            let new = NewConnection {
                id,
                kind,
                name: &name,
                endpoint: &target.endpoint,
                sealed,
                ca_certificate: target.ca_certificate.as_ref().map(summary),
                server_version: report.server.map(|server| server.version),
            };
            let connection = connections.meta.create_connection(user, new).await?;
            drop(sealing);
            if let Err(problem) = connections.record_test(id, user, journal.take()).await {
                // A connection without the ledger of its test is not saved.
                connections.meta.delete_connection(user, id).await?;
                return Err(problem.into());
            }
            connections.remember_passport(id, report.passport).await;
            Ok(connection)
        })
        .await
    }

    /// Tests a saved connection, and notes how that ended.
    ///
    /// # Errors
    /// `not_found`, `secret_unreadable`, `too_many_requests`; `storage_full`, `storage_unavailable`.
    pub async fn test_connection(&self, user: UserId, id: ConnectionId, live: StepSender) -> Result<Report> {
        let connection = self.meta.connection(user, id).await?;
        let target = self.target(&connection).await?;
        let connections = self.clone();
        spawn_uncancellable(async move {
            let journal = connections.ledger(id, user, Purpose::Test, None);
            let mut report = connections.probe(user, connection.kind, target, journal, live).await?;
            if let Some(problem) = report.problem.take() {
                let problem = connections.sign_in_failed(&connection, problem).await;
                let failed = mycorr_pgread::Outcome::Failed;
                for step in report.steps.iter_mut().filter(|step| step.outcome == failed) {
                    (step.message, step.fix) = (problem.detail.clone(), problem.fix.clone());
                }
                report.problem = Some(problem);
            }
            let result = TestResult {
                ok: report.ok(),
                server_version: report.server.as_ref().map(|server| server.version.clone()),
            };
            connections.meta.note_test(user, id, result).await?;
            connections.remember_passport(id, report.passport.clone()).await;
            Ok(report)
        })
        .await
    }

    /// # Errors
    /// `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn connections(
        &self,
        user: UserId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Connection>> {
        self.meta.connections(user, after, limit).await
    }

    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn connection(&self, user: UserId, id: ConnectionId) -> Result<Connection> {
        self.meta.connection(user, id).await
    }

    /// Renames it, or replaces its password or CA certificate, once a test with the new ones went well.
    ///
    /// # Errors
    /// `not_found`, `invalid`, `conflict` where somebody else changes it, what the test failed with; `storage_full`, `storage_unavailable`.
    pub async fn change_connection(
        &self,
        user: UserId,
        id: ConnectionId,
        change: Change,
        live: StepSender,
    ) -> Result<Connection, Refused> {
        let connection = self.meta.connection(user, id).await?;
        let mut wrong = Wrong::default();
        let name = wrong.take(change.name.map(|name| ConnectionName::parse(&name)).transpose());
        let password = wrong.take(change.password.map(parse_password).transpose());
        let encrypted = connection.endpoint.encrypted;
        let ca = wrong.take(change.ca_certificate.map(|pem| parse_ca(pem.as_ref(), encrypted)).transpose());
        let largest = match change.limits {
            Some(_) => self.meta.largest_read_bytes(id).await?,
            None => 0,
        };
        let limits =
            wrong.take(change.limits.map(|limits| source_limits::check(limits, largest)).transpose());
        let retention = wrong.take(change.statements_retention_days.map(parse_retention).transpose());
        let most = wrong.take(change.max_connections.map(parse_max_connections).transpose());
        let (Some(name), Some(password), Some(ca), Some(limits), Some(retention), Some(most)) =
            (name, password, ca, limits, retention, most)
        else {
            return Err(Problem::from(wrong).into());
        };
        let connections = self.clone();
        spawn_uncancellable(async move {
            if password.is_some() || ca.is_some() {
                connections.replace_secrets(user, &connection, password, ca, live).await?;
            }
            if let Some(name) = name {
                connections.meta.rename_connection(user, id, &name).await?;
            }
            if let Some(limits) = limits {
                connections.meta.set_limits(user, id, limits).await?;
            }
            if let Some(sync_by) = change.sync_by {
                connections.meta.set_sync_by(user, id, sync_by).await?;
            }
            if let Some(days) = retention {
                connections.meta.set_statements_retention(user, id, days).await?;
            }
            if let Some(most) = most {
                connections.meta.set_max_connections(user, id, most).await?;
            }
            Ok(connections.meta.connection(user, id).await?)
        })
        .await
    }

    /// Offers a connection to another account: by its owner, or by an administrator for an owner who is disabled.
    ///
    /// # Errors
    /// `not_found`; `invalid` for an address without an account.
    pub async fn offer_connection(&self, by: UserId, id: ConnectionId, to: &str) -> Result<()> {
        self.meta.offer_connection(by, id, &Email::parse(to)?).await
    }

    /// Takes a connection over that was offered to the caller.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn accept_connection(&self, user: UserId, id: ConnectionId) -> Result<Connection> {
        self.meta.accept_connection(user, id).await
    }

    /// Deletes a connection with its secrets and its ledger. Tables stay; jobs through it stop.
    ///
    /// # Errors
    /// `not_found`; `storage_full`, `storage_unavailable`.
    pub async fn delete_connection(&self, user: UserId, id: ConnectionId) -> Result<()> {
        self.meta.delete_connection(user, id).await
    }

    /// The ledger, newest first: all of it, or what was sent for one purpose. With a purpose, a part may hold fewer than
    /// `limit` and still have a next one.
    ///
    /// # Errors
    /// `not_found`, `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn statements(
        &self,
        user: UserId,
        id: ConnectionId,
        purpose: Option<Purpose>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Statement>> {
        self.meta.statements(user, id, purpose, after, limit).await
    }

    /// The tables that come through a connection.
    ///
    /// # Errors
    /// `not_found`, `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn dependents(
        &self,
        user: UserId,
        id: ConnectionId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Dependent>> {
        self.meta.dependents(user, id, after, limit).await
    }

    async fn probe(
        &self,
        user: UserId,
        kind: ConnectionKind,
        target: Target,
        journal: Arc<dyn Journal>,
        live: StepSender,
    ) -> Result<Report> {
        let attempt = ConnectionTestAttempt::begin(&self.meta, user, &target.endpoint).await?;
        let _permit = match self.source_concurrency.take(user).await {
            Ok(permit) => permit,
            Err(problem) => {
                attempt.give_back(&self.meta).await?;
                return Err(problem);
            }
        };
        let mut on_step = |step: &Step| {
            // Fails when nobody listens any more.
            let _ = live.as_ref().map(|live| live.send(step.clone()));
        };
        let mut report = mycorr_pgread::test(&self.dialer, &target, journal, &mut on_step).await;
        if let Err(problem) = attempt.end(&self.meta, report.problem.as_ref()).await {
            // What was found out is no worse.
            tracing::error!(cause = problem.internal, "the outcome of a test could not be counted");
        }
        if let Some(problem) = &mut report.problem {
            let Endpoint { host, port, database, username, .. } = &target.endpoint;
            let hints = paste::near_misses(kind, host, port.get(), database.as_str(), username.as_str());
            let told = |field: &FieldProblem| problem.fields.iter().any(|other| other.field == field.field);
            let hints: Vec<_> = hints.into_iter().filter(|hint| !told(hint)).collect();
            problem.fields.extend(hints);
        }
        Ok(report)
    }

    /// Remembers a passport that was seen along the way. If that fails it is said in the log: what was asked for is no worse.
    pub(crate) async fn remember_passport(&self, id: ConnectionId, passport: Option<RolePrivileges>) {
        let Some(passport) = passport else { return };
        if let Err(problem) = self.note_passport(id, passport).await {
            tracing::error!(connection = %id, cause = problem.internal, "the passport could not be stored");
        }
    }
}

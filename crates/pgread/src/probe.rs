//! The test of a connection, as the steps that a person sees.

mod report;

pub use report::*;

use crate::{
    catalogue::Reader,
    client::{Client, LOGIN, Target},
    explain::{ErrorContext, to_problem, tried},
    journal::Journal,
    similar, sql,
    tls::Encryption,
    wire::{
        Failure,
        login::{self, Login, Method},
    },
};
use chrono::{TimeDelta, Utc};
use mycorr_domain::{Code, DatabaseName, Problem, Result};
use mycorr_egress::{DialError, Dialed, Dialer, Host};
use std::sync::Arc;
use tokio::time::Instant;

/// From so long before its end on a password is warned of.
const EXPIRES_SOON: TimeDelta = TimeDelta::days(14);

/// Goes all the way once, with a single attempt to authenticate, and tells each step as it is over.
pub async fn test(
    dialer: &Dialer,
    target: &Target,
    journal: Arc<dyn Journal>,
    on_step: &mut (dyn FnMut(&Step) + Send),
) -> Report {
    let (report, since) = (Report::default(), Instant::now());
    let mut walk = ConnectionTest { report, since, on_step, target, journal, denied: None };
    match walk.through(dialer).await {
        Ok(server) => walk.report.server = Some(server),
        Err(mut problem) => {
            if problem.code == Code::DatabaseNotFound {
                walk.meant(dialer, &mut problem).await;
            }
            if let Some(&failed) = StepName::ALL.get(walk.report.steps.len()) {
                walk.step(failed, Outcome::Failed, problem.detail.clone(), problem.fix.clone());
            }
            walk.report.problem = Some(problem);
        }
    }
    for &step in &StepName::ALL[walk.report.steps.len()..] {
        walk.step(step, Outcome::Skipped, "Not tried.".into(), None);
    }
    walk.report
}

struct ConnectionTest<'a> {
    report: Report,
    since: Instant,
    on_step: &'a mut (dyn FnMut(&Step) + Send),
    target: &'a Target,
    /// What of the catalogue is kept from the role, and nothing can be found without.
    denied: Option<Problem>,
    journal: Arc<dyn Journal>,
}

impl ConnectionTest<'_> {
    fn step(&mut self, step: StepName, outcome: Outcome, message: String, fix: Option<String>) {
        let milliseconds = self.since.elapsed().as_millis() as u64;
        self.since = Instant::now();
        let step = Step { step, outcome, milliseconds, message, fix };
        (self.on_step)(&step);
        self.report.steps.push(step);
    }

    fn passed(&mut self, step: StepName, message: String) {
        self.step(step, Outcome::Passed, message, None);
    }

    /// Failures are of the step that would come next.
    async fn through(&mut self, dialer: &Dialer) -> Result<ServerFacts> {
        let target = self.target;
        let endpoint = &target.endpoint;
        let told = |failure: Failure| to_problem(&failure, &ErrorContext::login(endpoint));
        let deadline = Instant::now() + LOGIN;

        let host = Host::parse(&endpoint.host).map_err(|error| told(Failure::Dial(error.into())))?;
        let permitted =
            dialer.resolve(&host, endpoint.port.get(), deadline).await.map_err(|error| told(error.into()))?;
        let addresses: Vec<String> =
            permitted.addresses().iter().map(|address| address.ip().to_string()).collect();
        self.passed(StepName::Address, format!("{} is {}.", endpoint.host, addresses.join(", ")));

        let dialed = dialer.connect(&permitted, deadline).await;
        let Dialed { stream, address, .. } =
            self.connected(dialed).map_err(|error| told(Failure::Dial(error)))?;

        let verification = target.verification();
        let opened = login::open(stream, &endpoint.host, verification.as_ref(), deadline).await;
        if let Err(Failure::Certificate(fault)) = &opened {
            self.report.certificates = fault.chain.clone();
            self.report.broken_rule = Some(fault.rule);
        }
        let mut opened = opened.map_err(told)?;
        self.encrypted(opened.encryption.as_ref());

        let mut login = Login::new(&mut opened);
        let method = login.authenticate(endpoint, &target.password).await.map_err(told)?;
        self.authenticated(method);

        let logged_in = login.finish().await.map_err(told)?;
        let announced = logged_in.cancel.map(|key| key.process_id);
        let journal = self.journal.clone();
        let mut client = Client::new(opened.wire, target, logged_in, dialer.clone(), host, address, journal)?;
        let version = client.server().version.clone();
        let database = endpoint.database.as_str();
        self.passed(
            StepName::Database,
            format!("The database {database} is there, on PostgreSQL {version}."),
        );

        let rows = client.query(sql::SERVER, &[], &ErrorContext::login(endpoint)).await;
        let facts = rows.and_then(|rows| {
            let row = rows.first().cloned().unwrap_or_default();
            let mut row = Reader::new(&row);
            let (in_recovery, superuser) = (row.flag()?, row.flag()?);
            // Where it can't be looked up, it shows when a table is read.
            let readable = row.optional_flag()? != Some(false);
            let backend = row.optional()?.and_then(|backend| backend.parse().ok());
            Ok((in_recovery, superuser, readable, backend))
        });
        let pooler = match &facts {
            Ok((.., Some(backend))) if announced.map(i64::from) != Some(*backend as i64) => {
                Some(self.pooler(dialer, *backend).await)
            }
            _ => None,
        };
        let mut settled = match facts {
            Ok(_) => client.verify_session_settings(&ErrorContext::login(endpoint)).await,
            Err(_) => Ok(()),
        };
        if settled.is_ok() && facts.is_ok() {
            // Some that speak the protocol have no such catalogue. They can be read all the same.
            let denied = |problem: &Problem| problem.code == Code::TablePermissionDenied;
            let tried = client.try_lookups().await.err();
            // Every PostgreSQL from 10 on understands them.
            if let Some(problem) = tried.as_ref().filter(|problem| problem.code == Code::NotSupportedServer) {
                settled = Err(problem.clone());
            }
            let tried = tried.filter(denied);
            let passport = client.passport().await;
            self.denied = tried.or_else(|| passport.as_ref().err().cloned().filter(denied));
            self.report.passport = passport.ok();
        }
        client.close().await;
        let (in_recovery, superuser, readable, _) = facts?;
        settled?;
        self.privileges(superuser, readable);
        Ok(ServerFacts { version, in_recovery, pooler })
    }

    fn connected(&mut self, dialed: Result<Dialed, DialError>) -> Result<Dialed, DialError> {
        let attempts = match &dialed {
            Ok(dialed) => &dialed.tried,
            Err(error) => error.tried(),
        };
        self.report.addresses = attempts.to_vec();
        let dialed = dialed?;
        let before = &dialed.tried[..dialed.tried.len().saturating_sub(1)];
        let before =
            if before.is_empty() { String::new() } else { format!(" Before it: {}.", tried(before)) };
        self.passed(StepName::Connect, format!("Connected to {}.{before}", dialed.address));
        Ok(dialed)
    }

    fn encrypted(&mut self, encryption: Option<&Encryption>) {
        let Some(encryption) = encryption else {
            return self.step(
                StepName::Encrypt,
                Outcome::Warned,
                "Not encrypted: everybody on the way can read and change what is sent.".into(),
                Some(
                    "Switch Require encrypted connection on unless this is a trusted private network.".into(),
                ),
            );
        };
        self.report.certificates.clone_from(&encryption.chain);
        let certificate = encryption.chain.first().map_or_else(String::new, |certificate| {
            format!(
                " The certificate is for this host, issued by {}, valid until {}.",
                certificate.issuer,
                certificate.not_after.format("%Y-%m-%d")
            )
        });
        let provider = encryption.provider.map_or_else(String::new, |name| {
            format!(" It is trusted through a root certificate of {name} that comes with Mycorr.")
        });
        let version = encryption.version.replace("TLSv", "TLS ");
        self.report.tls = Some(Tls { version: version.clone(), cipher: encryption.cipher });
        self.passed(StepName::Encrypt, format!("{version}.{certificate}{provider}"));
    }

    fn authenticated(&mut self, method: Method) {
        let role = self.target.endpoint.username.as_str();
        self.report.authentication = Some(method.as_str());
        if method == Method::None {
            return self.step(
                StepName::Authenticate,
                Outcome::Warned,
                format!("The server let {role} in without asking for a password."),
                Some("Replace trust by scram-sha-256 in the server's pg_hba.conf.".into()),
            );
        }
        self.passed(StepName::Authenticate, format!("Signed in as {role} ({}).", method.as_str()));
    }

    /// Which database was meant: the server knew the role before it missed the database, so that it can be asked
    /// in the one that every cluster has.
    async fn meant(&mut self, dialer: &Dialer, problem: &mut Problem) {
        let wanted = self.target.endpoint.database.as_str();
        let Ok(maintenance) = DatabaseName::parse("postgres") else { return };
        let mut target = self.target.clone();
        target.endpoint.database = maintenance;
        let Ok(mut client) = Client::connect(dialer, &target, self.journal.clone()).await else { return };
        let rows = client.query(sql::DATABASES, &[], &ErrorContext::login(&target.endpoint)).await;
        client.close().await;
        let names: Vec<String> =
            rows.unwrap_or_default().iter().filter_map(|row| Reader::new(row).name().ok()).collect();
        let Some(name) = similar::nearest(wanted, names.iter().map(String::as_str)) else { return };
        let hint = format!("There is a database \"{name}\" on this server.");
        problem.fix = Some(match problem.fix.take() {
            Some(fix) => format!("{hint} {fix}"),
            None => hint.clone(),
        });
        match problem.fields.iter_mut().find(|field| field.field == "database") {
            Some(field) => field.message = hint,
            None => *problem = problem.clone().field("database", hint),
        }
    }

    /// Somebody else than the server's process `backend` took us in. While the first connection is open and
    /// idle, a second one is served by the same process only if the pooler gives processes back after each
    /// transaction.
    async fn pooler(&mut self, dialer: &Dialer, backend: u64) -> String {
        let endpoint = &self.target.endpoint;
        let Ok(mut second) = Client::connect(dialer, self.target, self.journal.clone()).await else {
            return "a connection pooler".to_owned();
        };
        let rows = second.query(sql::BACKEND, &[], &ErrorContext::login(endpoint)).await;
        second.close().await;
        match rows.and_then(|rows| Reader::new(rows.first().unwrap_or(&Vec::new())).number()) {
            Ok(same) if same == backend => "a connection pooler in transaction mode".to_owned(),
            Ok(_) => "a connection pooler in session mode".to_owned(),
            Err(_) => "a connection pooler".to_owned(),
        }
    }

    fn privileges(&mut self, superuser: bool, readable: bool) {
        let role = self.target.endpoint.role();
        let database = self.target.endpoint.database.as_str();
        let passport = self.report.passport.as_ref();
        if let Some(problem) = self.denied.take() {
            self.step(StepName::Privileges, Outcome::Warned, problem.detail, problem.fix);
        } else if superuser {
            self.step(
                StepName::Privileges,
                Outcome::Warned,
                format!(
                    "{role} is a superuser. Mycorr only ever reads, but a role that can only read is safer."
                ),
                Some("Make a role that can only read, and use that: the form for a new connection shows the SQL that makes one.".into()),
            );
        } else if !readable {
            // Where most of the tables are is what was meant.
            let schemas = passport.map(|passport| passport.schemas.as_slice()).unwrap_or_default();
            let fullest = schemas.iter().max_by_key(|schema| (schema.tables, schema.name == "public"));
            let inherit = passport.and_then(|passport| passport.inherit.clone());
            let fix = match (inherit, fullest) {
                (Some(inherit), _) => {
                    format!("It is in a group whose rights it does not inherit. This lets it:\n{inherit}")
                }
                (None, Some(schema)) if schema.tables > 0 => sql::grant_schema(&schema.name, role),
                _ => sql::grant_schema("public", role),
            };
            self.step(
                StepName::Privileges,
                Outcome::Warned,
                format!("{role} can't read any table of {database} yet."),
                Some(fix),
            );
        } else {
            let Some(passport) = &self.report.passport else {
                return self.passed(StepName::Privileges, format!("{role} can read tables of {database}."));
            };
            let mut message = passport.sentence(role, database);
            let mut fix: Vec<String> = passport.fix().into_iter().collect();
            if let Some(until) = passport.valid_until.filter(|until| *until - Utc::now() < EXPIRES_SOON) {
                message.push_str(&format!(" Its password expires on {}.", until.format("%Y-%m-%d")));
                fix.push(sql::valid_for_ever(role));
            }
            if passport.excess.is_empty() && fix.is_empty() {
                return self.passed(StepName::Privileges, message);
            }
            let fix = (!fix.is_empty()).then(|| fix.join("\n"));
            self.step(StepName::Privileges, Outcome::Warned, message, fix);
        }
    }
}

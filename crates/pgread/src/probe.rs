//! The test of a connection, as the steps that a person sees.

use crate::{
    catalogue::Reader,
    client::{Client, LOGIN, Target},
    explain::{Asked, explain},
    sql,
    statement::Statement,
    wire::{Failure, login, login::Login},
};
use mycorr_domain::{Problem, Result};
use mycorr_egress::{Dialer, Host};
use tokio::time::Instant;

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
    /// What stands in between, where it shows.
    pub pooler: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Report {
    /// All six, in order.
    pub steps: Vec<Step>,
    pub server: Option<ServerFacts>,
    /// Why the test failed; `None` if it passed.
    pub problem: Option<Problem>,
    pub statements: Vec<Statement>,
}

impl Report {
    pub fn ok(&self) -> bool {
        self.problem.is_none()
    }
}

/// Goes all the way once, with a single attempt to authenticate, and tells each step as it is over.
pub async fn test(dialer: &Dialer, target: &Target, on_step: &mut (dyn FnMut(&Step) + Send)) -> Report {
    let mut walk = Walk { steps: Vec::new(), since: Instant::now(), on_step, endpoint: target };
    let mut statements = Vec::new();
    let outcome = walk.through(dialer, target, &mut statements).await;
    let (server, problem) = match outcome {
        Ok(server) => (Some(server), None),
        Err(problem) => {
            if let Some(&failed) = StepName::ALL.get(walk.steps.len()) {
                walk.step(failed, Outcome::Failed, problem.detail.clone(), problem.fix.clone());
            }
            (None, Some(problem))
        }
    };
    for &step in &StepName::ALL[walk.steps.len()..] {
        walk.step(step, Outcome::Skipped, "Not tried.".into(), None);
    }
    Report { steps: walk.steps, server, problem, statements }
}

struct Walk<'a> {
    steps: Vec<Step>,
    since: Instant,
    on_step: &'a mut (dyn FnMut(&Step) + Send),
    endpoint: &'a Target,
}

impl Walk<'_> {
    fn step(&mut self, step: StepName, outcome: Outcome, message: String, fix: Option<String>) {
        let milliseconds = self.since.elapsed().as_millis() as u64;
        self.since = Instant::now();
        let step = Step { step, outcome, milliseconds, message, fix };
        (self.on_step)(&step);
        self.steps.push(step);
    }

    fn passed(&mut self, step: StepName, message: String) {
        self.step(step, Outcome::Passed, message, None);
    }

    /// Failures are of the step that would come next.
    async fn through(
        &mut self,
        dialer: &Dialer,
        target: &Target,
        statements: &mut Vec<Statement>,
    ) -> Result<ServerFacts> {
        let endpoint = &self.endpoint.endpoint;
        let told = |failure: Failure| explain(&failure, &Asked::login(endpoint));
        let deadline = Instant::now() + LOGIN;

        let host = Host::parse(&endpoint.host).map_err(|error| told(Failure::Dial(error.into())))?;
        let permitted =
            dialer.resolve(&host, endpoint.port.get(), deadline).await.map_err(|error| told(error.into()))?;
        let addresses: Vec<String> =
            permitted.addresses().iter().map(|address| address.ip().to_string()).collect();
        self.passed(StepName::Address, format!("{} is {}.", endpoint.host, addresses.join(", ")));

        let dialed = dialer.connect(&permitted, deadline).await.map_err(|error| told(error.into()))?;
        let address = dialed.address;
        self.passed(StepName::Connect, format!("Connected to {address}."));

        let verification = target.verification();
        let mut opened = login::open(dialed.stream, &endpoint.host, verification.as_ref(), deadline)
            .await
            .map_err(told)?;
        match &opened.encryption {
            Some(encryption) => {
                let issuer = encryption.certificate.as_ref().map(|certificate| certificate.issuer.as_str());
                let message = format!(
                    "{}, and the certificate is for this host, issued by {}.",
                    encryption.version.replace("TLSv", "TLS "),
                    issuer.unwrap_or("an unknown CA")
                );
                self.passed(StepName::Encrypt, message);
            }
            None => self.step(
                StepName::Encrypt,
                Outcome::Warned,
                "Not encrypted: everybody on the way can read and change what is sent.".into(),
                Some(
                    "Switch Require encrypted connection on unless this is a trusted private network.".into(),
                ),
            ),
        }

        let mut login = Login::new(&mut opened);
        let method = login.authenticate(endpoint, &target.password).await.map_err(told)?;
        self.passed(
            StepName::Authenticate,
            format!("Signed in as {} ({}).", endpoint.username.as_str(), method.as_str()),
        );

        let logged_in = login.finish().await.map_err(told)?;
        let mut client = Client::new(opened.wire, target.clone(), logged_in, dialer.clone(), host, address);
        let version = client.server().version.clone();
        self.passed(
            StepName::Database,
            format!("The database {} is there, on PostgreSQL {version}.", endpoint.database.as_str()),
        );

        let rows = client.query(sql::SERVER, &[], &Asked::login(endpoint)).await;
        statements.extend(client.statements());
        let facts = rows.and_then(|rows| {
            let row = rows.first().cloned().unwrap_or_default();
            let mut row = Reader::new(&row);
            Ok((row.flag()?, row.flag()?, row.flag()?))
        });
        client.close().await;
        let (in_recovery, superuser, readable) = facts?;
        self.privileges(superuser, readable);
        Ok(ServerFacts { version, in_recovery, pooler: None })
    }

    fn privileges(&mut self, superuser: bool, readable: bool) {
        let role = self.endpoint.endpoint.username.as_str();
        let database = self.endpoint.endpoint.database.as_str();
        if superuser {
            self.step(
                StepName::Privileges,
                Outcome::Warned,
                format!(
                    "{role} is a superuser. Mycorr only ever reads, but a role that can only read is safer."
                ),
                Some(sql::role_script("mycorr_reader", database, &["public".into()], None)),
            );
        } else if !readable {
            self.step(
                StepName::Privileges,
                Outcome::Warned,
                format!("{role} can't read any table of {database} yet."),
                Some(format!(
                    "{}\nGRANT SELECT ON ALL TABLES IN SCHEMA public TO {};",
                    sql::grant_usage("public", role),
                    sql::identifier(role)
                )),
            );
        } else {
            self.passed(StepName::Privileges, format!("{role} can read tables of {database}."));
        }
    }
}

//! A signed-in connection.

use crate::{
    explain::{self, Asked, explain},
    lookup::Refused,
    sql,
    statement::Statement,
    tls::{CaCertificate, Verification},
    types::ServerTraits,
    wire::{
        Failure, Wire,
        login::{self, CancelKey, LoggedIn, Login},
        pipeline::{self, Row, Timeouts},
    },
};
use chrono::Utc;
use mycorr_domain::{Endpoint, Result, Secret, source_name};
use mycorr_egress::{Dialer, Host};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Where to read, as whom, and whom to trust.
#[derive(Clone)]
pub struct Target {
    pub endpoint: Endpoint,
    pub password: Secret,
    /// Replaces the public trust store.
    pub ca_certificate: Option<CaCertificate>,
}

impl Target {
    pub(crate) fn verification(&self) -> Option<Verification> {
        self.endpoint.encrypted.then(|| Verification::new(self.ca_certificate.clone()))
    }
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// E.g. `15.8 (Debian 15.8-0+deb12u1)`.
    pub version: String,
}

/// From the first packet to ReadyForQuery.
pub(crate) const LOGIN: Duration = Duration::from_secs(15);
/// For what is asked of the catalogue.
pub(crate) const CATALOGUE: Timeouts =
    Timeouts { statement: Duration::from_secs(30), lock: Duration::from_secs(5) };
/// No answer about the catalogue is larger.
const LARGEST_ANSWER: u64 = 64 << 20;
/// Names and descriptions of 1,600 columns are some 150 kB.
const LONGEST_MESSAGE: usize = 4 << 20;
/// What is read from the socket at once, if so much has come.
const ROOM: usize = 512 << 10;
/// How much longer than the server's own end of a statement we wait for it.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// A connection that is signed in and idle. It sends nothing but the templates of `sql`.
pub struct Client {
    pub(crate) wire: Wire,
    pub(crate) target: Target,
    pub(crate) canceller: Canceller,
    pub(crate) traits: ServerTraits,
    server: ServerInfo,
    pub(crate) ledger: Vec<Statement>,
    /// What of the catalogue the server keeps from the role, as far as it was needed.
    pub(crate) refused: Vec<Refused>,
}

impl Client {
    /// Dials, encrypts, verifies and signs in, all within one deadline.
    ///
    /// # Errors
    /// The codes of `api.md` for a failed connection.
    pub async fn connect(dialer: &Dialer, target: &Target) -> Result<Self> {
        let deadline = Instant::now() + LOGIN;
        let told = |failure: Failure| explain(&failure, &Asked::login(&target.endpoint));
        let host = Host::parse(&target.endpoint.host).map_err(|error| told(Failure::Dial(error.into())))?;
        let dialed = dialer
            .dial(&host, target.endpoint.port.get(), deadline)
            .await
            .map_err(|error| told(error.into()))?;
        let address = dialed.address;
        let login = async {
            let verification = target.verification();
            let mut opened =
                login::open(dialed.stream, &target.endpoint.host, verification.as_ref(), deadline).await?;
            let mut login = Login::new(&mut opened);
            login.authenticate(&target.endpoint, &target.password).await?;
            let logged_in = login.finish().await?;
            Ok((opened.wire, logged_in))
        };
        let (wire, logged_in) = login.await.map_err(told)?;
        Ok(Self::new(wire, target.clone(), logged_in, dialer.clone(), host, address))
    }

    pub(crate) fn new(
        mut wire: Wire,
        target: Target,
        told: LoggedIn,
        dialer: Dialer,
        host: Host,
        address: SocketAddr,
    ) -> Self {
        wire.limits.deadline = None;
        wire.limits.message = LONGEST_MESSAGE;
        wire.limits.room = ROOM;
        wire.limits.idle = CATALOGUE.statement + GRACE;
        let major =
            told.version.split(['.', ' ', 'b', 'r']).next().and_then(|major| major.parse::<u32>().ok());
        let traits = ServerTraits {
            shortest_floats: major.is_none_or(|major| major >= 12),
            integer_datetimes: told.integer_datetimes,
        };
        let way = Way { dialer, host, address, target: target.clone(), key: told.cancel };
        Self {
            wire,
            target,
            canceller: Canceller(Arc::new(way)),
            traits,
            server: ServerInfo { version: told.version },
            ledger: Vec::new(),
            refused: Vec::new(),
        }
    }

    pub fn target(&self) -> &Target {
        &self.target
    }

    pub fn server(&self) -> &ServerInfo {
        &self.server
    }

    /// What was sent since this was asked last.
    pub fn statements(&mut self) -> Vec<Statement> {
        std::mem::take(&mut self.ledger)
    }

    pub async fn close(self) {
        self.wire.close().await;
    }

    /// # Errors
    /// `pooler_conflict` if what is read is not read under the settings that go before it.
    pub(crate) async fn settled(&mut self, asked: &Asked<'_>) -> Result<()> {
        let rows = self.query(sql::SETTLED, &[], asked).await?;
        let holds = rows.first().and_then(|row| row.first()?.as_deref()) == Some(b"t");
        if holds { Ok(()) } else { Err(explain::settings_elsewhere()) }
    }

    pub(crate) async fn run(
        &mut self,
        name: &'static str,
        text: &str,
        parameters: &[&str],
        asked: &Asked<'_>,
    ) -> Result<Vec<Row>> {
        let started = Instant::now();
        match self.attempt(name, text, parameters).await {
            Ok(rows) => Ok(rows),
            Err(failure) => Err(self.explained(name, text, failure, asked, started.elapsed()).await),
        }
    }

    /// [`Client::run`] that leaves it to the caller to explain why it failed.
    pub(crate) async fn attempt(
        &mut self,
        name: &'static str,
        text: &str,
        parameters: &[&str],
    ) -> Result<Vec<Row>, Failure> {
        let running = Running::start(self, name, text, parameters, CATALOGUE);
        self.wire.limits.deadline = Some(Instant::now() + CATALOGUE.statement + GRACE);
        let answer = async {
            let parameters: Vec<_> = parameters.iter().map(|text| source_name::to_bytes(text)).collect();
            pipeline::send(&mut self.wire, text, &parameters, &[], CATALOGUE).await?;
            pipeline::rows(&mut self.wire, LARGEST_ANSWER).await
        };
        let answer = answer.await;
        running.end(self, answer.as_ref().map(|rows| rows.len() as u64));
        if let Err(Failure::Server(_)) = answer {
            // If that fails too, the connection is over, and the first failure is the one to tell.
            let _ = pipeline::recover(&mut self.wire).await;
        }
        answer
    }
}

/// A statement and the settings before it, on their way into the ledger.
pub(crate) struct Running {
    started: Instant,
    received: u64,
    settings: Statement,
    statement: Statement,
}

impl Running {
    pub(crate) fn start(
        client: &Client,
        template: &'static str,
        text: &str,
        parameters: &[&str],
        timeouts: Timeouts,
    ) -> Self {
        let statement = |template, text: &str, parameters: Vec<String>| Statement {
            at: Utc::now(),
            template,
            statement: text.to_owned(),
            parameters,
            rows: 0,
            bytes: 0,
            milliseconds: 0,
            outcome: String::new(),
        };
        let limits = [timeouts.statement, timeouts.lock].map(|limit| limit.as_millis().to_string());
        Self {
            started: Instant::now(),
            received: client.wire.received(),
            settings: statement(sql::SETTINGS.name, sql::SETTINGS.text, limits.to_vec()),
            statement: statement(template, text, parameters.iter().map(|&text| text.to_owned()).collect()),
        }
    }

    /// Enters both into the ledger. `rows` is how many came.
    pub(crate) fn end(self, client: &mut Client, rows: Result<u64, &Failure>) {
        let Self { started, received, mut settings, mut statement } = self;
        statement.milliseconds = started.elapsed().as_millis() as u64;
        statement.bytes = client.wire.received() - received;
        statement.rows = *rows.as_ref().unwrap_or(&0);
        statement.outcome = match rows {
            Ok(_) => "ok".to_owned(),
            Err(Failure::Server(error)) => error.sqlstate.clone(),
            Err(failure) => explain(failure, &Asked::login(&client.target.endpoint)).code.as_str().to_owned(),
        };
        settings.rows = 1;
        settings.outcome = "ok".to_owned();
        client.ledger.extend([settings, statement]);
    }
}

/// Asks the server to stop what a connection is doing, from anywhere.
#[derive(Clone)]
pub struct Canceller(Arc<Way>);

struct Way {
    dialer: Dialer,
    host: Host,
    address: SocketAddr,
    target: Target,
    key: Option<CancelKey>,
}

impl Canceller {
    /// Sends CancelRequest through a second connection to the same address, which is checked again and
    /// encrypted like the first (manual, "Canceling Requests in Progress"). The server answers nothing;
    /// what is running ends with an error of its own, or is over already.
    pub async fn cancel(&self) {
        let Way { dialer, host, address, target, key } = &*self.0;
        let Some(key) = key else { return };
        let deadline = Instant::now() + Duration::from_secs(5);
        let request = async {
            let dialed = dialer.redial(host, *address, deadline).await?;
            let verification = target.verification();
            let mut opened =
                login::open(dialed.stream, &target.endpoint.host, verification.as_ref(), deadline).await?;
            postgres_protocol::message::frontend::cancel_request(
                key.process_id,
                key.secret_key,
                &mut opened.wire.output,
            );
            opened.wire.flush().await?;
            // The server closes when it has passed the request on.
            match opened.wire.fill(1).await {
                Err(Failure::Lost(_)) | Ok(()) => Ok(()),
                Err(failure) => Err(failure),
            }
        };
        if let Err(failure) = request.await {
            tracing::debug!(%failure, "cancel request did not go through");
        }
    }
}

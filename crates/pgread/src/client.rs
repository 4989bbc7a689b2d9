//! A signed-in connection.

use crate::{
    explain::{self, ErrorContext, to_problem},
    in_flight::{Canceller, InFlight, NOT_STOPPED, Role, Stop},
    journal::{Journal, Outgoing},
    lookup::Refused,
    sql,
    tls::{CaCertificate, ProviderRoots, Verification},
    types::ServerTraits,
    wire::{
        Failure, Wire,
        login::{self, LoggedIn, Login},
        pipeline::{self, Format, Row, Settings, Timeouts},
    },
};
use mycorr_domain::{Endpoint, Problem, Result, Secret, StatementId, source_name};
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
    /// Trusted beside the public trust store, for the providers' own hosts.
    pub provider_roots: ProviderRoots,
}

impl Target {
    pub(crate) fn verification(&self) -> Option<Verification> {
        let Self { endpoint, ca_certificate, provider_roots, .. } = self;
        endpoint.encrypted.then(|| Verification::new(&endpoint.host, ca_certificate.clone(), provider_roots))
    }
}

/// What a client keeps of its [`Target`]: the password is needed for the log-in only.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) endpoint: Endpoint,
}

/// What goes before every statement, as the ledger has it.
pub(crate) fn settings_entry(settings: &Settings) -> Outgoing {
    Outgoing {
        template: sql::SETTINGS.name,
        statement: sql::SETTINGS.text.to_owned(),
        parameters: settings.to_vec(),
    }
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// E.g. `15.8 (Debian 15.8-0+deb12u1)`.
    pub version: String,
}

impl ServerInfo {
    /// E.g. 15; `None` for a version that PostgreSQL does not write.
    pub(crate) fn major(&self) -> Option<u32> {
        self.version.split(['.', ' ', 'b', 'r']).next()?.parse().ok()
    }
}

/// From the first packet to ReadyForQuery.
pub(crate) const LOGIN: Duration = Duration::from_secs(15);
/// For what is asked of the catalogue.
pub(crate) const CATALOGUE: Timeouts =
    Timeouts { statement: Duration::from_secs(30), lock: Duration::from_secs(5) };
/// No answer about the catalogue is larger.
const MAX_ANSWER_BYTES: u64 = 64 << 20;
/// Names and descriptions of 1,600 columns are some 150 kB.
const MAX_MESSAGE_BYTES: usize = 4 << 20;
/// What is read from the socket at once, if so much has come.
const READ_AHEAD_BYTES: usize = 512 << 10;
/// How much longer than the server's own end of a statement we wait for it.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// A connection that is signed in and idle. It sends nothing but the templates of `sql`, and nothing before its
/// journal has taken it.
pub struct Client {
    pub(crate) wire: Wire,
    pub(crate) target: Peer,
    pub(crate) canceller: Canceller,
    pub(crate) traits: ServerTraits,
    server: ServerInfo,
    /// What of the catalogue the server keeps from the role, as far as it was needed.
    pub(crate) refused: Vec<Refused>,
    journal: Arc<dyn Journal>,
    /// Shown to the server's administrator, and unknown to everybody before: who reads it back reads under our
    /// settings.
    application_name: String,
    in_flight: Option<InFlight>,
}

/// A statement that came to no answer, and whether the server still works on it.
pub(crate) struct Failed {
    pub(crate) failure: Failure,
    pub(crate) stop: Stop,
}

/// The server's process that serves a connection, where nothing stands in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backend {
    pub process_id: i32,
    /// When the server was started: tells it from others behind the same address. Microseconds since 1970.
    server_started: i64,
}

impl Client {
    /// Dials, encrypts, verifies and signs in, all within one deadline.
    ///
    /// # Errors
    /// The codes of a failed connection.
    pub async fn connect(dialer: &Dialer, target: &Target, journal: Arc<dyn Journal>) -> Result<Self> {
        let deadline = Instant::now() + LOGIN;
        let told = |failure: Failure| to_problem(&failure, &ErrorContext::login(&target.endpoint));
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
        Self::new(wire, target, logged_in, dialer.clone(), host, address, journal)
    }

    pub(crate) fn new(
        mut wire: Wire,
        target: &Target,
        told: LoggedIn,
        dialer: Dialer,
        host: Host,
        address: SocketAddr,
        journal: Arc<dyn Journal>,
    ) -> Result<Self> {
        wire.limits.deadline = None;
        wire.limits.message = MAX_MESSAGE_BYTES;
        wire.limits.room = READ_AHEAD_BYTES;
        wire.limits.idle = CATALOGUE.statement + GRACE;
        let server = ServerInfo { version: told.version };
        let traits = ServerTraits {
            shortest_floats: server.major().is_none_or(|major| major >= 12),
            integer_datetimes: told.integer_datetimes,
        };
        let mut nonce = [0; 8];
        openssl::rand::rand_bytes(&mut nonce).map_err(Problem::bug)?;
        let endpoint = target.endpoint.clone();
        Ok(Self {
            wire,
            canceller: Canceller::new(
                dialer,
                host,
                endpoint.host.clone(),
                address,
                target.verification(),
                told.cancel,
            ),
            target: Peer { endpoint },
            traits,
            server,
            refused: Vec::new(),
            journal,
            application_name: format!("mycorr-{}", hex::encode(nonce)),
            in_flight: None,
        })
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.target.endpoint
    }

    pub fn server(&self) -> &ServerInfo {
        &self.server
    }

    /// Says goodbye. A statement that is not over is stopped at the server first.
    pub async fn close(mut self) -> Stop {
        let stop = match &self.in_flight {
            Some(_) => self.ended(Err(None)).await,
            None => Stop::Over,
        };
        self.wire.close().await;
        stop
    }

    /// # Errors
    /// `pooler_conflict` if what is read is not read under the settings that go before it.
    pub(crate) async fn verify_session_settings(&mut self, asked: &ErrorContext<'_>) -> Result<()> {
        let name = self.application_name.clone();
        let rows = self.query(sql::VERIFY_SESSION_SETTINGS, &[&name], asked).await?;
        let holds = rows.first().and_then(|row| row.first()?.as_deref()) == Some(b"t");
        if holds { Ok(()) } else { Err(explain::settings_elsewhere()) }
    }

    /// The process that serves this connection; `None` where a pooler stands in between or the look-up is refused.
    pub(crate) async fn backend(&mut self) -> Option<Backend> {
        let endpoint = self.target.endpoint.clone();
        let rows = self.query(sql::BACKEND, &[], &ErrorContext::login(&endpoint)).await.ok()?;
        let [Some(process_id), Some(started), ..] = rows.first()?.as_slice() else { return None };
        let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<i64>().ok();
        let process_id = i32::try_from(number(process_id)?).ok()?;
        (self.canceller.process_id() == Some(process_id))
            .then_some(Backend { process_id, server_started: number(started)? })
    }

    /// Whether the server still has a process that serves this role and database. `None` if this is another
    /// server, which knows nothing of that process.
    ///
    /// # Errors
    /// As every read.
    pub async fn has_backend(&mut self, backend: Backend) -> Result<Option<bool>> {
        let endpoint = self.target.endpoint.clone();
        let parameters = [backend.process_id.to_string(), backend.server_started.to_string()];
        let parameters = [parameters[0].as_str(), &parameters[1]];
        let rows = self.query(sql::ALIVE, &parameters, &ErrorContext::login(&endpoint)).await?;
        let row = rows.first().map(Vec::as_slice);
        let flag = |at: usize| row.and_then(|row| row.get(at)?.as_deref()) == Some(b"t");
        Ok(flag(0).then(|| flag(1)))
    }

    /// Runs a statement and returns its few rows. The caller explains why it failed.
    pub(crate) async fn attempt(
        &mut self,
        name: &'static str,
        text: &str,
        parameters: &[&str],
    ) -> Result<Vec<Row>, Failed> {
        let settings = match self.begin(name, text, parameters).await {
            Ok(settings) => settings,
            Err(problem) => {
                return Err(Failed { failure: Failure::NotEntered(Box::new(problem)), stop: Stop::Over });
            }
        };
        let answer = async {
            let parameters: Vec<_> = parameters.iter().map(|text| source_name::to_bytes(text)).collect();
            pipeline::send(&mut self.wire, &settings, text, &parameters, &[]).await?;
            pipeline::rows(&mut self.wire, MAX_ANSWER_BYTES).await
        };
        let answer = answer.await;
        let stop = self.end(answer.as_ref().map(|rows| rows.len() as u64)).await;
        answer.map_err(|failure| Failed { failure, stop })
    }

    /// Enters a statement that has to end as look-ups do.
    ///
    /// # Errors
    /// What the journal says that does not take it.
    pub(crate) async fn begin(
        &mut self,
        name: &'static str,
        text: &str,
        parameters: &[&str],
    ) -> Result<Settings> {
        let settings = self.enter(name, text, parameters, CATALOGUE).await?;
        self.wire.limits.idle = CATALOGUE.statement + GRACE;
        self.wire.limits.deadline = Some(Instant::now() + CATALOGUE.statement + GRACE);
        Ok(settings)
    }

    /// The end of what began: `rows` is how many came. After an error of the server the connection is made
    /// ready again.
    pub(crate) async fn end(&mut self, rows: Result<u64, &Failure>) -> Stop {
        let stop = self.ended(rows.map_err(Some)).await;
        if let Err(Failure::Server(_)) = rows {
            // If that fails too, the connection is over, and the first failure is the one to tell.
            let _ = pipeline::recover(&mut self.wire).await;
        }
        stop
    }

    /// Enters a statement and the settings before it into the ledger: from here on they may be sent.
    pub(crate) async fn enter(
        &mut self,
        template: &'static str,
        text: &str,
        parameters: &[&str],
        timeouts: Timeouts,
    ) -> Result<Settings> {
        let settings = self.settings(timeouts);
        let pipeline = vec![
            settings_entry(&settings),
            Outgoing {
                template,
                statement: text.to_owned(),
                parameters: parameters.iter().map(|&text| text.to_owned()).collect(),
            },
        ];
        let entries = self.journal.sent(pipeline).await?;
        self.sending(entries.into_iter().zip([Role::Aside, Role::Main]).collect());
        Ok(settings)
    }

    pub(crate) fn settings(&self, timeouts: Timeouts) -> Settings {
        timeouts.settings(&self.application_name)
    }

    pub(crate) fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }

    /// These entries of the journal are about to be sent, after those that were before in the same pipeline.
    pub(crate) fn sending(&mut self, entries: Vec<(StatementId, Role)>) {
        match &mut self.in_flight {
            Some(in_flight) => in_flight.add(entries),
            None => {
                let received = self.wire.received();
                let (canceller, journal) = (self.canceller.clone(), self.journal.clone());
                self.in_flight = Some(InFlight::new(canceller, journal, entries, received));
            }
        }
    }

    /// One of several main statements of the pipeline is over, after so many rows of all.
    pub(crate) fn finish_one(&mut self, rows: u64) {
        if let Some(in_flight) = &mut self.in_flight {
            in_flight.finish_one(rows);
        }
    }

    /// Sends what was entered.
    pub(crate) async fn send(
        &mut self,
        settings: &Settings,
        text: &str,
        parameters: &[String],
        formats: &[Format],
    ) -> Result<(), Failure> {
        pipeline::send(&mut self.wire, settings, text, parameters, formats).await
    }

    /// The server is known not to work on what was sent any more.
    pub(crate) fn gone(&mut self) {
        if let Some(in_flight) = &mut self.in_flight {
            in_flight.over();
        }
    }

    /// Whether a statement is not over.
    pub(crate) fn is_running(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Completes the entry of the statement that was sent last. Unless the server has ended it (with `rows`, or
    /// with an error), it is stopped there; `Err(None)` if we gave it up ourselves.
    pub(crate) async fn ended(&mut self, rows: Result<u64, Option<&Failure>>) -> Stop {
        let Some(mut in_flight) = self.in_flight.take() else { return Stop::Over };
        let stop = match rows {
            Ok(_) | Err(Some(Failure::Server(_))) => {
                in_flight.over();
                Stop::Over
            }
            Err(failure) => in_flight.stop(&mut self.wire, failure).await,
        };
        let outcome = match (rows, stop) {
            (_, Stop::Unconfirmed) => NOT_STOPPED.to_owned(),
            (Ok(_), _) => "ok".to_owned(),
            (Err(Some(Failure::Server(error))), _) => error.sqlstate.clone(),
            (Err(Some(failure)), _) => {
                to_problem(failure, &ErrorContext::login(&self.target.endpoint)).code.as_str().to_owned()
            }
            (Err(None), _) => "cancelled".to_owned(),
        };
        in_flight.ended(rows.unwrap_or_default(), self.wire.received(), outcome).await;
        stop
    }
}

//! A pipeline that the server is working on, and how it is stopped there.

use crate::{
    journal::{Ending, Journal},
    tls::Verification,
    wire::{
        Failure, Wire,
        login::{self, CancelKey},
    },
};
use mycorr_domain::{Problem, StatementId};
use mycorr_egress::{DialError, Dialer, Host};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::Instant;

/// How long the server may take to stop what was broken off, from the request to its confirmation.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether a statement that was broken off is over at the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It has ended, or the server has taken the request to end it.
    Over,
    /// The server could not be asked, or did not confirm in time: the statement may still run.
    Unconfirmed,
}

/// Problems that say so when a statement that was broken off may still run.
pub trait WithStop {
    #[must_use]
    fn with_stop(self, stop: Stop) -> Self;
}

impl WithStop for Problem {
    fn with_stop(mut self, stop: Stop) -> Self {
        if stop == Stop::Unconfirmed {
            self.detail.push_str(
                " The server was asked to end the query and did not confirm it within 5 seconds: the query may \
                 still be running there.",
            );
        }
        self
    }
}

/// What an entry of the ledger is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It answers with one row: the settings, a snapshot.
    Aside,
    /// What the pipeline is for: the rows are its own.
    Main,
}

/// The settings and the statements of a pipeline that was sent. When this is dropped before the end (a task was
/// aborted, a panic), the statement is stopped at the server all the same, and the ledger says so.
pub(crate) struct InFlight {
    canceller: Canceller,
    journal: Arc<dyn Journal>,
    entries: Vec<(StatementId, Role)>,
    /// How many rows each of the main statements brought that are over before the last.
    finished: Vec<u64>,
    started: Instant,
    /// What the wire had received before.
    pub(crate) received: u64,
    /// The server may still be working on it.
    running: bool,
}

impl InFlight {
    pub(crate) fn new(
        canceller: Canceller,
        journal: Arc<dyn Journal>,
        entries: Vec<(StatementId, Role)>,
        received: u64,
    ) -> Self {
        let finished = Vec::new();
        Self { canceller, journal, entries, finished, started: Instant::now(), received, running: true }
    }

    /// More statements that are about to be sent.
    pub(crate) fn add(&mut self, entries: impl IntoIterator<Item = (StatementId, Role)>) {
        self.entries.extend(entries);
    }

    /// The server has ended one of the main statements, after so many rows of all.
    pub(crate) fn finish_one(&mut self, rows: u64) {
        let before: u64 = self.finished.iter().sum();
        self.finished.push(rows.saturating_sub(before));
    }

    /// The server has ended the statement.
    pub(crate) fn over(&mut self) {
        self.running = false;
    }

    /// Asks the server to end the statement, and waits for the end on the statement's own connection where that
    /// still works.
    pub(crate) async fn stop(&mut self, wire: &mut Wire, failure: Option<&Failure>) -> Stop {
        if !self.running {
            return Stop::Over;
        }
        let deadline = Instant::now() + STOP_TIMEOUT;
        let request = self.canceller.request(deadline).await;
        self.running = false;
        match (failure, request) {
            // Nobody listens there any more, and the connection is gone: so is the server.
            (Some(Failure::Lost(_)), Request::Refused) => Stop::Over,
            // What comes on a connection that is lost or out of step says nothing; closing it does the rest.
            (Some(Failure::Lost(_) | Failure::Protocol(_)), Request::PassedOn) => Stop::Over,
            (Some(Failure::Lost(_)), _) => Stop::Unconfirmed,
            _ => {
                wire.limits.idle = STOP_TIMEOUT;
                wire.limits.deadline = Some(deadline);
                match wire.drain().await {
                    Ok(()) | Err(Failure::Lost(_)) => Stop::Over,
                    Err(_) => Stop::Unconfirmed,
                }
            }
        }
    }

    /// Completes the entries: `rows` of the main statements together.
    pub(crate) async fn ended(mut self, rows: u64, received: u64, outcome: String) {
        let endings = self.endings(rows, received, outcome);
        self.entries.clear();
        self.journal.ended(endings).await;
    }

    fn endings(&self, rows: u64, received: u64, outcome: String) -> Vec<(StatementId, Ending)> {
        let milliseconds = self.started.elapsed().as_millis() as u64;
        let bytes = received.saturating_sub(self.received);
        let aside = || Ending { rows: 1, bytes: 0, milliseconds: 0, outcome: "ok".to_owned() };
        let mains = self.entries.iter().filter(|(_, role)| *role == Role::Main).count();
        let mut left = rows.saturating_sub(self.finished.iter().sum());
        let mut at = 0;
        let mut main = || {
            let (finished, last) = (self.finished.get(at).copied(), at + 1 == mains);
            at += 1;
            Ending {
                rows: finished.unwrap_or_else(|| std::mem::take(&mut left)),
                // Where one ends and the next begins is not looked for.
                bytes: if last { bytes } else { 0 },
                milliseconds,
                outcome: if finished.is_some() { "ok".to_owned() } else { outcome.clone() },
            }
        };
        let mut ending = |&(id, role): &(StatementId, Role)| match role {
            Role::Aside => (id, aside()),
            Role::Main => (id, main()),
        };
        self.entries.iter().map(&mut ending).collect()
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.entries.is_empty() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (canceller, journal, running) = (self.canceller.clone(), self.journal.clone(), self.running);
        let mut endings = self.endings(0, self.received, "cancelled".to_owned());
        runtime.spawn(async move {
            if running
                && canceller.request(Instant::now() + STOP_TIMEOUT).await != Request::PassedOn
                && let Some((_, ending)) = endings.last_mut()
            {
                ending.outcome = NOT_STOPPED.to_owned();
            }
            journal.ended(endings).await;
        });
    }
}

/// The outcome of a statement that was broken off and may still run.
pub(crate) const NOT_STOPPED: &str = "not_stopped";

/// Asks the server to stop what a connection is doing, from anywhere. Holds no password.
#[derive(Clone)]
pub struct Canceller(Arc<CancelTarget>);

struct CancelTarget {
    dialer: Dialer,
    host: Host,
    /// The name that the certificate is verified for.
    host_name: String,
    address: SocketAddr,
    verification: Option<Verification>,
    key: Option<CancelKey>,
}

/// What became of a CancelRequest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    /// The server has signalled the process, if there is such a process.
    PassedOn,
    /// Nobody listens there.
    Refused,
    Failed,
}

impl Canceller {
    pub(crate) fn new(
        dialer: Dialer,
        host: Host,
        host_name: String,
        address: SocketAddr,
        verification: Option<Verification>,
        key: Option<CancelKey>,
    ) -> Self {
        Self(Arc::new(CancelTarget { dialer, host, host_name, address, verification, key }))
    }

    /// The process that the server announced at log-in.
    pub(crate) fn process_id(&self) -> Option<i32> {
        self.0.key.map(|key| key.process_id)
    }

    /// What is running ends with an error, or is over already.
    pub async fn cancel(&self) {
        self.request(Instant::now() + STOP_TIMEOUT).await;
    }

    /// Sends CancelRequest through a second connection to the same address, which is checked again and
    /// encrypted like the first (manual, "Canceling Requests in Progress"). The server answers nothing, and
    /// closes when it has passed the request on.
    async fn request(&self, deadline: Instant) -> Request {
        let CancelTarget { dialer, host, host_name, address, verification, key } = &*self.0;
        let Some(key) = key else { return Request::Failed };
        let request = async {
            let dialed = dialer.redial(host, *address, deadline).await?;
            let mut opened = login::open(dialed.stream, host_name, verification.as_ref(), deadline).await?;
            postgres_protocol::message::frontend::cancel_request(
                key.process_id,
                key.secret_key,
                &mut opened.wire.output,
            );
            opened.wire.flush().await?;
            match opened.wire.fill(1).await {
                Err(Failure::Lost(_)) | Ok(()) => Ok(()),
                Err(failure) => Err(failure),
            }
        };
        match request.await {
            Ok(()) => Request::PassedOn,
            Err(failure) => {
                tracing::debug!(cause = %failure, "cancel request did not go through");
                match failure {
                    Failure::Dial(DialError::Refused { .. }) => Request::Refused,
                    _ => Request::Failed,
                }
            }
        }
    }
}

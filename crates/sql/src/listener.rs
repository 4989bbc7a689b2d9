//! Listens, and bounds how many may be connected.

use crate::{
    connection,
    failure::{Failure, SqlState},
    handlers::Handlers,
    nodes::Nodes,
    planning::Planner,
    prepared::Statements,
    session::Session,
};
use mycorr_domain::UserId;
use mycorr_engine::Engine;
use mycorr_tables::DeltaStore;
use pgwire::{
    api::RandomPidSecretKeyGenerator,
    messages::startup::SecretKey,
    tokio::{
        TlsAcceptor,
        tokio_rustls::rustls::{
            ServerConfig,
            pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        },
    },
};
use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};

/// Connections, those that have not signed in yet among them.
const MAX_CONNECTIONS: usize = 100;
/// Sessions of one person.
const MAX_PER_USER: usize = 25;
/// After a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What happened at the door since the process started.
#[derive(Default)]
pub struct Counters {
    sessions: AtomicU64,
    queries: AtomicU64,
    unknown_catalogue_queries: AtomicU64,
}

impl Counters {
    /// Sessions that are open.
    pub fn sessions(&self) -> u64 {
        self.sessions.load(Relaxed)
    }

    /// Queries that were begun.
    pub fn queries(&self) -> u64 {
        self.queries.load(Relaxed)
    }

    /// Queries of the catalogue that could not be answered.
    pub fn unknown_catalogue_queries(&self) -> u64 {
        self.unknown_catalogue_queries.load(Relaxed)
    }

    pub(crate) fn count_query(&self) {
        self.queries.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_unknown(&self) {
        self.unknown_catalogue_queries.fetch_add(1, Relaxed);
    }
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) store: DeltaStore,
    /// Whom queries can be divided with.
    pub(crate) nodes: Option<Nodes>,
    pub(crate) planner: Planner,
    pub(crate) counters: Arc<Counters>,
    /// A token may not come in clear from another machine.
    pub(crate) needs_tls: bool,
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    of: HashMap<UserId, usize>,
    /// By process id, as a cancel request names them.
    cancel: HashMap<i32, (SecretKey, Arc<watch::Sender<()>>)>,
}

impl Shared {
    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a session in, as one of those that its person may have.
    pub(crate) fn admit(&self, session: &Session) -> Result<(), Failure> {
        let mut sessions = self.sessions();
        let count = sessions.of.entry(session.identity.user.id).or_default();
        if *count >= MAX_PER_USER {
            let message = format!(
                "too many connections for user {:?}: at most {MAX_PER_USER}",
                session.identity.user.email
            );
            return Err(Failure::new(SqlState::TooManyConnections, message).fatal());
        }
        *count += 1;
        let cancel = (session.secret.clone(), session.cancelled.clone());
        sessions.cancel.insert(session.process, cancel);
        self.counters.sessions.fetch_add(1, Relaxed);
        tracing::info!(user = %session.identity.user.id, model = %session.database.model, "a SQL session began");
        Ok(())
    }

    pub(crate) fn leave(&self, session: &Session) {
        let mut sessions = self.sessions();
        sessions.cancel.remove(&session.process);
        if let Some(count) = sessions.of.get_mut(&session.identity.user.id) {
            *count -= 1;
            if *count == 0 {
                sessions.of.remove(&session.identity.user.id);
            }
        }
        self.counters.sessions.fetch_sub(1, Relaxed);
    }

    pub(crate) fn cancel(&self, process: i32, secret: &SecretKey) {
        if let Some((known, cancelled)) = self.sessions().cancel.get(&process)
            // A cancel request comes by a connection of its own, which has not agreed on a version of the protocol.
            && known.eq_value(secret)
        {
            cancelled.send_replace(());
        }
    }
}

/// A certificate chain and its key, in PEM.
#[derive(Clone, Copy, Debug)]
pub struct TlsFiles<'a> {
    pub certificate: &'a Path,
    pub key: &'a Path,
}

/// The door, not yet open.
pub struct Door {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
}

impl Door {
    /// Listens on `address`: without TLS only on this machine, since a token is sent in clear.
    ///
    /// # Errors
    /// Another address without TLS, files that are no certificate and key, an address that is taken.
    pub async fn bind(
        address: SocketAddr,
        tls: Option<TlsFiles<'_>>,
        engine: Engine,
        store: DeltaStore,
        nodes: Option<Nodes>,
    ) -> io::Result<Self> {
        if tls.is_none() && !address.ip().is_loopback() {
            let message = format!(
                "{address} can be reached from other machines, and tokens are not sent in clear: name a certificate and \
                 its key (MYCORR_SQL_TLS_CERTIFICATE, MYCORR_SQL_TLS_KEY), or listen on 127.0.0.1"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let needs_tls = tls.is_some();
        let tls = tls.map(acceptor).transpose()?;
        let listener = TcpListener::bind(address).await?;
        let planner = Planner::new(store.query_memory()).map_err(io::Error::other)?;
        let counters = Arc::default();
        let sessions = Mutex::default();
        let shared = Shared { engine, store, nodes, planner, counters, needs_tls, sessions };
        Ok(Self { listener, tls, shared: Arc::new(shared) })
    }

    /// # Errors
    /// None that is known of a socket that listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    pub fn counters(&self) -> Arc<Counters> {
        self.shared.counters.clone()
    }

    /// Serves until `stop` is done; sessions end with it.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let Self { listener, tls, shared } = self;
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let pids = Arc::new(RandomPidSecretKeyGenerator::default());
        let mut connections = JoinSet::new();
        let accept = async {
            loop {
                // One that is too many waits until another has gone.
                let Ok(place) = room.clone().acquire_owned().await else { return };
                while connections.try_join_next().is_some() {}
                let (stream, _): (TcpStream, SocketAddr) = match listener.accept().await {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(cause = %error, "a SQL connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                };
                let parser = Arc::new(Statements);
                let handlers = Arc::new(Handlers { shared: shared.clone(), pids: pids.clone(), parser });
                let tls = tls.clone();
                connections.spawn(async move {
                    if let Err(error) = connection::serve(stream, tls, handlers).await {
                        tracing::debug!(cause = %error, "a SQL connection ended");
                    }
                    drop(place);
                });
            }
        };
        tokio::select! {
            () = accept => {}
            () = stop => {}
        }
        connections.shutdown().await;
    }
}

fn acceptor(files: TlsFiles<'_>) -> io::Result<TlsAcceptor> {
    let named = |path: &Path, error: &dyn std::fmt::Display| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("{} can't be used: {error}", path.display()))
    };
    let chain = CertificateDer::pem_file_iter(files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| named(files.certificate, &error))?;
    let key = PrivateKeyDer::from_pem_file(files.key).map_err(|error| named(files.key, &error))?;
    let provider = Arc::new(pgwire::tokio::tokio_rustls::rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| named(files.certificate, &error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| named(files.certificate, &error))?;
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

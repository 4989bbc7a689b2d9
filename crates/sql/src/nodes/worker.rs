//! What a node does of other nodes' queries.

use super::{channels::Channels, tls::Tls};
use crate::stored_scan::ScanCodec;
use datafusion::{
    error::{DataFusionError, Result},
    execution::session_state::SessionState,
    logical_expr::ScalarUDF,
    prelude::SessionConfig,
};
use datafusion_distributed::{DistributedExt, Worker, WorkerQueryContext};
use futures::{Stream, stream};
use mycorr_domain::{Code, Problem};
use mycorr_tables::{AdmittedQuery, DeltaStore};
use pgwire::tokio::{TlsAcceptor, tokio_rustls::server::TlsStream};
use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, RwLock, Weak},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OnceCell, Semaphore, mpsc},
    task::JoinSet,
};
use tonic::transport::{Server, server::Connected};
use uuid::Uuid;

/// Names the query to which a part belongs.
pub(super) const QUERY_HEADER: &str = "x-mycorr-query";
/// A part waits so long for its share of memory: shorter than other nodes wait for the part.
const SHARE_TIMEOUT: Duration = Duration::from_secs(8);
/// Connections whose peers have not shown their key yet.
const MAX_HANDSHAKES: usize = 64;
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const PING_INTERVAL: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Marks an error that came from another node's line.
pub(crate) const TOO_BUSY: &str = "too_busy: ";

/// All parts of one query on this node have one share of its memory together, as a query of its own has.
#[derive(Clone)]
pub(super) struct Shares {
    store: DeltaStore,
    of: Arc<Mutex<HashMap<Uuid, Weak<OnceCell<AdmittedQuery>>>>>,
}

pub(super) type Share = Arc<OnceCell<AdmittedQuery>>;

impl Shares {
    pub(super) fn new(store: DeltaStore) -> Self {
        Self { store, of: Arc::default() }
    }

    fn entry(&self, query: Uuid) -> Share {
        let mut shares = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        shares.retain(|_, share| share.strong_count() > 0);
        if let Some(share) = shares.get(&query).and_then(Weak::upgrade) {
            return share;
        }
        let share = Share::default();
        shares.insert(query, Arc::downgrade(&share));
        share
    }

    /// The parts of a query that began here have what the query has.
    pub(super) fn begin(&self, query: Uuid, admitted: &Share) {
        let mut shares = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        shares.insert(query, Arc::downgrade(admitted));
    }

    async fn of(&self, query: Uuid) -> Result<Share> {
        let share = self.entry(query);
        share.get_or_try_init(|| self.store.admit_query_within(SHARE_TIMEOUT)).await.map_err(travelling)?;
        Ok(share)
    }
}

/// As it reads on the node that asked.
fn travelling(problem: Problem) -> DataFusionError {
    match problem.code {
        Code::TooBusy => DataFusionError::ResourcesExhausted(format!("{TOO_BUSY}{}", problem.detail)),
        _ => DataFusionError::External(Box::new(problem)),
    }
}

/// What a part's plan may name.
#[derive(Clone)]
pub(super) struct Vocabulary {
    pub(super) functions: Vec<Arc<ScalarUDF>>,
    pub(super) template: SessionConfig,
}

/// `name` is what the worker says when it is asked who it is.
pub(super) fn worker(
    name: String,
    store: DeltaStore,
    channels: Channels,
    shares: Shares,
    vocabulary: Vocabulary,
) -> Worker {
    let build = move |context: WorkerQueryContext| {
        let (store, channels, shares) = (store.clone(), channels.clone(), shares.clone());
        let vocabulary = vocabulary.clone();
        async move { session(context, store, channels, shares, vocabulary).await }
    };
    Worker::from_session_builder(build).with_version(name)
}

async fn session(
    mut context: WorkerQueryContext,
    store: DeltaStore,
    channels: Channels,
    shares: Shares,
    Vocabulary { functions, template }: Vocabulary,
) -> Result<SessionState> {
    let query = context.headers.get(QUERY_HEADER).and_then(|id| Uuid::try_parse_ascii(id.as_bytes()).ok());
    let query = query.ok_or_else(|| DataFusionError::Internal("a part of no query".to_owned()))?;
    let share = shares.of(query).await?;
    let environment = share.get().map(|admitted| admitted.environment().clone());
    let environment = environment.ok_or_else(|| DataFusionError::Internal("no share".to_owned()))?;
    let config = context.builder.config().get_or_insert_default();
    config.options_mut().execution = template.options().execution.clone();
    config.options_mut().sql_parser = template.options().sql_parser.clone();
    // Kept as long as the part's session.
    config.set_extension(share);
    let mut state = context
        .builder
        .with_runtime_env(environment)
        .with_distributed_user_codec(ScanCodec(store))
        .with_distributed_channel_resolver(channels)
        .build();
    for function in functions {
        datafusion::logical_expr::registry::FunctionRegistry::register_udf(&mut state, function)?;
    }
    Ok(state)
}

/// Serves until it is dropped.
pub(super) async fn serve(listener: TcpListener, tls: Arc<RwLock<Tls>>, worker: Worker) {
    let served = Server::builder()
        .http2_keepalive_interval(Some(PING_INTERVAL))
        .http2_keepalive_timeout(Some(PING_TIMEOUT))
        .add_service(worker.into_worker_server())
        .serve_with_incoming(peers(listener, tls));
    if let Err(error) = served.await {
        tracing::error!(cause = %error, "this node takes no parts of queries any more");
    }
}

/// Connections of those who have shown the installation's key.
fn peers(listener: TcpListener, tls: Arc<RwLock<Tls>>) -> impl Stream<Item = io::Result<Peer>> {
    let (sender, receiver) = mpsc::channel(1);
    let room = Arc::new(Semaphore::new(MAX_HANDSHAKES));
    let accepting = async move {
        loop {
            let Ok(place) = room.clone().acquire_owned().await else { return };
            let (stream, from) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(cause = %error, "another node's connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let _ = stream.set_nodelay(true);
            let tls = tls.read().unwrap_or_else(PoisonError::into_inner).server.clone();
            let sender = sender.clone();
            tokio::spawn(async move {
                let _place = place;
                let shaken = tokio::time::timeout(HANDSHAKE_TIMEOUT, TlsAcceptor::from(tls).accept(stream));
                match shaken.await {
                    Ok(Ok(stream)) => {
                        let _ = sender.send(Peer(stream)).await;
                    }
                    Ok(Err(error)) => {
                        tracing::warn!(%from, cause = %error, "a connection without this installation's key was refused");
                    }
                    Err(_) => tracing::debug!(%from, "a connection said nothing"),
                }
            });
        }
    };
    // Accepts as long as the stream is read.
    let mut task = JoinSet::new();
    task.spawn(accepting);
    stream::unfold((receiver, task), |(mut receiver, task)| async {
        let peer = receiver.recv().await?;
        Some((Ok(peer), (receiver, task)))
    })
}

/// One of them.
struct Peer(TlsStream<TcpStream>);

impl Connected for Peer {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Peer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Peer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

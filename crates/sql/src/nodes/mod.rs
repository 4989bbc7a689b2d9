//! Queries beyond one node: a query that collects more rows than the memory of one query holds is divided over the nodes
//! that share the metadata (datafusion-distributed). Each runs its parts in its own share of memory and temporary files,
//! reads the versions' files itself, and sends rows to the nodes that need them. Who may see what was decided before, on
//! the node where the query began.

mod answer;
mod channels;
mod tls;
mod worker;

pub use tls::Secrets;
pub(crate) use {answer::Divided, worker::TOO_BUSY};

use crate::{exact, planning::Planner};
use async_trait::async_trait;
use channels::Channels;
use datafusion_distributed::{GetWorkerInfoRequest, Worker};
use futures::{StreamExt, stream};
use mycorr_domain::{Code, Problem, Result};
use mycorr_tables::DeltaStore;
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tls::Tls;
use tokio::{
    net::TcpListener,
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::timeout,
};
use url::Url;
use uuid::Uuid;
use worker::Shares;

/// A node as the metadata know it.
#[derive(Clone, Debug)]
pub struct Peer {
    pub id: Uuid,
    /// `host:port`.
    pub address: String,
    pub version: String,
}

/// What nodes share.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The nodes that live and take parts of queries.
    async fn peers(&self) -> Result<Vec<Peer>>;
    /// What they know one another by.
    async fn secrets(&self) -> Result<Secrets>;
}

/// How often the keyring is looked at.
const REFRESH_INTERVAL: Duration = Duration::from_secs(5);
/// A node that does not say who it is so fast is left out of a query.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// Nodes of one query, at most.
const MAX_NODES: usize = 64;
/// How long a query waits for the one before it.
const TURN_TIMEOUT: Duration = Duration::from_secs(30);

/// The place at which a node takes parts, not yet open.
pub struct NodeListener(TcpListener);

impl NodeListener {
    /// # Errors
    /// An address that is taken.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        TcpListener::bind(address).await.map(Self)
    }

    /// # Errors
    /// None that is known of a socket that listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// This node among the others.
#[derive(Clone)]
pub struct Nodes(Arc<Inner>);

struct Inner {
    own: Peer,
    directory: Arc<dyn Directory>,
    store: DeltaStore,
    channels: Channels,
    shares: Shares,
    worker: Worker,
    vocabulary: worker::Vocabulary,
    /// Queries that begin here and are divided: one at a time. It holds memory here and waits for memory elsewhere, so
    /// several from each node could wait for one another.
    turn: Arc<Semaphore>,
    _tasks: JoinSet<()>,
    _server: JoinSet<()>,
}

impl Nodes {
    /// Takes parts of queries from now on. `own` is what the others are to know of this node.
    ///
    /// # Errors
    /// `internal` for a keyring that can't be read.
    pub async fn start(
        listener: NodeListener,
        own: Peer,
        directory: Arc<dyn Directory>,
        store: DeltaStore,
    ) -> Result<Self> {
        let secrets = directory.secrets().await?;
        let tls = Arc::new(RwLock::new(Tls::new(&secrets).map_err(Problem::bug)?));
        let channels = Channels::new(tls.clone());
        let shares = Shares::new(store.clone());
        let planner = Planner::new(store.query_memory()).map_err(Problem::bug)?;
        let vocabulary = worker::Vocabulary {
            functions: planner.functions().chain([exact::plain_text_function()]).collect(),
            template: planner.config(),
        };
        let name = name(&own);
        let worker =
            worker::worker(name, store.clone(), channels.clone(), shares.clone(), vocabulary.clone());
        // On the threads for queries: what arrives is work on rows.
        let server = store.spawn_query(worker::serve(listener.0, tls.clone(), worker.clone()))?;
        let mut tasks = JoinSet::new();
        let watched = directory.clone();
        tasks.spawn(async move {
            loop {
                tokio::time::sleep(REFRESH_INTERVAL).await;
                let renewed =
                    watched.secrets().await.and_then(|secrets| Tls::new(&secrets).map_err(Problem::bug));
                match renewed {
                    Ok(renewed) => *tls.write().unwrap_or_else(PoisonError::into_inner) = renewed,
                    Err(problem) => {
                        tracing::warn!(cause = problem.internal, "the keyring can't be read for other nodes")
                    }
                }
            }
        });
        let turn = Arc::new(Semaphore::new(1));
        let inner = Inner {
            own,
            directory,
            store,
            channels,
            shares,
            worker,
            vocabulary,
            turn,
            _tasks: tasks,
            _server: server,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Waits for this node's turn to divide a query.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        match timeout(TURN_TIMEOUT, self.0.turn.clone().acquire_owned()).await {
            Ok(turn) => turn.map_err(Problem::bug),
            Err(_) => Err(Problem::new(
                Code::TooBusy,
                "Another query is divided over the nodes, and this one waited too long for its turn.",
            )
            .fix("Try again in a few seconds.")),
        }
    }

    /// The nodes of this version that answer now, this one first.
    async fn reachable(&self) -> Result<Vec<Peer>> {
        let peers = self.0.directory.peers().await?;
        let urls: Vec<_> = peers.iter().filter_map(url).collect();
        self.0.channels.keep(&urls);
        let own = self.0.own.clone();
        let others = peers.into_iter().filter(|peer| peer.id != own.id && peer.version == own.version);
        let answering = stream::iter(others.take(MAX_NODES - 1))
            .map(|peer| async { if self.answers(&peer).await { Some(peer) } else { None } });
        let answering: Vec<_> = answering.buffered(MAX_NODES).collect().await;
        Ok([Some(own)].into_iter().chain(answering).flatten().collect())
    }

    /// Whether that very process answers: one that was started again has forgotten what it was given.
    async fn answers(&self, peer: &Peer) -> bool {
        let asked = async {
            let mut client = self.0.channels.client(&url(peer)?).ok()?;
            client.get_worker_info(GetWorkerInfoRequest {}).await.ok()
        };
        match timeout(PROBE_TIMEOUT, asked).await {
            Ok(Some(answer)) => answer.version == name(peer),
            _ => false,
        }
    }
}

fn name(peer: &Peer) -> String {
    format!("{} {}", peer.version, peer.id)
}

/// `http` for the library; the connection is TLS.
fn url(peer: &Peer) -> Option<Url> {
    Url::parse(&format!("http://{}", peer.address)).ok()
}

//! This node among those that divide queries: its settings, its address, what it shares with the others.

use crate::{
    Failure,
    nodes::{VERSION, host_name},
    settings::{Place, told},
};
use async_trait::async_trait;
use clap::Args;
use mycorr_domain::{Problem, Result};
use mycorr_meta::Meta;
pub(crate) use mycorr_sql::Nodes;
use mycorr_sql::{Directory, NodeListener, Peer, Secrets};
use mycorr_tables::DeltaStore;
use mycorr_vault::Keyring;
use std::{net::SocketAddr, path::PathBuf, sync::Arc};
use uuid::Uuid;

/// For what the keyring's secrets are derived.
const PURPOSE: &str = "mycorr: nodes know one another, 1";

#[derive(Args)]
pub(crate) struct NodeQueries {
    /// The address and port at which this node takes parts of other nodes' queries, by TLS and from nodes with the same
    /// master key alone [default: none].
    #[arg(long, env = "MYCORR_CLUSTER_LISTEN")]
    cluster_listen: Option<SocketAddr>,
    /// How other nodes reach it, as host:port [default: the address above; where that is every one of this machine's, its
    /// host name].
    #[arg(long, env = "MYCORR_CLUSTER_ADDRESS", requires = "cluster_listen")]
    cluster_address: Option<String>,
}

/// The place is taken, so that its address can be told.
pub(crate) struct Listening {
    listener: NodeListener,
    address: String,
}

impl NodeQueries {
    pub(crate) async fn listen(&self, place: &Place) -> std::result::Result<Option<Listening>, Failure> {
        let Some(at) = self.cluster_listen else { return Ok(None) };
        if !place.is_shared() {
            return Err(
                "MYCORR_CLUSTER_LISTEN is for nodes that share their metadata: set MYCORR_DATABASE_URL to a \
                        postgres:// URL"
                    .into(),
            );
        }
        let failed = |error| format!("{at} can't be listened on for other nodes: {error}");
        let listener = NodeListener::bind(at).await.map_err(failed)?;
        let bound = listener.local_addr()?;
        let address = match &self.cluster_address {
            Some(address) => address.clone(),
            None if at.ip().is_unspecified() => format!("{}:{}", host_name(), bound.port()),
            None => bound.to_string(),
        };
        Ok(Some(Listening { listener, address }))
    }
}

impl Listening {
    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    pub(crate) async fn start(
        self,
        id: Uuid,
        place: &Place,
        meta: &Meta,
        store: &DeltaStore,
    ) -> std::result::Result<Option<Nodes>, Failure> {
        let Self { listener, address } = self;
        let directory = Arc::new(Shared { meta: meta.clone(), keys: place.keys() });
        tracing::info!(%address, "takes parts of other nodes' queries");
        let own = Peer { id, address, version: VERSION.to_owned() };
        Ok(Some(Nodes::start(listener, own, directory, store.clone()).await.map_err(told)?))
    }
}

/// The metadata and the keyring.
struct Shared {
    meta: Meta,
    keys: PathBuf,
}

#[async_trait]
impl Directory for Shared {
    async fn peers(&self) -> Result<Vec<Peer>> {
        let nodes = self.meta.nodes().await?.into_iter();
        let peer = |node: mycorr_meta::Node| {
            Some(Peer { id: node.id, address: node.query_address?, version: node.version })
        };
        Ok(nodes.filter_map(peer).collect())
    }

    async fn secrets(&self) -> Result<Secrets> {
        let agreed = self.meta.master_key().await?;
        let keys = Keyring::read(&self.keys).map_err(Problem::bug)?.derive(PURPOSE);
        let own = keys.iter().find(|(id, _)| Some(id.to_string()) == agreed).or(keys.last());
        let own = own.ok_or_else(|| Problem::bug("a keyring without a key"))?;
        Ok(Secrets { own: *own.1, known: keys.iter().map(|(_, secret)| **secret).collect() })
    }
}

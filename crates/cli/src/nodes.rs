//! A node's sign of life in the metadata that it shares.

use crate::{Failure, settings::told};
use mycorr_meta::{Meta, NewNode};
use std::{fs, time::Duration};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// How often a node says that it lives.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);

pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Of this machine, as it calls itself.
pub(crate) fn host_name() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

pub(crate) struct Heartbeat {
    meta: Meta,
    node: NewNode,
    task: JoinHandle<()>,
}

impl Heartbeat {
    pub(crate) async fn start(
        meta: Meta,
        id: Uuid,
        role: &'static str,
        workers: usize,
        query_address: Option<String>,
    ) -> Result<Self, Failure> {
        let host = host_name();
        let node = NewNode { id, role, host, version: VERSION, workers, query_address };
        meta.heartbeat(&node).await.map_err(told)?;
        let living = meta.nodes().await.map_err(told)?.len();
        tracing::info!(node = %node.id, nodes = living, "joined the nodes that share the metadata");
        let (beating, beats) = (node.clone(), meta.clone());
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(HEARTBEAT_INTERVAL).await;
                if let Err(problem) = beats.heartbeat(&beating).await {
                    tracing::warn!(
                        cause = problem.internal,
                        "the metadata does not take this node's heartbeat"
                    );
                }
            }
        });
        Ok(Self { meta, node, task })
    }

    /// The others need not wait to know.
    pub(crate) async fn stop(self) {
        self.task.abort();
        let _ = self.meta.forget_node(self.node.id).await;
    }
}

//! The SQL door beside the page: its settings, its start and its end.

use crate::Failure;
use clap::Args;
use mycorr_engine::Engine;
use mycorr_server::{Metric, MoreMetrics};
use mycorr_sql::{Counters, Door, Nodes, TlsFiles};
use mycorr_tables::DeltaStore;
use std::{net::SocketAddr, path::PathBuf, sync::Arc};
use tokio::{sync::oneshot, task::JoinHandle};

#[derive(Args)]
pub(crate) struct SqlSettings {
    /// The address and port at which stored versions can be read over PostgreSQL's protocol [default: none].
    #[arg(long, env = "MYCORR_SQL_LISTEN")]
    sql_listen: Option<SocketAddr>,
    /// The certificate chain for it, in PEM. Without one it listens on this machine's own addresses alone.
    #[arg(long, env = "MYCORR_SQL_TLS_CERTIFICATE", requires = "sql_tls_key")]
    sql_tls_certificate: Option<PathBuf>,
    /// The key of that certificate, in PEM.
    #[arg(long, env = "MYCORR_SQL_TLS_KEY", requires = "sql_tls_certificate")]
    sql_tls_key: Option<PathBuf>,
}

/// The door while it is open, if it is.
pub(crate) struct Running(Option<Open>);

struct Open {
    counters: Arc<Counters>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl SqlSettings {
    pub(crate) async fn open(
        &self,
        engine: &Engine,
        store: &DeltaStore,
        nodes: Option<&Nodes>,
    ) -> Result<Running, Failure> {
        let Some(address) = self.sql_listen else { return Ok(Running(None)) };
        let files = self.sql_tls_certificate.as_deref().zip(self.sql_tls_key.as_deref());
        let files = files.map(|(certificate, key)| TlsFiles { certificate, key });
        let door = Door::bind(address, files, engine.clone(), store.clone(), nodes.cloned())
            .await
            .map_err(|error| format!("the SQL door can't be opened at {address}: {error}"))?;
        tracing::info!(address = %door.local_addr()?, "the SQL door is open");
        let (stop, stopped) = oneshot::channel();
        let counters = door.counters();
        let task = tokio::spawn(door.serve(async {
            let _ = stopped.await;
        }));
        Ok(Running(Some(Open { counters, stop, task })))
    }
}

impl Running {
    pub(crate) fn metrics(&self) -> Option<MoreMetrics> {
        let counters = self.0.as_ref()?.counters.clone();
        let metric = |name, kind, help, value: u64| Metric { name, kind, help, value: value as f64 };
        Some(MoreMetrics::new(move || {
            vec![
                metric("mycorr_sql_sessions", "gauge", "Sessions at the SQL door.", counters.sessions()),
                metric("mycorr_sql_queries_total", "counter", "Queries at the SQL door.", counters.queries()),
                metric(
                    "mycorr_sql_unknown_catalogue_queries_total",
                    "counter",
                    "Queries of pg_catalog and information_schema that could not be answered.",
                    counters.unknown_catalogue_queries(),
                ),
            ]
        }))
    }

    /// Ends the sessions.
    pub(crate) async fn close(self) {
        if let Some(Open { stop, task, .. }) = self.0 {
            let _ = stop.send(());
            let _ = task.await;
        }
    }
}

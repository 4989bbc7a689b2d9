//! Slow is not dead: a source that sends nothing is asked, through a second connection, whether it still works on the
//! read. A machine that is gone is found by TCP's keep-alive (`egress`).

use crate::Connections;
use mycorr_domain::Result;
use mycorr_meta::Connection;
use mycorr_pgread::{Backend, Client, Journal};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::sleep;

/// How long a source may be silent.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// The operator's end of a silence; `None` for no end while the server lives.
    pub idle_timeout: Option<Duration>,
    /// After how long a silence the server is asked for the first time.
    pub probe_after: Duration,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { idle_timeout: None, probe_after: Duration::from_secs(60) }
    }
}

/// Each probe is a log-in at the source: the longer a silence, the fewer.
const MAX_PROBE_INTERVAL: Duration = Duration::from_secs(15 * 60);
/// What a process that is gone sent last may still be on its way.
const LAST_BYTES: Duration = Duration::from_secs(10);

pub(crate) struct Liveness {
    pub(crate) connections: Connections,
    pub(crate) waiting: Waiting,
    pub(crate) connection: Connection,
    pub(crate) journal: Arc<dyn Journal>,
}

impl Liveness {
    /// Done when nothing comes, and the server says that the process that was to send it is gone. Never done where
    /// the process is not known, or where nobody can be asked.
    pub(crate) async fn lost(&self, backend: Option<Backend>, received: &AtomicU64) {
        let Some(backend) = backend else { return std::future::pending().await };
        let first = self.waiting.probe_after;
        let mut wait = first;
        loop {
            let before = received.load(Relaxed);
            sleep(wait).await;
            if received.load(Relaxed) != before {
                wait = first;
                continue;
            }
            match self.ask(backend).await {
                Ok(Some(false)) => {
                    sleep(LAST_BYTES.min(first)).await;
                    if received.load(Relaxed) == before {
                        return;
                    }
                }
                Ok(_) => wait = (2 * wait).min(MAX_PROBE_INTERVAL),
                Err(problem) => {
                    tracing::debug!(code = problem.code.as_str(), "the source could not be asked");
                    wait = (2 * wait).min(MAX_PROBE_INTERVAL);
                }
            }
        }
    }

    async fn ask(&self, backend: Backend) -> Result<Option<bool>> {
        let target = self.connections.target(&self.connection).await?;
        let mut client = Client::connect(&self.connections.dialer, &target, self.journal.clone()).await?;
        drop(target);
        let answer = client.has_backend(backend).await;
        client.close().await;
        answer
    }
}

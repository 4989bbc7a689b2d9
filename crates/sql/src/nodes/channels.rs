//! Connections to other nodes.

use super::tls::Tls;
use async_trait::async_trait;
use datafusion::{
    arrow::array::RecordBatch,
    error::{DataFusionError, Result},
    execution::TaskContext,
    physical_plan::metrics::ExecutionPlanMetricsSet,
};
use datafusion_distributed::{
    ChannelResolver, CoordinatorToWorkerMsg, ExecuteTaskRequest, GetWorkerInfoRequest, GetWorkerInfoResponse,
    SetPlanRequest, WorkerChannel, WorkerToCoordinatorMsg,
    grpc::{BoxCloneSyncChannel, create_worker_client},
};
use futures::stream::BoxStream;
use hyper_util::rt::TokioIo;
use pgwire::tokio::tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};
use tokio::net::TcpStream;
use tonic::{
    codegen::http::{HeaderMap, Uri},
    transport::Endpoint,
};
use tower::service_fn;
use url::Url;

/// For TCP's and TLS's handshakes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A node that is stopped, or out of reach, answers no ping.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// What is on its way of one partition's rows, in bytes.
const STREAM_WINDOW: u32 = 1 << 18;
/// No bound: a partition that nobody reads yet must not stop the others, so each has its own alone.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// Connections by the node's URL: made when they are needed, and again when they have failed.
#[derive(Clone)]
pub(super) struct Channels {
    tls: Arc<RwLock<Tls>>,
    open: Arc<Mutex<HashMap<Url, BoxCloneSyncChannel>>>,
}

impl Channels {
    pub(super) fn new(tls: Arc<RwLock<Tls>>) -> Self {
        Self { tls, open: Arc::default() }
    }

    pub(super) fn client(&self, url: &Url) -> Result<Box<dyn WorkerChannel>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = open.get(url) {
            return Ok(create_worker_client(channel.clone()));
        }
        let tls = self.tls.clone();
        let connect = service_fn(move |uri: Uri| {
            let tls = tls.read().unwrap_or_else(PoisonError::into_inner).client.clone();
            async move {
                let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
                #[allow(clippy::disallowed_methods, reason = "a node's address, which it wrote there itself")]
                let stream = TcpStream::connect((host.as_str(), uri.port_u16().unwrap_or_default())).await?;
                stream.set_nodelay(true)?;
                // The key that the other shows says who it is, not a name.
                let name = ServerName::try_from("node.invalid").map_err(io::Error::other)?;
                let stream = TlsConnector::from(tls).connect(name, stream).await?;
                io::Result::Ok(TokioIo::new(stream))
            }
        });
        let channel = Endpoint::from_shared(url.to_string())
            .map_err(|error| DataFusionError::External(Box::new(error)))?
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .connect_with_connector_lazy(connect);
        let channel = BoxCloneSyncChannel::new(channel);
        open.insert(url.clone(), channel.clone());
        Ok(create_worker_client(channel))
    }

    /// Lets go of those to other nodes than these.
    pub(super) fn keep(&self, urls: &[Url]) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|url, _| urls.contains(url));
    }
}

#[async_trait]
impl ChannelResolver for Channels {
    async fn get_worker_client_for_url(&self, url: &Url) -> Result<Box<dyn WorkerChannel>> {
        Ok(Box::new(StreamEach(self.client(url)?)))
    }
}

/// Asks for each partition by a request of its own. In one request for several the library stops reading once one of
/// them has filled its buffer; a merge that waits for another of them would wait for ever.
struct StreamEach(Box<dyn WorkerChannel>);

#[async_trait]
impl WorkerChannel for StreamEach {
    async fn coordinator_channel(
        &mut self,
        headers: HeaderMap,
        set_plan_request: SetPlanRequest,
        c2w_stream: BoxStream<'static, CoordinatorToWorkerMsg>,
        metrics: ExecutionPlanMetricsSet,
        task_ctx: &Arc<TaskContext>,
    ) -> Result<BoxStream<'static, Result<WorkerToCoordinatorMsg>>> {
        self.0.coordinator_channel(headers, set_plan_request, c2w_stream, metrics, task_ctx).await
    }

    async fn execute_task(
        &mut self,
        headers: HeaderMap,
        request: ExecuteTaskRequest,
        metrics: ExecutionPlanMetricsSet,
        task_ctx: &Arc<TaskContext>,
    ) -> Result<Vec<BoxStream<'static, Result<RecordBatch>>>> {
        let mut streams = Vec::new();
        for partition in request.target_partition_start..request.target_partition_end {
            let one = ExecuteTaskRequest {
                task_key: request.task_key,
                target_partition_start: partition,
                target_partition_end: partition + 1,
                producer_head: request.producer_head.clone(),
            };
            streams.extend(self.0.execute_task(headers.clone(), one, metrics.clone(), task_ctx).await?);
        }
        Ok(streams)
    }

    async fn get_worker_info(&mut self, request: GetWorkerInfoRequest) -> Result<GetWorkerInfoResponse> {
        self.0.get_worker_info(request).await
    }
}

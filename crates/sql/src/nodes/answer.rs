//! One query, divided: its plan, its attempts, its rows.

use super::{
    Nodes, Peer, url,
    worker::{QUERY_HEADER, Share},
};
use crate::{
    failure::Failure,
    stored_scan::{ScanCodec, StoredScan},
};
use arrow_array::RecordBatch;
use datafusion::{
    common::tree_node::{TreeNode, TreeNodeRecursion},
    error::{DataFusionError, Result},
    execution::{
        TaskContext,
        runtime_env::RuntimeEnv,
        session_state::{SessionState, SessionStateBuilder},
    },
    logical_expr::{LogicalPlan, registry::FunctionRegistry},
    physical_plan::{ExecutionPlan, empty::EmptyExec, execute_stream, placeholder_row::PlaceholderRowExec},
};
use datafusion_distributed::{
    DesiredTaskCountEvent, DesiredTaskCountEventResponse, DistributedExt, DistributedLeafExec,
    ScaleUpLeafNodeEvent, ScaleUpLeafNodeEventResponse, SessionStateBuilderExt, WorkerResolver,
};
use futures::StreamExt;
use std::sync::Arc;
use tokio::sync::mpsc;
use tonic::metadata::MetadataMap;
use url::Url;
use uuid::Uuid;

/// A query is begun again where a node was lost; each time with the nodes that are left.
const ATTEMPTS: usize = 3;
/// Rows of an answer that are kept back until it is whole, in bytes: so long the query can be begun again.
const HELD_BYTES: usize = 8 << 20;
/// What one connection between two parts buffers, in bytes.
const BUFFER_BYTES: usize = 256 << 10;
/// A plan for one partition has no place at which it could be divided.
const MIN_PARTITIONS: usize = 2;

/// Operators that keep rows while they work.
const COLLECTING: &[&str] = &[
    "AggregateExec",
    "BoundedWindowAggExec",
    "CrossJoinExec",
    "HashJoinExec",
    "NestedLoopJoinExec",
    "SortExec",
    "SortMergeJoinExec",
    "WindowAggExec",
];

/// A query that is worth the other nodes.
pub(crate) struct Divided {
    nodes: Nodes,
    state: SessionState,
    logical: LogicalPlan,
    /// As this node alone runs it.
    alone: Arc<dyn ExecutionPlan>,
}

/// Where the rows of an answer go.
type Rows = mpsc::Sender<std::result::Result<RecordBatch, Failure>>;

impl Divided {
    /// The query, if it collects what may not fit into the memory that it has here, and if other nodes can read all
    /// that it reads.
    pub(crate) fn of(
        nodes: &Nodes,
        state: &SessionState,
        logical: &LogicalPlan,
        alone: &Arc<dyn ExecutionPlan>,
    ) -> Option<Self> {
        let (mut bytes, mut collects, mut known) = (0, false, true);
        let _ = alone.apply(|plan| {
            collects |= COLLECTING.contains(&plan.name());
            if let Some(scan) = plan.downcast_ref::<StoredScan>() {
                bytes = scan.bytes().max(bytes);
            } else if plan.children().is_empty() {
                known &= plan.is::<EmptyExec>() || plan.is::<PlaceholderRowExec>();
            }
            Ok(TreeNodeRecursion::Continue)
        });
        let beyond = bytes > nodes.0.store.query_memory() as u64;
        (beyond && collects && known).then(|| Self {
            nodes: nodes.clone(),
            state: state.clone(),
            logical: logical.clone(),
            alone: alone.clone(),
        })
    }

    pub(crate) fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// Sends the rows of the answer, or why there is none.
    pub(crate) async fn answer(self, share: Share, environment: Arc<RuntimeEnv>, to: &Rows) {
        for attempt in 1..=ATTEMPTS {
            let peers = match self.nodes.reachable().await {
                Ok(peers) => peers,
                Err(problem) => {
                    let _ = to.send(Err(problem.into())).await;
                    return;
                }
            };
            let mut held = Held::default();
            let failed = match self.divide(&peers, &share, &environment, to, &mut held).await {
                Ok(()) => return,
                Err(error) => error,
            };
            let lost = !held.sent && self.is_any_lost(&peers).await;
            if lost && attempt < ATTEMPTS {
                tracing::warn!(
                    attempt,
                    "a node was lost in the middle of a query, which begins again without it"
                );
                continue;
            }
            if held.sent || lost || is_its_own(&failed) {
                let _ = to.send(Err(Failure::query(failed))).await;
                return;
            }
            tracing::warn!(cause = %failed.strip_backtrace(), "a query can't be divided, and one node answers it");
            let context = TaskContext::from(&self.state).with_runtime(environment);
            if let Err(error) = run(self.alone, Arc::new(context), to, &mut Held::default()).await {
                let _ = to.send(Err(Failure::query(error))).await;
            }
            return;
        }
    }

    async fn divide(
        &self,
        peers: &[Peer],
        share: &Share,
        environment: &Arc<RuntimeEnv>,
        to: &Rows,
        held: &mut Held,
    ) -> Result<()> {
        let (plan, context) = match peers.len() {
            0 | 1 => (self.alone.clone(), TaskContext::from(&self.state)),
            _ => self.plan(peers, share).await?,
        };
        tracing::debug!(nodes = peers.len(), "a query begins on several nodes");
        run(plan, Arc::new(context.with_runtime(environment.clone())), to, held).await
    }

    async fn is_any_lost(&self, peers: &[Peer]) -> bool {
        for peer in peers.iter().filter(|peer| peer.id != self.nodes.0.own.id) {
            if !self.nodes.answers(peer).await {
                return true;
            }
        }
        false
    }

    async fn plan(&self, peers: &[Peer], share: &Share) -> Result<(Arc<dyn ExecutionPlan>, TaskContext)> {
        let inner = &self.nodes.0;
        let query = Uuid::now_v7();
        inner.shares.begin(query, share);
        let mut headers = MetadataMap::new();
        let id = query.to_string().parse().map_err(|error| DataFusionError::External(Box::new(error)))?;
        headers.insert(QUERY_HEADER, id);
        let memory = inner.store.query_memory() as u64;
        let nodes = peers.len();
        let urls: Vec<Url> = peers.iter().filter_map(url).collect();
        let parallel = self.state.config().target_partitions().max(MIN_PARTITIONS);
        let config = self.state.config().clone().with_target_partitions(parallel);
        let mut builder = SessionStateBuilder::new_from_existing(self.state.clone())
            .with_config(config)
            .with_distributed_planner()
            .with_distributed_worker_resolver(Reachable(urls))
            .with_distributed_channel_resolver(inner.channels.clone())
            .with_distributed_user_codec(ScanCodec(inner.store.clone()))
            .with_distributed_passthrough_headers(headers.into_headers())?
            .with_distributed_metrics_collection(false)?
            // A plan in which the library broadcasts one side reads a partition of it twice, and fails.
            .with_distributed_broadcast_joins(false)?
            .with_distributed_worker_connection_buffer_budget_bytes(BUFFER_BYTES)?
            .with_distributed_desired_task_count_handler(move |event: DesiredTaskCountEvent<'_>| {
                let scan = event.plan.downcast_ref::<StoredScan>()?;
                // What is collected of the rows takes more than the rows: a large table goes to every node.
                let tasks = if scan.bytes() > memory { nodes } else { 1 };
                Some(Ok(DesiredTaskCountEventResponse::desired(tasks)))
            })
            .with_distributed_scale_up_leaf_node_handler(split);
        if let Some(own) = url(&inner.own) {
            builder =
                builder.with_distributed_local_worker_context(inner.worker.to_local_worker_context(own));
        }
        let mut state = builder.build();
        for function in &inner.vocabulary.functions {
            if state.udf(function.name()).is_err() {
                state.register_udf(function.clone())?;
            }
        }
        let plan = state.create_physical_plan(&self.logical).await?;
        Ok((plan, TaskContext::from(&state)))
    }
}

fn split(event: ScaleUpLeafNodeEvent<'_>) -> Option<Result<ScaleUpLeafNodeEventResponse>> {
    let scan = event.plan.downcast_ref::<StoredScan>()?;
    let leaf = DistributedLeafExec::try_new(event.plan.clone(), scan.split(event.task_count));
    Some(leaf.map(|leaf| ScaleUpLeafNodeEventResponse::new(Arc::new(leaf))))
}

/// Whether an error says something of the statement, its values or its size. Others are of the division.
fn is_its_own(error: &DataFusionError) -> bool {
    matches!(
        error.find_root(),
        DataFusionError::ResourcesExhausted(_)
            | DataFusionError::ArrowError(..)
            | DataFusionError::Execution(_)
    )
}

struct Reachable(Vec<Url>);

impl WorkerResolver for Reachable {
    fn get_urls(&self) -> Result<Vec<Url>> {
        Ok(self.0.clone())
    }
}

/// The first rows, until there are many or all.
#[derive(Default)]
struct Held {
    batches: Vec<RecordBatch>,
    bytes: usize,
    sent: bool,
}

impl Held {
    /// Whether somebody still listens.
    async fn release(&mut self, to: &Rows) -> bool {
        self.bytes = 0;
        for batch in self.batches.drain(..) {
            self.sent = true;
            if to.send(Ok(batch)).await.is_err() {
                return false;
            }
        }
        true
    }
}

async fn run(
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    to: &Rows,
    held: &mut Held,
) -> Result<()> {
    let mut batches = execute_stream(plan, context)?;
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        held.bytes += batch.get_array_memory_size();
        held.batches.push(batch);
        if (held.sent || held.bytes > HELD_BYTES) && !held.release(to).await {
            return Ok(());
        }
    }
    held.release(to).await;
    Ok(())
}

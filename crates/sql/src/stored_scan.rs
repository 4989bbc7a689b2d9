//! The rows of a version as a leaf of a plan, which other nodes can run a part of: what travels is which rows of which
//! version are meant, never the rows' files or a credential.

use crate::{
    shown::Representation,
    stored_table::{external, take},
};
use arrow_schema::{Schema, SchemaRef};
use datafusion::{
    common::{Result, internal_datafusion_err, internal_err, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{EquivalenceProperties, PhysicalExpr},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
        coop::make_cooperative,
        execution_plan::{Boundedness, EmissionType, SchedulingType},
        limit::LimitStream,
        metrics::{BaselineMetrics, ExecutionPlanMetricsSet},
        stream::RecordBatchStreamAdapter,
    },
};
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use futures::{StreamExt, TryStreamExt, stream};
use mycorr_domain::{Column, Snapshot, StoreVersion, TableId};
use mycorr_tables::{DeltaStore, StoredRows};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// Which rows and columns of a version.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Wanted {
    pub(crate) columns: Vec<(Column, Representation)>,
    /// Into how many parts all rows are cut; what a version has depends on nothing else.
    pub(crate) parts: usize,
    /// Of these, the first that is read here, and how many are: each is a partition.
    pub(crate) first: usize,
    pub(crate) count: usize,
    /// Rows of a partition that suffice.
    pub(crate) limit: Option<usize>,
}

pub(crate) struct StoredScan {
    store: DeltaStore,
    at: (TableId, StoreVersion),
    wanted: Wanted,
    bytes: u64,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    /// Keeps the files while the plan may run.
    _held: Option<StoredRows>,
}

/// As a scan travels.
#[derive(Serialize, Deserialize)]
struct Sent {
    table: TableId,
    version: i64,
    wanted: Wanted,
}

impl StoredScan {
    pub(crate) fn new(
        store: DeltaStore,
        at: (TableId, StoreVersion),
        wanted: Wanted,
        decoded_bytes: u64,
    ) -> Self {
        let fields = wanted.columns.iter().map(|(column, as_)| as_.field(column));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema.clone()),
            Partitioning::UnknownPartitioning(wanted.count),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        let (properties, metrics) = (Arc::new(properties), ExecutionPlanMetricsSet::new());
        Self { store, at, wanted, bytes: decoded_bytes, schema, properties, metrics, _held: None }
    }

    pub(crate) fn holding(self, rows: StoredRows) -> Self {
        Self { _held: Some(rows), ..self }
    }

    /// Bytes of all that is read, decoded; nothing where a few rows suffice.
    pub(crate) fn bytes(&self) -> u64 {
        if self.wanted.limit.is_some() { 0 } else { self.bytes }
    }

    /// The same rows cut for so many tasks, each with as many partitions as this has or as a node has threads.
    pub(crate) fn split(&self, tasks: usize) -> Vec<Arc<dyn ExecutionPlan>> {
        let count = self.wanted.count.max(1);
        let part = |task| {
            let wanted = Wanted { parts: tasks * count, first: task * count, count, ..self.wanted.clone() };
            Arc::new(Self::new(self.store.clone(), self.at, wanted, self.bytes)) as Arc<dyn ExecutionPlan>
        };
        (0..tasks).map(part).collect()
    }
}

impl fmt::Debug for StoredScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredScan").field("at", &self.at).finish_non_exhaustive()
    }
}

impl DisplayAs for StoredScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Wanted { parts, first, count, .. } = &self.wanted;
        write!(f, "StoredScan: parts {first}..{} of {parts}", first + count)
    }
}

impl ExecutionPlan for StoredScan {
    fn name(&self) -> &'static str {
        "StoredScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn fetch(&self) -> Option<usize> {
        self.wanted.limit
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("a scan has no children") }
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let Wanted { columns, parts, first, limit, .. } = self.wanted.clone();
        let (store, (table, version), schema) = (self.store.clone(), self.at, self.schema.clone());
        let batches = stream::once(async move {
            let read = columns.iter().map(|(column, _)| column.clone()).collect();
            let rows = store.stored_rows(&Snapshot { table, version, columns: read }).await?;
            let places: Vec<usize> = (0..columns.len()).collect();
            let part = rows.parts(&places, parts).await?.into_iter().nth(first + partition);
            let batches = part.map(|part| part.batches());
            // A version of few row groups has fewer parts than were wanted.
            let batches = stream::iter(batches).flatten();
            Ok(batches.map(move |batch| {
                let _open = &rows;
                take(&columns, &schema, &batch.map_err(external)?)
            }))
        });
        let batches = batches.map_err(external).try_flatten();
        let batches = RecordBatchStreamAdapter::new(self.schema.clone(), batches);
        let batches = make_cooperative(Box::pin(batches));
        Ok(match limit {
            Some(_) => {
                let metrics = BaselineMetrics::new(&self.metrics, partition);
                Box::pin(LimitStream::new(batches, 0, limit, metrics))
            }
            None => batches,
        })
    }
}

/// How a scan travels between nodes.
#[derive(Clone)]
pub(crate) struct ScanCodec(pub(crate) DeltaStore);

impl fmt::Debug for ScanCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScanCodec")
    }
}

impl PhysicalExtensionCodec for ScanCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &TaskContext,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !inputs.is_empty() {
            return internal_err!("a scan has no children");
        }
        let sent: Sent = serde_json::from_slice(buf)
            .map_err(|error| internal_datafusion_err!("a scan can't be read: {error}"))?;
        let at = (sent.table, StoreVersion(sent.version));
        Ok(Arc::new(StoredScan::new(self.0.clone(), at, sent.wanted, 0)))
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let Some(scan) = node.downcast_ref::<StoredScan>() else {
            return internal_err!("{} does not travel", node.name());
        };
        let (table, version) = scan.at;
        let sent = Sent { table, version: version.0, wanted: scan.wanted.clone() };
        serde_json::to_writer(buf, &sent)
            .map_err(|error| internal_datafusion_err!("a scan can't be written: {error}"))
    }
}

//! Which rows a view has, and in which order: their numbers. The columns that matter pass by once; DataFusion
//! sorts, on disk what is more than its share of memory. Its plan has the same three nodes for every query.

use crate::{
    conditions::{Conditions, stored},
    options::QueryOptions,
    order::SortColumn,
    packed,
    problem::query,
    row_numbers::{RowNumbers, RowNumbersWriter},
    scan::{Group, ROW, Scan},
    sort_pool::{SortPool, unspilled},
    version::Version,
};
use arrow_array::{ArrayRef, RecordBatch, cast::AsArray, types::UInt64Type};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use datafusion::{
    error::DataFusionError,
    execution::{
        SendableRecordBatchStream, TaskContext, memory_pool::GreedyMemoryPool, runtime_env::RuntimeEnv,
    },
    physical_expr::{LexOrdering, PhysicalSortExpr, expressions::Column as Place},
    physical_plan::{
        ExecutionPlan,
        sorts::{sort::SortExec, sort_preserving_merge::SortPreservingMergeExec},
        stream::RecordBatchStreamAdapter,
        streaming::{PartitionStream, StreamingTableExec},
    },
    prelude::SessionConfig,
};
use futures::{StreamExt, TryStreamExt, future, stream};
use mycorr_domain::{Column, FilterGroup, Problem, Result, Sort};
use std::{fmt, sync::Arc};
use tokio::task::JoinSet;

/// A view of a version: what passes the conditions, in the order of the sort.
pub(crate) struct View {
    pub(crate) scan: Arc<Scan>,
    pub(crate) conditions: Conditions,
    /// With whether it descends. Empty: the order of arrival.
    pub(crate) sort: Vec<(SortColumn, bool)>,
}

/// What a filter's batches take, for each reader.
const FILTER_BATCH_BYTES: usize = 4 << 20;
/// The least that a sort gets.
const MIN_SORT_BYTES: usize = 16 << 20;

impl View {
    pub(crate) async fn new(
        version: Arc<Version>,
        columns: &[Column],
        sort: &[Sort],
        filters: &[FilterGroup],
    ) -> Result<Self> {
        let find = |name: &str, field: &'static str| {
            columns.iter().find(|column| column.name == name).ok_or_else(|| {
                Problem::invalid(field, format!("This version of the table has no column {name:?}."))
            })
        };
        let mut used: Vec<SortColumn> = Vec::new();
        let wanted = sort.iter().map(|sort| find(&sort.column, "sort"));
        let filtered =
            filters.iter().flat_map(FilterGroup::filters).map(|filter| find(&filter.column, "filter"));
        for column in wanted.chain(filtered) {
            let column = column?;
            if !used.iter().any(|known| known.column == *column) {
                let companion = version.has_field(&column.exact_name()).await?;
                used.push(SortColumn::new(column.clone(), companion));
            }
        }
        let ordered = |name: &str| {
            used.iter()
                .find(|known| known.column.name == name)
                .expect("every column of the query was collected")
        };
        Ok(Self {
            conditions: Conditions::new(filters, ordered)?,
            sort: sort.iter().map(|sort| (ordered(&sort.column).clone(), sort.descending)).collect(),
            scan: Arc::new(Scan::new(version, &used).await?),
        })
    }

    /// Memory that it takes to build its index, at most `most`.
    pub(crate) fn memory(&self, most: usize, parallel: usize) -> usize {
        if self.sort.is_empty() {
            return (4 * FILTER_BATCH_BYTES * parallel).min(most);
        }
        let rows = usize::try_from(self.scan.rows()).unwrap_or(usize::MAX);
        unspilled(rows.saturating_mul(self.key_bytes())).saturating_add(MIN_SORT_BYTES).min(most)
    }

    pub(crate) fn key_bytes(&self) -> usize {
        match self.packed_type() {
            DataType::Binary => self.scan.row_bytes + 16 + 8 * self.sort.len(),
            _ => size_of::<i128>(),
        }
    }

    fn packed_type(&self) -> DataType {
        let types: Vec<_> = self.sort.iter().map(|(column, _)| column.key_type()).collect();
        packed::data_type(&types)
    }

    /// The numbers of the batch's rows that pass, packed with their keys if they are to be sorted.
    fn take(&self, batch: RecordBatch) -> Result<ArrayRef> {
        let batch = self.conditions.filter(batch)?;
        let rows = batch.column_by_name(ROW).ok_or_else(|| Problem::bug("a batch without row numbers"))?;
        if self.sort.is_empty() {
            return Ok(rows.clone());
        }
        let keys: Vec<ArrayRef> =
            (0..self.sort.len()).map(|at| self.keys(at, &batch)).collect::<Result<_>>()?;
        let descending: Vec<bool> = self.sort.iter().map(|(_, descending)| *descending).collect();
        Ok(packed::pack(&keys, &descending, rows.as_primitive()))
    }

    /// The keys of the sort's column at a place.
    pub(crate) fn keys(&self, at: usize, batch: &RecordBatch) -> Result<ArrayRef> {
        let (column, _) = &self.sort[at];
        let (native, exact) = stored(column, batch)?;
        Ok(column.keys(native, exact))
    }

    /// Builds the index with `memory` bytes.
    pub(crate) async fn rows(
        self,
        memory: usize,
        options: &QueryOptions,
        parallel: usize,
    ) -> Result<RowNumbers> {
        let view = Arc::new(self);
        match view.sort.is_empty() {
            true => view.filtered(options, parallel).await,
            false => view.sorted(memory, options, parallel).await,
        }
    }

    /// Reads the partitions side by side and puts their rows one after the other.
    async fn filtered(self: Arc<Self>, options: &QueryOptions, parallel: usize) -> Result<RowNumbers> {
        let mut tasks = JoinSet::new();
        let mut parts: Vec<Option<RowNumbers>> = Vec::new();
        for (at, groups) in self.scan.partitions(parallel).into_iter().enumerate() {
            parts.push(None);
            let view = self.clone();
            let mut rows = RowNumbersWriter::create(view.scan.rows(), options.spill_folder())?;
            tasks.spawn(async move {
                let mut batches = std::pin::pin!(view.scan.clone().batches(groups, FILTER_BATCH_BYTES));
                while let Some(batch) = batches.try_next().await? {
                    rows.append(view.take(batch)?.as_primitive::<UInt64Type>().values())?;
                }
                Ok::<_, Problem>((at, rows.finish()?))
            });
        }
        while let Some(done) = tasks.join_next().await {
            let (at, part) = done.map_err(Problem::bug)??;
            parts[at] = Some(part);
        }
        let mut rows = RowNumbersWriter::create(self.scan.rows(), options.spill_folder())?;
        for part in parts.into_iter().flatten() {
            rows.append_all(part)?;
        }
        rows.finish()
    }

    async fn sorted(
        self: Arc<Self>,
        memory: usize,
        options: &QueryOptions,
        parallel: usize,
    ) -> Result<RowNumbers> {
        let scan = self.scan.clone();
        let mut rows = RowNumbersWriter::create(scan.rows(), options.spill_folder())?;
        let memory = memory.max(MIN_SORT_BYTES);
        let schema = Arc::new(Schema::new(vec![Field::new("packed", self.packed_type(), false)]));
        let order = LexOrdering::new([PhysicalSortExpr::new_default(Arc::new(Place::new("packed", 0)))])
            .expect("one column is an order");
        let merging = memory / 8;
        let environment =
            options.environment(Arc::new(GreedyMemoryPool::new(merging)), options.spill_bytes())?;
        let partitions = scan.partitions(parallel);
        let own = (memory - merging) / partitions.len().max(1);
        let partitions = partitions.into_iter().map(|groups| {
            Arc::new(SortedKeys {
                view: self.clone(),
                schema: schema.clone(),
                groups,
                order: order.clone(),
                memory: own,
                environment: environment.clone(),
            }) as Arc<dyn PartitionStream>
        });
        let sorted = StreamingTableExec::try_new(schema.clone(), partitions.collect(), None, [], false, None)
            .map_err(Problem::bug)?;
        let config = SessionConfig::new().with_batch_size(self.batch_rows(own));
        let context = TaskContext::default().with_session_config(config).with_runtime(environment);
        let merged = SortPreservingMergeExec::new(order, Arc::new(sorted));
        let mut batches = merged.execute(0, Arc::new(context)).map_err(query)?;
        while let Some(batch) = batches.try_next().await.map_err(query)? {
            rows.append(&packed::rows(batch.column(0)))?;
        }
        rows.finish()
    }

    /// Rows of a batch of keys, where a sort has so many bytes: a merge holds several batches of each run.
    fn batch_rows(&self, memory: usize) -> usize {
        (batch_bytes(memory) / self.key_bytes()).clamp(1, 8192)
    }
}

fn batch_bytes(memory: usize) -> usize {
    memory / 32
}

/// The packed keys of a range of rows in their order. It has memory of its own: what one sort gives back in order to
/// merge is there for its merge, and no other sort takes it.
struct SortedKeys {
    view: Arc<View>,
    schema: SchemaRef,
    groups: Vec<Group>,
    order: LexOrdering,
    memory: usize,
    /// Whose files are shared.
    environment: Arc<RuntimeEnv>,
}

impl SortedKeys {
    fn start(&self) -> datafusion::error::Result<SendableRecordBatchStream> {
        let keys = Arc::new(Keys {
            view: self.view.clone(),
            schema: self.schema.clone(),
            groups: self.groups.clone(),
            batch_bytes: batch_bytes(self.memory),
        });
        let keys = StreamingTableExec::try_new(self.schema.clone(), vec![keys], None, [], false, None)?;
        let config = SessionConfig::new()
            .with_batch_size(self.view.batch_rows(self.memory))
            .with_sort_spill_reservation_bytes(self.memory / 16)
            // What is sorted before it is merged: the more, the fewer comparisons that merging takes.
            .with_sort_in_place_threshold_bytes((16 << 20).min(self.memory / 4));
        let mut environment = RuntimeEnv::clone(&self.environment);
        environment.memory_pool = Arc::new(SortPool::new(self.memory));
        let context = TaskContext::default().with_session_config(config).with_runtime(Arc::new(environment));
        SortExec::new(self.order.clone(), Arc::new(keys)).execute(0, Arc::new(context))
    }
}

impl fmt::Debug for SortedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.groups).finish()
    }
}

impl PartitionStream for SortedKeys {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        self.start().unwrap_or_else(|error| {
            let failed = stream::once(future::ready(Err(error)));
            Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), failed))
        })
    }
}

/// The packed keys of a range of rows.
struct Keys {
    view: Arc<View>,
    schema: SchemaRef,
    groups: Vec<Group>,
    batch_bytes: usize,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.groups).finish()
    }
}

impl PartitionStream for Keys {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (view, schema) = (self.view.clone(), self.schema.clone());
        let external = |problem: Problem| DataFusionError::External(Box::new(problem));
        let batches = view.scan.clone().batches(self.groups.clone(), self.batch_bytes).map(move |batch| {
            let packed = batch.and_then(|batch| view.take(batch)).map_err(external)?;
            Ok(RecordBatch::try_new(schema.clone(), vec![packed])?)
        });
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), batches))
    }
}

//! The rows of an export, batch by batch in its order.

use crate::{
    companions::by_name, conditions::Conditions, order::SortColumn, page, row_numbers::RowNumbers,
    scan::Scan, sizes, version::Version,
};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt64Array, cast::AsArray, new_null_array};
use arrow_schema::{Field, Schema, SchemaRef};
use async_stream::try_stream;
use datafusion::arrow::compute::{concat_batches, take_record_batch};
use futures::{Stream, StreamExt, TryStreamExt, stream::BoxStream};
use mycorr_domain::{Column, FilterGroup, Problem, Result, StoredColumn};
use std::{collections::HashSet, ops::ControlFlow, sync::Arc};
use tokio::{runtime::Handle, task::JoinSet};

/// What is decoded at a time.
pub(crate) const BATCH_BYTES: usize = 1 << 20;
const BATCH_ROWS: usize = 8192;

/// The columns of an export, as they are stored and as they are called.
#[derive(Clone)]
pub(crate) struct Shape {
    columns: Arc<[Column]>,
    /// For each column, whether its companion follows it.
    companions: Arc<[bool]>,
    schema: SchemaRef,
}

impl Shape {
    pub(crate) async fn new(version: &Version, columns: Arc<[Column]>) -> Result<Self> {
        let mut companions = Vec::with_capacity(columns.len());
        for column in &*columns {
            companions.push(version.has_field(&column.exact_name()).await?);
        }
        let fields = columns.iter().zip(&companions).flat_map(|(column, &companion)| {
            [Some(column.arrow_field()), companion.then(|| column.exact_field())].into_iter().flatten()
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(Self { columns, companions: companions.into(), schema })
    }

    /// The columns of a batch of this shape.
    pub(crate) fn columns<'a>(&'a self, batch: &'a RecordBatch) -> Vec<StoredColumn<'a>> {
        let mut arrays = batch.columns().iter();
        let stored = self.columns.iter().zip(&*self.companions).map(|(column, &companion)| StoredColumn {
            column,
            native: arrays.next().expect("a batch has the columns of its schema"),
            exact: if companion { arrays.next().map(|exact| exact.as_binary::<i32>()) } else { None },
        });
        stored.collect()
    }

    /// The same with the names that people know; a companion's is its column's with `__exact`.
    pub(crate) fn named_schema(&self) -> SchemaRef {
        let mut taken: HashSet<String> = self.columns.iter().map(|column| column.name.clone()).collect();
        let mut fields: Vec<Field> = Vec::new();
        for (column, &companion) in self.columns.iter().zip(&*self.companions) {
            fields.push(column.arrow_field().with_name(&column.name));
            if companion {
                let mut name = format!("{}__exact", column.name);
                while !taken.insert(name.clone()) {
                    name.push('_');
                }
                fields.push(column.exact_field().with_name(name));
            }
        }
        Arc::new(Schema::new(fields))
    }

    pub(crate) fn fields(&self) -> &SchemaRef {
        &self.schema
    }

    /// The batch in this shape: what its file lacks is null.
    fn take(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let stored = by_name(batch);
        let column = |field: &Arc<Field>| -> ArrayRef {
            match stored.get(field.name().as_str()) {
                Some(column) => Arc::clone(column),
                None => new_null_array(field.data_type(), batch.num_rows()),
            }
        };
        let columns = self.schema.fields().iter().map(column).collect();
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &count(batch)).map_err(Problem::bug)
    }
}

/// The number of rows, which a batch without columns has to be told.
pub(super) fn count(batch: &RecordBatch) -> RecordBatchOptions {
    RecordBatchOptions::new().with_row_count(Some(batch.num_rows()))
}

pub(crate) struct ExportRows {
    version: Arc<Version>,
    shape: Shape,
    order: Order,
}

enum Order {
    Arrival {
        scan: Arc<Scan>,
        conditions: Conditions,
    },
    /// The rows in that order, of which so many fit into memory.
    Sorted {
        numbers: Arc<RowNumbers>,
        at_a_time: u64,
    },
}

impl ExportRows {
    /// Those that pass `filters`, as they came.
    pub(crate) async fn in_arrival(
        version: Arc<Version>,
        all: &[Column],
        columns: Arc<[Column]>,
        filters: &[FilterGroup],
    ) -> Result<Self> {
        let shape = Shape::new(&version, columns.clone()).await?;
        let mut used: Vec<SortColumn> = columns
            .iter()
            .zip(&*shape.companions)
            .map(|(column, &companion)| SortColumn::new(column.clone(), companion))
            .collect();
        for filter in filters.iter().flat_map(FilterGroup::filters) {
            let column = all.iter().find(|column| column.name == filter.column).ok_or_else(|| {
                let message = format!("This version of the table has no column {:?}.", filter.column);
                Problem::invalid("filter", message)
            })?;
            if !used.iter().any(|known| known.column == *column) {
                let companion = version.has_field(&column.exact_name()).await?;
                used.push(SortColumn::new(column.clone(), companion));
            }
        }
        let find = |name: &str| {
            used.iter()
                .find(|known| known.column.name == name)
                .expect("every column of a filter was collected")
        };
        let conditions = Conditions::new(filters, find)?;
        let scan = Arc::new(Scan::new(version.clone(), &used).await?);
        Ok(Self { version, shape, order: Order::Arrival { scan, conditions } })
    }

    /// These rows in that order, with `memory` bytes for what is decoded of them.
    pub(crate) async fn sorted(
        version: Arc<Version>,
        columns: Arc<[Column]>,
        numbers: Arc<RowNumbers>,
        memory: usize,
    ) -> Result<Self> {
        let shape = Shape::new(&version, columns.clone()).await?;
        let row_bytes = row_bytes(&version, &columns).await?;
        // A row is there as it was read, put together, and in its place.
        let at_a_time = (memory / 3 / row_bytes).max(1) as u64;
        Ok(Self { version, shape, order: Order::Sorted { numbers, at_a_time } })
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape.clone()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.shape.columns.iter().map(|column| column.name.as_str())
    }

    pub(crate) fn batches(self) -> BoxStream<'static, Result<RecordBatch>> {
        let Self { version, shape, order } = self;
        match order {
            Order::Arrival { scan, conditions } => {
                let groups = scan.partitions(1).swap_remove(0);
                let batches = scan.batches(groups, BATCH_BYTES);
                batches
                    .and_then(move |batch| {
                        std::future::ready(conditions.filter(batch).and_then(|batch| shape.take(&batch)))
                    })
                    .boxed()
            }
            Order::Sorted { numbers, at_a_time } => gathered(version, shape, numbers, at_a_time).boxed(),
        }
    }
}

/// As many rows as fit into memory are gathered from all over the version, then put in their order. What a file's page
/// holds is decoded once for each time.
fn gathered(
    version: Arc<Version>,
    shape: Shape,
    numbers: Arc<RowNumbers>,
    at_a_time: u64,
) -> impl Stream<Item = Result<RecordBatch>> + Send {
    try_stream! {
        let mut start = 0;
        while start < numbers.len() {
            let range = start..(start + at_a_time).min(numbers.len());
            start = range.end;
            let slice = { let numbers = numbers.clone(); tokio::task::spawn_blocking(move || numbers.slice(range)) };
            let ids = slice.await.map_err(Problem::bug)??;
            let found = rows_in_order(&version, &shape, &ids).await?;
            let mut at = 0;
            while at < found.num_rows() {
                let rows = BATCH_ROWS.min(found.num_rows() - at);
                yield found.slice(at, rows);
                at += rows;
            }
        }
    }
}

/// So many rows that lie apart are worth a worker.
const ROWS_OF_WORKER: usize = 4096;

/// The rows `ids` in that order, none of them twice. Several workers share what is much.
pub(crate) async fn rows_in_order(version: &Arc<Version>, shape: &Shape, ids: &[u64]) -> Result<RecordBatch> {
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.sort_unstable_by_key(|&at| ids[at]);
    let sorted: Vec<u64> = order.iter().map(|&at| ids[at]).collect();
    let workers = Handle::current().metrics().num_workers().min(sorted.len().div_ceil(ROWS_OF_WORKER));
    let batches = match workers {
        0 | 1 => ascending(version, shape, &sorted).await?,
        _ => {
            let mut tasks = JoinSet::new();
            for (at, part) in sorted.chunks(sorted.len().div_ceil(workers)).enumerate() {
                let (version, shape, part) = (version.clone(), shape.clone(), part.to_vec());
                tasks.spawn(async move { (at, ascending(&version, &shape, &part).await) });
            }
            let mut parts = tasks.join_all().await;
            parts.sort_unstable_by_key(|(at, _)| *at);
            parts.into_iter().map(|(_, batches)| batches).collect::<Result<Vec<_>>>()?.concat()
        }
    };
    let found = concat_batches(&shape.schema, &batches).map_err(Problem::bug)?;
    drop(batches);
    let mut places = vec![0; ids.len()];
    order.iter().enumerate().for_each(|(found, &wanted)| places[wanted] = found as u64);
    take_record_batch(&found, &UInt64Array::from(places)).map_err(Problem::bug)
}

/// The rows `ids`, which ascend.
async fn ascending(version: &Version, shape: &Shape, ids: &[u64]) -> Result<Vec<RecordBatch>> {
    let mut batches = Vec::new();
    let mut left = ids;
    for file in version.files.iter() {
        let (here, rest) = left.split_at(left.partition_point(|&id| id < file.first + file.rows));
        left = rest;
        let here: Vec<u64> = here.iter().map(|&id| id - file.first).collect();
        page::read(file, &shape.columns, &here, BATCH_ROWS, |batch| {
            batches.push(shape.take(batch)?);
            Ok(ControlFlow::Continue(()))
        })
        .await?;
    }
    Ok(batches)
}

/// Decoded bytes of the largest row, as [`sizes::row_bytes`] knows it.
pub(crate) async fn row_bytes(version: &Version, columns: &[Column]) -> Result<usize> {
    let mut most = 1;
    for file in version.files.iter() {
        let metadata = file.metadata().await?;
        let groups = 0..metadata.metadata().num_row_groups();
        most = most.max(sizes::row_bytes(&metadata, columns, groups));
    }
    Ok(most)
}

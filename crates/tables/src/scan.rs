//! A version as a table of DataFusion: some of its columns, and the number of each row. A partition is a
//! range of rows, so that partitions in their order are the version in its order.

use crate::{
    index::fields,
    order::Ordered,
    page::{batch_rows, projection},
    version::Version,
};
use arrow_array::{ArrayRef, RecordBatch, UInt64Array, new_null_array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use async_stream::try_stream;
use datafusion::{
    catalog::streaming::StreamingTable,
    error::DataFusionError,
    execution::{SendableRecordBatchStream, TaskContext},
    physical_plan::{stream::RecordBatchStreamAdapter, streaming::PartitionStream},
};
use futures::{StreamExt, TryStreamExt};
use mycorr_domain::{Column, Problem, Result};
use std::{error::Error, fmt, sync::Arc};

/// The column with the row's number. No field is called so: those have no blanks.
pub(crate) const ROW: &str = "row number";

pub(crate) async fn table(
    version: Arc<Version>,
    used: &[Ordered],
    parallel: usize,
) -> Result<StreamingTable> {
    let mut all = fields(used).fields().to_vec();
    all.push(Arc::new(Field::new(ROW, DataType::UInt64, false)));
    let schema: SchemaRef = Arc::new(Schema::new(all));
    let columns: Arc<[Column]> = used.iter().map(|ordered| ordered.column.clone()).collect();
    let partitions = partitions(&version, parallel).await?;
    let partitions = partitions.into_iter().map(|groups| {
        let (version, schema, columns) = (version.clone(), schema.clone(), columns.clone());
        Arc::new(Partition { version, groups, columns, schema }) as Arc<dyn PartitionStream>
    });
    StreamingTable::try_new(schema.clone(), partitions.collect()).map_err(Problem::bug)
}

/// A row group: its file's place, its own, and the number of its first row.
#[derive(Clone, Copy, Debug)]
struct Group {
    file: usize,
    group: usize,
    first: u64,
}

/// All row groups in order, cut into about equal parts.
async fn partitions(version: &Version, parallel: usize) -> Result<Vec<Vec<Group>>> {
    let mut groups = Vec::new();
    for (at, file) in version.files.iter().enumerate() {
        let mut first = file.first;
        for (group, metadata) in file.metadata().await?.metadata().row_groups().iter().enumerate() {
            groups.push(Group { file: at, group, first });
            first += metadata.num_rows() as u64;
        }
    }
    let each = groups.len().div_ceil(parallel).max(1);
    let parts: Vec<_> = groups.chunks(each).map(<[Group]>::to_vec).collect();
    // DataFusion wants at least one.
    Ok(if parts.is_empty() { vec![Vec::new()] } else { parts })
}

struct Partition {
    version: Arc<Version>,
    groups: Vec<Group>,
    columns: Arc<[Column]>,
    schema: SchemaRef,
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.groups).finish()
    }
}

impl PartitionStream for Partition {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (version, groups, columns) = (self.version.clone(), self.groups.clone(), self.columns.clone());
        let schema = self.schema.clone();
        let rows = context.session_config().batch_size();
        let batches = try_stream! {
            for group in groups {
                let file = &version.files[group.file];
                let opened = file.open().await.map_err(external)?;
                let metadata = file.metadata().await.map_err(external)?;
                let mut batches = opened
                    .with_projection(projection(metadata, &columns))
                    .with_row_groups(vec![group.group])
                    .with_batch_size(batch_rows(metadata, &columns, rows))
                    .build()
                    .map_err(external)?;
                let mut first = group.first;
                while let Some(batch) = batches.try_next().await.map_err(external)? {
                    let numbered = number(&batch, &schema, first)?;
                    first += batch.num_rows() as u64;
                    yield numbered;
                }
            }
        };
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), batches.boxed()))
    }
}

/// The batch in the columns of `schema`: what the file lacks is null, and rows are numbered from `first` on.
fn number(batch: &RecordBatch, schema: &SchemaRef, first: u64) -> Result<RecordBatch, DataFusionError> {
    let rows = batch.num_rows();
    let column = |field: &Arc<Field>| -> ArrayRef {
        if field.name() == ROW {
            return Arc::new(UInt64Array::from_iter_values(first..first + rows as u64));
        }
        match batch.column_by_name(field.name()) {
            Some(column) => column.clone(),
            None => new_null_array(field.data_type(), rows),
        }
    };
    Ok(RecordBatch::try_new(schema.clone(), schema.fields().iter().map(column).collect())?)
}

fn external(error: impl Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

//! Some columns of a version, batch by batch, with the number of each row. What is read side by side are ranges
//! of rows, so that they, one after the other, are the version in its order.

use crate::{
    companions::by_name, order::SortColumn, page::projection, problem::storage, sizes, version::Version,
};
use arrow_array::{ArrayRef, RecordBatch, UInt64Array, new_null_array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use async_stream::try_stream;
use futures::{Stream, TryStreamExt};
use mycorr_domain::{Column, Problem, Result};
use std::sync::Arc;

/// The column with the row's number. No field is called so: those have no blanks.
pub(crate) const ROW: &str = "row number";

/// Rows of a batch where they are small.
const BATCH_ROWS: usize = 8192;

/// The columns of a version that a query reads.
pub(crate) struct Scan {
    version: Arc<Version>,
    columns: Vec<Column>,
    schema: SchemaRef,
    groups: Vec<Group>,
    /// Decoded bytes of the largest row, as [`sizes::row_bytes`] knows it.
    pub(crate) row_bytes: usize,
}

/// A row group: its file's place, its own, and the number of its first row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    file: usize,
    group: usize,
    first: u64,
}

impl Scan {
    pub(crate) async fn new(version: Arc<Version>, used: &[SortColumn]) -> Result<Self> {
        let columns: Vec<Column> = used.iter().map(|ordered| ordered.column.clone()).collect();
        let mut groups = Vec::new();
        let mut row_bytes = 0;
        for (at, file) in version.files.iter().enumerate() {
            let metadata = file.metadata().await?;
            let all = metadata.metadata().row_groups();
            row_bytes = row_bytes.max(sizes::row_bytes(&metadata, &columns, 0..all.len()));
            let mut first = file.first;
            for (group, metadata) in all.iter().enumerate() {
                groups.push(Group { file: at, group, first });
                first += metadata.num_rows() as u64;
            }
        }
        let fields = used.iter().flat_map(|ordered| {
            let exact = ordered.companion.then(|| ordered.column.exact_field());
            [Some(Field::new(&ordered.column.field, ordered.column.stored.arrow(), true)), exact]
        });
        let row = Field::new(ROW, DataType::UInt64, false);
        let schema = Arc::new(Schema::new(fields.flatten().chain([row]).collect::<Vec<_>>()));
        Ok(Self { version, columns, schema, groups, row_bytes })
    }

    pub(crate) fn rows(&self) -> u64 {
        self.version.rows
    }

    /// All row groups in order, cut into about equal parts; at least one.
    pub(crate) fn partitions(&self, parallel: usize) -> Vec<Vec<Group>> {
        let each = self.groups.len().div_ceil(parallel).max(1);
        let parts: Vec<_> = self.groups.chunks(each).map(<[Group]>::to_vec).collect();
        if parts.is_empty() { vec![Vec::new()] } else { parts }
    }

    /// The rows of these groups, in batches of about `bytes`.
    pub(crate) fn batches(
        self: Arc<Self>,
        groups: Vec<Group>,
        bytes: usize,
    ) -> impl Stream<Item = Result<RecordBatch>> + Send + 'static {
        try_stream! {
            for group in groups {
                let file = &self.version.files[group.file];
                let metadata = file.metadata().await?;
                let row = sizes::row_bytes(&metadata, &self.columns, [group.group]);
                let mut batches = file
                    .open()
                    .await?
                    .with_projection(projection(&metadata, &self.columns))
                    .with_row_groups(vec![group.group])
                    .with_batch_size((bytes / row.max(1)).clamp(1, BATCH_ROWS))
                    .build()
                    .map_err(storage)?;
                let mut first = group.first;
                while let Some(batch) = batches.try_next().await.map_err(storage)? {
                    let numbered = self.number(&batch, first)?;
                    first += batch.num_rows() as u64;
                    yield numbered;
                }
            }
        }
    }

    /// The batch in the columns of the schema: what the file lacks is null, and rows are numbered from `first` on.
    fn number(&self, batch: &RecordBatch, first: u64) -> Result<RecordBatch> {
        let (rows, stored) = (batch.num_rows(), by_name(batch));
        let column = |field: &Arc<Field>| -> ArrayRef {
            if field.name() == ROW {
                return Arc::new(UInt64Array::from_iter_values(first..first + rows as u64));
            }
            match stored.get(field.name().as_str()) {
                Some(column) => Arc::clone(column),
                None => new_null_array(field.data_type(), rows),
            }
        };
        let columns = self.schema.fields().iter().map(column).collect();
        RecordBatch::try_new(self.schema.clone(), columns).map_err(Problem::bug)
    }
}

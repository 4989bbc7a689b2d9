//! A version of a table as DataFusion reads it.

use crate::{
    shown::Representation,
    stored_scan::{StoredScan, Wanted},
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, RecordBatch, RecordBatchOptions, StringArray, cast::AsArray,
};
use arrow_schema::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    datasource::TableType,
    error::{DataFusionError, Result},
    logical_expr::Expr,
    physical_plan::ExecutionPlan,
};
use mycorr_domain::{Column, Problem, Snapshot, StoreVersion, TableId, output};
use mycorr_tables::{DeltaStore, StoredRows};
use std::{collections::HashMap, fmt, sync::Arc};

pub(crate) struct StoredTable {
    store: DeltaStore,
    at: (TableId, StoreVersion),
    rows: StoredRows,
    columns: Arc<[Column]>,
    representations: Vec<Representation>,
    schema: SchemaRef,
}

impl StoredTable {
    pub(crate) async fn open(store: &DeltaStore, at: &Snapshot) -> Result<Self, Problem> {
        let rows = store.stored_rows(at).await?;
        let columns = at.columns.clone();
        let companions = rows.companions().await?;
        let representations: Vec<_> = columns
            .iter()
            .zip(companions)
            .map(|(column, companion)| Representation::of(column, companion))
            .collect();
        let fields = columns.iter().zip(&representations).map(|(column, as_)| as_.field(column));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let (store, at) = (store.clone(), (at.table, at.version));
        Ok(Self { store, at, rows, columns, representations, schema })
    }
}

impl fmt::Debug for StoredTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredTable").field("columns", &self.columns.len()).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for StoredTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let places = projection.cloned().unwrap_or_else(|| (0..self.columns.len()).collect());
        let parallel = state.config().target_partitions();
        let parts = self.rows.parts(&places, parallel).await.map_err(external)?.len();
        let bytes = self.rows.decoded_bytes(&places).await.map_err(external)?;
        let columns = places.iter().map(|&at| (self.columns[at].clone(), self.representations[at])).collect();
        let wanted = Wanted { columns, parts, first: 0, count: parts, limit };
        let scan = StoredScan::new(self.store.clone(), self.at, wanted, bytes);
        Ok(Arc::new(scan.holding(self.rows.clone())))
    }
}

pub(crate) fn external(problem: Problem) -> DataFusionError {
    DataFusionError::External(Box::new(problem))
}

pub(crate) fn take(
    columns: &[(Column, Representation)],
    schema: &SchemaRef,
    batch: &RecordBatch,
) -> Result<RecordBatch> {
    // By a map: to look for each of 1,600 columns among all of them takes longer than to read them.
    let names = batch.schema_ref().fields().iter().map(|field| field.name().as_str());
    let named = names.zip(batch.columns()).collect();
    let arrays = columns.iter().map(|(column, as_)| represent(column, *as_, &named));
    let arrays = arrays.collect::<Result<Vec<_>>>()?;
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), arrays, &rows)?)
}

fn represent(column: &Column, as_: Representation, named: &HashMap<&str, &ArrayRef>) -> Result<ArrayRef> {
    let native = *named
        .get(column.field.as_str())
        .ok_or_else(|| external(Problem::bug(format!("no file has the column {}", column.field))))?;
    let exact = named.get(column.exact_name().as_str()).map(|exact| exact.as_binary::<i32>());
    let printed = |row| output::bytes_of(column, native, exact, row);
    Ok(match as_ {
        Representation::Stored => native.clone(),
        Representation::Bytes => Arc::new((0..native.len()).map(printed).collect::<BinaryArray>()),
        Representation::Text => {
            let text = |row| match printed(row) {
                Some(bytes) => match std::str::from_utf8(&bytes) {
                    Ok(text) => Ok(Some(text.to_owned())),
                    Err(error) => Err(external(Problem::bug(error))),
                },
                None => Ok(None),
            };
            Arc::new((0..native.len()).map(text).collect::<Result<StringArray>>()?)
        }
    })
}

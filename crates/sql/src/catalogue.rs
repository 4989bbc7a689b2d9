//! `pg_catalog` for what a session can see: the tables of its Model, with the types that their imports remember.

use crate::{
    failure::Failure,
    stored_table::StoredTable,
    types::{self, type_named},
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int16Array, Int32Array, RecordBatch, StringArray,
    cast::AsArray, types::Int32Type,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::{
    catalog::{
        CatalogProvider, MemoryCatalogProvider, SchemaProvider, TableProvider, streaming::StreamingTable,
    },
    common::ScalarValue,
    datasource::{TableType, empty::EmptyTable},
    error::{DataFusionError, Result},
    execution::{SendableRecordBatchStream, TaskContext},
    logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf},
    physical_plan::{stream::RecordBatchStreamAdapter, streaming::PartitionStream},
};
use datafusion_pg_catalog::pg_catalog::{
    PgCatalogSchemaProvider, PgCatalogStaticTables, PgCatalogTable, catalog_info::CatalogInfo,
    context::EmptyContextProvider,
};
use futures::{StreamExt, TryStreamExt};
use mycorr_domain::Column;
use mycorr_engine::NamedSnapshot;
use mycorr_tables::DeltaStore;
use std::{
    fmt,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

const PUBLIC: &str = "public";
const PG_CATALOG: &str = "pg_catalog";
const PG_ATTRIBUTE: &str = "pg_attribute";
const PG_CLASS: &str = "pg_class";
/// The library has no such view. Versions have no indexes.
pub(crate) const PG_INDEXES: &str = "pg_indexes";

/// The tables that a session sees now, each at one version.
#[derive(Clone, Default)]
pub(crate) struct Visible(Arc<RwLock<Arc<[NamedSnapshot]>>>);

impl Visible {
    pub(crate) fn get(&self) -> Arc<[NamedSnapshot]> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, tables: Vec<NamedSnapshot>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = tables.into();
    }
}

/// Of a database: `public` with the tables, and `pg_catalog`.
pub(crate) fn catalog(
    store: DeltaStore,
    database: &str,
    visible: Visible,
) -> Result<Arc<dyn CatalogProvider>, Failure> {
    static TABLES: OnceLock<Arc<PgCatalogStaticTables>> = OnceLock::new();
    let tables = match TABLES.get() {
        Some(tables) => tables.clone(),
        None => {
            let made = Arc::new(PgCatalogStaticTables::try_new()?);
            TABLES.get_or_init(|| made).clone()
        }
    };
    let info = Info { database: database.into(), visible: visible.clone() };
    let inner = PgCatalogSchemaProvider::try_new(info, tables, EmptyContextProvider)?;
    let catalog = MemoryCatalogProvider::new();
    let pg_catalog = Arc::new(PgCatalog { inner, visible: visible.clone() });
    let public = Public { store, visible, pg_catalog: pg_catalog.clone() };
    catalog.register_schema(PUBLIC, Arc::new(public))?;
    catalog.register_schema(PG_CATALOG, pg_catalog)?;
    Ok(Arc::new(catalog))
}

/// The tables of the Model.
struct Public {
    store: DeltaStore,
    visible: Visible,
    /// Looked into for names without a schema.
    pg_catalog: Arc<PgCatalog>,
}

impl fmt::Debug for Public {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PUBLIC)
    }
}

#[async_trait]
impl SchemaProvider for Public {
    fn table_names(&self) -> Vec<String> {
        self.visible.get().iter().map(|table| table.name.clone()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let visible = self.visible.get();
        let Some(table) = visible.iter().find(|table| table.name == name) else {
            return self.pg_catalog.table(name).await;
        };
        let opened = StoredTable::open(&self.store, &table.snapshot).await;
        Ok(Some(Arc::new(opened.map_err(|problem| DataFusionError::External(Box::new(problem)))?)))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.visible.get().iter().any(|table| table.name == name)
    }
}

/// What the catalogue's tables are made from.
#[derive(Clone)]
struct Info {
    database: Arc<str>,
    visible: Visible,
}

impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Info")
    }
}

#[async_trait]
impl CatalogInfo for Info {
    async fn catalog_names(&self) -> Result<Vec<String>> {
        Ok(vec![self.database.to_string()])
    }

    async fn schema_names(&self, _: &str) -> Result<Option<Vec<String>>> {
        Ok(Some(vec![PG_CATALOG.to_owned(), PUBLIC.to_owned()]))
    }

    async fn table_names(&self, _: &str, schema: &str) -> Result<Option<Vec<String>>> {
        if schema != PUBLIC {
            return Ok(Some(Vec::new()));
        }
        Ok(Some(self.visible.get().iter().map(|table| table.name.clone()).collect()))
    }

    async fn table_schema(&self, _: &str, schema: &str, name: &str) -> Result<Option<SchemaRef>> {
        if schema != PUBLIC {
            return Ok(None);
        }
        let visible = self.visible.get();
        let table = visible.iter().find(|table| table.name == name);
        Ok(table.map(|table| {
            let fields =
                table.snapshot.columns.iter().map(|column| Field::new(&column.name, DataType::Utf8, true));
            Arc::new(Schema::new(fields.collect::<Vec<_>>()))
        }))
    }

    async fn table_type(&self, _: &str, _: &str, _: &str) -> Result<Option<TableType>> {
        Ok(Some(TableType::Base))
    }
}

/// The library's tables, with the columns' own types.
struct PgCatalog {
    inner: PgCatalogSchemaProvider<Info, EmptyContextProvider>,
    visible: Visible,
}

impl fmt::Debug for PgCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PG_CATALOG)
    }
}

#[async_trait]
impl SchemaProvider for PgCatalog {
    fn table_names(&self) -> Vec<String> {
        self.inner.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let told: Option<Told> = match name.to_ascii_lowercase().as_str() {
            PG_ATTRIBUTE => Some(attributes),
            PG_CLASS => Some(classes),
            _ => None,
        };
        if let Some(told) = told
            && let Some(PgCatalogTable::Dynamic(inner)) = self.inner.build_table_by_name(name)?
        {
            let table = Arc::new(Completed { inner, told, visible: self.visible.clone() });
            let schema = table.schema().clone();
            return Ok(Some(Arc::new(StreamingTable::try_new(schema, vec![table])?)));
        }
        if name.eq_ignore_ascii_case(PG_INDEXES) {
            let fields = ["schemaname", "tablename", "indexname", "tablespace", "indexdef"];
            let fields = fields.map(|name| Field::new(name, DataType::Utf8, true));
            return Ok(Some(Arc::new(EmptyTable::new(Arc::new(Schema::new(fields.to_vec()))))));
        }
        self.inner.table(name).await
    }

    fn table_exist(&self, name: &str) -> bool {
        self.inner.table_exist(name)
    }
}

/// The rows of a table of the library's with what is known better here.
type Told = fn(&[NamedSnapshot], &RecordBatch) -> Result<RecordBatch>;

struct Completed {
    inner: Arc<dyn PartitionStream>,
    told: Told,
    visible: Visible,
}

impl fmt::Debug for Completed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Completed")
    }
}

impl PartitionStream for Completed {
    fn schema(&self) -> &SchemaRef {
        self.inner.schema()
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (visible, told) = (self.visible.get(), self.told);
        let batches = self.inner.execute(context).try_collect::<Vec<_>>();
        let schema = self.inner.schema().clone();
        let retyped = futures::stream::once(async move {
            let batch = datafusion::arrow::compute::concat_batches(&schema, &batches.await?)?;
            told(&visible, &batch)
        });
        Box::pin(RecordBatchStreamAdapter::new(self.inner.schema().clone(), retyped.boxed()))
    }
}

/// `pg_attribute`: the library takes the types from Arrow's.
fn attributes(visible: &[NamedSnapshot], batch: &RecordBatch) -> Result<RecordBatch> {
    let columns: Vec<&Column> = visible.iter().flat_map(|table| table.snapshot.columns.iter()).collect();
    let typed: Vec<_> = columns.iter().map(|column| type_named(&column.pg_type)).collect();
    replace(batch, columns.len(), |name| match name {
        "atttypid" => {
            Some(Arc::new(typed.iter().map(|(pg, _)| Some(pg.oid() as i32)).collect::<Int32Array>()))
        }
        "atttypmod" => {
            Some(Arc::new(typed.iter().map(|(_, modifier)| Some(*modifier)).collect::<Int32Array>()))
        }
        "attlen" => {
            Some(Arc::new(typed.iter().map(|(pg, _)| Some(types::length(pg))).collect::<Int16Array>()))
        }
        "attnotnull" => {
            Some(Arc::new(columns.iter().map(|column| Some(!column.nullable)).collect::<BooleanArray>()))
        }
        _ => None,
    })
}

/// `pg_class`: a version has no pages by whose numbers a client could ask for its rows.
fn classes(visible: &[NamedSnapshot], batch: &RecordBatch) -> Result<RecordBatch> {
    replace(batch, visible.len(), |name| match name {
        "relpages" => Some(Arc::new(Int32Array::from(vec![0; visible.len()]))),
        "reltuples" => {
            Some(Arc::new(visible.iter().map(|table| Some(table.rows as f64)).collect::<Float64Array>()))
        }
        _ => None,
    })
}

/// The rows come table by table in the order of [`Info`], each with its columns in their order.
fn replace(batch: &RecordBatch, rows: usize, told: impl Fn(&str) -> Option<ArrayRef>) -> Result<RecordBatch> {
    if rows != batch.num_rows() {
        return Err(DataFusionError::External("the catalogue changed while it was read".into()));
    }
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let columns = columns.map(|(field, array)| {
        let better = told(field.name()).filter(|better| better.data_type() == array.data_type());
        better.unwrap_or_else(|| array.clone())
    });
    Ok(RecordBatch::try_new(schema.clone(), columns.collect())?)
}

/// `format_type(oid, typmod)`: the library's knows no modifier of arrays and not all types.
pub(crate) fn format_type() -> ScalarUDF {
    let print = |args: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(args)?;
        let modifiers = arrays[1].as_primitive::<Int32Type>();
        let oids = arrays[0].as_primitive::<Int32Type>();
        let text = |row| {
            let oid = oids.is_valid(row).then(|| oids.value(row))?;
            let modifier = if modifiers.is_valid(row) { modifiers.value(row) } else { -1 };
            Some(types::format_type(oid as u32, modifier).unwrap_or_else(|| "???".to_owned()))
        };
        let printed: StringArray = (0..oids.len()).map(text).collect();
        Ok(ColumnarValue::Array(Arc::new(printed)))
    };
    create_udf(
        "format_type",
        vec![DataType::Int32, DataType::Int32],
        DataType::Utf8,
        Volatility::Stable,
        Arc::new(print),
    )
}

/// A function without arguments that answers with a text.
pub(crate) fn constant(name: &str, value: &str) -> ScalarUDF {
    let value = ScalarValue::Utf8(Some(value.to_owned()));
    let answer = move |_: &[ColumnarValue]| Ok(ColumnarValue::Scalar(value.clone()));
    create_udf(name, Vec::new(), DataType::Utf8, Volatility::Stable, Arc::new(answer))
}

//! Which rows a query asks for: sorted and filtered by DataFusion over nothing but the columns that matter,
//! which sorts on disk what is more than its share of memory. The answer is the rows' numbers.

use crate::{
    filter,
    order::Ordered,
    packed,
    problem::storage,
    scan::{self, ROW},
    version::Version,
};
use arrow_array::{Array, ArrayRef, StringArray, builder::StringBuilder, cast::AsArray, types::UInt64Type};
use arrow_schema::{DataType, Field, Schema};
use datafusion::{
    common::Column as Name,
    dataframe::DataFrame,
    error::DataFusionError,
    execution::{
        SessionStateBuilder, memory_pool::FairSpillPool, runtime_env::RuntimeEnv,
        runtime_env::RuntimeEnvBuilder,
    },
    logical_expr::{ColumnarValue, Expr, Volatility, create_udf},
    prelude::{SessionConfig, SessionContext},
};
use futures::TryStreamExt;
use mycorr_domain::{Column, Filter, Problem, Result, Sort, output};
use std::{ops::Range, sync::Arc};
use tokio::task::JoinSet;

/// Rows' numbers, in the order that was asked for.
pub(crate) enum Rows {
    /// Of a version with at most 2^32 rows.
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

impl Rows {
    fn empty(of: u64) -> Self {
        if of <= u64::from(u32::MAX) { Self::Narrow(Vec::new()) } else { Self::Wide(Vec::new()) }
    }

    fn extend(&mut self, rows: impl IntoIterator<Item = u64>) {
        match self {
            Self::Narrow(all) => all.extend(rows.into_iter().map(|row| row as u32)),
            Self::Wide(all) => all.extend(rows),
        }
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Narrow(all) => all.len() as u64,
            Self::Wide(all) => all.len() as u64,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Narrow(all) => all.capacity() * size_of::<u32>(),
            Self::Wide(all) => all.capacity() * size_of::<u64>(),
        }
    }

    pub(crate) fn slice(&self, range: Range<usize>) -> Vec<u64> {
        match self {
            Self::Narrow(all) => all[range].iter().map(|&row| row.into()).collect(),
            Self::Wide(all) => all[range].to_vec(),
        }
    }
}

/// Memory for all sorts together; what is more goes to temporary files.
pub(crate) fn environment(memory: usize) -> Result<Arc<RuntimeEnv>> {
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(memory)))
        .build_arc()
        .map_err(storage)
}

pub(crate) async fn build(
    version: Arc<Version>,
    columns: &[Column],
    sort: &[Sort],
    filters: &[Filter],
    environment: Arc<RuntimeEnv>,
    parallel: usize,
) -> Result<Rows> {
    let find = |name: &str, field: &'static str| {
        columns.iter().find(|column| column.name == name).ok_or_else(|| {
            Problem::invalid(field, format!("This version of the table has no column {name:?}."))
        })
    };
    let mut used: Vec<Ordered> = Vec::new();
    let wanted = sort.iter().map(|sort| find(&sort.column, "sort"));
    for column in wanted.chain(filters.iter().map(|filter| find(&filter.column, "filter"))) {
        let column = column?;
        if !used.iter().any(|known| known.column == *column) {
            let companion = version.has_field(&column.exact_name()).await?;
            used.push(Ordered::new(column.clone(), companion));
        }
    }
    let ordered = |name: &str| {
        used.iter().find(|known| known.column.name == name).expect("every column of the query was collected")
    };

    let mut rows = Rows::empty(version.rows);
    let mut frame = context(environment, parallel)
        .read_table(Arc::new(scan::table(version, &used, parallel).await?))
        .map_err(Problem::bug)?;
    for filter in filters {
        let column = ordered(&filter.column);
        let expression = filter::expression(filter, column, key(column), || text(column))?;
        frame = frame.filter(expression).map_err(Problem::bug)?;
    }
    if sort.is_empty() {
        collect(frame.select([name(ROW)]).map_err(Problem::bug)?, &mut rows, |batch| {
            batch.as_primitive::<UInt64Type>().values().to_vec()
        })
        .await?;
    } else {
        let keys: Vec<_> = sort.iter().map(|sort| ordered(&sort.column)).collect();
        let packed = packed_key(&keys, sort).alias("packed");
        let sorted = frame
            .select([packed])
            .and_then(|frame| frame.sort(vec![name("packed").sort(true, false)]))
            .map_err(Problem::bug)?;
        collect(sorted, &mut rows, packed::rows).await?;
    }
    Ok(rows)
}

fn context(environment: Arc<RuntimeEnv>, parallel: usize) -> SessionContext {
    let config = SessionConfig::new()
        .with_target_partitions(parallel)
        // Partitions are ranges of rows, in their order: that must last.
        .with_round_robin_repartition(false)
        // What is sorted before it is merged: the more, the fewer comparisons that merging takes.
        .with_sort_in_place_threshold_bytes(16 << 20);
    let state = SessionStateBuilder::new().with_config(config).with_runtime_env(environment).build();
    SessionContext::new_with_state(state)
}

/// Runs the partitions side by side and appends their rows one partition after the other.
async fn collect(frame: DataFrame, rows: &mut Rows, numbers: fn(&ArrayRef) -> Vec<u64>) -> Result<()> {
    let streams = frame.execute_stream_partitioned().await.map_err(storage)?;
    let mut tasks = JoinSet::new();
    let mut parts: Vec<Vec<Vec<u64>>> = streams.iter().map(|_| Vec::new()).collect();
    for (at, mut stream) in streams.into_iter().enumerate() {
        tasks.spawn(async move {
            let mut part = Vec::new();
            while let Some(batch) = stream.try_next().await? {
                part.push(numbers(batch.column(0)));
            }
            Ok::<_, DataFusionError>((at, part))
        });
    }
    while let Some(done) = tasks.join_next().await {
        let (at, part) = done.map_err(Problem::bug)?.map_err(storage)?;
        parts[at] = part;
    }
    for part in parts {
        rows.extend(part.into_iter().flatten());
    }
    Ok(())
}

/// Names stand for themselves: no case folding, no dots.
fn name(name: &str) -> Expr {
    Expr::Column(Name::new_unqualified(name))
}

fn key(column: &Ordered) -> Expr {
    let of = column.clone();
    compute("key", column, column.key_type(), move |native, exact| of.keys(native, exact))
}

/// The column's text, for patterns. Bytes that are no UTF-8 are no characters.
fn text(column: &Ordered) -> Expr {
    if column.column.stored.arrow() == DataType::Utf8 && !column.companion {
        return name(&column.column.field);
    }
    let of = column.column.clone();
    compute("text", column, DataType::Utf8, move |native, exact| {
        let mut text = StringBuilder::new();
        for row in 0..native.len() {
            let bytes = output::bytes_of(&of, native, exact, row);
            text.append_option(bytes.as_deref().map(String::from_utf8_lossy));
        }
        Arc::new(text.finish()) as Arc<StringArray>
    })
}

/// A function of a column and of its companion if it has one.
fn compute(
    what: &str,
    column: &Ordered,
    returned: DataType,
    work: impl Fn(&ArrayRef, Option<&arrow_array::BinaryArray>) -> ArrayRef + Send + Sync + 'static,
) -> Expr {
    let mut types = vec![column.column.stored.arrow()];
    let mut arguments = vec![name(&column.column.field)];
    if column.companion {
        types.push(DataType::Binary);
        arguments.push(name(&column.column.exact_name()));
    }
    function(&format!("{what} of {}", column.column.field), types, returned, arguments, move |arrays| {
        work(&arrays[0], arrays.get(1).map(|exact| exact.as_binary()))
    })
}

fn packed_key(columns: &[&Ordered], sort: &[Sort]) -> Expr {
    let types: Vec<_> = columns.iter().map(|column| column.key_type()).collect();
    let descending: Vec<_> = sort.iter().map(|sort| sort.descending).collect();
    let arguments = columns.iter().map(|column| key(column)).chain([name(ROW)]).collect();
    let returned = packed::data_type(&types);
    let types = types.into_iter().chain([DataType::UInt64]).collect();
    function("packed", types, returned, arguments, move |arrays| {
        let (rows, keys) = arrays.split_last().expect("the row's number is the last argument");
        packed::pack(keys, &descending, rows.as_primitive())
    })
}

fn function(
    name: &str,
    types: Vec<DataType>,
    returned: DataType,
    arguments: Vec<Expr>,
    work: impl Fn(&[ArrayRef]) -> ArrayRef + Send + Sync + 'static,
) -> Expr {
    let work = Arc::new(move |arguments: &[ColumnarValue]| {
        Ok(ColumnarValue::Array(work(&ColumnarValue::values_to_arrays(arguments)?)))
    });
    create_udf(name, types, returned, Volatility::Immutable, work).call(arguments)
}

/// The fields of the columns that a query reads.
pub(crate) fn fields(used: &[Ordered]) -> Schema {
    let fields = used.iter().flat_map(|ordered| {
        let exact = ordered.companion.then(|| ordered.column.exact_field());
        [Some(Field::new(&ordered.column.field, ordered.column.stored.arrow(), true)), exact]
    });
    Schema::new(fields.flatten().collect::<Vec<_>>())
}

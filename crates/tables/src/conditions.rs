//! All conditions of a query, tested one after the other on each batch that passes by. However many there are,
//! nothing is nested: a plan of DataFusion that nests a node for each overflows the stack of whoever walks it.

use crate::{filter, order::SortColumn, problem::query};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, RecordBatch, StringArray, builder::StringBuilder,
    cast::AsArray,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use datafusion::{
    arrow::compute::{and, filter_record_batch, or, prep_null_mask_filter},
    common::{Column as Name, DFSchema},
    error::DataFusionError,
    execution::context::ExecutionProps,
    logical_expr::{Expr, physical_planning_context::PhysicalPlanningContext},
    physical_expr::{PhysicalExpr, create_physical_expr},
};
use mycorr_domain::{Filter, FilterGroup, Operator, Problem, Result, output};
use std::sync::Arc;

/// Conditions that must all hold; of those in a group one.
pub(crate) struct Conditions {
    inputs: Vec<Input>,
    /// The fields of `inputs`, in their order.
    schema: SchemaRef,
    groups: Vec<Vec<Test>>,
}

struct Test {
    holds: Arc<dyn PhysicalExpr>,
    is_pattern: bool,
}

/// What conditions on a column look at: computed once for each batch.
struct Input {
    column: SortColumn,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Key,
    Text,
}

impl Input {
    fn field(&self) -> Field {
        let data_type = match self.what {
            What::Key => self.column.key_type(),
            What::Text => DataType::Utf8,
        };
        Field::new(name(&self.column, self.what), data_type, true)
    }

    fn of(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        let (native, exact) = stored(&self.column, batch)?;
        Ok(match self.what {
            What::Key => self.column.keys(native, exact),
            What::Text => text(&self.column, native, exact),
        })
    }
}

impl Conditions {
    /// `column` finds the column of a filter by its name.
    pub(crate) fn new<'a>(groups: &[FilterGroup], column: impl Fn(&str) -> &'a SortColumn) -> Result<Self> {
        let mut inputs: Vec<Input> = Vec::new();
        let mut expressions = Vec::new();
        for filter in groups.iter().flat_map(FilterGroup::filters) {
            let column = column(&filter.column);
            let (key, text) = (reference(column, What::Key), reference(column, What::Text));
            let expression = filter::expression(filter, column, key.clone(), || text.clone())?;
            let used = expression.column_refs();
            for (what, expr) in [(What::Key, &key), (What::Text, &text)] {
                let known = |input: &Input| input.what == what && input.column.column == column.column;
                if matches!(expr, Expr::Column(name) if used.contains(name)) && !inputs.iter().any(known) {
                    inputs.push(Input { column: column.clone(), what });
                }
            }
            expressions.push(expression);
        }
        let schema = Arc::new(Schema::new(inputs.iter().map(Input::field).collect::<Vec<_>>()));
        let fields = DFSchema::try_from(schema.clone()).map_err(Problem::bug)?;
        let (properties, context) = (ExecutionProps::new(), PhysicalPlanningContext::default());
        let mut expressions = expressions.iter();
        let mut test = |filter: &Filter| {
            let expression = expressions.next().expect("each filter has its expression");
            Ok(Test {
                holds: create_physical_expr(expression, &fields, &properties, &context)?,
                is_pattern: matches!(filter.operator, Operator::Like | Operator::Ilike),
            })
        };
        let groups = groups
            .iter()
            .map(|group| group.filters().iter().map(&mut test).collect())
            .collect::<Result<_, DataFusionError>>()
            .map_err(Problem::bug)?;
        Ok(Self { inputs, schema, groups })
    }

    /// The rows of the batch for which all conditions hold.
    pub(crate) fn filter(&self, batch: RecordBatch) -> Result<RecordBatch> {
        if self.groups.is_empty() || batch.num_rows() == 0 {
            return Ok(batch);
        }
        let rows = batch.num_rows();
        let inputs = self.inputs.iter().map(|input| input.of(&batch)).collect::<Result<_>>()?;
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows));
        let inputs =
            RecordBatch::try_new_with_options(self.schema.clone(), inputs, &options).map_err(Problem::bug)?;
        let mut all: Option<BooleanArray> = None;
        for group in &self.groups {
            let holds = any(group, &inputs)?;
            let holds = match &all {
                None => holds,
                Some(all) => and(all, &holds).map_err(Problem::bug)?,
            };
            if holds.true_count() == 0 {
                return Ok(batch.slice(0, 0));
            }
            all = Some(holds);
        }
        match all {
            Some(all) if all.true_count() < rows => filter_record_batch(&batch, &all).map_err(Problem::bug),
            _ => Ok(batch),
        }
    }
}

/// For which rows one of the tests holds.
fn any(group: &[Test], inputs: &RecordBatch) -> Result<BooleanArray> {
    let rows = inputs.num_rows();
    let mut any: Option<BooleanArray> = None;
    for test in group {
        let holds = test.holds.evaluate(inputs).and_then(|value| value.into_array(rows));
        let holds = holds.map_err(|error| if test.is_pattern { too_long(error) } else { query(error) })?;
        let holds = holds.as_boolean();
        // What is unknown does not hold.
        let holds = if holds.null_count() > 0 { prep_null_mask_filter(holds) } else { holds.clone() };
        let holds = match &any {
            None => holds,
            Some(any) => or(any, &holds).map_err(Problem::bug)?,
        };
        if holds.true_count() == rows {
            return Ok(holds);
        }
        any = Some(holds);
    }
    any.ok_or_else(|| Problem::bug("a group without a filter"))
}

/// A pattern becomes a regular expression, which has a largest size.
fn too_long(error: DataFusionError) -> Problem {
    Problem::invalid("filter", "This pattern is too long. A shorter part of it finds the same rows and more.")
        .internal(error)
}

/// A column of a batch, and its companion.
pub(crate) fn stored<'a>(
    column: &SortColumn,
    batch: &'a RecordBatch,
) -> Result<(&'a ArrayRef, Option<&'a BinaryArray>)> {
    let native = batch
        .column_by_name(&column.column.field)
        .ok_or_else(|| Problem::bug(format!("no batch has the column {}", column.column.field)))?;
    let exact = column.companion.then(|| batch.column_by_name(&column.column.exact_name())).flatten();
    Ok((native, exact.map(|exact| exact.as_binary())))
}

/// The column's text, for patterns. Bytes that are not valid UTF-8 are no characters.
fn text(column: &SortColumn, native: &ArrayRef, exact: Option<&BinaryArray>) -> ArrayRef {
    if exact.is_none() && native.as_string_opt::<i32>().is_some() {
        return native.clone();
    }
    let mut text = StringBuilder::new();
    for row in 0..native.len() {
        let bytes = output::bytes_of(&column.column, native, exact, row);
        text.append_option(bytes.as_deref().map(String::from_utf8_lossy));
    }
    Arc::new(text.finish()) as Arc<StringArray>
}

/// No field is called so: those have no blanks.
fn name(column: &SortColumn, what: What) -> String {
    let what = match what {
        What::Key => "key",
        What::Text => "text",
    };
    format!("{what} of {}", column.column.field)
}

/// Names stand for themselves: no case folding, no dots.
fn reference(column: &SortColumn, what: What) -> Expr {
    Expr::Column(Name::new_unqualified(name(column, what)))
}

//! No silent guess: what is kept as text is not compared as text, and a literal is compared as its column's type.
//!
//! DataFusion would compare a number with a string as strings, and order what is kept as text by its bytes. Here a string
//! literal beside a number becomes that number, as in PostgreSQL, and an operator that the text can't answer for is
//! refused and says which cast answers it.

use crate::{
    failure::{Failure, SqlState},
    parameters,
    shown::{Keeping, pg_type},
};
use arrow_schema::{DataType, Field};
use datafusion::{
    common::{
        DFSchema, Result,
        tree_node::{Transformed, TreeNode},
    },
    logical_expr::{
        Between, BinaryExpr, Cast, ColumnarValue, Distinct, Expr, ExprSchemable, JoinConstraint, LogicalPlan,
        Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TryCast,
        Volatility,
        expr::{AggregateFunction, InList, InSubquery, ScalarFunction, WindowFunction},
        expr_rewriter::NamePreserver,
    },
    scalar::ScalarValue,
};
use std::sync::{Arc, OnceLock};

/// The plan with its literals typed.
///
/// # Errors
/// `0A000` for what can't be answered exactly, `22P02` for a literal that is not of its column's type.
pub(crate) fn exact(plan: LogicalPlan) -> Result<LogicalPlan> {
    let done = plan.transform_up_with_subqueries(|node| {
        check_node(&node)?;
        let mut schema = DFSchema::empty();
        for input in node.inputs() {
            schema.merge(input.schema());
        }
        if let LogicalPlan::TableScan(scan) = &node {
            schema.merge(&scan.projected_schema);
        }
        let names = NamePreserver::new(&node);
        let node = node.map_expressions(|expr| {
            let name = names.save(&expr);
            let fixed = expr.transform_up(|expr| fix(expr, &schema))?;
            Ok(fixed.update_data(|expr| name.restore(expr)))
        })?;
        Ok(Transformed::yes(node.data.recompute_schema()?))
    })?;
    Ok(done.data)
}

/// In a query of the catalogue: functions are shown by name there, and the oid 0 of none as `-`, as PostgreSQL shows it.
pub(crate) fn catalogue(plan: LogicalPlan) -> Result<LogicalPlan> {
    let none = |expr: &Expr| {
        matches!(expr, Expr::Literal(ScalarValue::Int64(Some(0)) | ScalarValue::Int32(Some(0)), _))
    };
    let done = plan.transform_up_with_subqueries(|node| {
        let mut schema = DFSchema::empty();
        node.inputs().iter().for_each(|input| schema.merge(input.schema()));
        node.map_expressions(|expr| {
            expr.transform_up(|expr| match expr {
                Expr::BinaryExpr(BinaryExpr { left, op, right })
                    if is_comparison(op)
                        && none(&right)
                        && left.get_type(&schema).is_ok_and(|arrow| is_text(&arrow)) =>
                {
                    let shown = Expr::Literal(ScalarValue::Utf8(Some("-".to_owned())), None);
                    Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(left, op, Box::new(shown)))))
                }
                other => Ok(Transformed::no(other)),
            })
        })
    })?;
    Ok(done.data)
}

fn check_node(node: &LogicalPlan) -> Result<()> {
    let fields = |plan: &LogicalPlan, of: &str| -> Result<()> {
        plan.schema().fields().iter().try_for_each(|field| refuse_field(field, of, false))
    };
    match node {
        LogicalPlan::Sort(sort) => {
            let schema = sort.input.schema();
            sort.expr.iter().try_for_each(|key| refuse(&key.expr, schema, "ORDER BY", true))
        }
        LogicalPlan::Aggregate(aggregate) => {
            let schema = aggregate.input.schema();
            aggregate.group_expr.iter().try_for_each(|key| refuse(key, schema, "GROUP BY", false))
        }
        LogicalPlan::Distinct(Distinct::All(input)) => fields(input, "DISTINCT"),
        LogicalPlan::Distinct(Distinct::On(on)) => {
            let schema = on.input.schema();
            on.on_expr.iter().try_for_each(|key| refuse(key, schema, "DISTINCT ON", false))
        }
        LogicalPlan::Join(join) => {
            let of = if join.join_constraint == JoinConstraint::Using { "JOIN … USING" } else { "JOIN" };
            join.on.iter().try_for_each(|(left, right)| {
                let (left, right) = (field(left, join.left.schema()), field(right, join.right.schema()));
                for found in [&left, &right].into_iter().flatten() {
                    let both_padded =
                        [&left, &right].iter().all(|side| side.as_ref().is_some_and(|f| is_padded(f)));
                    if !both_padded {
                        refuse_field(found, of, false)?;
                    }
                }
                Ok(())
            })
        }
        _ => Ok(()),
    }
}

fn is_padded(field: &Field) -> bool {
    Keeping::of_field(field) == Keeping::Padded
}

/// The field that an expression hands on as it is.
fn field(expr: &Expr, schema: &DFSchema) -> Option<Arc<Field>> {
    match expr {
        Expr::Alias(alias) => field(&alias.expr, schema),
        Expr::Column(_) | Expr::OuterReferenceColumn(..) | Expr::ScalarSubquery(_) => {
            expr.to_field(schema).ok().map(|(_, field)| field)
        }
        _ => None,
    }
}

/// `ordered` is for what asks which value is greater.
fn refuse(expr: &Expr, schema: &DFSchema, of: &str, ordered: bool) -> Result<()> {
    match field(expr, schema) {
        Some(field) if !is_padded(&field) => refuse_field(&field, of, ordered),
        _ => Ok(()),
    }
}

fn refuse_field(field: &Field, of: &str, ordered: bool) -> Result<()> {
    let cast = match Keeping::of_field(field) {
        Keeping::Native => return Ok(()),
        Keeping::Equal if !ordered => return Ok(()),
        // Padded to the same length they compare as PostgreSQL compares them, among one another.
        Keeping::Padded if of != "JOIN" && of != "=" => return Ok(()),
        Keeping::Padded => "rtrim",
        Keeping::Equal | Keeping::Printed => "CAST",
    };
    let (name, known) = (field.name(), pg_type(field).unwrap_or("text"));
    let hint = match (cast, known) {
        ("rtrim", _) => format!("Compare rtrim({name:?})."),
        (_, numeric) if numeric.starts_with("numeric") => {
            format!("Write CAST({name:?} AS numeric(38,10)), or another precision and scale.")
        }
        (_, other) if other.starts_with("timestamp") || other == "date" => {
            format!("Write TRY_CAST({name:?} AS {known}): what is infinite is null then.")
        }
        _ => format!("Write CAST({name:?} AS text) to take it as the text that is shown."),
    };
    let message = format!("column {name:?} ({known}) is kept as text and can't be used in {of} as it is");
    Err(Failure::unsupported(message).hint(hint).into())
}

fn fix(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(op) => {
            let (left, right) = compare(*left, op, *right, schema)?;
            Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.is_numerical_operators() => {
            for side in [&left, &right] {
                refuse(side, schema, "arithmetic", true)?;
            }
            Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })))
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let (value, low) = compare(*expr, Operator::GtEq, *low, schema)?;
            let (value, high) = compare(value, Operator::LtEq, *high, schema)?;
            Ok(Transformed::yes(Expr::Between(Between::new(
                Box::new(value),
                negated,
                Box::new(low),
                Box::new(high),
            ))))
        }
        Expr::InList(InList { expr, list, negated }) => {
            let mut value = *expr;
            let mut items = Vec::with_capacity(list.len());
            for item in list {
                let (same, item) = compare(value, Operator::Eq, item, schema)?;
                value = same;
                items.push(item);
            }
            Ok(Transformed::yes(Expr::InList(InList::new(Box::new(value), items, negated))))
        }
        Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
            refuse_padded_too(&expr, schema, "IN")?;
            subquery
                .subquery
                .schema()
                .fields()
                .iter()
                .try_for_each(|field| refuse_field(field, "=", false))?;
            Ok(Transformed::no(Expr::InSubquery(InSubquery { expr, subquery, negated })))
        }
        Expr::Case(case) => {
            if let Some(value) = &case.expr {
                refuse_padded_too(value, schema, "CASE")?;
            }
            Ok(Transformed::no(Expr::Case(case)))
        }
        Expr::AggregateFunction(function) => {
            check_aggregate(&function, schema)?;
            Ok(Transformed::no(Expr::AggregateFunction(function)))
        }
        Expr::WindowFunction(function) => {
            check_window(&function, schema)?;
            Ok(Transformed::no(Expr::WindowFunction(function)))
        }
        Expr::ScalarFunction(function) => {
            if matches!(function.func.name(), "greatest" | "least" | "nullif") {
                function
                    .args
                    .iter()
                    .try_for_each(|arg| refuse_padded_too(arg, schema, function.func.name()))?;
            }
            Ok(Transformed::no(Expr::ScalarFunction(function)))
        }
        Expr::Cast(Cast { expr, field: to }) if is_text(to.data_type()) && is_kept(&expr, schema) => {
            Ok(Transformed::yes(plain_text(*expr)))
        }
        Expr::TryCast(TryCast { expr, field: to }) if is_text(to.data_type()) && is_kept(&expr, schema) => {
            Ok(Transformed::yes(plain_text(*expr)))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn is_comparison(op: Operator) -> bool {
    use Operator as O;
    matches!(
        op,
        O::Eq | O::NotEq | O::Lt | O::LtEq | O::Gt | O::GtEq | O::IsDistinctFrom | O::IsNotDistinctFrom
    )
}

fn is_text(arrow: &DataType) -> bool {
    matches!(arrow, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn is_kept(expr: &Expr, schema: &DFSchema) -> bool {
    field(expr, schema).is_some_and(|field| Keeping::of_field(&field) != Keeping::Native)
}

fn refuse_padded_too(expr: &Expr, schema: &DFSchema, of: &str) -> Result<()> {
    match field(expr, schema) {
        Some(field) if is_padded(&field) => refuse_field(&field, "=", false),
        Some(field) => refuse_field(&field, of, true),
        None => Ok(()),
    }
}

/// Both sides of a comparison, in one type.
fn compare(left: Expr, op: Operator, right: Expr, schema: &DFSchema) -> Result<(Expr, Expr)> {
    use Operator as O;
    let ordered = !matches!(op, O::Eq | O::NotEq | O::IsDistinctFrom | O::IsNotDistinctFrom);
    let fields = [field(&left, schema), field(&right, schema)];
    let both_padded = fields.iter().all(|field| field.as_deref().is_some_and(is_padded));
    for field in fields.iter().flatten().filter(|_| !both_padded) {
        let of = if is_padded(field) { "=".to_owned() } else { op.to_string() };
        refuse_field(field, &of, ordered)?;
    }
    let types = (left.get_type(schema)?, right.get_type(schema)?);
    match (literal(&left), literal(&right)) {
        (None, Some(text)) if needs_value(&types.0) => Ok((left, value(&text, &types.0)?)),
        (Some(text), None) if needs_value(&types.1) => Ok((value(&text, &types.1)?, right)),
        _ if is_text(&types.0) && types.1.is_numeric() || types.0.is_numeric() && is_text(&types.1) => {
            let message = format!("operator does not exist: a text {op} a number");
            Err(Failure::new(SqlState::UndefinedFunction, message)
                .hint("Cast one side to the other's type.")
                .into())
        }
        _ => Ok((left, right)),
    }
}

/// The text of a string literal.
fn literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Literal(
            ScalarValue::Utf8(Some(text))
            | ScalarValue::Utf8View(Some(text))
            | ScalarValue::LargeUtf8(Some(text)),
            _,
        ) => Some(text.clone()),
        _ => None,
    }
}

fn needs_value(arrow: &DataType) -> bool {
    arrow.is_numeric() || *arrow == DataType::Boolean
}

fn value(text: &str, arrow: &DataType) -> Result<Expr> {
    Ok(Expr::Literal(parameters::from_text(text, arrow)?, None))
}

fn check_aggregate(function: &AggregateFunction, schema: &DFSchema) -> Result<()> {
    let (name, params) = (function.func.name(), &function.params);
    let compares = params.distinct
        || !matches!(name, "count" | "array_agg" | "string_agg" | "first_value" | "last_value");
    for arg in params.args.iter().filter(|_| compares) {
        refuse(arg, schema, name, !params.distinct)?;
    }
    params.order_by.iter().try_for_each(|key| refuse(&key.expr, schema, "ORDER BY", true))
}

fn check_window(function: &WindowFunction, schema: &DFSchema) -> Result<()> {
    let (name, params) = (function.fun.name(), &function.params);
    if !matches!(name, "count" | "first_value" | "last_value" | "nth_value" | "lag" | "lead") {
        params.args.iter().try_for_each(|arg| refuse(arg, schema, name, true))?;
    }
    params.partition_by.iter().try_for_each(|key| refuse(key, schema, "PARTITION BY", false))?;
    params.order_by.iter().try_for_each(|key| refuse(&key.expr, schema, "ORDER BY", true))
}

/// The text without the memory of the type that it was printed for.
fn plain_text(expr: Expr) -> Expr {
    Expr::ScalarFunction(ScalarFunction { func: plain_text_function(), args: vec![expr] })
}

/// What other nodes have to know by its name.
pub(crate) fn plain_text_function() -> Arc<ScalarUDF> {
    static FUNCTION: OnceLock<Arc<ScalarUDF>> = OnceLock::new();
    let function = FUNCTION.get_or_init(|| {
        Arc::new(ScalarUDF::new_from_impl(PlainText { signature: Signature::any(1, Volatility::Immutable) }))
    });
    function.clone()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct PlainText {
    signature: Signature,
}

impl ScalarUDFImpl for PlainText {
    fn name(&self) -> &str {
        "text"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<Arc<Field>> {
        Ok(Arc::new(Field::new(self.name(), DataType::Utf8, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.into_iter().next() {
            // Bytes that are no UTF-8 are no text: an error, not a replacement.
            Some(value) => value.cast_to(&DataType::Utf8, None),
            None => Ok(ColumnarValue::Scalar(ScalarValue::Utf8(None))),
        }
    }
}

//! A filter as an expression over the keys of its column. SQL's rules for null hold: it satisfies nothing
//! but `is.null`.

use crate::{
    numeric::Numeric,
    order::{Key, SortColumn, signed, wide},
};
use arrow_schema::DataType;
use datafusion::{
    logical_expr::{Expr, lit},
    scalar::ScalarValue,
};
use mycorr_domain::{ColumnType, Filter, Operator, Problem, Result};
use std::borrow::Cow;

/// Where a value stands among the keys that a column can have.
enum Place {
    At(Key),
    /// After this key and before the next one: 9.5 among integers.
    After(Key),
    BeforeAll,
}

/// `key` gives the column's key, `text` its text. `text` is asked for only where a pattern needs it.
pub(crate) fn expression(
    filter: &Filter,
    column: &SortColumn,
    key: Expr,
    text: impl FnOnce() -> Expr,
) -> Result<Expr> {
    let place = |value: &String| place(column, value);
    let compare = |of: fn(Expr, Expr) -> Expr, after: fn(Expr, Expr) -> Expr, before_all: bool| {
        let value = filter.values.first().ok_or_else(|| Problem::bug("a filter without its value"))?;
        Ok(match place(value)? {
            Place::At(at) => of(key.clone(), literal(at)),
            Place::After(before) => after(key.clone(), literal(before)),
            Place::BeforeAll if before_all => key.clone().is_not_null(),
            Place::BeforeAll => lit(false),
        })
    };
    let never = |_: Expr, _: Expr| lit(false);
    let always = |key: Expr, _: Expr| key.is_not_null();
    match filter.operator {
        Operator::Eq => compare(Expr::eq, never, false),
        Operator::Neq => compare(Expr::not_eq, always, true),
        Operator::Gt => compare(Expr::gt, Expr::gt, true),
        Operator::Gte => compare(Expr::gt_eq, Expr::gt, true),
        Operator::Lt => compare(Expr::lt, Expr::lt_eq, false),
        Operator::Lte => compare(Expr::lt_eq, Expr::lt_eq, false),
        Operator::In => {
            let places = filter.values.iter().map(place).collect::<Result<Vec<_>>>()?;
            let keys = places.into_iter().filter_map(|place| match place {
                Place::At(key) => Some(literal(key)),
                Place::After(_) | Place::BeforeAll => None,
            });
            let keys: Vec<_> = keys.collect();
            Ok(if keys.is_empty() { lit(false) } else { key.in_list(keys, false) })
        }
        Operator::Like => Ok(text().like(lit(filter.sql_pattern()?))),
        Operator::Ilike => Ok(text().ilike(lit(filter.sql_pattern()?))),
        Operator::Is => match filter.values.first().map(String::as_str) {
            Some("null") => Ok(key.is_null()),
            Some("not_null") => Ok(key.is_not_null()),
            Some(word @ ("true" | "false")) if column.column.stored == ColumnType::Boolean => {
                Ok(key.eq(literal(Key::Number((word == "true").into()))))
            }
            _ => Err(Problem::invalid(
                "filter",
                format!(
                    "is.true and is.false are for boolean columns; {:?} is {}.",
                    column.column.name, column.column.pg_type
                ),
            )),
        },
    }
}

fn literal(key: Key) -> Expr {
    lit(match key {
        Key::Number(number) => ScalarValue::UInt64(Some(number)),
        Key::Bytes(bytes) => ScalarValue::Binary(Some(bytes)),
    })
}

fn place(column: &SortColumn, text: &str) -> Result<Place> {
    let place = match column.column.stored {
        ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64 => {
            among_units(text, 0, i64::MIN.into(), i64::MAX.into(), false, |units| {
                Key::Number(signed(units as i64))
            })
        }
        ColumnType::Decimal { precision, scale } => {
            let most = 10i128.pow(precision.into()) - 1;
            let narrow = column.key_type() == DataType::UInt64;
            among_units(text, scale, -most, most, !narrow, |units| match narrow {
                true => Key::Number(signed(units as i64)),
                false => Key::Bytes(wide(units).into()),
            })
            // A version with a companion may hold the values that no number is.
            .or_else(|| column.key_of(text).map(Place::At))
        }
        _ => column.key_of(text).map(Place::At),
    };
    place.ok_or_else(|| {
        let (name, pg_type) = (&column.column.name, &column.column.pg_type);
        let example = example(column);
        Problem::invalid(
            "filter",
            format!("Column {name:?} holds values of type {pg_type}, which {text:?} is not. Write one such as {example}."),
        )
    })
}

/// A number among whole units of 10^-`scale` from `least` to `most`. None if the text is no number, or one
/// of the `infinite` that the caller knows a place for.
fn among_units(
    text: &str,
    scale: u8,
    least: i128,
    most: i128,
    infinite: bool,
    key: impl Fn(i128) -> Key,
) -> Option<Place> {
    match Numeric::parse(text)? {
        Numeric::Finite(number) => Some(match number.floor(scale) {
            Some((units, _)) if units > most => Place::After(key(most)),
            Some((units, _)) if units < least => Place::BeforeAll,
            Some((units, true)) => Place::At(key(units)),
            Some((units, false)) => Place::After(key(units)),
            None if number.negative => Place::BeforeAll,
            None => Place::After(key(most)),
        }),
        _ if infinite => None,
        Numeric::NegativeInfinity => Some(Place::BeforeAll),
        Numeric::Infinity | Numeric::NaN => Some(Place::After(key(most))),
    }
}

fn example(column: &SortColumn) -> Cow<'static, str> {
    let fixed = match column.column.stored {
        ColumnType::Boolean => "true",
        ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64 => "42",
        ColumnType::Float32 | ColumnType::Float64 => "1.5",
        ColumnType::Decimal { .. } | ColumnType::Numeric => "12.50",
        ColumnType::Date => "2024-12-31",
        ColumnType::Timestamp => "2024-12-31 23:59:59",
        ColumnType::TimestampTz => "2024-12-31 23:59:59+00",
        ColumnType::Time => "23:59:59",
        ColumnType::TimeTz => "23:59:59+00",
        ColumnType::Interval => "1 mon 2 days 03:00:00",
        ColumnType::Bytea => "\\x00ff",
        ColumnType::Uuid => "00000000-0000-0000-0000-000000000000",
        ColumnType::Text | ColumnType::Char | ColumnType::Other => return column.example(),
    };
    fixed.into()
}

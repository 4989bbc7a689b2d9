//! The rows of a query in a version in memory: its filters and its order.

use super::Version;
use arrow_array::{
    Array, RecordBatch,
    cast::AsArray,
    types::{
        Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    },
};
use mycorr_domain::{
    Code, Column, ColumnType, Filter, Operator, Problem, Result, RowQuery, Snapshot, output,
};
use std::{borrow::Cow, cmp::Ordering};

/// The bytes of a cell, `None` for null.
pub(super) fn bytes_of<'a>(
    batch: &'a RecordBatch,
    n: usize,
    column: &Column,
    row: usize,
) -> Option<Cow<'a, [u8]>> {
    let exact = batch.column_by_name(&column.exact_name()).map(|exact| exact.as_binary::<i32>());
    output::bytes_of(column, batch.column(n), exact, row)
}

/// The rows that pass the filters of `query`, in its order: a batch and a place in it.
pub(super) fn rows<'a>(
    version: &'a Version,
    at: &Snapshot,
    query: &RowQuery,
) -> Result<Vec<(&'a RecordBatch, usize)>> {
    let find = |name: &str| {
        at.columns
            .iter()
            .position(|column| column.name == name)
            .ok_or_else(|| Problem::new(Code::Invalid, "There is no such column."))
    };
    let filters = query
        .filters
        .iter()
        .map(|group| {
            let tests = group.filters().iter();
            tests.map(|filter| Test::new(find(&filter.column)?, filter, at)).collect()
        })
        .collect::<Result<Vec<Vec<_>>>>()?;
    let sorts = query
        .sort
        .iter()
        .map(|sort| Ok((find(&sort.column)?, sort.descending)))
        .collect::<Result<Vec<_>>>()?;
    let mut rows: Vec<(&RecordBatch, usize)> = version
        .batches
        .iter()
        .flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)))
        .filter(|&(batch, row)| {
            filters.iter().all(|group| group.iter().any(|test| test.holds(at, batch, row)))
        })
        .collect();
    rows.sort_by(|&(a, i), &(b, j)| {
        let by = |&(column, descending): &(usize, bool)| {
            let stored = at.columns[column].stored;
            let (a, b) = (Key::of(a, column, i, stored), Key::of(b, column, j, stored));
            // None is null, which PostgreSQL puts after everything.
            let order = (a.is_none(), a).partial_cmp(&(b.is_none(), b)).expect("keys are ordered");
            if descending { order.reverse() } else { order }
        };
        sorts.iter().map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
    Ok(rows)
}

/// A value by which rows are ordered and compared.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
enum Key {
    Integer(i64),
    Float(f64),
    Text(String),
}

impl Key {
    fn of(batch: &RecordBatch, n: usize, row: usize, stored: ColumnType) -> Option<Self> {
        let array = batch.column(n);
        if array.is_null(row) {
            return None;
        }
        Some(match stored {
            ColumnType::Boolean => Self::Integer(array.as_boolean().value(row).into()),
            ColumnType::Int16 => Self::Integer(array.as_primitive::<Int16Type>().value(row).into()),
            ColumnType::Int32 => Self::Integer(array.as_primitive::<Int32Type>().value(row).into()),
            ColumnType::Int64 => Self::Integer(array.as_primitive::<Int64Type>().value(row)),
            ColumnType::Date => Self::Integer(array.as_primitive::<Date32Type>().value(row).into()),
            ColumnType::Timestamp | ColumnType::TimestampTz => {
                Self::Integer(array.as_primitive::<TimestampMicrosecondType>().value(row))
            }
            ColumnType::Float32 => Self::Float(array.as_primitive::<Float32Type>().value(row).into()),
            ColumnType::Float64 => Self::Float(array.as_primitive::<Float64Type>().value(row)),
            ColumnType::Text | ColumnType::Uuid | ColumnType::Other => {
                Self::Text(array.as_string::<i32>().value(row).to_owned())
            }
            other => panic!("the store in memory does not order {other}"),
        })
    }

    /// A filter's value, as far as reading it is simple.
    fn parse(text: &str, stored: ColumnType) -> Result<Self> {
        let parsed = match stored {
            ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64 => text.parse().ok().map(Self::Integer),
            ColumnType::Float32 | ColumnType::Float64 => text.parse().ok().map(Self::Float),
            ColumnType::Text | ColumnType::Uuid | ColumnType::Other => Some(Self::Text(text.to_owned())),
            other => panic!("the store in memory does not compare {other}"),
        };
        parsed.ok_or_else(|| Problem::invalid("filter", "This value is not of the column's type."))
    }
}

/// A filter whose values have been read.
struct Test {
    column: usize,
    operator: Operator,
    values: Vec<Key>,
    /// For [`Operator::Is`].
    word: String,
}

impl Test {
    fn new(column: usize, filter: &Filter, at: &Snapshot) -> Result<Self> {
        let (operator, stored) = (filter.operator, at.columns[column].stored);
        let mut this = Self { column, operator, values: Vec::new(), word: String::new() };
        if operator == Operator::Is {
            this.word.clone_from(&filter.values[0]);
        } else {
            this.values = filter.values.iter().map(|text| Key::parse(text, stored)).collect::<Result<_>>()?;
        }
        Ok(this)
    }

    fn holds(&self, at: &Snapshot, batch: &RecordBatch, row: usize) -> bool {
        let key = Key::of(batch, self.column, row, at.columns[self.column].stored);
        if self.operator == Operator::Is {
            return match self.word.as_str() {
                "null" => key.is_none(),
                "not_null" => key.is_some(),
                word => key == Some(Key::Integer((word == "true").into())),
            };
        }
        let Some(key) = key else { return false };
        match self.operator {
            Operator::In => self.values.contains(&key),
            Operator::Eq => key == self.values[0],
            Operator::Neq => key != self.values[0],
            Operator::Gt => key > self.values[0],
            Operator::Gte => key >= self.values[0],
            Operator::Lt => key < self.values[0],
            Operator::Lte => key <= self.values[0],
            Operator::Like | Operator::Ilike => panic!("the store in memory knows no patterns"),
            Operator::Is => unreachable!("answered above"),
        }
    }
}

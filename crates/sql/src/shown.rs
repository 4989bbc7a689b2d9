//! How a column of an answer is typed, printed and kept.

use crate::types::{self, array_of};
use arrow_array::{Array, ArrayRef, StringArray, builder::StringBuilder, cast::AsArray};
use arrow_schema::{DataType, Field, TimeUnit};
use datafusion::arrow::{
    compute::cast,
    error::ArrowError,
    util::display::{ArrayFormatter, FormatOptions},
};
use mycorr_domain::{Column, ColumnType, SortOrder, TypeTree};
use pgwire::api::{
    Type,
    results::{FieldFormat, FieldInfo},
};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, sync::Arc};

/// In a field's metadata: the column's type as `format_type` prints it.
const PG_TYPE: &str = "mycorr.pg_type";
/// The Arrow type to which the others belong: an expression that changes the type may keep the metadata.
const ARROW: &str = "mycorr.arrow";
/// How values compare, see [`Keeping`].
const KEPT: &str = "mycorr.kept";
/// `oid`s of the catalogue, see `datafusion_pg_catalog`.
const OID_ALIAS: &str = "pg.oid_alias";

/// What a value that is kept as text stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// The value itself: it compares as it is.
    Native,
    /// Text of which equal values have the same, in another order than theirs: an enum.
    Equal,
    /// `char(n)` with its blanks, which PostgreSQL passes over when it compares.
    Padded,
    /// What PostgreSQL printed: neither the order nor, for some types, the equality of values is that of their texts.
    Printed,
}

impl Keeping {
    fn of(column: &Column, companion: bool) -> Self {
        match column.stored {
            _ if companion => Self::Printed,
            ColumnType::Char => Self::Padded,
            ColumnType::Numeric | ColumnType::Interval | ColumnType::TimeTz => Self::Printed,
            ColumnType::Other => match &column.tree {
                Some(TypeTree::Enum(_)) => Self::Equal,
                Some(TypeTree::Text(_)) if column.order() != SortOrder::Text => Self::Native,
                _ => Self::Printed,
            },
            _ => Self::Native,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Equal => "equal",
            Self::Padded => "padded",
            Self::Printed => "printed",
        }
    }

    /// Of an expression's field.
    pub(crate) fn of_field(field: &Field) -> Self {
        match remembered(field, KEPT) {
            Some("equal") => Self::Equal,
            Some("padded") => Self::Padded,
            Some("printed") => Self::Printed,
            _ => Self::Native,
        }
    }
}

/// PostgreSQL's type of a field, as it is printed.
pub(crate) fn pg_type(field: &Field) -> Option<&str> {
    remembered(field, PG_TYPE)
}

fn remembered<'a>(field: &'a Field, key: &str) -> Option<&'a str> {
    let arrow = field.metadata().get(ARROW)?;
    if *arrow == field.data_type().to_string() { field.metadata().get(key).map(String::as_str) } else { None }
}

/// How a stored column comes into a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Representation {
    /// As it is stored.
    Stored,
    /// As the text that PostgreSQL printed, because some values don't fit into the stored type.
    Text,
    /// As the bytes of that text, because some are no UTF-8.
    Bytes,
}

impl Representation {
    pub(crate) fn of(column: &Column, companion: bool) -> Self {
        match column.stored {
            _ if !companion => Self::Stored,
            ColumnType::Text | ColumnType::Char | ColumnType::Other => Self::Bytes,
            _ => Self::Text,
        }
    }

    /// The column's field in a query.
    pub(crate) fn field(self, column: &Column) -> Field {
        let arrow = match self {
            Self::Stored => column.stored.arrow(),
            Self::Text => DataType::Utf8,
            Self::Bytes => DataType::Binary,
        };
        let kept = Keeping::of(column, self != Self::Stored);
        let metadata = HashMap::from([
            (PG_TYPE.to_owned(), column.pg_type.clone()),
            (ARROW.to_owned(), arrow.to_string()),
            (KEPT.to_owned(), kept.as_str().to_owned()),
        ]);
        Field::new(&column.name, arrow, true).with_metadata(metadata)
    }
}

/// In which form an array's values are printed and encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The array is of this type's Arrow type.
    Value(ColumnType),
    /// The array holds the printed bytes themselves.
    Bytes,
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) pg: Type,
    pub(crate) modifier: i32,
    pub(crate) form: Form,
}

impl Shown {
    pub(crate) fn of(field: &Field) -> Self {
        let name = field.name().clone();
        if let Some(known) = pg_type(field) {
            let (pg, modifier) = types::type_named(known);
            let form = match field.data_type() {
                // Bytes that PostgreSQL printed, unless the type is bytea.
                DataType::Binary if pg != Type::BYTEA || Keeping::of_field(field) == Keeping::Printed => {
                    Form::Bytes
                }
                other => computed(other).1,
            };
            return Self { name, pg, modifier, form };
        }
        let (pg, form) = computed(field.data_type());
        let pg = if pg == Type::INT4 && field.metadata().contains_key(OID_ALIAS) { Type::OID } else { pg };
        Self { name, pg, modifier: -1, form }
    }

    pub(crate) fn info(&self, format: FieldFormat) -> FieldInfo {
        FieldInfo::new(self.name.clone(), None, None, self.pg.clone(), format)
            .with_type_size(types::length(&self.pg))
            .with_type_modifier(self.modifier)
    }

    /// The array in the type that [`Form`] means.
    pub(crate) fn prepare(&self, array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        let wanted = match self.form {
            Form::Value(stored) => stored.arrow(),
            Form::Bytes => DataType::Binary,
        };
        if *array.data_type() == wanted {
            return Ok(array.clone());
        }
        match array.data_type() {
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => lists(array),
            DataType::Time32(_) | DataType::Time64(_) | DataType::Interval(_) | DataType::Duration(_) => {
                formatted(array)
            }
            DataType::Struct(_) | DataType::Map(..) | DataType::Union(..) => formatted(array),
            _ => cast(array, &wanted),
        }
    }
}

/// What a computed value is called and printed as.
pub(crate) fn computed(arrow: &DataType) -> (Type, Form) {
    use DataType as D;
    let text = |pg| (pg, Form::Value(ColumnType::Text));
    match arrow {
        D::Boolean => (Type::BOOL, Form::Value(ColumnType::Boolean)),
        D::Int8 | D::Int16 => (Type::INT2, Form::Value(ColumnType::Int16)),
        D::UInt8 | D::UInt16 | D::Int32 => (Type::INT4, Form::Value(ColumnType::Int32)),
        D::UInt32 | D::Int64 => (Type::INT8, Form::Value(ColumnType::Int64)),
        D::UInt64 => (Type::NUMERIC, Form::Value(ColumnType::Decimal { precision: 20, scale: 0 })),
        D::Float16 | D::Float32 => (Type::FLOAT4, Form::Value(ColumnType::Float32)),
        D::Float64 => (Type::FLOAT8, Form::Value(ColumnType::Float64)),
        D::Decimal128(precision, scale) | D::Decimal32(precision, scale) | D::Decimal64(precision, scale)
            if *scale >= 0 =>
        {
            let decimal = ColumnType::Decimal { precision: *precision, scale: scale.unsigned_abs() };
            (Type::NUMERIC, Form::Value(decimal))
        }
        D::Decimal32(..) | D::Decimal64(..) | D::Decimal128(..) | D::Decimal256(..) => text(Type::NUMERIC),
        D::Date32 | D::Date64 => (Type::DATE, Form::Value(ColumnType::Date)),
        D::Timestamp(_, None) => (Type::TIMESTAMP, Form::Value(ColumnType::Timestamp)),
        D::Timestamp(_, Some(_)) => (Type::TIMESTAMPTZ, Form::Value(ColumnType::TimestampTz)),
        D::Time32(_) | D::Time64(_) => text(Type::TIME),
        D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_) => {
            (Type::BYTEA, Form::Value(ColumnType::Bytea))
        }
        D::List(element) | D::LargeList(element) | D::FixedSizeList(element, _) => {
            text(array_of(&computed(element.data_type()).0))
        }
        _ => text(Type::TEXT),
    }
}

/// The Arrow type of a parameter of this type.
pub(crate) fn arrow_of(pg: &Type) -> DataType {
    match *pg {
        Type::BOOL => DataType::Boolean,
        Type::INT2 => DataType::Int16,
        Type::INT4 => DataType::Int32,
        Type::INT8 | Type::OID => DataType::Int64,
        Type::FLOAT4 => DataType::Float32,
        Type::FLOAT8 => DataType::Float64,
        Type::DATE => DataType::Date32,
        Type::TIMESTAMP => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::TIMESTAMPTZ => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::BYTEA => DataType::Binary,
        _ => DataType::Utf8,
    }
}

fn formatted(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
    let text = |row| array.is_valid(row).then(|| formatter.value(row).to_string());
    Ok(Arc::new((0..array.len()).map(text).collect::<StringArray>()))
}

/// Lists as PostgreSQL prints arrays.
fn lists(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let mut text = StringBuilder::new();
    for row in 0..array.len() {
        if array.is_null(row) {
            text.append_null();
            continue;
        }
        let items = match array.data_type() {
            DataType::LargeList(_) => array.as_list::<i64>().value(row),
            DataType::FixedSizeList(..) => array.as_fixed_size_list().value(row),
            _ => array.as_list::<i32>().value(row),
        };
        let shown = Shown::of(&Field::new("", items.data_type().clone(), true));
        let items = shown.prepare(&items)?;
        let nested = shown.pg.kind() != &postgres_types::Kind::Simple;
        let mut printed = "{".to_owned();
        for item in 0..items.len() {
            if item > 0 {
                printed.push(',');
            }
            let Some(value) = crate::encode::text_of(&shown, &items, item) else {
                printed.push_str("NULL");
                continue;
            };
            let value = String::from_utf8_lossy(&value);
            if nested { printed.push_str(&value) } else { quote(&mut printed, &value) }
        }
        printed.push('}');
        text.append_value(printed);
    }
    Ok(Arc::new(text.finish()))
}

/// An array's item, quoted where `array_out` quotes it.
fn quote(out: &mut String, item: &str) {
    let plain = !item.is_empty()
        && !item.eq_ignore_ascii_case("null")
        && !item.contains(|c: char| matches!(c, '{' | '}' | ',' | '"' | '\\') || c.is_ascii_whitespace());
    if plain {
        return out.push_str(item);
    }
    out.push('"');
    for c in item.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

//! PostgreSQL's types by the names that `format_type` prints, with which an import remembers them.

use pgwire::api::Type;
use postgres_types::Kind;
use std::{collections::HashMap, sync::OnceLock};

/// The last oid that is looked at for a built-in type (`pg_type.dat`).
const MAX_BUILT_IN_OID: u32 = 6_200;

/// The types that have an oid of their own in every server, by `typname`; and the array type of each element.
struct BuiltIn {
    by_name: HashMap<String, Type>,
    arrays: HashMap<u32, Type>,
}

fn built_in() -> &'static BuiltIn {
    static BUILT_IN: OnceLock<BuiltIn> = OnceLock::new();
    BUILT_IN.get_or_init(|| {
        let all = || (16..=MAX_BUILT_IN_OID).filter_map(Type::from_oid);
        let array = |found: Type| match found.kind() {
            Kind::Array(element) => Some((element.oid(), found.clone())),
            _ => None,
        };
        BuiltIn {
            by_name: all().map(|found| (found.name().to_owned(), found)).collect(),
            arrays: all().filter_map(array).collect(),
        }
    })
}

/// The type and its modifier (`atttypmod`) of `numeric(12,2)` or `timestamp with time zone[]`. A type that is not
/// PostgreSQL's own (of an extension, an enum) has another oid in every database: it is text here.
pub(crate) fn type_named(name: &str) -> (Type, i32) {
    if let Some(element) = name.strip_suffix("[]") {
        let foreign = element != "text";
        let (element, modifier) = type_named(element);
        return match built_in().arrays.get(&element.oid()) {
            Some(array) if element != Type::TEXT || !foreign => (array.clone(), modifier),
            _ => (Type::TEXT, -1),
        };
    }
    let (base, arguments) = match (name.find('('), name.find(')')) {
        (Some(open), Some(close)) if open < close => {
            let arguments = name[open + 1..close].split(',').map_while(|part| part.trim().parse().ok());
            (format!("{}{}", &name[..open], &name[close + 1..]), arguments.collect())
        }
        _ => (name.to_owned(), Vec::<i32>::new()),
    };
    let found = match base.as_str() {
        "boolean" => Type::BOOL,
        "smallint" => Type::INT2,
        "integer" => Type::INT4,
        "bigint" => Type::INT8,
        "real" => Type::FLOAT4,
        "double precision" => Type::FLOAT8,
        "character varying" => Type::VARCHAR,
        "character" => Type::BPCHAR,
        "\"char\"" => Type::CHAR,
        "time without time zone" => Type::TIME,
        "time with time zone" => Type::TIMETZ,
        "timestamp without time zone" => Type::TIMESTAMP,
        "timestamp with time zone" => Type::TIMESTAMPTZ,
        "bit varying" => Type::VARBIT,
        interval if interval.starts_with("interval") => Type::INTERVAL,
        // `int4` is the name of a type of somebody's own if `format_type` prints it.
        other if is_alias(other) => return (Type::TEXT, -1),
        other => match built_in().by_name.get(other) {
            Some(found) => found.clone(),
            None => return (Type::TEXT, -1),
        },
    };
    let modifier = match (&found, arguments.as_slice()) {
        (&Type::NUMERIC, &[precision]) => (precision << 16) + 4,
        (&Type::NUMERIC, &[precision, scale]) => ((precision << 16) | (scale & 0x7ff)) + 4,
        (&Type::VARCHAR | &Type::BPCHAR, &[length]) => length + 4,
        (&Type::BIT | &Type::VARBIT, &[length]) => length,
        (&Type::TIME | &Type::TIMETZ | &Type::TIMESTAMP | &Type::TIMESTAMPTZ, &[digits]) => digits,
        _ => -1,
    };
    (found, modifier)
}

/// Names in `pg_type` of types that `format_type` calls otherwise.
fn is_alias(name: &str) -> bool {
    matches!(
        name,
        "bool"
            | "int2"
            | "int4"
            | "int8"
            | "float4"
            | "float8"
            | "varchar"
            | "bpchar"
            | "char"
            | "time"
            | "timetz"
            | "timestamp"
            | "timestamptz"
            | "varbit"
    )
}

/// `format_type` of a built-in type; `None` for another oid.
pub(crate) fn format_type(oid: u32, modifier: i32) -> Option<String> {
    let found = Type::from_oid(oid)?;
    if let Kind::Array(element) = found.kind() {
        return Some(format!("{}[]", format_type(element.oid(), modifier)?));
    }
    let with = |name: &str, rest: &str| match modifier {
        digits if digits >= 0 => format!("{name}({digits}){rest}"),
        _ => format!("{name}{rest}"),
    };
    Some(match found {
        Type::BOOL => "boolean".to_owned(),
        Type::INT2 => "smallint".to_owned(),
        Type::INT4 => "integer".to_owned(),
        Type::INT8 => "bigint".to_owned(),
        Type::FLOAT4 => "real".to_owned(),
        Type::FLOAT8 => "double precision".to_owned(),
        Type::CHAR => "\"char\"".to_owned(),
        Type::VARCHAR if modifier > 4 => format!("character varying({})", modifier - 4),
        Type::VARCHAR => "character varying".to_owned(),
        Type::BPCHAR if modifier > 4 => format!("character({})", modifier - 4),
        Type::BPCHAR => "character".to_owned(),
        Type::NUMERIC if modifier >= 4 => {
            let scale = (modifier - 4) & 0x7ff;
            // Eleven bits with a sign (PostgreSQL 15).
            let scale = if scale >= 0x400 { scale - 0x800 } else { scale };
            format!("numeric({},{scale})", (modifier - 4) >> 16)
        }
        Type::BIT => with("bit", ""),
        Type::VARBIT => with("bit varying", ""),
        Type::TIME => with("time", " without time zone"),
        Type::TIMETZ => with("time", " with time zone"),
        Type::TIMESTAMP => with("timestamp", " without time zone"),
        Type::TIMESTAMPTZ => with("timestamp", " with time zone"),
        other => other.name().to_owned(),
    })
}

/// `typlen`: bytes of a value, or -1 where they differ.
pub(crate) fn length(of: &Type) -> i16 {
    match *of {
        Type::BOOL | Type::CHAR => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::FLOAT4 | Type::DATE | Type::OID | Type::XID | Type::CID => 4,
        Type::INT8
        | Type::FLOAT8
        | Type::TIME
        | Type::TIMESTAMP
        | Type::TIMESTAMPTZ
        | Type::MONEY
        | Type::PG_LSN
        | Type::MACADDR8 => 8,
        Type::MACADDR | Type::TID => 6,
        Type::TIMETZ => 12,
        Type::UUID | Type::INTERVAL | Type::POINT => 16,
        Type::NAME => 64,
        _ => -1,
    }
}

/// The type of an array's elements.
pub(crate) fn element(of: &Type) -> Option<&Type> {
    match of.kind() {
        Kind::Array(element) => Some(element),
        _ => None,
    }
}

/// The array type of these elements.
pub(crate) fn array_of(element: &Type) -> Type {
    built_in().arrays.get(&element.oid()).cloned().unwrap_or(Type::TEXT_ARRAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_modifiers_lead_to_the_type_and_back() {
        for (name, oid, modifier) in [
            ("integer", 23, -1),
            ("numeric(12,2)", 1700, (12 << 16 | 2) + 4),
            ("numeric(5,-2)", 1700, (5 << 16 | 0x7fe) + 4),
            ("numeric", 1700, -1),
            ("character varying(20)", 1043, 24),
            ("character(3)", 1042, 7),
            ("timestamp(3) with time zone", 1184, 3),
            ("timestamp without time zone[]", 1115, -1),
            ("jsonb", 3802, -1),
            ("bit varying(5)", 1562, 5),
            ("int4range", 3904, -1),
            ("\"char\"", 18, -1),
            ("text[]", 1009, -1),
        ] {
            let (found, with) = type_named(name);
            assert_eq!((found.oid(), with), (oid, modifier), "{name}");
            assert_eq!(format_type(oid, modifier).as_deref(), Some(name));
        }
        for foreign in ["public.level", "geometry(Point,4326)", "citext", "int4", "level[]"] {
            assert_eq!(type_named(foreign).0, Type::TEXT, "{foreign}");
        }
    }
}

//! The type map: which of PostgreSQL's types is asked for in which format, and how it is stored.

use crate::wire::pipeline::Format;
use mycorr_domain::ColumnType;

/// What decides the map beside the type: the server's age and build.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerTraits {
    /// From PostgreSQL 12 on, a float is printed as the shortest text that reads back as the same number.
    pub(crate) shortest_floats: bool,
    /// Binary timestamps are integers; off in some builds before PostgreSQL 10.
    pub(crate) integer_datetimes: bool,
}

/// How a column comes and how it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) format: Format,
    pub(crate) stored: ColumnType,
}

/// The format is the one that costs less, the server's printing and our reading taken together: text for
/// integers, numeric and all that is text anyway, binary for floats, dates, timestamps, uuid and bytea.
/// Every type that is not here comes as text and stays text, so no type is unsupported.
///
/// `oid` is the type's (`pg_type.dat`), domains followed to their base; `modifier` its `atttypmod`.
pub(crate) fn map(oid: u32, modifier: i32, server: ServerTraits) -> Mapping {
    use ColumnType as T;
    let text = |stored| Mapping { format: Format::Text, stored };
    let binary = |stored| Mapping { format: Format::Binary, stored };
    match oid {
        16 => text(T::Boolean),
        17 => binary(T::Bytea),
        20 => text(T::Int64),
        21 => text(T::Int16),
        23 => text(T::Int32),
        // oid: 32 bits without sign.
        26 => text(T::Int64),
        // name, text, varchar
        19 | 25 | 1043 => text(T::Text),
        700 if server.shortest_floats => binary(T::Float32),
        701 if server.shortest_floats => binary(T::Float64),
        700 | 701 => text(T::Numeric),
        1042 => text(T::Char),
        1082 => binary(T::Date),
        1083 => text(T::Time),
        1114 if server.integer_datetimes => binary(T::Timestamp),
        1184 if server.integer_datetimes => binary(T::TimestampTz),
        1186 => text(T::Interval),
        1266 => text(T::TimeTz),
        1700 => text(decimal(modifier).unwrap_or(T::Numeric)),
        2950 => binary(T::Uuid),
        _ => text(T::Other),
    }
}

/// `numeric(p,s)`'s modifier is `((p << 16) | (s & 0x7ff)) + 4` (`numeric.c`); the scale has 11 bits and a
/// sign since PostgreSQL 15. Only what Delta's decimal holds.
fn decimal(modifier: i32) -> Option<ColumnType> {
    let packed = modifier.checked_sub(4).filter(|&packed| packed >= 0)?;
    let precision = packed >> 16;
    let scale = ((packed & 0x7ff) ^ 0x400) - 0x400;
    ((1..=38).contains(&precision) && (0..=precision).contains(&scale))
        .then_some(ColumnType::Decimal { precision: precision as u8, scale: scale as u8 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_that_delta_holds() {
        let modifier = |p: i32, s: i32| ((p << 16) | (s & 0x7ff)) + 4;
        for (p, s, fits) in [(12, 2, true), (38, 38, true), (39, 0, false), (3, 5, false), (3, -2, false)] {
            let want = fits.then_some(ColumnType::Decimal { precision: p as u8, scale: s as u8 });
            assert_eq!(decimal(modifier(p, s)), want, "numeric({p},{s})");
        }
        assert_eq!(decimal(-1), None);
    }
}

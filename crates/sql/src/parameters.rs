//! Values that come beside a statement, and literals in it: read exactly or refused.

use crate::{
    failure::{Failure, SqlState},
    numeric,
    shown::arrow_of,
};
use arrow_schema::DataType;
use datafusion::scalar::ScalarValue;
use pgwire::api::Type;

const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// Digits of a Decimal128.
const MAX_DIGITS: usize = 38;

/// A value as text, for a place of this type.
pub(crate) fn from_text(text: &str, arrow: &DataType) -> Result<ScalarValue, Failure> {
    let trimmed = text.trim();
    let refused = || {
        let message = format!("invalid input syntax for a value of type {}: {text:?}", name(arrow));
        Failure::new(SqlState::InvalidTextRepresentation, message)
    };
    match arrow {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            Ok(ScalarValue::Utf8(Some(text.to_owned())))
        }
        DataType::Boolean => match trimmed.to_ascii_lowercase().as_str() {
            "t" | "true" | "y" | "yes" | "on" | "1" => Ok(ScalarValue::Boolean(Some(true))),
            "f" | "false" | "n" | "no" | "off" | "0" => Ok(ScalarValue::Boolean(Some(false))),
            _ => Err(refused()),
        },
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => decimal(trimmed).ok_or_else(refused),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let value: f64 = trimmed.parse().map_err(|_| refused())?;
            match arrow {
                DataType::Float32 => {
                    trimmed.parse().map(|value| ScalarValue::Float32(Some(value))).map_err(|_| refused())
                }
                _ => Ok(ScalarValue::Float64(Some(value))),
            }
        }
        DataType::Binary => {
            let digits = trimmed.strip_prefix("\\x").ok_or_else(refused)?;
            let bytes = (0..digits.len())
                .step_by(2)
                .map(|at| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()));
            bytes
                .collect::<Option<Vec<u8>>>()
                .map(|bytes| ScalarValue::Binary(Some(bytes)))
                .ok_or_else(refused)
        }
        _ => ScalarValue::try_from_string(trimmed.to_owned(), arrow).map_err(|_| refused()),
    }
}

fn name(arrow: &DataType) -> String {
    crate::shown::computed(arrow).0.name().to_owned()
}

/// With as many digits after the point as are written, so that nothing is rounded.
fn decimal(text: &str) -> Option<ScalarValue> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = [whole, fraction].concat();
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let magnitude = all.trim_start_matches('0');
    if magnitude.len() > MAX_DIGITS || fraction.len() > MAX_DIGITS {
        return None;
    }
    let value: i128 = if magnitude.is_empty() { 0 } else { magnitude.parse().ok()? };
    let precision = magnitude.len().max(fraction.len()).max(1);
    let (precision, scale) = (u8::try_from(precision).ok()?, i8::try_from(fraction.len()).ok()?);
    Some(ScalarValue::Decimal128(Some(if negative { -value } else { value }), precision, scale))
}

/// A parameter of type `pg` in the binary format.
pub(crate) fn from_binary(bytes: &[u8], pg: &Type) -> Result<ScalarValue, Failure> {
    let refused = || {
        let message = format!("incorrect binary data format for a parameter of type {}", pg.name());
        Failure::new(SqlState::InvalidParameterValue, message)
    };
    let utf8 = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| refused());
    fn fixed<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
        bytes.try_into().ok()
    }
    let found = match *pg {
        Type::BOOL => fixed(bytes).map(|[byte]| ScalarValue::Boolean(Some(byte != 0))),
        Type::INT2 => fixed(bytes).map(|bytes| ScalarValue::Int16(Some(i16::from_be_bytes(bytes)))),
        Type::INT4 => fixed(bytes).map(|bytes| ScalarValue::Int32(Some(i32::from_be_bytes(bytes)))),
        Type::INT8 => fixed(bytes).map(|bytes| ScalarValue::Int64(Some(i64::from_be_bytes(bytes)))),
        Type::OID => fixed(bytes).map(|bytes| ScalarValue::Int64(Some(u32::from_be_bytes(bytes).into()))),
        Type::FLOAT4 => fixed(bytes).map(|bytes| ScalarValue::Float32(Some(f32::from_be_bytes(bytes)))),
        Type::FLOAT8 => fixed(bytes).map(|bytes| ScalarValue::Float64(Some(f64::from_be_bytes(bytes)))),
        Type::NUMERIC => numeric::decode(bytes).and_then(|text| decimal(&text)),
        Type::BYTEA => Some(ScalarValue::Binary(Some(bytes.to_vec()))),
        Type::DATE => fixed(bytes)
            .and_then(|bytes| i32::from_be_bytes(bytes).checked_add(EPOCH_DAYS))
            .map(|days| ScalarValue::Date32(Some(days))),
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            fixed(bytes).and_then(|bytes| i64::from_be_bytes(bytes).checked_add(EPOCH_MICROS)).map(|micros| {
                let zone = (*pg == Type::TIMESTAMPTZ).then(|| "UTC".into());
                ScalarValue::TimestampMicrosecond(Some(micros), zone)
            })
        }
        Type::UUID => fixed::<16>(bytes).map(|bytes| {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
            ScalarValue::Utf8(Some(parts.join("-")))
        }),
        Type::JSONB => bytes
            .split_first()
            .filter(|(version, _)| **version == 1)
            .map(|(_, text)| text)
            .map(utf8)
            .transpose()?
            .map(|text| ScalarValue::Utf8(Some(text))),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::JSON | Type::XML => {
            Some(ScalarValue::Utf8(Some(utf8(bytes)?)))
        }
        _ => {
            let message = format!("a parameter of type {} can't be read in binary here", pg.name());
            return Err(Failure::unsupported(message).hint("Send it as text."));
        }
    };
    found.ok_or_else(refused)
}

/// A null of this type.
pub(crate) fn null(pg: &Type) -> ScalarValue {
    ScalarValue::try_from(&arrow_of(pg)).unwrap_or(ScalarValue::Utf8(None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_digits() {
        let of = DataType::Decimal128(12, 2);
        assert_eq!(from_text("1.005", &of).unwrap(), ScalarValue::Decimal128(Some(1005), 4, 3));
        assert_eq!(from_text(" -0.10 ", &of).unwrap(), ScalarValue::Decimal128(Some(-10), 2, 2));
        for bad in ["", "1e3", "NaN", "1.2.3", &"9".repeat(39)] {
            assert_eq!(from_text(bad, &of).unwrap_err().state, SqlState::InvalidTextRepresentation, "{bad}");
        }
        assert!(from_text("1.5", &DataType::Int32).is_err());
    }

    #[test]
    fn binary_values() {
        assert_eq!(from_binary(&[0, 0, 0, 7], &Type::INT4).unwrap(), ScalarValue::Int32(Some(7)));
        assert_eq!(from_binary(&[0; 4], &Type::DATE).unwrap(), ScalarValue::Date32(Some(EPOCH_DAYS)));
        assert!(from_binary(&[0; 3], &Type::INT4).is_err());
        assert!(from_binary(&[255], &Type::TEXT).is_err());
    }
}

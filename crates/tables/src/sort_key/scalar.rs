//! Types that are made of nothing else.

use super::{cube, extension, isn, network, tsvector};
use crate::{
    datetime_key,
    numeric::Numeric,
    order::{boolean, float, parse_float, signed, wide},
};
use mycorr_domain::Scalar;

pub(super) fn write(scalar: Scalar, text: &str, key: &mut Vec<u8>) -> Option<()> {
    let number = match scalar {
        Scalar::Boolean => boolean(text)?.into(),
        Scalar::Int2 => signed(integer(text, i16::MIN.into(), i16::MAX.into())?),
        Scalar::Int4 => signed(integer(text, i32::MIN.into(), i32::MAX.into())?),
        Scalar::Int8 => signed(integer(text, i64::MIN, i64::MAX)?),
        Scalar::Oid => signed(integer(text, 0, u32::MAX.into())?),
        Scalar::Float4 => float(parse_float::<f32>(text)?.into()),
        Scalar::Float8 => float(parse_float(text)?),
        Scalar::Money => signed(money(text)?),
        Scalar::Date => signed(datetime_key::date(text)?),
        Scalar::Time => signed(datetime_key::time(text)?),
        Scalar::TimeTz => signed(datetime_key::timetz(text)?),
        Scalar::Char => char_byte(text)?.into(),
        Scalar::PgLsn => pg_lsn(text)?,
        Scalar::Xid8 => text.trim().parse().ok()?,
        Scalar::Tid => tid(text)?,
        Scalar::Macaddr => network::macaddr(text)?,
        Scalar::Macaddr8 => network::macaddr8(text)?,
        Scalar::Ean13 | Scalar::Isbn | Scalar::Ismn | Scalar::Issn | Scalar::Upc => {
            isn::number(scalar, text)?
        }
        Scalar::Numeric => return Numeric::parse(text).map(|number| number.key(key)),
        Scalar::Timestamp | Scalar::TimestampTz => {
            key.extend(wide(datetime_key::timestamp(text, scalar == Scalar::TimestampTz)?));
            return Some(());
        }
        Scalar::Interval => {
            key.extend(wide(datetime_key::interval(text)?));
            return Some(());
        }
        Scalar::Uuid => {
            key.extend(uuid(text)?.as_bytes());
            return Some(());
        }
        Scalar::Bytea => {
            bytes(&hex::decode(text.strip_prefix("\\x")?).ok()?, key);
            return Some(());
        }
        Scalar::Bits => return bits(text, key),
        Scalar::Inet => return network::inet(text, false, key),
        Scalar::Cidr => return network::inet(text, true, key),
        Scalar::OidVector => return vector(text, true, key),
        Scalar::Int2Vector => return vector(text, false, key),
        Scalar::TsVector => return tsvector::write(text, key),
        Scalar::Ltree => return extension::ltree(text, key),
        Scalar::Hstore => return extension::hstore(text, key),
        Scalar::Seg => return extension::seg(text, key),
        Scalar::Cube => return cube::write(text, key),
    };
    key.extend(number.to_be_bytes());
    Some(())
}

pub(super) fn example(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::Boolean => "true",
        Scalar::Int2 | Scalar::Int4 | Scalar::Int8 | Scalar::Oid | Scalar::Xid8 => "42",
        Scalar::Float4 | Scalar::Float8 => "1.5",
        Scalar::Numeric => "12.50",
        Scalar::Money => "$1,234.56",
        Scalar::Date => "2024-12-31",
        Scalar::Time => "23:59:59",
        Scalar::TimeTz => "23:59:59+00",
        Scalar::Timestamp => "2024-12-31 23:59:59",
        Scalar::TimestampTz => "2024-12-31 23:59:59+00",
        Scalar::Interval => "1 mon 2 days 03:00:00",
        Scalar::Uuid => "00000000-0000-0000-0000-000000000000",
        Scalar::Bytea => "\\x00ff",
        Scalar::Char => "a",
        Scalar::Bits => "101",
        Scalar::Inet => "192.168.0.1/24",
        Scalar::Cidr => "192.168.0.0/24",
        Scalar::Macaddr => "08:00:2b:01:02:03",
        Scalar::Macaddr8 => "08:00:2b:01:02:03:04:05",
        Scalar::PgLsn => "16/B374D848",
        Scalar::Tid => "(0,1)",
        Scalar::OidVector | Scalar::Int2Vector => "1 2",
        Scalar::TsVector => "'cat':3 'fat':2A",
        Scalar::Ltree => "top.science",
        Scalar::Cube => "(1, 2),(3, 4)",
        Scalar::Seg => "1.5 .. 2",
        Scalar::Hstore => "\"a\"=>\"1\"",
        Scalar::Ean13 => "978-0-393-04002-9",
        Scalar::Isbn => "0-393-04002-X",
        Scalar::Ismn => "M-706700-10-6",
        Scalar::Issn => "1436-4522",
        Scalar::Upc => "220356483481",
    }
}

/// Bytes that may be zero, and an end.
pub(super) fn bytes(bytes: &[u8], key: &mut Vec<u8>) {
    for &byte in bytes {
        key.push(byte);
        if byte == 0 {
            key.push(1);
        }
    }
    key.extend([0, 0]);
}

fn integer(text: &str, least: i64, most: i64) -> Option<i64> {
    text.trim().parse().ok().filter(|number| (least..=most).contains(number))
}

/// As `uuid_in`: 32 digits, a hyphen after any four of them, braces around.
pub(crate) fn uuid(text: &str) -> Option<uuid::Uuid> {
    let inner = match text.strip_prefix('{') {
        Some(inner) => inner.strip_suffix('}')?,
        None => text,
    };
    let mut digits = String::with_capacity(32);
    for char in inner.chars() {
        match char {
            '-' if !digits.is_empty() && digits.len().is_multiple_of(4) && digits.len() < 32 => {}
            char if char.is_ascii_hexdigit() => digits.push(char),
            _ => return None,
        }
    }
    let doubled = inner.contains("--") || inner.ends_with('-');
    (digits.len() == 32 && !doubled).then(|| uuid::Uuid::try_parse(&digits).ok()).flatten()
}

/// Cents, as `cash_in` reads them under `lc_monetary=C`.
fn money(text: &str) -> Option<i64> {
    let mut rest = text.trim_start();
    let mut negative = false;
    rest = rest.strip_prefix('$').unwrap_or(rest).trim_start();
    if let Some(after) = rest.strip_prefix(['-', '(']) {
        negative = true;
        rest = after;
    } else {
        rest = rest.strip_prefix('+').unwrap_or(rest);
    }
    rest = rest.trim_start();
    rest = rest.strip_prefix('$').unwrap_or(rest).trim_start();
    let mut cents: i128 = 0;
    let mut places: Option<u32> = None;
    while let Some(char) = rest.chars().next() {
        match char {
            '0'..='9' if places.is_none_or(|places| places < 2) => {
                cents = cents.checked_mul(10)?.checked_add(i128::from(char as u8 - b'0'))?;
                places = places.map(|places| places + 1);
            }
            '.' if places.is_none() => places = Some(0),
            ',' => {}
            _ => break,
        }
        rest = &rest[1..];
    }
    if rest.starts_with(|char: char| ('5'..='9').contains(&char)) {
        cents += 1;
    }
    cents = cents.checked_mul(10i128.pow(2 - places.unwrap_or(0)))?;
    for char in rest.trim_start_matches(|char: char| char.is_ascii_digit()).chars() {
        match char {
            '-' => negative = true,
            ')' | '+' | '$' => {}
            char if char.is_ascii_whitespace() => {}
            _ => return None,
        }
    }
    i64::try_from(if negative { -cents } else { cents }).ok()
}

/// `charin`: the first byte, nothing for zero, or three octal digits behind a backslash.
fn char_byte(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7'] => {
            Some(((a - b'0') << 6) + ((b - b'0') << 3) + (c - b'0'))
        }
        bytes => Some(bytes.first().copied().unwrap_or(0)),
    }
}

/// `16/B374D848`
fn pg_lsn(text: &str) -> Option<u64> {
    let (high, low) = text.trim().split_once('/')?;
    let half = |text: &str| {
        let fits = (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if fits { u64::from_str_radix(text, 16).ok() } else { None }
    };
    Some(half(high)? << 32 | half(low)?)
}

/// `(block,offset)`
fn tid(text: &str) -> Option<u64> {
    let (block, offset) = text.trim().strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
    Some(u64::from(block.trim().parse::<u32>().ok()?) << 16 | u64::from(offset.trim().parse::<u16>().ok()?))
}

/// By the bits, a prefix first: as `bit_cmp` has it, which compares bytes filled with zeros and then lengths.
fn bits(text: &str, key: &mut Vec<u8>) -> Option<()> {
    if let Some(hex) = text.strip_prefix(['x', 'X']) {
        for char in hex.chars() {
            let digit = char.to_digit(16)?;
            key.extend((0..4).rev().map(|bit| b'0' + (digit >> bit & 1) as u8));
        }
    } else {
        let bits = text.strip_prefix(['b', 'B']).unwrap_or(text);
        if !bits.bytes().all(|bit| matches!(bit, b'0' | b'1')) {
            return None;
        }
        key.extend(bits.as_bytes());
    }
    key.push(0);
    Some(())
}

/// Numbers with blanks between. An `oidvector` compares by its length first, an `int2vector` as an array does.
fn vector(text: &str, oids: bool, key: &mut Vec<u8>) -> Option<()> {
    let numbers: Vec<&str> = text.split_ascii_whitespace().collect();
    if oids {
        key.extend((numbers.len() as u32).to_be_bytes());
    }
    for number in &numbers {
        if !oids {
            key.push(1);
        }
        write(if oids { Scalar::Oid } else { Scalar::Int2 }, number, key)?;
    }
    if !oids {
        key.push(0);
    }
    Some(())
}

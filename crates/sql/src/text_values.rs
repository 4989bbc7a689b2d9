//! Values from what PostgreSQL prints to its binary format (each type's `send` function): what is kept as text here may
//! be asked for in binary.

use crate::{numeric, types};
use bytes::{BufMut, BytesMut};
use mycorr_domain::output::days_from_civil;
use pgwire::api::Type;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// Appends the binary form; `None` for a type or a value of which it is not known here.
pub(crate) fn encode(pg: &Type, text: &[u8], out: &mut BytesMut) -> Option<()> {
    if let Some(element) = types::element(pg) {
        return array(element, std::str::from_utf8(text).ok()?, out);
    }
    // `"char"` is one byte, which is not printed where it is zero.
    if *pg == Type::CHAR && text.is_empty() {
        out.put_u8(0);
        return Some(());
    }
    match *pg {
        Type::TEXT
        | Type::VARCHAR
        | Type::BPCHAR
        | Type::NAME
        | Type::JSON
        | Type::XML
        | Type::UNKNOWN
        | Type::CHAR => {
            out.put_slice(text);
            return Some(());
        }
        _ => {}
    }
    let text = std::str::from_utf8(text).ok()?;
    match *pg {
        Type::BOOL => out.put_u8(u8::from(text == "t")),
        Type::INT2 => out.put_i16(text.parse().ok()?),
        Type::INT4 => out.put_i32(text.parse().ok()?),
        Type::INT8 => out.put_i64(text.parse().ok()?),
        Type::OID => out.put_u32(text.parse().ok()?),
        Type::FLOAT4 => out.put_f32(text.parse().ok()?),
        Type::FLOAT8 => out.put_f64(text.parse().ok()?),
        Type::NUMERIC => numeric::encode(text, out)?,
        Type::JSONB => {
            out.put_u8(1);
            out.put_slice(text.as_bytes());
        }
        Type::UUID => {
            let digits: Vec<u8> = text.bytes().filter(|&byte| byte != b'-').collect();
            (digits.len() == 32).then(|| hex(&digits, out))??;
        }
        Type::BYTEA => hex(text.strip_prefix("\\x")?.as_bytes(), out)?,
        Type::DATE => out.put_i32(match text {
            "infinity" => i32::MAX,
            "-infinity" => i32::MIN,
            text => i32::try_from(date(text)?).ok()?,
        }),
        Type::TIME => out.put_i64(time(text)?),
        Type::TIMETZ => {
            let at = text.rfind(['+', '-'])?;
            out.put_i64(time(&text[..at])?);
            out.put_i32(-zone(&text[at..])?);
        }
        Type::TIMESTAMP | Type::TIMESTAMPTZ => out.put_i64(match text {
            "infinity" => i64::MAX,
            "-infinity" => i64::MIN,
            text => timestamp(text)?,
        }),
        Type::INTERVAL => {
            let (months, days, micros) = interval(text)?;
            out.put_i64(micros);
            out.put_i32(days);
            out.put_i32(months);
        }
        Type::BIT | Type::VARBIT => {
            out.put_i32(i32::try_from(text.len()).ok()?);
            for byte in text.as_bytes().chunks(8) {
                let bits = byte.iter().try_fold(0, |bits: u8, bit| match bit {
                    b'0' => Some(bits << 1),
                    b'1' => Some(bits << 1 | 1),
                    _ => None,
                })?;
                out.put_u8(bits << (8 - byte.len()));
            }
        }
        _ => return None,
    }
    Some(())
}

fn hex(digits: &[u8], out: &mut BytesMut) -> Option<()> {
    for pair in digits.chunks(2) {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        out.put_u8(u8::from_str_radix(pair, 16).ok()?);
    }
    Some(())
}

/// Days since 2000-01-01 of `2026-11-28`, with or without ` BC`.
fn date(text: &str) -> Option<i64> {
    let (text, before_christ) = match text.strip_suffix(" BC") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let mut parts = text.split('-');
    let (year, month, day) = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
    if parts.next().is_some() {
        return None;
    }
    let year = if before_christ { 1 - year } else { year };
    Some(days_from_civil(year, month, day) - days_from_civil(2000, 1, 1))
}

/// Microseconds of `04:05:06.789`.
fn time(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let (hours, minutes) = (number(parts.next()?)?, number(parts.next()?)?);
    let seconds = parts.next().unwrap_or("0");
    if parts.next().is_some() {
        return None;
    }
    Some((hours * 3600 + minutes * 60) * MICROS_PER_SECOND + seconds_micros(seconds)?)
}

fn seconds_micros(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 6 {
        return None;
    }
    let fraction = if fraction.is_empty() { 0 } else { number(&format!("{fraction:0<6}"))? };
    Some(number(whole)? * MICROS_PER_SECOND + fraction)
}

/// Seconds east of UTC of `+02`, `-03:30` or `+01:02:03`.
fn zone(text: &str) -> Option<i32> {
    let (sign, text) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let mut seconds = 0;
    for (part, of) in text.split(':').zip([3600, 60, 1]) {
        seconds += i32::try_from(number(part)?).ok()? * of;
    }
    Some(sign * seconds)
}

/// Microseconds since 2000-01-01 of `2026-11-28 04:05:06.789`, with or without `+00` and ` BC`.
fn timestamp(text: &str) -> Option<i64> {
    let (text, era) = match text.strip_suffix(" BC") {
        Some(text) => (text, " BC"),
        None => (text, ""),
    };
    let (day, clock) = text.strip_suffix("+00").unwrap_or(text).split_once(' ')?;
    let micros = i128::from(date(&format!("{day}{era}"))?) * 86_400 * i128::from(MICROS_PER_SECOND);
    i64::try_from(micros + i128::from(time(clock)?)).ok()
}

/// Months, days and microseconds of `1 year 2 mons -3 days 04:05:06.789`.
fn interval(text: &str) -> Option<(i32, i32, i64)> {
    let (mut months, mut days, mut micros) = (0_i64, 0_i64, 0_i64);
    let mut words = text.split(' ');
    while let Some(word) = words.next() {
        if word.contains(':') {
            let (sign, clock) = match word.split_at_checked(1)? {
                ("-", rest) => (-1, rest),
                ("+", rest) => (1, rest),
                _ => (1, word),
            };
            micros += sign * time(clock)?;
            continue;
        }
        let count: i64 = word.parse().ok()?;
        match words.next()? {
            "year" | "years" => months += 12 * count,
            "mon" | "mons" => months += count,
            "day" | "days" => days += count,
            _ => return None,
        }
    }
    Some((i32::try_from(months).ok()?, i32::try_from(days).ok()?, micros))
}

/// Digits alone.
fn number(text: &str) -> Option<i64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// An array of one dimension or more, or with none, as `array_send` writes it.
fn array(element: &Type, text: &str, out: &mut BytesMut) -> Option<()> {
    let (bounds, items) = match text.find('{')? {
        0 => (Vec::new(), text),
        at => (lower_bounds(text[..at].strip_suffix('=')?)?, &text[at..]),
    };
    let delimiter = if *element == Type::BOX { b';' } else { b',' };
    let mut parsed =
        Items { text: items.as_bytes(), at: 0, delimiter, sizes: Vec::new(), values: Vec::new() };
    parsed.list(0)?;
    let Items { at, sizes, values, .. } = parsed;
    if at != items.len() {
        return None;
    }
    let sizes = if values.is_empty() { Vec::new() } else { sizes };
    out.put_i32(i32::try_from(sizes.len()).ok()?);
    out.put_i32(i32::from(values.iter().any(Option::is_none)));
    out.put_u32(element.oid());
    for (dimension, size) in sizes.iter().enumerate() {
        out.put_i32(i32::try_from((*size)?).ok()?);
        out.put_i32(bounds.get(dimension).copied().unwrap_or(1));
    }
    for value in values {
        let Some(value) = value else {
            out.put_i32(-1);
            continue;
        };
        let at = out.len();
        out.put_i32(0);
        encode(element, &value, out)?;
        let length = i32::try_from(out.len() - at - 4).ok()?;
        out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }
    Some(())
}

/// The lower bounds of `[0:2][-1:1]`.
fn lower_bounds(text: &str) -> Option<Vec<i32>> {
    let bounds = text.strip_prefix('[')?.strip_suffix(']')?.split("][");
    bounds.map(|bound| bound.split_once(':')?.0.parse().ok()).collect()
}

struct Items<'a> {
    text: &'a [u8],
    at: usize,
    delimiter: u8,
    /// Items of each dimension, once they are known.
    sizes: Vec<Option<usize>>,
    values: Vec<Option<Vec<u8>>>,
}

impl Items<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn list(&mut self, depth: usize) -> Option<()> {
        (self.peek()? == b'{').then_some(())?;
        self.at += 1;
        if self.sizes.len() == depth {
            self.sizes.push(None);
        }
        let mut count = 0;
        if self.peek()? == b'}' {
            self.at += 1;
        } else {
            loop {
                count += 1;
                match self.peek()? {
                    b'{' => self.list(depth + 1)?,
                    _ => self.item()?,
                }
                let end = self.peek()?;
                self.at += 1;
                match end {
                    b'}' => break,
                    end if end == self.delimiter => {}
                    _ => return None,
                }
            }
        }
        match &mut self.sizes[depth] {
            Some(known) => (*known == count).then_some(()),
            unknown => {
                *unknown = Some(count);
                Some(())
            }
        }
    }

    fn item(&mut self) -> Option<()> {
        let quoted = self.peek()? == b'"';
        let mut value = Vec::new();
        if quoted {
            self.at += 1;
            loop {
                let byte = self.peek()?;
                self.at += 1;
                match byte {
                    b'"' => break,
                    b'\\' => {
                        value.push(self.peek()?);
                        self.at += 1;
                    }
                    byte => value.push(byte),
                }
            }
        } else {
            while let Some(byte) = self.peek().filter(|&byte| byte != b'}' && byte != self.delimiter) {
                value.push(byte);
                self.at += 1;
            }
        }
        self.values.push(if !quoted && value == b"NULL" { None } else { Some(value) });
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex_of(pg: &Type, text: &str) -> Option<String> {
        let mut out = BytesMut::new();
        encode(pg, text.as_bytes(), &mut out)?;
        Some(out.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// As PostgreSQL 15's `send` functions print them.
    #[test]
    fn texts_become_what_postgresql_sends() {
        for (pg, text, want) in [
            (Type::TIME, "04:05:06.789", "000000036c97ca88"),
            (Type::DATE, "2000-01-01", "00000000"),
            (Type::DATE, "0001-12-31 BC", "fff4dbf8"),
            (Type::DATE, "infinity", "7fffffff"),
            (Type::TIMESTAMP, "2000-01-01 00:00:00.000001", "0000000000000001"),
            (Type::TIMESTAMPTZ, "1999-12-31 23:59:59+00", "fffffffffff0bdc0"),
            (Type::TIMETZ, "00:00:00+02", "0000000000000000ffffe3e0"),
            (Type::INTERVAL, "1 year 2 mons -3 days", "0000000000000000fffffffd0000000e"),
            (Type::INTERVAL, "-00:00:01", "fffffffffff0bdc00000000000000000"),
            (Type::JSONB, "{}", "017b7d"),
            (Type::BIT, "101", "00000003a0"),
            (Type::INT4_ARRAY, "{}", "000000000000000000000017"),
            (
                Type::INT4_ARRAY,
                "[0:1]={1,NULL}",
                "00000001 00000001 00000017 00000002 00000000 00000004 00000001 ffffffff",
            ),
            (
                Type::TEXT_ARRAY,
                r#"{{"a b"},{"\""}}"#,
                "00000002 00000000 00000019 00000002 00000001 00000001 00000001 00000003 612062 00000001 22",
            ),
        ] {
            assert_eq!(hex_of(&pg, text), Some(want.replace(' ', "")), "{text}");
        }
        for (pg, text) in
            [(Type::POINT, "(1,2)"), (Type::TIME, "x"), (Type::INT4_ARRAY, "{1,2"), (Type::INTERVAL, "3")]
        {
            assert_eq!(hex_of(&pg, text), None, "{text}");
        }
    }
}

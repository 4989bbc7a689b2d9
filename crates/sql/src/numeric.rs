//! `numeric` in the binary format (src/backend/utils/adt/numeric.c, `numeric_send`): groups of four decimal digits.

use bytes::{BufMut, BytesMut};

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEGATIVE_INFINITY: u16 = 0xf000;
/// What is sent as the scale of infinities: bits of the header of a value in memory.
const INFINITE_SCALE: u16 = 32;

/// Digits of a group.
const GROUP: usize = 4;

/// Appends the value that PostgreSQL prints as `text`; `None` if it is not such.
pub(crate) fn encode(text: &str, out: &mut BytesMut) -> Option<()> {
    let special = match text {
        "NaN" => Some((NAN, 0)),
        "Infinity" => Some((INFINITY, INFINITE_SCALE)),
        "-Infinity" => Some((NEGATIVE_INFINITY, INFINITE_SCALE)),
        _ => None,
    };
    if let Some((sign, scale)) = special {
        for part in [0, 0, sign, scale] {
            out.put_u16(part);
        }
        return Some(());
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (NEGATIVE, rest),
        None => (0, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let scale = u16::try_from(fraction.len()).ok()?;
    // Groups are counted from the point: the first is filled up on its left, the last on its right.
    let lead = (GROUP - whole.len() % GROUP) % GROUP;
    let trail = (GROUP - fraction.len() % GROUP) % GROUP;
    let all: Vec<u8> = std::iter::repeat_n(b'0', lead)
        .chain(whole.bytes())
        .chain(fraction.bytes())
        .chain(std::iter::repeat_n(b'0', trail))
        .collect();
    let groups: Vec<u16> = all
        .chunks(GROUP)
        .map(|group| group.iter().fold(0, |n, digit| n * 10 + u16::from(digit - b'0')))
        .collect();
    let first = groups.iter().position(|&group| group != 0).unwrap_or(groups.len());
    let last = groups.iter().rposition(|&group| group != 0).map_or(first, |at| at + 1);
    let weight = i16::try_from(((whole.len() + lead) / GROUP) as i64 - 1 - first as i64).ok()?;
    let shown = &groups[first..last];
    out.put_i16(i16::try_from(shown.len()).ok()?);
    out.put_i16(if shown.is_empty() { 0 } else { weight });
    out.put_u16(if shown.is_empty() { 0 } else { sign });
    out.put_u16(scale);
    shown.iter().for_each(|&group| out.put_u16(group));
    Some(())
}

/// The text of a value, `None` if the bytes are no numeric.
pub(crate) fn decode(bytes: &[u8]) -> Option<String> {
    let part = |at: usize| Some(u16::from_be_bytes(bytes.get(2 * at..2 * at + 2)?.try_into().ok()?));
    let (count, weight, sign, scale) = (part(0)?, part(1)? as i16, part(2)?, usize::from(part(3)?));
    if bytes.len() != 8 + 2 * usize::from(count) {
        return None;
    }
    match sign {
        NAN => return Some("NaN".to_owned()),
        INFINITY => return Some("Infinity".to_owned()),
        NEGATIVE_INFINITY => return Some("-Infinity".to_owned()),
        0 | NEGATIVE => {}
        _ => return None,
    }
    // The group with this weight, zero beyond those that were sent.
    let group = |at: i32| {
        let index = i32::from(weight) - at;
        let found = usize::try_from(index).ok().filter(|&index| index < usize::from(count));
        found.and_then(|index| part(4 + index)).unwrap_or(0)
    };
    let mut text = String::new();
    if sign == NEGATIVE {
        text.push('-');
    }
    let mut whole: String = (0..=i32::from(weight)).rev().map(|at| format!("{:04}", group(at))).collect();
    whole = whole.trim_start_matches('0').to_owned();
    text.push_str(if whole.is_empty() { "0" } else { &whole });
    if scale > 0 {
        let groups = scale.div_ceil(GROUP) as i32;
        let fraction: String = (1..=groups).map(|at| format!("{:04}", group(-at))).collect();
        text.push('.');
        text.push_str(&fraction[..scale]);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back() {
        for text in [
            "0",
            "0.00",
            "1",
            "-1",
            "10000",
            "12345.678",
            "-0.0001",
            "0.00012",
            "99999999.99999999",
            "100000000",
            "NaN",
            "Infinity",
            "-Infinity",
            "123456789012345678901234567890.123456789",
        ] {
            let mut bytes = BytesMut::new();
            encode(text, &mut bytes).unwrap();
            assert_eq!(decode(&bytes).as_deref(), Some(text));
        }
        // As `SELECT numeric_send(…)` prints them.
        for (text, bytes) in [
            ("0.00", "0000000000000002"),
            ("12345.678", "0003000100000003000109291a7c"),
            ("-0.0001", "0001ffff400000040001"),
        ] {
            let mut out = BytesMut::new();
            encode(text, &mut out).unwrap();
            let hex: String = out.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, bytes, "{text}");
        }
        for bad in ["", ".", "1e5", "abc", "1.2.3x"] {
            assert!(encode(bad, &mut BytesMut::new()).is_none(), "{bad}");
        }
    }
}

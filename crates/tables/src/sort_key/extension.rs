//! `ltree`, `hstore` and `seg`, as their extensions compare them.

use super::scalar::bytes;
use crate::order::{float, parse_float};

/// Labels from the left, of which one that begins another comes first, as a path that begins another does.
pub(super) fn ltree(text: &str, key: &mut Vec<u8>) -> Option<()> {
    let label = |label: &str| {
        !label.is_empty() && label.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '-'))
    };
    if !text.is_empty() {
        for part in text.split('.') {
            if !label(part) {
                return None;
            }
            key.extend(part.as_bytes());
            key.push(1);
        }
    }
    key.push(0);
    Some(())
}

/// `hstore_cmp`: all keys and values glued together, then how many pairs there are, then where each ends and which
/// value is NULL. The pairs lie by the keys' lengths and then bytes.
pub(super) fn hstore(text: &str, key: &mut Vec<u8>) -> Option<()> {
    let mut rest = text.trim();
    let mut pairs: Vec<(String, Option<String>)> = Vec::new();
    while !rest.is_empty() {
        let (name, _, tail) = hstore_word(rest, true)?;
        let tail = tail.trim_start().strip_prefix("=>")?.trim_start();
        let (value, quoted, tail) = hstore_word(tail, false)?;
        let null = !quoted && value.eq_ignore_ascii_case("null");
        pairs.push((name, (!null).then_some(value)));
        rest = tail.trim_start();
        if !rest.is_empty() {
            // A comma may be the last.
            rest = rest.strip_prefix(',')?.trim_start();
        }
    }
    pairs.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
    pairs.dedup_by(|(later, _), (kept, _)| later == kept);
    if pairs.is_empty() {
        key.push(0);
        return Some(());
    }
    key.push(1);
    let glued: String =
        pairs.iter().flat_map(|(name, value)| [name.as_str(), value.as_deref().unwrap_or("")]).collect();
    bytes(glued.as_bytes(), key);
    key.extend((pairs.len() as u32).to_be_bytes());
    let mut end = 0;
    for (name, value) in &pairs {
        for (part, null) in [(Some(name), false), (value.as_ref(), value.is_none())] {
            end += part.map_or(0, String::len) as u32;
            key.extend(end.to_be_bytes());
            key.push(null.into());
        }
    }
    Some(())
}

/// A word, whether it stood in quotes, and the rest.
fn hstore_word(text: &str, is_key: bool) -> Option<(String, bool, &str)> {
    let mut word = String::new();
    let quoted = text.starts_with('"');
    let mut chars = text.char_indices();
    if quoted {
        chars.next();
    }
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => word.push(chars.next()?.1),
            '"' if quoted => return Some((word, true, &text[at + 1..])),
            '=' if !quoted && is_key && text[at..].starts_with("=>") => {
                return Some((word, false, &text[at..]));
            }
            ',' if !quoted && !is_key => return Some((word, false, &text[at..])),
            char if !quoted && char.is_ascii_whitespace() => return Some((word, false, &text[at..])),
            char => word.push(char),
        }
    }
    (!quoted && !word.is_empty()).then_some((word, false, ""))
}

/// One end of a `seg`.
struct End {
    value: f32,
    /// `<`, `>`, `~`, nothing (a blank), or `-` for an end that is open.
    mark: char,
    /// Digits that count; a bound of more is told more exactly.
    digits: u8,
}

/// `seg_cmp`: the lower end, then the upper one; where they are equal, the vaguer interval contains the other and its
/// lower end comes first, its upper one last.
pub(super) fn seg(text: &str, key: &mut Vec<u8>) -> Option<()> {
    let text = text.trim();
    let open = |value| End { value, mark: '-', digits: 0 };
    let (lower, upper) = if let Some((value, deviation)) = text.split_once("(+-)") {
        let (value, deviation) = (seg_end(value)?, seg_end(deviation)?);
        let digits = value.digits.max(deviation.digits);
        let end =
            |at: f32| End { value: at, mark: ' ', digits: digits.max(significant(&format!("{at}")).min(6)) };
        (end(value.value - deviation.value), end(value.value + deviation.value))
    } else if let Some((lower, upper)) = text.split_once("..") {
        let (lower, upper) = (lower.trim(), upper.trim_start_matches('.').trim());
        if lower.is_empty() && upper.is_empty() {
            return None;
        }
        (
            if lower.is_empty() { open(f32::NEG_INFINITY) } else { seg_end(lower)? },
            if upper.is_empty() { open(f32::INFINITY) } else { seg_end(upper)? },
        )
    } else {
        (seg_end(text)?, seg_end(text)?)
    };
    if lower.value > upper.value {
        return None;
    }
    key.extend(float(lower.value.into()).to_be_bytes());
    key.extend(match lower.mark {
        '-' => [0, 0, 0],
        '<' => [1, 0, 0],
        '>' => [3, 0, 0],
        mark => [2, lower.digits, u8::from(mark != '~')],
    });
    key.extend(float(upper.value.into()).to_be_bytes());
    key.extend(match upper.mark {
        '<' => [0, 0, 0],
        '>' => [2, 0, 0],
        '-' => [3, 0, 0],
        mark => [1, !upper.digits, u8::from(mark == '~')],
    });
    Some(())
}

fn seg_end(text: &str) -> Option<End> {
    let text = text.trim();
    let (mark, number) = match text.chars().next()? {
        mark @ ('<' | '>' | '~') => (mark, text[1..].trim_start()),
        _ => (' ', text),
    };
    let plain =
        number.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    let value = parse_float::<f32>(number).filter(|_| plain)?;
    Some(End { value, mark, digits: significant(number).min(6) })
}

/// `significant_digits`: from the first digit that is not zero to the exponent; for zero, its zeros behind the point.
fn significant(number: &str) -> u8 {
    let mantissa = number.split(['e', 'E']).next().unwrap_or(number).trim_start_matches(['+', '-']);
    let digits = mantissa.trim_start_matches(['0', '.']).bytes().filter(u8::is_ascii_digit).count();
    let digits = match digits {
        0 => mantissa.bytes().filter(u8::is_ascii_digit).count(),
        digits => digits,
    };
    digits.min(255) as u8
}

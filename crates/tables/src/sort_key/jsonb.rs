//! `jsonb`: `compareJsonbContainers`. Object > array > boolean > number > string > null; of two arrays or objects the
//! one with more in it, and only then what is in it, an object's keys by length and then by bytes.

use super::collate::Collator;
use crate::numeric::Numeric;

/// At the top, an array without elements is below everything, since there a scalar counts as an array of one.
const EMPTY: u8 = 0;
const NULL: u8 = 1;
const STRING: u8 = 2;
const NUMBER: u8 = 3;
const BOOLEAN: u8 = 4;
const ARRAY: u8 = 5;
const OBJECT: u8 = 6;

enum Open {
    /// Where its count is to stand, and how many elements it has.
    Array(usize, u32),
    /// Where its count is to stand, and where each pair begins.
    Object(usize, Vec<Pair>),
}

struct Pair {
    key: String,
    at: usize,
}

/// Any depth: what is open stands in a list, not on the stack.
pub(super) fn write(text: &str, collator: &Collator, out: &mut Vec<u8>) -> Option<()> {
    let start = out.len();
    let mut reader = Reader { text, at: 0 };
    let mut open: Vec<Open> = Vec::new();
    reader.blanks();
    loop {
        // A value begins here.
        let mut ended = true;
        match reader.peek()? {
            b'[' | b'{' => {
                let array = reader.peek() == Some(b'[');
                reader.at += 1;
                out.push(if array { ARRAY } else { OBJECT });
                let count = out.len();
                out.extend([0; 4]);
                reader.blanks();
                open.push(if array { Open::Array(count, 0) } else { Open::Object(count, Vec::new()) });
                ended = reader.peek() == Some(if array { b']' } else { b'}' });
                if !ended && !array {
                    reader.key(open.last_mut()?, collator, out)?;
                }
                if ended {
                    reader.at += 1;
                    close(open.pop()?, false, out);
                }
            }
            _ => reader.scalar(collator, out)?,
        }
        // Behind a value, whatever can end ends.
        while ended {
            reader.blanks();
            let Some(last) = open.last_mut() else {
                if out[start..] == [ARRAY, 0, 0, 0, 0] {
                    out.truncate(start);
                    out.push(EMPTY);
                }
                return (reader.at == text.len()).then_some(());
            };
            match (reader.peek()?, &mut *last) {
                (b',', Open::Array(_, count)) => {
                    *count += 1;
                    reader.at += 1;
                    reader.blanks();
                    ended = false;
                }
                (b',', Open::Object(..)) => {
                    reader.at += 1;
                    reader.blanks();
                    reader.key(last, collator, out)?;
                    ended = false;
                }
                (b']', Open::Array(..)) | (b'}', Open::Object(..)) => {
                    reader.at += 1;
                    close(open.pop()?, true, out);
                }
                _ => return None,
            }
        }
    }
}

/// Fills in the count. An object's pairs are put in their order, of equal keys the last one counts.
fn close(open: Open, filled: bool, out: &mut Vec<u8>) {
    match open {
        Open::Array(at, count) => {
            out[at..at + 4].copy_from_slice(&(count + u32::from(filled)).to_be_bytes());
        }
        Open::Object(at, pairs) => {
            let before = |a: &Pair, b: &Pair| (a.key.len(), &a.key).cmp(&(b.key.len(), &b.key));
            let mut count = pairs.len();
            if !pairs.is_sorted_by(|a, b| before(a, b).is_lt()) {
                let ends: Vec<usize> = pairs.iter().skip(1).map(|pair| pair.at).chain([out.len()]).collect();
                let mut parts: Vec<(Pair, Vec<u8>)> = pairs
                    .into_iter()
                    .zip(ends)
                    .map(|(pair, end)| {
                        let bytes = out[pair.at..end].to_vec();
                        (pair, bytes)
                    })
                    .collect();
                parts.reverse();
                parts.sort_by(|(a, _), (b, _)| before(a, b));
                parts.dedup_by(|(later, _), (kept, _)| later.key == kept.key);
                count = parts.len();
                out.truncate(at + 4);
                parts.into_iter().for_each(|(_, bytes)| out.extend(bytes));
            }
            out[at..at + 4].copy_from_slice(&(count as u32).to_be_bytes());
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// A key with its colon.
    fn key(&mut self, open: &mut Open, collator: &Collator, out: &mut Vec<u8>) -> Option<()> {
        let Open::Object(_, pairs) = open else { return None };
        let at = out.len();
        let key = self.string()?;
        collator.write(&key, out)?;
        pairs.push(Pair { key, at });
        self.blanks();
        (self.peek()? == b':').then(|| self.at += 1)?;
        self.blanks();
        Some(())
    }

    fn scalar(&mut self, collator: &Collator, out: &mut Vec<u8>) -> Option<()> {
        if self.peek()? == b'"' {
            out.push(STRING);
            return collator.write(&self.string()?, out);
        }
        let rest = &self.text[self.at..];
        let length = rest.find([',', ']', '}', ' ', '\t', '\n', '\r']).unwrap_or(rest.len());
        let word = &rest[..length];
        self.at += length;
        match word {
            "null" => out.push(NULL),
            "true" | "false" => out.extend([BOOLEAN, u8::from(word == "true")]),
            number => {
                out.push(NUMBER);
                is_number(number).then(|| Numeric::parse(number))??.key(out);
            }
        }
        Some(())
    }

    fn string(&mut self) -> Option<String> {
        (self.peek()? == b'"').then(|| self.at += 1)?;
        let mut string = String::new();
        loop {
            let rest = &self.text[self.at..];
            let special = rest.find(['"', '\\'])?;
            if rest[..special].bytes().any(|byte| byte < b' ') {
                return None;
            }
            string.push_str(&rest[..special]);
            self.at += special + 1;
            if rest.as_bytes()[special] == b'"' {
                return Some(string);
            }
            let escape = self.peek()?;
            self.at += 1;
            string.push(match escape {
                b'"' | b'\\' | b'/' => escape.into(),
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'u' => match self.hex()? {
                    high @ 0xd800..=0xdbff => {
                        self.at += self.text[self.at..].starts_with("\\u").then_some(2)?;
                        let low = self.hex().filter(|low| (0xdc00..=0xdfff).contains(low))?;
                        char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?
                    }
                    code => char::from_u32(code)?,
                },
                _ => return None,
            });
        }
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        if digits.starts_with('+') { None } else { u32::from_str_radix(digits, 16).ok() }
    }
}

/// RFC 8259, section 6.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && digits(fraction)
        && digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
}

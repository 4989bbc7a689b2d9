//! Arrays and rows: `array_cmp`, `record_cmp`.

use super::SortKey;
use std::borrow::Cow;

const END: u8 = 0;
const VALUE: u8 = 1;
const NULL: u8 = 2;
/// `MAXDIM`
const MAX_DIMENSIONS: usize = 6;

/// The elements, an end, and only then the dimensions: how many, their lengths, their lower bounds.
pub(super) fn array(text: &str, delimiter: u8, element: &SortKey, key: &mut Vec<u8>) -> Option<()> {
    let mut reader = ArrayReader { text, at: 0, delimiter, lengths: Vec::new(), items: 0, item_depth: None };
    let bounds = reader.bounds()?;
    reader.level(0, element, key)?;
    reader.blanks();
    if reader.at < text.len() {
        return None;
    }
    key.push(END);
    // Without elements, there are no dimensions.
    let lengths = if reader.lengths.contains(&0) { Vec::new() } else { reader.lengths };
    if lengths.iter().try_fold(1usize, |all, &length| all.checked_mul(length)) != Some(reader.items.max(1)) {
        return None;
    }
    let fits = bounds.iter().map(|&(_, length)| length).eq(lengths.iter().map(|&length| length as i64));
    if !bounds.is_empty() && !fits {
        return None;
    }
    key.push(lengths.len() as u8);
    key.extend(lengths.iter().flat_map(|&length| (length as u32).to_be_bytes()));
    for at in 0..lengths.len() {
        let lower = bounds.get(at).map_or(1, |&(lower, _)| lower);
        key.extend(((lower as u32) ^ (1 << 31)).to_be_bytes());
    }
    Some(())
}

struct ArrayReader<'a> {
    text: &'a str,
    at: usize,
    delimiter: u8,
    /// Of the dimensions that were seen.
    lengths: Vec<usize>,
    items: usize,
    item_depth: Option<usize>,
}

impl<'a> ArrayReader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace() || byte == 0x0b) {
            self.at += 1;
        }
    }

    fn number(&mut self) -> Option<i64> {
        let rest = &self.text[self.at..];
        let digits = rest.trim_start_matches(['-', '+']).bytes().take_while(u8::is_ascii_digit).count();
        let length = rest.len() - rest.trim_start_matches(['-', '+']).len() + digits;
        self.at += length;
        rest[..length].parse::<i32>().ok().map(i64::from)
    }

    /// `[2:3][1:2]=`: lower bounds and lengths, if they are said.
    fn bounds(&mut self) -> Option<Vec<(i64, i64)>> {
        let mut bounds = Vec::new();
        self.blanks();
        while self.take(b'[') {
            let first = self.number()?;
            let (lower, upper) = if self.take(b':') { (first, self.number()?) } else { (1, first) };
            if !self.take(b']') || upper < lower {
                return None;
            }
            bounds.push((lower, upper - lower + 1));
            self.blanks();
        }
        if !bounds.is_empty() && !self.take(b'=') {
            return None;
        }
        self.blanks();
        Some(bounds)
    }

    fn level(&mut self, depth: usize, element: &SortKey, key: &mut Vec<u8>) -> Option<()> {
        if depth == MAX_DIMENSIONS || !self.take(b'{') {
            return None;
        }
        let mut length = 0;
        self.blanks();
        let mut ended = self.take(b'}');
        while !ended {
            if self.peek() == Some(b'{') {
                self.level(depth + 1, element, key)?;
            } else {
                // Elements lie at one depth.
                if *self.item_depth.get_or_insert(depth) != depth {
                    return None;
                }
                self.items += 1;
                match self.item()? {
                    None => key.push(NULL),
                    Some(item) => {
                        key.push(VALUE);
                        element.write(&item, key)?;
                    }
                }
            }
            length += 1;
            self.blanks();
            ended = self.take(b'}');
            if !ended && !self.take(self.delimiter) {
                return None;
            }
            self.blanks();
        }
        while self.lengths.len() <= depth {
            self.lengths.push(usize::MAX);
        }
        match self.lengths[depth] {
            usize::MAX => self.lengths[depth] = length,
            known if known != length => return None,
            _ => {}
        }
        Some(())
    }

    /// An element; None in it for NULL.
    fn item(&mut self) -> Option<Option<Cow<'a, str>>> {
        let text = self.text;
        if self.take(b'"') {
            let rest = &text[self.at..];
            let plain = rest.find(['"', '\\'])?;
            if rest.as_bytes()[plain] == b'"' {
                self.at += plain + 1;
                return Some(Some(rest[..plain].into()));
            }
            let mut item = String::new();
            let mut chars = rest.char_indices();
            while let Some((at, char)) = chars.next() {
                match char {
                    '"' => {
                        self.at += at + 1;
                        return Some(Some(item.into()));
                    }
                    '\\' => item.push(chars.next()?.1),
                    char => item.push(char),
                }
            }
            return None;
        }
        let rest = &text[self.at..];
        let mut item = String::new();
        let mut escaped = 0;
        let mut chars = rest.char_indices();
        loop {
            let (at, char) = chars.next()?;
            match char {
                '\\' => {
                    item.push(chars.next()?.1);
                    escaped = item.len();
                }
                '"' | '{' => return None,
                _ if char == '}' || char == char::from(self.delimiter) => {
                    self.at += at;
                    break;
                }
                char => item.push(char),
            }
        }
        let kept = item.trim_end_matches(|char: char| char.is_ascii_whitespace()).len().max(escaped);
        item.truncate(kept);
        if item.is_empty() {
            return None;
        }
        if escaped == 0 && item.eq_ignore_ascii_case("null") {
            return Some(None);
        }
        Some(Some(item.into()))
    }
}

/// Each field with a mark before it.
pub(super) fn record(text: &str, fields: &[SortKey], key: &mut Vec<u8>) -> Option<()> {
    let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    let mut rest = Some(inner).filter(|inner| !fields.is_empty() || !inner.is_empty());
    for field in fields {
        let (value, tail) = quoted_until(rest?, |char| char == ',')?;
        match value {
            None => key.push(NULL),
            Some(value) => {
                key.push(VALUE);
                field.write(&value, key)?;
            }
        }
        rest = tail.strip_prefix(',');
        if rest.is_none() && !tail.is_empty() {
            return None;
        }
    }
    rest.is_none().then_some(())
}

/// A value up to where an end stands outside of quotes, and the rest from there; a value without a character and
/// without quotes is none at all. Quotes are doubled within quotes, a backslash stands before anything
/// (`record_in`, `range_parse_bound`).
pub(super) fn quoted_until(
    text: &str,
    is_end: impl Fn(char) -> bool,
) -> Option<(Option<Cow<'_, str>>, &str)> {
    let special = text.find(|char| is_end(char) || matches!(char, '"' | '\\')).unwrap_or(text.len());
    if !text[special..].starts_with(['"', '\\']) {
        let value = &text[..special];
        return Some(((!value.is_empty()).then_some(value.into()), &text[special..]));
    }
    let mut value = String::new();
    let mut quoted = false;
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => value.push(chars.next()?.1),
            '"' if quoted && chars.peek().is_some_and(|&(_, next)| next == '"') => {
                value.push('"');
                chars.next();
            }
            '"' => quoted = !quoted,
            char if !quoted && is_end(char) => return Some((Some(value.into()), &text[at..])),
            char => value.push(char),
        }
    }
    (!quoted).then_some((Some(value.into()), ""))
}

/// For an example within another.
pub(super) fn quoted(text: &str) -> String {
    match text.contains(['"', ',', '(', ')', '{', '}', '[', ']', '\\', ' ']) {
        true => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        false => text.to_owned(),
    }
}

//! Literals of objects: JSON, and what JavaScript, Python, Ruby, PHP and Prisma write like it. Keys stand before `:`,
//! `=` or `=>`, quoted or not; what is neither a string, a number nor a word is an expression of which nothing is
//! known.

use super::settings::Entry;
use mycorr_domain::Secret;

/// Objects within objects are read so deep.
const MAX_DEPTH: usize = 16;
/// So many brackets of a text are tried as the beginning of an object.
const MAX_TRIES: usize = 50;

/// What stands in the first literal of the text of which `enough` says so.
pub(super) fn read(text: &str, enough: impl Fn(&[Entry]) -> bool) -> Option<Vec<Entry>> {
    let brackets = text.match_indices(['{', '(', '[']).map(|(at, _)| at);
    brackets.take(MAX_TRIES).find_map(|at| {
        let mut reader = Reader { rest: &text[at..], entries: Vec::new(), path: Vec::new() };
        reader.container(0)?;
        enough(&reader.entries).then_some(reader.entries)
    })
}

struct Reader<'a> {
    rest: &'a str,
    entries: Vec<Entry>,
    path: Vec<String>,
}

enum Value {
    Text(String),
    /// An expression, or a word that no configuration means as text.
    Expression,
    Container,
}

impl<'a> Reader<'a> {
    /// From an opening bracket behind its closing one.
    fn container(&mut self, depth: usize) -> Option<()> {
        let open = self.rest.chars().next().filter(|_| depth < MAX_DEPTH)?;
        let close = match open {
            '{' => '}',
            '[' => ']',
            _ => ')',
        };
        self.rest = &self.rest[1..];
        let mut number = 0;
        loop {
            self.blanks();
            if let Some(tail) = self.rest.strip_prefix(close) {
                self.rest = tail;
                return Some(());
            }
            if let Some(tail) = self.rest.strip_prefix([',', ';']) {
                self.rest = tail;
                continue;
            }
            let key = self.key();
            self.path.push(key.unwrap_or_else(|| number.to_string()));
            number += 1;
            match self.value(depth)? {
                Value::Container => {}
                Value::Text(text) => self.entries.push(Entry::new(&self.path, Secret::new(text), false)),
                Value::Expression => {
                    self.entries.push(Entry::new(&self.path, Secret::new(String::new()), true));
                }
            }
            self.path.pop();
        }
    }

    /// A key and what divides it from its value, if both are there.
    fn key(&mut self) -> Option<String> {
        let before = self.rest;
        let key = match self.rest.chars().next() {
            Some(quote @ ('"' | '\'')) => self.string(quote),
            _ => {
                let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '$' | ':');
                // Ruby's `:host =>`, but `host:` ends a key.
                let start = self.rest.strip_prefix(':').unwrap_or(self.rest);
                let end = start.find(|c| !word(c) || c == ':').unwrap_or(start.len());
                self.rest = &start[end..];
                Some(start[..end].to_owned()).filter(|word| !word.is_empty())
            }
        };
        self.blanks();
        let divided = ["=>", ":", "="].iter().find_map(|divider| self.rest.strip_prefix(divider));
        match (key, divided) {
            (Some(key), Some(tail)) if !tail.starts_with(':') => {
                self.rest = tail;
                Some(key)
            }
            _ => {
                self.rest = before;
                None
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.blanks();
        let first = self.rest.chars().next()?;
        if matches!(first, '{' | '[' | '(') {
            self.container(depth + 1)?;
            return Some(Value::Container);
        }
        let before = self.rest;
        let text = match first {
            '"' | '\'' | '`' => {
                let text = self.string(first)?;
                if first == '`' && text.contains("${") { None } else { Some(text) }
            }
            _ => {
                let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '.');
                let end = self.rest.find(|c| !word(c)).unwrap_or(self.rest.len());
                let (text, tail) = self.rest.split_at(end);
                self.rest = tail;
                let plain =
                    text.parse::<f64>().is_ok() || matches!(text, "true" | "false" | "True" | "False");
                let none = matches!(text, "null" | "None" | "nil" | "undefined");
                if plain {
                    Some(text.to_owned())
                } else if none {
                    Some(String::new())
                } else {
                    None
                }
            }
        };
        self.blanks_of_line();
        let ended = self.rest.is_empty()
            || self.rest.starts_with([',', ';', '}', ']', ')', '\n', '\r', '#'])
            || self.rest.starts_with("//");
        match text {
            Some(text) if ended => Some(Value::Text(text)),
            _ => {
                self.rest = before;
                self.expression(depth)?;
                Some(Value::Expression)
            }
        }
    }

    /// Goes behind an expression: up to what ends the value, over brackets and strings.
    fn expression(&mut self, depth: usize) -> Option<()> {
        let entries = self.entries.len();
        let before = self.rest.len();
        loop {
            match self.rest.chars().next()? {
                ',' | ';' | '}' | ']' | ')' | '\n' if self.rest.len() < before => break,
                '{' | '[' | '(' => self.container(depth + 1)?,
                quote @ ('"' | '\'' | '`') => {
                    self.string(quote)?;
                }
                c => self.rest = &self.rest[c.len_utf8()..],
            }
        }
        self.entries.truncate(entries);
        Some(())
    }

    fn string(&mut self, quote: char) -> Option<String> {
        let mut text = String::new();
        let mut characters = self.rest[1..].char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                c if c == quote => {
                    self.rest = &self.rest[1 + at + 1..];
                    return Some(text);
                }
                '\\' => text.push(escaped(&mut characters)?),
                c => text.push(c),
            }
        }
        None
    }

    fn blanks(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let comment = self.rest.starts_with("//") || self.rest.starts_with('#');
            if comment {
                self.rest = self.rest.find('\n').map_or("", |at| &self.rest[at..]);
            } else if let Some(tail) = self.rest.strip_prefix("/*") {
                self.rest = tail.split_once("*/").map_or("", |(_, tail)| tail);
            } else {
                return;
            }
        }
    }

    fn blanks_of_line(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }
}

/// What a backslash and the characters behind it stand for, as JSON, JavaScript and Python agree.
pub(super) fn escaped(characters: &mut std::str::CharIndices<'_>) -> Option<char> {
    Some(match characters.next()?.1 {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'x' => char::from_u32(hexadecimal(characters, 2)?)?,
        'U' => char::from_u32(hexadecimal(characters, 8)?)?,
        'u' => match hexadecimal(characters, 4)? {
            // JSON's pair of surrogates.
            high @ 0xd800..0xdc00 => {
                (characters.next()?.1 == '\\' && characters.next()?.1 == 'u').then_some(())?;
                let low = hexadecimal(characters, 4)?.checked_sub(0xdc00)?;
                char::from_u32(0x1_0000 + ((high - 0xd800) << 10 | low))?
            }
            code => char::from_u32(code)?,
        },
        c => c,
    })
}

fn hexadecimal(characters: &mut std::str::CharIndices<'_>, digits: u32) -> Option<u32> {
    (0..digits).try_fold(0u32, |code, _| Some(code << 4 | characters.next()?.1.to_digit(16)?))
}

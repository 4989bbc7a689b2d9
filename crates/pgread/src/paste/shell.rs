//! Just enough of a POSIX shell (POSIX.1, "Shell Command Language", 2.2 Quoting) to read one command line.

use mycorr_domain::Secret;

/// A word after quotes were removed. Nothing is expanded.
pub(super) struct Word {
    pub(super) text: Secret,
    /// A quote or a backslash stood in it: it is no operator.
    pub(super) quoted: bool,
    /// A shell would have put something in the place of a part of it.
    pub(super) expands: bool,
}

impl Word {
    /// The word as `NAME=value`, if it is one.
    pub(super) fn assignment(&self) -> Option<(&str, &str)> {
        self.text.expose().split_once('=').filter(|(name, _)| is_name(name))
    }

    /// Whether it is nothing but a variable, so that nothing is known of its value.
    pub(super) fn is_variable(text: &str) -> bool {
        let name = text.strip_prefix('$').unwrap_or("");
        is_name(name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name))
    }
}

/// A variable's name.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The commands of a text, as words. `&` and `;` divide only where a blank or the end follows, because people
/// paste URLs that they forgot to quote. `None`: a quote is not closed.
pub(super) fn commands(text: &str) -> Option<Vec<Vec<Word>>> {
    let mut commands = vec![Vec::new()];
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r']);
        let Some(first) = rest.chars().next() else { break };
        if let Some(tail) = rest.strip_prefix("\\\n").or_else(|| rest.strip_prefix("\\\r\n")) {
            rest = tail;
        } else if first == '#' {
            rest = rest.find('\n').map_or("", |at| &rest[at..]);
        } else if first == '\n' || first == '|' || divides(rest) {
            rest = rest.trim_start_matches(['\n', '|', '&', ';']);
            commands.push(Vec::new());
        } else {
            let (word, tail) = word(rest)?;
            commands.last_mut().expect("it begins with one").push(word);
            rest = tail;
        }
    }
    Some(commands)
}

fn divides(text: &str) -> bool {
    let tail = ["&&", "&", ";"].iter().find_map(|operator| text.strip_prefix(operator));
    tail.is_some_and(|tail| tail.is_empty() || tail.starts_with(char::is_whitespace))
}

fn word(text: &str) -> Option<(Word, &str)> {
    let mut word = String::new();
    let (mut quoted, mut expands) = (false, false);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if matches!(c, ' ' | '\t' | '\r' | '\n' | '|') || divides(rest) {
            break;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '\'' => {
                quoted = true;
                let (inner, tail) = rest.split_once('\'')?;
                word.push_str(inner);
                rest = tail;
            }
            '"' => {
                quoted = true;
                let mut inner = rest.char_indices();
                loop {
                    match inner.next()? {
                        (at, '"') => {
                            rest = &rest[at + 1..];
                            break;
                        }
                        (_, '\\') => match inner.next()?.1 {
                            '\n' => {}
                            c @ ('$' | '`' | '"' | '\\') => word.push(c),
                            c => word.extend(['\\', c]),
                        },
                        (_, c) => {
                            expands |= matches!(c, '$' | '`');
                            word.push(c);
                        }
                    }
                }
            }
            '\\' => {
                quoted = true;
                if let Some(c) = rest.chars().next() {
                    rest = &rest[c.len_utf8()..];
                    // A backslash and the end of a line are nothing at all.
                    if c != '\n' {
                        word.push(c);
                    }
                }
            }
            c => {
                expands |= matches!(c, '$' | '`');
                word.push(c);
            }
        }
    }
    Some((Word { text: Secret::new(word), quoted, expands }, rest))
}

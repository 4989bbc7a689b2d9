//! As much of YAML as configurations of databases use: maps and lists by indentation, plain and quoted scalars,
//! blocks, anchors that are merged. A text with any other line is something else.

use super::{object, settings::Entry};
use mycorr_domain::Secret;

/// Every scalar with where it stands; `None` for what is not YAML of this kind.
pub(super) fn read(text: &str) -> Option<Vec<Entry>> {
    let mut reader = Reader::default();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let content = line.trim_start_matches(' ');
        let indent = line.len() - content.len();
        let content = content.trim_end();
        if content.is_empty() || content.starts_with('#') || content.starts_with("<%") {
            continue;
        }
        if content.starts_with("---") || content == "..." {
            reader.stack.clear();
            continue;
        }
        let block = reader.line(indent, content)?;
        if block {
            let mut text = String::new();
            let mut left = None;
            let deeper = |line: &&str| {
                let content = line.trim_start_matches(' ');
                content.is_empty() || line.len() - content.len() > indent
            };
            while let Some(line) = lines.next_if(deeper) {
                let content = line.trim_start_matches(' ');
                let margin = *left.get_or_insert(line.len() - content.len());
                text.push_str(line.get(margin..).unwrap_or(content));
                text.push('\n');
            }
            let text = text.trim_end_matches('\n').to_owned();
            reader.entries.push(Entry::new(&reader.path(), Secret::new(text), false));
        }
    }
    Some(reader.entries)
}

#[derive(Default)]
struct Reader {
    /// The keys above the present line, with their indentation.
    stack: Vec<(usize, String)>,
    anchors: Vec<(String, Vec<String>)>,
    entries: Vec<Entry>,
    items: usize,
}

impl Reader {
    fn path(&self) -> Vec<String> {
        self.stack.iter().map(|(_, key)| key.clone()).collect()
    }

    /// Reads a line; whether a block follows.
    fn line(&mut self, mut indent: usize, mut content: &str) -> Option<bool> {
        self.stack.retain(|&(at, _)| at < indent);
        while let Some(item) =
            content.strip_prefix('-').filter(|item| item.is_empty() || item.starts_with(' '))
        {
            // A list may stand as far left as its key.
            self.items += 1;
            self.stack.push((indent, self.items.to_string()));
            let inner = item.trim_start();
            indent += content.len() - inner.len();
            content = inner;
            if content.is_empty() {
                return Some(false);
            }
        }
        let Some((key, value)) = key(content) else {
            // `- NAME=value`, as compose files write it.
            let (value, variable) = scalar(content)?;
            if self.items == 0 {
                return None;
            }
            let (name, value) = value.split_once('=').unwrap_or(("", &value));
            let mut path = self.path();
            path.pop();
            path.push(name.to_owned());
            self.entries.push(Entry::new(&path, Secret::new(value.to_owned()), variable));
            return Some(false);
        };
        self.stack.push((indent, key.clone()));
        let mut value = value;
        if let Some(anchor) = value.strip_prefix('&') {
            let (name, tail) = anchor.split_once(' ').unwrap_or((anchor, ""));
            self.anchors.push((name.to_owned(), self.path()));
            value = tail.trim_start();
        }
        match value.chars().next() {
            None | Some('#') => Some(false),
            Some('|' | '>') => Some(true),
            Some('*') => {
                self.merge(&key, &value[1..]);
                Some(false)
            }
            Some('{' | '[') => {
                let path = self.path();
                for entry in object::read(value, |_| true)? {
                    self.entries.push(entry.below(&path));
                }
                Some(false)
            }
            _ => {
                let (text, variable) = scalar(value)?;
                self.entries.push(Entry::new(&self.path(), Secret::new(text), variable));
                Some(false)
            }
        }
    }

    /// `<<: *name`: what stands at the anchor stands here too, unless it is written here.
    fn merge(&mut self, key: &str, name: &str) {
        let Some((_, from)) = self.anchors.iter().find(|(known, _)| known == name.trim()) else { return };
        if self.entries.len() > 1000 {
            return;
        }
        let mut to = self.path();
        if key == "<<" {
            to.pop();
        }
        let copies: Vec<_> = self.entries.iter().filter_map(|entry| entry.moved(from, &to)).collect();
        self.entries.extend(copies);
    }
}

/// A key, and what follows its colon.
fn key(content: &str) -> Option<(String, &str)> {
    if let Some(quote @ ('"' | '\'')) = content.chars().next() {
        let (key, tail) = quoted(content, quote)?;
        let value = tail.trim_start().strip_prefix(':')?;
        return (value.is_empty() || value.starts_with(' ')).then(|| (key, value.trim_start()));
    }
    let at = content.match_indices(':').map(|(at, _)| at).find(|&at| {
        let tail = &content[at + 1..];
        tail.is_empty() || tail.starts_with([' ', '\t'])
    })?;
    let key = &content[..at];
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '<');
    (!key.is_empty() && key.chars().all(word)).then(|| (key.to_owned(), content[at + 1..].trim_start()))
}

/// A scalar on one line, and whether it is an expression of which nothing is known.
fn scalar(text: &str) -> Option<(String, bool)> {
    let text = match text.strip_prefix("!!str ").unwrap_or(text) {
        tagged if tagged.starts_with('!') => return Some((String::new(), true)),
        text => text,
    };
    if let Some(quote @ ('"' | '\'')) = text.chars().next() {
        let (text, tail) = quoted(text, quote)?;
        let tail = tail.trim_start();
        let variable = is_variable(&text);
        return (tail.is_empty() || tail.starts_with('#')).then_some((text, variable));
    }
    let end = text.match_indices('#').map(|(at, _)| at).find(|&at| text[..at].ends_with([' ', '\t']));
    let text = text[..end.unwrap_or(text.len())].trim_end();
    let null = matches!(text, "~" | "null" | "Null" | "NULL");
    Some((if null { String::new() } else { text.to_owned() }, is_variable(text)))
}

/// ERB's `<%= … %>`, and the placeholders of Spring, compose and CI services.
fn is_variable(text: &str) -> bool {
    text.starts_with("<%") && text.ends_with("%>")
        || text.starts_with("${") && text.find('}') == Some(text.len() - 1)
        || text.starts_with("{{") && text.ends_with("}}")
}

/// The text between quotes, and what follows it. Within single quotes two of them are one.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut plain = String::new();
    let mut characters = text[1..].char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\'' if quote == '\'' && text[1 + at + 1..].starts_with('\'') => {
                characters.next();
                plain.push('\'');
            }
            c if c == quote => return Some((plain, &text[1 + at + 1..])),
            '\\' if quote == '"' => plain.push(object::escaped(&mut characters)?),
            c => plain.push(c),
        }
    }
    None
}

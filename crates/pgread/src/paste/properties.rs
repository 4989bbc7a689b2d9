//! Java's `.properties` (`spring.datasource.url=…`), and files with sections (`pg_service.conf`, `.ini`).

use super::settings::Entry;
use mycorr_domain::Secret;

/// Every value with its name, split at the dots; `None` where a line is neither.
pub(super) fn read(text: &str) -> Option<Vec<Entry>> {
    let mut section = Vec::new();
    let mut entries = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with(['#', '!', ';']) {
            continue;
        }
        if let Some(name) = line.trim_end().strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = vec![name.to_owned()];
            continue;
        }
        let (key, value) = line.split_once(['=', ':'])?;
        let key = key.trim_end();
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']' | '%');
        if key.is_empty() || !key.chars().all(word) {
            return None;
        }
        let path: Vec<String> = section.iter().cloned().chain(key.split('.').map(str::to_owned)).collect();
        let mut value = value.trim_start().to_owned();
        let escapes = section.is_empty() && key.contains('.');
        if escapes {
            // An odd number of backslashes at the end: the next line belongs to it.
            while value.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1 {
                value.pop();
                value.push_str(lines.next()?.trim_start());
            }
            value = unescaped(&value)?;
        } else {
            value.truncate(value.trim_end().len());
        }
        let variable = value.starts_with("${") && value.find('}') == Some(value.len() - 1);
        entries.push(Entry::new(&path, Secret::new(value), variable));
    }
    Some(entries)
}

/// `java.util.Properties`: `\uXXXX` and the letters of C; any other backslash is left out.
fn unescaped(value: &str) -> Option<String> {
    let mut plain = String::new();
    let mut units: Vec<u16> = Vec::new();
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        let c = if c == '\\' {
            characters.next()?
        } else {
            flush(&mut units, &mut plain)?;
            plain.push(c);
            continue;
        };
        if c == 'u' {
            let code = (0..4).try_fold(0, |code, _| Some(code << 4 | characters.next()?.to_digit(16)?))?;
            units.push(code as u16);
            continue;
        }
        flush(&mut units, &mut plain)?;
        plain.push(match c {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\u{c}',
            c => c,
        });
    }
    flush(&mut units, &mut plain)?;
    Some(plain)
}

fn flush(units: &mut Vec<u16>, plain: &mut String) -> Option<()> {
    plain.push_str(&String::from_utf16(units).ok()?);
    units.clear();
    Some(())
}

//! All that a server's log says that clients asked for: what was executed, with its parameters, and what was
//! refused before it could be.

use std::collections::HashMap;

/// A statement as the server heard it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedStatement {
    pub user: String,
    pub text: String,
    /// Of a statement that was executed.
    pub parameters: Vec<String>,
    /// It was refused before it was executed: it does not exist as it was asked for.
    pub refused: bool,
}

/// An entry of the log, further lines included.
struct Entry<'a> {
    process: &'a str,
    user: &'a str,
    kind: &'a str,
    text: String,
}

pub(crate) fn received_statements(log: &str) -> Vec<ReceivedStatement> {
    let mut all: Vec<ReceivedStatement> = Vec::new();
    // What a process executed last, by its place among all.
    let mut last: HashMap<&str, usize> = HashMap::new();
    for Entry { process, user, kind, text } in entries(log) {
        let executed =
            text.split_once(": ").filter(|(how, _)| *how == "statement" || how.starts_with("execute "));
        match (kind, executed) {
            ("LOG", Some((_, text))) => {
                last.insert(process, all.len());
                all.push(ReceivedStatement {
                    user: user.into(),
                    text: text.into(),
                    parameters: Vec::new(),
                    refused: false,
                });
            }
            ("DETAIL", _) => {
                let parameters =
                    text.strip_prefix("parameters: ").or_else(|| text.strip_prefix("Parameters: "));
                if let (Some(parameters), Some(&at)) = (parameters, last.get(process)) {
                    all[at].parameters = values(parameters);
                }
            }
            // Below an error stands what was asked for. If that is what the process executed last, it is known.
            ("STATEMENT", _) if last.get(process).is_none_or(|&at| all[at].text != text) => {
                last.remove(process);
                all.push(ReceivedStatement {
                    user: user.into(),
                    text,
                    parameters: Vec::new(),
                    refused: true,
                });
            }
            _ => {}
        }
    }
    all
}

fn entries(log: &str) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for line in log.lines() {
        if let Some(more) = line.strip_prefix('\t') {
            if let Some(entry) = entries.last_mut() {
                entry.text.push('\n');
                entry.text.push_str(more);
            }
            continue;
        }
        let entry = line.split_once("] <").and_then(|(before, rest)| {
            let (who, rest) = rest.split_once("> ")?;
            let (kind, text) = rest.split_once(":  ")?;
            let process = before.rsplit('[').next()?;
            Some(Entry { process, user: who.split('|').next()?, kind, text: text.to_owned() })
        });
        entries.extend(entry);
    }
    entries
}

/// `$1 = 'it''s', $2 = NULL`
fn values(text: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut rest = text;
    while let Some((_, value)) = rest.split_once(" = ") {
        let Some(quoted) = value.strip_prefix('\'') else {
            let end = value.find(", $").unwrap_or(value.len());
            values.push(value[..end].to_owned());
            rest = &value[end..];
            continue;
        };
        let mut out = String::new();
        let mut characters = quoted.char_indices().peekable();
        let mut end = quoted.len();
        while let Some((at, c)) = characters.next() {
            if c == '\'' && characters.next_if(|(_, next)| *next == '\'').is_none() {
                end = at + 1;
                break;
            }
            out.push(c);
        }
        values.push(out);
        rest = &quoted[end..];
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executed_and_refused() {
        let log = "2026-01-01 UTC [7] <a|b> LOG:  execute <unnamed>: SELECT $1,\n\t$2\n\
                   2026-01-01 UTC [7] <a|b> DETAIL:  parameters: $1 = 'it''s = , $2', $2 = NULL, $3 = ''\n\
                   2026-01-01 UTC [8] <c|b> LOG:  execute <unnamed>: SELECT 1/0\n\
                   2026-01-01 UTC [7] <a|b> ERROR:  relation \"t\" does not exist at character 8\n\
                   2026-01-01 UTC [7] <a|b> STATEMENT:  SELECT * FROM t\n\
                   2026-01-01 UTC [8] <c|b> ERROR:  division by zero\n\
                   2026-01-01 UTC [8] <c|b> STATEMENT:  SELECT 1/0\n\
                   2026-01-01 UTC [9] <|> LOG:  checkpoint starting: time\n";
        let of = |user: &str, text: &str, parameters: &[&str], refused| ReceivedStatement {
            user: user.into(),
            text: text.into(),
            parameters: parameters.iter().map(|&value| value.to_owned()).collect(),
            refused,
        };
        assert_eq!(
            received_statements(log),
            [
                of("a", "SELECT $1,\n$2", &["it's = , $2", "NULL", ""], false),
                of("c", "SELECT 1/0", &[], false),
                of("a", "SELECT * FROM t", &[], true),
            ]
        );
    }
}

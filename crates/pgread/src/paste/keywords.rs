//! Lists of keywords and values: libpq's, separated by blanks, and those of .NET, ODBC and PDO, separated by
//! semicolons.

use super::{Parameters, refuse};
use mycorr_domain::{Result, Secret};

/// A text with none of these is something else.
const ESSENTIAL: &[&str] = &["host", "hostaddr", "port", "dbname", "user", "password", "service", "sslmode"];

/// Whether the text is a libpq keyword string (PostgreSQL manual, "Keyword/Value Connection Strings").
pub(super) fn read(text: &str, out: &mut Parameters) -> Result<bool> {
    let mut found = Parameters::default();
    let outcome = read_strictly(text, &mut found);
    let essential = |found: &Parameters| ESSENTIAL.iter().any(|keyword| found.has(keyword));
    // `host=a;port=5432` is libpq's too: one long host.
    let one_value = found.list.first().is_some_and(|(keyword, value)| {
        let semicolon = value.expose().split_once(';');
        semicolon.is_some_and(|(_, tail)| keyword == "host" || tail.contains('='))
    });
    if !essential(&found) || one_value {
        return Ok(false);
    }
    outcome?;
    for (keyword, value) in std::mem::take(&mut found.list) {
        // What drivers call them that hand all others on to libpq.
        let keyword = match keyword.as_str() {
            "database" => "dbname",
            "username" => "user",
            keyword => keyword,
        };
        out.set(keyword, value)?;
    }
    Ok(true)
}

/// As libpq reads it, unknown keywords included.
pub(super) fn read_strictly(text: &str, out: &mut Parameters) -> Result<()> {
    let mut rest = trim_start(text);
    while !rest.is_empty() {
        let (keyword, tail) = rest.split_at(rest.find(|c| c == '=' || is_blank(c)).unwrap_or(rest.len()));
        let tail = trim_start(tail).strip_prefix('=').ok_or_else(|| {
            refuse(
                "A keyword string is written keyword=value, with blanks between the pairs. A value that holds \
                 blanks stands in single quotes: password='two words'.",
            )
        })?;
        let (value, tail) = value(trim_start(tail))?;
        out.set(keyword, value)?;
        rest = trim_start(tail);
    }
    Ok(())
}

/// A value, bare or in single quotes; a backslash before any character stands for the character.
fn value(text: &str) -> Result<(Secret, &str)> {
    let quoted = text.starts_with('\'');
    let text = text.strip_prefix('\'').unwrap_or(text);
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => value.extend(characters.next().map(|(_, c)| c)),
            '\'' if quoted => return Ok((Secret::new(value), &text[at + 1..])),
            c if is_blank(c) && !quoted => return Ok((Secret::new(value), &text[at..])),
            c => value.push(c),
        }
    }
    if quoted {
        return Err(refuse(
            "A single quote is not closed. Within a quoted value a quote is written \\' and a backslash \\\\.",
        ));
    }
    Ok((Secret::new(value), ""))
}

/// `isspace` of the C locale.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}

fn trim_start(text: &str) -> &str {
    text.trim_start_matches(is_blank)
}

/// Whether the text is a list like `Host=h;Username=u;Password="a;b"`: keywords of Npgsql, the PostgreSQL ODBC
/// driver or PDO in any case. A value may stand in quotes, which are doubled where meant, or in braces (ODBC).
pub(super) fn semicolons(text: &str, out: &mut Parameters) -> Result<bool> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let Some((keyword, tail)) = rest.split_once('=') else { return Ok(false) };
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-' | '\t');
        if !keyword.chars().all(word) || keyword.len() > 64 || found.len() == Parameters::MAX_SHOWN {
            return Ok(false);
        }
        let Some((value, tail)) = value_before_semicolon(tail.trim_start()) else {
            return Err(refuse(
                "A quote in the list is not closed, or something follows it. A quote within quotes is doubled.",
            ));
        };
        found.push((libpq_name(keyword), value));
        rest = tail.trim_start_matches(|c: char| c == ';' || c.is_whitespace());
    }
    let known = found.iter().filter(|(keyword, _)| ESSENTIAL.contains(&keyword.as_str())).count();
    if known == 0 || (known == 1 && !text.contains(';')) {
        return Ok(false);
    }
    for (keyword, value) in found {
        match keyword.as_str() {
            "driver" | "provider" => {}
            // Npgsql takes a port there too.
            "host" => match value.expose().rsplit_once(':') {
                Some((host, port)) if !host.contains(':') => {
                    out.set("port", Secret::new(port.to_owned()))?;
                    out.set("host", Secret::new(host.to_owned()))?;
                }
                _ => out.set("host", value)?,
            },
            keyword => out.set(keyword, value)?,
        }
    }
    Ok(true)
}

fn value_before_semicolon(text: &str) -> Option<(Secret, &str)> {
    let close = match text.chars().next() {
        Some(quote @ ('"' | '\'')) => quote,
        Some('{') => '}',
        _ => {
            let (value, tail) = text.split_once(';').unwrap_or((text, ""));
            return Some((Secret::new(value.trim().to_owned()), tail));
        }
    };
    let mut value = String::new();
    let mut rest = &text[1..];
    loop {
        let (part, tail) = rest.split_once(close)?;
        value.push_str(part);
        rest = tail;
        let Some(tail) = tail.strip_prefix(close) else { break };
        value.push(close);
        rest = tail;
    }
    let tail = rest.trim_start();
    (tail.is_empty() || tail.starts_with(';')).then_some((Secret::new(value), tail))
}

/// libpq's keyword for one of Npgsql's, ODBC's or PDO's, or that one in lower case.
fn libpq_name(keyword: &str) -> String {
    let mut name = keyword.trim().to_ascii_lowercase();
    let key: String = name.chars().filter(|c| !matches!(c, ' ' | '_' | '-')).collect();
    let known = match key.as_str() {
        "host" | "server" | "servername" | "datasource" => "host",
        "port" => "port",
        "database" | "db" | "dbname" | "initialcatalog" => "dbname",
        "username" | "userid" | "user" | "uid" => "user",
        "password" | "pwd" | "psw" => "password",
        "sslmode" => "sslmode",
        "rootcertificate" => "sslrootcert",
        "sslcertificate" | "clientcertificate" => "sslcert",
        "searchpath" => "search_path",
        "trustservercertificate" => "trust server certificate",
        _ => return name,
    };
    name.replace_range(.., known);
    name
}

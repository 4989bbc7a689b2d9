//! Lines of a password file (PostgreSQL manual, "The Password File"): `host:port:database:user:password`, where a
//! backslash stands before a colon or a backslash that is meant.

use super::{Parameters, refuse};
use mycorr_domain::{Result, Secret};

const FIELDS: [&str; 5] = ["host", "port", "dbname", "user", "password"];

/// Whether the text's lines are those of a password file. The first one is read.
pub(super) fn read(text: &str, out: &mut Parameters) -> Result<bool> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let Some(fields) = lines.next().and_then(fields) else { return Ok(false) };
    if fields[0].starts_with('/') {
        return Err(refuse(
            "This line of a password file is for a Unix-domain socket, which only programs on the server's own \
             machine can use. Enter the host name under which the server is reached over the network.",
        ));
    }
    for (keyword, value) in FIELDS.into_iter().zip(fields) {
        if value != "*" || keyword == "password" {
            out.set(keyword, Secret::new(value))?;
        } else if keyword == "user" {
            out.warn("The password file's line is for every user (*). Enter the username.");
        }
    }
    if lines.next().is_some() {
        out.warn("The password file has several lines. The first one was read.");
    }
    Ok(true)
}

fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            ':' if fields.len() == FIELDS.len() => break,
            ':' => fields.push(String::new()),
            '\\' => fields.last_mut()?.push(characters.next().unwrap_or('\\')),
            c => fields.last_mut()?.push(c),
        }
    }
    let [host, port, ..] = &fields[..] else { return None };
    let is_port = port == "*" || (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit());
    let is_host = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || "={}\"'@".contains(c));
    (fields.len() == FIELDS.len() && is_port && is_host).then_some(fields)
}

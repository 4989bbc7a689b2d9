//! `postgres://` URLs as libpq reads them (PostgreSQL manual, "Connection URIs"), which is not RFC 3986: the
//! user and password end at the first `@` unless a `/` comes before it, a `#` is a character like any other,
//! and there may be several hosts.

use super::{Parameters, refuse};
use mycorr_domain::{Result, Secret};

/// Reads what follows `postgres://`.
pub(super) fn read(rest: &str, out: &mut Parameters) -> Result<()> {
    if rest.contains(['\n', '\r']) {
        return Err(refuse("The URL stands on more than one line. Paste it as one line and nothing else."));
    }
    let (user, tail) = match rest.find(['@', '/']) {
        Some(at) if rest[at..].starts_with('@') => (Some(&rest[..at]), &rest[at + 1..]),
        _ => (None, rest),
    };
    let server = Server::split(tail);
    if server.as_ref().is_ok_and(Server::is_plausible) {
        let server = server?;
        if let Some((user, password)) = user.map(user_and_password) {
            set_decoded(out, "user", user)?;
            set_decoded(out, "password", password)?;
            if user.contains('#') || password.contains(['#', '?']) {
                out.warn(
                    "The password or user holds a # or ? that is not percent-encoded. It was read as libpq \
                     reads it, as part of the password or user; other programs cut the URL there.",
                );
            }
        }
        if server.database.contains('@') {
            out.warn(
                "The URL holds an @ after the host, which was read as part of the database's name. If it \
                 belongs to the password, write it there as %40, and a slash as %2F.",
            );
        }
        return server.store(out);
    }
    if let Some((user, server)) = last_at(rest, user.map(str::len)) {
        let (user, password) = user_and_password(user);
        set_as_meant(out, "user", user)?;
        set_as_meant(out, "password", password)?;
        out.warn(
            "The password or user holds characters that a URL only takes percent-encoded (an @ as %40, a \
             slash as %2F). Everything up to the last @ before the host was read as user and password: check \
             them.",
        );
        return server.store(out);
    }
    if let Some((user, password)) = user.map(user_and_password) {
        set_decoded(out, "user", user)?;
        set_decoded(out, "password", password)?;
    }
    server?.store(out)
}

fn user_and_password(text: &str) -> (&str, &str) {
    text.split_once(':').unwrap_or((text, ""))
}

/// User and server if user and password hold an `@` or `/` as it is: the last `@` after which a server can
/// be read, but rather one before the first `?`, because the query may hold one too. `not` is where libpq
/// divides, which has been tried.
fn last_at(rest: &str, not: Option<usize>) -> Option<(&str, Server<'_>)> {
    let query = rest.find('?').unwrap_or(rest.len());
    let candidates = rest[..query].rmatch_indices('@').map(|(at, _)| at);
    // Each candidate is read to the end: a hundred are more than any password needs.
    let later = rest[query..].rmatch_indices('@').map(|(at, _)| query + at);
    candidates.take(100).chain(later.take(100)).filter(|at| Some(*at) != not).find_map(|at| {
        let server = Server::split(&rest[at + 1..]).ok()?;
        let named = server.host.contains(char::is_alphanumeric)
            && server.host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | ','));
        // `h/d?a@b` is rather a server with a broken query.
        let user = rest[..at].contains(':') || !rest[..at].contains(['/', '?']);
        let stored =
            user && named && server.is_plausible() && server.store(&mut Parameters::default()).is_ok();
        stored.then(|| (&rest[..at], server))
    })
}

/// What follows user and password, still percent-encoded. Lists of hosts and ports are separated by commas.
pub(super) struct Server<'a> {
    pub(super) host: String,
    pub(super) port: String,
    pub(super) database: &'a str,
    pub(super) query: &'a str,
}

impl<'a> Server<'a> {
    pub(super) fn split(mut rest: &'a str) -> Result<Self> {
        let (mut host, mut port) = (String::new(), String::new());
        loop {
            if let Some(address) = rest.strip_prefix('[') {
                let (address, tail) = address.split_once(']').ok_or_else(|| {
                    refuse("The URL holds a [ without its ]. IPv6 addresses stand in both.")
                })?;
                if address.is_empty() {
                    return Err(refuse("There is no IPv6 address between the brackets of the URL."));
                }
                if !tail.is_empty() && !tail.starts_with([':', '/', '?', ',']) {
                    return Err(refuse(
                        "After the ] of an IPv6 address a URL goes on with a colon and the port, or a slash \
                         and the database.",
                    ));
                }
                host.push_str(address);
                rest = tail;
            } else {
                let (name, tail) = rest.split_at(rest.find([':', '/', '?', ',']).unwrap_or(rest.len()));
                host.push_str(name);
                rest = tail;
            }
            if let Some(tail) = rest.strip_prefix(':') {
                let (number, tail) = tail.split_at(tail.find(['/', '?', ',']).unwrap_or(tail.len()));
                port.push_str(number);
                rest = tail;
            }
            let Some(tail) = rest.strip_prefix(',') else { break };
            host.push(',');
            port.push(',');
            rest = tail;
        }
        let (database, query) = rest.split_once('?').unwrap_or((rest, ""));
        Ok(Self { host, port, database: database.strip_prefix('/').unwrap_or(database), query })
    }

    /// Whether libpq's reading can be what was meant. An `@` in the host or in a parameter's name, a port that
    /// is no number, and a database called `word@host/name` are pieces of a password that was not
    /// percent-encoded.
    fn is_plausible(&self) -> bool {
        let number = |port: &str| {
            decode(port, false).is_ok_and(|port| port.expose().trim().bytes().all(|b| b.is_ascii_digit()))
        };
        let keyword = |parameter: &'a str| parameter.split('=').next().unwrap_or(parameter);
        !self.host.contains('@')
            && self.port.split(',').all(number)
            && self.database.split_once('@').is_none_or(|(_, tail)| !tail.contains('/'))
            && !self.query.split('&').map(keyword).any(|keyword| keyword.contains('@'))
    }

    fn store(&self, out: &mut Parameters) -> Result<()> {
        self.store_names(out)?;
        let mut rest = self.query;
        while !rest.is_empty() {
            let (parameter, tail) = rest.split_once('&').unwrap_or((rest, ""));
            rest = tail;
            let (keyword, value) = parameter.split_once('=').ok_or_else(|| {
                refuse("After the ? of a URL stand parameters like sslmode=require, with & between them.")
            })?;
            if value.contains('=') {
                return Err(refuse(
                    "A parameter after the ? of the URL has more than one equals sign. Within a value it is \
                     written %3D.",
                ));
            }
            let (keyword, value) = (decode(keyword, false)?, decode(value, false)?);
            if keyword.expose() == "ssl" && value.expose() == "true" {
                out.set("sslmode", Secret::new("require".to_owned()))?;
            } else {
                out.set(keyword.expose(), value)?;
            }
        }
        Ok(())
    }

    /// Everything but the query.
    pub(super) fn store_names(&self, out: &mut Parameters) -> Result<()> {
        if self.port.contains(':') {
            out.warn(
                "In a URL an IPv6 address stands in brackets: [2001:db8::1]:5432. Enter the host yourself.",
            );
        }
        set_decoded(out, "host", &self.host)?;
        set_decoded(out, "port", &self.port)?;
        set_decoded(out, "dbname", self.database)
    }
}

/// An empty part of a URL says nothing; an empty parameter after the `?` does.
fn set_decoded(out: &mut Parameters, keyword: &str, text: &str) -> Result<()> {
    if text.is_empty() { Ok(()) } else { out.set(keyword, decode(text, false)?) }
}

/// Decoded if it can be: what holds an `@` as it is may hold a `%` as it is too.
fn set_as_meant(out: &mut Parameters, keyword: &str, text: &str) -> Result<()> {
    match decode(text, false) {
        _ if text.is_empty() => Ok(()),
        Ok(value) => out.set(keyword, value),
        Err(_) => out.set(keyword, Secret::new(text.to_owned())),
    }
}

/// Percent-decoding as libpq does it: two hexadecimal digits after every `%`, no NUL. `plus`: a plus sign is
/// a blank (HTML's form encoding).
pub(super) fn decode(text: &str, plus: bool) -> Result<Secret> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
                let (high, low) = digit().zip(digit()).ok_or_else(|| {
                    refuse(
                        "The URL holds a % without two hexadecimal digits after it. A percent sign itself is \
                         written %25.",
                    )
                })?;
                if high + low == 0 {
                    return Err(refuse("The URL holds %00, a NUL character, which PostgreSQL can't take."));
                }
                (high << 4 | low) as u8
            }
            b'+' if plus => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes)
        .map(Secret::new)
        .map_err(|_| refuse("The URL holds percent-encoded bytes that are no UTF-8 text."))
}

//! A pasted connection string becomes the fields of the connection form.
//!
//! Every form is read into libpq's keywords ([`Parameters`]), by the rules of the program that it is written
//! for; `fields` then makes the form's fields of them. What libpq reads is read exactly as libpq reads it (the
//! table `golden.tsv` holds its verdicts). Where that can't be what was meant, or where a person loses
//! something, a warning says so.
//!
//! Pasted text holds a password: nothing is logged here, no [`Problem`] repeats a part of the text, and
//! warnings repeat only names of parameters.

mod environment;
mod fields;
#[cfg(test)]
mod golden;
mod hint;
mod jdbc;
mod keywords;
mod object;
mod pgpass;
mod properties;
mod psql;
mod settings;
#[cfg(test)]
mod shapes;
mod shell;
mod supabase;
#[cfg(test)]
mod tests;
mod uri;
mod yaml;

pub use hint::near_misses;
pub use supabase::{Supabase, SupabaseEndpoint};

use mycorr_domain::{ConnectionKind, Problem, Result, Secret};

/// What a pasted text says about a connection. `None`: it says nothing about it.
///
/// The fields are not checked as the form's are (a host may still be private, a name too long): that happens
/// when the form is sent.
#[derive(Clone, Debug)]
pub struct Pasted {
    /// `supabase` where the host is one of Supabase's, `postgresql` everywhere else.
    pub kind: ConnectionKind,
    /// One name or address, IPv6 without brackets. Never a socket's path.
    pub host: Option<String>,
    /// 1 to 65535. `None`: PostgreSQL's own, 5432.
    pub port: Option<u16>,
    pub database: Option<String>,
    pub username: Option<String>,
    pub password: Option<Secret>,
    /// false only where the text says so (`sslmode=disable`).
    pub encrypted: bool,
    /// What the host and the user say of a Supabase project.
    pub supabase: Option<Supabase>,
    /// Sentences for the person who pasted, without any secret.
    pub warnings: Vec<String>,
}

/// The longest text that is read, in bytes.
pub const MAX_INPUT_BYTES: usize = 64 * 1024;

/// Names of schemes behind which a URL in libpq's form stands; `postgresql+psycopg2` and the like are
/// SQLAlchemy's way to name a driver.
const SCHEMES: &[&str] = &["postgresql", "postgres", "postgis", "pgsql", "ecto"];

/// Reads a URL (`postgres://…`, SQLAlchemy's and JDBC's too), a libpq keyword string, a command line of `psql`,
/// `pg_dump` and their like, `PG…` and `DATABASE_URL` variables, a list separated by semicolons (.NET, ODBC, PDO), a
/// line of a password file, or a configuration in JSON, YAML, properties or a program's source.
///
/// # Errors
/// `invalid` for the field `text` when the text is none of these, names a socket on the own machine,
/// holds control characters other than tabs and line ends, or is longer than [`MAX_INPUT_BYTES`].
pub fn parse(text: &str) -> Result<Pasted> {
    if text.len() > MAX_INPUT_BYTES {
        return Err(refuse("This is longer than 64 kB. Paste the connection string alone."));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\r' | '\n')) {
        return Err(refuse("The text holds a control character. Copy it again, or type it."));
    }
    let text = unwrap(text);
    if text.is_empty() {
        return Err(refuse("There is nothing to read. Paste a connection string."));
    }
    let mut parameters = Parameters::default();
    read(text, &mut parameters)?;
    if text.chars().any(is_invisible) {
        parameters.warn(
            "The text holds invisible characters, as web pages and mails sometimes add them. If the test \
             fails, type what was pasted.",
        );
    }
    fields::pasted(parameters)
}

fn read(text: &str, out: &mut Parameters) -> Result<()> {
    if let Some(url) = text.strip_suffix(';').filter(|text| after_scheme(text).is_some()) {
        out.warn("The semicolon behind the URL was left out.");
        return read_url(url, out).map(drop);
    }
    if pgpass::read(text, out)? || read_url(text, out)? {
        return Ok(());
    }
    if text.contains("PRIVATE KEY-----") || text.contains("-----BEGIN CERTIFICATE") {
        return Err(refuse(
            "This is a certificate or a private key, not a connection string. A CA certificate has its own field; \
             a private key has no place here: replace it if it is a real one.",
        ));
    }
    if let Some(list) = text.strip_prefix("pgsql:") {
        return if keywords::semicolons(list, out)? { Ok(()) } else { Err(no_form()) };
    }
    if psql::read(text, out)? {
        return Ok(());
    }
    // `[name]` alone on a line begins a section of another kind of file.
    let is_section =
        text.lines().next().is_some_and(|line| line.starts_with('[') && line.trim_end().ends_with(']'));
    let is_object = text.starts_with(['{', '[']) && !(is_section && text.contains('='));
    if let Some(entries) = object::read(text, |entries| is_object || settings::enough(entries))
        && settings::read(entries, out)?
    {
        return Ok(());
    }
    if is_object {
        return Err(nothing_of_a_connection("JSON"));
    }
    if environment::read(text, out)? || keywords::read(text, out)? || keywords::semicolons(text, out)? {
        return Ok(());
    }
    for (entries, name) in [(yaml::read(text), "YAML"), (properties::read(text), "a list of settings")] {
        let Some(entries) = entries.filter(|entries| entries.len() > 1 || settings::enough(entries)) else {
            continue;
        };
        return if settings::read(entries, out)? { Ok(()) } else { Err(nothing_of_a_connection(name)) };
    }
    if let Some(url) = url_within(text) {
        out.warn("Only the connection URL within the text was read.");
        read_url(url, out)?;
        return Ok(());
    }
    if let Some(list) = keywords_within(text) {
        out.warn("Only the connection string within the text was read.");
        keywords::read(list, out)?;
        return Ok(());
    }
    Err(no_form())
}

/// The first keyword string in quotes that stands somewhere in a text, e.g. in a Go program.
fn keywords_within(text: &str) -> Option<&str> {
    let quotes = text.match_indices(['"', '`', '\'']).take(100);
    quotes.filter_map(|(at, quote)| text[at + 1..].split(quote).next()).find(|list| {
        let mut found = Parameters::default();
        list.contains('=') && keywords::read(list, &mut found).is_ok_and(|read| read) && found.has("host")
    })
}

fn nothing_of_a_connection(what: &str) -> Problem {
    refuse(&format!(
        "This is {what}, but it says too little of a PostgreSQL connection: of host, database, username and password \
         at least two have to stand together in it, or a connection URL."
    ))
}

/// Whether the text is a URL of PostgreSQL's; one of something else is refused.
fn read_url(text: &str, out: &mut Parameters) -> Result<bool> {
    if let Some(rest) = strip_prefix_ignoring_case(text, "jdbc:postgresql:") {
        jdbc::read(rest, out)?;
        return Ok(true);
    }
    let inner = ["r2dbc:pool:", "r2dbc:"].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
    if let Some(rest) = after_scheme(inner) {
        uri::read(rest, out)?;
        return Ok(true);
    }
    match text.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => {
            Err(refuse(if scheme.starts_with("http") && rest.contains("supabase") {
                "This is the address of a Supabase project's web page or API. What Mycorr needs is the \
                 connection string, which the project's dashboard shows under Connect."
            } else {
                "This is a URL, but not one of a PostgreSQL database: those begin with postgres:// or \
                 postgresql://."
            }))
        }
        _ => Ok(false),
    }
}

/// What follows `postgres://`, `postgresql+driver://` and the like.
fn after_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    let (name, driver) = scheme.split_once('+').unwrap_or((scheme, "none"));
    (SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(name)) && is_scheme(driver)).then_some(rest)
}

/// RFC 3986, section 3.1, and the colons of `jdbc:mysql`.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.' | b':' | b'_'))
}

/// The first connection URL that stands somewhere in a text: up to the quote that opened before it, else up to
/// the next blank.
fn url_within(text: &str) -> Option<&str> {
    let start = text.match_indices("://").find_map(|(end, _)| {
        let name = |c: char| c.is_ascii_alphanumeric() || c == '+';
        let scheme = end - text[..end].bytes().rev().take_while(|b| name(char::from(*b))).count();
        after_scheme(&text[scheme..])?;
        Some(if text[..scheme].ends_with("jdbc:") { scheme - "jdbc:".len() } else { scheme })
    })?;
    let url = &text[start..];
    let end = match text[..start].chars().next_back() {
        Some(quote @ ('"' | '\'' | '`')) => url.find([quote, '\r', '\n']),
        Some('<') => url.find(['>', '\r', '\n']),
        _ => url.find(char::is_whitespace),
    };
    Some(&url[..end.unwrap_or(url.len())])
}

/// Without blanks, marks and one pair of quotes around it.
fn unwrap(text: &str) -> &str {
    let outer = |c: char| c.is_whitespace() || is_invisible(c);
    let text = text.trim_matches(outer);
    for (open, close) in [('"', '"'), ('\'', '\''), ('`', '`'), ('<', '>'), ('“', '”'), ('‘', '’')] {
        let inner = text.strip_prefix(open).and_then(|text| text.strip_suffix(close));
        if let Some(inner) = inner.filter(|inner| !inner.contains([open, close])) {
            return inner.trim_matches(outer);
        }
    }
    text
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn refuse(message: &str) -> Problem {
    Problem::invalid("text", message)
}

fn no_form() -> Problem {
    refuse(
        "This is no connection string that Mycorr can read. It reads postgres:// URLs, keyword strings \
         (host=… dbname=… user=…), psql and pg_dump command lines, JDBC URLs, .NET connection strings, lines of an \
         .env or .pgpass file, and configurations in JSON, YAML and properties.",
    )
    .fix("Copy the connection string again from your provider's page, or fill in the fields.")
}

/// Parameters under libpq's keywords, and what is to be said about them. Every value is a [`Secret`], because
/// any of them may turn out to be the password.
#[derive(Default)]
struct Parameters {
    list: Vec<(String, Secret)>,
    warnings: Vec<String>,
}

impl Parameters {
    /// More than any connection string has; setting one looks at all.
    const MAX_SHOWN: usize = 200;

    /// As libpq stores a value: the last one of a keyword holds, and `requiressl` is the old name of a
    /// `sslmode`.
    fn set(&mut self, keyword: &str, value: Secret) -> Result<()> {
        if keyword.is_empty() {
            return Err(refuse("There is an equals sign without a name before it."));
        }
        if keyword == "requiressl" {
            let mode = if value.expose().starts_with('1') { "require" } else { "prefer" };
            return self.set("sslmode", Secret::new(mode.to_owned()));
        }
        if let Some((_, old)) = self.list.iter_mut().find(|(known, _)| known == keyword) {
            *old = value;
        } else if self.list.len() < Self::MAX_SHOWN {
            self.list.push((keyword.to_owned(), value));
        } else {
            return Err(refuse("These are too many parameters."));
        }
        Ok(())
    }

    /// Removes a parameter; an empty one counts as none, as it does when libpq connects.
    fn take(&mut self, keyword: &str) -> Option<Secret> {
        let at = self.list.iter().position(|(known, _)| known == keyword)?;
        Some(self.list.swap_remove(at).1).filter(|value| !value.is_empty())
    }

    fn has(&self, keyword: &str) -> bool {
        self.list.iter().any(|(known, _)| known == keyword)
    }

    fn warn(&mut self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        if !self.warnings.contains(&sentence) {
            self.warnings.push(sentence);
        }
    }
}

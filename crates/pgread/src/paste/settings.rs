//! From the entries of a configuration (JSON, YAML, properties, a program's source) to libpq's keywords: of all maps
//! in it the one that says most of a connection.

use super::{
    Parameters, after_scheme, environment, object, psql, read_url, refuse, strip_prefix_ignoring_case,
};
use mycorr_domain::{Result, Secret};
use openssl::base64::decode_block;

/// A value and the keys above it.
#[derive(Clone)]
pub(super) struct Entry {
    path: Vec<String>,
    value: Secret,
    /// An expression or a placeholder: nothing is known of the value.
    variable: bool,
}

impl Entry {
    pub(super) fn new(path: &[String], value: Secret, variable: bool) -> Self {
        Self { path: path.to_vec(), value, variable }
    }

    /// The same under other keys.
    pub(super) fn below(self, path: &[String]) -> Self {
        Self { path: [path, &self.path].concat(), ..self }
    }

    /// A copy under `to` of what stands under `from`.
    pub(super) fn moved(&self, from: &[String], to: &[String]) -> Option<Self> {
        let tail = self.path.strip_prefix(from)?;
        Some(Self { path: [to, tail].concat(), ..self.clone() })
    }

    fn key(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    fn parent(&self) -> &[String] {
        &self.path[..self.path.len().saturating_sub(1)]
    }
}

/// Values within values (JSON in a string, as AWS prints secrets) are read so deep.
const MAX_NESTED: usize = 3;

/// Whether entries say enough of a connection to be taken for a configuration.
pub(super) fn enough(entries: &[Entry]) -> bool {
    best(&expanded(entries.to_vec(), 0)).is_some()
}

/// Reads the map that says most. `false` if none says anything.
///
/// # Errors
/// `invalid` where all that is configured is a database of another kind.
pub(super) fn read(entries: Vec<Entry>, out: &mut Parameters) -> Result<bool> {
    let entries = expanded(entries, 0);
    let Some(group) = best(&entries) else { return Ok(false) };
    let members: Vec<&Entry> = entries.iter().filter(|entry| entry.parent() == group).collect();
    if members.iter().any(|entry| is_of_another_kind(entry)) {
        return Err(refuse(
            "This configures another kind of database, and Mycorr reads PostgreSQL. If there is a PostgreSQL \
             database in it too, paste that part alone.",
        ));
    }
    let url = members.iter().find(|entry| is_url(entry));
    if let Some(url) = url {
        read_url(url.value.expose().trim(), out)?;
    }
    let django = members.iter().any(|entry| entry.key() == "ENGINE");
    for entry in &members {
        let Some(keyword) = keyword(entry.key(), django).filter(|_| !is_url(entry)) else { continue };
        if keyword == "url" {
            if entry.variable && url.is_none() {
                out.warn("The connection URL stands in a variable. Paste the URL itself.");
            }
        } else if url.is_none() || !out.has(keyword) {
            set(out, keyword, entry)?;
        }
    }
    let others = groups(&entries).into_iter().filter(|(other, score)| *other != group && *score > 1);
    if others.count() > 0 {
        out.warn("Several databases are configured in the text. One of them was read: check the fields.");
    }
    Ok(true)
}

fn set(out: &mut Parameters, keyword: &str, entry: &Entry) -> Result<()> {
    if entry.variable {
        let field = psql::field(keyword);
        out.warn(format!("The {field} stands in a variable. Enter it yourself."));
        return Ok(());
    }
    let value = entry.value.expose();
    // `ssl: true` and the like of drivers that know no modes.
    if keyword == "ssl" && !matches!(value, "true" | "True" | "1" | "require" | "false" | "False" | "0") {
        return Ok(());
    }
    out.set(keyword, Secret::new(value.to_owned()))
}

/// Without what is only wrapped: JSON within strings, Base64 of a Kubernetes secret, lists of `name` and `value`.
fn expanded(entries: Vec<Entry>, depth: usize) -> Vec<Entry> {
    let kubernetes = entries.iter().any(|entry| entry.path == ["kind"] && entry.value.expose() == "Secret");
    let mut all = Vec::new();
    for mut entry in entries.iter().cloned() {
        if kubernetes && entry.path.first().is_some_and(|key| key == "data") {
            let decoded = decode_block(entry.value.expose().trim()).ok();
            if let Some(text) = decoded.and_then(|bytes| String::from_utf8(bytes).ok()) {
                // Files end in a line end, which is no part of the value.
                entry.value = Secret::new(text.trim_end_matches('\n').to_owned());
            }
        }
        let inner = entry.value.expose().trim();
        if depth < MAX_NESTED && inner.starts_with('{') && inner.ends_with('}') {
            let nested = object::read(inner, |entries| !entries.is_empty()).unwrap_or_default();
            let path = entry.path.clone();
            all.extend(expanded(nested, depth + 1).into_iter().map(|one| one.below(&path)));
        }
        if entry.key().eq_ignore_ascii_case("value") {
            let name = entries
                .iter()
                .find(|other| other.parent() == entry.parent() && other.key().eq_ignore_ascii_case("name"));
            if let (Some(name), [path @ .., _]) = (name, entry.parent()) {
                let mut path = path.to_vec();
                path.push(name.value.expose().to_owned());
                all.push(Entry { path, ..entry.clone() });
            }
        }
        all.push(entry);
    }
    all
}

/// The maps that say something of a connection, with how much.
fn groups(entries: &[Entry]) -> Vec<(&[String], usize)> {
    let mut groups: Vec<(&[String], Vec<&str>)> = Vec::new();
    for entry in entries {
        let django = entry.key() == "NAME";
        let Some(keyword) = keyword(entry.key(), django).or(is_url(entry).then_some("url")) else { continue };
        // A URL alone says as much as all of its parts.
        let keywords: &[&str] = if is_url(entry) { &["url", "host", "user"] } else { &[keyword] };
        let at = groups.iter().position(|(parent, _)| *parent == entry.parent());
        let at = at.unwrap_or_else(|| {
            groups.push((entry.parent(), Vec::new()));
            groups.len() - 1
        });
        for keyword in keywords {
            if !groups[at].1.contains(keyword) {
                groups[at].1.push(keyword);
            }
        }
    }
    groups.into_iter().map(|(parent, keywords)| (parent, keywords.len())).collect()
}

/// The map to read: that of production, else the one that says most, else the first.
fn best(entries: &[Entry]) -> Option<&[String]> {
    let groups = groups(entries);
    let production = |path: &[String]| path.iter().any(|key| key.eq_ignore_ascii_case("production"));
    let rank = |(path, score): &(&[String], usize)| (production(path), *score);
    let most = groups.iter().filter(|(_, score)| *score > 1).map(rank).max()?;
    groups.iter().find(|group| rank(group) == most).map(|(path, _)| *path)
}

fn is_url(entry: &Entry) -> bool {
    let value = entry.value.expose().trim();
    // An argument that only its place names is for whoever looks for a URL in the text.
    !entry.key().bytes().all(|b| b.is_ascii_digit())
        && (after_scheme(value).is_some() || strip_prefix_ignoring_case(value, "jdbc:postgresql:").is_some())
}

fn is_of_another_kind(entry: &Entry) -> bool {
    let key = bare(entry.key());
    let names_kind =
        ["engine", "adapter", "dialect", "client", "driver", "type", "provider"].contains(&key.as_str());
    let value = entry.value.expose().to_ascii_lowercase();
    let other = ["mysql", "mariadb", "sqlite", "sqlserver", "mssql", "oracle", "mongo", "redis", "db2"];
    (names_kind || value.starts_with("jdbc:")) && other.iter().any(|name| value.contains(name))
}

/// In small letters, without what divides words.
fn bare(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

/// libpq's keyword for a key, `url` for one whose value is a URL.
fn keyword(key: &str, django: bool) -> Option<&'static str> {
    if let Some(keyword) = environment::libpq_name(key) {
        return Some(keyword);
    }
    Some(match bare(key).as_str() {
        "name" if django => "dbname",
        "host" | "hostname" | "server" | "servername" | "dbhost" | "endpoint" | "hostaddr" => "host",
        "port" | "dbport" => "port",
        "database" | "dbname" | "db" | "databasename" | "initialcatalog" | "catalog" | "defaultdb" => {
            "dbname"
        }
        "user" | "username" | "login" | "role" | "dbuser" | "dbusername" | "uid" | "userid"
        | "masterusername" => "user",
        "password" | "pass" | "passwd" | "pwd" | "dbpassword" | "dbpass" | "masteruserpassword" => "password",
        "sslmode" => "sslmode",
        "ssl" | "usessl" => "ssl",
        "url" | "uri" | "dsn" | "connectionstring" | "databaseurl" | "jdbcurl" | "connectionuri" => "url",
        _ => return None,
    })
}

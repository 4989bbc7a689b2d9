//! Lines of pg_hba.conf (manual, "The pg_hba.conf File") that let Mycorr in.

use crate::sql;
use mycorr_domain::Endpoint;
use std::net::IpAddr;

/// The line, and what it opens where the address is not known.
pub(super) fn hba_advice(endpoint: &Endpoint, from: Option<IpAddr>) -> String {
    let open = if from.is_none() {
        " It lets the role in from every address; write Mycorr's in the place of all if it has one of its own."
    } else {
        ""
    };
    format!("{open}\n{}", hba_line(endpoint, from))
}

/// A line of pg_hba.conf that lets the role in from `from`.
pub(super) fn hba_line(endpoint: &Endpoint, from: Option<IpAddr>) -> String {
    let from = match from {
        Some(address) => format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 }),
        None => "all".to_owned(),
    };
    let kind = if endpoint.encrypted { "hostssl" } else { "host" };
    let (database, role) = (hba_name(endpoint.database.as_str()), hba_name(endpoint.role()));
    format!("{kind} {database} {role} {from} scram-sha-256")
}

/// Quoted where it would mean something else in pg_hba.conf (manual, "The pg_hba.conf File").
fn hba_name(name: &str) -> String {
    let plain = sql::identifier(name) == name
        && !matches!(name, "sameuser" | "samerole" | "samegroup" | "replication");
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// The address that a server says it sees. Whatever the language, it stands between characters that no address has.
/// Supavisor writes it as Erlang does, `{192, 0, 2, 1}`.
pub(super) fn address_in(message: &str) -> Option<IpAddr> {
    let other = |c: char| !(c.is_ascii_hexdigit() || matches!(c, '.' | ':'));
    let tuple = message
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'))
        .map(|(inside, _)| inside.replace(", ", "."));
    let said =
        message.split(other).filter(|word| word.contains(['.', ':'])).find_map(|word| word.parse().ok());
    said.or_else(|| tuple?.parse().ok())
}

//! `jdbc:postgresql:` URLs (pgJDBC manual, "Connecting to the Database"): like libpq's, but user and password
//! are parameters, which are form-encoded, and a parameter may have no value.

use super::{
    Parameters,
    uri::{Server, decode},
};
use mycorr_domain::Result;

/// Reads what follows `jdbc:postgresql:`.
pub(super) fn read(rest: &str, out: &mut Parameters) -> Result<()> {
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    match place.strip_prefix("//") {
        // pgJDBC takes no user there, but people write one.
        Some(place) if place.contains('@') => super::uri::read(place, out)?,
        Some(place) => Server::split(place)?.store_names(out)?,
        None if place.trim_start_matches('/').is_empty() => {}
        None => out.set("dbname", decode(place.trim_start_matches('/'), true)?)?,
    }
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (keyword, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = decode(value, true)?;
        match keyword {
            "PGHOST" => out.set("host", value)?,
            "PGPORT" => out.set("port", value)?,
            "PGDBNAME" => out.set("dbname", value)?,
            "currentSchema" => out.set("search_path", value)?,
            keyword => out.set(keyword, value)?,
        }
    }
    Ok(())
}

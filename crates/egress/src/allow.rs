//! What the operator lets through although it is private.

use crate::host::{Host, HostError};
use ipnet::IpNet;
use std::{net::IpAddr, str::FromStr};

/// The operator's list: entries separated by commas, each an address, a network in CIDR notation or a host
/// name, each with an optional port. IPv6 stands in brackets where a port follows.
///
/// `10.1.2.3`, `10.0.0.0/8:5432`, `fd00::/8`, `[fd00::1]:5432`, `[fd00::/8]:5432`, `localhost`, `db.internal:5432`
///
/// A network lets through the addresses in it, however they were named, but not the names that are always
/// private ([`crate::policy::is_private_name`]). A name lets through exactly that name, whatever it resolves to:
/// the operator vouches for its DNS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    what: What,
    /// `None`: every port.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Net(IpNet),
    Name(Host),
}

/// Which entry of the list can't be read, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The entry {entry:?} of the list of allowed hosts can't be read. {why}")]
pub struct AllowError {
    pub entry: String,
    pub why: String,
}

impl AllowList {
    /// Whether the operator named this very host.
    pub fn permits_name(&self, host: &Host, port: u16) -> bool {
        self.at(port).any(|what| matches!(what, What::Name(name) if name == host))
    }

    pub fn permits_address(&self, address: IpAddr, port: u16) -> bool {
        self.at(port).any(|what| matches!(what, What::Net(net) if net.contains(&address)))
    }

    fn at(&self, port: u16) -> impl Iterator<Item = &What> {
        self.0.iter().filter(move |entry| entry.port.is_none_or(|p| p == port)).map(|entry| &entry.what)
    }
}

impl FromStr for AllowList {
    type Err = AllowError;

    fn from_str(text: &str) -> Result<Self, AllowError> {
        text.split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(|entry| parse(entry).map_err(|why| AllowError { entry: entry.to_owned(), why }))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn parse(text: &str) -> Result<Entry, String> {
    let (place, port) = split_port(text)?;
    let port = match port {
        None => None,
        Some(port) => match port.parse() {
            Ok(0) | Err(_) => return Err("After the last colon comes a port from 1 to 65535.".to_owned()),
            Ok(port) => Some(port),
        },
    };
    Ok(Entry { what: what(&place)?, port })
}

/// The entry's place without brackets, and the text of its port.
fn split_port(text: &str) -> Result<(String, Option<&str>), String> {
    let (place, rest) = if let Some(inner) = text.strip_prefix('[') {
        let (inner, rest) = inner.split_once(']').ok_or("A bracket is not closed.")?;
        if inner.parse::<IpNet>().is_err() && inner.parse::<IpAddr>().is_err() {
            return Err("Brackets stand around an IPv6 address or network.".to_owned());
        }
        // [fd00::]/8:5432 is read too.
        let end = rest.find(':').unwrap_or(rest.len());
        (format!("{inner}{}", &rest[..end]), &rest[end..])
    } else if let Some(slash) = text.find('/') {
        let end = text[slash..].find(':').map_or(text.len(), |at| slash + at);
        (text[..end].to_owned(), &text[end..])
    } else if text.parse::<IpAddr>().is_ok() {
        (text.to_owned(), "")
    } else {
        let end = text.rfind(':').unwrap_or(text.len());
        (text[..end].to_owned(), &text[end..])
    };
    Ok((place, rest.strip_prefix(':')))
}

fn what(place: &str) -> Result<What, String> {
    if place.contains('/') {
        let net: IpNet =
            place.parse().map_err(|_| "A network is written like 10.0.0.0/8 or fd00::/8.".to_owned())?;
        if net.addr() != net.network() {
            return Err(format!(
                "It has bits beyond its length: write {} for the network or {} for the address.",
                net.trunc(),
                net.addr()
            ));
        }
        return Ok(What::Net(net));
    }
    let host = Host::parse(place).map_err(|error| match error {
        HostError::Character if place.contains('*') => {
            "There are no wildcards: name each host, or the network that they are in.".to_owned()
        }
        error => error.to_string(),
    })?;
    Ok(match host.address() {
        Some(address) => What::Net(address.into()),
        None => What::Name(host),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> AllowList {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_and_networks() {
        let all = list(
            " 10.0.0.0/8 , 192.168.1.7:5432,fd00::/8,[fe80::1]:6432,[fc00::/16]:1,[fc01::]/16:2,fc02::/16:3, ::1,",
        );
        for (address, port, permitted) in [
            ("10.255.0.1", 1, true),
            ("11.0.0.0", 1, false),
            ("192.168.1.7", 5432, true),
            ("192.168.1.7", 5433, false),
            ("192.168.1.8", 5432, false),
            ("fd12::1", 9, true),
            ("fe80::1", 6432, true),
            ("fe80::1", 6433, false),
            ("fc00::9", 1, true),
            ("fc01::9", 2, true),
            ("fc02::9", 3, true),
            ("fc02::9", 2, false),
            ("::1", 5432, true),
            ("::ffff:10.0.0.1", 1, false),
        ] {
            assert_eq!(all.permits_address(address.parse().unwrap(), port), permitted, "{address} {port}");
        }
        assert!(!AllowList::default().permits_address("127.0.0.1".parse().unwrap(), 5432));
        assert_eq!(list(""), AllowList::default());
        assert_eq!(list(" , "), AllowList::default());
    }

    #[test]
    fn names_are_exact() {
        let all = list("LocalHost,db.internal:5432,ＤＢ２.example.com.");
        for (name, port, permitted) in [
            ("localhost.", 1, true),
            ("a.localhost", 1, false),
            ("db.internal", 5432, true),
            ("db.internal", 5433, false),
            ("x.db.internal", 5432, false),
            ("db2.example.com", 1, true),
        ] {
            assert_eq!(all.permits_name(&name.parse().unwrap(), port), permitted, "{name} {port}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (text, word) in [
            ("ok.example.com,127.1", "127.1"),
            ("10.0.0.0/33", "10.0.0.0/33"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("*.internal", "wildcards"),
            ("[::1", "bracket"),
            ("[localhost]:1", "Brackets"),
            ("localhost:0", "65535"),
            ("localhost:65536", "65535"),
            ("localhost:", "65535"),
            ("10.0.0.0/8:x", "65535"),
            ("[::1]x", "IPv6"),
            ("http://a", "network"),
            ("a b", "blank"),
        ] {
            let error = text.parse::<AllowList>().unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}

//! Who a request comes from: the connection's other end, or, behind proxies that the operator trusts, whom they name.

use axum::http::{HeaderMap, header};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The client's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// Whether an address is one of the proxies'.
pub(crate) fn is_trusted(trusted: &[IpNet], address: IpAddr) -> bool {
    trusted.iter().any(|net| net.contains(&address.to_canonical()))
}

impl ClientAddress {
    /// Every proxy adds at the right whom it was asked by: the first from there that is none of them is the client.
    /// What stands left of it anybody can have written.
    pub(crate) fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let mut client = peer.to_canonical();
        for hop in hops(headers).into_iter().rev() {
            if !is_trusted(trusted, client) {
                break;
            }
            match hop {
                Some(address) => client = address.to_canonical(),
                // `unknown`, or a name of the proxy's making: the proxy itself is all that is known.
                None => break,
            }
        }
        Self(client)
    }
}

/// `Forwarded` (RFC 7239) where it is sent, else `X-Forwarded-For`; the nearest proxy's word last.
fn hops(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let all = |name: header::HeaderName| {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).map(str::trim).collect::<Vec<_>>()
    };
    let forwarded = all(header::FORWARDED);
    if forwarded.is_empty() {
        return all(header::HeaderName::from_static("x-forwarded-for")).into_iter().map(address).collect();
    }
    let of_element = |element: &str| {
        element.split(';').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            name.trim().eq_ignore_ascii_case("for").then(|| address(value.trim().trim_matches('"')))?
        })
    };
    forwarded.into_iter().map(of_element).collect()
}

/// An address as proxies write it, perhaps with a port or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_rightmost_hop_that_is_no_proxy_is_the_client() {
        let trusted: Vec<IpNet> = ["127.0.0.1/32", "10.0.0.0/8"].map(|net| net.parse().unwrap()).into();
        let (loopback, stranger) = ("127.0.0.1", "203.0.113.9");
        for (peer, name, value, client) in [
            (stranger, "x-forwarded-for", "198.51.100.1", stranger),
            (stranger, "forwarded", "for=198.51.100.1", stranger),
            (loopback, "x-forwarded-for", "198.51.100.1", "198.51.100.1"),
            (loopback, "x-forwarded-for", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
            (loopback, "x-forwarded-for", "1.1.1.1, 198.51.100.1, 10.0.0.7", "198.51.100.1"),
            (loopback, "x-forwarded-for", "198.51.100.1:4711", "198.51.100.1"),
            (loopback, "x-forwarded-for", "[2001:db8::1]:4711", "2001:db8::1"),
            (loopback, "x-forwarded-for", "198.51.100.1, unknown", loopback),
            (loopback, "x-forwarded-for", "10.0.0.8", "10.0.0.8"),
            (loopback, "forwarded", "for=\"[2001:db8::1]:4711\";proto=https", "2001:db8::1"),
            (loopback, "forwarded", "for=1.1.1.1, For=198.51.100.1;by=10.0.0.7", "198.51.100.1"),
            (loopback, "forwarded", "proto=https", loopback),
            ("::ffff:127.0.0.1", "x-forwarded-for", "198.51.100.1", "198.51.100.1"),
            (loopback, "x-other", "198.51.100.1", loopback),
        ] {
            let name: header::HeaderName = name.parse().unwrap();
            let headers = [(name, HeaderValue::from_static(value))].into_iter().collect();
            let found = ClientAddress::of(peer.parse().unwrap(), &headers, &trusted);
            assert_eq!(found.0, client.parse::<IpAddr>().unwrap(), "{peer} {value}");
        }
        let both =
            [("forwarded", "for=198.51.100.1"), ("x-forwarded-for", "198.51.100.2")].map(|(name, value)| {
                (name.parse::<header::HeaderName>().unwrap(), HeaderValue::from_static(value))
            });
        let found = ClientAddress::of(loopback.parse().unwrap(), &both.into_iter().collect(), &trusted);
        assert_eq!(found.0, "198.51.100.1".parse::<IpAddr>().unwrap());
    }
}

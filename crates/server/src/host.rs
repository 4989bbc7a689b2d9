//! Under which names Mycorr answers. A page elsewhere can give its own name our address (DNS rebinding) and would then
//! be of one origin with what it reaches; a browser says that name in `Host`.

use axum::http::{HeaderMap, Uri, header};
use mycorr_domain::{Code, Problem};
use std::net::IpAddr;

/// Whether a request is for this server: addresses and loopback names cannot be rebound; other names are those of the
/// public URL. A request without any is not a browser's.
pub(crate) fn is_ours(headers: &HeaderMap, uri: &Uri, public_url: Option<&str>) -> bool {
    let authority = match uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => match headers.get(header::HOST) {
            Some(host) => host.to_str().ok().or(Some("?")),
            None => return true,
        },
    };
    let name = name(authority.unwrap_or("?"));
    let ours = public_url.and_then(|url| url.split_once("://")).map(|(_, host)| self::name(host));
    let is_loopback = name == "localhost" || name.ends_with(".localhost");
    is_loopback
        || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
        || ours.is_some_and(|ours| ours == name)
}

/// Without the port and the root's dot.
fn name(authority: &str) -> String {
    let without_port = match authority.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => authority,
    };
    without_port.trim_end_matches('.').to_ascii_lowercase()
}

pub(crate) fn refused() -> Problem {
    Problem::new(Code::Forbidden, "Mycorr is not known under the name that this request was sent to.").fix(
        "Open it under its own address. Operator: set MYCORR_PUBLIC_URL to the address that people type.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_be_rebound_are_only_the_public_ones() {
        let public = Some("https://mycorr.example.com");
        for (host, public, ours) in [
            ("127.0.0.1:8420", None, true),
            ("[::1]:8420", None, true),
            ("[::1]", None, true),
            ("10.1.2.3", None, true),
            ("localhost:8420", None, true),
            ("LOCALHOST", None, true),
            ("app.localhost:8420", None, true),
            ("evil.example", None, false),
            ("evil.example:8420", public, false),
            ("mycorr.example.com", None, false),
            ("Mycorr.example.com", public, true),
            ("mycorr.example.com.:443", public, true),
            ("mycorr.example.com.evil.example", public, false),
            ("localhost.evil.example", public, false),
            ("127.0.0.1.evil.example", public, false),
            ("", public, false),
        ] {
            let headers = [(header::HOST, host.parse().unwrap())].into_iter().collect();
            assert_eq!(is_ours(&headers, &"/".parse().unwrap(), public), ours, "{host}");
        }
        assert!(is_ours(&HeaderMap::new(), &"/".parse().unwrap(), None));
        assert!(!is_ours(&HeaderMap::new(), &"http://evil.example/".parse().unwrap(), None));
    }
}

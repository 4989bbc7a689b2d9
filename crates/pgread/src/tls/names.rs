//! Whether a certificate is for a host: libpq's rules (`fe-secure-openssl.c`,
//! `pgtls_verify_peer_name_matches_certificate_guts`, PostgreSQL 15 and newer), which differ from RFC 6125 in
//! that the common name still counts where no alternative name of the host's kind stands.

use super::der;
use openssl::{nid::Nid, x509::X509Ref};
use std::net::IpAddr;

/// Whether `certificate` is for `host`, a lower-case ASCII name or an IP address. A name that no honest
/// certificate has, before one that matches, refuses the certificate.
pub(super) fn matches(certificate: &X509Ref, host: &str) -> bool {
    let address: Option<IpAddr> = host.parse().ok();
    let Ok(certificate_der) = certificate.to_der() else { return false };
    // Not `X509Ref::subject_alt_names`, which passes over names that are no UTF-8: then the common name would count.
    let Some(names) = der::alternative_names(&certificate_der) else { return false };
    let mut common_name_counts = true;
    for (tag, name) in names {
        let matched = match tag {
            der::DNS_NAME => {
                common_name_counts &= address.is_some();
                matches_name(name, host)
            }
            der::IP_ADDRESS => {
                common_name_counts &= address.is_none();
                matches_address(name, address)
            }
            _ => Some(false),
        };
        match matched {
            Some(true) => return true,
            Some(false) => {}
            None => return false,
        }
    }
    common_name_counts
        && certificate
            .subject_name()
            .entries_by_nid(Nid::COMMONNAME)
            .next()
            .is_some_and(|name| matches_name(name.data().as_slice(), host) == Some(true))
}

/// `None` for what is neither an IPv4 nor an IPv6 address.
fn matches_address(bytes: &[u8], address: Option<IpAddr>) -> Option<bool> {
    let named: IpAddr = match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok()?.into(),
        16 => <[u8; 16]>::try_from(bytes).ok()?.into(),
        _ => return None,
    };
    Some(address == Some(named))
}

/// `None` for a name with a NUL in it (CVE-2009-4034).
fn matches_name(name: &[u8], host: &str) -> Option<bool> {
    if name.contains(&0) {
        return None;
    }
    Some(name.eq_ignore_ascii_case(host.as_bytes()) || matches_wildcard(name, host.as_bytes()))
}

/// A wildcard stands alone as the first label and for one label.
fn matches_wildcard(pattern: &[u8], host: &[u8]) -> bool {
    if pattern.len() < 3 || !pattern.starts_with(b"*.") || pattern.len() > host.len() {
        return false;
    }
    let (label, rest) = host.split_at(host.len() - (pattern.len() - 1));
    rest.eq_ignore_ascii_case(&pattern[1..]) && !label.contains(&b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, host, matched) in [
            ("*.example.com", "db.example.com", true),
            ("*.EXAMPLE.com", "DB.example.COM", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "example.com", false),
            ("*.example.com", ".example.com", false),
            ("d*.example.com", "db.example.com", false),
            ("*", "db", false),
            ("*.", "db.", false),
        ] {
            assert_eq!(matches_wildcard(pattern.as_bytes(), host.as_bytes()), matched, "{pattern} {host}");
        }
        assert_eq!(matches_name(b"db\0.evil", "db"), None);
    }
}

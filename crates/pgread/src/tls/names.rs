//! Whether a certificate is for a host: libpq's rules (`fe-secure-openssl.c`,
//! `pgtls_verify_peer_name_matches_certificate_guts`, PostgreSQL 15 and newer), which differ from RFC 6125 in
//! that the common name still counts where no alternative name of the host's kind stands.

use openssl::{nid::Nid, x509::X509Ref};
use std::net::IpAddr;

/// Whether `certificate` is for `host`, a lower-case ASCII name or an IP address.
pub(super) fn matches(certificate: &X509Ref, host: &str) -> bool {
    let address: Option<IpAddr> = host.parse().ok();
    let mut common_name_counts = true;
    for name in certificate.subject_alt_names().into_iter().flatten() {
        if let Some(dns) = name.dnsname() {
            common_name_counts &= address.is_some();
            match matches_name(dns.as_bytes(), host) {
                Some(true) => return true,
                Some(false) => {}
                None => return false,
            }
        } else if let Some(bytes) = name.ipaddress() {
            common_name_counts &= address.is_none();
            if address.is_some_and(|address| octets(address) == bytes) {
                return true;
            }
        }
    }
    common_name_counts
        && certificate
            .subject_name()
            .entries_by_nid(Nid::COMMONNAME)
            .next()
            .is_some_and(|name| matches_name(name.data().as_slice(), host) == Some(true))
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// `None` for a name with a NUL in it: the certificate is then refused as a whole (CVE-2009-4034).
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

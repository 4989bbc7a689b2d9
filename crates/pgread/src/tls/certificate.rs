//! What a certificate says, in a form that can be shown and compared.

use chrono::{DateTime, Utc};
use openssl::{
    asn1::{Asn1Time, Asn1TimeRef},
    hash::MessageDigest,
    x509::{X509NameRef, X509Ref},
};

/// A certificate as a person compares it with another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateInfo {
    /// E.g. `CN=db.example.com, O=Example`.
    pub subject: String,
    pub issuer: String,
    /// Subject alternative names: DNS names and IP addresses.
    pub names: Vec<String>,
    pub not_before: DateTime<Utc>,
    pub not_after: DateTime<Utc>,
    /// Of the DER form, lower-case hex.
    pub sha256: String,
}

/// Which rule a server's certificate broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// No trusted authority vouches for it.
    Untrusted,
    /// It, or one above it, is too weak, or not made for what it is used for.
    Unsound,
    Expired,
    NotYetValid,
    WrongHost,
}

/// A certificate that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFault {
    pub rule: Rule,
    /// OpenSSL's words for it, e.g. `self-signed certificate in certificate chain`.
    pub reason: String,
    /// From the server's own certificate upwards, as far as it was seen.
    pub chain: Vec<CertificateInfo>,
    /// Whether a pasted CA, not the public store, was what it was held against.
    pub pasted_ca: bool,
}

impl CertificateInfo {
    pub fn of(certificate: &X509Ref) -> Self {
        let names = certificate.subject_alt_names().map_or_else(Vec::new, |names| {
            names
                .iter()
                .filter_map(|name| {
                    name.dnsname().map(shown).or_else(|| match name.ipaddress()? {
                        bytes if bytes.len() == 4 => {
                            Some(std::net::IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?).to_string())
                        }
                        bytes => Some(std::net::IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?).to_string()),
                    })
                })
                .collect()
        });
        Self {
            subject: name(certificate.subject_name()),
            issuer: name(certificate.issuer_name()),
            names,
            not_before: time(certificate.not_before()),
            not_after: time(certificate.not_after()),
            sha256: certificate.digest(MessageDigest::sha256()).map(hex::encode).unwrap_or_default(),
        }
    }
}

fn name(name: &X509NameRef) -> String {
    let parts = name.entries().take(16).map(|entry| {
        let key = entry.object().nid().short_name().unwrap_or("?");
        format!("{key}={}", shown(&String::from_utf8_lossy(entry.data().as_slice())))
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// Anybody can make a certificate: what it says of itself may not play tricks on who reads it.
fn shown(text: &str) -> String {
    let tricky = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let mut shown: String =
        text.chars().take(MAX_NAME_BYTES).map(|c| if tricky(c) { '?' } else { c }).collect();
    if text.chars().nth(MAX_NAME_BYTES).is_some() {
        shown.push('…');
    }
    shown
}

/// In characters. A host name has at most 253 (RFC 1035), a common name 64 (RFC 5280, ub-common-name).
const MAX_NAME_BYTES: usize = 253;

fn time(time: &Asn1TimeRef) -> DateTime<Utc> {
    Asn1Time::from_unix(0)
        .and_then(|epoch| epoch.diff(time))
        .ok()
        .and_then(|since| DateTime::from_timestamp(i64::from(since.days) * 86_400 + i64::from(since.secs), 0))
        .unwrap_or_default()
}

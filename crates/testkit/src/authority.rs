//! Certificates made for a test.

use openssl::{
    asn1::Asn1Time,
    bn::{BigNum, MsbOption},
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    x509::{
        X509, X509Name,
        extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName},
    },
};
use std::time::{SystemTime, UNIX_EPOCH};

/// A certificate authority with an elliptic-curve key.
#[derive(Clone)]
pub struct Authority {
    certificate: X509,
    key: PKey<Private>,
    /// The certificates between this authority and the root, its own first; empty for a root.
    chain: Vec<X509>,
}

/// A certificate that ends a chain, and its private key, both as PEM.
#[derive(Clone)]
pub struct Certified {
    /// The certificate, then those between it and the root.
    pub certificate: String,
    pub key: String,
}

/// What stands in a server's certificate. By default: valid, for `localhost` and `127.0.0.1`.
#[derive(Clone, Debug)]
pub struct Leaf<'a> {
    pub common_name: &'a str,
    pub dns: &'a [&'a str],
    pub ips: &'a [&'a str],
    /// In days from now.
    pub valid_from: i64,
    pub valid_to: i64,
}

impl Default for Leaf<'_> {
    fn default() -> Self {
        Self {
            common_name: "localhost",
            dns: &["localhost"],
            ips: &["127.0.0.1"],
            valid_from: -1,
            valid_to: 365,
        }
    }
}

impl Authority {
    /// A self-signed root.
    pub fn new(name: &str) -> Self {
        let key = new_key();
        let certificate = sign(name, &key, None, (-2, 3650), |builder, _| {
            builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
            builder.append_extension(signing()).unwrap();
        });
        Self { certificate, key, chain: Vec::new() }
    }

    /// An authority that this one vouches for.
    pub fn intermediate(&self, name: &str) -> Self {
        let key = new_key();
        let certificate = sign(name, &key, Some(self), (-2, 3650), |builder, _| {
            builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
            builder.append_extension(signing()).unwrap();
        });
        let chain = [std::slice::from_ref(&certificate), &self.chain].concat();
        Self { certificate, key, chain }
    }

    /// What a person pastes as "custom CA certificate".
    pub fn pem(&self) -> String {
        pem(&self.certificate)
    }

    /// A server's certificate.
    pub fn issue(&self, leaf: &Leaf<'_>) -> Certified {
        let key = new_key();
        let valid = (leaf.valid_from, leaf.valid_to);
        let certificate = sign(leaf.common_name, &key, Some(self), valid, |builder, issuer| {
            builder.append_extension(BasicConstraints::new().build().unwrap()).unwrap();
            builder.append_extension(ExtendedKeyUsage::new().server_auth().build().unwrap()).unwrap();
            if !leaf.dns.is_empty() || !leaf.ips.is_empty() {
                let mut names = SubjectAlternativeName::new();
                for name in leaf.dns {
                    names.dns(name);
                }
                for ip in leaf.ips {
                    names.ip(ip);
                }
                let names = names.build(&builder.x509v3_context(issuer, None)).unwrap();
                builder.append_extension(names).unwrap();
            }
        });
        let chain = std::iter::once(&certificate).chain(&self.chain).map(pem).collect();
        let key = String::from_utf8(key.private_key_to_pem_pkcs8().unwrap()).unwrap();
        Certified { certificate: chain, key }
    }
}

fn new_key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn pem(certificate: &X509) -> String {
    String::from_utf8(certificate.to_pem().unwrap()).unwrap()
}

fn signing() -> openssl::x509::X509Extension {
    KeyUsage::new().critical().key_cert_sign().crl_sign().build().unwrap()
}

fn sign(
    name: &str,
    key: &PKey<Private>,
    by: Option<&Authority>,
    (from, to): (i64, i64),
    extend: impl FnOnce(&mut openssl::x509::X509Builder, Option<&openssl::x509::X509Ref>),
) -> X509 {
    let mut subject = X509Name::builder().unwrap();
    subject.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
    let subject = subject.build();
    let mut serial = BigNum::new().unwrap();
    serial.rand(120, MsbOption::ONE, false).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let day = |days: i64| Asn1Time::from_unix(now + days * 86_400).unwrap();

    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(by.map_or(&*subject, |by| by.certificate.subject_name())).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&day(from)).unwrap();
    builder.set_not_after(&day(to)).unwrap();
    extend(&mut builder, by.map(|by| &*by.certificate));
    builder.sign(by.map_or(key, |by| &by.key), MessageDigest::sha256()).unwrap();
    builder.build()
}

//! Certificates of every kind, also of those that no authority would issue.

use openssl::{
    asn1::{Asn1Object, Asn1OctetString, Asn1Time, Asn1Type},
    bn::{BigNum, MsbOption},
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{Id, PKey, Private},
    x509::{X509, X509Extension, X509Name},
};
use std::time::{SystemTime, UNIX_EPOCH};

/// A certificate and its private key.
#[derive(Clone)]
pub(crate) struct Certified {
    pub(crate) certificate: X509,
    pub(crate) key: PKey<Private>,
}

/// A certificate that is being made. Lists of extensions are DER: nothing then stands in the way of wrong ones.
#[derive(Clone)]
pub(crate) struct Draft {
    /// Attributes of the subject: which, its bytes, its string type.
    subject: Vec<(Nid, String, Asn1Type)>,
    key: PKey<Private>,
    /// In days from now.
    valid: (i64, i64),
    /// 0 for X.509 v1, 2 for v3.
    version: i32,
    digest: MessageDigest,
    extensions: Vec<(&'static str, bool, Vec<u8>)>,
}

pub(crate) const BASIC_CONSTRAINTS: &str = "2.5.29.19";
pub(crate) const KEY_USAGE: &str = "2.5.29.15";
pub(crate) const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
pub(crate) const SUBJECT_ALT_NAME: &str = "2.5.29.17";
pub(crate) const NAME_CONSTRAINTS: &str = "2.5.29.30";

/// The tags of GeneralName (RFC 5280 section 4.2.1.6).
pub(crate) const OTHER: u8 = 0xa0;
pub(crate) const EMAIL: u8 = 0x81;
pub(crate) const DNS: u8 = 0x82;
pub(crate) const DIRECTORY: u8 = 0xa4;
pub(crate) const URI: u8 = 0x86;
pub(crate) const IP: u8 = 0x87;
pub(crate) const REGISTERED: u8 = 0x88;

/// One DER element of up to 65,535 bytes.
pub(crate) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let length: &[u8] = match content.len() {
        0..128 => &length[1..],
        128..256 => &[0x81, length[1]],
        _ => &[0x82, length[0], length[1]],
    };
    [&[tag], length, content].concat()
}

pub(crate) fn sequence(elements: &[Vec<u8>]) -> Vec<u8> {
    der(0x30, &elements.concat())
}

pub(crate) fn oid(text: &str) -> Vec<u8> {
    der(0x06, Asn1Object::from_str(text).unwrap().as_slice())
}

pub(crate) fn ec_key(curve: Nid) -> PKey<Private> {
    let group = EcGroup::from_curve_name(curve).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

/// What the tests use when the key does not matter.
pub(crate) fn any_key() -> PKey<Private> {
    ec_key(Nid::X9_62_PRIME256V1)
}

impl Draft {
    /// A v3 certificate without any extension, valid now.
    pub(crate) fn new(common_name: &str) -> Self {
        Self {
            subject: vec![(Nid::COMMONNAME, common_name.to_owned(), Asn1Type::UTF8STRING)],
            key: any_key(),
            valid: (-1, 365),
            version: 2,
            digest: MessageDigest::sha256(),
            extensions: Vec::new(),
        }
    }

    /// A server's certificate for one DNS name.
    pub(crate) fn server(name: &str) -> Self {
        Self::new(name).names(&[(DNS, name.as_bytes())])
    }

    /// An authority's certificate, as RFC 5280 wants it.
    pub(crate) fn authority(common_name: &str) -> Self {
        Self::new(common_name).basic_constraints(true, None).key_usage(KEY_CERT_SIGN)
    }

    /// The subject has no common name but these.
    pub(crate) fn common_names(mut self, names: &[&str]) -> Self {
        self.subject = vec![(Nid::ORGANIZATIONNAME, "Example".into(), Asn1Type::UTF8STRING)];
        self.subject
            .extend(names.iter().map(|name| (Nid::COMMONNAME, (*name).to_owned(), Asn1Type::UTF8STRING)));
        self
    }

    pub(crate) fn common_name_of_type(mut self, name: &str, kind: Asn1Type) -> Self {
        self.subject = vec![(Nid::COMMONNAME, name.into(), kind)];
        self
    }

    pub(crate) fn key(mut self, key: &PKey<Private>) -> Self {
        self.key = key.clone();
        self
    }

    pub(crate) fn valid(mut self, from: i64, to: i64) -> Self {
        self.valid = (from, to);
        self
    }

    pub(crate) fn version_1(mut self) -> Self {
        self.version = 0;
        self.extensions.clear();
        self
    }

    /// Says v1 and has extensions all the same.
    pub(crate) fn old_with_extensions(mut self) -> Self {
        self.version = 0;
        self
    }

    pub(crate) fn digest(mut self, digest: MessageDigest) -> Self {
        self.digest = digest;
        self
    }

    pub(crate) fn extension(mut self, oid: &'static str, critical: bool, content: Vec<u8>) -> Self {
        self.extensions.push((oid, critical, content));
        self
    }

    /// subjectAltName, of GeneralNames by their tags.
    pub(crate) fn names(self, names: &[(u8, &[u8])]) -> Self {
        let names: Vec<_> = names.iter().map(|(tag, content)| der(*tag, content)).collect();
        self.extension(SUBJECT_ALT_NAME, false, sequence(&names))
    }

    pub(crate) fn basic_constraints(self, authority: bool, path_length: Option<u8>) -> Self {
        let mut content = Vec::new();
        if authority {
            content.push(der(0x01, &[0xff]));
        }
        content.extend(path_length.map(|length| der(0x02, &[length])));
        self.extension(BASIC_CONSTRAINTS, true, sequence(&content))
    }

    /// One byte of the bit string.
    pub(crate) fn key_usage(self, bits: u8) -> Self {
        self.extension(KEY_USAGE, true, der(0x03, &[0, bits]))
    }

    pub(crate) fn extended_key_usage(self, critical: bool, purposes: &[&str]) -> Self {
        let purposes: Vec<_> = purposes.iter().map(|purpose| oid(purpose)).collect();
        self.extension(EXTENDED_KEY_USAGE, critical, sequence(&purposes))
    }

    pub(crate) fn self_signed(self) -> Certified {
        let key = self.key.clone();
        self.build(None, &key)
    }

    pub(crate) fn signed_by(self, issuer: &Certified) -> Certified {
        self.build(Some(&issuer.certificate), &issuer.key)
    }

    fn build(self, issuer: Option<&X509>, signer: &PKey<Private>) -> Certified {
        let mut subject = X509Name::builder().unwrap();
        for (nid, value, kind) in &self.subject {
            subject.append_entry_by_nid_with_type(*nid, value, *kind).unwrap();
        }
        let subject = subject.build();
        let mut serial = BigNum::new().unwrap();
        serial.rand(120, MsbOption::ONE, false).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        let day = |days: i64| Asn1Time::from_unix(now + days * 86_400).unwrap();

        let mut builder = X509::builder().unwrap();
        builder.set_version(self.version).unwrap();
        builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
        builder.set_subject_name(&subject).unwrap();
        builder.set_issuer_name(issuer.map_or(&*subject, |issuer| issuer.subject_name())).unwrap();
        builder.set_pubkey(&self.key).unwrap();
        builder.set_not_before(&day(self.valid.0)).unwrap();
        builder.set_not_after(&day(self.valid.1)).unwrap();
        for (oid, critical, content) in &self.extensions {
            let oid = Asn1Object::from_str(oid).unwrap();
            let content = Asn1OctetString::new_from_bytes(content).unwrap();
            builder
                .append_extension(X509Extension::new_from_der(&oid, *critical, &content).unwrap())
                .unwrap();
        }
        // Edwards curves hash by themselves.
        let edwards = [Id::ED25519, Id::ED448].contains(&signer.id());
        builder.sign(signer, if edwards { MessageDigest::null() } else { self.digest }).unwrap();
        Certified { certificate: builder.build(), key: self.key }
    }
}

pub(crate) const DIGITAL_SIGNATURE: u8 = 0x80;
pub(crate) const KEY_ENCIPHERMENT: u8 = 0x20;
pub(crate) const KEY_CERT_SIGN: u8 = 0x04;

pub(crate) const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
pub(crate) const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
pub(crate) const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
pub(crate) const ANY_PURPOSE: &str = "2.5.29.37.0";

/// Certificates as a PEM bundle.
pub(crate) fn pem(certificates: &[&Certified]) -> String {
    let pem = |one: &&Certified| String::from_utf8(one.certificate.to_pem().unwrap()).unwrap();
    certificates.iter().map(pem).collect()
}

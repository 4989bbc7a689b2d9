//! A certificate authority that a person pasted.

use super::{certificate::CertificateInfo, der};
use mycorr_domain::{Code, Problem, Result, Secret};
use openssl::{
    base64::decode_block,
    x509::{
        X509,
        store::{X509Store, X509StoreBuilder},
    },
};

/// One or more CA certificates in PEM (RFC 7468). They replace the public trust store.
#[derive(Clone)]
pub struct CaCertificate {
    pem: Secret,
    certificates: Vec<X509>,
}

/// A bundle of all public authorities is about 200 kB.
const LONGEST: usize = 1 << 20;

impl CaCertificate {
    /// Takes what people have: a byte order mark, CRLF, indented lines, comments and the text that
    /// `openssl x509 -text` prints between the blocks. Refuses a text without a certificate, a block that
    /// cannot be read, and any private key.
    ///
    /// # Errors
    /// `ca_certificate_invalid`, with the number of the block that is broken.
    pub fn parse(pem: &str) -> Result<Self> {
        if pem.len() > LONGEST {
            return Err(
                invalid("It is larger than 1 MiB.").fix("Paste only the certificates of your own CA.")
            );
        }
        let mut certificates = Vec::new();
        let mut lines = pem.trim_start_matches('\u{feff}').lines().map(str::trim);
        while let Some(line) = lines.next() {
            let Some(label) = between(line, "-----BEGIN ") else { continue };
            if label.contains("PRIVATE KEY") {
                return Err(invalid("It contains a private key, which must not leave the server.")
                    .fix("Paste only the CA certificate. If this key is a real one, replace it: it has left its place."));
            }
            let at = certificates.len() + 1;
            let broken = || {
                invalid(&format!("Certificate number {at} in it is broken or incomplete."))
                    .fix("Paste the whole file, from the line BEGIN CERTIFICATE to the line END CERTIFICATE.")
            };
            let mut body = String::new();
            loop {
                match lines.next() {
                    Some(line) if between(line, "-----END ") == Some(label) => break,
                    Some(line) if line.starts_with("-----") => return Err(broken()),
                    Some(line) => body.push_str(line),
                    None => return Err(broken()),
                }
            }
            match label {
                "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
                    let der = decode_block(&body).map_err(|_| broken())?;
                    if label.starts_with("TRUSTED") && !der::trusted_for_servers(&der) {
                        return Err(invalid(&format!(
                            "Certificate number {at} in it is marked as not to be trusted for servers."
                        ))
                        .fix("Leave it out, or take the mark off: openssl x509 -in <file>"));
                    }
                    certificates.push(X509::from_der(&der).map_err(|_| broken())?);
                }
                // Revocation lists, parameters and such do no harm and are not used, as in libpq.
                _ => {}
            }
        }
        if certificates.is_empty() {
            return Err(invalid("There is no certificate in it.").fix(
                "Paste the PEM text of the CA certificate: it begins with -----BEGIN CERTIFICATE-----.",
            ));
        }
        Ok(Self { pem: Secret::new(pem.to_owned()), certificates })
    }

    /// What was pasted, to be sealed.
    pub fn pem(&self) -> &Secret {
        &self.pem
    }

    /// The first certificate, which names the others in a list.
    pub fn summary(&self) -> CertificateInfo {
        CertificateInfo::of(&self.certificates[0])
    }

    pub(super) fn store(&self) -> Result<X509Store, openssl::error::ErrorStack> {
        let mut store = X509StoreBuilder::new()?;
        for certificate in &self.certificates {
            store.add_cert(certificate.clone())?;
        }
        Ok(store.build())
    }
}

fn between<'a>(line: &'a str, begin: &str) -> Option<&'a str> {
    line.strip_prefix(begin)?.strip_suffix("-----")
}

fn invalid(why: &str) -> Problem {
    Problem::new(Code::CaCertificateInvalid, format!("The CA certificate can't be used. {why}"))
        .field("ca_certificate", why.to_owned())
}

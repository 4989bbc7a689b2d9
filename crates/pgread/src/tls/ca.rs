//! A certificate authority that a person pasted.

use super::{certificate::CertificateInfo, der, pem};
use mycorr_domain::{Code, Problem, Result, Secret};
use openssl::x509::{
    X509,
    store::{X509Store, X509StoreBuilder},
};

/// One or more CA certificates in PEM (RFC 7468). They replace the public trust store.
#[derive(Clone)]
pub struct CaCertificate {
    pem: Secret,
    certificates: Vec<X509>,
}

/// A bundle of all public authorities is about 200 kB.
const MAX_CA_BYTES: usize = 1 << 20;

impl CaCertificate {
    /// Takes what people have: comments and the text that `openssl x509 -text` prints between the blocks, lines that
    /// became one, `\n` as two letters, blocks without a line end between them, quotes, Base64 of the whole. Refuses
    /// a text without a certificate, a block that cannot be read, and any private key.
    ///
    /// # Errors
    /// `ca_certificate_invalid`, with the number of the block that is broken.
    pub fn parse(pem: &str) -> Result<Self> {
        if pem.len() > MAX_CA_BYTES {
            return Err(
                invalid("It is larger than 1 MiB.").fix("Paste only the certificates of your own CA.")
            );
        }
        let text = pem::readable(pem);
        if pem::holds_private_key(&text) {
            return Err(invalid("It contains a private key, which must not leave the server.").fix(
                "Paste only the CA certificate. If this key is a real one, replace it: it has left its place.",
            ));
        }
        let mut certificates = Vec::new();
        for block in pem::blocks(&text) {
            let at = certificates.len() + 1;
            let broken = || {
                invalid(&format!("Certificate number {at} in it is broken or incomplete."))
                    .fix("Paste the whole file, from the line BEGIN CERTIFICATE to the line END CERTIFICATE.")
            };
            let der = block.der.ok_or_else(broken)?;
            // The label, and the same after a field that takes no blanks. Revocation lists, parameters and such do no
            // harm and are not used, as in libpq.
            match block.label.as_str() {
                "CERTIFICATE" | "X509 CERTIFICATE" | "X509CERTIFICATE" => {}
                "TRUSTED CERTIFICATE" | "TRUSTEDCERTIFICATE" => {
                    if !der::trusted_for_servers(&der) {
                        return Err(invalid(&format!(
                            "Certificate number {at} in it is marked as not to be trusted for servers."
                        ))
                        .fix("Leave it out, or take the mark off: openssl x509 -in <file>"));
                    }
                }
                _ => continue,
            }
            certificates.push(X509::from_der(&der).map_err(|_| broken())?);
        }
        if certificates.is_empty() {
            return Err(invalid("There is no certificate in it.").fix(
                "Paste the PEM text of the CA certificate: it begins with -----BEGIN CERTIFICATE-----.",
            ));
        }
        // Only the certificates are kept, whatever stood around them.
        let mut kept = String::new();
        for certificate in &certificates {
            let pem = certificate.to_pem().map_err(Problem::bug)?;
            kept.push_str(&String::from_utf8_lossy(&pem));
        }
        Ok(Self { pem: Secret::new(kept), certificates })
    }

    /// The certificates as PEM, to be sealed.
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

fn invalid(why: &str) -> Problem {
    Problem::new(Code::CaCertificateInvalid, format!("The CA certificate can't be used. {why}"))
        .field("ca_certificate", why.to_owned())
}

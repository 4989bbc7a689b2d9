//! The handshake, and what is kept of it.

use super::{
    ca::CaCertificate,
    certificate::{CertificateFault, CertificateInfo, Rule},
    der, names,
    providers::{ProviderOf, ProviderRoots},
};
use crate::wire::{Failure, ReadAhead};
use openssl::{
    error::ErrorStack,
    hash::MessageDigest,
    nid::Nid,
    ssl::{ErrorCode, Ssl, SslContext, SslContextBuilder, SslMethod, SslRef, SslVerifyMode, SslVersion},
    x509::{X509Ref, X509StoreContextRef},
};
use std::{
    io,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

/// What a server's certificate is held against.
pub(crate) struct Verification {
    ca: Option<CaCertificate>,
    provider: Option<ProviderOf>,
}

/// What was agreed on.
#[derive(Clone, Debug)]
pub(crate) struct Encryption {
    /// E.g. `TLSv1.3`.
    pub(crate) version: &'static str,
    /// By OpenSSL's name, e.g. `TLS_AES_256_GCM_SHA384`.
    pub(crate) cipher: &'static str,
    /// As it was verified: from the server's own certificate up to the one that is trusted.
    pub(crate) chain: Vec<CertificateInfo>,
    /// Whose roots vouch for it, if they are a provider's that Mycorr brings.
    pub(crate) provider: Option<&'static str>,
    /// Channel binding data `tls-server-end-point` (RFC 5929 section 4.1), where the certificate's signature
    /// has a digest.
    pub(crate) end_point: Option<Vec<u8>>,
}

/// The first complaint of OpenSSL's verification.
type Complaint = Arc<Mutex<Option<(Rule, String, Vec<CertificateInfo>)>>>;

impl Verification {
    pub(crate) fn new(host: &str, ca: Option<CaCertificate>, providers: &ProviderRoots) -> Self {
        let provider = if ca.is_none() { providers.of(host) } else { None };
        Self { ca, provider }
    }

    fn context(&self, complaint: &Complaint) -> Result<SslContext, ErrorStack> {
        let mut context = SslContextBuilder::new(SslMethod::tls_client())?;
        context.set_min_proto_version(Some(SslVersion::TLS1_2))?;
        context.set_security_level(2);
        match &self.ca {
            Some(ca) => context.set_cert_store(ca.store()?),
            // The system's, or what SSL_CERT_FILE and SSL_CERT_DIR name.
            None => context.set_default_verify_paths()?,
        }
        for root in self.provider.iter().flat_map(|provider| &provider.roots) {
            context.cert_store_mut().add_cert(root.clone())?;
        }
        let complaint = complaint.clone();
        context.set_verify_callback(SslVerifyMode::PEER, move |valid, chain| {
            if !valid {
                let mut first = complaint.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert_with(|| complain(chain));
            }
            valid
        });
        Ok(context.build())
    }
}

fn complain(chain: &X509StoreContextRef) -> (Rule, String, Vec<CertificateInfo>) {
    let error = chain.error();
    // X509_V_ERR_*, see x509_vfy.h
    let rule = match error.as_raw() {
        9 => Rule::NotYetValid,
        10 => Rule::Expired,
        // Invalid CA, path length, purpose, key usage, critical extension, name constraints, weak keys and digests.
        24 | 25 | 26 | 32 | 34 | 47 | 48 | 66 | 67 | 68 | 79 => Rule::Unsound,
        _ => Rule::Untrusted,
    };
    let seen = chain.chain().into_iter().flatten().map(CertificateInfo::of).collect();
    (rule, error.error_string().to_owned(), seen)
}

/// Encrypts `stream` and verifies that it leads to `host`. Nothing but the handshake is sent before that.
pub(crate) async fn handshake(
    stream: TcpStream,
    host: &str,
    verification: &Verification,
) -> Result<(Pin<Box<SslStream<ReadAhead>>>, Encryption), Failure> {
    let ours = |error: ErrorStack| Failure::Tls(error.to_string());
    let complaint = Complaint::default();
    let context = verification.context(&complaint).map_err(ours)?;
    let mut ssl = Ssl::new(&context).map_err(ours)?;
    if host.parse::<IpAddr>().is_err() {
        // Server name indication is for names only (RFC 6066 section 3).
        ssl.set_hostname(host).map_err(ours)?;
    }
    let mut stream = Box::pin(SslStream::new(ssl, ReadAhead::new(stream)).map_err(ours)?);
    let pasted_ca = verification.ca.is_some();
    if let Err(error) = stream.as_mut().connect().await {
        if let Some((rule, reason, chain)) = complaint.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(Failure::Certificate(Box::new(CertificateFault { rule, reason, chain, pasted_ca })));
        }
        return Err(unverified(error));
    }
    let certificate = stream.ssl().peer_certificate();
    let Some(certificate) = certificate else {
        return Err(Failure::Tls("the server showed no certificate".into()));
    };
    if !names::matches(&certificate, host) {
        return Err(Failure::Certificate(Box::new(CertificateFault {
            rule: Rule::WrongHost,
            reason: format!("the certificate is not for {host}"),
            chain: chain(stream.ssl(), &certificate),
            pasted_ca,
        })));
    }
    let chain = chain(stream.ssl(), &certificate);
    let encryption = Encryption {
        version: stream.ssl().version_str(),
        cipher: stream.ssl().current_cipher().map_or("unknown", |cipher| cipher.name()),
        end_point: end_point(&certificate),
        provider: verification.provider.as_ref().and_then(|provider| provider.vouches_for(&chain)),
        chain,
    };
    Ok((stream, encryption))
}

fn chain(ssl: &SslRef, leaf: &X509Ref) -> Vec<CertificateInfo> {
    match ssl.verified_chain() {
        Some(chain) if !chain.is_empty() => chain.iter().map(CertificateInfo::of).collect(),
        _ => vec![CertificateInfo::of(leaf)],
    }
}

/// A handshake that failed before a certificate could be refused.
fn unverified(error: openssl::ssl::Error) -> Failure {
    // SSL_R_UNEXPECTED_EOF_WHILE_READING, see sslerr.h; OpenSSL before 3.0 says SYSCALL without a cause.
    const UNEXPECTED_EOF: i32 = 294;
    let closed = matches!(error.code(), ErrorCode::SYSCALL | ErrorCode::ZERO_RETURN)
        || error
            .ssl_error()
            .is_some_and(|stack| stack.errors().iter().any(|one| one.reason_code() == UNEXPECTED_EOF));
    match error.into_io_error() {
        Ok(error) => Failure::Lost(error),
        Err(_) if closed => Failure::Lost(io::ErrorKind::UnexpectedEof.into()),
        Err(error) => Failure::Tls(error.to_string()),
    }
}

/// The certificate's hash by its signature's digest, SHA-256 instead of MD5 and SHA-1. `None` where there is
/// no such digest (Edwards curves): PostgreSQL can't compute it either.
fn end_point(certificate: &X509Ref) -> Option<Vec<u8>> {
    let algorithm = certificate.signature_algorithm().object().nid();
    let digest = match algorithm.signature_algorithms()?.digest {
        Nid::UNDEF if algorithm == Nid::RSASSAPSS => pss_digest(certificate)?,
        Nid::UNDEF => return None,
        Nid::MD5 | Nid::SHA1 => MessageDigest::sha256(),
        nid => MessageDigest::from_nid(nid)?,
    };
    Some(certificate.digest(digest).ok()?.to_vec())
}

fn pss_digest(certificate: &X509Ref) -> Option<MessageDigest> {
    let der = certificate.to_der().ok()?;
    // 2.16.840.1.101.3.4.2.n
    match der::pss_digest(&der) {
        None => Some(MessageDigest::sha256()),
        Some([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, n]) => match n {
            1 => Some(MessageDigest::sha256()),
            2 => Some(MessageDigest::sha384()),
            3 => Some(MessageDigest::sha512()),
            _ => None,
        },
        Some(_) => None,
    }
}

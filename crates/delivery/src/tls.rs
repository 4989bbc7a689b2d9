//! TLS to a receiver, and what its failure means for a delivery.

use crate::Undelivered;
use mycorr_domain::{Code, Problem};
use mycorr_egress::tls::{self, TlsError};
use std::error::Error;
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

/// `host` is a name, or an address without brackets.
pub(crate) async fn encrypt(stream: TcpStream, host: &str) -> Result<SslStream<TcpStream>, Undelivered> {
    tls::encrypt(stream, host).await.map_err(|error| {
        let problem = match &error {
            TlsError::Setup(error) => return Undelivered::transient(Problem::bug(error)),
            TlsError::Handshake(_) => {
                Problem::new(Code::ConnectionLost, "The host did not agree on an encrypted connection.")
            }
            TlsError::Untrusted(verdict, _) => not_trusted(verdict.as_raw(), verdict.error_string(), host),
        };
        Undelivered::transient(match error.source() {
            Some(cause) => problem.internal(cause),
            None => problem.internal(error),
        })
    })
}

/// `verdict` is one of X509_V_ERR_* (x509_vfy.h), `reason` what OpenSSL says of it.
fn not_trusted(verdict: i32, reason: &str, host: &str) -> Problem {
    match verdict {
        9 => Problem::new(Code::CertificateNotYetValid, "The host's certificate is not yet valid.")
            .fix("Check the clocks of the host and of Mycorr's machine, or renew the certificate."),
        10 => Problem::new(Code::CertificateExpired, "The host's certificate has expired.")
            .fix("Renew the certificate of the host."),
        62..=64 => Problem::new(
            Code::CertificateWrongHost,
            format!("The host's certificate is for another name than {host}."),
        )
        .fix("Use a name that the certificate is for, or give the host a certificate for this one."),
        _ => Problem::new(
            Code::CertificateUntrusted,
            format!("The host's certificate is not trusted: {reason}."),
        )
        .fix(
            "Give the host a certificate of a public authority, or have your operator add its authority to those that Mycorr \
             trusts (SSL_CERT_FILE).",
        ),
    }
}

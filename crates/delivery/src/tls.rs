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
            TlsError::Untrusted(verdict, _) => Problem::new(
                Code::CertificateUntrusted,
                format!("The host's certificate is not trusted: {}.", verdict.error_string()),
            ),
        };
        Undelivered::transient(match error.source() {
            Some(cause) => problem.internal(cause),
            None => problem.internal(error),
        })
    })
}

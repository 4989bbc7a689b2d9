//! TLS as a client, verified against the system's trust store (`SSL_CERT_FILE`, `SSL_CERT_DIR`). Connections to
//! PostgreSQL have rules of their own, in `pgread`.

use openssl::{
    error::ErrorStack,
    ssl::{self, SslConnector, SslMethod, SslVersion},
    x509::X509VerifyResult,
};
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_openssl::SslStream;

/// Why a connection could not be encrypted.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("TLS can't be set up")]
    Setup(#[from] ErrorStack),
    #[error("the certificate is not trusted: {}", .0.error_string())]
    Untrusted(X509VerifyResult, #[source] ssl::Error),
    #[error("the host did not agree on an encrypted connection")]
    Handshake(#[source] ssl::Error),
}

/// `host` is a name, or an address without brackets: what the certificate has to be for.
///
/// # Errors
/// When the host does not speak TLS 1.2 or newer, or its certificate is not trusted.
pub async fn encrypt<S>(stream: S, host: &str) -> Result<SslStream<S>, TlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut connector = SslConnector::builder(SslMethod::tls_client())?;
    connector.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    let ssl = connector.build().configure()?.into_ssl(host)?;
    let mut stream = SslStream::new(ssl, stream)?;
    match Pin::new(&mut stream).connect().await {
        Ok(()) => Ok(stream),
        Err(error) => Err(match stream.ssl().verify_result() {
            X509VerifyResult::OK => TlsError::Handshake(error),
            verdict => TlsError::Untrusted(verdict, error),
        }),
    }
}

//! TLS as a client, verified against the system's trust store (`SSL_CERT_FILE`, `SSL_CERT_DIR`).

use crate::Undelivered;
use mycorr_domain::{Code, Problem};
use openssl::{
    error::ErrorStack,
    ssl::{SslConnector, SslMethod, SslVersion},
    x509::X509VerifyResult,
};
use std::pin::Pin;
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

/// `host` is a name, or an address without brackets.
pub(crate) async fn encrypt(stream: TcpStream, host: &str) -> Result<SslStream<TcpStream>, Undelivered> {
    let bug = |error: ErrorStack| Undelivered::transient(Problem::bug(error));
    let mut connector = SslConnector::builder(SslMethod::tls_client()).map_err(bug)?;
    connector.set_min_proto_version(Some(SslVersion::TLS1_2)).map_err(bug)?;
    let ssl = connector.build().configure().and_then(|config| config.into_ssl(host)).map_err(bug)?;
    let mut stream = SslStream::new(ssl, stream).map_err(bug)?;
    match Pin::new(&mut stream).connect().await {
        Ok(()) => Ok(stream),
        Err(error) => {
            let verdict = stream.ssl().verify_result();
            let problem = if verdict == X509VerifyResult::OK {
                Problem::new(Code::ConnectionLost, "The host did not agree on an encrypted connection.")
            } else {
                let why = verdict.error_string();
                Problem::new(
                    Code::CertificateUntrusted,
                    format!("The host's certificate is not trusted: {why}."),
                )
            };
            Err(Undelivered::transient(problem.internal(error)))
        }
    }
}

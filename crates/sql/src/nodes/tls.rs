//! Nodes of one installation know one another by its master key: each derives the same Ed25519 key from it and shows
//! that as a raw public key (RFC 7250) in TLS 1.3, both ways. Who has not got the keyring can neither take part nor
//! listen, and there is no certificate to make or to renew.

use pgwire::tokio::tokio_rustls::rustls::{
    self, CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme,
    client::{
        AlwaysResolvesClientRawPublicKeys,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls13_signature_with_raw_key},
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime},
    server::{
        AlwaysResolvesServerRawPublicKeys,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::{CertifiedKey, SigningKey},
    version::TLS13,
};
use std::{io, sync::Arc};

/// HTTP/2, which alone is spoken.
const ALPN: &[u8] = b"h2";
/// An Ed25519 private key in PKCS #8 (RFC 8410, section 7) up to its 32 bytes.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// 32 bytes that only nodes of this installation know, one for each key of the keyring: during a rotation a node may
/// still show the old one.
pub struct Secrets {
    /// The one to show: of the key that all nodes have.
    pub own: [u8; 32],
    /// All that are accepted.
    pub known: Vec<[u8; 32]>,
}

/// Both sides of a connection between nodes.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) server: Arc<ServerConfig>,
    pub(super) client: Arc<ClientConfig>,
}

impl Tls {
    pub(super) fn new(secrets: &Secrets) -> io::Result<Self> {
        Self::configure(secrets).map_err(io::Error::other)
    }

    fn configure(secrets: &Secrets) -> Result<Self, Error> {
        let provider = Arc::new(ring::default_provider());
        let (own, public) = key(&secrets.own)?;
        let own = Arc::new(CertifiedKey::new(vec![public], own));
        let known = secrets.known.iter().map(|secret| Ok(key(secret)?.1));
        let known =
            Arc::new(Known { keys: known.collect::<Result<_, Error>>()?, provider: provider.clone() });
        let mut server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(known.clone())
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(own.clone())));
        server.alpn_protocols = vec![ALPN.to_vec()];
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(known)
            .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(own)));
        client.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Self { server: Arc::new(server), client: Arc::new(client) })
    }
}

/// The key of these bytes, and its public part as it is shown.
fn key(secret: &[u8; 32]) -> Result<(Arc<dyn SigningKey>, CertificateDer<'static>), Error> {
    let pkcs8 = PrivatePkcs8KeyDer::from([&PKCS8_PREFIX[..], secret].concat());
    let key = ring::sign::any_eddsa_type(&pkcs8)?;
    let public = key.public_key().ok_or(Error::General("a key without a public part".to_owned()))?;
    let public = CertificateDer::from(public.as_ref().to_vec());
    Ok((key, public))
}

/// Accepts the keys of this installation alone.
#[derive(Debug)]
struct Known {
    keys: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl Known {
    fn check(&self, shown: &CertificateDer<'_>) -> Result<(), Error> {
        // Public keys: that it is known is no secret, and the handshake's signature is still to come.
        if self.keys.iter().any(|key| key == shown) {
            return Ok(());
        }
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(shown.as_ref());
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &key, signature, algorithms)
    }
}

fn only_tls13() -> Error {
    Error::PeerIncompatible(rustls::PeerIncompatible::Tls13RequiredForQuic)
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(only_tls13())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Known {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(only_tls13())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pgwire::tokio::{TlsAcceptor, tokio_rustls::TlsConnector};

    /// Whether the client's first bytes arrive.
    async fn meet(server: &Secrets, client: &Secrets) -> bool {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (one, other) = tokio::io::duplex(1 << 14);
        let (server, client) = (Tls::new(server).unwrap().server, Tls::new(client).unwrap().client);
        let name = ServerName::try_from("node.invalid").unwrap();
        let serving = async {
            let mut stream = TlsAcceptor::from(server).accept(one).await?;
            stream.read_u8().await
        };
        let asking = async {
            let mut stream = TlsConnector::from(client).connect(name, other).await?;
            stream.write_u8(7).await?;
            stream.flush().await?;
            io::Result::Ok(stream)
        };
        let (served, asked) = tokio::join!(serving, asking);
        served.is_ok() && asked.is_ok()
    }

    #[tokio::test]
    async fn nodes_of_one_installation_meet_and_no_others() {
        let (old, new, other) = ([1; 32], [2; 32], [3; 32]);
        let of = |own, known: &[[u8; 32]]| Secrets { own, known: known.to_vec() };
        assert!(meet(&of(old, &[old]), &of(old, &[old])).await);
        // In the middle of a rotation.
        assert!(meet(&of(old, &[old, new]), &of(new, &[old, new])).await);
        assert!(!meet(&of(old, &[old]), &of(other, &[old, other])).await);
        assert!(!meet(&of(other, &[other, old]), &of(old, &[old])).await);
    }
}

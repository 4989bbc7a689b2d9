//! A server that shows any certificate, and says whether a client went on after it had seen it.

use openssl::{
    pkey::{PKey, Private},
    ssl::{NameType, Ssl, SslContext, SslContextBuilder, SslMethod, SslVerifyMode, SslVersion},
    x509::X509,
};
use std::{
    pin::Pin,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_openssl::SslStream;

/// The SQLSTATE of the error with which the server answers the StartupMessage.
pub(crate) const REACHED: &str = "XX042";

/// What a server shows.
#[derive(Clone)]
pub(crate) struct Shown {
    /// Its own certificate first.
    pub(crate) chain: Vec<X509>,
    pub(crate) key: PKey<Private>,
    pub(crate) versions: (SslVersion, SslVersion),
    pub(crate) asks_for_certificate: bool,
}

/// What a connection came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The name that the client asked for (SNI).
    pub(crate) name: Option<String>,
    /// Whether it sent its StartupMessage: then it took the certificate.
    pub(crate) went_on: bool,
}

/// Runs until it is dropped, one connection after the other.
pub(crate) struct TlsServer {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Shown {
    /// At security level 0, where nothing is too weak.
    pub(crate) fn context(&self) -> SslContext {
        let mut context = SslContextBuilder::new(SslMethod::tls_server()).unwrap();
        context.set_security_level(0);
        context.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
        context.set_min_proto_version(Some(self.versions.0)).unwrap();
        context.set_max_proto_version(Some(self.versions.1)).unwrap();
        context.set_certificate(&self.chain[0]).unwrap();
        context.set_private_key(&self.key).unwrap();
        for certificate in &self.chain[1..] {
            context.add_extra_chain_cert(certificate.clone()).unwrap();
        }
        if self.asks_for_certificate {
            context.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
        }
        context.build()
    }
}

impl TlsServer {
    /// Listens on a free port of `address`.
    pub(crate) async fn start(address: &str, shown: &Shown) -> Self {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let (context, entries) = (shown.context(), seen.clone());
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let at = entries.lock().unwrap().len();
                entries.lock().unwrap().push(Seen::default());
                // The client may leave at any point.
                let _ = serve(stream, &context, |change| change(&mut entries.lock().unwrap()[at])).await;
            }
        });
        Self { port, seen, task }
    }

    /// What happened so far, by connection.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    stream: TcpStream,
    context: &SslContext,
    note: impl Fn(&dyn Fn(&mut Seen)),
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut stream = encrypted(stream, context).await?;
    note(&|seen| seen.name = stream.ssl().servername(NameType::HOST_NAME).map(str::to_owned));
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    let mut message = vec![0; u32::from_be_bytes(length) as usize - 4];
    stream.read_exact(&mut message).await?;
    note(&|seen| seen.went_on = true);
    let body = format!("SFATAL\0VFATAL\0C{REACHED}\0Mthe certificate was taken\0\0");
    stream.write_all(&[b"E", &(body.len() as u32 + 4).to_be_bytes()[..], body.as_bytes()].concat()).await?;
    stream.shutdown().await?;
    Ok(())
}

/// Takes SSLRequest, answers 'S' and shakes hands.
pub(crate) async fn encrypted(
    mut stream: TcpStream,
    context: &SslContext,
) -> Result<Pin<Box<SslStream<TcpStream>>>, Box<dyn std::error::Error + Send + Sync>> {
    stream.read_exact(&mut [0; 8]).await?;
    stream.write_all(b"S").await?;
    let mut stream = Box::pin(SslStream::new(Ssl::new(context)?, stream)?);
    if let Err(error) = stream.as_mut().accept().await {
        return Err(error.into());
    }
    Ok(stream)
}

//! An HTTP server that keeps what it is sent, as the receiver of webhooks.

use crate::Certified;
use openssl::{
    pkey::PKey,
    ssl::{Ssl, SslAcceptor, SslMethod},
    x509::X509,
};
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_openssl::SslStream;

/// One request.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    /// E.g. `POST /hook HTTP/1.1`.
    pub line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl ReceivedRequest {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

/// Listens on a free port of 127.0.0.1 for as long as the test's runtime lives. Answers with 204 unless told otherwise.
#[derive(Clone)]
pub struct HttpReceiver {
    port: u16,
    requests: Arc<Mutex<Vec<ReceivedRequest>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
    encrypted: bool,
}

impl HttpReceiver {
    pub async fn start() -> Self {
        Self::begin(None).await
    }

    /// One that speaks TLS and nothing else, with this certificate.
    pub async fn start_tls(certified: &Certified) -> Self {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        let certificates = X509::stack_from_pem(certified.certificate.as_bytes()).unwrap();
        let (first, others) = certificates.split_first().unwrap();
        acceptor.set_certificate(first).unwrap();
        for other in others {
            acceptor.add_extra_chain_cert(other.clone()).unwrap();
        }
        acceptor.set_private_key(&PKey::private_key_from_pem(certified.key.as_bytes()).unwrap()).unwrap();
        Self::begin(Some(acceptor.build())).await
    }

    async fn begin(acceptor: Option<SslAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let encrypted = acceptor.is_some();
        let this = Self { port, requests: Arc::default(), answers: Arc::default(), encrypted };
        let receiver = this.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let receiver = receiver.clone();
                let ssl = acceptor.as_ref().map(|acceptor| Ssl::new(acceptor.context()).unwrap());
                tokio::spawn(async move {
                    let Some(ssl) = ssl else { return receiver.serve(stream).await };
                    let mut stream = SslStream::new(ssl, stream).unwrap();
                    // Who does not trust the certificate goes away here.
                    Pin::new(&mut stream).accept().await.ok()?;
                    receiver.serve(stream).await
                });
            }
        });
        this
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self, path: &str) -> String {
        let scheme = if self.encrypted { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}{path}", self.port)
    }

    /// The next request is answered so.
    pub fn answer_next(&self, status: u16) {
        self.answers.lock().unwrap().push_back(status);
    }

    /// What was received so far.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.requests.lock().unwrap().clone()
    }

    /// Waits until so many requests were received.
    pub async fn wait_for(&self, count: usize) -> Vec<ReceivedRequest> {
        while self.requests.lock().unwrap().len() < count {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        self.requests()
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
        let mut bytes = Vec::new();
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            // Who was killed in the middle has sent nothing.
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
        let mut lines = text.split("\r\n").map(str::to_owned);
        let line = lines.next().unwrap();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':').map(|(n, v)| (n.to_lowercase(), v.trim().to_owned())))
            .collect();
        let length =
            headers.iter().find(|(name, _)| name == "content-length").map(|(_, v)| v.parse().unwrap());
        let length: usize = length.unwrap_or(0);
        while bytes.len() < head + 4 + length {
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        }
        let body = String::from_utf8(bytes[head + 4..].to_vec()).unwrap();
        self.requests.lock().unwrap().push(ReceivedRequest { line, headers, body });
        let status = self.answers.lock().unwrap().pop_front().unwrap_or(204);
        let answer = format!("HTTP/1.1 {status} Told\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.ok()
    }
}

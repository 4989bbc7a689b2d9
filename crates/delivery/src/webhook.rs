//! Standard Webhooks 1.0 (standardwebhooks.com): one POST, signed with HMAC-SHA256.

use crate::{Undelivered, lost, not_connected, tls, too_slow};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use mycorr_domain::{Problem, Result, Secret};
use mycorr_egress::{DialError, Dialer, Host};
use sha2::Sha256;
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, timeout_at},
};
use url::Url;

/// From the name's resolution to the answer's status: what the specification advises.
const TIMEOUT: Duration = Duration::from_secs(20);
/// For the check of a new address.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Of an answer's head; its body is not read.
const MAX_HEAD_BYTES: usize = 64 << 10;
const MAX_URL_CHARS: usize = 2000;
const SECRET_PREFIX: &str = "whsec_";

/// Where messages are sent: `http` or `https`, a host that a connection may have, no name or password in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookUrl {
    url: Url,
    host: Host,
    port: u16,
}

impl WebhookUrl {
    /// # Errors
    /// `invalid`, for the field `url`.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |message: &str| Problem::invalid("url", message);
        let text = text.trim();
        if text.chars().count() > MAX_URL_CHARS {
            return Err(wrong("At most 2,000 characters."));
        }
        let url =
            Url::parse(text).map_err(|_| wrong("Not a valid URL, like https://example.com/hooks/mycorr."))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("It has to begin with https:// or http://."));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("A name or password can't be in it: messages are signed instead."));
        }
        if url.fragment().is_some() {
            return Err(wrong("A part after # is never sent."));
        }
        let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let host = Host::parse(host).map_err(|error| wrong(&error.to_string()))?;
        let port = url.port_or_known_default().ok_or_else(|| wrong("It has no port."))?;
        Ok(Self { url, host, port })
    }

    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    fn target(&self) -> String {
        match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        }
    }

    fn authority(&self) -> &str {
        &self.url[url::Position::BeforeHost..url::Position::AfterPort]
    }
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub struct WebhookMessage<'a> {
    /// The same at each attempt.
    pub id: &'a str,
    /// Of this attempt, in seconds since 1970.
    pub timestamp: i64,
    /// JSON.
    pub body: &'a str,
}

/// A secret for signatures, as the specification writes it: `whsec_` and 32 bytes in Base64.
pub fn new_signing_secret(random: [u8; 32]) -> Secret {
    Secret::new(format!("{SECRET_PREFIX}{}", BASE64_STANDARD.encode(random)))
}

/// The header `webhook-signature`.
///
/// # Errors
/// `internal` for a secret that is none.
pub fn sign(secret: &Secret, message: WebhookMessage<'_>) -> Result<String> {
    let encoded = secret.expose().trim_start_matches(SECRET_PREFIX);
    let key =
        BASE64_STANDARD.decode(encoded).map_err(|_| Problem::bug("a signing secret that is no Base64"))?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(Problem::bug)?;
    for part in [message.id, ".", &message.timestamp.to_string(), ".", message.body] {
        mac.update(part.as_bytes());
    }
    Ok(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
}

/// Sends messages where a connection may go, and nowhere else.
#[derive(Clone, Debug)]
pub struct WebhookClient {
    dialer: Dialer,
}

impl WebhookClient {
    pub fn new(dialer: Dialer) -> Self {
        Self { dialer }
    }

    /// Whether messages may be sent there. A name that has no address now may have one later.
    ///
    /// # Errors
    /// `private_address`.
    pub async fn check(&self, to: &WebhookUrl) -> Result<()> {
        match self.dialer.resolve(&to.host, to.port, Instant::now() + RESOLVE_TIMEOUT).await {
            Err(error @ DialError::PrivateAddress { .. }) => {
                let problem = not_connected(error).problem;
                let message = problem.detail.clone();
                Err(problem.field("url", message))
            }
            _ => Ok(()),
        }
    }

    /// Sends one message, and returns the status of the answer. A redirect is an answer like others: it is not followed,
    /// since it leads where nobody has looked.
    ///
    /// # Errors
    /// Where no answer came.
    pub async fn send(
        &self,
        to: &WebhookUrl,
        message: WebhookMessage<'_>,
        secret: &Secret,
    ) -> Result<u16, Undelivered> {
        let signature = sign(secret, message).map_err(Undelivered::transient)?;
        let deadline = Instant::now() + TIMEOUT;
        let dialed = self.dialer.dial(&to.host, to.port, deadline).await.map_err(not_connected)?;
        let request = Request::post(to.target())
            .header(header::HOST, to.authority())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("Mycorr/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", message.id)
            .header("webhook-timestamp", message.timestamp)
            .header("webhook-signature", signature)
            .body(Full::new(Bytes::copy_from_slice(message.body.as_bytes())))
            .map_err(|error| Undelivered::transient(Problem::bug(error)))?;
        let exchange = async {
            if to.url.scheme() == "https" {
                exchange(tls::encrypt(dialed.stream, &to.host.to_string()).await?, request).await
            } else {
                exchange(dialed.stream, request).await
            }
        };
        timeout_at(deadline, exchange).await.map_err(|_| too_slow())?
    }
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    request: Request<Full<Bytes>>,
) -> Result<u16, Undelivered> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(lost)?;
    // Ends with the answer, whatever of its body is still to come.
    let connection =
        AbortOnDrop(tokio::spawn(async move { connection.await.map_err(|error| error.to_string()) }));
    let answer = sender.send_request(request).await.map_err(lost)?;
    drop(connection);
    Ok(answer.status().as_u16())
}

struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of the specification's own libraries.
    #[test]
    fn signature_is_what_the_specification_says() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let message = WebhookMessage {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp: 1_614_265_330,
            body: r#"{"test": 2432232314}"#,
        };
        assert_eq!(sign(&secret, message).unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(new_signing_secret([0; 32]).expose().len(), 6 + 44);
    }

    #[test]
    fn urls() {
        let fine = WebhookUrl::parse(" https://hooks.example.com/a/b?c=d ").unwrap();
        assert_eq!(
            (fine.target().as_str(), fine.authority(), fine.port),
            ("/a/b?c=d", "hooks.example.com", 443)
        );
        let six = WebhookUrl::parse("http://[2001:db8::1]:8080").unwrap();
        assert_eq!((six.target().as_str(), six.authority(), six.port), ("/", "[2001:db8::1]:8080", 8080));
        for bad in [
            "",
            "example.com",
            "ftp://example.com",
            "file:///etc/passwd",
            "https://",
            "https://a:b@example.com/",
            "https://u@example.com/",
            "https://example.com/#x",
            "https://exa mple.com/",
            "javascript:alert(1)",
        ] {
            assert_eq!(WebhookUrl::parse(bad).unwrap_err().fields[0].field, "url", "{bad}");
        }
        assert!(WebhookUrl::parse(&format!("https://example.com/{}", "x".repeat(2000))).is_err());
    }
}

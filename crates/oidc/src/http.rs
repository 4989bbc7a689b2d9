//! One request to a provider, through the address guard. No redirect is followed: where a provider answers from is
//! what was checked.

use crate::config::is_permitted;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Uri,
    body::Bytes,
    client::conn::http1,
    header::{HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use mycorr_egress::{Dialer, Host, tls};
use openidconnect::{HttpRequest, HttpResponse};
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, timeout_at},
};
use url::Url;

/// From the name's resolution to the last byte of the answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// What a provider says of itself, its keys, a token: some kilobytes.
const MAX_ANSWER_BYTES: usize = 1 << 20;

#[derive(Clone)]
pub(crate) struct Http {
    dialer: Dialer,
}

/// Why there is no answer, for the operator's log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("the address is neither https:// nor on this machine")]
    Address,
    #[error("the host can't be connected to")]
    Dial(#[from] mycorr_egress::DialError),
    #[error("TLS failed")]
    Tls(#[from] tls::TlsError),
    #[error("HTTP failed")]
    Http(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("no answer in time")]
    Timeout,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Http {
    pub(crate) fn new(dialer: Dialer) -> Self {
        Self { dialer }
    }

    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let deadline = Instant::now() + TIMEOUT;
        timeout_at(deadline, self.exchange(request, deadline)).await.map_err(|_| HttpError::Timeout)?
    }

    async fn exchange(&self, request: HttpRequest, deadline: Instant) -> Result<HttpResponse, HttpError> {
        let url = Url::parse(&request.uri().to_string()).map_err(|_| HttpError::Address)?;
        let name = url.host_str().filter(|_| is_permitted(&url)).ok_or(HttpError::Address)?;
        let host: Host =
            name.parse().map_err(|error| HttpError::Dial(mycorr_egress::DialError::InvalidHost(error)))?;
        let port = url.port_or_known_default().ok_or(HttpError::Address)?;
        let dialed = self.dialer.dial(&host, port, deadline).await?;
        let stream: Box<dyn Stream> = match url.scheme() {
            "https" => Box::new(tls::encrypt(dialed.stream, name.trim_matches(['[', ']'])).await?),
            _ => Box::new(dialed.stream),
        };
        let failed = |error: hyper::Error| HttpError::Http(error.into());
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
        let connection = tokio::spawn(connection);
        let answer = async {
            let answer = sender.send_request(on_the_wire(request, &url)?).await.map_err(failed)?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(HttpError::Http)?;
            Ok(HttpResponse::from_parts(head, body.to_bytes().to_vec()))
        };
        let answer = answer.await;
        connection.abort();
        answer
    }
}

/// With the path alone as its target, and the host in a header (RFC 9112, section 3.2.1).
fn on_the_wire(request: HttpRequest, url: &Url) -> Result<hyper::Request<Full<Bytes>>, HttpError> {
    let (mut head, body) = request.into_parts();
    let authority = head.uri.authority().map(|authority| authority.as_str().to_owned());
    let authority = HeaderValue::from_str(&authority.unwrap_or_default()).map_err(|_| HttpError::Address)?;
    head.headers.insert(HOST, authority);
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    head.uri = format!("{}{query}", url.path()).parse::<Uri>().map_err(|_| HttpError::Address)?;
    Ok(hyper::Request::from_parts(head, Full::new(Bytes::from(body))))
}

//! The loop that accepts connections, and HTTP/1.1 on each, with an end to all that a client can draw out.

use crate::{
    body_on_drop::body_on_drop,
    client_address::{self, ClientAddress},
    connections::{BODY_TIMEOUT, Connection, Connections, HEADER_TIMEOUT},
};
use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::Request,
};
use http_body::{Frame, SizeHint};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use std::{
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, Sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service;

/// A request's head is a cookie and a path: all of it fits.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// After an error of `accept` that is not one connection's, e.g. no file descriptors being left.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Serves until `stop` is done, then lets requests that are under way end.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    trusted: Arc<[IpNet]>,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let connections = Connections::default();
    let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                tracing::trace!("connection accepted");
                let address = peer.ip().to_canonical();
                let of_proxy = client_address::is_trusted(&trusted, address);
                // Without a place the stream is closed by being dropped.
                if let Some(connection) = connections.admit((!of_proxy).then_some(address)) {
                    tasks.spawn(one(
                        stream,
                        peer,
                        connection,
                        router.clone(),
                        trusted.clone(),
                        stopping.clone(),
                    ));
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(cause = %error, "connections can't be accepted");
                tokio::time::sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
    stopping.cancel();
    tasks.close();
    tasks.wait().await;
    Ok(())
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn one(
    stream: TcpStream,
    peer: SocketAddr,
    connection: Arc<Connection>,
    router: Router,
    trusted: Arc<[IpNet]>,
    stopping: CancellationToken,
) {
    let _ = stream.set_nodelay(true);
    let closed = connection.closed.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (mut router, connection, trusted) = (router.clone(), connection.clone(), trusted.clone());
        async move {
            if request.body().is_end_stream() {
                connection.answering();
            }
            let mut request: Request = request.map(|body| Body::new(Upload::new(body, connection.clone())));
            let client = ClientAddress::of(peer.ip(), request.headers(), &trusted);
            request.extensions_mut().insert(client);
            let answer = router.call(request).await?;
            // Once it is sent the connection waits for its next request.
            Ok::<_, Infallible>(answer.map(|body| body_on_drop(body, move |_| connection.waiting())))
        }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    // A connection that breaks is its client's affair.
    tokio::select! {
        _ = serving.as_mut() => return,
        () = closed.cancelled() => return,
        () = stopping.cancelled() => serving.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        _ = serving => {}
        () = closed.cancelled() => {}
    }
}

/// A request's body, each piece of which has to come in time. At its end the request is whole.
struct Upload {
    body: Incoming,
    connection: Arc<Connection>,
    timeout: Pin<Box<Sleep>>,
}

impl Upload {
    fn new(body: Incoming, connection: Arc<Connection>) -> Self {
        Self { body, connection, timeout: Box::pin(tokio::time::sleep(BODY_TIMEOUT)) }
    }
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            ready!(self.timeout.as_mut().poll(cx));
            return Poll::Ready(Some(Err("the request's body did not come in time".into())));
        };
        self.timeout.as_mut().reset(Instant::now() + BODY_TIMEOUT);
        if frame.is_none() || self.body.is_end_stream() {
            self.connection.answering();
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

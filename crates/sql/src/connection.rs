//! One connection: its messages one after the other, each of a bounded length.

use crate::{
    handlers::{Handlers, session},
    prepared::Prepared,
    session::Session,
};
use futures::StreamExt;
use pgwire::{
    api::{ClientInfo, NoopHandler, PgWireConnectionState, query::ExtendedQueryHandler},
    error::{ErrorInfo, PgWireError},
    messages::{PgWireBackendMessage, PgWireFrontendMessage},
    tokio::{
        TlsAcceptor,
        server::{MaybeTls, PgWireMessageServerCodec, negotiate_tls, process_error, process_message},
    },
};
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at},
};
use tokio_util::codec::{Framed, FramedParts};

/// Until then somebody has signed in.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of one message. A claimed length reserves nothing: what comes is counted.
const MAX_MESSAGE_BYTES: usize = 16 << 20;
/// Before somebody has signed in.
const MAX_SIGN_IN_BYTES: usize = 32 << 10;
/// How often an idle session is looked at: whether its token still stands.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Fails when more has come since the last message than one may have.
struct Bounded {
    stream: MaybeTls,
    left: usize,
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if let Poll::Ready(Ok(())) = &polled {
            let Some(left) = self.left.checked_sub(buffer.filled().len() - before) else {
                return Poll::Ready(Err(io::Error::other("a message is too long")));
            };
            self.left = left;
        }
        polled
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Serves a connection to its end.
pub(crate) async fn serve(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    handlers: Arc<Handlers>,
) -> io::Result<()> {
    let deadline = Instant::now() + SIGN_IN_TIMEOUT;
    let Ok(negotiated) = timeout_at(deadline, negotiate_tls::<Prepared>(stream, tls)).await else {
        return Ok(());
    };
    let Some(socket) = negotiated? else { return Ok(()) };
    let parts = socket.into_parts();
    let bounded = Bounded { stream: parts.io, left: MAX_SIGN_IN_BYTES };
    let mut all = FramedParts::new::<PgWireBackendMessage>(bounded, parts.codec);
    all.read_buf = parts.read_buf;
    all.write_buf = parts.write_buf;
    let mut socket = Framed::from_parts(all);
    let served = messages(&mut socket, deadline, &handlers).await;
    if let Ok(session) = session(&socket) {
        handlers.shared.leave(&session);
    }
    served
}

type Socket = Framed<Bounded, PgWireMessageServerCodec<<Handlers as ExtendedQueryHandler>::Statement>>;

async fn messages(socket: &mut Socket, deadline: Instant, handlers: &Arc<Handlers>) -> io::Result<()> {
    let mut checks = interval(CHECK_INTERVAL);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let signed_in = socket.session_extensions().get::<Session>();
        let message = tokio::select! {
            message = socket.next() => message,
            () = sleep_until(deadline), if signed_in.is_none() => return Ok(()),
            _ = checks.tick(), if signed_in.is_some() => {
                if let Some(session) = signed_in
                    && let Err(failure) = session.check_token().await
                    && failure.is_fatal()
                {
                    return process_error(socket, failure.into(), false).await;
                }
                continue;
            }
        };
        let Some(Ok(message)) = message else { return Ok(()) };
        if matches!(message, PgWireFrontendMessage::Terminate(_)) {
            return Ok(());
        }
        let extended = match socket.state() {
            PgWireConnectionState::CopyInProgress(extended) => extended,
            _ => message.is_extended_query(),
        };
        let signing_in = matches!(
            socket.state(),
            PgWireConnectionState::AwaitingStartup | PgWireConnectionState::AuthenticationInProgress
        );
        let answered = process_message(
            message,
            socket,
            handlers.clone(),
            handlers.clone(),
            handlers.clone(),
            Arc::new(NoopHandler),
            handlers.clone(),
        );
        if let Err(error) = answered.await {
            let mut info: ErrorInfo = error.into();
            if signing_in {
                info.severity = "FATAL".to_owned();
            }
            let fatal = info.is_fatal();
            process_error(socket, PgWireError::UserError(Box::new(info)), extended).await?;
            if fatal {
                return Ok(());
            }
        }
        let signed_in = socket.session_extensions().get::<Session>().is_some();
        socket.get_mut().left = if signed_in { MAX_MESSAGE_BYTES } else { MAX_SIGN_IN_BYTES };
    }
}

//! Bytes in and messages out, each wait with an end.

use super::{
    ahead::ReadAhead,
    failure::{Failure, ServerError},
};
use bytes::{Buf, BytesMut};
use postgres_protocol::message::backend::Message;
use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_openssl::SslStream;
use tokio_util::io::poll_read_buf;

/// How long and how much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WireLimits {
    /// The longest wait for the next byte, and for the kernel to take ours.
    pub(crate) idle: Duration,
    /// When everything must be over, if there is such a moment.
    pub(crate) deadline: Option<Instant>,
    /// The longest message other than a DataRow, in bytes.
    pub(crate) message: usize,
    /// Room for one read: a few messages of log-in, or half a megabyte of rows.
    pub(crate) room: usize,
}

enum Transport {
    Plain(TcpStream),
    Tls(Pin<Box<SslStream<ReadAhead>>>),
}

impl Transport {
    /// As much as there is and as has room in `input`; waits for the first byte. 0 at the end of the stream.
    async fn read(&mut self, input: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => poll_fn(|context| poll_read_buf(Pin::new(stream), context, input)).await,
            Self::Tls(stream) => poll_fn(|context| poll_records(stream.as_mut(), context, input)).await,
        }
    }

    /// When the task is woken that waits in `read`. A socket that doesn't know how wakes it for every byte.
    fn wake_at(&self, bytes: usize) {
        let socket = match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().socket(),
        };
        let _ = mycorr_egress::wake_at(socket, bytes);
    }
}

/// OpenSSL hands out one record at a time; PostgreSQL makes them of 8 kB.
fn poll_records(
    mut stream: Pin<&mut SslStream<ReadAhead>>,
    context: &mut Context<'_>,
    input: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    let before = input.len();
    while input.len() < input.capacity() {
        match poll_read_buf(stream.as_mut(), context, input) {
            Poll::Ready(Ok(1..)) => {}
            // What came before an end is taken first: the end comes again.
            _ if input.len() > before => break,
            other => return other,
        }
    }
    Poll::Ready(Ok(input.len() - before))
}

/// One connection to a server.
pub(crate) struct Wire {
    transport: Transport,
    input: BytesMut,
    pub(crate) output: BytesMut,
    pub(crate) limits: WireLimits,
    /// Bytes received, for the ledger and for progress; others may look at it while somebody reads.
    received: Arc<AtomicU64>,
    /// Many bytes are expected: they are read in pieces of [`READ_CHUNK_BYTES`].
    bulk: bool,
}

/// A reader of rows is woken when so much has arrived …
const READ_CHUNK_BYTES: usize = 512 << 10;
/// … or after so long, since less may be all that comes.
const FLUSH_INTERVAL: Duration = Duration::from_millis(5);

/// PostgreSQL makes no message larger (`MaxAllocSize`).
pub(crate) const MAX_MESSAGE_BYTES: usize = 1 << 30;

/// Messages that are passed over before one that counts: notices are switched off, and parameters are few.
const MAX_SET_ASIDE: usize = 10_000;

impl Wire {
    pub(crate) fn plain(stream: TcpStream, limits: WireLimits) -> Self {
        Self::new(Transport::Plain(stream), limits)
    }

    pub(crate) fn tls(stream: Pin<Box<SslStream<ReadAhead>>>, limits: WireLimits) -> Self {
        Self::new(Transport::Tls(stream), limits)
    }

    fn new(transport: Transport, limits: WireLimits) -> Self {
        Self {
            transport,
            input: BytesMut::new(),
            output: BytesMut::new(),
            limits,
            received: Arc::default(),
            bulk: false,
        }
    }

    pub(crate) fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    pub(crate) fn received_counter(&self) -> Arc<AtomicU64> {
        self.received.clone()
    }

    /// What arrived and was not taken yet.
    pub(crate) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Sends what was put into `output`.
    pub(crate) async fn flush(&mut self) -> Result<(), Failure> {
        let until = self.until();
        let sent = async {
            match &mut self.transport {
                Transport::Plain(stream) => stream.write_all(&self.output).await,
                Transport::Tls(stream) => {
                    stream.write_all(&self.output).await?;
                    stream.flush().await
                }
            }
        };
        let sent = timeout_at(until, sent).await;
        // A password may have been in it.
        self.output.fill(0);
        self.output.clear();
        sent.map_err(|_| Failure::TimedOut)?.map_err(Failure::from)
    }

    /// Waits for more input, at least `wanted` bytes of room. The end of the stream is a failure.
    pub(crate) async fn fill(&mut self, wanted: usize) -> Result<(), Failure> {
        let until = self.until();
        // A timer does not fire on a stream that always has something to read.
        if self.limits.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(Failure::TimedOut);
        }
        self.input.reserve(wanted.max(self.limits.room));
        let Self { transport, input, bulk, .. } = self;
        let mut read = match bulk {
            true => timeout_at(until.min(Instant::now() + FLUSH_INTERVAL), transport.read(input)).await,
            false => timeout_at(until, transport.read(input)).await,
        };
        if read.is_err() && *bulk && Instant::now() < until {
            // What is there, be it little; and if nothing is, the next that comes.
            transport.wake_at(1);
            read = timeout_at(until, transport.read(input)).await;
            transport.wake_at(READ_CHUNK_BYTES);
        }
        match read {
            Err(_) => Err(Failure::TimedOut),
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok(0)) => Err(Failure::Lost(io::ErrorKind::UnexpectedEof.into())),
            Ok(Ok(n)) => {
                self.received.fetch_add(n as u64, Relaxed);
                Ok(())
            }
        }
    }

    /// From here on many bytes are expected.
    pub(crate) fn expect_many(&mut self) {
        self.bulk = true;
        self.transport.wake_at(READ_CHUNK_BYTES);
        if let Transport::Tls(stream) = &mut self.transport {
            stream.get_mut().room = READ_CHUNK_BYTES;
        }
    }

    fn until(&self) -> Instant {
        let idle = Instant::now() + self.limits.idle;
        self.limits.deadline.map_or(idle, |deadline| deadline.min(idle))
    }

    /// The header of the next message if it is there: its tag, and its length with tag and length field.
    /// Refuses lengths that no honest message has, before a byte of room is made for them.
    pub(crate) fn peek(&self, longest: usize) -> Result<Option<(u8, usize)>, Failure> {
        let [tag, a, b, c, d, ..] = self.input[..] else { return Ok(None) };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length < 4 || length > longest {
            return Err(Failure::Protocol(format!("message '{}' of {length} bytes", tag.escape_ascii())));
        }
        Ok(Some((tag, length + 1)))
    }

    /// The next message that is about the query: notices, notifications and parameter changes, which a
    /// server may send at any time, are passed over.
    pub(crate) async fn message(&mut self) -> Result<Message, Failure> {
        for _ in 0..MAX_SET_ASIDE {
            match self.any_message().await? {
                Message::NoticeResponse(_)
                | Message::NotificationResponse(_)
                | Message::ParameterStatus(_) => {}
                Message::ErrorResponse(body) => {
                    return Err(Failure::Server(Box::new(ServerError::parse(&body)?)));
                }
                message => return Ok(message),
            }
        }
        Err(Failure::Protocol("endless messages beside the answer".into()))
    }

    pub(crate) async fn any_message(&mut self) -> Result<Message, Failure> {
        loop {
            let missing = match self.peek(self.limits.message)? {
                Some((_, length)) if self.input.len() >= length => {
                    return Message::parse(&mut self.input)?
                        .ok_or_else(|| Failure::Protocol("a message shorter than it says".into()));
                }
                Some((_, length)) => length - self.input.len(),
                None => 5,
            };
            self.fill(missing).await?;
        }
    }

    /// Reads on and drops what comes, until the server has ended what it does: with an error, or ready again.
    pub(crate) async fn drain(&mut self) -> Result<(), Failure> {
        let mut skip = 0;
        loop {
            let there = self.input.len().min(skip);
            self.input.advance(there);
            skip -= there;
            if skip == 0 {
                match self.peek(MAX_MESSAGE_BYTES)? {
                    Some((b'E' | b'Z', _)) => return Ok(()),
                    Some((_, length)) => {
                        skip = length;
                        continue;
                    }
                    None => {}
                }
            }
            self.fill(5).await?;
        }
    }

    /// Forgets `length` bytes of input: a message that was read in place.
    pub(crate) fn take(&mut self, length: usize) {
        self.input.advance(length);
    }

    /// Says goodbye (Terminate) and closes. Failures don't matter any more.
    pub(crate) async fn close(mut self) {
        postgres_protocol::message::frontend::terminate(&mut self.output);
        self.limits.deadline = Some(Instant::now() + Duration::from_secs(1));
        if self.flush().await.is_ok() {
            let shutdown = async {
                match &mut self.transport {
                    Transport::Plain(stream) => stream.shutdown().await,
                    Transport::Tls(stream) => stream.shutdown().await,
                }
            };
            let _ = tokio::time::timeout(Duration::from_secs(1), shutdown).await;
        }
    }
}

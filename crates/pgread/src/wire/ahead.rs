//! A socket under OpenSSL, which would ask it for five bytes and then for the rest of one record at a time.

use bytes::{Buf, BytesMut};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_util::io::poll_read_buf;

/// Reads whatever has arrived, as far as there is room, and hands it out in the pieces that are asked for.
pub(crate) struct ReadAhead {
    stream: TcpStream,
    ahead: BytesMut,
    pub(crate) room: usize,
}

impl ReadAhead {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, ahead: BytesMut::new(), room: 16 << 10 }
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        &self.stream
    }
}

impl AsyncRead for ReadAhead {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, ahead, room } = self.get_mut();
        if ahead.is_empty() {
            ahead.reserve(*room);
            ready!(poll_read_buf(Pin::new(stream), context, ahead))?;
        }
        let taken = ahead.len().min(out.remaining());
        out.put_slice(&ahead[..taken]);
        ahead.advance(taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ReadAhead {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

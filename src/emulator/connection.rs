//! Connections that can be cut at a chosen byte of a reply, as a broken network would.
//!
//! The HTTP server above has no way to break off, so its sockets are wrapped here. Once a cut is
//! ordered, that many more bytes go out, then the socket fails and is closed.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

const UNLIMITED: u64 = u64::MAX;

/// A hold on one client's connection.
#[derive(Debug, Clone)]
pub(super) struct Connection(Arc<Cut>);

#[derive(Debug)]
struct Cut {
    allowance: AtomicU64,
    over: AtomicBool,
}

impl Connection {
    fn new() -> Self {
        Self(Arc::new(Cut {
            allowance: AtomicU64::new(UNLIMITED),
            over: AtomicBool::new(false),
        }))
    }

    /// Lets `bytes` more bytes of the reply out (its head counted), then breaks the connection.
    pub(super) fn cut_after(&self, bytes: u64) {
        self.0.allowance.store(bytes, Ordering::Relaxed);
    }

    fn allowance(&self) -> u64 {
        self.0.allowance.load(Ordering::Relaxed)
    }

    fn is_limited(&self) -> bool {
        self.allowance() != UNLIMITED
    }
}

/// Accepts connections that can be cut.
#[derive(Debug)]
pub(super) struct CuttableListener(TcpListener);

impl CuttableListener {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self(listener)
    }
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        // The trait's own implementation for a TCP listener waits out what can go wrong here.
        let (stream, address) = Listener::accept(&mut self.0).await;
        let _delayed = stream.set_nodelay(true);
        let connection = Connection::new();
        (CuttableStream { stream, connection }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.io().connection.clone()
    }
}

/// A socket that obeys its [`Connection`].
#[derive(Debug)]
pub(super) struct CuttableStream {
    stream: TcpStream,
    connection: Connection,
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "cut by an emulated fault")
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.connection.0.over.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let allowance = self.connection.allowance();
        if allowance == 0 {
            self.connection.0.over.store(true, Ordering::Relaxed);
            return Poll::Ready(Err(cut()));
        }
        let count = usize::try_from(allowance).map_or(bytes.len(), |most| most.min(bytes.len()));
        let part = bytes.get(..count).unwrap_or(bytes);
        let written = std::task::ready!(Pin::new(&mut self.stream).poll_write(context, part))?;
        if self.connection.is_limited() {
            self.connection
                .cut_after(allowance.saturating_sub(written as u64));
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A reply shorter than the cut went out whole: the connection ends after it, so that the
        // cut does not hit the next reply instead.
        if self.connection.is_limited() {
            self.connection.0.over.store(true, Ordering::Relaxed);
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

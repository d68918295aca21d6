//! Request bodies that know their exact length, and how far they got.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;

use crate::port::transport::{Body, Pieces, SourceFailed};

/// A held body is handed over in pieces of this size, so that its progress can be seen.
const PIECE_BYTES: usize = 256 * 1024;

/// How far an exchange got, shared with the body that the client owns.
#[derive(Debug)]
pub(super) struct Progress {
    began: Instant,
    sent: AtomicU64,
    moved_ms: AtomicU64,
    received: AtomicU64,
    source_failed: AtomicBool,
}

impl Progress {
    /// Nothing moved yet.
    pub(super) fn begin() -> Self {
        Self {
            began: Instant::now(),
            sent: AtomicU64::new(0),
            moved_ms: AtomicU64::new(0),
            received: AtomicU64::new(0),
            source_failed: AtomicBool::new(false),
        }
    }

    fn send(&self, count: u64) {
        self.sent.fetch_add(count, Ordering::Relaxed);
        let moved_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved_ms.store(moved_ms, Ordering::Relaxed);
    }

    /// From the beginning to the last body byte that was handed to the connection.
    pub(super) fn moved_for(&self) -> Duration {
        Duration::from_millis(self.moved_ms.load(Ordering::Relaxed))
    }

    /// Body bytes handed to the connection.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Bytes moved in either direction.
    pub(super) fn moved(&self) -> u64 {
        self.sent() + self.received.load(Ordering::Relaxed)
    }

    /// Reply bytes arrived.
    pub(super) fn receive(&self, count: usize) {
        self.received.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Whether the body's source gave up.
    pub(super) fn source_failed(&self) -> bool {
        self.source_failed.load(Ordering::Relaxed)
    }
}

/// A body on its way.
pub(super) struct TrackedBody {
    source: Source,
    remaining: u64,
    progress: Arc<Progress>,
}

enum Source {
    Held(Bytes),
    Streamed(Pieces),
}

impl TrackedBody {
    /// A body of `len` bytes, exactly.
    pub(super) fn new(body: Body, progress: Arc<Progress>) -> Self {
        let (source, remaining) = match body {
            Body::Empty => (Source::Held(Bytes::new()), 0),
            Body::Held(bytes) => {
                let len = bytes.len() as u64;
                (Source::Held(bytes), len)
            }
            Body::Streamed { len, pieces } => (Source::Streamed(pieces), len),
        };
        Self {
            source,
            remaining,
            progress,
        }
    }

    /// Bytes that are still to come.
    pub(super) fn len(&self) -> u64 {
        self.remaining
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Result<Bytes, SourceFailed>> {
        let pieces = match &mut self.source {
            Source::Held(bytes) => {
                return Poll::Ready(Ok(bytes.split_to(bytes.len().min(PIECE_BYTES))));
            }
            Source::Streamed(pieces) => pieces,
        };
        loop {
            return match std::task::ready!(pieces.poll_recv(context)) {
                Some(Ok(piece)) if piece.is_empty() => continue,
                // More than was declared would be cut by the server and stored so.
                Some(Ok(piece)) if piece.len() as u64 > self.remaining => {
                    Poll::Ready(Err(SourceFailed))
                }
                Some(result) => Poll::Ready(result),
                None => Poll::Ready(Err(SourceFailed)),
            };
        }
    }
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = SourceFailed;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, SourceFailed>>> {
        let body = self.get_mut();
        if body.remaining == 0 {
            return Poll::Ready(None);
        }
        match std::task::ready!(body.poll_piece(context)) {
            Ok(piece) => {
                let count = piece.len() as u64;
                body.remaining -= count;
                body.progress.send(count);
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Err(failed) => {
                body.progress.source_failed.store(true, Ordering::Relaxed);
                Poll::Ready(Some(Err(failed)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

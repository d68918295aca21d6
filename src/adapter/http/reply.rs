//! Replies, read piece by piece under the bounds of their request.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use reqwest::header::CONTENT_ENCODING;
use tokio::sync::mpsc;

use super::body::Progress;
use super::failure::{classify, fault};
use super::{HttpLimits, stall};
use crate::port::transport::{Reply, ReplyPieces, StreamedReply, TransportFault, TransportKind};

/// Pieces of a streamed reply that wait for whoever reads them; then the network waits.
const PIECES_WAITING: usize = 2;

/// A reply whose head has come.
pub(super) struct Incoming {
    response: reqwest::Response,
    bytes_max: usize,
    read: usize,
    /// The whole body of the request, in bytes.
    request_len: u64,
    progress: Arc<Progress>,
}

impl Incoming {
    /// Looks at the head, and refuses what need not be read.
    pub(super) fn accept(
        response: reqwest::Response,
        bytes_max: usize,
        request_len: u64,
        progress: Arc<Progress>,
    ) -> Result<Self, TransportFault> {
        // The head's own size is not told; what matters is that something moved.
        progress.receive(1);
        let is_encoded = response
            .headers()
            .get_all(CONTENT_ENCODING)
            .iter()
            .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
        if is_encoded {
            let message = "the answer is compressed although that was not asked for";
            return Err(fault(TransportKind::Encoded, message, &progress));
        }
        let declared = response.content_length();
        let incoming = Self {
            response,
            bytes_max,
            read: 0,
            request_len,
            progress,
        };
        if declared.is_some_and(|len| len > bytes_max as u64) {
            return Err(incoming.too_large());
        }
        Ok(incoming)
    }

    fn too_large(&self) -> TransportFault {
        let message = format!("the answer is longer than {} bytes", self.bytes_max);
        fault(TransportKind::TooLarge, &message, &self.progress)
    }

    /// The next piece of the body; `None` after the last, when the reply is complete.
    async fn next(&mut self) -> Result<Option<Bytes>, TransportFault> {
        let piece = self.response.chunk().await;
        let Some(piece) = piece.map_err(|error| classify(&error, &self.progress))? else {
            return self.complete().map(|()| None);
        };
        self.progress.receive(piece.len());
        self.read += piece.len();
        if self.read > self.bytes_max {
            return Err(self.too_large());
        }
        Ok(Some(piece))
    }

    /// A server that says "stored" before it has everything cannot have stored it.
    fn complete(&self) -> Result<(), TransportFault> {
        if self.response.status().is_success() && self.progress.sent() < self.request_len {
            let message = "the answer came before the whole body had been sent";
            return Err(fault(TransportKind::Reset, message, &self.progress));
        }
        Ok(())
    }

    fn head(&self) -> (u16, Vec<(String, String)>) {
        let headers = self.response.headers().iter().filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        });
        (self.response.status().as_u16(), headers.collect())
    }

    /// Reads all of it.
    pub(super) async fn whole(mut self) -> Result<Reply, TransportFault> {
        let mut body = BytesMut::new();
        while let Some(piece) = self.next().await? {
            body.extend_from_slice(&piece);
        }
        let (status, headers) = self.head();
        Ok(Reply {
            status,
            headers,
            body: body.freeze(),
        })
    }

    /// Hands it over piece by piece, until whoever reads it goes away.
    pub(super) fn streamed(self, limits: HttpLimits, deadline: Deadline) -> StreamedReply {
        let (status, headers) = self.head();
        let (sender, pieces): (_, ReplyPieces) = mpsc::channel(PIECES_WAITING);
        tokio::spawn(self.pump(sender, limits, deadline));
        StreamedReply {
            status,
            headers,
            pieces,
        }
    }

    async fn pump(
        mut self,
        sender: mpsc::Sender<Result<Bytes, TransportFault>>,
        limits: HttpLimits,
        mut deadline: Deadline,
    ) {
        let progress = Arc::clone(&self.progress);
        // Asked only while the network is waited for: a slow reader is not the server's fault.
        let mut stalled = std::pin::pin!(stall::watch(&progress, &limits));
        loop {
            let next = tokio::select! {
                biased;
                () = sender.closed() => return,
                next = self.next() => next,
                message = &mut stalled => Err(fault(TransportKind::Stalled, message, &progress)),
                () = &mut deadline => Err(late(&progress)),
            };
            let Some(piece) = next.transpose() else {
                return;
            };
            let is_last = piece.is_err();
            let room = tokio::select! {
                biased;
                room = sender.reserve() => room,
                () = &mut deadline, if !is_last => {
                    drop(self);
                    // There may be no room for these words before the reader has read on.
                    let _ = sender.send(Err(late(&progress))).await;
                    return;
                }
            };
            let Ok(room) = room else {
                return;
            };
            room.send(piece);
            if is_last {
                return;
            }
        }
    }
}

/// The end of an exchange's time.
pub(super) type Deadline = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The fault of an exchange whose time is over.
pub(super) fn late(progress: &Progress) -> TransportFault {
    let message = "no complete answer in time";
    fault(TransportKind::Timeout, message, progress)
}

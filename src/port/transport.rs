//! Requests to the clouds. The transport knows no protocol: it sends what it is given, under the limits
//! it is given, and hands back a bounded reply or says how it failed.

use std::time::Duration;

use bytes::Bytes;

use super::BoxFuture;
use crate::model::address::Address;
use crate::model::secret::Secret;

/// Which client sends a request. They share no connection and no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Peer {
    /// The API of an account (and its token endpoint).
    Api,
    /// An object store, reached by a signed link. Never sees an API token.
    UploadHost,
}

/// HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
}

/// One request.
pub struct Request {
    /// Client to use.
    pub peer: Peer,
    /// Method.
    pub method: Method,
    /// The whole address.
    pub url: Address,
    /// Header names and values; values may be secrets.
    pub headers: Vec<(String, Secret)>,
    /// Body.
    pub body: Body,
    /// The longest the whole exchange may take.
    pub deadline: Duration,
    /// The longest reply body that is read, in bytes.
    pub reply_bytes_max: usize,
    /// Upload hosts this request may go to (exact, or `*.suffix`); empty for the API, whose origin is
    /// configured.
    pub allowed_hosts: Vec<String>,
}

/// What is sent.
pub enum Body {
    /// Nothing.
    Empty,
    /// Held in memory.
    Held(Bytes),
    /// Streamed; the request is aborted, and the object thereby never completed, if the source fails.
    Streamed {
        /// Exact length, sent as `Content-Length`.
        len: u64,
        /// Pieces in order.
        pieces: Pieces,
    },
}

/// Pieces of a streamed body; an error aborts the request.
pub type Pieces = tokio::sync::mpsc::Receiver<Result<Bytes, SourceFailed>>;

/// The source of a streamed body gave up; why is kept where the source was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the source of the body failed")]
pub struct SourceFailed;

/// A complete reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// Lower-case names; values that are not text are left out.
    pub headers: Vec<(String, String)>,
    /// Whole body.
    pub body: Bytes,
}

impl Reply {
    /// One header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(have, _)| have.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// How an exchange failed before there was a complete reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct TransportFault {
    /// What kind.
    pub kind: TransportKind,
    /// In words, without any address.
    pub message: String,
    /// How many body bytes had been handed to the connection.
    pub bytes_sent: u64,
    /// From the beginning of the exchange to the last of them.
    pub moved_for: Duration,
}

/// Kinds of [`TransportFault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransportKind {
    /// The name has no address.
    Dns,
    /// No connection.
    Connect,
    /// No trusted connection.
    Tls,
    /// No CA certificates on this machine.
    NoRoots,
    /// The deadline passed.
    Timeout,
    /// Bytes moved slower than the minimum rate.
    Stalled,
    /// The connection ended before the reply was complete.
    Reset,
    /// The reply was longer than allowed.
    TooLarge,
    /// The reply was encoded although we asked for none.
    Encoded,
    /// The address is not one that may be asked.
    Refused,
    /// The body's source failed.
    Source,
}

impl TransportKind {
    /// The fault's code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::NoRoots => "no-roots",
            Self::Timeout => "timeout",
            Self::Stalled => "stalled",
            Self::Reset => "reset",
            Self::TooLarge => "too-large",
            Self::Encoded => "encoded",
            Self::Refused => "refused",
            Self::Source => "source",
        }
    }
}

impl std::fmt::Display for TransportKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A reply whose body comes in pieces, because it may be too large to hold.
#[derive(Debug)]
pub struct StreamedReply {
    /// Status.
    pub status: u16,
    /// Lower-case names; values that are not text are left out.
    pub headers: Vec<(String, String)>,
    /// The body's pieces in order; an error is the last. Dropping it aborts the exchange.
    pub pieces: ReplyPieces,
}

/// Pieces of a reply's body.
pub type ReplyPieces = tokio::sync::mpsc::Receiver<Result<Bytes, TransportFault>>;

/// Sends requests.
pub trait Transport: Send + Sync {
    /// One exchange. Dropping the future aborts it.
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Reply, TransportFault>>;

    /// One exchange whose reply is read piece by piece, under the same deadline and bounds.
    fn open(&self, request: Request) -> BoxFuture<'_, Result<StreamedReply, TransportFault>> {
        Box::pin(async move {
            let reply = self.exchange(request).await?;
            let (sender, pieces) = tokio::sync::mpsc::channel(1);
            // There is room for one, and both ends are here.
            let _ = sender.try_send(Ok(reply.body));
            Ok(StreamedReply {
                status: reply.status,
                headers: reply.headers,
                pieces,
            })
        })
    }
}

//! The transport against a raw socket that misbehaves in every way a network can.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::time::Duration;

use bytes::Bytes;
use syncd::adapter::http::{HttpLimits, HttpSettings, HttpTransport};
use syncd::model::secret::Secret;
use syncd::port::transport::{
    Body, Method, Peer, Request, SourceFailed, TransportFault, TransportKind,
};
use tokio::sync::mpsc;

mod answers;
mod network;
mod sending;
mod server;
mod streams;

pub(crate) fn request(url: &str, body: Body) -> Request {
    Request {
        peer: Peer::UploadHost,
        method: Method::Put,
        url: Secret::new(url).into(),
        headers: vec![("x-cos-security-token".to_owned(), Secret::new("canary"))],
        body,
        deadline: Duration::from_secs(20),
        reply_bytes_max: 4096,
        allowed_hosts: vec!["127.0.0.1".to_owned()],
    }
}

pub(crate) fn transport() -> HttpTransport {
    HttpTransport::new(HttpSettings::default())
}

pub(crate) fn impatient() -> HttpTransport {
    let limits = HttpLimits {
        idle: Duration::from_millis(300),
        ..HttpLimits::default()
    };
    HttpTransport::new(HttpSettings {
        limits,
        ..HttpSettings::default()
    })
}

pub(crate) fn streamed(len: u64, pieces: Vec<Result<Bytes, SourceFailed>>) -> Body {
    let (sender, receiver) = mpsc::channel(pieces.len().max(1));
    for piece in pieces {
        sender.try_send(piece).unwrap();
    }
    Body::Streamed {
        len,
        pieces: receiver,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the channel carries results")]
pub(crate) fn piece(text: &'static str) -> Result<Bytes, SourceFailed> {
    Ok(Bytes::from_static(text.as_bytes()))
}

pub(crate) fn kind<T: std::fmt::Debug>(result: Result<T, TransportFault>) -> TransportKind {
    let fault = result.expect_err("a fault");
    let shown = format!("{fault} {fault:?}");
    assert!(
        !shown.contains("canary") && !shown.contains("://"),
        "{shown}"
    );
    fault.kind
}

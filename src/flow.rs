//! The protocols of the clouds, without any input or output: a flow is told what came of its last step
//! and says what the next one is. The driver owns connections, clocks, tokens and files.
//!
//! Invariant: what is not understood is never success. Tokens never enter a flow, except in `token`.

use std::time::Duration;

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::model::address::Address;
use crate::model::digest::Checksums;
use crate::model::fault::{Call, Fault, Layer};
use crate::model::job::Receipt;
use crate::model::secret::Secret;
use crate::model::time::Timestamp;
use crate::port::transport::{Body, Method, Peer, Reply, Request, TransportFault, TransportKind};

pub mod ccmessaging;
pub mod cloud_storage;
pub mod cos;
mod form;
mod link;
pub mod listing;
mod static_website;
pub mod token;
pub mod upload;
pub mod wire;

/// The longest reply to a control call that is read, in bytes.
pub const CONTROL_REPLY_BYTES_MAX: usize = 1024 * 1024;
/// The longest reply of the object store to a transfer that is read, in bytes.
pub const TRANSFER_REPLY_BYTES_MAX: usize = 64 * 1024;
/// The longest a control call may take.
pub const CONTROL_DEADLINE: Duration = Duration::from_mins(1);
/// The slowest transfer that is not given up, in bytes a second.
pub const RATE_MIN: u64 = 1024;

/// What a flow wants next.
pub enum Step {
    /// A call of the API.
    Call(ApiCall),
    /// The bytes go to a signed link.
    Send(Box<Transfer>),
    /// The cloud has the bytes, checked.
    Finish(Receipt),
    /// The attempt failed.
    Stop(Fault),
}

/// What came of a step.
pub enum Arrival {
    /// A complete reply. To a transfer: one whose body's checksums were known before, or that was
    /// answered before its whole body had been read.
    Reply(Reply),
    /// A complete reply to a transfer, with the checksums of the bytes that were sent.
    Sent(Reply, Checksums),
    /// No complete reply.
    Failed(TransportFault),
}

/// A call of the WeChat API: always a POST of JSON. The driver adds the token to the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiCall {
    /// Which conversation it belongs to.
    pub call: Call,
    /// Path below the account's origin, with the leading `/`.
    pub path: &'static str,
    /// JSON in raw UTF-8.
    pub body: Bytes,
}

/// A transfer of the file's bytes to a signed link.
pub struct Transfer {
    /// Which conversation it is.
    pub call: Call,
    /// Method.
    pub method: Method,
    /// The link, as it came and as it was read. Never stored, never shown.
    pub url: Address,
    /// Header names and values.
    pub headers: Vec<(String, Secret)>,
    /// Bytes of the file.
    pub len: u64,
    /// What goes around the file's bytes.
    pub envelope: Envelope,
    /// How long the link may be used, counted on the monotonic clock from the moment the reply that
    /// brought it arrived. The margin is already taken off.
    pub window: Duration,
    /// What a person should read about the link, without any secret.
    pub warning: Option<String>,
}

/// The bytes of a body before and after those of the file; both empty where the file is the whole body.
#[derive(Default)]
pub struct Envelope {
    /// Before the file. May hold a signature: never shown.
    pub before: Bytes,
    /// After the file. It completes the body, so it is not sent before the file proved to be right.
    pub after: Bytes,
}

/// What a query value may hold as it is.
const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A query value, percent-encoded.
pub fn query_value(text: &str) -> String {
    utf8_percent_encode(text, QUERY_VALUE).to_string()
}

impl ApiCall {
    /// A call with this request as its body.
    ///
    /// # Errors
    /// The request cannot be written as JSON.
    pub fn json(
        call: Call,
        path: &'static str,
        request: &impl serde::Serialize,
    ) -> Result<Self, Fault> {
        let body = serde_json::to_vec(request)
            .map_err(|_| Fault::new(call, Layer::Local, "io", "the request cannot be written"))?;
        Ok(Self {
            call,
            path,
            body: body.into(),
        })
    }

    /// The request: the token travels in the query (protocol notes 0), under the name its kind has.
    pub fn request(&self, base_url: &str, query_name: &str, token: &Secret) -> Request {
        let token = query_value(token.expose());
        Request {
            peer: Peer::Api,
            method: Method::Post,
            url: Secret::new(format!("{base_url}{}?{query_name}={token}", self.path)).into(),
            headers: vec![json_content_type()],
            body: Body::Held(self.body.clone()),
            deadline: CONTROL_DEADLINE,
            reply_bytes_max: CONTROL_REPLY_BYTES_MAX,
            allowed_hosts: Vec::new(),
        }
    }
}

impl Transfer {
    /// Bytes of the whole body.
    pub fn body_len(&self) -> u64 {
        let around = self.envelope.before.len() + self.envelope.after.len();
        self.len.saturating_add(around as u64)
    }

    /// The request with its body. `allowed_hosts` are the account's upload hosts.
    pub fn request(self, body: Body, deadline: Duration, allowed_hosts: &[String]) -> Request {
        Request {
            peer: Peer::UploadHost,
            method: self.method,
            url: self.url,
            headers: self.headers,
            body,
            deadline,
            reply_bytes_max: TRANSFER_REPLY_BYTES_MAX,
            allowed_hosts: allowed_hosts.to_vec(),
        }
    }
}

/// The server's clock, as a reply tells it.
pub fn server_time(reply: &Reply) -> Option<Timestamp> {
    let date = reply.header("date")?;
    let zoned = jiff::fmt::rfc2822::parse(date).ok()?;
    Some(Timestamp(zoned.timestamp().as_millisecond()))
}

/// The longest a transfer of `len` bytes may take when it never falls below [`RATE_MIN`].
pub fn transfer_deadline(len: u64) -> Duration {
    CONTROL_DEADLINE + Duration::from_secs(len / RATE_MIN)
}

fn json_content_type() -> (String, Secret) {
    ("content-type".to_owned(), Secret::new("application/json"))
}

/// The fault of an exchange that brought no complete reply.
pub fn transport_fault(call: Call, failed: &TransportFault) -> Fault {
    match failed.kind {
        TransportKind::Refused => Fault::new(call, Layer::Local, "host-refused", &failed.message),
        // The driver knows better why its source failed; this is what is left without it.
        TransportKind::Source => Fault::new(Call::Source, Layer::Local, "io", &failed.message),
        kind => Fault::new(call, Layer::Transport, kind.as_str(), &failed.message),
    }
}

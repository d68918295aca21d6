//! The JSON that goes beside a received file: what its message said.

use serde::Serialize;

use crate::flow::ccmessaging::message::{Received, Sender};
use crate::model::time::Timestamp;
use crate::store::{Fetched, MessageRow};

#[derive(Serialize)]
struct Sidecar<'a> {
    schema: u32,
    message: &'a str,
    inbox: &'a str,
    sender: &'a Sender,
    media_type: Option<&'a str>,
    sent_at: Option<Timestamp>,
    received_at: Timestamp,
    bytes: u64,
    sha256: String,
}

/// The sidecar's text. Texts of the message are as they came; JSON escapes them.
pub(super) fn text(received: &Received, row: &MessageRow, fetched: &Fetched) -> Vec<u8> {
    let sidecar = Sidecar {
        schema: 1,
        message: &row.identity,
        inbox: &row.inbox,
        sender: &received.sender,
        media_type: received.media_type.as_deref(),
        sent_at: row.sent_at,
        received_at: row.received_at,
        bytes: fetched.size,
        sha256: fetched.digest.to_string(),
    };
    // Plain texts and numbers are always written.
    let mut text = serde_json::to_vec_pretty(&sidecar).unwrap_or_default();
    text.push(b'\n');
    text
}

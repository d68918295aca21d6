//! The answer of `poll`: a page of messages, each kept as it came (desk notes 3.4, D9).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::message::Received;
use super::wire;
use crate::model::fault::{Call, Fault};
use crate::port::transport::Reply;

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(default, rename = "downlinkMessages", borrow)]
    messages: Option<Vec<&'a RawValue>>,
}

/// Reads a page. One message that cannot be understood never loses the others.
///
/// # Errors
/// The status, the result code, `not-json`, or `no-result` where neither a code nor a page is there.
pub fn read_poll(reply: &Reply) -> Result<Vec<Received>, Fault> {
    let answer = wire::read::<wire::Nothing>(Call::Poll, reply)?;
    let text = wire::text(&reply.body);
    let page: Page<'_> = wire::object(Call::Poll, text.as_bytes())?;
    match page.messages.map(|messages| each(&messages)) {
        Some(received) => Ok(received),
        None if answer.said_success => Ok(Vec::new()),
        None => Err(wire::no_result(Call::Poll)),
    }
}

/// The messages of a list.
pub(super) fn each(messages: &[&RawValue]) -> Vec<Received> {
    let raw = messages.iter().map(|message| message.get().as_bytes());
    raw.map(Received::from_raw).collect()
}

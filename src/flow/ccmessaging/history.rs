//! The answer of `queryHistoryChatMessage`: what poll may have lost, and what became of our own
//! messages (desk notes 7). The fields of its elements are not documented.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::message::Received;
use super::poll::each;
use super::upload::ObjectKey;
use super::wire;
use crate::model::digest::{IdentityHasher, Sha256};
use crate::model::fault::{Call, Fault};
use crate::port::transport::Reply;

/// A page of earlier messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// All of them, ours too. The next page begins behind so many; only an empty page, or the same one
    /// again, is the end. A hang-up among them is long past.
    pub messages: Vec<Received>,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(default, rename = "messageList", borrow)]
    messages: Option<Vec<&'a RawValue>>,
}

/// Reads a page.
///
/// # Errors
/// The status, the result code, `not-json`, or `no-result` where neither a code nor a page is there.
pub fn read_history(reply: &Reply) -> Result<History, Fault> {
    let answer = wire::read::<wire::Nothing>(Call::History, reply)?;
    let text = wire::text(&reply.body);
    let page: Page<'_> = wire::object(Call::History, text.as_bytes())?;
    match page.messages.map(|messages| each(&messages)) {
        Some(messages) => Ok(History { messages }),
        None if answer.said_success => Ok(History {
            messages: Vec::new(),
        }),
        None => Err(wire::no_result(Call::History)),
    }
}

impl History {
    /// The messages that others sent.
    pub fn of_others<'a>(&'a self, user_id: &'a str) -> impl Iterator<Item = &'a Received> {
        self.messages
            .iter()
            .filter(move |message| !message.is_from(user_id))
    }

    /// What tells this page from another.
    pub fn digest(&self) -> Sha256 {
        let mut hasher = IdentityHasher::default();
        for message in &self.messages {
            hasher.update(&message.raw);
            hasher.update(b"\n");
        }
        hasher.finish()
    }

    /// Whether a message of our own is among them: by our id for it, under whatever name, or by the key
    /// of its file, which nobody else was told.
    pub fn tells_of(&self, message_id: &str, key: &ObjectKey) -> bool {
        self.messages.iter().any(|message| {
            serde_json::from_slice(&message.raw)
                .is_ok_and(|value: Value| holds(&value, message_id, key))
        })
    }
}

/// Whether any text in a value is the id, or holds the key between commas (desk notes 6.2).
fn holds(value: &Value, message_id: &str, key: &ObjectKey) -> bool {
    match value {
        Value::String(text) => {
            text == message_id || text.split(',').any(|part| part == key.as_str())
        }
        Value::Array(items) => items.iter().any(|item| holds(item, message_id, key)),
        Value::Object(fields) => fields.values().any(|field| holds(field, message_id, key)),
        _ => false,
    }
}

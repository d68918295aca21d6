//! A message that a desk's inbox received, and how far the file it carries has come.

use super::digest::Sha256;
use super::fault::words;
use super::time::Timestamp;

/// A message's row; never used again for another message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct MessageId(pub i64);

impl std::fmt::Display for MessageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Tells it from all others of its inbox: its code, or a hash.
    pub identity: String,
    /// Digest of what it says, the same wherever it was read from; two messages of one identity and
    /// different contents are reported.
    pub content: Sha256,
    /// All of it, as it came.
    pub raw: Vec<u8>,
    /// Whether it carries a file.
    pub carries_file: bool,
    /// When it was sent, as it says.
    pub sent_at: Option<Timestamp>,
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageState {
    /// It carries no file.
    Noted,
    /// Its file is to be fetched.
    Received,
    /// Its file is on the disk under a temporary name.
    Fetched,
    /// Its file was put into the inbox.
    Delivered,
    /// Given up, kept for the person.
    Dead,
    /// A person let go of it.
    Dropped,
}

words!(MessageState {
    Noted => "noted", Received => "received", Fetched => "fetched", Delivered => "delivered",
    Dead => "dead", Dropped => "dropped",
});

/// How far the program is that runs for a delivered file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HookState {
    /// To be run, perhaps again.
    Pending,
    /// It said that it did its work.
    Done,
    /// Given up.
    Failed,
}

words!(HookState { Pending => "pending", Done => "done", Failed => "failed" });

//! The words for inboxes and their messages, and for what an outbox is sending.

use crate::model::digest::Sha256;
use crate::model::message::{HookState, MessageId, MessageState};
use crate::model::path::RelPath;
use crate::model::time::Timestamp;
use crate::port::disk::RootIdentity;
use crate::port::inbox_disk::TempName;

use super::StoredFault;

/// An inbox as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxRow {
    /// Name.
    pub name: String,
    /// A person paused it.
    pub paused: bool,
    /// The directory that its files were last put into.
    pub root: Option<RootIdentity>,
}

/// What writing down the messages of one answer led to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Journaled {
    /// Messages that were not known.
    pub new: u64,
    /// Those of them that carry a file; a known message that was noted without a file and now has one
    /// counts too.
    pub files: u64,
    /// Identities that were known with other contents. The first contents stay, unless only the later
    /// ones carry a file.
    pub differing: Vec<String>,
}

/// A message as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRow {
    /// Row.
    pub id: MessageId,
    /// Inbox.
    pub inbox: String,
    /// Its code, or what stands for it.
    pub identity: String,
    /// How far it has come.
    pub state: MessageState,
    /// When it was sent, as it says.
    pub sent_at: Option<Timestamp>,
    /// When it came.
    pub received_at: Timestamp,
    /// When its file was on the disk.
    pub fetched_at: Option<Timestamp>,
    /// When its file was in the inbox.
    pub delivered_at: Option<Timestamp>,
    /// An attempt is under way since then.
    pub started_at: Option<Timestamp>,
    /// All tries.
    pub tries: u32,
    /// Faults of the file itself.
    pub attempts: u32,
    /// How often in a row the last fault's rule was met.
    pub repeats: u32,
    /// The layer and code that `repeats` counts.
    pub last_code: Option<String>,
    /// How often the process died during an attempt.
    pub crashes: u32,
    /// Not before.
    pub due: Timestamp,
    /// Its file, once that was fetched.
    pub file: Option<ReceivedFile>,
    /// The program that runs for it, where one does.
    pub hook: Option<HookRow>,
    /// The last fault.
    pub fault: Option<StoredFault>,
}

/// A received file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedFile {
    /// Path below the inbox: what it has, or is to have.
    pub path: RelPath,
    /// Identity of the bytes.
    pub digest: Sha256,
    /// Bytes.
    pub size: u64,
}

/// How far the program for a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookRow {
    /// State.
    pub state: HookState,
    /// How often it was started.
    pub tries: u32,
    /// Not before.
    pub due: Option<Timestamp>,
    /// How it last ended, in words.
    pub exit: Option<String>,
}

/// A message with what is needed to go on with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingMessage {
    /// Its row.
    pub row: MessageRow,
    /// The message as it came.
    pub raw: Vec<u8>,
    /// Its fetched file, if that was not given up since.
    pub fetched: Option<Fetched>,
    /// How many names after the wanted one were taken.
    pub renames: u32,
}

/// A file that is on the disk, durably, and has no final name yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its temporary name.
    pub temp: TempName,
    /// What goes beside it.
    pub sidecar: Option<Sidecar>,
    /// The final name it is to have if that is free.
    pub wanted: RelPath,
    /// Identity of the bytes.
    pub digest: Sha256,
    /// Bytes.
    pub size: u64,
}

/// The file that goes beside a received one, before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sidecar {
    /// Its temporary name; it is on the disk too.
    pub temp: TempName,
    /// All of it, for the case that it has to be written again.
    pub text: Vec<u8>,
}

/// What comes after a failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextTry {
    /// Again at `due`; `counts` when it is the file's own fault.
    Retry {
        /// Not before.
        due: Timestamp,
        /// Spends one of the file's attempts.
        counts: bool,
    },
    /// Given up. What was fetched is kept for a retry.
    Dead,
    /// Given up, and it is not known where the fetched file is: a retry fetches it again.
    Lost,
}

/// What comes after the program for a file ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextHook {
    /// Nothing: it did its work.
    Done,
    /// Again, not before then.
    Retry(Timestamp),
    /// Nothing: given up.
    Failed,
}

/// A file whose program is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueHook {
    /// Message.
    pub id: MessageId,
    /// Path below the inbox.
    pub path: RelPath,
    /// How often the program was started for it.
    pub tries: u32,
}

/// Which messages a person means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Messages {
    /// Those of all inboxes.
    All,
    /// All dead ones.
    Dead,
    /// Those of one inbox.
    Inbox(String),
    /// One.
    One(MessageId),
}

/// Which messages are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageFilter {
    /// Only those of this inbox.
    pub inbox: Option<String>,
    /// Only those in this state; without it, all that carry a file.
    pub state: Option<MessageState>,
    /// Only those that came before this one: the last of the page before.
    pub before: Option<MessageId>,
}

/// Counts of one inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InboxCounts {
    /// Files that were put into it.
    pub received: u64,
    /// Files that are to be fetched or put into it.
    pub pending: u64,
    /// Files that were given up.
    pub dead: u64,
    /// Files that a person let go of.
    pub dropped: u64,
    /// Messages without a file.
    pub noted: u64,
    /// When a file was last put into it.
    pub last_received_at: Option<Timestamp>,
}

/// What the attempts of a path of an outbox have got to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// Identity of the bytes that the key stands for.
    pub digest: Sha256,
    /// The server's key of them.
    pub object_key: String,
    /// When the server gave it.
    pub key_at: Timestamp,
    /// The message that carries it.
    pub message_id: String,
    /// How often that message may have been sent.
    pub begun: u32,
    /// When it may have been sent last.
    pub begun_at: Option<Timestamp>,
}

/// What the server said to bytes that were handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewObjectKey {
    /// Identity of the bytes.
    pub digest: Sha256,
    /// The server's key of them.
    pub object_key: String,
    /// The message that is to carry it.
    pub message_id: String,
    /// How often that message may have been sent.
    pub sends: u32,
}

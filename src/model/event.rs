//! What happens while syncd works, for logs, `--json` and the progress bar.

use super::fault::{Call, Fault};
use super::job::ReleaseNumber;
use super::path::RelPath;
use super::time::Timestamp;

/// One thing that happened. Serialises as one JSON object with `type`.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A full scan ended.
    ScanFinished {
        /// Folder.
        folder: String,
        /// Regular files that are not excluded.
        files: u64,
        /// Excluded regular files.
        excluded: u64,
        /// Duration.
        seconds: f64,
    },
    /// How far a running scan is; not part of the JSON stream.
    #[serde(skip)]
    ScanProgress {
        /// Folder.
        folder: String,
        /// Files looked at so far.
        files: u64,
        /// Bytes hashed so far.
        bytes: u64,
    },
    /// A call of a cloud ended, for the counters; not part of the JSON stream.
    #[serde(skip)]
    Answered {
        /// Account.
        account: String,
        /// Which conversation.
        call: Call,
        /// Code of the fault; `ok` where there was none.
        code: String,
    },
    /// More happened in a folder than could be told, so it is looked at as a whole; for the counters, not
    /// part of the JSON stream.
    #[serde(skip)]
    Overflowed {
        /// Folder.
        folder: String,
    },
    /// A release has been planned whole.
    ReleaseStarted {
        /// Folder.
        folder: String,
        /// Number.
        release: ReleaseNumber,
        /// Files in it.
        files: u64,
        /// Bytes in it.
        bytes: u64,
    },
    /// A file was acknowledged and recorded.
    Uploaded {
        /// Folder.
        folder: String,
        /// Path.
        path: RelPath,
        /// Size.
        bytes: u64,
        /// Identity.
        sha256: String,
        /// Duration of the attempt.
        seconds: f64,
        /// Tries it took.
        attempts: u32,
    },
    /// An attempt failed.
    Failed {
        /// Folder.
        folder: String,
        /// Path.
        path: RelPath,
        /// Code of the fault.
        code: String,
        /// What syncd does about it.
        remedy: String,
        /// Which try it was.
        attempt: u32,
        /// When the next try is due, if there is one.
        next_attempt_at: Option<Timestamp>,
        /// The other side's words.
        message: String,
    },
    /// A received file has been put into an inbox.
    Received {
        /// Inbox.
        inbox: String,
        /// Path below the inbox.
        path: RelPath,
        /// Size.
        bytes: u64,
        /// Identity.
        sha256: String,
        /// The message it came with: its code, or what stands for it.
        message: String,
    },
    /// Fetching a received file, or putting it into its inbox, failed.
    ReceiveFailed {
        /// Inbox.
        inbox: String,
        /// The message it came with.
        message: String,
        /// Code of the fault.
        code: String,
        /// What syncd does about it.
        remedy: String,
        /// Which try it was.
        attempt: u32,
        /// When the next try is due, if there is one.
        next_attempt_at: Option<Timestamp>,
        /// The other side's words.
        words: String,
    },
    /// Every job of a release has ended.
    ReleaseFinished {
        /// Folder.
        folder: String,
        /// Number.
        release: ReleaseNumber,
        /// Acknowledged files.
        uploaded: u64,
        /// Files that turned out to need nothing.
        skipped: u64,
        /// Dead files.
        failed: u64,
        /// From planning to the end.
        seconds: f64,
    },
    /// A folder or account changed its state.
    State {
        /// Folder or account.
        name: String,
        /// Before.
        from: String,
        /// After.
        to: String,
        /// In words.
        reason: Option<String>,
    },
    /// Something that a person should read once.
    Notice {
        /// Folder or account it is about, or `syncd`.
        name: String,
        /// What, and how to mend it.
        message: String,
    },
}

/// Takes events. Must not block.
pub trait Observer: Send + Sync {
    /// One event, at a moment of the wall clock.
    fn observe(&self, at: Timestamp, event: &Event);

    /// Events of one moment, in their order; whoever writes them down may do so at once.
    fn observe_all(&self, at: Timestamp, events: &[Event]) {
        for event in events {
            self.observe(at, event);
        }
    }
}

impl Event {
    /// The fault's part of a [`Event::Failed`].
    pub fn failed(folder: &str, path: &RelPath, fault: &Fault, attempt: u32) -> Self {
        Self::Failed {
            folder: folder.to_owned(),
            path: path.clone(),
            code: fault.code.clone(),
            remedy: String::new(),
            attempt,
            next_attempt_at: None,
            message: fault.message.clone(),
        }
    }
}

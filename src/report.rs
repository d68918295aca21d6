//! What syncd says about itself: `status`, `why`, `plan`, the queue, as plain values.
//!
//! A report is made from facts by pure functions, so that the daemon and a command without a daemon say
//! the same words about the same facts. Paths and texts from outside are escaped here once, so nothing
//! that prints a report has to think of it. The JSON forms are fixed: fields are added, never changed.

pub mod build;
pub mod facts;
pub mod gather;
pub mod paint;
pub mod plan;
pub mod received;
pub mod redact;
pub mod text;
pub mod view;
pub mod why;
pub mod why_text;
pub mod words;

use serde::{Deserialize, Serialize};

use crate::store::FileCounts;

/// The version of the JSON forms.
pub const SCHEMA: u32 = 1;

/// `status --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Who says so.
    pub daemon: Daemon,
    /// The worst state of any folder or inbox.
    pub state: State,
    /// Folders, in configuration order.
    pub folders: Vec<Folder>,
    /// Inboxes, in configuration order.
    pub inboxes: Vec<Inbox>,
}

/// The daemon, or its absence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Daemon {
    /// Whether a daemon answered.
    pub running: bool,
    /// Its process.
    pub pid: Option<u32>,
    /// Its version, or this program's where none runs.
    pub version: String,
    /// When it started.
    pub started_at: Option<String>,
    /// When these facts held.
    pub as_of: String,
}

/// How a folder or an inbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All in sync.
    Idle,
    /// Files are sent or wait for their turn.
    Syncing,
    /// The tree is being walked.
    Scanning,
    /// Works, but not as it should.
    Degraded,
    /// A person stopped it.
    Paused,
    /// Quota or outage: goes on by itself.
    Waiting,
    /// Needs a person.
    Blocked,
}

impl State {
    /// All, from the best to the worst.
    pub const ALL: [Self; 7] = [
        Self::Idle,
        Self::Syncing,
        Self::Scanning,
        Self::Degraded,
        Self::Paused,
        Self::Waiting,
        Self::Blocked,
    ];

    /// The word of the JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Syncing => "syncing",
            Self::Scanning => "scanning",
            Self::Degraded => "degraded",
            Self::Paused => "paused",
            Self::Waiting => "waiting",
            Self::Blocked => "blocked",
        }
    }
}

/// One folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Folder {
    /// Name.
    pub name: String,
    /// Flow.
    pub flow: String,
    /// Root.
    pub path: String,
    /// State.
    pub state: State,
    /// Why, where the state needs a word.
    pub reason: Option<String>,
    /// `native`, `poll` or `off`: what is in effect; `null` without a daemon.
    pub watch: Option<String>,
    /// Counts.
    pub files: Files,
    /// Sizes.
    pub bytes: Bytes,
    /// Directories that are left out whole.
    pub excluded_dirs: u64,
    /// Directories and files that cannot be read: what is in them is not in sync, and a person has to see
    /// to it. The first of them are among the problems.
    #[serde(default)]
    pub unreadable: u64,
    /// The release that is being published.
    pub release: Option<Release>,
    /// When a file was last acknowledged.
    pub last_success_at: Option<String>,
    /// When the oldest file that is still to be sent was planned; `null` where none waits.
    #[serde(default)]
    pub waiting_since: Option<String>,
    /// A guess at how long the rest takes.
    pub eta_seconds: Option<u64>,
    /// What is wrong, worst first, at most [`PROBLEMS_MAX`].
    pub problems: Vec<Problem>,
}

/// One inbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inbox {
    /// Name.
    pub name: String,
    /// Its directory.
    pub path: String,
    /// State.
    pub state: State,
    /// Why, where the state needs a word.
    pub reason: Option<String>,
    /// There is a session with the desk; never without a daemon.
    pub connected: bool,
    /// Files that were put into it.
    pub received: u64,
    /// Files that are to be fetched or put into it.
    pub pending: u64,
    /// Files that were given up.
    pub dead: u64,
    /// When the last poll was answered; `null` without a daemon.
    pub last_poll_at: Option<String>,
    /// When a file was last put into it.
    pub last_received_at: Option<String>,
    /// What is wrong, worst first, at most [`PROBLEMS_MAX`].
    pub problems: Vec<Problem>,
}

/// The most problems of one folder or inbox that a report lists.
pub const PROBLEMS_MAX: usize = 50;

/// Counts of a folder; every regular file is in exactly one of them (`total` and `remote_only` apart).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the words are those of crate::store::FileCounts"
)]
pub struct Files {
    pub total: u64,
    pub synced: u64,
    pub queued: u64,
    pub in_flight: u64,
    pub settling: u64,
    pub failed: u64,
    pub dead: u64,
    pub excluded: u64,
    pub remote_only: u64,
}

impl From<FileCounts> for Files {
    fn from(counts: FileCounts) -> Self {
        Self {
            total: counts.total,
            synced: counts.synced,
            queued: counts.queued,
            in_flight: counts.in_flight,
            settling: counts.settling,
            failed: counts.failed,
            dead: counts.dead,
            excluded: counts.excluded,
            remote_only: counts.remote_only,
        }
    }
}

impl Files {
    /// Files that are not in sync yet but will be without a person.
    pub fn open(&self) -> u64 {
        self.queued + self.in_flight + self.settling + self.failed
    }
}

/// Sizes of a folder in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bytes {
    /// All files that are not excluded.
    pub total: u64,
    /// Those that wait or are being sent.
    pub queued: u64,
}

/// A release under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Number.
    pub id: i64,
    /// `publishing`.
    pub state: String,
    /// Files in it.
    pub files: u64,
    /// Files that are done.
    pub done: u64,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The file; `null` where it is about the account or the folder, or a file that has no name yet.
    pub path: Option<String>,
    /// The message that carries the file, in an inbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `waiting`, `dead`, `blocked` or `unreadable`.
    pub state: String,
    /// Code of the fault.
    pub code: String,
    /// What it means.
    pub meaning: String,
    /// What a person does about it.
    pub advice: String,
    /// Tries so far.
    pub attempts: u32,
    /// When the next try is due.
    pub next_attempt_at: Option<String>,
}

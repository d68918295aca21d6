//! What the running engine knows beyond the store: the part of `status` that is not durable.

use crate::model::path::RelPath;
use crate::model::time::Timestamp;
use crate::store::FileCounts;

/// A snapshot of the running engine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Live {
    /// Folders, in configuration order.
    pub folders: Vec<FolderLive>,
    /// Accounts.
    pub accounts: Vec<AccountLive>,
    /// Inboxes, in configuration order.
    pub inboxes: Vec<InboxLive>,
}

/// How an inbox is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InboxState {
    /// Polling; nothing to fetch.
    #[default]
    Idle,
    /// Fetching or delivering.
    Syncing,
    /// Outage, quota, working hours: goes on by itself, `reason` says when.
    Waiting,
    /// Works, but not as configured: `reason` says how.
    Degraded,
    /// A person paused it.
    Paused,
    /// Needs a person: `reason` says what.
    Blocked,
}

impl InboxState {
    /// The word of `status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Syncing => "syncing",
            Self::Waiting => "waiting",
            Self::Degraded => "degraded",
            Self::Paused => "paused",
            Self::Blocked => "blocked",
        }
    }
}

/// One inbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InboxLive {
    /// Name.
    pub name: String,
    /// State.
    pub state: InboxState,
    /// Why it waits, is degraded or blocked.
    pub reason: Option<String>,
    /// Code of the fault that it waits for.
    pub code: Option<String>,
    /// The next try.
    pub until: Option<Timestamp>,
    /// There is a session with the desk.
    pub connected: bool,
    /// When the last poll was answered.
    pub last_poll_at: Option<Timestamp>,
}

/// How the intake of a folder is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IntakeState {
    /// Watching, nothing to look at.
    #[default]
    Idle,
    /// Walking the tree.
    Scanning,
    /// Works, but not as configured: `reason` says how.
    Degraded,
    /// A person paused it.
    Paused,
    /// Needs a person, or the root to come back: `reason` says what.
    Blocked,
}

impl IntakeState {
    /// The word of `status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Scanning => "scanning",
            Self::Degraded => "degraded",
            Self::Paused => "paused",
            Self::Blocked => "blocked",
        }
    }
}

/// What a full scan passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Regular files that are not left out.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Regular files that are left out.
    pub excluded: u64,
    /// Directories that are left out, with all below them.
    pub excluded_dirs: u64,
    /// Symbolic links.
    pub links: u64,
    /// FIFOs, sockets, devices.
    pub specials: u64,
}

impl Totals {
    /// Adds what `now` has more than `before`.
    pub(super) fn add(&mut self, now: Self, before: Self) {
        self.files += now.files - before.files;
        self.bytes += now.bytes - before.bytes;
        self.excluded += now.excluded - before.excluded;
        self.excluded_dirs += now.excluded_dirs - before.excluded_dirs;
        self.links += now.links - before.links;
        self.specials += now.specials - before.specials;
    }
}

/// One folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FolderLive {
    /// Name.
    pub name: String,
    /// State of its intake.
    pub state: IntakeState,
    /// Why it is degraded or blocked.
    pub reason: Option<String>,
    /// `native`, `poll` or `off`: what is in effect.
    pub watch: &'static str,
    /// Files that have changed too recently to be taken.
    pub settling: Vec<SettlingPath>,
    /// Something has changed too recently to be looked at: a file, a directory or the whole folder.
    pub unsettled: bool,
    /// The first full scan of this process has ended.
    pub scanned: bool,
    /// What the last full scan of this process passed over.
    pub totals: Totals,
    /// Directories and files that cannot be read, at most [`UNREADABLE_MAX`].
    pub unreadable: Vec<Unreadable>,
    /// How many passes have been made over the folder or a part of it.
    pub passes: u64,
    /// How the files stand, where the last pass was over all of them and found nothing to do.
    pub at_rest: Option<FileCounts>,
}

/// The most unreadable paths that are listed.
pub const UNREADABLE_MAX: usize = 100;

/// A directory or a file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Path.
    pub path: RelPath,
    /// Why, in words that name it.
    pub reason: String,
}

/// A path that waits for quiet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlingPath {
    /// Path.
    pub path: RelPath,
    /// The first change of the wait.
    pub since: Timestamp,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountLive {
    /// Name.
    pub name: String,
    /// Whether transfers run, and if not, until when.
    pub gate: GateState,
    /// Meaning of the fault that closed it.
    pub reason: Option<String>,
    /// The fault's code.
    pub code: Option<String>,
    /// The next probe.
    pub until: Option<Timestamp>,
    /// Transfers running now.
    pub in_flight: u64,
    /// Transfers allowed at once now.
    pub concurrency: u64,
    /// When the API token in use runs out.
    pub token_expires_at: Option<Timestamp>,
}

/// The gate of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GateState {
    /// Transfers run.
    #[default]
    Ready,
    /// Quota or outage: goes on by itself.
    Waiting,
    /// Needs a person; probes itself now and then.
    Paused,
}

impl GateState {
    /// Reads the stored word back.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "ready" => Some(Self::Ready),
            "waiting" => Some(Self::Waiting),
            "paused" => Some(Self::Paused),
            _ => None,
        }
    }
}

//! What a report is made from: rows of the store and, where a daemon runs, what only it knows.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::engine::live::{AccountLive, FolderLive, GateState, InboxLive, InboxState, Live};
use crate::model::fault::Fault;
use crate::model::job::ReleaseNumber;
use crate::model::path::RelPath;
use crate::model::time::Timestamp;
use crate::store::{AccountRow, FileCounts, InboxCounts, MessageRow, QueuedJob, StoredFault};

/// Everything about all folders and inboxes.
#[derive(Debug, Clone)]
pub struct Facts {
    /// When they held.
    pub now: Timestamp,
    /// The daemon, where one runs.
    pub daemon: Option<DaemonFacts>,
    /// Folders, in configuration order.
    pub folders: Vec<FolderFacts>,
    /// Inboxes, in configuration order.
    pub inboxes: Vec<InboxFacts>,
    /// Accounts as the store knows them.
    pub accounts: Vec<AccountRow>,
    /// What the running engine knows.
    pub live: Option<Live>,
}

/// The daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonFacts {
    /// Process.
    pub pid: u32,
    /// Start.
    pub started_at: Timestamp,
}

/// One folder.
#[derive(Debug, Clone, Default)]
pub struct FolderFacts {
    /// Name.
    pub name: String,
    /// Flow.
    pub flow: &'static str,
    /// Root.
    pub path: PathBuf,
    /// Account.
    pub account: String,
    /// A person paused it.
    pub paused: bool,
    /// The store has a row for it, and a scan was recorded.
    pub known: bool,
    /// Counts of the store.
    pub counts: FileCounts,
    /// The stored class of each file that is settling now.
    pub settling: Vec<StoredClass>,
    /// Bytes: all, and queued.
    pub bytes: (u64, u64),
    /// Directories left out.
    pub excluded_dirs: u64,
    /// The release under way: number, files, done.
    pub release: Option<(ReleaseNumber, u64, u64)>,
    /// The last acknowledgement.
    pub last_success: Option<Timestamp>,
    /// Since when the oldest open job waits.
    pub waiting_since: Option<Timestamp>,
    /// Bytes acknowledged a second over the last minutes, where known.
    pub bytes_per_second: Option<f64>,
    /// Jobs with a fault, worst first.
    pub problems: Vec<QueuedJob>,
}

/// One inbox.
#[derive(Debug, Clone, Default)]
pub struct InboxFacts {
    /// Name.
    pub name: String,
    /// Directory.
    pub path: PathBuf,
    /// Account.
    pub account: String,
    /// A person paused it.
    pub paused: bool,
    /// Counts of the store.
    pub counts: InboxCounts,
    /// Messages with a fault and files whose program failed, dead ones first.
    pub problems: Vec<MessageRow>,
}

/// Where the store counts a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredClass {
    /// Not at all: it is new.
    Unknown,
    /// Acknowledged.
    Synced,
    /// Waiting.
    Queued,
    /// Being sent.
    InFlight,
    /// Waiting after a fault.
    Failed,
    /// Given up.
    Dead,
    /// Left out.
    Excluded,
}

/// The fault of a row, as the remedies take it.
pub fn fault_of(stored: &StoredFault) -> Fault {
    Fault {
        call: stored.call,
        layer: stored.layer,
        code: stored.code.clone(),
        status: stored.status,
        message: stored.message.clone(),
        retry_after: None,
    }
}

/// What closed an account, as the remedies take it.
pub fn account_fault(row: &AccountRow) -> Option<Fault> {
    row.fault.clone()
}

/// The live facts as they cross the control socket.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LiveFacts {
    /// Folders.
    pub folders: Vec<LiveFolder>,
    /// Accounts.
    pub accounts: Vec<LiveAccount>,
    /// Inboxes.
    #[serde(default)]
    pub inboxes: Vec<LiveInbox>,
}

/// What `why` needs to know of a running inbox.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LiveInbox {
    /// Name.
    pub name: String,
    /// `idle`, `syncing`, `waiting`, `degraded`, `paused`, `blocked`.
    pub state: String,
    /// Why.
    pub reason: Option<String>,
    /// Milliseconds since 1970 of the next try.
    pub until: Option<i64>,
}

/// What `why` needs to know of a running folder.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LiveFolder {
    /// Name.
    pub name: String,
    /// `idle`, `scanning`, `degraded`, `blocked`.
    pub state: String,
    /// Why.
    pub reason: Option<String>,
    /// The first full scan of this process has ended.
    #[serde(default)]
    pub scanned: bool,
    /// Raw bytes of the paths that are settling, at most [`SETTLING_MAX`].
    pub settling: Vec<Vec<u8>>,
}

/// What `why` needs to know of a running account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LiveAccount {
    /// Name.
    pub name: String,
    /// `ready`, `waiting`, `paused`.
    pub gate: String,
    /// Why.
    pub reason: Option<String>,
    /// Code.
    pub code: Option<String>,
    /// Milliseconds since 1970 of the next probe.
    pub until: Option<i64>,
    /// Milliseconds since 1970 at which the token in use runs out.
    #[serde(default)]
    pub token_expires_at: Option<i64>,
}

/// The most settling paths that cross the control socket.
pub const SETTLING_MAX: usize = 10_000;

impl LiveFacts {
    /// Those of a snapshot.
    pub fn of(live: &Live) -> Self {
        Self {
            folders: live.folders.iter().map(live_folder).collect(),
            accounts: live.accounts.iter().map(live_account).collect(),
            inboxes: live.inboxes.iter().map(live_inbox).collect(),
        }
    }

    /// What the store remembers, where no daemon runs.
    pub fn remembered(accounts: &[AccountRow]) -> Self {
        let accounts = accounts.iter().map(|row| {
            let fault = account_fault(row);
            LiveAccount {
                name: row.name.clone(),
                gate: row.state.clone(),
                reason: fault.as_ref().map(super::words::meaning_of),
                code: fault.map(|fault| fault.code),
                until: row.until.map(|until| until.0),
                token_expires_at: None,
            }
        });
        Self {
            folders: Vec::new(),
            accounts: accounts.collect(),
            inboxes: Vec::new(),
        }
    }

    /// Whether a path is settling.
    pub fn is_settling(&self, folder: &str, path: &RelPath) -> bool {
        self.folders
            .iter()
            .filter(|live| live.name == folder)
            .any(|live| live.settling.iter().any(|bytes| bytes == path.as_bytes()))
    }
}

fn live_folder(folder: &FolderLive) -> LiveFolder {
    let settling = folder.settling.iter().take(SETTLING_MAX);
    LiveFolder {
        name: folder.name.clone(),
        state: folder.state.as_str().to_owned(),
        reason: folder.reason.clone(),
        scanned: folder.scanned,
        settling: settling.map(|wait| wait.path.as_bytes().to_vec()).collect(),
    }
}

fn live_account(account: &AccountLive) -> LiveAccount {
    LiveAccount {
        name: account.name.clone(),
        gate: gate_word(account.gate).to_owned(),
        reason: account.reason.clone(),
        code: account.code.clone(),
        until: account.until.map(|until| until.0),
        token_expires_at: account.token_expires_at.map(|at| at.0),
    }
}

fn live_inbox(inbox: &InboxLive) -> LiveInbox {
    LiveInbox {
        name: inbox.name.clone(),
        state: inbox_word(inbox.state).to_owned(),
        reason: inbox.reason.clone(),
        until: inbox.until.map(|until| until.0),
    }
}

fn inbox_word(state: InboxState) -> &'static str {
    match state {
        InboxState::Idle => "idle",
        InboxState::Syncing => "syncing",
        InboxState::Waiting => "waiting",
        InboxState::Degraded => "degraded",
        InboxState::Paused => "paused",
        InboxState::Blocked => "blocked",
    }
}

fn gate_word(gate: GateState) -> &'static str {
    match gate {
        GateState::Ready => "ready",
        GateState::Waiting => "waiting",
        GateState::Paused => "paused",
    }
}

//! Work made durable: one live job per folder and path, and the releases jobs belong to.

use super::digest::Sha256;
use super::fault::{Fault, words};
use super::headers::Fingerprint;
use super::key::Key;
use super::observation::Stat;
use super::path::RelPath;
use super::time::Timestamp;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

id!(/// A folder's row.
    FolderId);
id!(/// A job's row; never used again for another job.
    JobId);
id!(/// A release of one folder, counted from 1.
    ReleaseNumber);

/// The place of a job in the publish order of its release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Everything that pages need: published first.
    Asset,
    /// `*.html`: waits for every asset of its own and of earlier releases.
    Page,
    /// The `last` list: waits for the other pages too.
    Last,
}

/// The state of a live job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// Waits for its due time, its stage and its account.
    Ready,
    /// Leased by the running daemon.
    Running,
    /// Given up, kept for the person.
    Dead,
}

words!(Stage { Asset => "asset", Page => "page", Last => "last" });
words!(JobState { Ready => "ready", Running => "running", Dead => "dead" });

/// Why a job exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The cloud has never acknowledged this path.
    New,
    /// Other bytes than those acknowledged.
    Content,
    /// Same bytes, other stored headers.
    Headers,
    /// An upload was under way when its outcome got lost.
    Unknown,
}

words!(Reason { New => "new", Content => "content", Headers => "headers", Unknown => "unknown" });

/// The version of a file that is to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Metadata at the look.
    pub stat: Stat,
    /// Identity of the bytes.
    pub digest: Sha256,
    /// Identity of the stored headers.
    pub headers: Fingerprint,
}

/// A wish that the planner derives: publish this version under this key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Remote name.
    pub key: Key,
    /// Publish order.
    pub stage: Stage,
    /// Why.
    pub reason: Reason,
}

/// A job as the transfers take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Row.
    pub job: JobId,
    /// Folder.
    pub folder: FolderId,
    /// Path below the folder.
    pub path: RelPath,
    /// Remote name.
    pub key: Key,
    /// What to publish.
    pub version: Version,
    /// Publish order.
    pub stage: Stage,
    /// Its release.
    pub release: ReleaseNumber,
    /// Counts every new intent for the path; an outcome for an older generation cannot end the job.
    pub generation: i64,
    /// Faults of the file itself so far.
    pub attempts: u32,
    /// Tries so far, of whatever outcome.
    pub tries: u32,
    /// How often in a row the last fault's rule was met.
    pub repeats: u32,
    /// The layer and code that `repeats` counts.
    pub last_code: Option<String>,
    /// How often the process died while this job was running.
    pub crashes: u32,
}

/// What a cloud said to an upload, once it was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Bytes sent.
    pub bytes: u64,
    /// Identity of the bytes sent.
    pub digest: Sha256,
    /// The cloud's own name of the object, where it has one.
    pub remote_id: Option<String>,
    /// The server's key of the bytes, where `remote_id` is the message that carried it.
    pub object_key: Option<String>,
    /// The `ETag`, unquoted.
    pub etag: Option<String>,
    /// Whether the answer carried a checksum that was compared.
    pub verified: bool,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The cloud has these bytes, checked.
    Acknowledged(Receipt),
    /// The file is another one than planned; it is looked at again.
    Replan(Fault),
    /// Try again at `due`; `counts` when it is the file's own fault.
    Retry {
        /// What happened.
        fault: Fault,
        /// Not before.
        due: Timestamp,
        /// Spends one of the file's attempts.
        counts: bool,
    },
    /// Given up.
    Dead(Fault),
    /// Not tried after all (the account closed, or the daemon stops).
    Released,
}

/// An ended attempt, ready to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The job as it was claimed.
    pub claim: Claim,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the cloud may have these bytes although it did not say so.
    pub maybe_sent: bool,
    /// An earlier upload of the same attempt whose outcome is not known.
    pub lost: Option<Fault>,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

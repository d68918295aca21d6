//! The words in which the store is spoken to.

mod messages;

use crate::model::digest::Sha256;
use crate::model::fault::{Call, Fault, Layer, words};
use crate::model::headers::Fingerprint;
use crate::model::job::{FolderId, JobId, JobState, Reason, ReleaseNumber, Stage};
use crate::model::key::Key;
use crate::model::observation::{Sight, Stat};
use crate::model::path::RelPath;
use crate::model::record::{Candidate, Known, Plan, Published};
use crate::model::time::Timestamp;
use crate::port::disk::RootIdentity;

pub use messages::*;

/// Decides about one path inside the transaction that records it.
pub type Planner = fn(&Known, &Candidate) -> Plan;

/// A folder as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderRow {
    /// Row.
    pub id: FolderId,
    /// Name.
    pub name: String,
    /// A person paused it.
    pub paused: bool,
    /// The root that was last scanned, or begun to be.
    pub root: Option<RootIdentity>,
    /// A full scan of it has ended.
    pub scanned: bool,
    /// The release that was being planned when the last process ended, if any.
    pub open_release: Option<ReleaseNumber>,
}

/// A row of the merge between what is stored and what is seen, in path order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Path.
    pub path: RelPath,
    /// Metadata of the last look.
    pub stat: Stat,
    /// Identity of the last look; `None` for a file that a rule excludes. One that is excluded
    /// because it was dropped, or shares its key with another, has it.
    pub digest: Option<Sha256>,
    /// The last look came too soon after the last change.
    pub racy: bool,
    /// Why it is excluded.
    pub excluded: Option<String>,
    /// Everything planning depends on.
    pub known: Known,
}

/// One look, to be recorded and planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Path.
    pub path: RelPath,
    /// What was seen.
    pub sight: Sight,
    /// For a publishable file: its key and publish order; its headers' fingerprint.
    pub target: Option<(Key, Stage, Fingerprint)>,
}

/// Looks that are recorded together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Looks {
    /// What was seen.
    pub sightings: Vec<Sighting>,
    /// The release that takes the jobs if it is still open, else a new one does.
    pub release: Option<ReleaseNumber>,
    /// Nothing more comes into the release, and it is sealed: forgotten if nothing is left in it, finished
    /// at once if its jobs have all ended by now.
    pub is_last: bool,
}

/// What recording a batch of looks led to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recorded {
    /// The release to go on with: the one that took the new jobs, or else the one that was given.
    pub release: Option<ReleaseNumber>,
    /// Jobs made or moved to this release.
    pub planned: u64,
    /// Bytes of those jobs.
    pub planned_bytes: u64,
    /// Releases that lost their last job to this batch.
    pub finished: Vec<FinishedRelease>,
    /// The release, where it was sealed and is not empty.
    pub sealed: Option<Sealed>,
}

/// What ending a batch of attempts led to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settled {
    /// Paths to look at again: replanned, or changed while they were sent.
    pub look_again: Vec<(FolderId, RelPath)>,
    /// Releases whose last job just ended.
    pub finished: Vec<FinishedRelease>,
}

/// A release that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedRelease {
    /// Folder.
    pub folder: FolderId,
    /// Number.
    pub release: ReleaseNumber,
    /// Acknowledged files.
    pub uploaded: u64,
    /// Jobs that needed nothing after all.
    pub skipped: u64,
    /// Dead files.
    pub failed: u64,
    /// When it was begun.
    pub started_at: Timestamp,
}

/// An account's state that outlives the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Name.
    pub name: String,
    /// `ready`, `waiting` or `paused`.
    pub state: String,
    /// When it is probed next.
    pub until: Option<Timestamp>,
    /// What closed it.
    pub fault: Option<Fault>,
    /// How often in a row it was closed.
    pub closures: u32,
}

/// Which jobs a person means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All.
    All,
    /// All dead ones.
    Dead,
    /// Those of one folder.
    Folder(FolderId),
    /// One path, or all below it if it is a directory.
    Path(FolderId, RelPath),
    /// Exactly these.
    Jobs(Vec<JobId>),
}

/// Counts of one folder. Every regular file is in exactly one of them (`total` and `remote_only`
/// apart).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct FileCounts {
    /// All but excluded.
    pub total: u64,
    /// Acknowledged as they are.
    pub synced: u64,
    /// Waiting, no fault yet.
    pub queued: u64,
    /// Being sent.
    pub in_flight: u64,
    /// Changed too recently (filled in by the running daemon).
    pub settling: u64,
    /// Waiting after a fault.
    pub failed: u64,
    /// Given up.
    pub dead: u64,
    /// Left out, with a reason.
    pub excluded: u64,
    /// Acknowledged once, gone locally.
    pub remote_only: u64,
}

/// How the files of a folder stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileTally {
    /// How many.
    pub counts: FileCounts,
    /// Bytes of all that are not excluded.
    pub bytes: u64,
    /// Bytes of those still to be sent.
    pub bytes_open: u64,
}

/// A job as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedJob {
    /// Row.
    pub job: JobId,
    /// Folder.
    pub folder: FolderId,
    /// Path.
    pub path: RelPath,
    /// State.
    pub state: JobState,
    /// Why it exists.
    pub reason: Reason,
    /// Publish order.
    pub stage: Stage,
    /// Release.
    pub release: ReleaseNumber,
    /// Bytes.
    pub bytes: u64,
    /// Faults of the file itself.
    pub attempts: u32,
    /// All tries.
    pub tries: u32,
    /// Not before.
    pub due: Timestamp,
    /// The last fault.
    pub fault: Option<StoredFault>,
}

/// A fault as it was written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFault {
    /// During what.
    pub call: Call,
    /// Reported by whom.
    pub layer: Layer,
    /// Code.
    pub code: String,
    /// HTTP status.
    pub status: Option<u16>,
    /// Words.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

/// What a full scan passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScanTotals {
    /// Directories that were not entered.
    pub excluded_dirs: u64,
    /// Symbolic links.
    pub links: u64,
    /// FIFOs, sockets, devices.
    pub specials: u64,
    /// Duration in milliseconds.
    pub took_ms: u64,
}

/// A release that was planned whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Files in it, those that have ended by now included.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Releases that are finished by that; this one too if its jobs had all ended.
    pub finished: Vec<FinishedRelease>,
}

/// What a person's retry led to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retried {
    /// Jobs that are due now and were not.
    pub jobs: u64,
    /// Files that are no longer dropped, to be looked at again.
    pub look_again: Vec<(FolderId, RelPath)>,
}

/// What dropping jobs led to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dropped {
    /// Jobs taken out of the queue.
    pub jobs: u64,
    /// Releases that lost their last job by that.
    pub finished: Vec<FinishedRelease>,
}

/// How far a release is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReleaseState {
    /// Still being planned.
    Open,
    /// Planned whole.
    Publishing,
    /// None of its jobs is ready or running.
    Finished,
}

words!(ReleaseState { Open => "open", Publishing => "publishing", Finished => "finished" });

/// A release as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseRow {
    /// Number.
    pub number: ReleaseNumber,
    /// State.
    pub state: ReleaseState,
    /// When its first job was made.
    pub started_at: Timestamp,
    /// When its last job ended.
    pub finished_at: Option<Timestamp>,
    /// Files in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Acknowledged ones.
    pub uploaded: u64,
    /// Those that needed nothing after all.
    pub skipped: u64,
    /// Dead ones.
    pub failed: u64,
}

impl ReleaseRow {
    /// Files whose job has ended, one way or another.
    pub fn done(&self) -> u64 {
        self.uploaded + self.skipped + self.failed
    }
}

/// A job that holds pages back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Its file.
    pub path: RelPath,
    /// Its state.
    pub state: JobState,
    /// How many jobs of later stages wait for it (and perhaps for others).
    pub pages: u64,
}

/// A file that was acknowledged once and is gone locally.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteOnly {
    /// Path it had.
    pub path: RelPath,
    /// Remote name.
    pub key: Key,
    /// Bytes.
    pub size: u64,
    /// When it was acknowledged.
    pub acknowledged_at: Timestamp,
}

/// Everything that is known of one path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dossier {
    /// The last look.
    pub local: Option<LocalRow>,
    /// The last acknowledgement, in the current tree.
    pub synced: Option<SyncedRow>,
    /// The live job.
    pub job: Option<QueuedJob>,
    /// Failures, newest first; the last 20.
    pub attempts: Vec<AttemptRow>,
    /// Uploads, newest first.
    pub uploads: Vec<UploadRow>,
}

/// What the last look saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalRow {
    /// Metadata.
    pub stat: Stat,
    /// Looked at too soon after its last change.
    pub racy: bool,
    /// Identity.
    pub digest: Option<Sha256>,
    /// Why it is excluded.
    pub excluded: Option<String>,
    /// Counts its versions.
    pub generation: i64,
}

/// What the cloud acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncedRow {
    /// Remote name.
    pub key: Key,
    /// The version; `None` if nothing was ever acknowledged.
    pub published: Option<Published>,
    /// Bytes.
    pub size: u64,
    /// The cloud's own name of the object.
    pub remote_id: Option<String>,
    /// The `ETag`.
    pub etag: Option<String>,
    /// When.
    pub acknowledged_at: Option<Timestamp>,
    /// A later upload's outcome is not known.
    pub in_doubt: bool,
}

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// What happened, and when.
    pub fault: StoredFault,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// An acknowledged upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRow {
    /// Release.
    pub release: ReleaseNumber,
    /// Remote name.
    pub key: Key,
    /// Identity of the bytes.
    pub digest: Sha256,
    /// Bytes.
    pub size: u64,
    /// Tries it took.
    pub tries: u32,
    /// How long the last took, in milliseconds.
    pub took_ms: u64,
    /// When.
    pub at: Timestamp,
    /// The cloud's own name of the object.
    pub remote_id: Option<String>,
    /// The server's key of the bytes, where the cloud's own name is that of the message that carried it.
    pub object_key: Option<String>,
}

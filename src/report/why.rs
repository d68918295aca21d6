//! `why`: everything about one file.

use serde::Serialize;

use crate::model::job::{JobState, Reason, Stage};
use crate::model::time::Timestamp;
use crate::store::{AttemptRow, Dossier, Holding, LocalRow, QueuedJob, SyncedRow, UploadRow};

use super::SCHEMA;
use super::facts::fault_of;
use super::words::{advice_of, meaning_of};

/// `why --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Why {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Folder.
    pub folder: String,
    /// Path below it.
    pub path: String,
    /// When these facts held.
    pub as_of: String,
    /// `file`, `directory`, `link`, `special`, or `null` where nothing is.
    pub on_disk: Option<&'static str>,
    /// In one word: `synced`, `queued`, `in-flight`, `settling`, `failed`, `dead`, `excluded`,
    /// `remote-only`, `not-followed`, `unseen`.
    pub state: &'static str,
    /// The state in a sentence.
    pub summary: String,
    /// The rule that keeps it or leaves it out.
    pub rule: Rule,
    /// The last look.
    pub seen: Option<Seen>,
    /// The last acknowledgement.
    pub published: Option<Published>,
    /// The live job.
    pub job: Option<Job>,
    /// For an outbox: what the attempts have got to.
    pub sending: Option<Sending>,
    /// Failures, newest first.
    pub attempts: Vec<Attempt>,
    /// Uploads, newest first.
    pub uploads: Vec<Upload>,
    /// What to do, where a person can do something.
    pub advice: Option<String>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Whether it is published.
    pub kept: bool,
    /// By which rule, with its file and line.
    pub reason: String,
}

/// What the last look saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Bytes.
    pub bytes: u64,
    /// Last change.
    pub modified_at: String,
    /// Identity.
    pub sha256: Option<String>,
    /// Whether the file on the disk is another one by now.
    pub changed_since: bool,
}

/// What the cloud acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Remote name.
    pub key: String,
    /// Bytes.
    pub bytes: u64,
    /// Identity.
    pub sha256: String,
    /// The cloud's own name of the object, where it has one: `cloud://…` of cloud storage.
    pub remote_id: Option<String>,
    /// When.
    pub at: Option<String>,
    /// A later upload's outcome is not known.
    pub in_doubt: bool,
}

/// The live job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Job {
    /// `ready`, `running`, `dead`.
    pub state: JobState,
    /// Why it exists.
    pub reason: Reason,
    /// Publish order.
    pub stage: Stage,
    /// Release.
    pub release: i64,
    /// Bytes.
    pub bytes: u64,
    /// Tries so far.
    pub attempts: u32,
    /// The next try, where one is due.
    pub next_attempt_at: Option<String>,
    /// What it waits for.
    pub waits_for: Vec<String>,
}

/// A failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// When.
    pub at: String,
    /// During which call.
    pub call: &'static str,
    /// Code.
    pub code: String,
    /// HTTP status.
    pub status: Option<u16>,
    /// The other side's words.
    pub message: String,
    /// What it means.
    pub meaning: String,
}

/// An upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Upload {
    /// When.
    pub at: String,
    /// Release.
    pub release: i64,
    /// Bytes.
    pub bytes: u64,
    /// Identity.
    pub sha256: String,
    /// Tries it took.
    pub attempts: u32,
    /// The cloud's own name of what was uploaded; for an outbox, the message that carried it.
    pub remote_id: Option<String>,
    /// For an outbox, the server's key of the bytes.
    pub object_key: Option<String>,
}

/// How far the sending of a file of an outbox has come, and that is not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sending {
    /// The message that carries it.
    pub message_id: String,
    /// The server's key of the bytes.
    pub object_key: String,
    /// How often the message may have been sent.
    pub begun: u32,
    /// When it may have been sent last.
    pub begun_at: Option<String>,
}

/// What is on the disk now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDisk {
    /// Nothing.
    Nothing,
    /// A regular file; whether it is the one that was seen last.
    File {
        /// It has changed since.
        changed: bool,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// FIFO, socket, device.
    Special,
}

impl OnDisk {
    fn word(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::File { .. } => Some("file"),
            Self::Directory => Some("directory"),
            Self::Link => Some("link"),
            Self::Special => Some("special"),
        }
    }
}

/// What the report is made from.
#[derive(Debug)]
pub struct WhyFacts {
    /// Now.
    pub now: Timestamp,
    /// Folder.
    pub folder: String,
    /// Path, escaped.
    pub path: String,
    /// The disk.
    pub on_disk: OnDisk,
    /// The records.
    pub dossier: Dossier,
    /// For an outbox: what the attempts have got to.
    pub sending: Option<crate::store::Sending>,
    /// The rule as it is now.
    pub rule: Rule,
    /// It changed just now.
    pub settling: bool,
    /// The folder is paused or blocked, or its account waits: in words.
    pub stopped: Option<String>,
    /// What holds pages of the folder.
    pub holdings: Vec<Holding>,
}

/// Makes the report.
pub fn why(facts: WhyFacts) -> Why {
    let state = state_of(&facts);
    let job = facts.dossier.job.as_ref();
    let changed_since = facts.on_disk == OnDisk::File { changed: true };
    let seen = facts.dossier.local.as_ref().map(|local| Seen {
        bytes: local.stat.size,
        modified_at: Timestamp(local.stat.mtime_ns.div_euclid(1_000_000)).to_string(),
        sha256: local.digest.map(|digest| digest.to_string()),
        changed_since,
    });
    let published = facts.dossier.synced.as_ref().and_then(|row| {
        Some(Published {
            key: row.key.to_string(),
            bytes: row.size,
            sha256: row.published?.digest.to_string(),
            remote_id: row.remote_id.clone(),
            at: row.acknowledged_at.map(|at| at.to_string()),
            in_doubt: row.in_doubt,
        })
    });
    Why {
        schema: SCHEMA,
        as_of: facts.now.to_string(),
        on_disk: facts.on_disk.word(),
        state,
        summary: summary(state, &facts),
        seen,
        published,
        job: job.map(|job| job_of(job, &facts)),
        sending: facts.sending.as_ref().map(sending),
        attempts: facts.dossier.attempts.iter().map(attempt).collect(),
        uploads: facts.dossier.uploads.iter().map(upload).collect(),
        advice: advice(state, &facts),
        rule: facts.rule,
        folder: facts.folder,
        path: facts.path,
    }
}

fn state_of(facts: &WhyFacts) -> &'static str {
    let dossier = &facts.dossier;
    match facts.on_disk {
        OnDisk::Link | OnDisk::Special => return "not-followed",
        OnDisk::Nothing if dossier.job.is_none() && dossier.synced.is_some() => {
            return "remote-only";
        }
        _ => {}
    }
    if facts.settling {
        return "settling";
    }
    match (&dossier.job, &dossier.local) {
        (Some(job), _) => match (job.state, &job.fault) {
            (JobState::Running, _) => "in-flight",
            (JobState::Dead, _) => "dead",
            (JobState::Ready, Some(_)) => "failed",
            (JobState::Ready, None) => "queued",
        },
        (None, Some(local)) if local.excluded.is_some() => "excluded",
        (None, _) if !facts.rule.kept => "excluded",
        (None, Some(local)) if is_published(local, dossier.synced.as_ref()) => "synced",
        (None, Some(_)) => "queued",
        (None, None) => "unseen",
    }
}

/// Whether the cloud acknowledged the very bytes that the last look saw.
fn is_published(local: &LocalRow, synced: Option<&SyncedRow>) -> bool {
    let acknowledged = synced
        .filter(|synced| !synced.in_doubt)
        .and_then(|synced| synced.published);
    acknowledged.is_some_and(|published| Some(published.digest) == local.digest)
}

fn summary(state: &str, facts: &WhyFacts) -> String {
    let changed = facts.on_disk == OnDisk::File { changed: true };
    match state {
        "not-followed" => {
            "not a regular file, or below a link: links and special files are never followed"
                .to_owned()
        }
        "remote-only" => "gone here, still in the cloud; deletions are not sent".to_owned(),
        "settling" => "changed just now; it is taken once it was quiet for a while".to_owned(),
        "in-flight" => "being sent now".to_owned(),
        "dead" => "given up after the fault below".to_owned(),
        "failed" => "will be tried again after the fault below".to_owned(),
        "queued" if facts.dossier.job.is_none() => {
            "not planned yet; the next scan takes it".to_owned()
        }
        "queued" => "waits for its turn".to_owned(),
        "excluded" => {
            let stored = facts
                .dossier
                .local
                .as_ref()
                .and_then(|local| local.excluded.clone());
            let reason = stored.unwrap_or_else(|| facts.rule.reason.clone());
            format!("left out: {reason}")
        }
        "synced" if changed => "changed since it was published; the next scan takes it".to_owned(),
        "synced" => "the cloud has these bytes".to_owned(),
        _ if facts.on_disk == OnDisk::Directory => "a directory; ask about a file in it".to_owned(),
        _ => "not seen yet; the next scan takes it".to_owned(),
    }
}

fn job_of(job: &QueuedJob, facts: &WhyFacts) -> Job {
    let mut waits_for: Vec<String> = facts.stopped.iter().cloned().collect();
    if job.state == JobState::Ready && job.stage != Stage::Asset {
        let holds = |holding: &&Holding| holding.path != job.path;
        waits_for.extend(facts.holdings.iter().filter(holds).take(20).map(|holding| {
            let state = if holding.state == JobState::Dead {
                "given up"
            } else {
                "not up yet"
            };
            format!("{} ({state})", holding.path)
        }));
    }
    let is_ready = job.state == JobState::Ready;
    Job {
        state: job.state,
        reason: job.reason,
        stage: job.stage,
        release: job.release.0,
        bytes: job.bytes,
        attempts: job.tries,
        next_attempt_at: is_ready.then(|| job.due.to_string()),
        waits_for: if job.state == JobState::Dead {
            Vec::new()
        } else {
            waits_for
        },
    }
}

fn attempt(row: &AttemptRow) -> Attempt {
    let fault = fault_of(&row.fault);
    Attempt {
        at: row.fault.at.to_string(),
        call: row.fault.call.as_str(),
        code: fault.code.clone(),
        status: fault.status,
        message: fault.message.clone(),
        meaning: meaning_of(&fault),
    }
}

/// One upload as a report shows it.
pub fn upload(row: &UploadRow) -> Upload {
    Upload {
        at: row.at.to_string(),
        release: row.release.0,
        bytes: row.size,
        sha256: row.digest.to_string(),
        attempts: row.tries,
        remote_id: row.remote_id.clone(),
        object_key: row.object_key.clone(),
    }
}

fn sending(row: &crate::store::Sending) -> Sending {
    Sending {
        message_id: row.message_id.clone(),
        object_key: row.object_key.clone(),
        begun: row.begun,
        begun_at: row.begun_at.map(|at| at.to_string()),
    }
}

fn advice(state: &str, facts: &WhyFacts) -> Option<String> {
    let fault = facts
        .dossier
        .job
        .as_ref()
        .and_then(|job| job.fault.as_ref())
        .map(fault_of);
    match (state, fault) {
        ("dead", Some(fault)) => Some(format!(
            "{} Then: syncd queue retry {}:{}",
            advice_of(&fault),
            facts.folder,
            facts.path
        )),
        ("failed", Some(fault)) => Some(advice_of(&fault)),
        ("queued", _) => facts.stopped.clone(),
        _ => None,
    }
}

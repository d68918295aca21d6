//! What is remembered of a path, and what the planner says about it.

use super::digest::Sha256;
use super::headers::Fingerprint;
use super::job::{Intent, JobState, Stage, Version};
use super::key::Key;

/// What the cloud acknowledged for a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Identity of the bytes.
    pub digest: Sha256,
    /// Identity of the stored headers.
    pub headers: Fingerprint,
}

/// Everything that is remembered of one path when it is planned.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// The last acknowledgement.
    pub published: Option<Published>,
    /// An upload began after the last acknowledgement and its outcome was never learnt, so the cloud may
    /// hold other bytes than `published` says.
    pub in_doubt: bool,
    /// The live job.
    pub job: Option<LiveJob>,
    /// The version a person dropped from the queue.
    pub dropped: Option<Published>,
}

/// The part of a live job that planning depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveJob {
    /// State.
    pub state: JobState,
    /// What it publishes.
    pub version: Published,
}

/// A publishable file as it was just seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Remote name.
    pub key: Key,
    /// The version.
    pub version: Version,
    /// Publish order.
    pub stage: Stage,
}

/// What is to be done about a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// The cloud has it; a waiting job is not needed any more.
    InSync,
    /// The live job already publishes this version.
    Covered,
    /// A person dropped this very version; it counts as excluded.
    Dropped,
    /// Publish it.
    Put(Intent),
}

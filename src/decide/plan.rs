//! What is to be done about one path: the difference between what is on disk and what is remembered.
//!
//! Called inside the transaction that records a look, for one path at a time. It depends on nothing but
//! its arguments, so lost, doubled and reordered looks lead to the same end.

use crate::model::job::{Intent, JobState, Reason};
use crate::model::record::{Candidate, Known, Plan, Published};

/// Decides about one publishable file.
pub fn plan(known: &Known, candidate: &Candidate) -> Plan {
    let wanted = Published {
        digest: candidate.version.digest,
        headers: candidate.version.headers,
    };
    match standing(known, wanted) {
        Standing::InSync => Plan::InSync,
        Standing::Covered => Plan::Covered,
        Standing::Dropped => Plan::Dropped,
        Standing::Wanting(reason) => Plan::Put(Intent {
            key: candidate.key.clone(),
            stage: candidate.stage,
            reason,
        }),
    }
}

/// How a version of a path stands to what is remembered of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The cloud has it.
    InSync,
    /// The live job publishes it, or was given up on it.
    Covered,
    /// A person dropped this very version.
    Dropped,
    /// It is to be published.
    Wanting(Reason),
}

/// [`plan`] without the parts that cost an allocation, for a pass over many unchanged files.
pub fn standing(known: &Known, wanted: Published) -> Standing {
    let acknowledged = known.published == Some(wanted) && !known.in_doubt;
    match known.job {
        // Whatever is being sent now may be what the cloud holds afterwards.
        Some(job) if job.state == JobState::Running => {
            return if job.version == wanted {
                Standing::Covered
            } else {
                Standing::Wanting(reason(known, wanted))
            };
        }
        Some(job) if job.version == wanted && !acknowledged => return Standing::Covered,
        Some(_) | None => {}
    }
    if acknowledged {
        Standing::InSync
    } else if known.dropped == Some(wanted) {
        Standing::Dropped
    } else {
        Standing::Wanting(reason(known, wanted))
    }
}

fn reason(known: &Known, wanted: Published) -> Reason {
    match known.published {
        None => Reason::New,
        Some(published) if published.digest != wanted.digest => Reason::Content,
        Some(published) if published.headers != wanted.headers => Reason::Headers,
        Some(_) => Reason::Unknown,
    }
}

#[cfg(test)]
mod tests;

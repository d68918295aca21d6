//! Notices when different files in a row die of one code: then it is no fault of the files.

use crate::model::fault::{Fault, Layer};
use crate::model::job::JobId;

/// So many different files in a row.
pub(super) const FILES_IN_ROW_MAX: usize = 5;

/// Whether a file's own fault was found before anybody was asked.
pub(super) fn is_of_this_machine(fault: &Fault) -> bool {
    matches!(fault.layer, Layer::Local | Layer::Transport)
}

/// The files that died in a row of one code.
#[derive(Debug, Clone, Default)]
pub(super) struct Breaker {
    code: String,
    layer: Option<Layer>,
    jobs: Vec<JobId>,
}

impl Breaker {
    /// A job died. Answers the jobs to revive once they are too many; faults that this machine
    /// found in the files themselves say nothing about an account.
    pub(super) fn died(&mut self, job: JobId, fault: &Fault) -> Vec<JobId> {
        if is_of_this_machine(fault) {
            return Vec::new();
        }
        if self.layer != Some(fault.layer) || !self.code.eq_ignore_ascii_case(&fault.code) {
            self.layer = Some(fault.layer);
            self.code.clone_from(&fault.code);
            self.jobs.clear();
        }
        if !self.jobs.contains(&job) {
            self.jobs.push(job);
        }
        if self.jobs.len() >= FILES_IN_ROW_MAX {
            std::mem::take(&mut self.jobs)
        } else {
            Vec::new()
        }
    }

    /// Something succeeded, or a person looked at it.
    pub(super) fn reset(&mut self) {
        self.jobs.clear();
    }
}

//! How fast a folder publishes, from what was done between two looks.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::report::Status;

/// The pace is that of so long a time.
const OVER: Duration = Duration::from_secs(10);

/// What the last looks saw of each folder.
#[derive(Debug, Default)]
pub(super) struct Pace {
    folders: BTreeMap<String, VecDeque<Seen>>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    at: Duration,
    release: i64,
    done: u64,
}

impl Pace {
    /// Takes in a look, so long after the first one.
    pub(super) fn look(&mut self, status: &Status, at: Duration) {
        for folder in &status.folders {
            let seen = self.folders.entry(folder.name.clone()).or_default();
            let Some(release) = &folder.release else {
                seen.clear();
                continue;
            };
            if seen.back().is_some_and(|last| last.release != release.id) {
                seen.clear();
            }
            seen.push_back(Seen {
                at,
                release: release.id,
                done: release.done,
            });
            while seen
                .get(1)
                .is_some_and(|second| at.saturating_sub(second.at) >= OVER)
            {
                seen.pop_front();
            }
        }
    }

    /// Files a second; `None` where nothing moved.
    pub(super) fn files_per_second(&self, folder: &str) -> Option<u64> {
        let seen = self.folders.get(folder)?;
        let (first, last) = (seen.front()?, seen.back()?);
        let millis = u64::try_from(last.at.saturating_sub(first.at).as_millis()).ok()?;
        let rate = (last.done.saturating_sub(first.done) * 1_000).checked_div(millis)?;
        (rate > 0).then_some(rate)
    }
}

#[cfg(test)]
mod tests;

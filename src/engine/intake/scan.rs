//! The walk over a folder, merged with what is stored of it, in byte order of paths.
//!
//! Both sides are sorted, so memory is bounded by the largest directory and a few pages of rows, at any
//! number of files. Pulled step by step on a thread that may block. A directory that cannot be listed is
//! told, and nothing below it counts as gone.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::look::{Judged, Moment, Policy, ToHash};
use super::rows::{Pages, Rows};
use super::walk::{Found, Stretch, Walker};
use crate::engine::live::Totals;
use crate::model::job::FolderId;
use crate::model::observation::{Sight, Stat};
use crate::model::path::RelPath;
use crate::port::disk::{DiskError, Root};
use crate::port::offload::{Ahead, Offload};
use crate::store::{Reader, Sighting, StoreError, StoredFile};

/// A step ends with so many results, or after so many files. The first one ends sooner, so that uploads
/// begin, and each one after it with twice as many.
const FIRST_STEP_RESULTS: usize = 128;
const STEP_RESULTS: usize = 1024;
const STEP_FILES: u64 = 20_000;

/// How far the two sides may be ahead of the merge.
const PAGES_AHEAD: usize = 2;
const STRETCHES_AHEAD: usize = 4;

/// Why a scan could not go on. What it did not see is not taken as gone.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScanError {
    /// The directory it began with cannot be listed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// What is stored cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The results of one step.
#[derive(Debug, Default)]
pub(super) struct Step {
    results_max: usize,
    /// Files that have to be read.
    pub read: Vec<ToHash>,
    /// Looks that are complete without reading.
    pub sightings: Vec<Sighting>,
    /// Some of the sightings say that a file is gone.
    pub gone: bool,
    /// Files that may be changing still; in `read` as well if that was asked for.
    pub young: Vec<RelPath>,
    /// Directories that could not be listed.
    pub unreadable: Vec<(RelPath, DiskError)>,
    /// Directories that scans began with.
    pub directories: Vec<RelPath>,
    /// The scan is complete.
    pub done: bool,
}

/// What a scan covers, and how.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    /// A file, or a directory with all below it; `None` is the whole folder.
    pub below: Option<RelPath>,
    /// When, and what is young then.
    pub moment: Moment,
    /// Take young files as they are, because they have had their time to settle.
    pub take_young: bool,
}

/// Several scans, one after the other.
pub(super) struct Walk {
    scans: VecDeque<Scan>,
    step_results: usize,
    totals: Totals,
    restless: bool,
}

impl Walk {
    /// A walk over these scans.
    pub(super) fn new(scans: impl IntoIterator<Item = Scan>) -> Self {
        Self {
            scans: scans.into_iter().collect(),
            step_results: FIRST_STEP_RESULTS,
            totals: Totals::default(),
            restless: false,
        }
    }

    /// What was passed over so far.
    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// Whether each file so far is in sync, with nothing left to be done about it, or left out.
    pub(super) fn is_at_rest(&self) -> bool {
        !self.restless
    }

    /// Goes on for a bounded while.
    ///
    /// # Errors
    /// A scan cannot go on; the walk must not be asked again.
    pub(super) fn next_step(&mut self) -> Result<Step, ScanError> {
        let mut step = Step {
            results_max: self.step_results,
            ..Step::default()
        };
        self.step_results = (2 * self.step_results).min(STEP_RESULTS);
        while !step.is_full()
            && let Some(scan) = self.scans.front_mut()
        {
            let before = scan.totals;
            let files = scan.next_step(&mut step)?;
            self.totals.add(scan.totals, before);
            self.restless |= scan.restless;
            if scan.done {
                self.scans.pop_front();
            }
            if files >= STEP_FILES {
                break;
            }
        }
        step.done = self.scans.is_empty();
        Ok(step)
    }
}

impl Step {
    fn is_full(&self) -> bool {
        self.read.len() + self.sightings.len() + self.young.len() >= self.results_max
    }
}

/// A scan under way.
pub(super) struct Scan {
    policy: Arc<Policy>,
    scope: Scope,
    rows: Rows,
    walk: Ahead<Result<Stretch, DiskError>>,
    stretch: std::vec::IntoIter<Found>,
    /// What the walk came to, while rows before it are passed.
    found: Option<Found>,
    done: bool,
    totals: Totals,
    /// Something was found that is neither in sync nor left out as before.
    restless: bool,
}

impl Scan {
    /// A scan that has not begun. Where it is over everything, walk and rows go on ahead of it.
    pub(super) fn new(
        root: Arc<dyn Root>,
        policy: Arc<Policy>,
        (reader, folder): (Reader, FolderId),
        scope: Scope,
        offload: Offload,
    ) -> Self {
        let pages = Pages::new(reader, folder, scope.below.clone());
        let walker = Walker::new(root, Arc::clone(&policy), scope.below.clone());
        // Threads are not worth their start for a few files.
        let offload = if scope.below.is_none() {
            offload
        } else {
            Offload::Inline
        };
        Self {
            policy,
            scope,
            rows: Rows::new(offload.ahead("rows", PAGES_AHEAD, pages)),
            walk: offload.ahead("walk", STRETCHES_AHEAD, walker),
            stretch: Vec::new().into_iter(),
            found: None,
            done: false,
            totals: Totals::default(),
            restless: false,
        }
    }

    /// Goes on until the step is full or many files were passed over, and says how many.
    fn next_step(&mut self, step: &mut Step) -> Result<u64, ScanError> {
        let before = self.totals.files + self.totals.excluded;
        let mut passed = 0;
        while !step.is_full() && passed < STEP_FILES && !self.done {
            let found = self.walk(step)?;
            self.done = self.merge(found, step)?;
            passed = self.totals.files + self.totals.excluded - before;
        }
        Ok(passed)
    }

    /// What the walk comes to next; `None` at its end.
    fn walk(&mut self, step: &mut Step) -> Result<Option<Found>, DiskError> {
        loop {
            if let Some(found) = self.found.take().or_else(|| self.stretch.next()) {
                return Ok(Some(found));
            }
            let Some(stretch) = self.walk.next().transpose()? else {
                return Ok(None);
            };
            self.totals.add(stretch.passed, Totals::default());
            step.directories.extend(stretch.began);
            self.stretch = stretch.found.into_iter();
        }
    }

    /// Takes one step of the merge; `true` at the end of both sides.
    fn merge(&mut self, found: Option<Found>, step: &mut Step) -> Result<bool, ScanError> {
        let order = match (self.rows.peek()?, &found) {
            (None, None) => return Ok(true),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(row), Some(Found::File(path, _))) => row.path.cmp(path),
            (Some(row), Some(Found::Unreadable(directory, _))) if row.path.is_below(directory) => {
                self.rows.take();
                self.found = found;
                return Ok(false);
            }
            (Some(row), Some(Found::Unreadable(directory, _))) => {
                // The walk is where the directory's first file would be.
                let place = [directory.as_bytes(), b"/"].concat();
                row.path.as_bytes().cmp(place.as_slice())
            }
        };
        if order == Ordering::Less {
            if let Some(row) = self.rows.take() {
                self.restless = true;
                step.gone = true;
                step.sightings.push(Sighting {
                    path: row.path,
                    sight: Sight::Gone,
                    target: None,
                });
            }
            self.found = found;
            return Ok(false);
        }
        match found {
            Some(Found::File(path, stat)) => {
                let row = match order {
                    Ordering::Equal => self.rows.take(),
                    Ordering::Less | Ordering::Greater => None,
                };
                self.judge(path, &stat, row.as_ref(), step);
            }
            Some(Found::Unreadable(directory, error)) => {
                self.restless = true;
                step.unreadable.push((directory, error));
            }
            None => {}
        }
        Ok(false)
    }

    fn judge(&mut self, path: RelPath, stat: &Stat, row: Option<&StoredFile>, step: &mut Step) {
        let judgement = self.policy.judge(&path, stat, row, self.scope.moment);
        let unchanged = judgement.judged == Judged::Unchanged;
        if judgement.excluded || unchanged && row.is_some_and(|row| row.excluded.is_some()) {
            self.totals.excluded += 1;
            self.restless |= !unchanged;
        } else {
            self.restless |= !judgement.at_rest;
            self.totals.files += 1;
            self.totals.bytes = self.totals.bytes.saturating_add(stat.size);
        }
        if judgement.young {
            step.young.push(path);
            if !self.scope.take_young {
                return;
            }
        }
        match judgement.judged {
            Judged::Unchanged => {}
            Judged::Record(sighting) => step.sightings.push(sighting),
            Judged::Read(file) if self.scope.take_young => step.read.push(ToHash {
                quiet: Duration::ZERO,
                ..file
            }),
            Judged::Read(file) => step.read.push(file),
        }
    }
}

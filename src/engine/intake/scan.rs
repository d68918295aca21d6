//! The walk over a folder, merged with what is stored of it, in byte order of paths.
//!
//! Both sides are sorted, so memory is bounded by the largest directory and one page of rows, at any
//! number of files. Pulled step by step on a thread that may block. A directory that cannot be listed is
//! told, and nothing below it counts as gone. Links are not followed and special files not opened.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use super::look::{Judged, Moment, Policy, ToHash};
use super::rows::Rows;
use crate::decide::filter::Verdict;
use crate::engine::live::Totals;
use crate::model::job::FolderId;
use crate::model::observation::{Entry, EntryKind, Sight, Stat};
use crate::model::path::RelPath;
use crate::port::disk::{DiskError, Root};
use crate::store::{Reader, Sighting, StoreError, StoredFile};

/// A step ends with so many results, or after so many files.
const STEP_RESULTS: usize = 1024;
const STEP_FILES: u64 = 20_000;

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
    /// Files that have to be read.
    pub read: Vec<ToHash>,
    /// Looks that are complete without reading.
    pub sightings: Vec<Sighting>,
    /// Some of the sightings say that a file is gone.
    pub gone: bool,
    /// Files that may be changing still; in `read` as well if that was asked for.
    pub young: Vec<RelPath>,
    /// Directories that could not be listed.
    pub unreadable: Vec<DiskError>,
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
    totals: Totals,
}

impl Walk {
    /// A walk over these scans.
    pub(super) fn new(scans: impl IntoIterator<Item = Scan>) -> Self {
        Self {
            scans: scans.into_iter().collect(),
            totals: Totals::default(),
        }
    }

    /// What was passed over so far.
    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// Goes on for a bounded while.
    ///
    /// # Errors
    /// A scan cannot go on; the walk must not be asked again.
    pub(super) fn next_step(&mut self) -> Result<Step, ScanError> {
        let mut step = Step::default();
        while !step.is_full()
            && let Some(scan) = self.scans.front_mut()
        {
            let before = scan.totals;
            let files = scan.next_step(&mut step)?;
            self.totals.add(scan.totals, before);
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
        self.read.len() + self.sightings.len() + self.young.len() >= STEP_RESULTS
    }
}

/// A scan under way.
pub(super) struct Scan {
    root: Arc<dyn Root>,
    policy: Arc<Policy>,
    rows: Rows,
    scope: Scope,
    levels: Vec<Level>,
    started: bool,
    done: bool,
    found: Option<Found>,
    totals: Totals,
}

struct Level {
    directory: Option<RelPath>,
    entries: std::vec::IntoIter<Entry>,
}

/// What the walk came to.
enum Found {
    File(RelPath, Stat),
    Unreadable(RelPath),
    End,
}

impl Scan {
    /// A scan that has not begun.
    pub(super) fn new(
        root: Arc<dyn Root>,
        policy: Arc<Policy>,
        reader: Reader,
        folder: FolderId,
        scope: Scope,
    ) -> Self {
        Self {
            root,
            policy,
            rows: Rows::new(reader, folder, scope.below.clone()),
            scope,
            levels: Vec::new(),
            started: false,
            done: false,
            found: None,
            totals: Totals::default(),
        }
    }

    /// Goes on until the step is full or many files were passed over, and says how many.
    fn next_step(&mut self, step: &mut Step) -> Result<u64, ScanError> {
        let before = self.totals.files + self.totals.excluded;
        let mut passed = 0;
        if !self.started {
            self.started = true;
            self.start(step)?;
        }
        while !step.is_full() && passed < STEP_FILES && !self.done {
            let found = match self.found.take() {
                Some(found) => found,
                None => self.walk(step),
            };
            self.done = self.merge(found, step)?;
            passed = self.totals.files + self.totals.excluded - before;
        }
        Ok(passed)
    }

    /// Lists the directory to begin with, or finds the one file that was asked for.
    fn start(&mut self, step: &mut Step) -> Result<(), ScanError> {
        let Some(below) = self.scope.below.clone() else {
            let entries = self.root.list(None)?;
            self.enter(None, entries);
            return Ok(());
        };
        let Some(entry) = self.root.entry(&below)? else {
            return Ok(());
        };
        let is_directory = entry.kind == EntryKind::Directory;
        let kept_above = below.parent().is_none_or(|parent| {
            matches!(self.policy.rules.decide(&parent, true), Verdict::Kept(_))
        });
        if !kept_above {
            return Ok(());
        }
        if is_directory {
            step.directories.push(below.clone());
            self.descend(below, step);
        } else if let Some(found) = self.found(below, entry.kind, entry.stat) {
            self.found = Some(found);
        }
        Ok(())
    }

    fn enter(&mut self, directory: Option<RelPath>, mut entries: Vec<Entry>) {
        entries.sort_unstable_by(order);
        self.levels.push(Level {
            directory,
            entries: entries.into_iter(),
        });
    }

    /// The next file of the walk.
    fn walk(&mut self, step: &mut Step) -> Found {
        while let Some(level) = self.levels.last_mut() {
            let Some(entry) = level.entries.next() else {
                self.levels.pop();
                continue;
            };
            // The disk gives single components, so this cannot fail.
            let Ok(path) = RelPath::child(level.directory.as_ref(), &entry.name) else {
                continue;
            };
            if entry.kind == EntryKind::Directory {
                self.descend(path, step);
                if let Some(found) = self.found.take() {
                    return found;
                }
            } else if let Some(found) = self.found(path, entry.kind, entry.stat) {
                return found;
            }
        }
        Found::End
    }

    fn found(&mut self, path: RelPath, kind: EntryKind, stat: Stat) -> Option<Found> {
        match kind {
            EntryKind::File => return Some(Found::File(path, stat)),
            EntryKind::Symlink => self.totals.links += 1,
            EntryKind::Special => self.totals.specials += 1,
            EntryKind::Directory => {}
        }
        None
    }

    /// Goes into a directory, unless it is left out.
    fn descend(&mut self, path: RelPath, step: &mut Step) {
        if let Verdict::Excluded(_) = self.policy.rules.decide_entry(&path, true) {
            self.totals.excluded_dirs += 1;
            return;
        }
        match self.root.list(Some(&path)) {
            Ok(entries) => self.enter(Some(path), entries),
            // It vanished, or something else took its name, since its parent was listed.
            Err(DiskError::NotFound { .. } | DiskError::NotADirectory { .. }) => {}
            Err(error) => {
                step.unreadable.push(error);
                self.found = Some(Found::Unreadable(path));
            }
        }
    }

    /// Takes one step of the merge; `true` at the end of both sides.
    fn merge(&mut self, found: Found, step: &mut Step) -> Result<bool, ScanError> {
        let order = match (self.rows.peek()?, &found) {
            (None, Found::End) => return Ok(true),
            (Some(_), Found::End) => Ordering::Less,
            (None, _) => Ordering::Greater,
            (Some(row), Found::File(path, _)) => row.path.cmp(path),
            (Some(row), Found::Unreadable(directory)) if row.path.is_below(directory) => {
                self.rows.take();
                self.found = Some(found);
                return Ok(false);
            }
            (Some(row), Found::Unreadable(directory)) => {
                // The walk is where the directory's first file would be.
                let place = [directory.as_bytes(), b"/"].concat();
                row.path.as_bytes().cmp(place.as_slice())
            }
        };
        if order == Ordering::Less {
            if let Some(row) = self.rows.take() {
                step.gone = true;
                step.sightings.push(Sighting {
                    path: row.path,
                    sight: Sight::Gone,
                    target: None,
                });
            }
            self.found = Some(found);
            return Ok(false);
        }
        if let Found::File(path, stat) = found {
            let row = match order {
                Ordering::Equal => self.rows.take(),
                Ordering::Less | Ordering::Greater => None,
            };
            self.judge(path, &stat, row.as_ref(), step);
        }
        Ok(false)
    }

    fn judge(&mut self, path: RelPath, stat: &Stat, row: Option<&StoredFile>, step: &mut Step) {
        let judgement = self.policy.judge(&path, stat, row, self.scope.moment);
        let unchanged = judgement.judged == Judged::Unchanged;
        if judgement.excluded || unchanged && row.is_some_and(|row| row.excluded.is_some()) {
            self.totals.excluded += 1;
        } else {
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
            Judged::Read(file) => step.read.push(file),
        }
    }
}

/// The order of a directory's entries in which their files come in byte order of paths: as if directories
/// ended with `/`.
fn order(one: &Entry, two: &Entry) -> Ordering {
    let common = one.name.len().min(two.name.len());
    let tail = |entry: &Entry| {
        entry
            .name
            .get(common)
            .copied()
            .or((entry.kind == EntryKind::Directory).then_some(b'/'))
    };
    one.name[..common]
        .cmp(&two.name[..common])
        .then_with(|| tail(one).cmp(&tail(two)))
}

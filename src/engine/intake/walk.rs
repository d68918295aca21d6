//! The walk over what is on disk, in byte order of paths, in stretches. It may go on ahead of the merge on a
//! thread of its own; what it has found and is not used yet is bounded, as the largest directory is.
//!
//! Links are not followed, special files not opened, and directories that are left out not entered.

use std::cmp::Ordering;
use std::sync::Arc;

use super::look::Policy;
use crate::decide::filter::Verdict;
use crate::engine::live::Totals;
use crate::model::observation::{Entry, EntryKind, Stat};
use crate::model::path::RelPath;
use crate::port::disk::{DiskError, Root};

/// So many entries are passed in one stretch.
const STRETCH_ENTRIES: usize = 512;

/// What the walk came to.
#[derive(Debug)]
pub(super) enum Found {
    /// A regular file.
    File(RelPath, Stat),
    /// A directory that cannot be listed.
    Unreadable(RelPath, DiskError),
}

/// A part of the walk.
#[derive(Debug, Default)]
pub(super) struct Stretch {
    /// What was found, in order.
    pub found: Vec<Found>,
    /// What was passed over besides; files are counted when they are judged.
    pub passed: Totals,
    /// The directory that the walk began with.
    pub began: Option<RelPath>,
}

/// A walk under way.
pub(super) struct Walker {
    root: Arc<dyn Root>,
    policy: Arc<Policy>,
    /// Where to begin: a file, or a directory with all below it; `None` is the whole folder.
    below: Option<RelPath>,
    started: bool,
    levels: Vec<Level>,
}

struct Level {
    directory: Option<RelPath>,
    entries: std::vec::IntoIter<Entry>,
}

impl Iterator for Walker {
    /// An error if the directory to begin with cannot be listed.
    type Item = Result<Stretch, DiskError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut stretch = Stretch::default();
        if self.started && self.levels.is_empty() {
            return None;
        }
        if !self.started {
            self.started = true;
            if let Err(error) = self.start(&mut stretch) {
                return Some(Err(error));
            }
        }
        for _ in 0..STRETCH_ENTRIES {
            if !self.pass(&mut stretch) {
                break;
            }
        }
        Some(Ok(stretch))
    }
}

impl Walker {
    /// A walk that has not begun, over `below` (`None`: everything).
    pub(super) fn new(root: Arc<dyn Root>, policy: Arc<Policy>, below: Option<RelPath>) -> Self {
        Self {
            root,
            policy,
            below,
            started: false,
            levels: Vec::new(),
        }
    }

    /// Lists the directory to begin with, or finds the one file that was asked for.
    fn start(&mut self, stretch: &mut Stretch) -> Result<(), DiskError> {
        let Some(below) = self.below.take() else {
            let entries = self.root.list(None)?;
            self.enter(None, entries);
            return Ok(());
        };
        let Some(entry) = self.root.entry(&below)? else {
            return Ok(());
        };
        let kept_above = below.parent().is_none_or(|parent| {
            matches!(self.policy.rules.decide(&parent, true), Verdict::Kept(_))
        });
        if !kept_above {
            return Ok(());
        }
        if entry.kind == EntryKind::Directory {
            stretch.began = Some(below.clone());
        }
        self.come_to(below, entry.kind, entry.stat, stretch);
        Ok(())
    }

    fn enter(&mut self, directory: Option<RelPath>, mut entries: Vec<Entry>) {
        entries.sort_unstable_by(order);
        self.levels.push(Level {
            directory,
            entries: entries.into_iter(),
        });
    }

    /// Passes one entry, or leaves a directory; `false` at the end.
    fn pass(&mut self, stretch: &mut Stretch) -> bool {
        let Some(level) = self.levels.last_mut() else {
            return false;
        };
        let Some(entry) = level.entries.next() else {
            self.levels.pop();
            return true;
        };
        // The disk gives single components, so this cannot fail.
        if let Ok(path) = RelPath::child(level.directory.as_ref(), &entry.name) {
            self.come_to(path, entry.kind, entry.stat, stretch);
        }
        true
    }

    fn come_to(&mut self, path: RelPath, kind: EntryKind, stat: Stat, stretch: &mut Stretch) {
        match kind {
            EntryKind::File => stretch.found.push(Found::File(path, stat)),
            EntryKind::Symlink => stretch.passed.links += 1,
            EntryKind::Special => stretch.passed.specials += 1,
            EntryKind::Directory => self.descend(path, stretch),
        }
    }

    /// Goes into a directory, unless it is left out.
    fn descend(&mut self, path: RelPath, stretch: &mut Stretch) {
        if let Verdict::Excluded(_) = self.policy.rules.decide_entry(&path, true) {
            stretch.passed.excluded_dirs += 1;
            return;
        }
        match self.root.list(Some(&path)) {
            Ok(entries) => self.enter(Some(path), entries),
            // It vanished, or something else took its name, since its parent was listed.
            Err(DiskError::NotFound { .. } | DiskError::NotADirectory { .. }) => {}
            Err(error) => stretch.found.push(Found::Unreadable(path, error)),
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

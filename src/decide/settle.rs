//! When a change is taken: a burst of marks becomes one batch once it has been quiet for a while.
//!
//! A burst is taken when no mark came for `quiet`, at the latest `quiet_max` after its first mark; then
//! everything marked is taken at once, because it becomes one release. A path that is marked again right
//! after it was taken by force is *restless*: its marks no longer hold up the others, and it is taken by
//! itself, when it is quiet or each `quiet_max`.
//!
//! Memory is bounded: above [`PATHS_MAX`] marks, paths collapse into their directories, and in the end
//! into "everything".

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::path::RelPath;
use crate::model::time::Monotonic;

/// The most paths that are marked at once.
pub const PATHS_MAX: usize = 10_000;

/// What is marked: a path with all below it, or everything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The whole folder.
    Everything,
    /// A file, or a directory with all below it.
    Path(RelPath),
}

/// A path that is to be looked at now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub path: RelPath,
    /// Since when it has been changing.
    pub since: Monotonic,
    /// When it was first marked after it was last taken.
    pub first: Monotonic,
    /// It was taken by itself, because it keeps changing.
    pub restless: bool,
    /// It is still changing, but has waited for as long as it may.
    pub forced: bool,
}

/// What is to be looked at now, as one release.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// Look at the whole folder; `paths` is empty then.
    pub everything: bool,
    /// Paths in order, none below another.
    pub paths: Vec<Due>,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    first: Monotonic,
    last: Monotonic,
    since: Monotonic,
}

#[derive(Debug, Clone, Copy)]
struct Taken {
    mark: Mark,
    restless: bool,
    forced: bool,
}

#[derive(Debug, Clone, Copy)]
struct Forced {
    at: Monotonic,
    since: Monotonic,
}

/// The marks of one folder.
#[derive(Debug)]
pub struct Settle {
    quiet: Duration,
    quiet_max: Duration,
    burst: BTreeMap<Target, Mark>,
    /// First and last mark of the burst.
    span: Option<(Monotonic, Monotonic)>,
    restless: BTreeMap<Target, Mark>,
    forced: BTreeMap<Target, Forced>,
}

impl Settle {
    /// Nothing marked; `quiet` and `quiet_max` are the configuration's `settle` and `settle_max`.
    pub fn new(quiet: Duration, quiet_max: Duration) -> Self {
        Self {
            quiet,
            quiet_max: quiet_max.max(quiet),
            burst: BTreeMap::new(),
            span: None,
            restless: BTreeMap::new(),
            forced: BTreeMap::new(),
        }
    }

    /// Notes that something about `target` may have changed at `now`, which may be a little while ago.
    pub fn mark(&mut self, target: Target, now: Monotonic) {
        if let Some(mark) = self.restless.get_mut(&target) {
            mark.last = mark.last.max(now);
            return;
        }
        if let Some(forced) = self.forced.remove(&target)
            && now.since(forced.at) < self.quiet
        {
            self.set_restless(target, forced.since, now);
            return;
        }
        let (first, last) = self.span.unwrap_or((now, now));
        self.span = Some((first, last.max(now)));
        self.burst
            .entry(target)
            .and_modify(|mark| mark.last = mark.last.max(now))
            .or_insert(Mark {
                first: now,
                last: now,
                since: now,
            });
        if self.burst.len() > PATHS_MAX {
            self.collapse();
        }
    }

    /// Notes that `target` was taken although it has been changing since `since` and changes still.
    pub fn mark_restless(&mut self, target: Target, since: Monotonic, now: Monotonic) {
        self.burst.remove(&target);
        self.set_restless(target, since, now);
    }

    fn set_restless(&mut self, target: Target, since: Monotonic, now: Monotonic) {
        let target = if self.restless.len() < PATHS_MAX {
            target
        } else {
            Target::Everything
        };
        self.restless
            .entry(target)
            .and_modify(|mark| mark.last = now)
            .or_insert(Mark {
                first: now,
                last: now,
                since,
            });
    }

    /// Puts a restless path back that turned out to be changing still; it keeps its place in time.
    pub fn postpone(&mut self, due: &Due, now: Monotonic) {
        let mark = Mark {
            first: due.first,
            last: now,
            since: due.since,
        };
        self.restless.insert(Target::Path(due.path.clone()), mark);
    }

    /// Whether `path` keeps changing, so that nothing else should wait for it.
    pub fn is_restless(&self, path: &RelPath) -> bool {
        self.restless.contains_key(&Target::Path(path.clone()))
    }

    /// Forgets all marks, because everything is about to be looked at.
    pub fn clear(&mut self) {
        self.burst.clear();
        self.span = None;
        self.restless.remove(&Target::Everything);
    }

    /// Whether a burst waits for quiet; restless paths do not count, for they may never rest.
    pub fn is_settling(&self) -> bool {
        self.span.is_some()
    }

    /// When [`Settle::due`] has something next; it may be earlier than needed, never later.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        let burst = self.span.map(|(first, last)| self.deadline(first, last));
        let restless = self
            .restless
            .values()
            .map(|mark| self.deadline(mark.first, mark.last));
        restless.chain(burst).min()
    }

    fn deadline(&self, first: Monotonic, last: Monotonic) -> Monotonic {
        (last + self.quiet).min(first + self.quiet_max)
    }

    /// Takes what is due.
    pub fn due(&mut self, now: Monotonic) -> Option<Batch> {
        let mut taken: BTreeMap<Target, Taken> = BTreeMap::new();
        if let Some((first, last)) = self.span
            && now >= self.deadline(first, last)
        {
            debug_assert!(first <= last);
            self.span = None;
            for (target, mark) in std::mem::take(&mut self.burst) {
                taken.insert(target, self.taken(mark, false, now));
            }
        }
        let ripe: Vec<Target> = self
            .restless
            .iter()
            .filter(|(_, mark)| now >= self.deadline(mark.first, mark.last))
            .map(|(target, _)| target.clone())
            .collect();
        for target in ripe {
            if let Some(mark) = self.restless.remove(&target) {
                taken.insert(target, self.taken(mark, true, now));
            }
        }
        if !taken.is_empty() {
            self.forced
                .retain(|_, forced| now.since(forced.at) < self.quiet);
        }
        for (target, taken) in &taken {
            if taken.forced {
                let (at, since) = (now, taken.mark.since);
                self.forced.insert(target.clone(), Forced { at, since });
            }
        }
        (!taken.is_empty()).then(|| batch(&taken))
    }

    fn taken(&self, mark: Mark, restless: bool, now: Monotonic) -> Taken {
        Taken {
            mark,
            restless,
            forced: now < mark.last + self.quiet && now >= mark.first + self.quiet_max,
        }
    }

    /// Paths that wait for quiet, with the moment they began to change; `None` is the whole folder.
    pub fn settling(&self) -> impl Iterator<Item = (Option<&RelPath>, Monotonic)> {
        self.burst
            .iter()
            .chain(&self.restless)
            .map(|(target, mark)| match target {
                Target::Everything => (None, mark.since),
                Target::Path(path) => (Some(path), mark.since),
            })
    }

    /// Replaces paths by their directories, until at most half of the bound is left.
    fn collapse(&mut self) {
        while self.burst.len() > PATHS_MAX / 2 {
            let before = self.burst.len();
            let mut merged: BTreeMap<Target, Mark> = BTreeMap::new();
            for (target, mark) in std::mem::take(&mut self.burst) {
                let target = match target {
                    Target::Path(path) => path.parent().map_or(Target::Path(path), Target::Path),
                    Target::Everything => Target::Everything,
                };
                let into = merged.entry(target).or_insert(mark);
                into.first = into.first.min(mark.first);
                into.since = into.since.min(mark.since);
                into.last = into.last.max(mark.last);
            }
            self.burst = merged;
            if self.burst.len() == before {
                let (first, last) = self.span.unwrap_or_default();
                let since = first;
                self.burst.clear();
                self.burst
                    .insert(Target::Everything, Mark { first, last, since });
            }
        }
    }
}

fn batch(taken: &BTreeMap<Target, Taken>) -> Batch {
    if taken.contains_key(&Target::Everything) {
        return Batch {
            everything: true,
            paths: Vec::new(),
        };
    }
    let covered = |path: &RelPath| {
        std::iter::successors(path.parent(), RelPath::parent)
            .any(|above| taken.contains_key(&Target::Path(above)))
    };
    let paths = taken
        .iter()
        .filter_map(|(target, taken)| match target {
            Target::Path(path) if !covered(path) => Some(Due {
                path: path.clone(),
                since: taken.mark.since,
                first: taken.mark.first,
                restless: taken.restless,
                forced: taken.forced,
            }),
            Target::Path(_) | Target::Everything => None,
        })
        .collect();
    Batch {
        everything: false,
        paths,
    }
}

#[cfg(test)]
mod tests;

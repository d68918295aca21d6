//! One pass over the folder or a few paths: walk, read what changed, record, as one release.
//!
//! Files that may be changing still are waited for, within the same release, so that no page is
//! published before an asset that was saved a moment later. The release stays open until then; its pages
//! are held back as long as it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

use super::hash::{self, Read};
use super::look::{Moment, ToHash};
use super::scan::{Scan, Scope, Walk};
use super::{Intake, Trouble};
use crate::decide::plan::plan;
use crate::decide::settle::{Due, Target};
use crate::engine::live::{Totals, UNREADABLE_MAX, Unreadable};
use crate::model::event::Event;
use crate::model::job::ReleaseNumber;
use crate::model::path::RelPath;
use crate::model::time::Monotonic;
use crate::port::disk::{DiskError, Root, with_cause};
use crate::store::{FinishedRelease, Looks, Reader, Sighting};

/// Files read at once.
const READERS: usize = 2;

/// What a pass saw.
pub(super) struct Seen {
    /// What was passed over, where it was a pass over everything.
    pub(super) totals: Totals,
    /// Directories and files that could not be read.
    pub(super) unreadable: Vec<Unreadable>,
    /// The walk does not know all: something was recorded or read, which may have left files out that it took
    /// for kept, or files lie where it could not go.
    pub(super) recounted: bool,
    /// Each file was found in sync, with nothing left to be done about it, or left out.
    pub(super) at_rest: bool,
}

/// A pass under way.
struct Pass {
    root: Arc<dyn Root>,
    reader: Reader,
    began: Monotonic,
    release: Option<ReleaseNumber>,
    /// What the last step of a walk saw: recorded with the seal, in one commit, where nothing follows.
    unrecorded: Vec<Sighting>,
    totals: Totals,
    bytes_read: u64,
    unreadable: Vec<Unreadable>,
    recounted: bool,
    at_rest: bool,
    /// Directories that were asked for by name.
    directories: Vec<RelPath>,
}

impl Intake {
    /// Looks at `paths`, or at everything.
    pub(super) async fn pass(
        &mut self,
        paths: Option<Vec<Due>>,
        cancel: &CancellationToken,
    ) -> Result<Seen, Trouble> {
        self.passes += 1;
        self.at_rest = None;
        let reader = self.reader()?;
        let Some(opened) = &self.opened else {
            return Err(Trouble::RootChanged);
        };
        let mut pass = Pass {
            root: Arc::clone(&opened.root),
            reader,
            began: self.ports.clock.monotonic(),
            release: None,
            unrecorded: Vec::new(),
            totals: Totals::default(),
            bytes_read: 0,
            unreadable: Vec::new(),
            recounted: false,
            at_rest: true,
            directories: Vec::new(),
        };
        if paths.is_none() {
            pass.release = self.open_release.take();
        }
        let done = self.rounds(&mut pass, paths, cancel).await;
        match done {
            Ok(()) => {
                self.record(&mut pass, true).await?;
                Ok(Seen {
                    totals: pass.totals,
                    unreadable: pass.unreadable,
                    recounted: pass.recounted,
                    at_rest: pass.at_rest,
                })
            }
            Err(trouble) => {
                // The scan that follows takes the release over, and seals it when it is whole.
                self.open_release = pass.release;
                Err(trouble)
            }
        }
    }

    /// Walks once, and then again over what was changing meanwhile; what never rests is marked as such.
    async fn rounds(
        &mut self,
        pass: &mut Pass,
        paths: Option<Vec<Due>>,
        cancel: &CancellationToken,
    ) -> Result<(), Trouble> {
        let asked = paths.unwrap_or_default();
        let mut scopes: Vec<(Option<RelPath>, bool)> = asked
            .iter()
            .map(|due| (Some(due.path.clone()), due.forced))
            .collect();
        if asked.is_empty() {
            scopes.push((None, false));
        }
        let (mut is_first, mut late) = (true, false);
        loop {
            let young = self.gather(pass, &scopes, cancel).await?;
            if is_first {
                is_first = false;
                self.confirm(&pass.directories);
            }
            let young = self.sort_out(young, &asked, late);
            if young.is_empty() {
                return Ok(());
            }
            if late {
                let now = self.ports.clock.monotonic();
                for path in young {
                    self.settle
                        .mark_restless(Target::Path(path), pass.began, now);
                }
                return Ok(());
            }
            self.record(pass, false).await?;
            self.pause_for_quiet(cancel).await?;
            late = self.ports.clock.monotonic().since(pass.began) >= self.spec.settle_max;
            scopes = young.into_iter().map(|path| (Some(path), late)).collect();
        }
    }

    /// Leaves restless paths to their own marks, and returns those the release waits for.
    fn sort_out(
        &mut self,
        young: BTreeSet<RelPath>,
        asked: &[Due],
        late: bool,
    ) -> BTreeSet<RelPath> {
        let now = self.ports.clock.monotonic();
        let mut waited_for = BTreeSet::new();
        for path in young {
            match asked.iter().find(|due| due.path == path) {
                Some(due) if due.forced => {
                    let target = Target::Path(path);
                    self.settle.mark_restless(target, due.since, now);
                }
                Some(due) if due.restless && !late => self.settle.postpone(due, now),
                None if self.settle.is_restless(&path) => {}
                Some(_) | None => {
                    waited_for.insert(path);
                }
            }
        }
        waited_for
    }

    /// A directory that appeared is looked at once more: what was made in it before its watch stood was
    /// not told.
    fn confirm(&mut self, directories: &[RelPath]) {
        let now = self.ports.clock.monotonic();
        for directory in directories {
            if !self.confirming.remove(directory) {
                self.confirming.insert(directory.clone());
                self.settle.mark(Target::Path(directory.clone()), now);
            }
        }
    }

    async fn pause_for_quiet(&mut self, cancel: &CancellationToken) -> Result<(), Trouble> {
        let timer = self.ports.clock.sleep(self.spec.settle);
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Trouble::Interrupted),
            () = timer => {
                self.drain_hints();
                Ok(())
            }
        }
    }

    /// Walks over the scopes and records what is seen; returns what is changing still.
    async fn gather(
        &mut self,
        pass: &mut Pass,
        scopes: &[(Option<RelPath>, bool)],
        cancel: &CancellationToken,
    ) -> Result<BTreeSet<RelPath>, Trouble> {
        let mut walk = self.walk(pass, scopes);
        let mut young = BTreeSet::new();
        let is_full = scopes.iter().any(|(below, _)| below.is_none());
        loop {
            let walking = move || {
                let step = walk.next_step();
                (walk, step)
            };
            let (back, step) = self.ports.offload.run(walking).await;
            walk = back;
            let step = step?;
            young.extend(step.young);
            pass.directories.extend(step.directories);
            for (directory, error) in step.unreadable {
                pass.recounted = true;
                pass.refuse(directory, &error);
            }
            pass.recounted |= !step.sightings.is_empty() || !step.read.is_empty();
            let (sightings, changed) = self.read(pass, step.read, cancel).await;
            young.extend(changed);
            if step.gone {
                self.check_root().await?;
            }
            pass.unrecorded = step.sightings;
            pass.unrecorded.extend(sightings);
            // What was read by then is kept, but a step that was cut short seals nothing.
            let heard = self.be_interrupted(cancel);
            if !step.done || heard.is_err() {
                self.record(pass, false).await?;
            }
            if is_full {
                pass.totals = walk.totals();
                self.note(&Event::ScanProgress {
                    folder: self.spec.name.clone(),
                    files: pass.totals.files,
                    bytes: pass.bytes_read,
                });
            }
            pass.at_rest &= walk.is_at_rest();
            heard?;
            if step.done {
                return Ok(young);
            }
        }
    }

    fn walk(&self, pass: &Pass, scopes: &[(Option<RelPath>, bool)]) -> Walk {
        let moment = Moment {
            now: self.ports.clock.now(),
            quiet: self.spec.settle,
        };
        let policy = self.opened.as_ref().map(|opened| &opened.policy);
        Walk::new(policy.into_iter().flat_map(|policy| {
            scopes.iter().map(move |(below, take_young)| {
                let scope = Scope {
                    below: below.clone(),
                    moment,
                    take_young: *take_young,
                };
                let root = Arc::clone(&pass.root);
                Scan::new(
                    root,
                    Arc::clone(policy),
                    (pass.reader.clone(), self.folder),
                    scope,
                    self.ports.offload,
                )
            })
        }))
    }

    /// Commands and hints are heeded after each step, so that a long scan can be stopped.
    fn be_interrupted(&mut self, cancel: &CancellationToken) -> Result<(), Trouble> {
        self.drain_hints();
        while let Ok(command) = self.commands.try_recv() {
            self.obey(command);
        }
        if cancel.is_cancelled() || self.is_held() {
            return Err(Trouble::Interrupted);
        }
        if self.opened.is_none() {
            return Err(Trouble::RootChanged);
        }
        Ok(())
    }

    /// Reads files; returns what they are, and those that changed meanwhile.
    async fn read(
        &self,
        pass: &mut Pass,
        work: Vec<ToHash>,
        cancel: &CancellationToken,
    ) -> (Vec<Sighting>, Vec<RelPath>) {
        pass.bytes_read += work.iter().map(|file| file.stat.size).sum::<u64>();
        let root = &pass.root;
        let reads: Vec<Vec<Read>> = futures_util::stream::iter(hash::chunks(work))
            .map(|chunk| {
                let (root, clock) = (Arc::clone(root), Arc::clone(&self.ports.clock));
                let stop = cancel.clone();
                let reading = move || hash::read_all(root.as_ref(), chunk, clock.as_ref(), &stop);
                self.ports.offload.run(reading)
            })
            .buffered(READERS)
            .collect()
            .await;
        let (mut sightings, mut changed) = (Vec::new(), Vec::new());
        for read in reads.into_iter().flatten() {
            match read {
                Read::Same | Read::Stopped => {}
                Read::Seen(sighting) => sightings.push(sighting),
                Read::Changed(file) => changed.push(file.path),
                Read::Refused(path, error, sighting) => {
                    pass.refuse(path, &error);
                    sightings.extend(sighting);
                }
            }
        }
        (sightings, changed)
    }

    /// Records what is not yet; `is_last` seals the release with it.
    async fn record(&self, pass: &mut Pass, is_last: bool) -> Result<(), Trouble> {
        let looks = Looks {
            sightings: std::mem::take(&mut pass.unrecorded),
            release: pass.release,
            is_last,
        };
        if looks.sightings.is_empty() && (looks.release.is_none() || !is_last) {
            return Ok(());
        }
        // Whoever claims meanwhile is committed along with this.
        self.wake.notify_one();
        let now = self.ports.clock.now();
        let recorded = self.store.record(self.folder, looks, plan, now).await?;
        // What was claimed along with it is sent before anything is told.
        tokio::task::yield_now().await;
        pass.release = recorded.release.or(pass.release);
        self.tell_finished(recorded.finished);
        if let (Some(sealed), Some(release)) = (recorded.sealed, pass.release) {
            self.note(&Event::ReleaseStarted {
                folder: self.spec.name.clone(),
                release,
                files: sealed.files,
                bytes: sealed.bytes,
            });
            self.tell_finished(sealed.finished);
        }
        // A seal lets pages go that were held back until now.
        if recorded.planned > 0 || (is_last && pass.release.is_some()) {
            self.wake.notify_one();
        }
        Ok(())
    }

    fn tell_finished(&self, finished: Vec<FinishedRelease>) {
        let now = self.ports.clock.now();
        for release in finished {
            let seconds = release.started_at.until(now).as_secs_f64();
            self.note(&Event::ReleaseFinished {
                folder: self.spec.name.clone(),
                release: release.release,
                uploaded: release.uploaded,
                skipped: release.skipped,
                failed: release.failed,
                seconds,
            });
        }
    }
}

impl Pass {
    fn refuse(&mut self, path: RelPath, error: &DiskError) {
        let reason = with_cause(error);
        let refused = Unreadable { path, reason };
        if self.unreadable.len() < UNREADABLE_MAX && !self.unreadable.contains(&refused) {
            self.unreadable.push(refused);
        }
    }
}

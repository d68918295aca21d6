//! A batch of outcomes: looked at once more, written down in one commit, and told.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::outcome::Written;
use super::{GATHER_FOR, GATHER_MAX, Transfers};
use crate::engine::folder::Folder;
use crate::model::event::Event;
use crate::model::job::{FolderId, JobId, Outcome};
use crate::model::observation::Stat;
use crate::model::path::RelPath;
use crate::model::time::Timestamp;
use crate::port::disk::Root;
use crate::port::offload::Offload;
use crate::store::{Selection, Settled, Store, StoreError};

/// A batch that has been committed.
pub(super) struct Commit {
    events: Vec<Event>,
    settled: Settled,
    /// Files that were another version by the time their upload was acknowledged.
    changed_since: Vec<(Arc<Folder>, RelPath)>,
}

impl Transfers {
    /// Hands everything that waits to be written to one commit, unless one is under way.
    pub(super) fn start_settling(&mut self) {
        if self.settling.is_some() {
            return;
        }
        let gate = self.gate_to_write();
        if gate.is_none() && (self.outcomes.is_empty() || self.gathers_on()) {
            return;
        }
        self.gather_until = self.now() + GATHER_FOR;
        let batch = std::mem::take(&mut self.outcomes);
        let revived = std::mem::take(&mut self.revived);
        let (row, event) = gate.map_or((None, None), |(row, event)| (Some(row), event));
        if let Some(row) = &row {
            self.gate_written = (self.gate.state(), row.closures);
        }
        let store = self.store.clone();
        let ports = self.context.ports.clone();
        self.settling = Some(Box::pin(async move {
            let mut commit = Commit {
                changed_since: changed_since(&batch, ports.offload).await,
                events: event.into_iter().collect(),
                settled: Settled::default(),
            };
            if let Some(row) = row {
                store.save_account(row).await?;
            }
            if !batch.is_empty() {
                write(&store, batch, revived, &mut commit, ports.clock.now()).await?;
            }
            Ok(commit)
        }));
    }

    /// A commit costs the same for one outcome as for many, and nobody waits for these yet.
    fn gathers_on(&self) -> bool {
        !self.ready.is_empty() && self.outcomes.len() < GATHER_MAX && self.now() < self.gather_until
    }

    pub(super) fn committed(&mut self, commit: Commit) {
        self.context.ports.tell_all(&commit.events);
        for (folder, path) in commit.changed_since {
            folder.look_again(path);
        }
        for (id, path) in commit.settled.look_again {
            if let Some(folder) = self.folders.iter().find(|folder| folder.id == id) {
                folder.look_again(path);
            }
        }
        let now = self.context.ports.clock.now();
        for finished in commit.settled.finished {
            let Some(folder) = self
                .folders
                .iter()
                .find(|folder| folder.id == finished.folder)
            else {
                continue;
            };
            self.tell(&Event::ReleaseFinished {
                folder: folder.spec.name.clone(),
                release: finished.release,
                uploaded: finished.uploaded,
                skipped: finished.skipped,
                failed: finished.failed,
                seconds: finished.started_at.until(now).as_secs_f64(),
            });
        }
        self.hungry = true;
    }
}

async fn write(
    store: &Store,
    batch: Vec<Written>,
    revived: Vec<JobId>,
    commit: &mut Commit,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut settlements = Vec::with_capacity(batch.len());
    for written in batch {
        settlements.push(written.settlement);
        commit.events.extend(written.event);
    }
    commit.settled = store.settle(settlements, now).await?;
    if !revived.is_empty() {
        store.retry(Selection::Jobs(revived), now).await?;
    }
    Ok(())
}

/// The acknowledged files of one folder, as they were sent.
struct Sent {
    folder: Arc<Folder>,
    root: Arc<dyn Root>,
    paths: Vec<RelPath>,
    stats: Vec<Stat>,
}

impl Sent {
    /// Those that are another version by now.
    fn changed(self) -> impl Iterator<Item = (Arc<Folder>, RelPath)> {
        let now = self.root.entries(&self.paths);
        let files = self.paths.into_iter().zip(self.stats).zip(now);
        files
            .filter(|((_, sent), now)| !matches!(now, Ok(Some(entry)) if entry.stat == *sent))
            .map(move |((path, _), _)| (Arc::clone(&self.folder), path))
    }
}

/// Which acknowledged files are another version by now. A watcher would say so too, but it may be off.
async fn changed_since(batch: &[Written], offload: Offload) -> Vec<(Arc<Folder>, RelPath)> {
    let mut folders: BTreeMap<FolderId, Sent> = BTreeMap::new();
    for written in batch {
        let claim = &written.settlement.claim;
        let Some(root) = written.folder.open_root() else {
            continue;
        };
        if !matches!(written.settlement.outcome, Outcome::Acknowledged(_)) {
            continue;
        }
        let sent = folders.entry(claim.folder).or_insert_with(|| Sent {
            folder: Arc::clone(&written.folder),
            root,
            paths: Vec::new(),
            stats: Vec::new(),
        });
        sent.paths.push(claim.path.clone());
        sent.stats.push(claim.version.stat);
    }
    if folders.is_empty() {
        return Vec::new();
    }
    let look = move || folders.into_values().flat_map(Sent::changed).collect();
    offload.run(look).await
}

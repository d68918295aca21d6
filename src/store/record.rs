//! Recording looks and planning them, in one transaction.

use rusqlite::{Connection, Row, params};

use super::error::StoreError;
use super::folders::{self, Tree};
use super::queue::{self, Held};
use super::releases::{self, Tally};
use super::rows::{amount, bits, published};
use super::writer::Store;
use super::{Looks, Planner, Recorded, Sighting, local};
use crate::model::job::{FolderId, Intent, JobState, ReleaseNumber, Version};
use crate::model::key::Key;
use crate::model::observation::{Sight, Stat};
use crate::model::path::RelPath;
use crate::model::record::{Candidate, Known, LiveJob, Plan};
use crate::model::time::Timestamp;

impl Store {
    /// Records what was seen, plans each publishable file with `planner`, and makes the jobs. A release
    /// is made when the first job needs one.
    ///
    /// Two files whose names are one key are both left out until one of them goes.
    ///
    /// # Errors
    /// The database cannot be written; then nothing of the batch is.
    pub async fn record(
        &self,
        folder: FolderId,
        looks: Looks,
        planner: Planner,
        now: Timestamp,
    ) -> Result<Recorded, StoreError> {
        self.write("record what was seen", move |db| {
            let tree = folders::tree(db, folder)?;
            let mut batch = Batch {
                db,
                folder,
                tree,
                planner,
                now,
                recorded: Recorded {
                    release: looks.release,
                    ..Recorded::default()
                },
                checked: false,
                left: false,
                joined: None,
            };
            for sighting in looks.sightings {
                batch.sighting(&sighting)?;
            }
            batch.count_joined()?;
            if batch.left {
                batch.recorded.finished = releases::finish(db, folder, now)?;
            }
            if let (true, Some(release)) = (looks.is_last, batch.recorded.release) {
                batch.recorded.sealed = releases::seal(db, folder, release, now)?;
            }
            Ok(batch.recorded)
        })
        .await
    }
}

struct Batch<'a> {
    db: &'a Connection,
    folder: FolderId,
    tree: Tree,
    planner: Planner,
    now: Timestamp,
    recorded: Recorded,
    /// `recorded.release` is known to be open.
    checked: bool,
    /// A job left a release, which may have been its last.
    left: bool,
    /// Jobs that came into a release and are not counted there yet.
    joined: Option<(ReleaseNumber, Tally)>,
}

const WITHOUT_NAME: &str = "it has no remote name";

impl Batch<'_> {
    fn sighting(&mut self, seen: &Sighting) -> rusqlite::Result<()> {
        let before = lookup(self.db, self.folder, self.tree.id, &seen.path)?;
        match (&seen.sight, &seen.target) {
            (Sight::Gone, _) => {
                local::remove(self.db, self.folder, &seen.path)?;
                self.not_wanted(&before, &seen.path)
            }
            (Sight::Excluded { stat, reason }, _) => {
                local::leave_out(self.db, self.folder, &seen.path, stat, reason)?;
                self.not_wanted(&before, &seen.path)
            }
            (Sight::File { stat, .. }, None) => {
                local::leave_out(self.db, self.folder, &seen.path, stat, WITHOUT_NAME)?;
                self.not_wanted(&before, &seen.path)
            }
            (Sight::File { stat, digest, racy }, Some((key, stage, headers))) => {
                let version = Version {
                    stat: *stat,
                    digest: *digest,
                    headers: *headers,
                };
                let key_path = self.key_path(&seen.path, key);
                let file = local::File {
                    path: &seen.path,
                    version: &version,
                    racy: *racy,
                    stage: *stage,
                    key_path,
                };
                local::save(self.db, self.folder, &file)?;
                if before.is_twin || local::has_twin(self.db, self.folder, &seen.path, key_path)? {
                    return self.reconcile(key_path, &seen.path);
                }
                let candidate = Candidate {
                    key: key.clone(),
                    version,
                    stage: *stage,
                };
                self.plan(&seen.path, before, &candidate)
            }
        }
    }

    /// The key below the prefix, where it is not the path itself.
    fn key_path<'k>(&self, path: &RelPath, key: &'k Key) -> Option<&'k str> {
        let below = key
            .as_str()
            .strip_prefix(self.tree.prefix.as_str())
            .unwrap_or(key.as_str());
        (below.as_bytes() != path.as_bytes()).then_some(below)
    }

    fn not_wanted(&mut self, before: &Before, path: &RelPath) -> rusqlite::Result<()> {
        self.withdraw(before.job.as_ref())?;
        if before.is_twin {
            return self.reconcile(before.key_path.as_deref(), path);
        }
        Ok(())
    }

    fn withdraw(&mut self, job: Option<&Held>) -> rusqlite::Result<()> {
        if let Some(job) = job {
            self.count_joined()?;
            self.left = true;
            queue::withdraw(self.db, job)?;
        }
        Ok(())
    }

    /// The counts of a release are one row for all jobs that come into it, so it is written once for many.
    fn join(&mut self, release: ReleaseNumber, size: u64) -> rusqlite::Result<()> {
        match &mut self.joined {
            Some((counted, tally)) if *counted == release => *tally += Tally::join(size),
            _ => {
                self.count_joined()?;
                self.joined = Some((release, Tally::join(size)));
            }
        }
        Ok(())
    }

    /// To be done before any of them may leave again.
    fn count_joined(&mut self) -> rusqlite::Result<()> {
        let Some((release, tally)) = self.joined.take() else {
            return Ok(());
        };
        tally.add(self.db, self.folder, release)
    }

    /// Looks at all files of one key (that of `path`) again: several of them are all left out, one
    /// alone is planned.
    fn reconcile(&mut self, key_path: Option<&str>, path: &RelPath) -> rusqlite::Result<()> {
        let key = key_path.map_or(path.as_bytes(), str::as_bytes);
        let family = local::family(self.db, self.folder, key)?;
        if let [alone] = family.as_slice() {
            local::let_in(self.db, self.folder, alone)?;
            let before = lookup(self.db, self.folder, self.tree.id, alone)?;
            if let Some(candidate) = local::candidate(self.db, self.folder, &self.tree, alone)? {
                self.plan(alone, before, &candidate)?;
            }
            return Ok(());
        }
        for twin in &family {
            if let Some(other) = family.iter().find(|other| *other != twin) {
                let before = lookup(self.db, self.folder, self.tree.id, twin)?;
                self.withdraw(before.job.as_ref())?;
                local::mark_twin(self.db, self.folder, twin, other)?;
            }
        }
        Ok(())
    }

    fn plan(
        &mut self,
        path: &RelPath,
        before: Before,
        candidate: &Candidate,
    ) -> rusqlite::Result<()> {
        match (self.planner)(&before.known, candidate) {
            Plan::InSync => match before.job {
                Some(job) if job.state == JobState::Running => self.withdraw(Some(&job)),
                Some(job) => {
                    self.count_joined()?;
                    self.left = true;
                    queue::skip(self.db, &job)
                }
                None => Ok(()),
            },
            Plan::Covered => match before.job {
                Some(job) if job.state != JobState::Running => {
                    queue::refresh(self.db, &job, &candidate.version.stat, candidate.stage)
                }
                _ => Ok(()),
            },
            Plan::Dropped => {
                self.withdraw(before.job.as_ref())?;
                local::mark_dropped(self.db, self.folder, path)
            }
            Plan::Put(intent) => self.put(path, &before, &candidate.version, &intent),
        }
    }

    fn put(
        &mut self,
        path: &RelPath,
        before: &Before,
        version: &Version,
        intent: &Intent,
    ) -> rusqlite::Result<()> {
        let release = self.release()?;
        let size = version.stat.size;
        self.recorded.planned += 1;
        self.recorded.planned_bytes += size;
        let Some(job) = &before.job else {
            self.join(release, size)?;
            return self.insert(path, release, version, intent);
        };
        // Where the job counts until now, as far as it is not counted as failed there.
        let counted = match (job.state, job.next_release) {
            (JobState::Ready, _) => Some(job.release),
            (JobState::Running, next) => next,
            (JobState::Dead, _) => None,
        };
        if let Some(old) = counted {
            self.count_joined()?;
            self.left = true;
            Tally::leave(job.size).add(self.db, self.folder, old)?;
        }
        self.join(release, size)?;
        let gate = gate(job, before.known.published.is_some(), release);
        self.replace(job, (release, gate), version, intent)
    }

    /// The release that takes new jobs.
    fn release(&mut self) -> rusqlite::Result<ReleaseNumber> {
        if let (true, Some(release)) = (self.checked, self.recorded.release) {
            return Ok(release);
        }
        let release =
            releases::open_release(self.db, self.folder, self.recorded.release, self.now)?;
        self.recorded.release = Some(release);
        self.checked = true;
        Ok(release)
    }

    fn insert(
        &self,
        path: &RelPath,
        release: ReleaseNumber,
        version: &Version,
        intent: &Intent,
    ) -> rusqlite::Result<()> {
        const INSERT: &str = "INSERT INTO job (folder_id, path, tree_id, release, key, digest, \
            headers, \
            dev, ino, size, mtime_ns, ctime_ns, stage, reason, generation, state, due_at_ms) \
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 1, 'ready', ?15)";
        let Stat {
            dev,
            ino,
            size,
            mtime_ns,
            ctime_ns,
        } = version.stat;
        self.db
            .prepare_cached(INSERT)?
            .execute(params![
                self.folder,
                path,
                self.tree.id,
                release,
                intent.key,
                version.digest,
                version.headers,
                bits(dev),
                bits(ino),
                amount(size),
                mtime_ns,
                ctime_ns,
                intent.stage,
                intent.reason,
                self.now
            ])
            .map(drop)
    }

    /// Gives the job a newer version: at once, or once its running attempt has ended.
    fn replace(
        &self,
        job: &Held,
        (release, gate): (ReleaseNumber, Option<ReleaseNumber>),
        version: &Version,
        intent: &Intent,
    ) -> rusqlite::Result<()> {
        const REPLACE: &str = "UPDATE job SET tree_id = ?2, gate = ?3, key = ?4, digest = ?5, \
            headers = ?6, dev = ?7, ino = ?8, size = ?9, mtime_ns = ?10, ctime_ns = ?11, stage = \
            ?12, \
            reason = ?13, generation = generation + 1 WHERE id = ?1";
        const SUPERSEDE: &str =
            "UPDATE job SET superseded = 'newer', next_release = ?2 WHERE id = ?1";
        const RENEW: &str = "UPDATE job SET state = 'ready', release = ?2, due_at_ms = ?3, \
            attempts = 0, \
            tries = 0, repeats = 0, last_code = NULL, fault_call = NULL, fault_layer = NULL, \
            fault_code = NULL, fault_status = NULL, fault_message = NULL, fault_at_ms = NULL \
            WHERE id = ?1";
        let stat = &version.stat;
        self.db.prepare_cached(REPLACE)?.execute(params![
            job.id,
            self.tree.id,
            gate,
            intent.key,
            version.digest,
            version.headers,
            bits(stat.dev),
            bits(stat.ino),
            amount(stat.size),
            stat.mtime_ns,
            stat.ctime_ns,
            intent.stage,
            intent.reason
        ])?;
        if job.state == JobState::Running {
            let mut supersede = self.db.prepare_cached(SUPERSEDE)?;
            return supersede.execute(params![job.id, release]).map(drop);
        }
        self.db
            .prepare_cached(RENEW)?
            .execute(params![job.id, release, self.now])
            .map(drop)
    }
}

/// A file that was never published holds the pages of the release it was first planned in,
/// whichever release its newest version belongs to: else a page could go up before it. One that
/// was published holds those of its newest release only, since its older bytes are there.
fn gate(job: &Held, published: bool, release: ReleaseNumber) -> Option<ReleaseNumber> {
    if published || job.state == JobState::Dead {
        return None;
    }
    let first = job.gate.unwrap_or(job.release);
    (first < release).then_some(first)
}

/// What is stored of a path before it is planned.
struct Before {
    known: Known,
    job: Option<Held>,
    is_twin: bool,
    key_path: Option<String>,
}

pub(super) const LOOKUP: &str = concat!(
    "SELECT s.digest, s.headers, coalesce(s.in_doubt, 0), \
        l.dropped_digest, l.dropped_headers, coalesce(l.left_out_by, '') = 'twin', l.key_path, \
        j.id, j.state, j.release, j.next_release, j.gate, j.superseded, j.size, j.digest, \
        j.headers, ",
    queue::is_wanted!(),
    " FROM (SELECT 1) \
    LEFT JOIN local l ON l.folder_id = ?1 AND l.path = ?3 \
    LEFT JOIN synced s ON s.tree_id = ?2 AND s.path = ?3 \
    LEFT JOIN job j ON j.folder_id = ?1 AND j.path = ?3"
);

fn lookup(
    db: &Connection,
    folder: FolderId,
    tree: i64,
    path: &RelPath,
) -> rusqlite::Result<Before> {
    db.prepare_cached(LOOKUP)?
        .query_row(params![folder, tree, path], |row| {
            let job = held(row, folder)?;
            let live = match &job {
                Some(job) if row.get(16)? => published(row, 14)?.map(|version| LiveJob {
                    state: job.state,
                    version,
                }),
                _ => None,
            };
            Ok(Before {
                known: Known {
                    published: published(row, 0)?,
                    in_doubt: row.get(2)?,
                    job: live,
                    dropped: published(row, 3)?,
                },
                job,
                is_twin: row.get(5)?,
                key_path: row.get(6)?,
            })
        })
}

fn held(row: &Row<'_>, folder: FolderId) -> rusqlite::Result<Option<Held>> {
    let Some(id) = row.get(7)? else {
        return Ok(None);
    };
    Ok(Some(Held {
        id,
        folder,
        state: row.get(8)?,
        release: row.get(9)?,
        next_release: row.get(10)?,
        gate: row.get(11)?,
        is_unwanted: row.get::<_, Option<String>>(12)?.as_deref() == Some("unwanted"),
        size: super::rows::count(row, 13)?,
    }))
}

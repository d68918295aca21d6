//! What people ask: counts, problems, the queue, and who holds whom.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use super::beside::Beside;
use super::error::StoreError;
use super::queue::{Scope, in_scope};
use super::reader::Reader;
use super::rows::{amount, count, fault, small};
use super::{FileCounts, FileTally, Holding, QueuedJob, RemoteOnly, Selection, folders};
use crate::model::job::{FolderId, JobState};
use crate::model::time::Timestamp;

impl Reader {
    /// Every regular file of the folder in exactly one count (`settling` is the daemon's to fill
    /// in).
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn counts(&self, folder: FolderId) -> Result<FileCounts, StoreError> {
        self.tally(folder).map(|tally| tally.counts)
    }

    /// The same, with their bytes.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn tally(&self, folder: FolderId) -> Result<FileTally, StoreError> {
        self.read("count files", |db| tally(db, folder))
    }

    /// How many files are not excluded, and how many are. Less to read than all counts.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn seen(&self, folder: FolderId) -> Result<(u64, u64), StoreError> {
        const SEEN: &str = "SELECT count(*) - count(left_out), count(left_out) FROM local \
            WHERE folder_id = ?1";
        self.read("count files", |db| {
            db.prepare_cached(SEEN)?
                .query_row([folder], |row| Ok((count(row, 0)?, count(row, 1)?)))
        })
    }

    /// Since when the oldest job that is not dead has waited: the begin of its release.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn waiting_since(&self, folder: FolderId) -> Result<Option<Timestamp>, StoreError> {
        self.read("find the oldest job", |db| {
            db.prepare_cached(WAITING_SINCE)?
                .query_row([folder], |row| row.get(0))
        })
    }

    /// Dead jobs and jobs that wait after a fault, dead ones first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn problems(&self, folder: FolderId, limit: usize) -> Result<Vec<QueuedJob>, StoreError> {
        self.read("list problems", |db| {
            db.prepare_cached(PROBLEMS)?
                .query_map(params![folder, amount(limit as u64)], queued_job)?
                .collect()
        })
    }

    /// The selected jobs in publish order.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn queue(&self, selection: &Selection, limit: usize) -> Result<Vec<QueuedJob>, StoreError> {
        self.read("list the queue", |db| {
            let mut jobs = Vec::new();
            for scope in Scope::of(selection) {
                let room = limit - jobs.len();
                let mut statement = db.prepare_cached(QUEUE)?;
                let rows = statement.query_map(
                    params![
                        scope.folder,
                        scope.path,
                        scope.from,
                        scope.to,
                        scope.only_dead,
                        scope.job,
                        amount(room as u64)
                    ],
                    queued_job,
                )?;
                for job in rows {
                    jobs.push(job?);
                }
            }
            Ok(jobs)
        })
    }

    /// The jobs that hold pages back, in publish order, each with how many it holds.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn held(&self, folder: FolderId, limit: usize) -> Result<Vec<Holding>, StoreError> {
        self.read("list what holds pages", |db| {
            db.prepare_cached(HELD)?
                .query_map(params![folder, amount(limit as u64)], |row| {
                    Ok(Holding {
                        path: row.get(0)?,
                        state: row.get(1)?,
                        pages: count(row, 2)?,
                    })
                })?
                .collect()
        })
    }

    /// Files that were acknowledged once and are gone locally, in byte order.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn remote_only(
        &self,
        folder: FolderId,
        limit: usize,
    ) -> Result<Vec<RemoteOnly>, StoreError> {
        self.read("list remote-only files", |db| {
            let tree = folders::tree(db, folder)?;
            db.prepare_cached(REMOTE_ONLY)?
                .query_map(
                    params![folder, tree.id, amount(limit as u64), tree.prefix],
                    |row| {
                        Ok(RemoteOnly {
                            path: row.get(0)?,
                            key: row.get(1)?,
                            size: count(row, 2)?,
                            acknowledged_at: row.get(3)?,
                        })
                    },
                )?
                .collect()
        })
    }
}

const FILES: &str = "SELECT path, left_out IS NOT NULL, digest, headers, size FROM local \
    WHERE folder_id = ?1 ORDER BY path";
const ACKNOWLEDGED: &str = "SELECT path, digest, headers, in_doubt FROM synced \
    WHERE tree_id = ?1 ORDER BY path";
const JOBS: &str = "SELECT path, state, fault_at_ms IS NOT NULL FROM job \
    WHERE folder_id = ?1 ORDER BY path";
const EVER_ACKNOWLEDGED: &str = "SELECT count(digest) FROM synced WHERE tree_id = ?1";

fn tally(db: &Connection, folder: FolderId) -> rusqlite::Result<FileTally> {
    let tree = folders::tree(db, folder)?.id;
    let mut tally = FileTally::default();
    let mut acknowledged = db.prepare_cached(ACKNOWLEDGED)?;
    let mut acknowledged = Beside::new(acknowledged.query([tree])?);
    let mut jobs = db.prepare_cached(JOBS)?;
    let mut jobs = Beside::new(jobs.query([folder])?);
    let mut here = 0;
    let mut statement = db.prepare_cached(FILES)?;
    let mut rows = statement.query([folder])?;
    while let Some(row) = rows.next()? {
        let path = row.get_ref(0)?.as_blob()?;
        let acknowledged = acknowledged.at(path)?;
        if let Some(acknowledged) = acknowledged {
            here += u64::from(acknowledged.get_ref(1)? != ValueRef::Null);
        }
        tally.add(row, acknowledged, jobs.at(path)?)?;
    }
    let ever = db
        .prepare_cached(EVER_ACKNOWLEDGED)?
        .query_row([tree], |row| count(row, 0))?;
    tally.counts.remote_only = ever.saturating_sub(here);
    Ok(tally)
}

impl FileTally {
    /// Puts a file into exactly one count.
    fn add(
        &mut self,
        file: &Row<'_>,
        acknowledged: Option<&Row<'_>>,
        job: Option<&Row<'_>>,
    ) -> rusqlite::Result<()> {
        if file.get(1)? {
            self.counts.excluded += 1;
            return Ok(());
        }
        let counts = &mut self.counts;
        let (slot, is_open) = match job {
            Some(job) => match (job.get(1)?, job.get(2)?) {
                (JobState::Running, _) => (&mut counts.in_flight, true),
                (JobState::Dead, _) => (&mut counts.dead, false),
                (JobState::Ready, true) => (&mut counts.failed, true),
                (JobState::Ready, false) => (&mut counts.queued, true),
            },
            None => match acknowledged {
                Some(acknowledged) if is_acknowledged(file, acknowledged)? => {
                    (&mut counts.synced, false)
                }
                _ => (&mut counts.queued, true),
            },
        };
        *slot += 1;
        counts.total += 1;
        let size = count(file, 4)?;
        self.bytes = self.bytes.saturating_add(size);
        if is_open {
            self.bytes_open = self.bytes_open.saturating_add(size);
        }
        Ok(())
    }
}

/// Whether the cloud acknowledged exactly this version.
fn is_acknowledged(file: &Row<'_>, acknowledged: &Row<'_>) -> rusqlite::Result<bool> {
    Ok(file.get_ref(2)? == acknowledged.get_ref(1)?
        && file.get_ref(3)? == acknowledged.get_ref(2)?
        && !acknowledged.get::<_, bool>(3)?)
}

const WAITING_SINCE: &str = "SELECT min(r.started_at_ms) FROM job j \
    JOIN release r ON r.folder_id = j.folder_id AND r.number = j.release \
    WHERE j.folder_id = ?1 AND j.state <> 'dead'";

macro_rules! job_columns {
    () => {
        "SELECT j.id, j.folder_id, j.path, j.state, j.reason, j.stage, \
         coalesce(j.next_release, j.release), j.size, j.attempts, j.tries, j.due_at_ms, \
         j.fault_call, j.fault_layer, j.fault_code, j.fault_status, j.fault_message, j.fault_at_ms \
         FROM job j WHERE "
    };
}
pub(super) use job_columns;

const PROBLEMS: &str = concat!(
    job_columns!(),
    "j.folder_id = ?1 AND (j.state = 'dead' OR j.fault_at_ms IS NOT NULL) ",
    "ORDER BY j.state <> 'dead', j.fault_at_ms, j.id LIMIT ?2"
);
const QUEUE: &str = concat!(
    job_columns!(),
    in_scope!(),
    " ORDER BY j.folder_id, coalesce(j.next_release, j.release), j.stage, j.id LIMIT ?7"
);

pub(super) fn queued_job(row: &Row<'_>) -> rusqlite::Result<QueuedJob> {
    Ok(QueuedJob {
        job: row.get(0)?,
        folder: row.get(1)?,
        path: row.get(2)?,
        state: row.get(3)?,
        reason: row.get(4)?,
        stage: row.get(5)?,
        release: row.get(6)?,
        bytes: count(row, 7)?,
        attempts: small(row, 8)?,
        tries: small(row, 9)?,
        due: row.get(10)?,
        fault: fault(row, 11)?,
    })
}

const HELD: &str = "SELECT path, state, pages FROM (SELECT a.path, a.state, a.stage, a.release, \
    a.id, \
        (SELECT count(*) FROM job p WHERE p.folder_id = ?1 AND p.state = 'ready' \
            AND p.stage IN (1, 2) AND p.stage > a.stage \
            AND p.release >= min(a.release, coalesce(a.gate, a.release))) AS pages \
        FROM job a WHERE a.folder_id = ?1 AND a.state <> 'dead' AND a.stage < 2 \
        ORDER BY a.stage, a.release, a.id LIMIT ?2) \
    WHERE pages > 0";

const REMOTE_ONLY: &str = "SELECT s.path, ?4 || coalesce(s.key_path, CAST(s.path AS TEXT)), \
    s.size, \
        s.acknowledged_at_ms \
    FROM synced s WHERE s.tree_id = ?2 AND s.digest IS NOT NULL \
    AND NOT EXISTS (SELECT 1 FROM local l WHERE l.folder_id = ?1 AND l.path = s.path) \
    ORDER BY s.path LIMIT ?3";

//! Jobs that end without an attempt, and what a person does to the queue.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use super::error::StoreError;
use super::releases::{self, Tally};
use super::rows::{amount, below, bits};
use super::writer::Store;
use super::{Dropped, Retried, Selection, local, messages, sending};
use crate::model::job::{FolderId, JobId, JobState, ReleaseNumber, Stage};
use crate::model::observation::Stat;
use crate::model::path::RelPath;
use crate::model::record::Published;
use crate::model::time::Timestamp;

/// The condition that a `job` is to publish its version, as far as is known: it does not end with its
/// attempt, and does not wait for a look.
macro_rules! is_wanted {
    () => {
        "(superseded IS NOT 'unwanted' AND NOT (state = 'ready' AND last_code IS 'look'))"
    };
}
pub(super) use is_wanted;

/// The part of a job's row that withdrawing and replacing it depends on.
pub(super) struct Held {
    pub(super) id: JobId,
    pub(super) folder: FolderId,
    pub(super) state: JobState,
    pub(super) release: ReleaseNumber,
    pub(super) next_release: Option<ReleaseNumber>,
    pub(super) gate: Option<ReleaseNumber>,
    pub(super) is_unwanted: bool,
    pub(super) size: u64,
}

pub(super) const DELETE: &str = "DELETE FROM job WHERE id = ?1";
const UNWANTED: &str =
    "UPDATE job SET superseded = 'unwanted', next_release = NULL, gate = NULL WHERE id = ?1";

/// Takes a job back that nobody wants any more: it goes, or ends with its running attempt.
pub(super) fn withdraw(db: &Connection, job: &Held) -> rusqlite::Result<()> {
    let counted = match job.state {
        JobState::Ready => Some(job.release),
        JobState::Running => job.next_release,
        JobState::Dead => None,
    };
    if let Some(release) = counted {
        Tally::leave(job.size).add(db, job.folder, release)?;
    }
    let sql = if job.state == JobState::Running {
        UNWANTED
    } else {
        DELETE
    };
    db.prepare_cached(sql)?.execute([job.id]).map(drop)
}

/// Ends a waiting or dead job because the cloud has its version already.
pub(super) fn skip(db: &Connection, job: &Held) -> rusqlite::Result<()> {
    let tally = Tally {
        skipped: 1,
        failed: if job.state == JobState::Dead { -1 } else { 0 },
        ..Tally::default()
    };
    tally.add(db, job.folder, job.release)?;
    db.prepare_cached(DELETE)?.execute([job.id]).map(drop)
}

/// What goes last to confirm an upload in doubt stays last.
const REFRESH: &str = "UPDATE job SET dev = ?2, ino = ?3, size = ?4, mtime_ns = ?5, ctime_ns = ?6, \
    stage = iif(reason = 'unknown', max(stage, ?7), ?7) WHERE id = ?1 AND state <> 'running'";

/// Gives a waiting job the newest metadata of the version it publishes.
pub(super) fn refresh(
    db: &Connection,
    job: &Held,
    stat: &Stat,
    stage: Stage,
) -> rusqlite::Result<()> {
    db.prepare_cached(REFRESH)?
        .execute(params![
            job.id,
            bits(stat.dev),
            bits(stat.ino),
            amount(stat.size),
            stat.mtime_ns,
            stat.ctime_ns,
            stage
        ])
        .map(drop)
}

const OF_FOLDER: &str = "SELECT id, folder_id, state, release, next_release, gate, \
    coalesce(superseded, '') = 'unwanted', size, path FROM job WHERE folder_id = ?1";

/// Withdraws every job of a folder whose remote tree changed.
pub(super) fn withdraw_all(db: &Connection, folder: FolderId) -> rusqlite::Result<()> {
    let jobs: Vec<Held> = db
        .prepare_cached(OF_FOLDER)?
        .query_map([folder], held)?
        .collect::<Result<_, _>>()?;
    jobs.iter().try_for_each(|job| withdraw(db, job))
}

fn held(row: &rusqlite::Row<'_>) -> rusqlite::Result<Held> {
    Ok(Held {
        id: row.get(0)?,
        folder: row.get(1)?,
        state: row.get(2)?,
        release: row.get(3)?,
        next_release: row.get(4)?,
        gate: row.get(5)?,
        is_unwanted: row.get(6)?,
        size: super::rows::count(row, 7)?,
    })
}

/// A [`Selection`] as bounds that one condition can compare: of several where it names several
/// jobs.
pub(super) struct Scope {
    pub(super) folder: Option<FolderId>,
    pub(super) path: Option<RelPath>,
    pub(super) from: Vec<u8>,
    pub(super) to: Vec<u8>,
    pub(super) only_dead: bool,
    pub(super) job: Option<JobId>,
}

impl Scope {
    pub(super) fn of(selection: &Selection) -> Vec<Self> {
        let all = || Self {
            folder: None,
            path: None,
            from: Vec::new(),
            to: Vec::new(),
            only_dead: false,
            job: None,
        };
        match selection {
            Selection::All => vec![all()],
            Selection::Dead => vec![Self {
                only_dead: true,
                ..all()
            }],
            Selection::Folder(folder) => vec![Self {
                folder: Some(*folder),
                ..all()
            }],
            Selection::Path(folder, path) => {
                let (from, to) = below(path);
                vec![Self {
                    folder: Some(*folder),
                    path: Some(path.clone()),
                    from,
                    to,
                    ..all()
                }]
            }
            Selection::Jobs(jobs) => jobs
                .iter()
                .map(|job| Self {
                    job: Some(*job),
                    ..all()
                })
                .collect(),
        }
    }
}

/// The condition of a [`Scope`] over `job j`, with `?1` … `?6`.
macro_rules! in_scope {
    () => {
        "(?1 IS NULL OR j.folder_id = ?1) \
         AND (?2 IS NULL OR j.path = ?2 OR (j.path > ?3 AND j.path < ?4)) \
         AND (?5 = 0 OR j.state = 'dead') AND (?6 IS NULL OR j.id = ?6)"
    };
}
pub(super) use in_scope;

const CHOSEN: &str = concat!(
    "SELECT j.id, j.folder_id, j.state, j.release, j.next_release, j.gate, ",
    "coalesce(j.superseded, '') = 'unwanted', j.size, j.path FROM job j WHERE ",
    in_scope!()
);

fn chosen(db: &Connection, scope: &Scope) -> rusqlite::Result<Vec<(Held, RelPath)>> {
    db.prepare_cached(CHOSEN)?
        .query_map(
            params![
                scope.folder,
                scope.path,
                scope.from,
                scope.to,
                scope.only_dead,
                scope.job
            ],
            |row| Ok((held(row)?, row.get(8)?)),
        )?
        .collect()
}

impl Store {
    /// Tries the selected jobs again: dead ones from the start, waiting ones now. Dropped files of
    /// the selection are no longer dropped, and are to be looked at again.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn retry(&self, selection: Selection, now: Timestamp) -> Result<Retried, StoreError> {
        self.write("retry jobs", move |db| {
            let mut retried = Retried::default();
            for scope in Scope::of(&selection) {
                for (job, _) in chosen(db, &scope)? {
                    retried.jobs += u64::from(retry_one(db, &job, now)?);
                }
                if !scope.only_dead && scope.job.is_none() {
                    retried.look_again.extend(take_up(db, &scope)?);
                }
            }
            Ok(retried)
        })
        .await
    }

    /// Takes the selected jobs out of the queue and remembers their versions as dropped, so that
    /// they are not planned again until the file changes or the person retries it. A running
    /// attempt ends by itself; what it achieves is recorded.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn drop_jobs(
        &self,
        selection: Selection,
        now: Timestamp,
    ) -> Result<Dropped, StoreError> {
        self.write("drop jobs", move |db| {
            let mut dropped = Dropped::default();
            let mut folders = BTreeSet::new();
            for scope in Scope::of(&selection) {
                for (job, path) in chosen(db, &scope)? {
                    if job.is_unwanted {
                        continue;
                    }
                    remember_dropped(db, &job, &path)?;
                    withdraw(db, &job)?;
                    dropped.jobs += 1;
                    folders.insert(job.folder);
                }
            }
            for folder in folders {
                dropped.finished.extend(releases::finish(db, folder, now)?);
            }
            Ok(dropped)
        })
        .await
    }

    /// Moves every due time, of messages and accounts too, by a jump of the wall clock.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn shift_due(&self, delta_ms: i64) -> Result<(), StoreError> {
        const JOBS: &str = "UPDATE job SET due_at_ms = due_at_ms + ?1 WHERE state = 'ready'";
        const ACCOUNTS: &str =
            "UPDATE account SET until_at_ms = until_at_ms + ?1 WHERE until_at_ms IS NOT NULL";
        self.write("move due times", move |db| {
            db.execute(JOBS, [delta_ms])?;
            messages::shift_due(db, delta_ms)?;
            db.execute(ACCOUNTS, [delta_ms]).map(drop)
        })
        .await
    }

    /// Brings due times, of messages and accounts too, that are later than `latest` forward to it:
    /// they were written under a wall clock that was ahead.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn clamp_due(&self, latest: Timestamp) -> Result<(), StoreError> {
        const JOBS: &str = "UPDATE job SET due_at_ms = ?1 WHERE state = 'ready' AND due_at_ms > ?1";
        const ACCOUNTS: &str = "UPDATE account SET until_at_ms = ?1 WHERE until_at_ms > ?1";
        self.write("bring due times forward", move |db| {
            db.execute(JOBS, [latest])?;
            messages::clamp_due(db, latest)?;
            db.execute(ACCOUNTS, [latest]).map(drop)
        })
        .await
    }
}

const REVIVE: &str = "UPDATE job SET state = 'ready', attempts = 0, repeats = 0, last_code = NULL, \
    due_at_ms = ?2, fault_call = NULL, fault_layer = NULL, fault_code = NULL, fault_status = NULL, \
    fault_message = NULL, fault_at_ms = NULL WHERE id = ?1";
/// Not one that confirms what was acknowledged: it waits for what the cloud may still do.
const HURRY: &str = "UPDATE job SET due_at_ms = ?2 WHERE id = ?1 AND due_at_ms > ?2 \
    AND (tries = 0 OR fault_at_ms IS NOT NULL)";

fn retry_one(db: &Connection, job: &Held, now: Timestamp) -> rusqlite::Result<bool> {
    match job.state {
        JobState::Dead => {
            releases::revive(db, job.folder, job.release)?;
            db.prepare_cached(REVIVE)?.execute(params![job.id, now])?;
            sending::allow_once_more(db, job.id)?;
            Ok(true)
        }
        JobState::Ready => Ok(db.prepare_cached(HURRY)?.execute(params![job.id, now])? > 0),
        JobState::Running => Ok(false),
    }
}

const TAKE_UP: &str = "UPDATE local SET dropped_digest = NULL, dropped_headers = NULL, \
        left_out = iif(left_out_by = 'dropped', NULL, left_out), \
        left_out_by = nullif(left_out_by, 'dropped') \
    WHERE dropped_digest IS NOT NULL AND (?1 IS NULL OR folder_id = ?1) \
      AND (?2 IS NULL OR path = ?2 OR (path > ?3 AND path < ?4)) \
    RETURNING folder_id, path";

fn take_up(db: &Connection, scope: &Scope) -> rusqlite::Result<Vec<(FolderId, RelPath)>> {
    db.prepare_cached(TAKE_UP)?
        .query_map(
            params![scope.folder, scope.path, scope.from, scope.to],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?
        .collect()
}

const WANTED: &str = "SELECT digest, headers FROM job WHERE id = ?1";
const REMEMBER: &str = "UPDATE local SET dropped_digest = ?3, dropped_headers = ?4 \
    WHERE folder_id = ?1 AND path = ?2";

fn remember_dropped(db: &Connection, job: &Held, path: &RelPath) -> rusqlite::Result<()> {
    let version = db.prepare_cached(WANTED)?.query_row([job.id], |row| {
        Ok(Published {
            digest: row.get(0)?,
            headers: row.get(1)?,
        })
    })?;
    db.prepare_cached(REMEMBER)?.execute(params![
        job.folder,
        path,
        version.digest,
        version.headers
    ])?;
    local::mark_dropped(db, job.folder, path)
}

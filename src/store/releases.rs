//! Releases: made when the first job needs one, sealed when planned whole, finished with their
//! last job.
//!
//! A release's `files` are its uploaded, skipped and failed ones and the ready and running jobs in
//! it.

use std::ops::AddAssign;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::StoreError;
use super::reader::Reader;
use super::rows::{amount, count};
use super::writer::Store;
use super::{FinishedRelease, ReleaseRow, ReleaseState, Sealed};
use crate::model::job::{FolderId, ReleaseNumber};
use crate::model::time::Timestamp;

impl Store {
    /// Finishes every release whose last job went in a crash or with its remote tree since the
    /// last settlement.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn finish_releases(
        &self,
        now: Timestamp,
    ) -> Result<Vec<FinishedRelease>, StoreError> {
        const FOLDERS: &str = "SELECT DISTINCT folder_id FROM release WHERE state <> 'finished'";
        self.write("finish releases", move |db| {
            let folders: Vec<FolderId> = db
                .prepare_cached(FOLDERS)?
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            let mut finished = Vec::new();
            for folder in folders {
                finished.extend(finish(db, folder, now)?);
            }
            Ok(finished)
        })
        .await
    }
}

impl Reader {
    /// The newest releases, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn releases(&self, folder: FolderId, limit: usize) -> Result<Vec<ReleaseRow>, StoreError> {
        self.read("list releases", |db| {
            let sql = format!("{RELEASE} WHERE folder_id = ?1 ORDER BY number DESC LIMIT ?2");
            db.prepare_cached(&sql)?
                .query_map(params![folder, amount(limit as u64)], release_row)?
                .collect()
        })
    }

    /// The newest release that is not finished.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn current_release(&self, folder: FolderId) -> Result<Option<ReleaseRow>, StoreError> {
        self.read("read the current release", |db| {
            let sql = format!(
                "{RELEASE} WHERE folder_id = ?1 AND state <> 'finished' ORDER BY number DESC \
                    LIMIT 1"
            );
            db.prepare_cached(&sql)?
                .query_row([folder], release_row)
                .optional()
        })
    }
}

const RELEASE: &str = "SELECT number, state, started_at_ms, finished_at_ms, files, bytes, \
    uploaded, \
    skipped, failed FROM release";

fn release_row(row: &Row<'_>) -> rusqlite::Result<ReleaseRow> {
    Ok(ReleaseRow {
        number: row.get(0)?,
        state: row.get(1)?,
        started_at: row.get(2)?,
        finished_at: row.get(3)?,
        files: count(row, 4)?,
        bytes: u64::try_from(row.get::<_, i64>(5)?).unwrap_or(0),
        uploaded: count(row, 6)?,
        skipped: count(row, 7)?,
        failed: count(row, 8)?,
    })
}

const STATE: &str = "SELECT state FROM release WHERE folder_id = ?1 AND number = ?2";
const NEXT: &str = "UPDATE folder SET last_release = last_release + 1 WHERE id = ?1 \
    RETURNING last_release";
const MAKE: &str =
    "INSERT INTO release (folder_id, number, state, started_at_ms) VALUES (?1, ?2, 'open', ?3)";

/// The given release if it is still open, else a new one.
pub(super) fn open_release(
    db: &Connection,
    folder: FolderId,
    wanted: Option<ReleaseNumber>,
    now: Timestamp,
) -> rusqlite::Result<ReleaseNumber> {
    if let Some(wanted) = wanted {
        let state: Option<ReleaseState> = db
            .prepare_cached(STATE)?
            .query_row(params![folder, wanted], |row| row.get(0))
            .optional()?;
        if state == Some(ReleaseState::Open) {
            return Ok(wanted);
        }
    }
    let number: ReleaseNumber = db
        .prepare_cached(NEXT)?
        .query_row([folder], |row| row.get(0))?;
    db.prepare_cached(MAKE)?
        .execute(params![folder, number, now])?;
    Ok(number)
}

const TALLY: &str = "UPDATE release SET files = files + ?3, bytes = bytes + ?4, \
    uploaded = uploaded + ?5, skipped = skipped + ?6, failed = failed + ?7 \
    WHERE folder_id = ?1 AND number = ?2";

/// A change of a release's counts.
#[derive(Default, Clone, Copy)]
pub(super) struct Tally {
    pub(super) files: i64,
    pub(super) bytes: i64,
    pub(super) uploaded: i64,
    pub(super) skipped: i64,
    pub(super) failed: i64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.files += more.files;
        self.bytes += more.bytes;
        self.uploaded += more.uploaded;
        self.skipped += more.skipped;
        self.failed += more.failed;
    }
}

impl Tally {
    /// No change.
    pub(super) const NOTHING: Self = Self {
        files: 0,
        bytes: 0,
        uploaded: 0,
        skipped: 0,
        failed: 0,
    };
    /// A job ended with an upload.
    pub(super) const UPLOADED: Self = Self {
        uploaded: 1,
        ..Self::NOTHING
    };
    /// A job was given up.
    pub(super) const FAILED: Self = Self {
        failed: 1,
        ..Self::NOTHING
    };

    /// A job comes in.
    pub(super) fn join(size: u64) -> Self {
        Self {
            files: 1,
            bytes: amount(size),
            ..Self::default()
        }
    }

    /// A job goes without having ended.
    pub(super) fn leave(size: u64) -> Self {
        Self {
            files: -1,
            bytes: -amount(size),
            ..Self::default()
        }
    }

    /// Writes it down.
    pub(super) fn add(
        self,
        db: &Connection,
        folder: FolderId,
        release: ReleaseNumber,
    ) -> rusqlite::Result<()> {
        db.prepare_cached(TALLY)?
            .execute(params![
                folder,
                release,
                self.files,
                self.bytes,
                self.uploaded,
                self.skipped,
                self.failed
            ])
            .map(drop)
    }
}

const PUBLISH: &str = "UPDATE release SET state = 'publishing' \
    WHERE folder_id = ?1 AND number = ?2 AND state = 'open' RETURNING files, bytes";
const FORGET: &str = "DELETE FROM release WHERE folder_id = ?1 AND number = ?2";

/// Ends the planning of a release; `None` (and the release is gone) if nothing is left in it. A release
/// whose jobs have all ended by now is finished at once.
pub(super) fn seal(
    db: &Connection,
    folder: FolderId,
    release: ReleaseNumber,
    now: Timestamp,
) -> rusqlite::Result<Option<Sealed>> {
    let found = db
        .prepare_cached(PUBLISH)?
        .query_row(params![folder, release], |row| {
            let bytes: i64 = row.get(1)?;
            Ok((count(row, 0)?, u64::try_from(bytes).unwrap_or(0)))
        })
        .optional()?;
    let Some((files, bytes)) = found else {
        return Ok(None);
    };
    if files == 0 {
        db.prepare_cached(FORGET)?
            .execute(params![folder, release])?;
        return Ok(None);
    }
    let finished = finish(db, folder, now)?;
    Ok(Some(Sealed {
        files,
        bytes,
        finished,
    }))
}

pub(super) const FINISH: &str = "UPDATE release INDEXED BY release_unfinished SET state = \
    'finished', finished_at_ms = ?2 \
    WHERE folder_id = ?1 AND state <> 'finished' AND state = 'publishing' \
      AND NOT EXISTS (SELECT 1 FROM job WHERE job.folder_id = ?1 AND job.state = 'ready' \
            AND job.stage IN (0, 1, 2) AND job.release = release.number) \
      AND NOT EXISTS (SELECT 1 FROM job WHERE job.folder_id = ?1 AND job.state = 'running' \
            AND release.number IN (job.release, job.next_release)) \
    RETURNING number, uploaded, skipped, failed, started_at_ms";

/// Finishes the releases of which no job is ready or running any more.
pub(super) fn finish(
    db: &Connection,
    folder: FolderId,
    now: Timestamp,
) -> rusqlite::Result<Vec<FinishedRelease>> {
    let mut finished: Vec<FinishedRelease> = db
        .prepare_cached(FINISH)?
        .query_map(params![folder, now], |row| {
            Ok(FinishedRelease {
                folder,
                release: row.get(0)?,
                uploaded: count(row, 1)?,
                skipped: count(row, 2)?,
                failed: count(row, 3)?,
                started_at: row.get(4)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    finished.sort_unstable_by_key(|one| one.release);
    Ok(finished)
}

const REOPEN: &str = "UPDATE release SET state = 'publishing', finished_at_ms = NULL \
    WHERE folder_id = ?1 AND number = ?2 AND state = 'finished'";

/// A dead job of the release is tried again after all.
pub(super) fn revive(
    db: &Connection,
    folder: FolderId,
    release: ReleaseNumber,
) -> rusqlite::Result<()> {
    db.prepare_cached(REOPEN)?
        .execute(params![folder, release])?;
    let tally = Tally {
        failed: -1,
        ..Tally::default()
    };
    tally.add(db, folder, release)
}

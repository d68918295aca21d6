//! Ending attempts whose outcome nobody will learn: the process died during them, or a stop cut them off.

use rusqlite::{Connection, params};

use super::error::StoreError;
use super::releases::Tally;
use super::rows::count;
use super::settle::{self, ATTEMPTS_KEPT};
use super::writer::Store;
use crate::model::fault::{Call, Layer};
use crate::model::job::{FolderId, JobId, ReleaseNumber};
use crate::model::path::RelPath;
use crate::model::time::Timestamp;

impl Store {
    /// Makes jobs that were running when the last process ended ready again, one crash the wiser;
    /// how many. Their uploads stay in doubt. Messages whose attempt was under way wait again too.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn recover(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.write("recover jobs", move |db| {
            super::messages::recover(db, now)?;
            super::sending::tidy(db)?;
            cut_off(db, (None, true), now)
        })
        .await
    }

    /// Makes the running jobs of these folders ready again, because a stop does not wait for them any
    /// longer; how many. Their uploads stay in doubt.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn interrupt(
        &self,
        folders: Vec<FolderId>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.write("interrupt jobs", move |db| {
            let each = folders.into_iter();
            each.map(|folder| cut_off(db, (Some(folder), false), now))
                .sum()
        })
        .await
    }
}

struct Running {
    job: JobId,
    folder: FolderId,
    path: RelPath,
    release: ReleaseNumber,
    superseded: Option<String>,
    size: u64,
}

const RUNNING: &str = "SELECT id, folder_id, path, release, superseded, sent_size FROM job \
    WHERE state = 'running' AND (?1 IS NULL OR folder_id = ?1)";
const READY: &str = "UPDATE job SET state = 'ready', started_at_ms = NULL, sent_tree_id = NULL, \
    sent_size = NULL, due_at_ms = min(due_at_ms, ?2) WHERE id = ?1";
/// Its upload may take effect for a while yet, over that of a newer version: so it is remembered like one
/// that failed.
const REMEMBER: &str = "INSERT INTO attempt (folder_id, path, at_ms, call, layer, code, message, \
    took_ms) VALUES (?1, ?2, ?3, ?4, ?5, 'interrupted', '', 0)";
const CRASHED: &str = "UPDATE job SET crashes = crashes + ?2 WHERE id = ?1";

/// Ends the running attempts of a folder, or of all.
fn cut_off(
    db: &Connection,
    (folder, crashed): (Option<FolderId>, bool),
    now: Timestamp,
) -> rusqlite::Result<u64> {
    let running: Vec<Running> = db
        .prepare_cached(RUNNING)?
        .query_map([folder], |row| {
            Ok(Running {
                job: row.get(0)?,
                folder: row.get(1)?,
                path: row.get(2)?,
                release: row.get(3)?,
                superseded: row.get(4)?,
                size: count(row, 5)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    for one in &running {
        db.prepare_cached(REMEMBER)?.execute(params![
            one.folder,
            one.path,
            now,
            Call::Put,
            Layer::Local
        ])?;
        db.prepare_cached(settle::FORGET)?
            .execute(params![one.folder, one.path, ATTEMPTS_KEPT])?;
        db.prepare_cached(CRASHED)?
            .execute(params![one.job, crashed])?;
        match one.superseded.as_deref() {
            None => {
                db.prepare_cached(READY)?.execute(params![one.job, now])?;
                continue;
            }
            Some("newer") => settle::renew(db, one.job, now)?,
            Some(_) => settle::delete(db, one.job)?,
        }
        Tally::leave(one.size).add(db, one.folder, one.release)?;
    }
    Ok(running.len() as u64)
}

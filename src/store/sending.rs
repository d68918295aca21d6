//! How far the files of an outbox have come: handed over, and in which message they are sent.
//!
//! A message whose answer was lost may have arrived, so what was sent under which name is written
//! down before it is sent.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::StoreError;
use super::folders;
use super::reader::Reader;
use super::rows::small;
use super::writer::Store;
use super::{NewObjectKey, Sending};
use crate::model::job::{FolderId, JobId};
use crate::model::path::RelPath;
use crate::model::time::Timestamp;

impl Store {
    /// What earlier attempts of a running job have got to, in the tree it is sent to.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn sending(&self, job: JobId) -> Result<Option<Sending>, StoreError> {
        self.write("look up what is being sent", move |db| {
            db.prepare_cached(OF_JOB)?
                .query_row([job], sending_row)
                .optional()
        })
        .await
    }

    /// The server has the bytes of a running job under `object_key`, and the message
    /// `message_id` is to carry it. False: the job does not run any more.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn keep_object_key(
        &self,
        job: JobId,
        key: NewObjectKey,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        const KEEP: &str = "INSERT OR REPLACE INTO sending (tree_id, path, digest, object_key, \
                key_at_ms, message_id, begun, begun_at_ms) \
            SELECT sent_tree_id, path, ?2, ?3, ?4, ?5, ?6, iif(?6 = 0, NULL, coalesce(( \
                SELECT s.begun_at_ms FROM sending s \
                WHERE s.tree_id = sent_tree_id AND s.path = job.path), ?4)) FROM job \
            WHERE id = ?1 AND state = 'running'";
        self.write("record an object key", move |db| {
            let kept = db.prepare_cached(KEEP)?.execute(params![
                job,
                key.digest,
                key.object_key,
                at,
                key.message_id,
                key.sends
            ])?;
            Ok(kept > 0)
        })
        .await
    }

    /// Counts the sending of a running job's message before it is sent; which it is. 0: it must not
    /// be sent, because the job does not run any more or its key was not kept.
    ///
    /// # Errors
    /// The database cannot be written; then it must not be sent.
    pub async fn send_begins(&self, job: JobId, at: Timestamp) -> Result<u32, StoreError> {
        const BEGIN: &str = "UPDATE sending SET begun = begun + 1, begun_at_ms = ?2 \
            FROM job j WHERE j.id = ?1 AND j.state = 'running' \
                AND sending.tree_id = j.sent_tree_id AND sending.path = j.path \
            RETURNING begun";
        self.write("begin to send", move |db| {
            let begun = db
                .prepare_cached(BEGIN)?
                .query_row(params![job, at], |row| small(row, 0))
                .optional()?;
            Ok(begun.unwrap_or(0))
        })
        .await
    }
}

impl Reader {
    /// What the attempts of a path have got to, in the folder's current tree.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn sending(&self, folder: FolderId, path: &RelPath) -> Result<Option<Sending>, StoreError> {
        self.read("look up what is being sent", |db| {
            let tree = folders::tree(db, folder)?.id;
            db.prepare_cached(OF_PATH)?
                .query_row(params![tree, path], sending_row)
                .optional()
        })
    }
}

macro_rules! sending_columns {
    () => {
        "SELECT s.digest, s.object_key, s.key_at_ms, s.message_id, s.begun, s.begun_at_ms \
         FROM sending s "
    };
}

const OF_JOB: &str = concat!(
    sending_columns!(),
    "JOIN job j ON s.tree_id = j.sent_tree_id AND s.path = j.path \
     WHERE j.id = ?1 AND j.state = 'running'"
);
const OF_PATH: &str = concat!(sending_columns!(), "WHERE s.tree_id = ?1 AND s.path = ?2");

fn sending_row(row: &Row<'_>) -> rusqlite::Result<Sending> {
    Ok(Sending {
        digest: row.get(0)?,
        object_key: row.get(1)?,
        key_at: row.get(2)?,
        message_id: row.get(3)?,
        begun: small(row, 4)?,
        begun_at: row.get(5)?,
    })
}

/// A person wants what was given up tried again: its message may be sent once more.
pub(super) fn allow_once_more(db: &Connection, job: JobId) -> rusqlite::Result<()> {
    const ALLOW: &str = "UPDATE sending SET begun = 1 FROM job j WHERE j.id = ?1 AND begun > 1 \
        AND sending.tree_id = j.tree_id AND sending.path = j.path";
    db.prepare_cached(ALLOW)?.execute([job]).map(drop)
}

/// The message of a path was acknowledged.
pub(super) fn forget(db: &Connection, tree: i64, path: &RelPath) -> rusqlite::Result<()> {
    const FORGET: &str = "DELETE FROM sending WHERE tree_id = ?1 AND path = ?2";
    db.prepare_cached(FORGET)?
        .execute(params![tree, path])
        .map(drop)
}

/// Forgets what is not sent any more because its file is gone and nobody waits for it.
pub(super) fn tidy(db: &Connection) -> rusqlite::Result<()> {
    const TIDY: &str = "DELETE FROM sending WHERE NOT EXISTS ( \
            SELECT 1 FROM tree t JOIN job j ON j.folder_id = t.folder_id \
            WHERE t.id = sending.tree_id AND j.path = sending.path) \
        AND NOT EXISTS ( \
            SELECT 1 FROM tree t JOIN local l ON l.folder_id = t.folder_id \
            WHERE t.id = sending.tree_id AND l.path = sending.path)";
    db.execute(TIDY, []).map(drop)
}

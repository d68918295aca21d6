//! Everything that is known of one path, for `why`, and of the database itself.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::StoreError;
use super::reader::Reader;
use super::report::{job_columns, queued_job};
use super::rows::{amount, count, small, stat};
use super::{AttemptRow, Dossier, LocalRow, StoredFault, SyncedRow, UploadRow, folders};
use crate::model::job::FolderId;
use crate::model::path::RelPath;

impl Reader {
    /// Everything that is known of one path.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn dossier(&self, folder: FolderId, path: &RelPath) -> Result<Dossier, StoreError> {
        self.read("look up a path", |db| {
            Ok(Dossier {
                local: local(db, folder, path)?,
                synced: synced(db, folder, path)?,
                job: db
                    .prepare_cached(JOB)?
                    .query_row(params![folder, path], queued_job)
                    .optional()?,
                attempts: attempts(db, folder, path)?,
                uploads: uploads(db, folder, path)?,
            })
        })
    }

    /// The schema's version.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn schema_version(&self) -> Result<i64, StoreError> {
        self.read("read the schema version", |db| {
            db.pragma_query_value(None, "user_version", |row| row.get(0))
        })
    }

    /// What a thorough check of the file finds; nothing if it is sound.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn integrity_check(&self) -> Result<Vec<String>, StoreError> {
        const FOREIGN_KEYS: &str = "SELECT \"table\" FROM pragma_foreign_key_check LIMIT 20";
        self.read("check the database", |db| {
            let mut found: Vec<String> = db
                .prepare("PRAGMA integrity_check(20)")?
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            found.retain(|line| line != "ok");
            let mut keys = db.prepare(FOREIGN_KEYS)?;
            for table in keys.query_map([], |row| row.get::<_, String>(0))? {
                found.push(format!("a row of {} refers to nothing", table?));
            }
            Ok(found)
        })
    }
}

const LOCAL: &str = "SELECT dev, ino, size, mtime_ns, ctime_ns, racy, digest, left_out, generation \
    FROM local WHERE folder_id = ?1 AND path = ?2";
const SYNCED: &str = "SELECT digest, headers, size, remote_id, etag, acknowledged_at_ms, in_doubt, \
        ?3 || coalesce(key_path, CAST(path AS TEXT)) \
    FROM synced WHERE tree_id = ?1 AND path = ?2";
const JOB: &str = concat!(job_columns!(), "j.folder_id = ?1 AND j.path = ?2");
const ATTEMPTS: &str = "SELECT at_ms, call, layer, code, status, message, took_ms FROM attempt \
    WHERE folder_id = ?1 AND path = ?2 ORDER BY id DESC";
const UPLOADS: &str = "SELECT release, key, digest, size, tries, took_ms, at_ms, remote_id, \
    object_key FROM upload \
    WHERE folder_id = ?1 AND path = ?2 ORDER BY id DESC LIMIT ?3";

/// How many uploads of one path are shown.
const UPLOADS_SHOWN: u64 = 1000;

fn local(db: &Connection, folder: FolderId, path: &RelPath) -> rusqlite::Result<Option<LocalRow>> {
    db.prepare_cached(LOCAL)?
        .query_row(params![folder, path], |row| {
            Ok(LocalRow {
                stat: stat(row, 0)?,
                racy: row.get(5)?,
                digest: row.get(6)?,
                excluded: row.get(7)?,
                generation: row.get(8)?,
            })
        })
        .optional()
}

fn synced(
    db: &Connection,
    folder: FolderId,
    path: &RelPath,
) -> rusqlite::Result<Option<SyncedRow>> {
    let tree = folders::tree(db, folder)?;
    db.prepare_cached(SYNCED)?
        .query_row(params![tree.id, path, tree.prefix], |row| {
            Ok(SyncedRow {
                key: row.get(7)?,
                published: super::rows::published(row, 0)?,
                size: row.get::<_, Option<i64>>(2)?.map_or(0, i64::cast_unsigned),
                remote_id: row.get(3)?,
                etag: row.get(4)?,
                acknowledged_at: row.get(5)?,
                in_doubt: row.get(6)?,
            })
        })
        .optional()
}

fn attempts(
    db: &Connection,
    folder: FolderId,
    path: &RelPath,
) -> rusqlite::Result<Vec<AttemptRow>> {
    let attempt = |row: &Row<'_>| {
        Ok(AttemptRow {
            fault: StoredFault {
                at: row.get(0)?,
                call: row.get(1)?,
                layer: row.get(2)?,
                code: row.get(3)?,
                status: row.get(4)?,
                message: row.get(5)?,
            },
            took_ms: count(row, 6)?,
        })
    };
    db.prepare_cached(ATTEMPTS)?
        .query_map(params![folder, path], attempt)?
        .collect()
}

fn uploads(db: &Connection, folder: FolderId, path: &RelPath) -> rusqlite::Result<Vec<UploadRow>> {
    let upload = |row: &Row<'_>| {
        Ok(UploadRow {
            release: row.get(0)?,
            key: row.get(1)?,
            digest: row.get(2)?,
            size: count(row, 3)?,
            tries: small(row, 4)?,
            took_ms: count(row, 5)?,
            at: row.get(6)?,
            remote_id: row.get(7)?,
            object_key: row.get(8)?,
        })
    };
    db.prepare_cached(UPLOADS)?
        .query_map(params![folder, path, amount(UPLOADS_SHOWN)], upload)?
        .collect()
}

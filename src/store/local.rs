//! What the last look saw: one row per regular file.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::StoredFile;
use super::beside::Beside;
use super::error::StoreError;
use super::folders::{self, Tree};
use super::queue::is_wanted;
use super::reader::Reader;
use super::rows::{ABOVE_ALL, amount, below, bits, published, stat};
use crate::model::folder::FolderSpec;
use crate::model::job::{FolderId, Stage, Version};
use crate::model::key::{Key, shared_with};
use crate::model::observation::Stat;
use crate::model::path::RelPath;
use crate::model::record::{Candidate, Known, LiveJob};

impl Reader {
    /// Up to `limit` stored files in byte order of their paths: those after `after`, and of these
    /// only `below` itself and what lies below it.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn page(
        &self,
        folder: FolderId,
        directory: Option<&RelPath>,
        after: Option<&RelPath>,
        limit: usize,
    ) -> Result<Vec<StoredFile>, StoreError> {
        self.read("list stored files", |db| {
            let tree = folders::tree(db, folder)?.id;
            page(db, (folder, tree), directory, after, limit)
        })
    }

    /// The same of a whole folder as it will be once this configuration is adopted: what was acknowledged
    /// is what its own remote tree has, and jobs for another tree are gone.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn page_for(
        &self,
        folder: FolderId,
        spec: &FolderSpec,
        after: Option<&RelPath>,
        limit: usize,
    ) -> Result<Vec<StoredFile>, StoreError> {
        self.read("list stored files", |db| {
            let tree = folders::tree_of(db, folder, spec)?;
            let mut files = page(db, (folder, tree.id), None, after, limit)?;
            if !tree.is_current {
                for file in &mut files {
                    file.known.job = None;
                }
            }
            Ok(files)
        })
    }
}

fn page(
    db: &Connection,
    (folder, tree): (FolderId, i64),
    directory: Option<&RelPath>,
    after: Option<&RelPath>,
    limit: usize,
) -> rusqlite::Result<Vec<StoredFile>> {
    let mut page = Vec::new();
    let (mut from, mut to) = (Vec::new(), ABOVE_ALL.to_vec());
    if let Some(directory) = directory {
        if after.is_none_or(|after| after < directory) {
            page.extend(one(db, folder, tree, directory)?);
        }
        (from, to) = below(directory);
    }
    if let Some(after) = after
        && after.as_bytes() > from.as_slice()
    {
        from = after.as_bytes().to_vec();
    }
    let room = amount(limit.saturating_sub(page.len()) as u64);
    let mut statement = db.prepare_cached(RANGE)?;
    let mut rows = statement.query(params![folder, from, to, room])?;
    let mut acknowledged = db.prepare_cached(ACKNOWLEDGED)?;
    let mut acknowledged = Beside::new(acknowledged.query(params![tree, from, to])?);
    let mut jobs = db.prepare_cached(JOBS)?;
    let mut jobs = Beside::new(jobs.query(params![folder, from, to])?);
    while let Some(row) = rows.next()? {
        let path: RelPath = row.get(0)?;
        let mut known = Known {
            dropped: published(row, 9)?,
            ..Known::default()
        };
        if let Some(row) = acknowledged.at(path.as_bytes())? {
            known.published = published(row, 1)?;
            known.in_doubt = row.get(3)?;
        }
        if let Some(row) = jobs.at(path.as_bytes())? {
            known.job = live_job(row, 1)?;
        }
        page.push(stored_file(path, row, known)?);
    }
    page.truncate(limit);
    Ok(page)
}

macro_rules! range {
    ($columns:expr, $table_and_owner:literal) => {
        concat!(
            "SELECT path, ",
            $columns,
            " FROM ",
            $table_and_owner,
            " = ?1 AND path > ?2 AND path < ?3 ORDER BY path"
        )
    };
}

pub(super) const RANGE: &str = concat!(
    range!(
        "dev, ino, size, mtime_ns, ctime_ns, digest, racy, left_out, dropped_digest, dropped_headers",
        "local WHERE folder_id"
    ),
    " LIMIT ?4"
);
pub(super) const ACKNOWLEDGED: &str = range!("digest, headers, in_doubt", "synced WHERE tree_id");
pub(super) const JOBS: &str = range!(
    concat!("state, digest, headers, ", is_wanted!()),
    "job WHERE folder_id"
);

const ONE: &str = concat!(
    "SELECT l.path, l.dev, l.ino, l.size, l.mtime_ns, l.ctime_ns, l.digest, l.racy, \
        l.left_out, l.dropped_digest, l.dropped_headers, s.digest, s.headers, coalesce(s.in_doubt, 0), \
        j.state, j.digest, j.headers, ",
    is_wanted!(),
    " FROM local l LEFT JOIN synced s ON s.tree_id = ?2 AND s.path = l.path \
    LEFT JOIN job j ON j.folder_id = ?1 AND j.path = l.path \
    WHERE l.folder_id = ?1 AND l.path = ?3"
);

fn one(
    db: &Connection,
    folder: FolderId,
    tree: i64,
    path: &RelPath,
) -> rusqlite::Result<Option<StoredFile>> {
    db.prepare_cached(ONE)?
        .query_row(params![folder, tree, path], |row| {
            let known = Known {
                dropped: published(row, 9)?,
                published: published(row, 11)?,
                in_doubt: row.get(13)?,
                job: live_job(row, 14)?,
            };
            stored_file(row.get(0)?, row, known)
        })
        .optional()
}

/// `state, digest, headers` and whether it is wanted, from column `at` on; `None` where there is no job, or
/// one that is not.
fn live_job(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<LiveJob>> {
    let Some(state) = row.get(at)? else {
        return Ok(None);
    };
    let is_wanted = row.get(at + 3)?;
    let version = published(row, at + 1)?.filter(|_| is_wanted);
    Ok(version.map(|version| LiveJob { state, version }))
}

/// `dev, ino, size, mtime_ns, ctime_ns, digest, racy, left_out`, from column 1 on.
fn stored_file(path: RelPath, row: &Row<'_>, known: Known) -> rusqlite::Result<StoredFile> {
    Ok(StoredFile {
        path,
        stat: stat(row, 1)?,
        digest: row.get(6)?,
        racy: row.get(7)?,
        excluded: row.get(8)?,
        known,
    })
}

/// A publishable file as it was seen.
pub(super) struct File<'a> {
    pub(super) path: &'a RelPath,
    pub(super) version: &'a Version,
    pub(super) racy: bool,
    pub(super) stage: Stage,
    pub(super) key_path: Option<&'a str>,
}

const SAVE: &str = "INSERT INTO local (folder_id, path, dev, ino, size, mtime_ns, ctime_ns, \
    racy, digest, \
        headers, stage, key_path, generation) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 1) \
    ON CONFLICT (folder_id, path) DO UPDATE SET dev = ?3, ino = ?4, size = ?5, mtime_ns = ?6, \
        ctime_ns = ?7, racy = ?8, digest = ?9, headers = ?10, stage = ?11, key_path = ?12, \
        left_out = NULL, left_out_by = NULL, \
        generation = generation + (digest IS NOT ?9 OR headers IS NOT ?10)";

/// Records a publishable file.
pub(super) fn save(db: &Connection, folder: FolderId, file: &File<'_>) -> rusqlite::Result<()> {
    let stat = &file.version.stat;
    db.prepare_cached(SAVE)?
        .execute(params![
            folder,
            file.path,
            bits(stat.dev),
            bits(stat.ino),
            amount(stat.size),
            stat.mtime_ns,
            stat.ctime_ns,
            file.racy,
            file.version.digest,
            file.version.headers,
            file.stage,
            file.key_path
        ])
        .map(drop)
}

const LEAVE_OUT: &str = "INSERT INTO local (folder_id, path, dev, ino, size, mtime_ns, ctime_ns, \
    racy, \
        left_out, left_out_by, generation) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, 'rule', 1) \
    ON CONFLICT (folder_id, path) DO UPDATE SET dev = ?3, ino = ?4, size = ?5, mtime_ns = ?6, \
        ctime_ns = ?7, racy = 0, digest = NULL, headers = NULL, stage = NULL, key_path = NULL, \
        left_out = ?8, left_out_by = 'rule', generation = generation + (digest IS NOT NULL)";

/// Records a file that a rule leaves out.
pub(super) fn leave_out(
    db: &Connection,
    folder: FolderId,
    path: &RelPath,
    stat: &Stat,
    reason: &str,
) -> rusqlite::Result<()> {
    db.prepare_cached(LEAVE_OUT)?
        .execute(params![
            folder,
            path,
            bits(stat.dev),
            bits(stat.ino),
            amount(stat.size),
            stat.mtime_ns,
            stat.ctime_ns,
            reason
        ])
        .map(drop)
}

const REMOVE: &str = "DELETE FROM local WHERE folder_id = ?1 AND path = ?2";

/// Forgets a file that is gone.
pub(super) fn remove(db: &Connection, folder: FolderId, path: &RelPath) -> rusqlite::Result<()> {
    db.prepare_cached(REMOVE)?
        .execute(params![folder, path])
        .map(drop)
}

pub(super) const BY_KEY: &str = "SELECT path FROM local INDEXED BY local_key_path \
    WHERE folder_id = ?1 AND key_path = CAST(?2 AS TEXT) AND digest IS NOT NULL";
pub(super) const BY_NAME: &str = "SELECT path FROM local \
    WHERE folder_id = ?1 AND path = ?2 AND key_path IS NULL AND digest IS NOT NULL";

/// Whether another publishable file has the same key. An ordinary name costs one look into an
/// index that holds only names that are not NFC.
pub(super) fn has_twin(
    db: &Connection,
    folder: FolderId,
    path: &RelPath,
    key_path: Option<&str>,
) -> rusqlite::Result<bool> {
    if let Some(key) = key_path {
        return Ok(family(db, folder, key.as_bytes())?.len() > 1);
    }
    db.prepare_cached(BY_KEY)?.exists(params![folder, path])
}

/// All publishable files whose key below the prefix is `key`, in byte order.
pub(super) fn family(
    db: &Connection,
    folder: FolderId,
    key: &[u8],
) -> rusqlite::Result<Vec<RelPath>> {
    let mut found = Vec::new();
    for sql in [BY_KEY, BY_NAME] {
        let mut statement = db.prepare_cached(sql)?;
        let rows = statement.query_map(params![folder, key], |row| row.get(0))?;
        for path in rows {
            found.push(path?);
        }
    }
    found.sort_unstable();
    Ok(found)
}

const MARK: &str =
    "UPDATE local SET left_out = ?3, left_out_by = ?4 WHERE folder_id = ?1 AND path = ?2";

/// Leaves a file out because `other` has the same key.
pub(super) fn mark_twin(
    db: &Connection,
    folder: FolderId,
    path: &RelPath,
    other: &RelPath,
) -> rusqlite::Result<()> {
    let reason = shared_with(other);
    db.prepare_cached(MARK)?
        .execute(params![folder, path, reason, "twin"])
        .map(drop)
}

/// Leaves a file out because a person dropped this version of it from the queue.
pub(super) fn mark_dropped(
    db: &Connection,
    folder: FolderId,
    path: &RelPath,
) -> rusqlite::Result<()> {
    const REASON: &str =
        "dropped by hand; `syncd queue retry` takes it up again, and so does a change";
    db.prepare_cached(MARK)?
        .execute(params![folder, path, REASON, "dropped"])
        .map(drop)
}

/// Takes a file in again.
pub(super) fn let_in(db: &Connection, folder: FolderId, path: &RelPath) -> rusqlite::Result<()> {
    let none = None::<&str>;
    db.prepare_cached(MARK)?
        .execute(params![folder, path, none, none])
        .map(drop)
}

const CANDIDATE: &str = "SELECT dev, ino, size, mtime_ns, ctime_ns, digest, headers, stage, \
        coalesce(key_path, CAST(path AS TEXT)) \
    FROM local WHERE folder_id = ?1 AND path = ?2 AND digest IS NOT NULL";

/// A stored file as it is planned without being read again.
pub(super) fn candidate(
    db: &Connection,
    folder: FolderId,
    tree: &Tree,
    path: &RelPath,
) -> rusqlite::Result<Option<Candidate>> {
    db.prepare_cached(CANDIDATE)?
        .query_row(params![folder, path], |row| {
            let below: String = row.get(8)?;
            Ok(Candidate {
                key: Key::from_stored(format!("{}{below}", tree.prefix)),
                version: Version {
                    stat: stat(row, 0)?,
                    digest: row.get(5)?,
                    headers: row.get(6)?,
                },
                stage: row.get(7)?,
            })
        })
        .optional()
}

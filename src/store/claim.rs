//! Taking work: which jobs may run now, in publish order.
//!
//! Assets may run as soon as they are planned. A page waits until its release and all earlier ones
//! are sealed and no asset of them is unresolved; `last` pages wait for the other pages too. A job
//! during which the process died [`CRASHES_MAX`] times runs alone, when nothing else can. Two
//! paths may come to one key after each other (a file renamed between two spellings); their
//! uploads never overlap.

#[cfg(test)]
mod tests;

use std::rc::Rc;

use rusqlite::vtab::array::Array;
use rusqlite::{Connection, Row, params};
use tokio::sync::oneshot;

use super::error::StoreError;
use super::rows::{amount, small, stat};
use super::settle::{self, LATE_MAX};
use super::writer::Store;
use crate::model::job::{Claim, FolderId, ReleaseNumber, Stage, Version};
use crate::model::time::Timestamp;

/// A job that saw so many crashes runs alone and last.
pub const CRASHES_MAX: u32 = 3;

impl Store {
    /// Leases up to `limit` jobs of the folder that are due, and marks what they publish as in
    /// doubt until they are settled.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn claim(
        &self,
        folder: FolderId,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<Claim>, StoreError> {
        let (ahead, claims) = oneshot::channel();
        self.claim_ahead(folder, limit, now, ahead).await?;
        Ok(claims.await.unwrap_or_default())
    }

    /// As [`Store::claim`], but `ahead` is told which jobs they are before that is committed: what has
    /// no effect outside this process may be prepared while the disk is waited for. They are leased once
    /// this returns, and not at all where it fails.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn claim_ahead(
        &self,
        folder: FolderId,
        limit: usize,
        now: Timestamp,
        ahead: oneshot::Sender<Vec<Claim>>,
    ) -> Result<(), StoreError> {
        self.write("claim jobs", move |db| {
            // Whoever asked may be gone: then the jobs are found running by the next process.
            let _ = ahead.send(claim(db, folder, limit, now)?);
            Ok(())
        })
        .await
    }

    /// When the next job of these folders that no gate holds is due; it may have passed if that job
    /// waits to run alone: then a settlement has to come first. Folders that nothing is claimed of now
    /// must not be among them, or their jobs would hide those of the others.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn next_due(&self, folders: Vec<FolderId>) -> Result<Option<Timestamp>, StoreError> {
        self.write("find the next due time", move |db| next_due(db, &folders))
            .await
    }
}

pub(super) const RUNNING: &str = "SELECT count(*), coalesce(sum(crashes >= ?2), 0) FROM job \
    WHERE folder_id = ?1 AND state = 'running'";

fn claim(
    db: &Connection,
    folder: FolderId,
    limit: usize,
    now: Timestamp,
) -> rusqlite::Result<Vec<Claim>> {
    let (running, alone): (i64, i64) = db
        .prepare_cached(RUNNING)?
        .query_row(params![folder, CRASHES_MAX], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    if alone > 0 || limit == 0 {
        return Ok(Vec::new());
    }
    let gates = Gates::of(db, folder)?;
    let mut claims = Vec::new();
    for (stage, below) in gates.stages() {
        let room = limit - claims.len();
        claims.extend(ready(db, (folder, stage, below), room, (false, now))?);
    }
    if claims.is_empty() && running == 0 {
        for (stage, below) in gates.stages() {
            if claims.is_empty() {
                claims = ready(db, (folder, stage, below), 1, (true, now))?;
            }
        }
    }
    if !claims.is_empty() {
        lease(db, &claims, now)?;
    }
    Ok(claims)
}

/// The tries are those of the claim that follows.
pub(super) const READY: &str = "SELECT id, folder_id, path, key, digest, headers, stage, release, \
    generation, attempts, tries + 1, repeats, last_code, crashes, dev, ino, size, mtime_ns, ctime_ns \
    FROM job WHERE folder_id = ?1 AND state = 'ready' AND stage = ?2 \
        AND release < ?3 AND due_at_ms <= ?4 AND (crashes >= ?5) = ?6 \
        AND NOT EXISTS (SELECT 1 FROM job r \
            WHERE r.folder_id = ?1 AND r.state = 'running' AND r.key = job.key) \
    ORDER BY release, id LIMIT ?7";
pub(super) const ANY_DUE: &str = "SELECT 1 FROM job WHERE folder_id = ?1 AND state = 'ready' AND \
    stage = ?2 \
    AND due_at_ms <= ?3";

fn ready(
    db: &Connection,
    (folder, stage, below): (FolderId, Stage, i64),
    room: usize,
    (quarantined, now): (bool, Timestamp),
) -> rusqlite::Result<Vec<Claim>> {
    // Without this, a queue that waits as a whole would be searched to its end.
    if room == 0
        || !db
            .prepare_cached(ANY_DUE)?
            .exists(params![folder, stage, now])?
    {
        return Ok(Vec::new());
    }
    db.prepare_cached(READY)?
        .query_map(
            params![
                folder,
                stage,
                below,
                now,
                CRASHES_MAX,
                quarantined,
                amount(room as u64)
            ],
            claim_row,
        )?
        .collect()
}

/// For each stage, the first release that is held back.
pub(super) struct Gates {
    page: i64,
    last: i64,
}

pub(super) const FIRST_OPEN: &str = "SELECT min(number) FROM release INDEXED BY release_unfinished \
    WHERE folder_id = ?1 AND state <> 'finished' AND state = 'open'";
pub(super) const FIRST_READY: &str = "SELECT min(release) FROM job \
    WHERE folder_id = ?1 AND state = 'ready' AND stage = ?2";
pub(super) const FIRST_RUNNING: &str = "SELECT min(min(release, coalesce(gate, release))) FROM job \
    WHERE folder_id = ?1 AND state = 'running' AND stage = ?2";
pub(super) const FIRST_GATE: &str = "SELECT min(gate) FROM job \
    WHERE folder_id = ?1 AND stage = ?2 AND gate IS NOT NULL AND state <> 'dead'";

impl Gates {
    pub(super) fn of(db: &Connection, folder: FolderId) -> rusqlite::Result<Self> {
        let unsealed = first(db, FIRST_OPEN, params![folder])?;
        let unresolved = |stage: Stage| -> rusqlite::Result<i64> {
            let of_stage = params![folder, stage];
            Ok(first(db, FIRST_READY, of_stage)?
                .min(first(db, FIRST_RUNNING, of_stage)?)
                .min(first(db, FIRST_GATE, of_stage)?))
        };
        let page = unsealed.min(unresolved(Stage::Asset)?);
        let last = page.min(unresolved(Stage::Page)?);
        Ok(Self { page, last })
    }

    /// The stages in publish order, each with the first release that is held back.
    pub(super) fn stages(&self) -> [(Stage, i64); 3] {
        [
            (Stage::Asset, i64::MAX),
            (Stage::Page, self.page),
            (Stage::Last, self.last),
        ]
    }
}

fn last(db: &Connection, sql: &str, bounds: &[&dyn rusqlite::ToSql]) -> rusqlite::Result<i64> {
    let found: Option<i64> = db
        .prepare_cached(sql)?
        .query_row(bounds, |row| row.get(0))?;
    Ok(found.unwrap_or(i64::MIN))
}

fn first(db: &Connection, sql: &str, bounds: &[&dyn rusqlite::ToSql]) -> rusqlite::Result<i64> {
    let found: Option<i64> = db
        .prepare_cached(sql)?
        .query_row(bounds, |row| row.get(0))?;
    Ok(found.unwrap_or(i64::MAX))
}

/// `doubt_before`: an upload of other bytes may still come to life in the cloud. Either nobody knows
/// what became of one, or one failed lately, even if its bytes have been acknowledged since. Not so in an
/// outbox: a message that comes late replaces nothing.
pub(super) const LEASE: &str = "UPDATE job SET state = 'running', tries = tries + 1, \
    started_at_ms = ?2, \
        sent_tree_id = tree_id, sent_size = size, doubt_before = iif(tries > 0, doubt_before, \
            (SELECT flow <> 'ccmessaging' FROM tree t WHERE t.id = job.tree_id) \
            AND (coalesce((SELECT in_doubt FROM synced s WHERE s.tree_id = job.tree_id \
                AND s.path = job.path), 0) \
            OR EXISTS (SELECT 1 FROM attempt a WHERE a.folder_id = job.folder_id \
                AND a.path = job.path AND a.at_ms > ?3 AND a.call IN ('put', 'post')))) \
    WHERE id IN (SELECT value FROM rarray(?1))";
pub(super) const DOUBT: &str = "INSERT INTO synced (tree_id, path, key_path, in_doubt) \
    SELECT j.tree_id, j.path, l.key_path, 1 FROM job j \
        LEFT JOIN local l ON l.folder_id = j.folder_id AND l.path = j.path \
        WHERE j.id IN (SELECT value FROM rarray(?1)) \
    ON CONFLICT (tree_id, path) DO UPDATE SET in_doubt = 1";
const NAME: &str = "SELECT j.tree_id, j.path, s.key_path FROM job j \
    JOIN synced s ON s.tree_id = j.tree_id AND s.path = j.path WHERE j.id = ?1";
/// The same object under another spelling of its name: what is recorded of that is in doubt too.
pub(super) const TWINS: &str = "SELECT max(in_doubt) FROM synced INDEXED BY synced_key_path \
    WHERE tree_id = ?1 AND key_path = CAST(?3 AS TEXT) AND path <> ?2";
pub(super) const DOUBT_TWINS: &str = "UPDATE synced INDEXED BY synced_key_path SET in_doubt = 1 \
    WHERE tree_id = ?1 AND key_path = CAST(?3 AS TEXT) AND path <> ?2";
pub(super) const NAMESAKE: &str = "SELECT max(in_doubt) FROM synced \
    WHERE tree_id = ?1 AND path = ?3 AND path <> ?2 AND key_path IS NULL";
const DOUBT_NAMESAKE: &str = "UPDATE synced SET in_doubt = 1 \
    WHERE tree_id = ?1 AND path = ?3 AND path <> ?2 AND key_path IS NULL";

fn lease(db: &Connection, claims: &[Claim], now: Timestamp) -> rusqlite::Result<()> {
    let jobs: Array = Rc::new(claims.iter().map(|claim| claim.job.0.into()).collect());
    db.prepare_cached(LEASE)?
        .execute(params![jobs, now, now.minus(LATE_MAX)])?;
    db.prepare_cached(DOUBT)?.execute([jobs])?;
    if settle::has_spellings(db)? {
        for claim in claims {
            doubt_spellings(db, claim)?;
        }
    }
    Ok(())
}

/// What was sent under another spelling may come to life under this one's key; not so in an outbox.
const DOUBT_BEFORE: &str = "UPDATE job SET doubt_before = \
    (SELECT flow <> 'ccmessaging' FROM tree t WHERE t.id = job.tree_id) WHERE id = ?1";

fn doubt_spellings(db: &Connection, claim: &Claim) -> rusqlite::Result<()> {
    let (tree, path, key): (i64, Vec<u8>, Option<String>) =
        db.prepare_cached(NAME)?.query_row([claim.job], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let name = key.as_deref().map_or(path.as_slice(), str::as_bytes);
    let twins = params![tree, path, name];
    let mut in_doubt = doubt_others(db, (TWINS, DOUBT_TWINS), twins)?;
    if key.is_some() {
        in_doubt |= doubt_others(db, (NAMESAKE, DOUBT_NAMESAKE), twins)?;
    }
    if in_doubt && claim.tries == 1 {
        db.prepare_cached(DOUBT_BEFORE)?.execute([claim.job])?;
    }
    Ok(())
}

/// Puts what is found in doubt, and answers whether it was.
fn doubt_others(
    db: &Connection,
    (look, doubt): (&str, &str),
    bounds: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<bool> {
    let found: Option<bool> = db
        .prepare_cached(look)?
        .query_row(bounds, |row| row.get(0))?;
    if found == Some(false) {
        db.prepare_cached(doubt)?.execute(bounds)?;
    }
    Ok(found == Some(true))
}

fn claim_row(row: &Row<'_>) -> rusqlite::Result<Claim> {
    Ok(Claim {
        job: row.get(0)?,
        folder: row.get(1)?,
        path: row.get(2)?,
        key: row.get(3)?,
        version: Version {
            stat: stat(row, 14)?,
            digest: row.get(4)?,
            headers: row.get(5)?,
        },
        stage: row.get(6)?,
        release: row.get::<_, ReleaseNumber>(7)?,
        generation: row.get(8)?,
        attempts: small(row, 9)?,
        tries: small(row, 10)?,
        repeats: small(row, 11)?,
        last_code: row.get(12)?,
        crashes: small(row, 13)?,
    })
}

const LAST_READY: &str = "SELECT max(release) FROM job \
    WHERE folder_id = ?1 AND state = 'ready' AND stage = ?2";
pub(super) const FIRST_DUE: &str = "SELECT min(due_at_ms) FROM job \
    WHERE folder_id = ?1 AND state = 'ready' AND stage = ?2";
const FIRST_DUE_BELOW: &str = "SELECT min(due_at_ms) FROM job INDEXED BY job_ready \
    WHERE folder_id = ?1 AND state = 'ready' AND stage = ?2 AND release < ?3";

fn next_due(db: &Connection, folders: &[FolderId]) -> rusqlite::Result<Option<Timestamp>> {
    let mut next: Option<i64> = None;
    for folder in folders.iter().copied() {
        for (stage, below) in Gates::of(db, folder)?.stages() {
            let of_stage = params![folder, stage];
            if first(db, FIRST_READY, of_stage)? >= below {
                continue;
            }
            // One more seek spares a search where nothing is held back, or all is.
            let due = if last(db, LAST_READY, of_stage)? < below {
                first(db, FIRST_DUE, of_stage)?
            } else {
                first(db, FIRST_DUE_BELOW, params![folder, stage, below])?
            };
            next = Some(next.map_or(due, |next| next.min(due)));
        }
    }
    Ok(next.map(Timestamp))
}

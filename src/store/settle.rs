//! Writing down how attempts ended. An acknowledgement is recorded even if a newer version is
//! wanted by now: it is the truth about the cloud.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::Settled;
use super::error::StoreError;
use super::releases::{self, Tally};
use super::rows::amount;
use super::sending;
use super::writer::Store;
use crate::model::fault::Fault;
use crate::model::job::{Claim, JobId, Outcome, Receipt, Settlement, Stage};
use crate::model::time::Timestamp;

impl Store {
    /// Ends attempts. One whose job is not running (any more) changes nothing: its upload stays in
    /// doubt and is repeated.
    ///
    /// # Errors
    /// The database cannot be written; then none is ended.
    pub async fn settle(
        &self,
        settlements: Vec<Settlement>,
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        self.write("settle jobs", move |db| settle(db, &settlements, now))
            .await
    }
}

fn settle(
    db: &Connection,
    settlements: &[Settlement],
    now: Timestamp,
) -> rusqlite::Result<Settled> {
    let mut settled = Settled::default();
    let mut folders = BTreeMap::new();
    let has_spellings = has_spellings(db)?;
    let mut tallies: BTreeMap<_, Tally> = BTreeMap::new();
    for settlement in settlements {
        let claim = &settlement.claim;
        let Some(lease) = lease(db, claim.job)? else {
            continue;
        };
        let ended = one(db, settlement, &lease, now)?;
        if has_spellings && matches!(settlement.outcome, Outcome::Acknowledged(_)) {
            replaced_spellings(db, lease.tree, claim.path.as_bytes())?;
        }
        if ended.look_again {
            settled.look_again.push((claim.folder, claim.path.clone()));
        }
        let acknowledged = matches!(settlement.outcome, Outcome::Acknowledged(_));
        *folders.entry(claim.folder).or_default() |= acknowledged;
        *tallies.entry((claim.folder, claim.release)).or_default() += ended.tally;
    }
    // What is the same row for many of them is written once.
    for ((folder, release), tally) in tallies {
        tally.add(db, folder, release)?;
    }
    for (folder, acknowledged) in folders {
        if acknowledged {
            db.prepare_cached(SUCCESS)?.execute(params![folder, now])?;
        }
        settled.finished.extend(releases::finish(db, folder, now)?);
    }
    Ok(settled)
}

/// What a running job's row says beside the claim.
struct Lease {
    tree: i64,
    /// An upload of other bytes began before the first try of this version, and what became of it
    /// was never learnt.
    was_in_doubt: bool,
    /// Something of this version may have been sent before this try.
    was_tried: bool,
    /// Nothing of this path was acknowledged when this was planned, so its history is short.
    is_new: bool,
    superseded: Option<Superseded>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Superseded {
    Newer,
    Unwanted,
}

const RUNNING: &str = "SELECT sent_tree_id, doubt_before, superseded, tries > 1, reason = 'new' \
    FROM job WHERE id = ?1 AND state = 'running'";

fn lease(db: &Connection, job: JobId) -> rusqlite::Result<Option<Lease>> {
    db.prepare_cached(RUNNING)?
        .query_row([job], |row| {
            Ok(Lease {
                tree: row.get(0)?,
                was_in_doubt: row.get(1)?,
                superseded: match row.get_ref(2)?.as_str_or_null()? {
                    Some("newer") => Some(Superseded::Newer),
                    Some(_) => Some(Superseded::Unwanted),
                    None => None,
                },
                was_tried: row.get(3)?,
                is_new: row.get(4)?,
            })
        })
        .optional()
}

/// What is left to do after an attempt.
#[derive(Default)]
struct Ended {
    /// Its path is to be looked at again.
    look_again: bool,
    /// What changes in the counts of its release.
    tally: Tally,
}

impl Ended {
    /// The job stays, and a look decides about it.
    const LOOK_AGAIN: Self = Self {
        look_again: true,
        tally: Tally::NOTHING,
    };
}

/// Ends one attempt.
fn one(
    db: &Connection,
    settlement: &Settlement,
    lease: &Lease,
    now: Timestamp,
) -> rusqlite::Result<Ended> {
    let claim = &settlement.claim;
    let mut tally = Tally::leave(claim.version.stat.size);
    let mut due = now;
    let look_again = lease.superseded.is_some();
    let acknowledged = matches!(settlement.outcome, Outcome::Acknowledged(_));
    if !acknowledged && !settlement.maybe_sent {
        restore_doubt(db, settlement, lease)?;
    }
    if let Some(lost) = &settlement.lost {
        write_attempt(db, settlement, lost, now)?;
    }
    match &settlement.outcome {
        Outcome::Acknowledged(receipt) => {
            acknowledge(db, settlement, lease, receipt, now)?;
            if lease.was_in_doubt && lease.superseded.is_none() {
                return confirm(db, claim.job, now).map(|()| Ended::default());
            }
            tally = Tally::UPLOADED;
        }
        Outcome::Replan(fault) => {
            write_attempt(db, settlement, fault, now)?;
            if lease.superseded.is_none() {
                return hold(db, claim, now).map(|()| Ended::LOOK_AGAIN);
            }
        }
        Outcome::Retry {
            fault,
            due: at,
            counts,
        } => {
            write_attempt(db, settlement, fault, now)?;
            if lease.superseded.is_none() {
                let written = retry(db, claim.job, fault, (*at, *counts), now);
                return written.map(|()| Ended::default());
            }
            if !counts {
                due = *at;
            }
        }
        Outcome::Dead(fault) => {
            write_attempt(db, settlement, fault, now)?;
            if lease.superseded.is_none() {
                bury(db, claim.job, fault, now)?;
                let tally = Tally::FAILED;
                return Ok(Ended {
                    look_again: false,
                    tally,
                });
            }
        }
        Outcome::Released => {
            if lease.superseded.is_none() {
                return release(db, claim.job).map(|()| Ended::default());
            }
        }
    }
    match lease.superseded {
        Some(Superseded::Newer) => renew(db, claim.job, due)?,
        Some(Superseded::Unwanted) | None => delete(db, claim.job)?,
    }
    Ok(Ended { look_again, tally })
}

/// Should the look not come, the job is tried after this.
const LOOK_MAX: Duration = Duration::from_hours(1);
/// Read by `queue::is_wanted!`.
const HOLD: &str = "UPDATE job SET state = 'ready', started_at_ms = NULL, sent_tree_id = NULL, \
    sent_size = NULL, due_at_ms = ?2, repeats = 0, last_code = 'look', fault_call = NULL, \
    fault_layer = NULL, fault_code = NULL, fault_status = NULL, fault_message = NULL, \
    fault_at_ms = NULL WHERE id = ?1";
/// Its metadata may be what it was, so the look must not trust it.
const READ_AGAIN: &str = "UPDATE local SET racy = 1 WHERE folder_id = ?1 AND path = ?2";

/// The file is another version than planned. The look that follows says what becomes of the job; until
/// then pages wait for it as they did.
fn hold(db: &Connection, claim: &Claim, now: Timestamp) -> rusqlite::Result<()> {
    let due = now.plus(LOOK_MAX);
    db.prepare_cached(HOLD)?.execute(params![claim.job, due])?;
    db.prepare_cached(READ_AGAIN)?
        .execute(params![claim.folder, claim.path])
        .map(drop)
}

const DELETE: &str = "DELETE FROM job WHERE id = ?1";

pub(super) fn delete(db: &Connection, job: JobId) -> rusqlite::Result<()> {
    db.prepare_cached(DELETE)?.execute([job]).map(drop)
}

const RENEW: &str = "UPDATE job SET state = 'ready', release = next_release, next_release = NULL, \
        gate = iif(gate IS NOT NULL AND EXISTS (SELECT 1 FROM synced s WHERE s.tree_id = \
        job.tree_id \
            AND s.path = job.path AND s.digest IS NOT NULL), NULL, gate), \
        superseded = NULL, started_at_ms = NULL, sent_tree_id = NULL, sent_size = NULL, \
        due_at_ms = ?2, attempts = 0, \
        tries = 0, repeats = 0, last_code = NULL, fault_call = NULL, fault_layer = NULL, \
        fault_code = NULL, fault_status = NULL, fault_message = NULL, fault_at_ms = NULL \
    WHERE id = ?1";

/// The attempt ended; now the newer version is due.
pub(super) fn renew(db: &Connection, job: JobId, due: Timestamp) -> rusqlite::Result<()> {
    db.prepare_cached(RENEW)?
        .execute(params![job, due])
        .map(drop)
}

const SYNCED: &str = "INSERT INTO synced (tree_id, path, key_path, digest, headers, size, \
    remote_id, etag, \
        acknowledged_at_ms, in_doubt) \
    VALUES (?1, ?2, NULL, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
    ON CONFLICT (tree_id, path) DO UPDATE SET digest = ?3, headers = ?4, size = ?5, remote_id = \
    ?6, \
        etag = ?7, acknowledged_at_ms = ?8, in_doubt = ?9";
const UPLOAD: &str = "INSERT INTO upload (folder_id, release, path, key, digest, size, tries, \
    took_ms, \
    at_ms, remote_id, object_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
/// So many uploads of a path are kept, and all of the last month.
const UPLOADS_KEPT: i64 = 50;
const UPLOADS_KEPT_FOR: Duration = Duration::from_hours(30 * 24);
pub(super) const FORGET_UPLOADS: &str = "DELETE FROM upload WHERE folder_id = ?1 AND path = ?2 \
    AND id <= (SELECT id FROM upload WHERE folder_id = ?1 AND path = ?2 \
        ORDER BY id DESC LIMIT 1 OFFSET ?3) \
    AND at_ms < ?4";
const SUCCESS: &str = "UPDATE folder SET last_success_at_ms = ?2 WHERE id = ?1";

fn acknowledge(
    db: &Connection,
    settlement: &Settlement,
    lease: &Lease,
    receipt: &Receipt,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let (claim, tree) = (&settlement.claim, lease.tree);
    db.prepare_cached(SYNCED)?.execute(params![
        tree,
        claim.path,
        receipt.digest,
        claim.version.headers,
        amount(receipt.bytes),
        receipt.remote_id,
        receipt.etag,
        now,
        lease.was_in_doubt
    ])?;
    db.prepare_cached(UPLOAD)?.execute(params![
        claim.folder,
        claim.release,
        claim.path,
        claim.key,
        receipt.digest,
        amount(receipt.bytes),
        claim.tries,
        amount(settlement.took_ms),
        now,
        receipt.remote_id,
        receipt.object_key
    ])?;
    // Only an outbox has a key of the server's, and only it remembers what it is sending.
    if receipt.object_key.is_some() {
        sending::forget(db, tree, &claim.path)?;
    }
    if lease.is_new {
        return Ok(());
    }
    db.prepare_cached(FORGET_UPLOADS)?
        .execute(params![
            claim.folder,
            claim.path,
            UPLOADS_KEPT,
            now.minus(UPLOADS_KEPT_FOR)
        ])
        .map(drop)
}

pub(super) const REPLACED: &str = "DELETE FROM synced INDEXED BY synced_key_path WHERE tree_id = \
    ?1 AND key_path = CAST(?3 \
    AS TEXT) \
    AND path <> ?2";
const REPLACED_NAMESAKE: &str =
    "DELETE FROM synced WHERE tree_id = ?1 AND path = ?3 AND path <> ?2 AND key_path IS NULL";

const KEY_PATH: &str = "SELECT key_path FROM synced WHERE tree_id = ?1 AND path = ?2";

/// The object under this key now has this path's bytes; a record that another spelling of the name
/// had it is no longer true.
fn replaced_spellings(db: &Connection, tree: i64, path: &[u8]) -> rusqlite::Result<()> {
    let key: Option<String> = db
        .prepare_cached(KEY_PATH)?
        .query_row(params![tree, path], |row| row.get(0))?;
    let key = key.as_deref().map_or(path, str::as_bytes);
    let bounds = params![tree, path, key];
    db.prepare_cached(REPLACED)?.execute(bounds)?;
    if path != key {
        db.prepare_cached(REPLACED_NAMESAKE)?.execute(bounds)?;
    }
    Ok(())
}

pub(super) const ANY_SPELLING: &str =
    "SELECT 1 FROM synced INDEXED BY synced_key_path WHERE key_path IS NOT NULL LIMIT 1";

/// Whether any name has a key that is not the name itself. Where none has, no two names are one key.
pub(super) fn has_spellings(db: &Connection) -> rusqlite::Result<bool> {
    db.prepare_cached(ANY_SPELLING)?.exists([])
}

/// How long after its end an upload whose outcome is not known may still take effect in the cloud.
pub const LATE_MAX: Duration = Duration::from_mins(1);
const CONFIRM: &str = "UPDATE job SET state = 'ready', started_at_ms = NULL, sent_tree_id = NULL, \
    sent_size = NULL, due_at_ms = ?2, doubt_before = 0, reason = 'unknown', stage = ?3, gate = NULL, \
    attempts = 0, repeats = 0, last_code = NULL, fault_call = NULL, fault_layer = NULL, fault_code = NULL, \
    fault_status = NULL, fault_message = NULL, fault_at_ms = NULL \
    WHERE id = ?1";

/// An earlier upload of other bytes may come to life in the cloud after this one: the path stays in
/// doubt, and the same bytes are sent once more when that cannot be any more. They are there by now, so
/// no page waits for that: it goes last.
fn confirm(db: &Connection, job: JobId, now: Timestamp) -> rusqlite::Result<()> {
    db.prepare_cached(CONFIRM)?
        .execute(params![job, now.plus(LATE_MAX), Stage::Last])
        .map(drop)
}

const RETRY: &str = "UPDATE job SET state = 'ready', started_at_ms = NULL, sent_tree_id = NULL, \
    sent_size = NULL, \
        due_at_ms = ?2, attempts = attempts + ?3, repeats = iif(last_code IS ?4, repeats + 1, 1), \
        last_code = ?4, fault_call = ?5, fault_layer = ?6, fault_code = ?7, fault_status = ?8, \
        fault_message = ?9, fault_at_ms = ?10 \
    WHERE id = ?1";

fn retry(
    db: &Connection,
    job: JobId,
    fault: &Fault,
    (due, counts): (Timestamp, bool),
    now: Timestamp,
) -> rusqlite::Result<()> {
    let rule = format!("{}:{}", fault.layer.as_str(), fault.code);
    db.prepare_cached(RETRY)?
        .execute(params![
            job,
            due,
            counts,
            rule,
            fault.call,
            fault.layer,
            fault.code,
            fault.status,
            fault.message,
            now
        ])
        .map(drop)
}

const BURY: &str = "UPDATE job SET state = 'dead', started_at_ms = NULL, sent_tree_id = NULL, \
    sent_size = NULL, gate = NULL, \
        attempts = attempts + 1, fault_call = ?2, fault_layer = ?3, fault_code = ?4, \
        fault_status = ?5, fault_message = ?6, fault_at_ms = ?7 \
    WHERE id = ?1";

fn bury(db: &Connection, job: JobId, fault: &Fault, now: Timestamp) -> rusqlite::Result<()> {
    db.prepare_cached(BURY)?
        .execute(params![
            job,
            fault.call,
            fault.layer,
            fault.code,
            fault.status,
            fault.message,
            now
        ])
        .map(drop)
}

const RELEASE: &str = "UPDATE job SET state = 'ready', started_at_ms = NULL, sent_tree_id = \
    NULL, sent_size = NULL, \
    tries = tries - 1 WHERE id = ?1";

fn release(db: &Connection, job: JobId) -> rusqlite::Result<()> {
    db.prepare_cached(RELEASE)?.execute([job]).map(drop)
}

const NEVER: &str = "DELETE FROM synced WHERE tree_id = ?1 AND path = ?2 AND digest IS NULL";
const CERTAIN: &str = "UPDATE synced SET in_doubt = 0 WHERE tree_id = ?1 AND path = ?2";

/// Nothing was sent, so what was certain before the claim is certain again.
fn restore_doubt(db: &Connection, settlement: &Settlement, lease: &Lease) -> rusqlite::Result<()> {
    if lease.was_in_doubt || lease.was_tried {
        return Ok(());
    }
    let row = params![lease.tree, settlement.claim.path];
    db.prepare_cached(NEVER)?.execute(row)?;
    db.prepare_cached(CERTAIN)?.execute(row).map(drop)
}

/// How many failures of one path are kept.
pub(super) const ATTEMPTS_KEPT: i64 = 20;
const ATTEMPT: &str = "INSERT INTO attempt (folder_id, path, at_ms, call, layer, code, status, \
    message, \
    took_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
pub(super) const FORGET: &str = "DELETE FROM attempt WHERE folder_id = ?1 AND path = ?2 AND id <= \
    (SELECT id FROM attempt WHERE folder_id = ?1 AND path = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)";

fn write_attempt(
    db: &Connection,
    settlement: &Settlement,
    fault: &Fault,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let claim = &settlement.claim;
    db.prepare_cached(ATTEMPT)?.execute(params![
        claim.folder,
        claim.path,
        now,
        fault.call,
        fault.layer,
        fault.code,
        fault.status,
        fault.message,
        amount(settlement.took_ms)
    ])?;
    db.prepare_cached(FORGET)?
        .execute(params![claim.folder, claim.path, ATTEMPTS_KEPT])
        .map(drop)
}

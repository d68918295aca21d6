//! The journal of an inbox: messages as they came, and the way of the files they carry.
//!
//! A message is written down before anything is done about it, once, whatever its identity comes
//! with later. Each step of its file is a guarded change of its row: one that comes too late (a
//! person dropped it meanwhile) changes nothing and says so.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::claim::CRASHES_MAX;
use super::error::StoreError;
use super::received::{message_columns, message_row};
use super::rows::{amount, small};
use super::writer::Store;
use super::{Fetched, Journaled, NextTry, PendingMessage, Sidecar};
use crate::model::digest::Sha256;
use crate::model::fault::Fault;
use crate::model::message::{MessageId, MessageState, NewMessage};
use crate::model::path::RelPath;
use crate::model::time::Timestamp;
use crate::port::inbox_disk::TempName;

impl Store {
    /// Writes down the messages of one answer, all or none, each once.
    ///
    /// # Errors
    /// The database cannot be written; then the next answer must not be asked for.
    pub async fn journal(
        &self,
        inbox: String,
        messages: Vec<NewMessage>,
        at: Timestamp,
    ) -> Result<Journaled, StoreError> {
        self.write("write down messages", move |db| {
            let mut journaled = Journaled::default();
            for message in &messages {
                note(db, &inbox, message, at, &mut journaled)?;
            }
            Ok(journaled)
        })
        .await
    }

    /// Up to `limit` messages of the inbox whose file is to be fetched or delivered, due, oldest
    /// first, and not begun. One during which the process died [`CRASHES_MAX`] times comes alone,
    /// when nothing else can.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn next_messages(
        &self,
        inbox: String,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<PendingMessage>, StoreError> {
        self.write("find the next messages", move |db| {
            next(db, &inbox, limit, now)
        })
        .await
    }

    /// When the next message that is not begun is due; it may have passed if that one waits to be
    /// alone.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn next_message_due(&self, inbox: String) -> Result<Option<Timestamp>, StoreError> {
        self.write("find the next due time", move |db| {
            db.prepare_cached(NEXT_DUE)?
                .query_row([inbox], |row| row.get(0))
        })
        .await
    }

    /// Counts a try before it is made. `None`: nothing is to be done about the message any more, or
    /// it was begun already.
    ///
    /// # Errors
    /// The database cannot be written; then it must not be tried.
    pub async fn begin_message(
        &self,
        id: MessageId,
        at: Timestamp,
    ) -> Result<Option<PendingMessage>, StoreError> {
        const BEGIN: &str = "UPDATE message SET started_at_ms = ?2, tries = tries + 1 \
            WHERE id = ?1 AND state IN ('received', 'fetched') AND started_at_ms IS NULL";
        self.write("begin a message", move |db| {
            let begun = db.prepare_cached(BEGIN)?.execute(params![id, at])? > 0;
            if begun { pending(db, id) } else { Ok(None) }
        })
        .await
    }

    /// Takes a begun try back that was not made after all (a stop, or the account closed).
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn release_message(&self, id: MessageId) -> Result<(), StoreError> {
        const RELEASE: &str = "UPDATE message SET started_at_ms = NULL, tries = tries - 1 \
            WHERE id = ?1 AND started_at_ms IS NOT NULL";
        self.write("release a message", move |db| {
            db.prepare_cached(RELEASE)?.execute([id]).map(drop)
        })
        .await
    }

    /// The file and its sidecar are durable under their temporary names. False: it is not wanted any
    /// more, and the caller removes them.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn message_fetched(
        &self,
        id: MessageId,
        fetched: Fetched,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        const FETCHED: &str = "UPDATE message SET state = 'fetched', fetched_at_ms = ?2, \
                temp_name = ?3, sidecar_temp = ?4, sidecar = ?5, wanted_name = ?6, final_name = ?6, \
                renames = 0, digest = ?7, size = ?8 \
            WHERE id = ?1 AND state = 'received'";
        self.write("record a fetched file", move |db| {
            let sidecar = fetched.sidecar.as_ref();
            let changed = db.prepare_cached(FETCHED)?.execute(params![
                id,
                at,
                fetched.temp,
                sidecar.map(|sidecar| &sidecar.temp),
                sidecar.map(|sidecar| &sidecar.text),
                fetched.wanted,
                fetched.digest,
                amount(fetched.size)
            ])?;
            Ok(changed > 0)
        })
        .await
    }

    /// The file gets another final name, the `renames`-th after the wanted one, before that is
    /// tried; `sidecar` is the temporary name of its sidecar by now. False: it is not wanted any
    /// more.
    ///
    /// # Errors
    /// The database cannot be written; then the name must not be tried.
    pub async fn message_renamed(
        &self,
        id: MessageId,
        name: RelPath,
        renames: u32,
        sidecar: Option<TempName>,
    ) -> Result<bool, StoreError> {
        const RENAME: &str = "UPDATE message SET final_name = ?2, renames = ?3, sidecar_temp = ?4 \
            WHERE id = ?1 AND state IN ('fetched', 'delivered')";
        self.write("record another name", move |db| {
            let changed = db
                .prepare_cached(RENAME)?
                .execute(params![id, name, renames, sidecar])?;
            Ok(changed > 0)
        })
        .await
    }

    /// The file has its final name, durably; `has_hook` says whether a program is to run for it.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn message_delivered(
        &self,
        id: MessageId,
        has_hook: bool,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        const DELIVERED: &str = "UPDATE message SET state = 'delivered', delivered_at_ms = ?2, \
                started_at_ms = NULL, hook = iif(?3, 'pending', hook), \
                hook_due_at_ms = iif(?3, ?2, hook_due_at_ms), fault_call = NULL, \
                fault_layer = NULL, fault_code = NULL, fault_status = NULL, fault_message = NULL, \
                fault_at_ms = NULL \
            WHERE id = ?1 AND temp_name IS NOT NULL AND state <> 'received'";
        self.write("record a delivered file", move |db| {
            db.prepare_cached(DELIVERED)?
                .execute(params![id, at, has_hook])
                .map(drop)
        })
        .await
    }

    /// An attempt to fetch or to deliver failed. One that a person dropped meanwhile stays dropped.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn message_failed(
        &self,
        id: MessageId,
        fault: Fault,
        next: NextTry,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("record a failed message", move |db| {
            fail(db, id, &fault, &next, at)
        })
        .await
    }

    /// Messages of the inbox whose file is fetched and not known to be delivered, oldest first; those
    /// that saw too many crashes last.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn undelivered(&self, inbox: String) -> Result<Vec<PendingMessage>, StoreError> {
        self.write("list undelivered files", move |db| {
            db.prepare_cached(UNDELIVERED)?
                .query_map(params![inbox, CRASHES_MAX], pending_row)?
                .collect()
        })
        .await
    }

    /// The messages of the inbox that any of these temporary files belongs to; a file of none of them
    /// is nobody's.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn owners_of(
        &self,
        inbox: String,
        temps: Vec<TempName>,
    ) -> Result<Vec<PendingMessage>, StoreError> {
        self.write("look up temporary files", move |db| {
            let mut owners: Vec<PendingMessage> = Vec::new();
            for temp in &temps {
                let owner = db
                    .prepare_cached(OWNER)?
                    .query_row(params![inbox, temp], pending_row)
                    .optional()?;
                let is_new = |owner: &PendingMessage| {
                    owners.iter().all(|known| known.row.id != owner.row.id)
                };
                owners.extend(owner.filter(is_new));
            }
            Ok(owners)
        })
        .await
    }

    /// Forgets up to `limit` messages without a file that came before `before`; how many.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn prune_noted(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.write("forget messages", move |db| {
            let pruned = db
                .prepare_cached(PRUNE)?
                .execute(params![before, amount(limit as u64)])?;
            Ok(pruned as u64)
        })
        .await
    }
}

const NOTE: &str = "INSERT INTO message (inbox, identity, content, raw, state, sent_at_ms, \
    received_at_ms, due_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7) \
    ON CONFLICT (inbox, identity) DO NOTHING";
const KNOWN: &str = "SELECT id, content, state FROM message WHERE inbox = ?1 AND identity = ?2";
const GAIN_FILE: &str = "UPDATE message SET state = 'received', content = ?2, raw = ?3, \
    sent_at_ms = coalesce(?4, sent_at_ms), due_at_ms = ?5 WHERE id = ?1";

fn note(
    db: &Connection,
    inbox: &str,
    message: &NewMessage,
    at: Timestamp,
    journaled: &mut Journaled,
) -> rusqlite::Result<()> {
    let state = if message.carries_file {
        MessageState::Received
    } else {
        MessageState::Noted
    };
    let is_new = db.prepare_cached(NOTE)?.execute(params![
        inbox,
        message.identity,
        message.content,
        message.raw,
        state,
        message.sent_at,
        at
    ])? > 0;
    if is_new {
        journaled.new += 1;
        journaled.files += u64::from(message.carries_file);
        return Ok(());
    }
    let (id, content, known): (MessageId, Option<Sha256>, MessageState) = db
        .prepare_cached(KNOWN)?
        .query_row(params![inbox, message.identity], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    if content.is_none_or(|content| content == message.content) {
        return Ok(());
    }
    journaled.differing.push(message.identity.clone());
    // Nothing was done for the message yet, so taking its file now cannot deliver it twice.
    if known == MessageState::Noted && message.carries_file {
        journaled.files += 1;
        let (content, raw) = (message.content, &message.raw);
        db.prepare_cached(GAIN_FILE)?
            .execute(params![id, content, raw, message.sent_at, at])?;
    }
    Ok(())
}

macro_rules! pending_columns {
    () => {
        concat!(
            message_columns!(),
            ", m.raw, m.temp_name, m.sidecar_temp, m.sidecar, m.wanted_name, m.renames \
             FROM message m "
        )
    };
}

pub(super) const RUNNING: &str = "SELECT count(*), coalesce(sum(crashes >= ?2), 0) FROM message \
    WHERE inbox = ?1 AND started_at_ms IS NOT NULL";
pub(super) const DUE: &str = concat!(
    pending_columns!(),
    "WHERE m.inbox = ?1 AND m.state IN ('received', 'fetched') AND m.started_at_ms IS NULL \
     AND m.due_at_ms <= ?2 AND (m.crashes >= ?3) = ?4 ORDER BY m.due_at_ms, m.id LIMIT ?5"
);
pub(super) const NEXT_DUE: &str = "SELECT min(due_at_ms) FROM message \
    WHERE inbox = ?1 AND state IN ('received', 'fetched') AND started_at_ms IS NULL";
const ONE: &str = concat!(pending_columns!(), "WHERE m.id = ?1");
pub(super) const UNDELIVERED: &str = concat!(
    pending_columns!(),
    "WHERE m.inbox = ?1 AND m.state = 'fetched' ORDER BY m.crashes >= ?2, m.id"
);
pub(super) const OWNER: &str = concat!(
    pending_columns!(),
    "WHERE m.inbox = ?1 AND (m.temp_name = ?2 OR m.sidecar_temp = ?2) \
     AND m.state IN ('fetched', 'delivered', 'dead')"
);
pub(super) const PRUNE: &str = "DELETE FROM message WHERE id IN (SELECT id FROM message \
    WHERE state = 'noted' AND received_at_ms < ?1 ORDER BY received_at_ms LIMIT ?2)";

fn next(
    db: &Connection,
    inbox: &str,
    limit: usize,
    now: Timestamp,
) -> rusqlite::Result<Vec<PendingMessage>> {
    let (running, alone): (i64, i64) = db
        .prepare_cached(RUNNING)?
        .query_row(params![inbox, CRASHES_MAX], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    if alone > 0 {
        return Ok(Vec::new());
    }
    let due = |quarantined: bool, limit: usize| -> rusqlite::Result<Vec<PendingMessage>> {
        let bounds = params![inbox, now, CRASHES_MAX, quarantined, amount(limit as u64)];
        db.prepare_cached(DUE)?
            .query_map(bounds, pending_row)?
            .collect()
    };
    let messages = due(false, limit)?;
    if messages.is_empty() && running == 0 {
        return due(true, limit.min(1));
    }
    Ok(messages)
}

fn pending(db: &Connection, id: MessageId) -> rusqlite::Result<Option<PendingMessage>> {
    db.prepare_cached(ONE)?
        .query_row([id], pending_row)
        .optional()
}

fn pending_row(row: &Row<'_>) -> rusqlite::Result<PendingMessage> {
    let message = message_row(row)?;
    let temp: Option<TempName> = row.get("temp_name")?;
    let sidecar_temp: Option<TempName> = row.get("sidecar_temp")?;
    let wanted: Option<RelPath> = row.get("wanted_name")?;
    let text: Option<Vec<u8>> = row.get("sidecar")?;
    let fetched = match (temp, wanted, &message.file) {
        (Some(temp), Some(wanted), Some(file)) => Some(Fetched {
            temp,
            sidecar: sidecar_temp
                .zip(text)
                .map(|(temp, text)| Sidecar { temp, text }),
            wanted,
            digest: file.digest,
            size: file.size,
        }),
        _ => None,
    };
    Ok(PendingMessage {
        row: message,
        raw: row.get("raw")?,
        fetched,
        renames: small(row, row.as_ref().column_index("renames")?)?,
    })
}

const FAIL: &str = "UPDATE message SET started_at_ms = NULL, due_at_ms = ?2, \
        attempts = attempts + ?3, repeats = iif(last_code IS ?4, repeats + 1, 1), last_code = ?4, \
        state = coalesce(?5, state), fault_call = ?6, fault_layer = ?7, fault_code = ?8, \
        fault_status = ?9, fault_message = ?10, fault_at_ms = ?11 \
    WHERE id = ?1 AND state IN ('received', 'fetched')";

fn fail(
    db: &Connection,
    id: MessageId,
    fault: &Fault,
    next: &NextTry,
    at: Timestamp,
) -> rusqlite::Result<()> {
    let (due, counts, state) = match next {
        NextTry::Retry { due, counts } => (*due, *counts, None),
        NextTry::Dead | NextTry::Lost => (at, true, Some(MessageState::Dead)),
    };
    let rule = format!("{}:{}", fault.layer.as_str(), fault.code);
    db.prepare_cached(FAIL)?.execute(params![
        id,
        due,
        counts,
        rule,
        state,
        fault.call,
        fault.layer,
        fault.code,
        fault.status,
        fault.message,
        at
    ])?;
    if *next == NextTry::Lost {
        forget_file(db, id)?;
    }
    Ok(())
}

const FORGET_FILE: &str = "UPDATE message SET temp_name = NULL, sidecar_temp = NULL, \
    sidecar = NULL, wanted_name = NULL, final_name = NULL, renames = 0, digest = NULL, size = NULL \
    WHERE id = ?1 AND state IN ('dead', 'dropped')";

/// What was fetched is nobody's any more: a retry fetches it again.
pub(super) fn forget_file(db: &Connection, id: MessageId) -> rusqlite::Result<()> {
    db.prepare_cached(FORGET_FILE)?.execute([id]).map(drop)
}

/// Ends the attempts of a process that died.
pub(super) fn recover(db: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    const RECOVER: &str = "UPDATE message SET started_at_ms = NULL, crashes = crashes + 1, \
        due_at_ms = min(due_at_ms, ?1) WHERE started_at_ms IS NOT NULL";
    db.execute(RECOVER, [now]).map(drop)
}

/// Moves due times by a jump of the wall clock.
pub(super) fn shift_due(db: &Connection, delta_ms: i64) -> rusqlite::Result<()> {
    const MESSAGES: &str = "UPDATE message SET due_at_ms = due_at_ms + ?1 \
        WHERE state IN ('received', 'fetched')";
    const HOOKS: &str =
        "UPDATE message SET hook_due_at_ms = hook_due_at_ms + ?1 WHERE hook = 'pending'";
    db.execute(MESSAGES, [delta_ms])?;
    db.execute(HOOKS, [delta_ms]).map(drop)
}

/// Brings due times forward that are later than `latest`.
pub(super) fn clamp_due(db: &Connection, latest: Timestamp) -> rusqlite::Result<()> {
    const MESSAGES: &str = "UPDATE message SET due_at_ms = ?1 \
        WHERE state IN ('received', 'fetched') AND due_at_ms > ?1";
    const HOOKS: &str =
        "UPDATE message SET hook_due_at_ms = ?1 WHERE hook = 'pending' AND hook_due_at_ms > ?1";
    db.execute(MESSAGES, [latest])?;
    db.execute(HOOKS, [latest]).map(drop)
}

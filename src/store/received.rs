//! What people ask about inboxes: which files came, what is wrong, how many there are.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::StoreError;
use super::reader::Reader;
use super::rows::{amount, count, fault, small};
use super::{HookRow, InboxCounts, MessageFilter, MessageRow, ReceivedFile};
use crate::model::message::MessageState;
use crate::model::path::RelPath;
use crate::model::time::Timestamp;

impl Reader {
    /// Messages, the newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn messages(
        &self,
        filter: &MessageFilter,
        limit: usize,
    ) -> Result<Vec<MessageRow>, StoreError> {
        self.read("list messages", |db| {
            db.prepare_cached(LIST)?
                .query_map(
                    params![
                        filter.inbox,
                        filter.state,
                        filter.before,
                        amount(limit as u64)
                    ],
                    message_row,
                )?
                .collect()
        })
    }

    /// Dead messages of the inbox, and those that wait after a fault or whose program failed; dead
    /// ones first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn message_problems(
        &self,
        inbox: &str,
        limit: usize,
    ) -> Result<Vec<MessageRow>, StoreError> {
        self.read("list problems", |db| {
            db.prepare_cached(PROBLEMS)?
                .query_map(params![inbox, amount(limit as u64)], message_row)?
                .collect()
        })
    }

    /// The counts of an inbox.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn inbox_counts(&self, inbox: &str) -> Result<InboxCounts, StoreError> {
        self.read("count messages", |db| counts(db, inbox))
    }

    /// The message that has, or is to have, this path below the inbox; the newest of them.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn message_at(
        &self,
        inbox: &str,
        path: &RelPath,
    ) -> Result<Option<MessageRow>, StoreError> {
        self.read("look up a file", |db| {
            db.prepare_cached(AT)?
                .query_row(params![inbox, path], message_row)
                .optional()
        })
    }

    /// The message of this identity.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn message(&self, inbox: &str, identity: &str) -> Result<Option<MessageRow>, StoreError> {
        self.read("look up a message", |db| {
            db.prepare_cached(BY_IDENTITY)?
                .query_row(params![inbox, identity], message_row)
                .optional()
        })
    }
}

macro_rules! message_columns {
    () => {
        "SELECT m.id, m.inbox, m.identity, m.state, m.sent_at_ms, m.received_at_ms, \
         m.fetched_at_ms, m.delivered_at_ms, m.started_at_ms, m.tries, m.attempts, m.repeats, \
         m.last_code, m.crashes, m.due_at_ms, m.final_name, m.digest, m.size, m.hook, \
         m.hook_tries, m.hook_due_at_ms, m.hook_exit, m.fault_call, m.fault_layer, m.fault_code, \
         m.fault_status, m.fault_message, m.fault_at_ms"
    };
}
pub(super) use message_columns;

/// Reads the columns of [`message_columns`].
pub(super) fn message_row(row: &Row<'_>) -> rusqlite::Result<MessageRow> {
    let file = match row.get::<_, Option<RelPath>>(15)? {
        Some(path) => Some(ReceivedFile {
            path,
            digest: row.get(16)?,
            size: count(row, 17)?,
        }),
        None => None,
    };
    let hook = match row.get(18)? {
        Some(state) => Some(HookRow {
            state,
            tries: small(row, 19)?,
            due: row.get(20)?,
            exit: row.get(21)?,
        }),
        None => None,
    };
    Ok(MessageRow {
        id: row.get(0)?,
        inbox: row.get(1)?,
        identity: row.get(2)?,
        state: row.get(3)?,
        sent_at: row.get(4)?,
        received_at: row.get(5)?,
        fetched_at: row.get(6)?,
        delivered_at: row.get(7)?,
        started_at: row.get(8)?,
        tries: small(row, 9)?,
        attempts: small(row, 10)?,
        repeats: small(row, 11)?,
        last_code: row.get(12)?,
        crashes: small(row, 13)?,
        due: row.get(14)?,
        file,
        hook,
        fault: fault(row, 22)?,
    })
}

const LIST: &str = concat!(
    message_columns!(),
    " FROM message m WHERE (?1 IS NULL OR m.inbox = ?1) \
     AND iif(?2 IS NULL, m.state <> 'noted', m.state = ?2) \
     AND (?3 IS NULL OR m.id < ?3) ORDER BY m.id DESC LIMIT ?4"
);
const PROBLEMS: &str = concat!(
    message_columns!(),
    " FROM message m WHERE m.inbox = ?1 AND (m.state = 'dead' OR m.hook = 'failed' \
      OR (m.fault_at_ms IS NOT NULL AND m.state IN ('received', 'fetched'))) \
     ORDER BY m.state <> 'dead', m.id LIMIT ?2"
);
const AT: &str = concat!(
    message_columns!(),
    " FROM message m WHERE m.inbox = ?1 AND m.final_name = ?2 ORDER BY m.id DESC LIMIT 1"
);
const BY_IDENTITY: &str = concat!(
    message_columns!(),
    " FROM message m WHERE m.inbox = ?1 AND m.identity = ?2"
);
pub(super) const COUNTS: &str = "SELECT state, count(*), max(delivered_at_ms) FROM message \
    WHERE inbox = ?1 GROUP BY state";

fn counts(db: &Connection, inbox: &str) -> rusqlite::Result<InboxCounts> {
    let mut counts = InboxCounts::default();
    let mut statement = db.prepare_cached(COUNTS)?;
    let mut rows = statement.query([inbox])?;
    while let Some(row) = rows.next()? {
        let messages = count(row, 1)?;
        match row.get(0)? {
            MessageState::Noted => counts.noted = messages,
            MessageState::Received | MessageState::Fetched => counts.pending += messages,
            MessageState::Delivered => {
                counts.received = messages;
                counts.last_received_at = row.get::<_, Option<Timestamp>>(2)?;
            }
            MessageState::Dead => counts.dead = messages,
            MessageState::Dropped => counts.dropped = messages,
        }
    }
    Ok(counts)
}

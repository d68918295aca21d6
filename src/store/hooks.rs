//! Programs that run for delivered files, and what a person does to an inbox's messages.

use rusqlite::{Connection, params};

use super::error::StoreError;
use super::messages::forget_file;
use super::rows::{amount, small};
use super::writer::Store;
use super::{DueHook, Messages, NextHook};
use crate::model::message::{HookState, MessageId};
use crate::model::time::Timestamp;

impl Store {
    /// Up to `limit` files of the inbox whose program is due, the longest due first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn hooks_due(
        &self,
        inbox: String,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<DueHook>, StoreError> {
        self.write("find due programs", move |db| {
            db.prepare_cached(DUE)?
                .query_map(params![inbox, now, amount(limit as u64)], |row| {
                    Ok(DueHook {
                        id: row.get(0)?,
                        path: row.get(1)?,
                        tries: small(row, 2)?,
                    })
                })?
                .collect()
        })
        .await
    }

    /// When the next program is due.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn next_hook_due(&self, inbox: String) -> Result<Option<Timestamp>, StoreError> {
        self.write("find the next due time", move |db| {
            db.prepare_cached(NEXT_DUE)?
                .query_row([inbox], |row| row.get(0))
        })
        .await
    }

    /// Counts the start of a program before it is started; which it is.
    ///
    /// # Errors
    /// The database cannot be written; then it must not be started.
    pub async fn hook_begins(&self, id: MessageId) -> Result<u32, StoreError> {
        const BEGIN: &str =
            "UPDATE message SET hook_tries = hook_tries + 1 WHERE id = ?1 RETURNING hook_tries";
        self.write("begin a program", move |db| {
            db.prepare_cached(BEGIN)?
                .query_row([id], |row| small(row, 0))
        })
        .await
    }

    /// A program ended; `exit` says how, in words.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn hook_ended(
        &self,
        id: MessageId,
        exit: String,
        next: NextHook,
    ) -> Result<(), StoreError> {
        const END: &str = "UPDATE message SET hook = ?2, hook_due_at_ms = ?3, hook_exit = ?4 \
            WHERE id = ?1 AND hook = 'pending'";
        let (state, due) = match next {
            NextHook::Done => (HookState::Done, None),
            NextHook::Retry(due) => (HookState::Pending, Some(due)),
            NextHook::Failed => (HookState::Failed, None),
        };
        self.write("record how a program ended", move |db| {
            db.prepare_cached(END)?
                .execute(params![id, state, due, exit])
                .map(drop)
        })
        .await
    }

    /// Tries the selected messages again: dead ones from the start, waiting ones and their programs
    /// now, programs that were given up too. One that was dropped is taken up again only if it is
    /// named by itself. How many are due now and were not.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn retry_messages(
        &self,
        messages: Messages,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.write("retry messages", move |db| retry(db, &messages, now))
            .await
    }

    /// Lets go of the selected messages that are not delivered; how many. They are not taken again
    /// when they come again. What was fetched of them is nobody's any more.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn drop_messages(&self, messages: Messages) -> Result<u64, StoreError> {
        self.write("drop messages", move |db| let_go(db, &messages))
            .await
    }
}

pub(super) const DUE: &str = "SELECT id, final_name, hook_tries FROM message \
    WHERE inbox = ?1 AND hook = 'pending' AND hook_due_at_ms <= ?2 ORDER BY hook_due_at_ms LIMIT ?3";
pub(super) const NEXT_DUE: &str =
    "SELECT min(hook_due_at_ms) FROM message WHERE inbox = ?1 AND hook = 'pending'";

/// A [`Messages`] as bounds that one condition can compare.
struct Scope<'a> {
    inbox: Option<&'a str>,
    id: Option<MessageId>,
    only_dead: bool,
}

impl<'a> Scope<'a> {
    fn of(messages: &'a Messages) -> Self {
        Self {
            inbox: match messages {
                Messages::Inbox(name) => Some(name),
                _ => None,
            },
            id: match messages {
                Messages::One(id) => Some(*id),
                _ => None,
            },
            only_dead: *messages == Messages::Dead,
        }
    }
}

/// The condition of a [`Scope`], with `?1` … `?3`.
macro_rules! in_scope {
    () => {
        "(?1 IS NULL OR inbox = ?1) AND (?2 IS NULL OR id = ?2) AND (?3 = 0 OR state = 'dead')"
    };
}

const REVIVE: &str = concat!(
    "UPDATE message SET state = iif(temp_name IS NULL, 'received', 'fetched'), attempts = 0, \
     repeats = 0, last_code = NULL, due_at_ms = ?4, fault_call = NULL, fault_layer = NULL, \
     fault_code = NULL, fault_status = NULL, fault_message = NULL, fault_at_ms = NULL \
     WHERE (state = 'dead' OR (state = 'dropped' AND id = ?2)) AND ",
    in_scope!()
);
const HURRY: &str = concat!(
    "UPDATE message SET due_at_ms = ?4 WHERE state IN ('received', 'fetched') \
     AND started_at_ms IS NULL AND due_at_ms > ?4 AND ",
    in_scope!()
);
const HURRY_HOOK: &str = concat!(
    "UPDATE message SET hook = 'pending', hook_due_at_ms = ?4 \
     WHERE (hook = 'failed' OR (hook = 'pending' AND hook_due_at_ms > ?4)) AND ",
    in_scope!()
);

fn retry(db: &Connection, messages: &Messages, now: Timestamp) -> rusqlite::Result<u64> {
    let scope = Scope::of(messages);
    let mut count = 0;
    // Waiting ones first, or those that were dead would count twice.
    for sql in [HURRY_HOOK, HURRY, REVIVE] {
        let bounds = params![scope.inbox, scope.id, scope.only_dead, now];
        count += db.prepare_cached(sql)?.execute(bounds)? as u64;
    }
    Ok(count)
}

const LET_GO: &str = concat!(
    "UPDATE message SET state = 'dropped', started_at_ms = NULL \
     WHERE state IN ('received', 'fetched', 'dead') AND ",
    in_scope!(),
    " RETURNING id"
);

fn let_go(db: &Connection, messages: &Messages) -> rusqlite::Result<u64> {
    let scope = Scope::of(messages);
    let dropped: Vec<MessageId> = db
        .prepare_cached(LET_GO)?
        .query_map(params![scope.inbox, scope.id, scope.only_dead], |row| {
            row.get(0)
        })?
        .collect::<Result<_, _>>()?;
    for id in &dropped {
        forget_file(db, *id)?;
    }
    Ok(dropped.len() as u64)
}

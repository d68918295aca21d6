//! Asking for messages: one poll after the other, and the history wherever a poll may have lost some.

use std::time::Duration;

use super::room::{Past, Room};
use crate::decide::account::Permit;
use crate::decide::backoff::{BASE, backoff};
use crate::decide::remedy::JobNext;
use crate::engine::EngineError;
use crate::flow::ccmessaging::calls::{DeskCall, POLL_HELD_MIN};
use crate::flow::ccmessaging::history::read_history;
use crate::flow::ccmessaging::mend::POLL_FAULTS_MAX;
use crate::flow::ccmessaging::message::{Carries, Received};
use crate::flow::ccmessaging::poll::read_poll;
use crate::model::fault::{Call, Fault, Layer};
use crate::model::message::NewMessage;
use crate::model::time::{Monotonic, Timestamp};
use crate::store::Journaled;

/// A failed poll is repeated after no more than this.
const RETRY_MAX: Duration = Duration::from_mins(1);
/// A poll under way when a stop is asked for may still be answered for this long, because its answer may
/// be the only copy of a message.
const LAST_ANSWER_MAX: Duration = Duration::from_secs(6);
/// The pause where the server does not hold polls.
const UNHELD_PAUSE: Duration = Duration::from_secs(2);
/// A chat that lasted this long was a good one; one that ends sooner is joined again more slowly.
const CHAT_LASTING: Duration = Duration::from_mins(1);
/// When nothing came for so long, it is asked whether the chat is still there.
const SILENCE_MAX: Duration = Duration::from_mins(5);

/// How far back the history is read at the start: a service that was down for a long weekend.
const HISTORY_AT_START: Duration = Duration::from_hours(7 * 24);
/// How much of what was read already is read again, for clocks that differ.
const HISTORY_OVERLAP: Duration = Duration::from_hours(1);
/// After the first reading: a poll of a process that died may still have taken messages away.
const HISTORY_SOON: Duration = Duration::from_secs(10);
/// And then.
const HISTORY_EVERY: Duration = Duration::from_hours(1);
/// After one that failed.
const HISTORY_RETRY: Duration = Duration::from_mins(1);
/// Messages in a page of the history, and pages that are read at most.
const HISTORY_PAGE: u64 = 100;
const HISTORY_PAGES_MAX: u64 = 200;

/// How long messages without a file are remembered; longer than the history is read back.
const NOTED_KEPT: Duration = Duration::from_hours(30 * 24);
/// So many of them are forgotten at once.
const NOTED_FORGOTTEN: usize = 1_000;

/// The loop that asks.
pub(super) struct Poller {
    /// When the history is read next.
    history_at: Monotonic,
    /// Readings of the history that succeeded.
    histories: u32,
    /// The moment since which messages may not be known, by the desk's clock; none before the first
    /// reading.
    since: Option<Timestamp>,
    /// The history could not be read; a person was told.
    history_told: bool,
    /// Faults of polls in a row.
    faults: u32,
    /// Chats in a row that ended soon.
    short_chats: u32,
    /// Chats that the desk had opened when this was last looked at, and when the last was noticed.
    chats: u64,
    joined_at: Monotonic,
    /// When something came last, or the chat was last looked after.
    heard_at: Monotonic,
}

impl Poller {
    pub(super) fn new(room: &Room) -> Self {
        Self {
            history_at: room.monotonic(),
            histories: 0,
            since: None,
            history_told: false,
            faults: 0,
            short_chats: 0,
            chats: 0,
            joined_at: room.monotonic(),
            heard_at: room.monotonic(),
        }
    }

    /// Asks until it is time to stop.
    ///
    /// # Errors
    /// What came cannot be written down.
    pub(super) async fn run(&mut self, room: &Room) -> Result<(), EngineError> {
        while let Some(permit) = room.permit().await {
            let last_answer = async {
                room.stop.cancelled().await;
                room.ports.clock.sleep(LAST_ANSWER_MAX).await;
            };
            let pause = tokio::select! {
                biased;
                round = self.round(room, permit) => round?,
                () = last_answer => return Ok(()),
            };
            tokio::select! {
                biased;
                () = room.stop.cancelled() => return Ok(()),
                () = room.ports.clock.sleep(pause) => {}
            }
        }
        Ok(())
    }

    /// Asks until a poll was answered, or the desk cannot be asked for longer than `patience`.
    ///
    /// # Errors
    /// What came cannot be written down.
    pub(super) async fn once(
        &mut self,
        room: &Room,
        patience: Duration,
    ) -> Result<(), EngineError> {
        let deadline = room.monotonic() + patience;
        loop {
            if room.probe_at().is_some_and(|at| at > deadline) || room.monotonic() > deadline {
                return Ok(());
            }
            let Some(permit) = room.permit().await else {
                return Ok(());
            };
            let pause = self.round(room, permit).await?;
            if self.faults == 0 {
                return Ok(());
            }
            room.ports.clock.sleep(pause).await;
        }
    }

    /// One poll with what belongs to it; the pause before the next.
    async fn round(&mut self, room: &Room, permit: Permit) -> Result<Duration, EngineError> {
        if room.monotonic().since(self.heard_at) >= SILENCE_MAX {
            self.heard_at = room.monotonic();
            room.desk.look_after_chat().await;
        }
        if let Err(fault) = room.desk.join().await {
            return Ok(self.failed(room, permit, &fault));
        }
        self.notice_new_chat(room);
        if self.history_at <= room.monotonic() {
            self.reconcile(room).await?;
        }
        let began = room.monotonic();
        let call = DeskCall::poll(&room.desk.spec);
        let messages = match room.desk.call_in_chat(&call, read_poll).await {
            Ok(messages) => messages,
            Err(fault) => return Ok(self.failed(room, permit, &fault)),
        };
        let held = room.monotonic().since(began) >= POLL_HELD_MIN;
        let hung_up = messages
            .iter()
            .any(|message| matches!(message.carries, Carries::HangUp { .. }));
        let journaled = journal(room, &messages).await?;
        self.faults = 0;
        self.notice_new_chat(room);
        room.succeeded(permit);
        room.polled();
        if hung_up && journaled.new > 0 {
            return Ok(self.hung_up(room));
        }
        let is_news = journaled.new > 0;
        if is_news {
            self.heard_at = room.monotonic();
        }
        Ok(if is_news || held {
            Duration::ZERO
        } else {
            room.jittered(UNHELD_PAUSE)
        })
    }

    /// What was sent between two chats is in the history only.
    fn notice_new_chat(&mut self, room: &Room) {
        let chats = room.desk.chats();
        if chats == self.chats {
            return;
        }
        let now = room.monotonic();
        if std::mem::replace(&mut self.chats, chats) > 0 {
            self.history_at = now;
        }
        self.joined_at = now;
        // The poll that follows may be held for a minute.
        room.show();
    }

    /// The other side ended the chat: another is opened, but not without end.
    fn hung_up(&mut self, room: &Room) -> Duration {
        room.desk.hung_up();
        let now = room.monotonic();
        self.short_chats = if now.since(self.joined_at) < CHAT_LASTING {
            self.short_chats.saturating_add(1)
        } else {
            0
        };
        let fraction = room.ports.dice.fraction();
        BASE + backoff(BASE, self.short_chats, RETRY_MAX, fraction)
    }

    fn failed(&mut self, room: &Room, permit: Permit, fault: &Fault) -> Duration {
        // The answer may have been lost on its way, with all that it held.
        self.history_at = room.monotonic();
        let past = Past {
            attempts: 0,
            attempts_max: u32::MAX,
            repeats: self.faults,
        };
        let decision = room.failed(permit, fault, past);
        self.faults = self.faults.saturating_add(1);
        if self.faults.is_multiple_of(POLL_FAULTS_MAX) {
            // Where nobody answered, or no session was opened, it is not the token.
            if fault.call == Call::Poll && fault.layer == Layer::Result {
                room.desk.forget_session();
            } else {
                room.desk.hung_up();
            }
        }
        tracing::debug!(inbox = room.spec.name, %fault, "poll failed");
        match decision.job {
            JobNext::Retry { after, .. } => after.min(RETRY_MAX),
            JobNext::Dead | JobNext::Replan | JobNext::SameAttempt(_) => {
                room.jittered(RETRY_MAX / 2)
            }
        }
    }

    /// Writes down what the history knows and no poll has brought.
    async fn reconcile(&mut self, room: &Room) -> Result<(), EngineError> {
        let started = room.desk.server_now();
        let since = self.since.unwrap_or(back(started, HISTORY_AT_START));
        match read_all(room, since).await? {
            Ok(()) => {
                self.since = Some(back(started, HISTORY_OVERLAP));
                self.histories = self.histories.saturating_add(1);
                let after = match self.histories {
                    1 => HISTORY_SOON,
                    _ => room.jittered(HISTORY_EVERY),
                };
                self.history_at = room.monotonic() + after;
                // By the clock that they were stamped with.
                let before = back(room.now(), NOTED_KEPT);
                room.store.prune_noted(before, NOTED_FORGOTTEN).await?;
            }
            Err(fault) => {
                self.history_at = room.monotonic() + room.jittered(HISTORY_RETRY);
                if !std::mem::replace(&mut self.history_told, true) {
                    room.notice(format!(
                        "The history of messages cannot be read ({fault}), so files that a poll lost \
                         are not found; it is tried again, and said once"
                    ));
                }
            }
        }
        Ok(())
    }
}

fn back(at: Timestamp, span: Duration) -> Timestamp {
    let milliseconds = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    Timestamp(at.0.saturating_sub(milliseconds))
}

/// Reads the history since a moment, page by page, each written down before the next.
async fn read_all(room: &Room, since: Timestamp) -> Result<Result<(), Fault>, EngineError> {
    let mut offset = 0;
    let mut last_page = None;
    for _ in 0..HISTORY_PAGES_MAX {
        let call = DeskCall::history(&room.desk.spec, offset, HISTORY_PAGE, Some(since));
        let history = match room.desk.call(&call, read_history).await {
            Ok(history) => history,
            Err(fault) => return Ok(Err(fault)),
        };
        let read = history.messages.len() as u64;
        let others: Vec<Received> = history
            .of_others(&room.desk.spec.user_id)
            .cloned()
            .collect();
        journal(room, &others).await?;
        offset += read;
        // A server may hold its pages shorter than it was asked to.
        let page = history.digest();
        if read == 0 || last_page.replace(page) == Some(page) {
            break;
        }
    }
    Ok(Ok(()))
}

/// Writes messages down, durably.
async fn journal(room: &Room, messages: &[Received]) -> Result<Journaled, EngineError> {
    if messages.is_empty() {
        return Ok(Journaled::default());
    }
    let new = messages.iter().map(|message| NewMessage {
        identity: message.identity.clone(),
        content: message.fields,
        raw: message.raw.clone(),
        carries_file: matches!(message.carries, Carries::File(_) | Carries::Unfetchable(_)),
        sent_at: message.sent_at,
    });
    let name = room.spec.name.clone();
    let journaled = room.store.journal(name, new.collect(), room.now()).await?;
    for identity in &journaled.differing {
        room.notice(format!(
            "Two messages with different contents came as \"{identity}\"; the first one counts"
        ));
    }
    if journaled.files > 0 {
        room.files.notify_one();
    }
    Ok(journaled)
}

//! What the emulated desk has: tokens, users, files and what was sent, in one place.
//!
//! The lock is held for a moment each and never across waiting.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, watch};

use super::message::Envelope;
use super::options::DeskOptions;
use super::tokens::{Standing, Tokens};
use super::user::User;
use crate::emulator::objects::StoredObject;

/// The emulated desk.
pub(in crate::emulator) struct Desk {
    pub(super) options: DeskOptions,
    state: Mutex<State>,
    /// Something has changed that a held poll may wait for.
    pub(super) news: Notify,
    answering: watch::Sender<bool>,
}

/// What changes while it runs.
pub(super) struct State {
    pub(super) tokens: Tokens,
    pub(super) users: BTreeMap<String, User>,
    /// Agents' own files, by object key.
    pub(super) local: BTreeMap<String, HeldFile>,
    /// The multimedia library, by id.
    pub(super) library: BTreeMap<String, HeldFile>,
    pub(super) uploads: Vec<UploadedObject>,
    pub(super) sent: Vec<SentMessage>,
    /// Whether it is within working hours.
    pub(super) is_open: bool,
}

/// A file that a user can fetch.
#[derive(Debug, Clone)]
pub(super) struct HeldFile {
    pub(super) object: Arc<StoredObject>,
    /// The `mediaFileType` of its message.
    pub(super) file_type: Option<String>,
}

/// A file that was uploaded by a user.
#[derive(Debug, Clone)]
pub struct UploadedObject {
    /// The `objectKey` it was given.
    pub object_key: String,
    /// Who uploaded it.
    pub user: String,
    /// Its `fileType`.
    pub file_type: String,
    /// Its bytes and their checksums.
    pub object: Arc<StoredObject>,
}

/// A request of `send` or `sendAsync` that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// Who sent it.
    pub user: String,
    /// `CONNECT`, `CHAT`, …
    pub control_type: String,
    /// `TEXT`, `IMAGE`, `FILE`, …
    pub media_type: String,
    /// As it was sent.
    pub content: String,
    /// As it was sent.
    pub message_id: Option<String>,
    /// The uploaded file it names.
    pub object_key: Option<String>,
    /// When it was taken, in milliseconds since 1970 on the emulator's clock.
    pub taken_at_ms: i64,
}

impl Desk {
    pub(in crate::emulator) fn new(options: DeskOptions) -> Self {
        Self {
            options,
            state: Mutex::new(State {
                tokens: Tokens::default(),
                users: BTreeMap::new(),
                local: BTreeMap::new(),
                library: BTreeMap::new(),
                uploads: Vec::new(),
                sent: Vec::new(),
                is_open: true,
            }),
            news: Notify::new(),
            answering: watch::Sender::new(true),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whom a message to this user is from, and when.
    pub(super) fn envelope<'a>(&'a self, user: &'a str, at_ms: i64) -> Envelope<'a> {
        Envelope {
            channel_id: &self.options.credentials.channel_id,
            user,
            at_ms,
        }
    }

    /// Does something to a user, whose session is brought up to date first. Users come to be when
    /// they are first named.
    pub(super) fn with_user<T>(
        &self,
        user: &str,
        now_ms: i64,
        act: impl FnOnce(&mut User) -> T,
    ) -> T {
        let mut state = self.state();
        self.settled(&mut state, user, now_ms, act)
    }

    /// The same, with the lock already held.
    pub(super) fn settled<T>(
        &self,
        state: &mut State,
        name: &str,
        now_ms: i64,
        act: impl FnOnce(&mut User) -> T,
    ) -> T {
        let user = state.users.entry(name.to_owned()).or_default();
        user.settle(&self.options.session, self.envelope(name, now_ms));
        act(user)
    }

    /// Puts a message into a mailbox and the history.
    pub(super) fn deliver(&self, user: &str, (at_ms, now_ms): (i64, i64), message: Value) {
        self.with_user(user, now_ms, |user| {
            user.history.push((at_ms, message.clone()));
            user.mailbox.put(message);
        });
        self.news.notify_waiters();
    }

    /// The user behind a client token: an expired one counts while he is in a session
    /// (protocol notes 2.4).
    pub(super) fn visitor(&self, token: &str, now_ms: i64) -> Option<String> {
        let mut state = self.state();
        let user = match state.tokens.standing(token, now_ms) {
            Standing::Valid(user) => user,
            Standing::Expired(user) => {
                let phase = self.settled(&mut state, &user, now_ms, |user| user.phase());
                phase.map(|_| user)?
            }
            Standing::Dead => return None,
        };
        state.tokens.count_call(token);
        Some(user)
    }

    /// The client token that an answer brings with it, if it does.
    pub(super) fn rotation(&self, token: &str, is_forced: bool, now_ms: i64) -> Option<String> {
        let rules = &self.options.tokens;
        let mut state = self.state();
        if let Some(successor) = state.tokens.successor(token) {
            return Some(successor.to_owned());
        }
        let (user, is_expired) = match state.tokens.standing(token, now_ms) {
            Standing::Valid(user) => (user, false),
            Standing::Expired(user) => (user, true),
            Standing::Dead => return None,
        };
        let calls = state.tokens.calls(token);
        let is_due = rules
            .rotate_every
            .is_some_and(|every| calls.is_multiple_of(every.max(1)));
        let is_in_session = state
            .users
            .get(&user)
            .is_some_and(|user| user.phase().is_some());
        let rotates = is_forced || is_in_session && (is_expired || is_due);
        if !rotates {
            return None;
        }
        let expires_ms = after(now_ms, rules.client_lifetime);
        let grace_end_ms = after(now_ms, rules.rotation_grace);
        state.tokens.rotate(token, expires_ms, grace_end_ms)
    }

    /// Ends all tokens: access tokens are refused, client tokens have run out.
    pub(in crate::emulator) fn expire_tokens(&self, now_ms: i64) {
        let mut state = self.state();
        state.tokens.expire_access(now_ms);
        state.tokens.expire_client(now_ms);
    }

    /// Starts or stops answering.
    pub(super) fn set_answering(&self, answers: bool) {
        self.answering.send_replace(answers);
    }

    /// Waits while nothing is answered.
    pub(super) async fn until_answering(&self) {
        let mut answering = self.answering.subscribe();
        // The sender lives as long as this desk, so this ends only when it answers.
        let _answers = answering.wait_for(|answers| *answers).await;
    }
}

/// The moment that is this much later.
pub(super) fn after(now_ms: i64, span: Duration) -> i64 {
    now_ms.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
}

//! What the loops of an inbox share: its desk's standing, whether it is paused, and what is shown of it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::decide::account::{Gate, Permit, Start};
use crate::decide::remedy::{self, AccountNext, Decision, Situation};
use crate::engine::Ports;
use crate::engine::desk::Desk;
use crate::engine::live::{InboxLive, InboxState};
use crate::model::desk::InboxSpec;
use crate::model::event::Event;
use crate::model::fault::{Call, Fault};
use crate::model::time::{Monotonic, Timestamp};
use crate::store::Store;

/// What the loops share.
pub(super) struct Room {
    pub(super) spec: InboxSpec,
    pub(super) desk: Arc<Desk>,
    pub(super) store: Store,
    pub(super) ports: Ports,
    pub(super) attempts_max: u32,
    /// Cancelled: ask and fetch nothing more.
    pub(super) stop: CancellationToken,
    /// There may be a file to fetch.
    pub(super) files: Notify,
    /// There may be a program to run.
    pub(super) programs: Notify,
    gate: Mutex<Gate>,
    /// The gate, or whether it is paused, has changed.
    changed: Notify,
    paused: AtomicBool,
    busy: AtomicU64,
    /// Why the folder cannot be used.
    blocked: Mutex<Option<String>>,
    last_poll_at: Mutex<Option<Timestamp>>,
    live: watch::Sender<InboxLive>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shown as busy until it is dropped.
pub(super) struct Busy<'a>(&'a Room);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
        self.0.show();
    }
}

impl Room {
    pub(super) fn new(
        spec: InboxSpec,
        paused: bool,
        (desk, store, ports): (Arc<Desk>, Store, Ports),
        attempts_max: u32,
        stop: CancellationToken,
    ) -> (Self, watch::Receiver<InboxLive>) {
        let (live, seen) = watch::channel(InboxLive {
            name: spec.name.clone(),
            ..InboxLive::default()
        });
        let room = Self {
            spec,
            desk,
            store,
            ports,
            attempts_max,
            stop,
            files: Notify::new(),
            programs: Notify::new(),
            gate: Mutex::new(Gate::open()),
            changed: Notify::new(),
            paused: AtomicBool::new(paused),
            busy: AtomicU64::new(0),
            blocked: Mutex::default(),
            last_poll_at: Mutex::default(),
            live,
        };
        room.show();
        (room, seen)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    pub(super) fn monotonic(&self) -> Monotonic {
        self.ports.clock.monotonic()
    }

    pub(super) fn tell(&self, event: &Event) {
        self.ports.tell(event);
    }

    /// Something that a person should read.
    pub(super) fn notice(&self, message: String) {
        let name = self.spec.name.clone();
        self.tell(&Event::Notice { name, message });
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    pub(super) fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
        self.changed.notify_waiters();
        self.show();
    }

    /// A person says that it is mended: everything is tried at once.
    pub(super) fn resume(&self) {
        let was_closed = locked(&self.gate).resume(self.monotonic());
        if was_closed {
            self.desk.resumed();
        }
        self.changed.notify_waiters();
        self.files.notify_one();
        self.programs.notify_one();
        self.show();
    }

    /// The right to ask the desk, once that is allowed; `None` when it is time to stop. The probe of a paused
    /// gate logs in afresh.
    pub(super) async fn permit(&self) -> Option<Permit> {
        self.permit_by(Gate::may_start).await
    }

    /// The same, for fetching a file, which needs no chat session.
    pub(super) async fn permit_to_fetch(&self) -> Option<Permit> {
        self.permit_by(Gate::may_fetch).await
    }

    async fn permit_by(&self, may_start: fn(&mut Gate, Monotonic) -> Start) -> Option<Permit> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let start = if self.is_paused() {
                Start::No(None)
            } else {
                may_start(&mut locked(&self.gate), self.monotonic())
            };
            let until = match start {
                Start::Go(permit) => return Some(permit),
                Start::Probe(permit) => {
                    if locked(&self.gate).is_paused() {
                        self.desk.resumed();
                    }
                    return Some(permit);
                }
                Start::No(until) => until,
            };
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                () = changed => {}
                () = self.at(until) => {}
            }
        }
    }

    /// Waits until the desk may be asked for files freely. False when it is time to stop.
    pub(super) async fn open_to_fetch(&self) -> bool {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if !self.is_paused() && locked(&self.gate).is_open_to_fetch() {
                return true;
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return false,
                () = changed => {}
            }
        }
    }

    /// When the closed gate is probed next.
    pub(super) fn probe_at(&self) -> Option<Monotonic> {
        locked(&self.gate).probe_at()
    }

    /// Waits for a moment, or for ever.
    pub(super) async fn at(&self, moment: Option<Monotonic>) {
        match moment {
            Some(moment) => self.ports.clock.sleep_until(moment).await,
            None => std::future::pending().await,
        }
    }

    /// The desk answered sensibly.
    pub(super) fn succeeded(&self, permit: Permit) {
        locked(&self.gate).succeeded(permit);
        self.changed.notify_waiters();
        self.show();
    }

    /// Nothing came of a permit.
    pub(super) fn released(&self, permit: Permit) {
        locked(&self.gate).released(permit);
        self.changed.notify_waiters();
    }

    /// What a fault leads to; the gate is closed if the desk is to blame.
    pub(super) fn failed(&self, permit: Permit, fault: &Fault, past: Past) -> Decision {
        let now = self.monotonic();
        let mut gate = locked(&self.gate);
        let situation = Situation {
            attempts: past.attempts,
            attempts_max: past.attempts_max,
            repeats: past.repeats,
            fresh_links: 0,
            // The protocol's own steps are behind it.
            refreshes: u32::MAX,
            account_faults: gate.faults_in_row(),
            closures: gate.closures(),
            now: self.now(),
            retry_after: fault.retry_after,
            fraction: self.ports.dice.fraction(),
        };
        let decision = remedy::decide(remedy::classify(fault), &situation);
        // The folder's trouble is not the desk's.
        if decision.account == AccountNext::Silent || fault.call == Call::Deliver {
            gate.released(permit);
        } else {
            gate.failed(permit, fault, decision.account, now);
        }
        drop(gate);
        self.changed.notify_waiters();
        self.show();
        decision
    }

    /// Shown as busy until the answer is dropped.
    pub(super) fn busy(&self) -> Busy<'_> {
        self.busy.fetch_add(1, Ordering::Relaxed);
        self.show();
        Busy(self)
    }

    /// The folder cannot be used, or can again.
    pub(super) fn set_blocked(&self, why: Option<String>) {
        *locked(&self.blocked) = why;
        self.show();
    }

    /// A poll was answered.
    pub(super) fn polled(&self) {
        *locked(&self.last_poll_at) = Some(self.now());
        self.show();
    }

    /// A span with up to a half more, so that many of a kind do not meet.
    pub(super) fn jittered(&self, span: Duration) -> Duration {
        span + span.mul_f64(self.ports.dice.fraction() / 2.0)
    }

    /// Tells outside how it stands, and the log where that has changed.
    pub(super) fn show(&self) {
        let (now, told) = self.standing();
        let mut before = InboxLive::default();
        self.live.send_if_modified(|live| {
            let is_other = *live != now;
            before = std::mem::replace(live, now.clone());
            is_other
        });
        let at_work = |state| matches!(state, InboxState::Idle | InboxState::Syncing);
        if before.state != now.state && !(at_work(before.state) && at_work(now.state)) {
            self.tell(&Event::State {
                name: self.spec.name.clone(),
                from: before.state.as_str().to_owned(),
                to: now.state.as_str().to_owned(),
                reason: told,
            });
        }
    }

    /// How it stands, and why in words for the log, where no code and time stand beside the reason.
    fn standing(&self) -> (InboxLive, Option<String>) {
        let standing = locked(&self.gate).standing(self.monotonic(), self.now());
        let blocked = locked(&self.blocked).clone();
        let (state, reason) = match standing.state {
            _ if self.is_paused() => (InboxState::Paused, Some("a person paused it".to_owned())),
            _ if blocked.is_some() => (InboxState::Blocked, blocked),
            "paused" => (InboxState::Blocked, standing.meaning.clone()),
            "waiting" => (InboxState::Waiting, standing.meaning.clone()),
            _ if self.busy.load(Ordering::Relaxed) > 0 => (InboxState::Syncing, None),
            _ => (InboxState::Idle, None),
        };
        let told = if reason == standing.meaning {
            standing.reason
        } else {
            reason.clone()
        };
        let waits = matches!(state, InboxState::Blocked | InboxState::Waiting);
        let live = InboxLive {
            name: self.spec.name.clone(),
            state,
            reason,
            code: standing.code.filter(|_| waits),
            until: standing.until.filter(|_| waits),
            connected: self.desk.is_connected(),
            last_poll_at: *locked(&self.last_poll_at),
        };
        (live, told)
    }
}

/// What was tried before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Past {
    /// Faults of the file itself.
    pub attempts: u32,
    /// How many it may have.
    pub attempts_max: u32,
    /// How often in a row this fault was met.
    pub repeats: u32,
}

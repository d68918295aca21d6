//! The jobs that are ready: claimed some sets ahead, begun as slots come free, and handed back where they
//! will not begin soon.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::outcome::Written;
use super::supply::{self, Delivery, Prepared};
use super::{Transfers, attempt};
use crate::decide::account::Start;
use crate::model::job::{Outcome, Settlement};

/// At least so many jobs are claimed at once.
const CLAIM_MIN: usize = 64;
/// At most so many jobs are claimed at once.
const CLAIM_MAX: usize = 256;
/// Jobs are claimed while fewer than so many sets of transfers are ready: small files need as many, for a
/// claim waits for another commit and then for its own.
const SETS_AHEAD: usize = 8;

impl Transfers {
    pub(super) fn start_attempts(&mut self) {
        while self.slots.len() < self.limiter.limit() && !self.ready.is_empty() {
            let permit = match self.gate.may_start(self.context.ports.clock.monotonic()) {
                Start::Go(permit) | Start::Probe(permit) => permit,
                Start::No(_) => break,
            };
            let Some(prepared) = self.ready.pop_front() else {
                return;
            };
            let context = Arc::clone(&self.context);
            // The probe after an outage uses the token it has: every other one would be a needless call.
            if permit.is_probe() && self.gate.is_paused() {
                context.remote.resumed();
            }
            context
                .alone
                .store(self.slots.is_empty(), Ordering::Relaxed);
            self.slots.push(Box::pin(async move {
                (permit, attempt::attempt(context, prepared).await)
            }));
        }
        if !self.gate.is_open() {
            self.release_ready();
        }
    }

    /// Jobs that will not start soon are nobody's: others may plan or drop them.
    pub(super) fn release_ready(&mut self) {
        let now = self.context.ports.clock.now();
        for prepared in self.ready.drain(..) {
            let settlement = Settlement {
                claim: prepared.claim,
                outcome: Outcome::Released,
                maybe_sent: false,
                lost: None,
                started_at: now,
                took_ms: 0,
            };
            self.outcomes
                .push(Written::silent(settlement, prepared.folder));
        }
    }

    pub(super) fn start_delivery(&mut self) {
        let (enough, wanted) = match self.gate.probe_at() {
            None if self.gate.is_open() => {
                // Claiming takes its time, in which whole sets of transfers may end.
                let enough = (SETS_AHEAD * self.limiter.limit()).min(CLAIM_MAX);
                (enough, enough.max(CLAIM_MIN))
            }
            Some(at) if at <= self.context.ports.clock.monotonic() => (1, 1),
            _ => return,
        };
        let is_busy = self.delivery.is_some() || self.folders.is_empty();
        if !self.hungry || self.ready.len() >= enough || is_busy {
            return;
        }
        self.hungry = false;
        self.folders.rotate_left(1);
        self.delivery = Some(Box::pin(supply::deliver(
            self.store.clone(),
            (self.folders.clone(), wanted),
            self.context.budget.clone(),
            self.context.ports.clone(),
            self.hand.clone(),
        )));
    }

    pub(super) fn arrived(&mut self, prepared: Vec<Prepared>) {
        self.ready.extend(prepared);
        if self.stop.is_cancelled() {
            self.release_ready();
        } else {
            // The pause may have come while they were claimed.
            self.release_paused();
        }
    }

    pub(super) fn delivered(&mut self, delivery: Delivery) {
        // All of it was handed over before.
        while let Ok(prepared) = self.arrivals.try_recv() {
            self.arrived(prepared);
        }
        // What became claimable while this was under way is asked for once more.
        self.hungry |= !delivery.exhausted;
        let ports = &self.context.ports;
        let (now, wall) = (ports.clock.monotonic(), ports.clock.now());
        self.next_due = delivery.next_due.map(|due| now + wall.until(due));
    }

    /// A paused folder starts nothing more.
    pub(super) fn release_paused(&mut self) {
        let (paused, ready): (VecDeque<_>, VecDeque<_>) = self
            .ready
            .drain(..)
            .partition(|prepared| prepared.folder.is_paused());
        self.ready = paused;
        self.release_ready();
        self.ready = ready;
    }
}

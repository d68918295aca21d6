//! The gate of an account: open, or closed with exactly one probe at a time.
//!
//! Trouble of an account is met once, not once for each file. Three account faults in a row without
//! a success between close it for a backoff; quota and refused credentials close it at once. Each
//! start gets a [`Permit`], so that an answer to a request of before cannot open or close what
//! happened since.

mod breaker;
mod standing;

use std::time::Duration;

use crate::decide::remedy::{AccountNext, Closure, ClosureKind};
use crate::model::fault::{Call, Fault, Layer};
use crate::model::job::JobId;
use crate::model::time::{Monotonic, Timestamp};

use breaker::Breaker;
pub use standing::{Persisted, Standing};

/// So many account faults in a row close the account.
pub const FAULTS_IN_ROW_MAX: u32 = 3;
/// A restored closure is probed within this span, whatever the wall clock did meanwhile.
pub const RESTORED_PROBE_MAX: Duration = Duration::from_hours(1);
/// How long the breaker waits for its first probe; a person was told.
const BREAKER_PROBE: Duration = Duration::from_mins(15);

/// The right to make one attempt, handed back with its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    generation: u64,
    probe: bool,
}

impl Permit {
    /// Whether this attempt is the one that tries whether a closed account works again.
    pub fn is_probe(self) -> bool {
        self.probe
    }
}

/// Whether an attempt may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Yes.
    Go(Permit),
    /// Exactly this one; no other until it has reported.
    Probe(Permit),
    /// Not before this moment; without one, not before the running probe has reported.
    No(Option<Monotonic>),
}

/// The gate of one account.
#[derive(Debug, Clone)]
pub struct Gate {
    closed: Option<Closed>,
    generation: u64,
    faults_in_row: u32,
    closures: u32,
    breaker: Breaker,
}

#[derive(Debug, Clone)]
struct Closed {
    kind: ClosureKind,
    cause: Cause,
    fault: Fault,
    probe_at: Monotonic,
    until: Option<Timestamp>,
    probing: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// Several faults in a row: any success opens it.
    Counted,
    /// A code that says so: only its own probe opens it.
    Said,
    /// Different files dead with one code: a probe that dies of it too keeps it closed.
    Breaker,
}

impl Default for Gate {
    fn default() -> Self {
        Self::open()
    }
}

impl Gate {
    /// A gate that nothing is known against.
    pub fn open() -> Self {
        Self {
            closed: None,
            generation: 0,
            faults_in_row: 0,
            closures: 0,
            breaker: Breaker::default(),
        }
    }

    /// Whether an attempt may start now. [`Start::Probe`] claims the probe: hand its permit back.
    pub fn may_start(&mut self, now: Monotonic) -> Start {
        let generation = self.generation;
        match &mut self.closed {
            None => Start::Go(Permit {
                generation,
                probe: false,
            }),
            Some(closed) if closed.probing => Start::No(None),
            Some(closed) if now < closed.probe_at => Start::No(Some(closed.probe_at)),
            Some(closed) => {
                closed.probing = true;
                Start::Probe(Permit {
                    generation,
                    probe: true,
                })
            }
        }
    }

    /// As [`Self::may_start`], for what needs no chat session: nothing is claimed where the desk opens none.
    pub fn may_fetch(&mut self, now: Monotonic) -> Start {
        if self.is_open_to_fetch() {
            return Start::Go(Permit {
                generation: self.generation,
                probe: false,
            });
        }
        self.may_start(now)
    }

    /// The attempt ended with an acknowledgement. Answers whether this opened the account.
    pub fn succeeded(&mut self, permit: Permit) -> bool {
        self.breaker.reset();
        self.answered(permit, true)
    }

    /// The attempt ended without an outcome: replanned, cancelled, nothing asked.
    pub fn released(&mut self, permit: Permit) {
        if let Some(closed) = self.probe_of(permit) {
            closed.probing = false;
        }
    }

    /// The attempt ended with a fault. Answers whether the account's state changed.
    pub fn failed(
        &mut self,
        permit: Permit,
        fault: &Fault,
        next: AccountNext,
        now: Monotonic,
    ) -> bool {
        match next {
            AccountNext::Silent => {
                self.released(permit);
                false
            }
            AccountNext::Answered => self.answered(permit, false),
            AccountNext::Failed { after } => {
                let counted = self.counts(permit);
                if counted {
                    self.faults_in_row = self.faults_in_row.saturating_add(1);
                }
                let closes = self.probe_of(permit).is_some()
                    || (self.closed.is_none() && self.faults_in_row >= FAULTS_IN_ROW_MAX);
                if counted && closes {
                    let closure = Closure {
                        kind: ClosureKind::Waiting,
                        after,
                        until: None,
                    };
                    self.close(Cause::Counted, closure, fault, now);
                }
                counted && closes
            }
            AccountNext::Close(closure) => self.close_as_said(permit, closure, fault, now),
        }
    }

    /// A job died of a fault of its own. When different files in a row died of one code, it is the
    /// account: it is paused, and the jobs that are to be revived (behind the others) are handed
    /// back.
    pub fn died(
        &mut self,
        permit: Permit,
        job: JobId,
        fault: &Fault,
        now: Monotonic,
    ) -> Vec<JobId> {
        let same_again = self
            .probe_of(permit)
            .is_some_and(|c| c.cause == Cause::Breaker && c.fault.code == fault.code);
        let closure = Closure {
            kind: ClosureKind::Paused,
            after: BREAKER_PROBE,
            until: None,
        };
        if same_again {
            self.close(Cause::Breaker, closure, fault, now);
            return vec![job];
        }
        let next = if breaker::is_of_this_machine(fault) {
            AccountNext::Silent
        } else {
            AccountNext::Answered
        };
        self.failed(permit, fault, next, now);
        let revived = self.breaker.died(job, fault);
        if !revived.is_empty() && self.closed.is_none() {
            self.close(Cause::Breaker, closure, fault, now);
        }
        revived
    }

    /// A person says that it is mended: the probe is due at once. Answers whether it was closed.
    pub fn resume(&mut self, now: Monotonic) -> bool {
        self.breaker.reset();
        match &mut self.closed {
            Some(closed) => {
                closed.probe_at = now;
                closed.until = None;
                self.closures = 0;
                true
            }
            None => false,
        }
    }

    /// Account faults in a row without a success between, of all jobs.
    pub fn faults_in_row(&self) -> u32 {
        self.faults_in_row
    }

    /// How often in a row the account was closed.
    pub fn closures(&self) -> u32 {
        self.closures
    }

    /// Whether attempts start freely.
    pub fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    /// Whether what needs no chat session starts freely: a desk that says that it opens none for a while, at
    /// night for one, hands out files all the same. Not while it is probed, when worse may become known.
    pub fn is_open_to_fetch(&self) -> bool {
        self.closed.as_ref().is_none_or(|closed| {
            let (call, layer) = (closed.fault.call, closed.fault.layer);
            let opens_none = call == Call::Connect && layer == Layer::Result;
            opens_none && closed.kind == ClosureKind::Waiting && !closed.probing
        })
    }

    /// Whether it is closed until a person mends something; its probe tries that too.
    pub fn is_paused(&self) -> bool {
        self.closed
            .as_ref()
            .is_some_and(|closed| closed.kind == ClosureKind::Paused)
    }

    /// When the probe of a closed account is due; `None` while open or probing.
    pub fn probe_at(&self) -> Option<Monotonic> {
        self.closed
            .as_ref()
            .filter(|closed| !closed.probing)
            .map(|closed| closed.probe_at)
    }

    /// The closure that this permit probes.
    fn probe_of(&mut self, permit: Permit) -> Option<&mut Closed> {
        let current = permit.probe && permit.generation == self.generation;
        self.closed
            .as_mut()
            .filter(|closed| current && closed.probing)
    }

    /// Whether a permit's fault is news: that of a probe, or of an attempt that began since it
    /// opened.
    fn counts(&mut self, permit: Permit) -> bool {
        self.probe_of(permit).is_some()
            || (self.closed.is_none() && permit.generation == self.generation)
    }

    fn answered(&mut self, permit: Permit, acknowledged: bool) -> bool {
        let probed = self.probe_of(permit).is_some();
        let opens = match self.closed.as_ref().map(|closed| closed.cause) {
            None => false,
            Some(Cause::Counted) => probed || acknowledged,
            Some(Cause::Said | Cause::Breaker) => probed,
        };
        if opens {
            self.closed = None;
            self.closures = 0;
            self.generation += 1;
        }
        if self.closed.is_none() {
            self.faults_in_row = 0;
        }
        opens
    }

    fn close_as_said(
        &mut self,
        permit: Permit,
        closure: Closure,
        fault: &Fault,
        now: Monotonic,
    ) -> bool {
        if self.counts(permit) {
            self.faults_in_row = self.faults_in_row.saturating_add(1);
            self.close(Cause::Said, closure, fault, now);
            return true;
        }
        // A late answer to a request of before the closing may know better how long it lasts, but
        // it is the same closing, and the probe keeps its turn.
        let Some(closed) = &mut self.closed else {
            return false;
        };
        let graver = closed.kind == ClosureKind::Waiting && closure.kind == ClosureKind::Paused
            || closed.cause == Cause::Counted;
        if graver && !closed.probing {
            closed.kind = closure.kind;
            closed.cause = Cause::Said;
            closed.fault = fault.clone();
            closed.probe_at = now + closure.after;
            closed.until = closure.until;
        }
        graver && !closed.probing
    }

    fn close(&mut self, cause: Cause, closure: Closure, fault: &Fault, now: Monotonic) {
        self.closures = self.closures.saturating_add(1);
        self.generation += 1;
        self.closed = Some(Closed {
            kind: closure.kind,
            cause,
            fault: fault.clone(),
            probe_at: now + closure.after,
            until: closure.until,
            probing: false,
        });
    }
}

#[cfg(test)]
mod tests;

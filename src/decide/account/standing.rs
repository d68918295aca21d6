//! The gate for people and for the store: written down, restored, told in words.

use std::time::Duration;

use super::{Cause, Closed, Gate, RESTORED_PROBE_MAX};
use crate::decide::remedy::{ClosureKind, advice_for, classify};
use crate::model::fault::{Call, Fault, Layer};
use crate::model::time::{Monotonic, Timestamp};

/// A gate as it is written down, and shown without a running daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persisted {
    /// `ready`, `waiting` or `paused`.
    pub state: &'static str,
    /// When it is probed next.
    pub until: Option<Timestamp>,
    /// What closed it.
    pub fault: Option<Fault>,
    /// How often in a row it was closed.
    pub closures: u32,
}

/// A gate for people.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Standing {
    /// `ready`, `waiting` or `paused`.
    pub state: &'static str,
    /// Why, and until when; `None` while ready.
    pub reason: Option<String>,
    /// Why alone, without the code and the time.
    pub meaning: Option<String>,
    /// What the person does.
    pub advice: Option<String>,
    /// The code of the fault that closed it.
    pub code: Option<String>,
    /// When it is probed next.
    pub until: Option<Timestamp>,
}

impl Gate {
    /// A gate as it was written down. A clock that jumped meanwhile delays the probe by
    /// [`RESTORED_PROBE_MAX`] at most.
    pub fn restore(persisted: &Persisted, now: Monotonic, wall: Timestamp) -> Self {
        let mut gate = Self::open();
        gate.closures = persisted.closures;
        let kind = match persisted.state {
            "waiting" => ClosureKind::Waiting,
            "paused" => ClosureKind::Paused,
            _ => return Self::open(),
        };
        let unknown = || Fault::new(Call::Api, Layer::Local, "unknown", "");
        let fault = persisted.fault.clone().unwrap_or_else(unknown);
        let wait = persisted
            .until
            .map_or(Duration::ZERO, |until| wall.until(until));
        gate.closed = Some(Closed {
            kind,
            cause: Cause::Said,
            fault,
            probe_at: now + wait.min(RESTORED_PROBE_MAX),
            until: None,
            probing: false,
        });
        gate
    }

    /// The gate to write down.
    pub fn persisted(&self, now: Monotonic, wall: Timestamp) -> Persisted {
        Persisted {
            state: self.state(),
            until: self
                .closed
                .as_ref()
                .map(|closed| closed.probed_at(now, wall)),
            fault: self.closed.as_ref().map(|closed| closed.fault.clone()),
            closures: self.closures,
        }
    }

    /// The gate in words.
    pub fn standing(&self, now: Monotonic, wall: Timestamp) -> Standing {
        let Some(closed) = &self.closed else {
            return Standing {
                state: self.state(),
                reason: None,
                meaning: None,
                advice: None,
                code: None,
                until: None,
            };
        };
        let rule = classify(&closed.fault);
        let probed_at = closed.probed_at(now, wall);
        let until = match closed.until.filter(|until| *until > probed_at) {
            Some(until) => format!("should be over at {until}, tried again at {probed_at}"),
            None => format!("tried again at {probed_at}"),
        };
        let several = match closed.cause {
            Cause::Breaker => {
                "Several files in a row were refused with one code, so it is not the files. "
            }
            Cause::Counted | Cause::Said => "",
        };
        let meaning = format!("{several}{}", rule.meaning);
        Standing {
            state: self.state(),
            reason: Some(format!("{meaning} ({}; {until})", closed.fault.code)),
            meaning: Some(meaning),
            advice: Some(advice_for(rule, &closed.fault)),
            code: Some(closed.fault.code.clone()),
            until: Some(probed_at),
        }
    }

    /// `ready`, `waiting` or `paused`.
    pub fn state(&self) -> &'static str {
        match self.closed.as_ref().map(|closed| closed.kind) {
            None => "ready",
            Some(ClosureKind::Waiting) => "waiting",
            Some(ClosureKind::Paused) => "paused",
        }
    }
}

impl Closed {
    fn probed_at(&self, now: Monotonic, wall: Timestamp) -> Timestamp {
        wall.plus(self.probe_at.since(now))
    }
}

//! From the end of an attempt to what is written down and told.

use std::sync::Arc;
use std::time::Duration;

use super::attempt::{Ended, Trouble};
use super::remote::Remote;
use super::{Permit, Transfers};
use crate::decide::account::Standing;
use crate::decide::remedy::{
    self, AccountNext, Closure, ClosureKind, Decision, JobNext, Remedy, Situation,
};
use crate::engine::folder::Folder;
use crate::engine::live::{AccountLive, GateState};
use crate::model::event::Event;
use crate::model::fault::Fault;
use crate::model::job::{Claim, Outcome, Receipt, Settlement};
use crate::model::time::Timestamp;
use crate::store::AccountRow;

/// A settlement with what is told once it is committed.
pub(super) struct Written {
    pub settlement: Settlement,
    pub folder: Arc<Folder>,
    pub event: Option<Event>,
}

impl Written {
    /// Nothing to tell.
    pub(super) fn silent(settlement: Settlement, folder: Arc<Folder>) -> Self {
        Self {
            settlement,
            folder,
            event: None,
        }
    }
}

impl Transfers {
    pub(super) fn ended(&mut self, permit: Permit, ended: Ended) {
        if let Some(warning) = &ended.warning {
            let name = ended.folder.spec.name.clone();
            let message = format!("{}: {warning}", ended.claim.path);
            self.tell(&Event::Notice { name, message });
        }
        let Ended {
            claim,
            folder,
            result,
            started_at,
            took,
            lost,
            ..
        } = ended;
        let maybe_sent = result.as_ref().is_err_and(|trouble| trouble.maybe_sent);
        let (outcome, event) = match result {
            Ok(receipt) => {
                self.gate.succeeded(permit);
                let now = self.context.ports.clock.monotonic();
                self.limiter.finished(now, receipt.bytes, self.demand());
                self.tell_if_unchecked(&folder, &claim, &receipt);
                let event = uploaded(&folder, &claim, &receipt, took);
                (Outcome::Acknowledged(receipt), event)
            }
            Err(trouble) => self.failed(permit, &folder, &claim, trouble),
        };
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let settlement = Settlement {
            claim,
            outcome,
            maybe_sent,
            lost,
            started_at,
            took_ms,
        };
        self.outcomes.push(Written {
            settlement,
            folder,
            event: Some(event),
        });
    }

    fn failed(
        &mut self,
        permit: Permit,
        folder: &Folder,
        claim: &Claim,
        trouble: Trouble,
    ) -> (Outcome, Event) {
        let situation = self.situation(claim, &trouble);
        let decision = remedy::decide(remedy::classify(&trouble.fault), &situation);
        let fault = trouble.fault;
        let now = self.context.ports.clock.monotonic();
        if decision.slow_down {
            self.limiter.throttled(now);
        }
        if decision.job == JobNext::Dead {
            self.revived
                .extend(self.gate.died(permit, claim.job, &fault, now));
        } else {
            self.gate.failed(permit, &fault, decision.account, now);
        }
        let wall = self.context.ports.clock.now();
        let next_attempt_at = decision.next_try_after().map(|after| wall.plus(after));
        let event = Event::Failed {
            folder: folder.spec.name.clone(),
            path: claim.path.clone(),
            code: fault.code.clone(),
            remedy: remedy_of(&decision).to_owned(),
            attempt: claim.tries,
            next_attempt_at,
            message: fault.message.clone(),
        };
        (outcome_of(decision, fault, wall), event)
    }

    fn tell_if_unchecked(&mut self, folder: &Folder, claim: &Claim, receipt: &Receipt) {
        let can_tell = matches!(self.context.remote, Remote::Wechat(_));
        if !can_tell || receipt.verified || std::mem::replace(&mut self.unchecked_told, true) {
            return;
        }
        let message = format!(
            "{}: the cloud took it and answered no checksum, so nothing proves that it arrived whole; \
             this is said once and may hold for more files",
            claim.path
        );
        self.tell(&Event::Notice {
            name: folder.spec.name.clone(),
            message,
        });
    }

    fn situation(&self, claim: &Claim, trouble: &Trouble) -> Situation {
        let code = code_of(&trouble.fault);
        let same = claim.last_code.as_deref() == Some(code.as_str());
        Situation {
            attempts: claim.attempts,
            attempts_max: self.attempts_max,
            repeats: if same { claim.repeats } else { 0 },
            fresh_links: trouble.fresh_links,
            refreshes: trouble.refreshes,
            account_faults: self.gate.faults_in_row(),
            closures: self.gate.closures(),
            now: self.context.ports.clock.now(),
            retry_after: trouble.fault.retry_after,
            fraction: self.context.ports.dice.fraction(),
        }
    }

    pub(super) fn tell(&self, event: &Event) {
        self.context.ports.tell(event);
    }

    pub(super) fn publish_live(&mut self) {
        let ports = &self.context.ports;
        let standing = self.standing();
        let live = AccountLive {
            name: self.context.remote.name().to_owned(),
            gate: GateState::from_word(standing.state).unwrap_or_default(),
            reason: standing.meaning,
            code: standing.code,
            until: standing.until,
            in_flight: self.slots.len() as u64,
            concurrency: self.limiter.limit() as u64,
            token_expires_at: self.context.remote.expires_at(ports),
        };
        self.live.send_replace(live);
        self.tell_listeners();
    }

    fn tell_listeners(&mut self) {
        let now = self.context.ports.clock.monotonic();
        self.closed_since = self
            .closed_since
            .or(Some(now))
            .filter(|_| !self.gate.is_open());
        let probe_at = self.gate.probe_at();
        let probes = probe_at.is_some_and(|at| at <= now);
        let can_claim = self.hungry && (self.gate.is_open() || probes);
        if can_claim || !self.is_at_rest() {
            return;
        }
        // A probe that is due waits for a job, not for time.
        let waits_until = probe_at.filter(|_| !probes).or(self.next_due);
        let closed_for = self
            .closed_since
            .map_or(Duration::ZERO, |since| now.since(since));
        let (answered, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.listeners)
            .into_iter()
            .partition(|(patience, _)| {
                closed_for >= *patience || waits_until.is_none_or(|until| until > now + *patience)
            });
        self.listeners = waiting;
        for (_, listener) in answered {
            // Who asked may have gone.
            let _ = listener.send(());
        }
    }

    pub(super) fn standing(&self) -> Standing {
        let clock = &self.context.ports.clock;
        self.gate.standing(clock.monotonic(), clock.now())
    }

    /// The gate, if it is not the one that was last written down, and the news of it.
    pub(super) fn gate_to_write(&self) -> Option<(AccountRow, Option<Event>)> {
        let clock = &self.context.ports.clock;
        let persisted = self.gate.persisted(clock.monotonic(), clock.now());
        let now = (persisted.state, persisted.closures);
        if now == self.gate_written || (self.gate_written.0.is_empty() && now.0 == "ready") {
            return None;
        }
        let name = self.context.remote.name().to_owned();
        let standing = self.standing();
        let from = if self.gate_written.0.is_empty() {
            "ready"
        } else {
            self.gate_written.0
        };
        let advice = standing
            .advice
            .map(|advice| format!(". {advice}"))
            .unwrap_or_default();
        let event = (from != persisted.state).then(|| Event::State {
            name: name.clone(),
            from: from.to_owned(),
            to: persisted.state.to_owned(),
            reason: standing.reason.map(|reason| format!("{reason}{advice}")),
        });
        let row = AccountRow {
            name,
            state: persisted.state.to_owned(),
            until: persisted.until,
            fault: persisted.fault,
            closures: persisted.closures,
        };
        Some((row, event))
    }
}

/// The remedy that was taken, as scripts read it.
fn remedy_of(decision: &Decision) -> &'static str {
    match decision.job {
        JobNext::Dead => Remedy::Dead.as_str(),
        JobNext::Replan => Remedy::Replan.as_str(),
        JobNext::Retry { .. } | JobNext::SameAttempt(_) => match decision.account {
            AccountNext::Close(Closure {
                kind: ClosureKind::Paused,
                ..
            }) => Remedy::PauseAccount.as_str(),
            AccountNext::Close(_) => decision.rule.remedy.as_str(),
            AccountNext::Silent | AccountNext::Answered | AccountNext::Failed { .. } => {
                Remedy::Retry.as_str()
            }
        },
    }
}

fn outcome_of(decision: Decision, fault: Fault, now: Timestamp) -> Outcome {
    match decision.job {
        JobNext::Retry { after, counts } => Outcome::Retry {
            fault,
            due: now.plus(after),
            counts,
        },
        JobNext::Dead => Outcome::Dead(fault),
        JobNext::Replan => Outcome::Replan(fault),
        // The attempt has gone on for as long as it may.
        JobNext::SameAttempt(_) => Outcome::Retry {
            fault,
            due: now.plus(Duration::from_secs(1)),
            counts: false,
        },
    }
}

fn uploaded(folder: &Folder, claim: &Claim, receipt: &Receipt, took: Duration) -> Event {
    Event::Uploaded {
        folder: folder.spec.name.clone(),
        path: claim.path.clone(),
        bytes: receipt.bytes,
        sha256: receipt.digest.to_string(),
        seconds: took.as_secs_f64(),
        attempts: claim.tries,
    }
}

/// The code under which repeats of a fault are counted.
fn code_of(fault: &Fault) -> String {
    format!("{}:{}", fault.layer.as_str(), fault.code)
}

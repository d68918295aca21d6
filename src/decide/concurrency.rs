//! How many transfers of an account run at once: measured, or fixed.
//!
//! Auto starts at 4 and doubles while doubling pays, then tries a quarter more now and then. The
//! measure is finished work per time, counted over at least one whole set of transfers, so that
//! neither a burst nor a pause between two bursts is taken for a change. It never grows while there
//! is nothing to send.

use std::time::Duration;

use crate::model::folder::Concurrency;
use crate::model::time::Monotonic;

/// Where auto starts.
pub const START: usize = 4;
/// Auto never goes above this.
pub const MOST: usize = 256;

/// Doubling must bring at least this much more work.
const DOUBLING_GAIN: f64 = 1.15;
/// A quarter more must bring at least this much more work.
const STEP_GAIN: f64 = 1.05;
/// A fifth less must bring at least this much of the work.
const STEP_KEEP: f64 = 0.97;
/// Small gains are measured over at least so many files; noise would be taken for them.
const STEP_FILES: usize = 64;
/// A file weighs as much as so many bytes: a link, a request and an answer cost time too.
const FILE_BYTES: f64 = 65_536.0;
const EPOCH_MIN: Duration = Duration::from_millis(20);
const PROBE_FIRST: Duration = Duration::from_secs(1);
const PROBE_MAX: Duration = Duration::from_secs(30);
const AFTER_THROTTLE: Duration = Duration::from_secs(5);
const HALVING_APART: Duration = Duration::from_secs(1);

/// Whether more transfers wait than may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// The limit is what holds them back.
    AboveLimit,
    /// There is nothing more to start.
    BelowLimit,
}

/// Decides how many transfers of an account run at once.
#[derive(Debug, Clone)]
pub struct Limiter {
    limit: usize,
    measured: Option<Measured>,
}

#[derive(Debug, Clone)]
struct Measured {
    phase: Phase,
    /// The limit before the growth that is being judged, and the rate at it.
    before: Option<(usize, f64)>,
    /// Transfers of the former limit, which are not counted.
    skip: usize,
    epoch: Option<Epoch>,
    halved_at: Option<Monotonic>,
    probe_pause: Duration,
    next_step: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    More,
    Less,
}

#[derive(Debug, Clone, Copy)]
struct Epoch {
    began: Monotonic,
    files: usize,
    work: f64,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Doubling while it pays.
    Doubling,
    /// Settled; a step is tried at this moment.
    Settled { probe_at: Monotonic },
    /// A quarter more or a fifth less is being tried.
    Probing(Step),
}

impl Limiter {
    /// As the configuration asks.
    pub fn new(concurrency: Concurrency) -> Self {
        match concurrency {
            Concurrency::Fixed(limit) => Self {
                limit: limit.max(1),
                measured: None,
            },
            Concurrency::Auto => Self {
                limit: START,
                measured: Some(Measured {
                    phase: Phase::Doubling,
                    before: None,
                    skip: 0,
                    epoch: None,
                    halved_at: None,
                    probe_pause: PROBE_FIRST,
                    next_step: Step::Less,
                }),
            },
        }
    }

    /// How many may run at once, at least 1.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// A transfer of so many bytes was acknowledged.
    pub fn finished(&mut self, now: Monotonic, bytes: u64, demand: Demand) {
        let Some(measured) = &mut self.measured else {
            return;
        };
        if demand == Demand::BelowLimit {
            measured.epoch = None;
            return;
        }
        if measured.skip > 0 {
            measured.skip -= 1;
            return;
        }
        let Some(epoch) = &mut measured.epoch else {
            measured.epoch = Some(Epoch {
                began: now,
                files: 0,
                work: 0.0,
            });
            return;
        };
        epoch.files += 1;
        #[expect(clippy::cast_precision_loss, reason = "a measure, not an account")]
        let bytes = bytes as f64;
        epoch.work += 1.0 + bytes / FILE_BYTES;
        let span = now.since(epoch.began);
        let files_min = match measured.phase {
            Phase::Doubling => self.limit,
            Phase::Settled { .. } | Phase::Probing(_) => self.limit.max(STEP_FILES),
        };
        if epoch.files >= files_min && span >= EPOCH_MIN {
            let rate = epoch.work / span.as_secs_f64();
            measured.epoch = None;
            self.limit = measured.judged(self.limit, rate, now);
        }
    }

    /// The other side or the uplink asked for less. Answers to requests that ran together count
    /// once.
    pub fn throttled(&mut self, now: Monotonic) {
        let Some(measured) = &mut self.measured else {
            return;
        };
        if measured
            .halved_at
            .is_some_and(|at| now.since(at) < HALVING_APART)
        {
            return;
        }
        self.limit = (self.limit / 2).max(1);
        measured.halved_at = Some(now);
        measured.epoch = None;
        measured.before = None;
        measured.skip = self.limit;
        measured.phase = Phase::Settled {
            probe_at: now + AFTER_THROTTLE,
        };
    }
}

impl Measured {
    /// The next limit, after a measure at this one.
    fn judged(&mut self, limit: usize, rate: f64, now: Monotonic) -> usize {
        match (self.phase, self.before) {
            (Phase::Doubling, Some((before, at_before))) if rate < at_before * DOUBLING_GAIN => {
                self.settle(before, now)
            }
            (Phase::Doubling, _) if limit >= MOST => self.settle(limit, now),
            (Phase::Doubling, _) => self.grow(limit, (limit * 2).min(MOST), rate),
            (Phase::Probing(step), Some((before, at_before))) => {
                self.stepped(step, (before, at_before), (limit, rate), now)
            }
            (Phase::Settled { probe_at }, _) if now >= probe_at => {
                let other = match self.next_step {
                    Step::More => limit + (limit / 4).max(1),
                    Step::Less => limit - (limit / 5).max(1).min(limit - 1),
                };
                self.phase = Phase::Probing(self.next_step);
                self.grow(limit, other.min(MOST), rate)
            }
            (Phase::Probing(_), None) => self.settle(limit, now),
            (Phase::Settled { .. }, _) => limit,
        }
    }

    /// A step that helped is kept and followed by another of its kind; one that did not is taken
    /// back, and the other direction comes next, later each time.
    fn stepped(
        &mut self,
        step: Step,
        before: (usize, f64),
        after: (usize, f64),
        now: Monotonic,
    ) -> usize {
        let least = match step {
            Step::More => STEP_GAIN,
            Step::Less => STEP_KEEP,
        };
        if before.0 != after.0 && after.1 >= before.1 * least {
            self.probe_pause = PROBE_FIRST;
            return self.settle(after.0, now);
        }
        self.next_step = match step {
            Step::More => Step::Less,
            Step::Less => Step::More,
        };
        self.probe_pause = (self.probe_pause * 2).min(PROBE_MAX);
        self.settle(before.0, now)
    }

    fn grow(&mut self, limit: usize, more: usize, rate: f64) -> usize {
        self.before = Some((limit, rate));
        self.skip = more;
        more
    }

    fn settle(&mut self, limit: usize, now: Monotonic) -> usize {
        self.before = None;
        self.skip = limit;
        self.phase = Phase::Settled {
            probe_at: now + self.probe_pause,
        };
        limit
    }
}

#[cfg(test)]
mod tests;

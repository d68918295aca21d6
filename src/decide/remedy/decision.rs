//! From a rule and the moment to the next step of the job and of its account.

use std::time::Duration;

use super::{Blame, Remedy, Rule, Tries, WaitFor};
use crate::decide::backoff::{BASE, BASE_SLOW, CAP, backoff, doubled, with_server_delay};
use crate::model::fault::Layer;
use crate::model::time::Timestamp;

/// How often in a row an attempt may ask for another link.
pub const FRESH_LINKS_MAX: u32 = 3;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const PAUSE_PROBE_MIN: Duration = Duration::from_mins(15);
const PROBE_SOONEST: Duration = Duration::from_secs(1);

/// Everything a decision depends on besides the rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Situation {
    /// Faults of the file itself before this one.
    pub attempts: u32,
    /// How many the file may have (`limits.attempts`).
    pub attempts_max: u32,
    /// How often in a row this job met the same layer and code before this fault.
    pub repeats: u32,
    /// Links asked for again in this attempt before this fault.
    pub fresh_links: u32,
    /// Tokens asked for again in this attempt before this fault.
    pub refreshes: u32,
    /// Account faults in a row without a success, of any job (`Gate::faults_in_row`).
    pub account_faults: u32,
    /// How often in a row the account was closed (`Gate::closures`).
    pub closures: u32,
    /// The wall clock: minutes and days of quotas are those of the wall.
    pub now: Timestamp,
    /// How long the server asked to wait.
    pub retry_after: Option<Duration>,
    /// Dice, `0.0..1.0`.
    pub fraction: f64,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// The rule it follows from.
    pub rule: &'static Rule,
    /// To the job.
    pub job: JobNext,
    /// To the account.
    pub account: AccountNext,
    /// Fewer transfers at once from now on.
    pub slow_down: bool,
}

/// What happens to the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobNext {
    /// Try again. A closed account holds it back longer than `after`.
    Retry {
        /// Not before this span is over.
        after: Duration,
        /// Spends one of the file's attempts.
        counts: bool,
    },
    /// Given up.
    Dead,
    /// Look at the file again.
    Replan,
    /// Go on within this attempt; nothing is reported to the account.
    SameAttempt(Same),
}

/// How an attempt goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Same {
    /// With another link, from byte 0.
    FreshLink,
    /// With another token.
    RefreshToken,
}

/// What a fault says about the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountNext {
    /// Nothing: it was not asked.
    Silent,
    /// It works: it answered about the file.
    Answered,
    /// It may be down; several in a row close it for so long.
    Failed {
        /// Until the first probe, should this be the last of the row.
        after: Duration,
    },
    /// It is closed at once.
    Close(Closure),
}

/// A closed account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closure {
    /// For a time, or until a person mends something.
    pub kind: ClosureKind,
    /// Until the first probe.
    pub after: Duration,
    /// When it should be over, where that is known and later than the first probe.
    pub until: Option<Timestamp>,
}

/// Kinds of [`Closure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosureKind {
    /// It passes by itself: quota, outage.
    Waiting,
    /// A person has to mend something.
    Paused,
}

/// What follows from a rule in a situation.
pub fn decide(rule: &'static Rule, situation: &Situation) -> Decision {
    let remedy = if spent(rule, situation) {
        rule.then
    } else {
        rule.remedy
    };
    let job = next_of_job(rule, remedy, situation);
    let account = match remedy {
        Remedy::Wait(wait) => AccountNext::Close(closure_of(wait, situation)),
        Remedy::PauseAccount => AccountNext::Close(pause_of(rule, situation)),
        _ if rule.blames == Blame::Account && !matches!(job, JobNext::SameAttempt(_)) => {
            let own = backoff(BASE, situation.closures, CAP, situation.fraction);
            let after = with_server_delay(own.max(PROBE_SOONEST), situation.retry_after);
            AccountNext::Failed { after }
        }
        _ if matches!(rule.layer, Layer::Local | Layer::Transport) => AccountNext::Silent,
        _ => AccountNext::Answered,
    };
    Decision {
        rule,
        job,
        account,
        slow_down: rule.slow_down,
    }
}

impl Decision {
    /// How long until the next try can come, seen from now; `None` if there is none.
    pub fn next_try_after(&self) -> Option<Duration> {
        match (self.job, self.account) {
            (JobNext::Retry { after, .. }, AccountNext::Close(closure)) => {
                Some(after.max(closure.after))
            }
            (JobNext::Retry { after, .. }, _) => Some(after),
            _ => None,
        }
    }
}

/// Whether the remedy was taken as often as the rule allows.
fn spent(rule: &Rule, situation: &Situation) -> bool {
    let taken = match (rule.remedy, rule.blames) {
        (Remedy::FreshLink, _) => situation.fresh_links,
        (Remedy::RefreshToken, _) => situation.refreshes,
        (_, Blame::File) => situation.repeats,
        // One bad file must not pause the others: it counts only what no success came between.
        (_, Blame::Account) => situation.repeats.min(situation.account_faults),
    };
    match rule.tries {
        Tries::Times(times) => taken >= times,
        Tries::Attempts => situation.attempts.saturating_add(1) >= situation.attempts_max,
        Tries::AsLongAsItTakes => false,
    }
}

fn next_of_job(rule: &Rule, remedy: Remedy, situation: &Situation) -> JobNext {
    let counts = rule.blames == Blame::File;
    match remedy {
        // The account is asked first; a job that was kept away longer than the account would be
        // late.
        Remedy::Wait(_) | Remedy::PauseAccount => JobNext::Retry {
            after: Duration::ZERO,
            counts: false,
        },
        Remedy::Dead => JobNext::Dead,
        Remedy::Replan => JobNext::Replan,
        Remedy::RefreshToken => JobNext::SameAttempt(Same::RefreshToken),
        Remedy::FreshLink => JobNext::SameAttempt(Same::FreshLink),
        Remedy::Retry
            if counts && situation.attempts.saturating_add(1) >= situation.attempts_max =>
        {
            JobNext::Dead
        }
        Remedy::Retry => {
            let base = if rule.slow_down { BASE_SLOW } else { BASE };
            let n = if counts {
                situation.attempts
            } else {
                situation.repeats
            };
            let own = backoff(base, n, CAP, situation.fraction);
            JobNext::Retry {
                after: with_server_delay(own, situation.retry_after),
                counts,
            }
        }
    }
}

fn closure_of(wait: WaitFor, situation: &Situation) -> Closure {
    let (after, until) = match wait {
        WaitFor::Span(span) => (span + jitter(span / 20, situation), None),
        WaitFor::Doubling { first, max } => {
            let span = doubled(first, situation.closures, max);
            (span + jitter(span / 20, situation), None)
        }
        WaitFor::NextMinute => {
            let next = to_next(situation.now, MINUTE, Duration::ZERO);
            (next + PROBE_SOONEST + jitter(MINUTE / 4, situation), None)
        }
        WaitFor::UntilNextDay { first_probe } => {
            let reset = to_reset(situation.now) + jitter(MINUTE, situation);
            let probe = if situation.closures == 0 {
                first_probe
            } else {
                HOUR
            };
            (probe.min(reset), Some(situation.now.plus(reset)))
        }
    };
    let after = with_server_delay(after, situation.retry_after);
    Closure {
        kind: ClosureKind::Waiting,
        after,
        until,
    }
}

fn pause_of(rule: &Rule, situation: &Situation) -> Closure {
    let least = rule.probe_after.unwrap_or(PAUSE_PROBE_MIN);
    let spread = if rule.probe_after.is_some() {
        MINUTE
    } else {
        PAUSE_PROBE_MIN
    };
    let after = least + jitter(spread, situation);
    Closure {
        kind: ClosureKind::Paused,
        after,
        until: None,
    }
}

fn jitter(most: Duration, situation: &Situation) -> Duration {
    backoff(most, 0, most, situation.fraction)
}

/// From now to 00:05 of the next day in Beijing (UTC+8, no daylight saving).
fn to_reset(now: Timestamp) -> Duration {
    let beijing_behind = HOUR * 16 + MINUTE * 5;
    to_next(now, HOUR * 24, beijing_behind)
}

/// From now to the next moment that is `phase` after a multiple of `period`; never zero.
fn to_next(now: Timestamp, period: Duration, phase: Duration) -> Duration {
    let period_ms = i64::try_from(period.as_millis()).unwrap_or(i64::MAX);
    let phase_ms = i64::try_from(phase.as_millis()).unwrap_or(0);
    let into_ms = now.0.saturating_sub(phase_ms).rem_euclid(period_ms);
    Duration::from_millis(u64::try_from(period_ms - into_ms).unwrap_or(0))
}

#[cfg(test)]
mod tests;

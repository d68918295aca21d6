//! Contenders timed in turn, and what is told of many timings.

use std::time::{Duration, Instant};

use crate::Outcome;

/// How long something took.
pub(crate) fn timed(work: impl FnOnce() -> Outcome<()>) -> Outcome<Duration> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed())
}

/// One of those that are timed: does the work and answers the span that counts.
pub(crate) type Contender<'a> = Box<dyn FnMut() -> Outcome<Duration> + 'a>;

/// Seconds by round and contender.
pub(crate) struct Rounds(Vec<Vec<f64>>);

/// Times all contenders in each round; who goes first changes.
pub(crate) fn in_turn(rounds: usize, mut contenders: Vec<Contender<'_>>) -> Outcome<Rounds> {
    let count = contenders.len();
    let mut seconds = vec![vec![0.0; count]; rounds];
    for (round, times) in seconds.iter_mut().enumerate() {
        for turn in 0..count {
            let who = (round + turn) % count;
            times[who] = contenders[who]()?.as_secs_f64();
        }
    }
    Ok(Rounds(seconds))
}

impl Rounds {
    /// Seconds of one.
    pub(crate) fn of(&self, who: usize) -> Spread {
        Spread::of(self.0.iter().map(|times| times[who]))
    }

    /// How many times as long the first takes as the second.
    pub(crate) fn ratio(&self, first: usize, second: usize) -> Spread {
        Spread::of(self.0.iter().map(|times| times[first] / times[second]))
    }
}

/// The middle and the ends of some measurements.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Self {
            median: quantile(&sorted, 0.5),
            least: quantile(&sorted, 0.0),
            most: quantile(&sorted, 1.0),
        }
    }

    /// A single measurement.
    pub(crate) fn one(value: f64) -> Self {
        Self::of([value])
    }
}

/// The value that this part of the sorted values does not exceed.
pub(crate) fn quantile(sorted: &[f64], part: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank among a few values"
    )]
    let rank = (part * number(sorted.len().saturating_sub(1))).round() as usize;
    sorted.get(rank).copied().unwrap_or(f64::NAN)
}

/// A count, for rates.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(crate) fn number(count: usize) -> f64 {
    count as f64
}

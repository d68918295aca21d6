use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::*;

/// A server that works on so many requests at once, each for so long; the others queue.
struct Server {
    capacity: usize,
    latency: Duration,
    /// Grown by so much of itself for each request beyond the capacity: thrashing.
    thrash: f64,
}

struct Run {
    limiter: Limiter,
    /// Files done, and the limit, at each 100 ms.
    samples: Vec<(usize, usize)>,
}

impl Server {
    fn of(capacity: usize, latency_ms: u64) -> Self {
        Self {
            capacity,
            latency: Duration::from_millis(latency_ms),
            thrash: 0.0,
        }
    }

    /// Sends endless files for so long; throttles while more than `throttle_above` are in flight.
    fn run(&self, mut limiter: Limiter, span: Duration, seed: u64) -> Run {
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut busy: BinaryHeap<Reverse<Duration>> = BinaryHeap::new();
        let mut queued: VecDeque<()> = VecDeque::new();
        let (mut now, mut done) = (Duration::ZERO, 0);
        let mut samples = Vec::new();
        while now < span {
            while busy.len() + queued.len() < limiter.limit() {
                queued.push_back(());
            }
            while busy.len() < self.capacity && queued.pop_front().is_some() {
                #[expect(clippy::cast_precision_loss, reason = "a model")]
                let slower = 1.0 + self.thrash * queued.len() as f64;
                let took = self.latency.mul_f64((0.9 + 0.2 * dice.f64()) * slower);
                busy.push(Reverse(now + took));
            }
            let Some(Reverse(next)) = busy.pop() else {
                break;
            };
            now = next;
            done += 1;
            limiter.finished(Monotonic(now), 1024, Demand::AboveLimit);
            while samples.len() < usize::try_from(now.as_millis() / 100).unwrap() {
                samples.push((done, limiter.limit()));
            }
        }
        Run { limiter, samples }
    }
}

impl Run {
    /// Files a second over the last so many tenths of a second.
    #[expect(clippy::cast_precision_loss, reason = "a model")]
    fn rate_at_the_end(&self, tenths: usize) -> f64 {
        let last = self.samples[self.samples.len() - 1].0;
        let before = self.samples[self.samples.len() - 1 - tenths].0;
        (last - before) as f64 * 10.0 / tenths as f64
    }
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "a model")]
fn it_finds_nine_tenths_of_the_best_rate_without_far_more_than_is_useful() {
    for (capacity, latency_ms) in [
        (1, 50),
        (4, 20),
        (8, 1),
        (10, 100),
        (30, 40),
        (75, 40),
        (100, 40),
        (200, 20),
        (300, 40),
    ] {
        for seed in 0..8 {
            let server = Server::of(capacity, latency_ms);
            let run = server.run(
                Limiter::new(Concurrency::Auto),
                Duration::from_secs(30),
                seed,
            );
            let useful = capacity.min(MOST);
            let best = useful as f64 * 1000.0 / latency_ms as f64;
            let (rate, limit) = (run.rate_at_the_end(50), run.limiter.limit());
            let case = format!("{capacity} × {latency_ms} ms: {rate} of {best} at {limit}");
            assert!(rate >= 0.9 * best, "{case}");
            assert!(limit <= (useful * 5 / 2).max(START), "{case}");
        }
    }
}

#[test]
fn at_forty_milliseconds_it_is_past_75_within_two_seconds() {
    for seed in 0..20 {
        let run = Server::of(1000, 40).run(
            Limiter::new(Concurrency::Auto),
            Duration::from_secs(2),
            seed,
        );
        assert!(run.limiter.limit() > 75, "{}", run.limiter.limit());
    }
}

#[test]
fn where_more_makes_it_worse_it_stays_near_the_useful_number() {
    for seed in 0..8 {
        let server = Server {
            thrash: 0.02,
            ..Server::of(20, 30)
        };
        let run = server.run(
            Limiter::new(Concurrency::Auto),
            Duration::from_secs(30),
            seed,
        );
        assert!(run.limiter.limit() <= 50, "{}", run.limiter.limit());
        assert!(
            run.rate_at_the_end(50) >= 0.7 * 20.0 / 0.03,
            "{}",
            run.rate_at_the_end(50)
        );
    }
}

fn grown() -> (Limiter, Monotonic) {
    let span = Duration::from_secs(5);
    let run = Server::of(1000, 40).run(Limiter::new(Concurrency::Auto), span, 1);
    assert_eq!(run.limiter.limit(), MOST);
    (run.limiter, Monotonic(span))
}

#[test]
fn throttling_halves_it_once_for_requests_that_ran_together() {
    let (mut limiter, now) = grown();
    for _ in 0..200 {
        limiter.throttled(now);
    }
    assert_eq!(limiter.limit(), MOST / 2);
    limiter.throttled(now + Duration::from_secs(2));
    assert_eq!(limiter.limit(), MOST / 4);
}

#[test]
fn throttling_never_goes_below_one() {
    let (mut limiter, now) = grown();
    for n in 0..100 {
        limiter.throttled(now + Duration::from_secs(2 * n));
    }
    assert_eq!(limiter.limit(), 1);
}

#[test]
fn after_throttling_it_stays_for_a_while_and_then_tries_again() {
    let (mut limiter, now) = grown();
    limiter.throttled(now);
    let half = limiter.limit();
    for n in 0..490 {
        limiter.finished(now + Duration::from_millis(n * 10), 1, Demand::AboveLimit);
        assert_eq!(limiter.limit(), half);
    }
    for n in 490..2000 {
        limiter.finished(now + Duration::from_millis(n * 10), 1, Demand::AboveLimit);
    }
    assert_ne!(limiter.limit(), half);
}

#[test]
fn it_does_not_grow_while_there_is_nothing_more_to_send() {
    let mut limiter = Limiter::new(Concurrency::Auto);
    for n in 0..10_000 {
        limiter.finished(
            Monotonic(Duration::from_millis(n)),
            1 << 20,
            Demand::BelowLimit,
        );
    }
    assert_eq!(limiter.limit(), START);
}

#[test]
fn a_fixed_number_stays() {
    let mut limiter = Limiter::new(Concurrency::Fixed(7));
    for n in 0..10_000 {
        let now = Monotonic(Duration::from_millis(n));
        limiter.finished(now, 1, Demand::AboveLimit);
        limiter.throttled(now);
    }
    assert_eq!(limiter.limit(), 7);
    assert_eq!(Limiter::new(Concurrency::Fixed(0)).limit(), 1);
}

#[test]
fn the_limit_is_always_between_one_and_the_most() {
    for seed in 0..200 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut limiter = Limiter::new(Concurrency::Auto);
        let mut now = Monotonic::default();
        for _ in 0..5000 {
            now = now + Duration::from_micros(dice.u64(0..20_000));
            match dice.u8(0..100) {
                0 => limiter.throttled(now),
                1 => limiter.finished(now, dice.u64(..), Demand::BelowLimit),
                _ => limiter.finished(now, dice.u64(0..1 << 30), Demand::AboveLimit),
            }
            assert!((1..=MOST).contains(&limiter.limit()));
        }
    }
}

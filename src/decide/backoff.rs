//! How long to wait before the next try: full jitter below a doubling ceiling.

use std::time::Duration;

/// The ceiling before the first repeat.
pub const BASE: Duration = Duration::from_secs(1);
/// The same after the other side asked us to slow down.
pub const BASE_SLOW: Duration = Duration::from_secs(2);
/// No ceiling grows above this.
pub const CAP: Duration = Duration::from_mins(5);
/// The longest wait a server may ask for.
pub const SERVER_DELAY_MAX: Duration = Duration::from_hours(1);

/// `fraction` (of `0.0..1.0`) of `base` doubled `n` times, at most `cap`. Spread over the whole
/// span, so that many jobs which failed together do not come back together.
pub fn backoff(base: Duration, n: u32, cap: Duration, fraction: f64) -> Duration {
    let ceiling = doubled(base, n, cap);
    let fraction = if fraction.is_finite() {
        fraction.clamp(0.0, 1.0)
    } else {
        1.0
    };
    ceiling.mul_f64(fraction)
}

/// `base` doubled `n` times, at most `cap`.
pub fn doubled(base: Duration, n: u32, cap: Duration) -> Duration {
    let times = 2_u32.checked_pow(n).unwrap_or(u32::MAX);
    base.saturating_mul(times).min(cap)
}

/// What a server asked for, but never less than our own backoff nor more than
/// [`SERVER_DELAY_MAX`]: neither a zero nor a year is obeyed.
pub fn with_server_delay(own: Duration, asked: Option<Duration>) -> Duration {
    asked.map_or(own, |asked| asked.clamp(own, SERVER_DELAY_MAX.max(own)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_wait_is_longer_than_its_ceiling(n in any::<u32>(), fraction in any::<f64>()) {
            let wait = backoff(BASE, n, CAP, fraction);
            prop_assert!(wait <= doubled(BASE, n, CAP));
            prop_assert!(wait <= CAP);
        }

        #[test]
        fn ceilings_never_shrink(n in 0_u32..1000) {
            prop_assert!(doubled(BASE, n, CAP) <= doubled(BASE, n + 1, CAP));
        }

        #[test]
        fn server_delays_stay_between_our_own_and_an_hour(
            own in 0_u64..300_000,
            asked in any::<u64>(),
        ) {
            let own = Duration::from_millis(own);
            let wait = with_server_delay(own, Some(Duration::from_millis(asked)));
            prop_assert!(own <= wait && wait <= SERVER_DELAY_MAX);
        }
    }

    #[test]
    fn ceilings_double_up_to_the_cap() {
        let ceilings: Vec<u64> = (0..11)
            .map(|n| backoff(BASE, n, CAP, 1.0).as_secs())
            .collect();
        assert_eq!(ceilings, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    #[test]
    fn waits_are_spread_over_the_whole_span() {
        assert_eq!(backoff(BASE, 3, CAP, 0.0), Duration::ZERO);
        assert_eq!(backoff(BASE, 3, CAP, 0.5), Duration::from_secs(4));
    }
}

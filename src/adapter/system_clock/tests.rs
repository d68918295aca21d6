//! Nobody is woken before the time.

use std::time::Duration;

use super::SystemClock;
use crate::port::clock::Clock as _;

#[tokio::test]
async fn no_sleep_ends_before_its_time() {
    let clock = SystemClock::new();
    for micros in [0, 1, 300, 1_200, 2_000, 2_100, 7_500] {
        let span = Duration::from_micros(micros);
        let deadline = clock.monotonic() + span;
        clock.sleep_until(deadline).await;
        let woken = clock.monotonic();
        assert!(
            woken >= deadline,
            "after {span:?}: {woken:?} < {deadline:?}"
        );
    }
}

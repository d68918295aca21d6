//! Gives up exchanges on which nothing moves, or too little (an answer of one byte a minute would hold a
//! transfer for as long as its deadline).
#![expect(clippy::disallowed_methods, reason = "the network is timed here")]

use std::collections::VecDeque;
use std::time::Duration;

use super::HttpLimits;
use super::body::Progress;

/// Looks per idle span.
const LOOKS: u32 = 6;
/// More looks are not remembered.
const LOOKS_MAX: usize = 100;
/// The system takes up to so many bytes of a body at once and sends them out of our sight …
const UNSEEN_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// … at this rate, in bytes a second, or the exchange counts as standing still.
const UNSEEN_RATE: u64 = 64 * 1024;

/// Waits for a span.
pub(super) async fn wait(span: Duration) {
    tokio::time::sleep(span).await;
}

/// Ends, with the reason, when an exchange stands still.
pub(super) async fn watch(progress: &Progress, limits: &HttpLimits) -> &'static str {
    let step = limits.idle / LOOKS;
    let window_looks = steps(limits.rate_window, step);
    let idle_looks = steps(limits.idle, step);
    // What had moved at each look, the newest at the back.
    let mut looks = VecDeque::from([progress.moved()]);
    loop {
        wait(step).await;
        let moved = progress.moved();
        let unseen = steps(unseen_span(progress.sent()), step) - 1;
        let (idle_looks, window_looks) = (idle_looks + unseen, window_looks + unseen);
        if since(&looks, idle_looks, moved) == Some(0) {
            return "nothing moved for too long";
        }
        let slow = since(&looks, window_looks, moved);
        if slow.is_some_and(|bytes| bytes < limits.rate_window_bytes_min) {
            return "the bytes move too slowly";
        }
        looks.push_back(moved);
        if looks.len() > LOOKS_MAX {
            looks.pop_front();
        }
    }
}

/// How long bytes that were handed over may be on their way without a sign.
fn unseen_span(sent: u64) -> Duration {
    Duration::from_secs(sent.min(UNSEEN_BYTES_MAX) / UNSEEN_RATE)
}

/// Whole steps in a span, at least one.
fn steps(span: Duration, step: Duration) -> usize {
    let steps = span.as_nanos().div_ceil(step.as_nanos().max(1));
    usize::try_from(steps)
        .unwrap_or(usize::MAX)
        .clamp(1, LOOKS_MAX / 2)
}

/// The bytes moved since so many looks ago; `None` where the exchange is younger.
fn since(looks: &VecDeque<u64>, ago: usize, moved: u64) -> Option<u64> {
    let then = looks.len().checked_sub(ago)?;
    looks.get(then).map(|then| moved.saturating_sub(*then))
}

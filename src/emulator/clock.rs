//! The emulator's own clock: the machine's, moved by as much as a test wants.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, as the emulated cloud sees them.
#[derive(Debug, Default)]
pub(super) struct Clock {
    skew_ms: AtomicI64,
}

impl Clock {
    /// Now, on the cloud's side.
    pub(super) fn now_ms(&self) -> i64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        let machine = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        machine.saturating_add(self.skew_ms.load(Ordering::Relaxed))
    }

    /// Sets how far this clock is ahead of the machine's (negative: behind).
    pub(super) fn set_skew_ms(&self, skew_ms: i64) {
        self.skew_ms.store(skew_ms, Ordering::Relaxed);
    }

    /// Lets time pass.
    pub(super) fn advance(&self, span: Duration) {
        let span_ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        self.skew_ms.fetch_add(span_ms, Ordering::Relaxed);
    }
}

/// A moment as the `Date` header writes it.
pub(super) fn http_date(ms: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&moment)
        .unwrap_or_default()
}

/// A moment as listings write it: ISO 8601, UTC, milliseconds (protocol notes 3.3).
pub(super) fn iso_8601(ms: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    format!("{moment:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_the_protocols_want_them() {
        assert_eq!(http_date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(iso_8601(1_704_164_645_000), "2024-01-02T03:04:05.000Z");
    }

    #[test]
    fn a_skewed_clock_is_apart_from_the_machine_by_the_skew() {
        let (straight, skewed) = (Clock::default(), Clock::default());
        skewed.set_skew_ms(-3_600_000);
        skewed.advance(Duration::from_mins(1));
        let apart = straight.now_ms() - skewed.now_ms();
        assert!((3_530_000..=3_541_000).contains(&apart), "{apart}");
    }
}

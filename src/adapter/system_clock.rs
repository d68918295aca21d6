//! The clocks of the machine, and tokio's timer.
#![expect(clippy::disallowed_methods, reason = "this is where time comes from")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::time::{Monotonic, Timestamp};
use crate::port::BoxFuture;
use crate::port::clock::Clock;

/// The machine's clocks; the monotonic one starts when this is made.
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Starts the monotonic clock.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let ms = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Timestamp(match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => ms(since),
            Err(before) => -ms(before.duration()),
        })
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic(self.start.elapsed())
    }

    fn sleep_until(&self, deadline: Monotonic) -> BoxFuture<'static, ()> {
        // Far beyond any deadline of syncd there is nothing to wake up for.
        match self.start.checked_add(deadline.0) {
            Some(moment) => Box::pin(tokio::time::sleep_until(moment.into())),
            None => Box::pin(std::future::pending()),
        }
    }
}

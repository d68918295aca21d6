//! The clocks of the machine, and its timers.
#![expect(clippy::disallowed_methods, reason = "this is where time comes from")]

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use crate::model::time::{Monotonic, Timestamp};
use crate::port::BoxFuture;
use crate::port::clock::Clock;

/// By so much tokio's timer may be late: it counts milliseconds, and rounds up twice.
const GRAIN: Duration = Duration::from_millis(2);

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
            Some(moment) => Box::pin(sleep_until(moment)),
            None => Box::pin(std::future::pending()),
        }
    }
}

/// Sleeps by tokio's timer, which costs little, and the end of it by one of the kernel, which is exact.
async fn sleep_until(moment: Instant) {
    if let Some(shortly_before) = moment.checked_sub(GRAIN) {
        tokio::time::sleep_until(shortly_before.into()).await;
    }
    let rest = moment.saturating_duration_since(Instant::now());
    // Without a descriptor to spare it is a little late.
    if !rest.is_zero() && sleep_exactly(rest).await.is_err() {
        tokio::time::sleep(rest).await;
    }
}

async fn sleep_exactly(span: Duration) -> std::io::Result<()> {
    let timer = timerfd_create(
        TimerfdClockId::Monotonic,
        TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
    )?;
    let once = Itimerspec {
        it_interval: Timespec::default(),
        it_value: Timespec::try_from(span).map_err(|_| Errno::OVERFLOW)?,
    };
    timerfd_settime(&timer, TimerfdTimerFlags::empty(), &once)?;
    #[expect(
        deprecated,
        reason = "its successor is unsafe for types that may change their descriptor; OwnedFd never does"
    )]
    let timer = AsyncFd::new(timer)?;
    timer.readable().await.map(drop)
}

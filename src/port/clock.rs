//! Time: the wall clock for people and rows, the monotonic one for everything else.

use std::time::Duration;

use super::BoxFuture;
use crate::model::time::{Monotonic, Timestamp};

/// Tells time and waits for it.
pub trait Clock: Send + Sync {
    /// The wall clock. May jump in either direction at any moment.
    fn now(&self) -> Timestamp;

    /// The monotonic clock.
    fn monotonic(&self) -> Monotonic;

    /// Waits until the monotonic clock has reached `deadline`.
    fn sleep_until(&self, deadline: Monotonic) -> BoxFuture<'static, ()>;

    /// Waits for a span.
    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
        self.sleep_until(self.monotonic() + span)
    }
}

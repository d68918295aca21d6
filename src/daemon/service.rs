//! What the daemon tells systemd. Without systemd nothing happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;

use crate::model::path::escaped;

/// Whether a service manager listens.
pub fn is_managed() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// Says that the daemon works.
pub fn ready(status: &str) {
    send(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
}

/// Says in one line how it is.
pub fn status(status: &str) {
    send(&[NotifyState::Status(&one_line(status))]);
}

/// Says that the configuration is being read again; [`ready`] must follow.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(_) => send(&[NotifyState::Reloading]),
    }
}

/// Says that it stops.
pub fn stopping() {
    send(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd could not be told");
    }
}

fn one_line(status: &str) -> String {
    escaped(status.as_bytes())
}

/// Counts the rounds of the engine's loops. Every loop adds to it when it has really gone round.
pub type Progress = Arc<AtomicU64>;

/// Feeds systemd's watchdog, but only while the engine makes progress.
#[derive(Debug)]
pub struct Watchdog {
    progress: Progress,
    seen: u64,
    every: Duration,
}

impl Watchdog {
    /// A watchdog, if systemd asked for one.
    pub fn asked_for(progress: Progress) -> Option<Self> {
        let limit = sd_notify::watchdog_enabled()?;
        Some(Self {
            seen: 0,
            progress,
            every: limit / 3,
        })
    }

    /// How often [`Self::feed`] is to be called.
    pub fn every(&self) -> Duration {
        self.every
    }

    /// Feeds it if any loop went round since the last time.
    pub fn feed(&mut self) {
        if self.has_progressed() {
            send(&[NotifyState::Watchdog]);
        }
    }

    fn has_progressed(&mut self) -> bool {
        let now = self.progress.load(Ordering::Relaxed);
        let moved = now != self.seen;
        self.seen = now;
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_progress_the_watchdog_starves() {
        let progress = Progress::default();
        let every = Duration::from_secs(20);
        let mut watchdog = Watchdog {
            progress: Arc::clone(&progress),
            seen: 0,
            every,
        };
        assert!(!watchdog.has_progressed());
        progress.fetch_add(1, Ordering::Relaxed);
        assert!(watchdog.has_progressed());
        assert!(!watchdog.has_progressed());
    }

    #[test]
    fn a_status_cannot_forge_another_line() {
        assert_eq!(one_line("a\nREADY=1"), "a\\u{a}READY=1");
    }
}

//! What the task shows of itself while it runs.

use std::time::Duration;

use super::{Intake, IntakeHandle, Opened};
use crate::engine::live::{FolderLive, IntakeState, SettlingPath, Totals};
use crate::model::event::Event;
use crate::model::folder::WatchMode;
use crate::model::time::Timestamp;
use crate::store::ScanTotals;

/// The most settling paths that are listed.
const SETTLING_MAX: usize = 1000;

/// Totals as they are stored.
pub(super) fn stored(totals: Totals, took: Duration) -> ScanTotals {
    ScanTotals {
        excluded_dirs: totals.excluded_dirs,
        links: totals.links,
        specials: totals.specials,
        took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    }
}

impl IntakeHandle {
    /// The task's state. An order that has been given but not taken up yet is already true for whoever
    /// asks.
    pub(crate) fn live_now(&self) -> FolderLive {
        let mut live = self.live.borrow().clone();
        let is_ordered = self.commands.capacity() < self.commands.max_capacity();
        if is_ordered && matches!(live.state, IntakeState::Idle | IntakeState::Paused) {
            live.state = IntakeState::Scanning;
        }
        live
    }
}

impl Intake {
    /// Publishes the state; `doing` where the task knows better than its fields.
    pub(super) fn show(&self, doing: Option<IntakeState>) {
        let (state, reason) = self.state();
        let state = match doing {
            Some(doing) if state != IntakeState::Blocked => doing,
            Some(_) | None => state,
        };
        let before = self.live.borrow().state;
        let live = FolderLive {
            name: self.spec.name.clone(),
            state,
            reason: reason.clone(),
            watch: self.watching(),
            settling: self.settling(),
            unsettled: self.settle.is_settling(),
            scanned: self.last_scan.is_some(),
            totals: self.last_scan.unwrap_or_default(),
            unreadable: self.unreadable.clone(),
            passes: self.passes,
            at_rest: self.at_rest,
        };
        self.live.send_replace(live);
        if before != state {
            self.note(&Event::State {
                name: self.spec.name.clone(),
                from: before.as_str().to_owned(),
                to: state.as_str().to_owned(),
                reason,
            });
        }
    }

    fn state(&self) -> (IntakeState, Option<String>) {
        if self.paused {
            return (IntakeState::Paused, None);
        }
        if let Some(reason) = &self.blocked {
            return (IntakeState::Blocked, Some(reason.clone()));
        }
        if self.opened.is_none() || self.last_scan.is_none() {
            return (IntakeState::Scanning, None);
        }
        if let Some(reason) = &self.degraded {
            return (IntakeState::Degraded, Some(reason.clone()));
        }
        match self.unreadable.first() {
            Some(first) => (
                IntakeState::Degraded,
                Some(format!("Not all is readable: {}", first.reason)),
            ),
            None => (IntakeState::Idle, None),
        }
    }

    fn watching(&self) -> &'static str {
        match self.spec.watch {
            WatchMode::Auto if self.watch.is_some() && self.next_poll.is_none() => "native",
            WatchMode::Native if self.watch.is_some() => "native",
            WatchMode::Auto | WatchMode::Poll => "poll",
            WatchMode::Native | WatchMode::Off => "off",
        }
    }

    fn settling(&self) -> Vec<SettlingPath> {
        let now = self.ports.clock.now();
        let monotonic = self.ports.clock.monotonic();
        let wall = |since| {
            let ago = monotonic.since(since).as_millis();
            Timestamp(now.0.saturating_sub(i64::try_from(ago).unwrap_or(i64::MAX)))
        };
        self.settle
            .settling()
            .filter_map(|(path, since)| {
                let (path, since) = (path?.clone(), wall(since));
                Some(SettlingPath { path, since })
            })
            .take(SETTLING_MAX)
            .collect()
    }

    /// Stops, with a reason, until the root can be opened again.
    pub(super) fn block(&mut self, reason: String) {
        self.close_root();
        self.blocked = Some(reason);
    }

    /// Forgets the open root and its watch.
    pub(super) fn close_root(&mut self) {
        drop(self.opened.take().map(|Opened { root, .. }| root));
        self.watch = None;
        self.root.send_replace(None);
    }
}

//! What the task does about hints and commands, and when it wakes up by itself.

use std::time::Duration;

use super::{Command, Intake};
use crate::decide::filter::IGNORE_FILE;
use crate::decide::settle::Target;
use crate::engine::Mode;
use crate::model::event::Event;
use crate::model::path::RelPath;
use crate::model::time::Monotonic;
use crate::port::watcher::{Heard, Hint};

/// What stands in for "no deadline".
const A_DAY: Duration = Duration::from_hours(24);

impl Intake {
    pub(super) fn obey(&mut self, command: Command) {
        match command {
            Command::ScanNow => self.scan_wanted = true,
            Command::Pause => self.paused = true,
            Command::Resume => {
                self.paused = false;
                self.root_accepted = self.opened.is_none();
                self.scan_wanted = true;
                self.next_root_check = Monotonic::default();
            }
            Command::TellWhenQuiet(listener) => self.listeners.push(listener),
        }
    }

    /// Takes up paths that a transfer found to be another version than planned.
    pub(super) fn drain_looks(&mut self) {
        while let Ok(path) = self.looks.try_recv() {
            self.look_again(path);
        }
    }

    pub(super) fn look_again(&mut self, path: RelPath) {
        let now = self.ports.clock.monotonic();
        self.settle.mark(Target::Path(path), now);
    }

    /// A paused folder is still looked at, so that its counts are true, but not for a single pass.
    pub(super) fn is_held(&self) -> bool {
        self.paused && self.mode == Mode::Once
    }

    fn is_quiet(&self) -> bool {
        let at_rest = !self.scan_wanted && !self.settle.is_settling();
        self.paused || self.blocked.is_some() || at_rest
    }

    pub(super) fn tell_listeners(&mut self) {
        self.drain_hints();
        self.drain_looks();
        if self.is_quiet() {
            for listener in self.listeners.drain(..) {
                // Who asked may have gone.
                let _ = listener.send(());
            }
        }
    }

    pub(super) fn heed(&mut self, Heard { at, hint }: Heard) {
        let now = self.ports.clock.monotonic();
        match hint {
            Hint::Path(path) if path.as_bytes() == IGNORE_FILE.as_bytes() => {
                self.settle.mark(Target::Everything, now);
            }
            Hint::Path(path) => {
                if !self.is_below_excluded(&path) {
                    self.settle.mark(Target::Path(path), at);
                }
            }
            Hint::Everything => {
                self.settle.mark(Target::Everything, now);
                self.ports.tell(&Event::Overflowed {
                    folder: self.spec.name.clone(),
                });
            }
            Hint::Root => {
                self.close_root();
                self.next_root_check = now;
            }
            Hint::Degraded(reason) => {
                if self.degraded.is_none() {
                    self.notice(reason.clone());
                    self.scan_wanted = true;
                }
                self.degraded = Some(reason);
            }
        }
    }

    /// Nothing below an excluded directory is looked at, so its noise must not hold up a burst.
    fn is_below_excluded(&self, path: &RelPath) -> bool {
        let Some((opened, parent)) = self.opened.as_ref().zip(path.parent()) else {
            return false;
        };
        opened.policy.is_excluded_directory(&parent)
    }

    pub(super) fn drain_hints(&mut self) {
        while let Ok(heard) = self.hints.try_recv() {
            self.heed(heard);
        }
    }

    /// When the task has to wake up at the latest.
    pub(super) fn deadline(&self) -> Monotonic {
        if self.is_held() {
            return self.ports.clock.monotonic() + A_DAY;
        }
        let settled = self.settle.next_deadline();
        if self.mode == Mode::Once {
            let reopening = self.scan_wanted.then_some(self.next_root_check);
            let wanted = reopening.or(settled);
            return wanted.unwrap_or_else(|| self.ports.clock.monotonic() + A_DAY);
        }
        if self.opened.is_none() {
            return self.next_root_check;
        }
        [Some(self.next_scan), self.next_poll, settled]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(self.next_scan)
    }
}

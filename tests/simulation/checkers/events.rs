//! Listens to what the daemon tells.

use std::collections::BTreeSet;

use syncd::model::event::Event;
use syncd::model::key::Key;

use super::{COMMIT_MS, Closed, OWN_FAULTS, UNREACHED_MAX};
use crate::transport::Asked;
use crate::world::World;

/// At each event.
impl World {
    pub fn heard(&self, event: &Event) {
        self.count_unreached(event);
        match event {
            Event::Failed {
                remedy, code, path, ..
            } if remedy == "dead" => {
                self.mark("file given up");
                if !OWN_FAULTS.contains(&code.as_str()) {
                    self.violated(&format!(
                        "{path} was given up for {code}, which is not its own"
                    ));
                }
            }
            Event::Uploaded { path, .. } => {
                let key = Key::of(&self.swarm.folder.prefix, path).unwrap();
                if self.state().checks.mistrusted.contains(key.as_str()) {
                    self.violated(&format!("{path} counts as sent against its checksum"));
                }
            }
            Event::Failed { remedy, .. } if remedy == "replan" => self.mark("replanned"),
            Event::State { name, to, .. } if name == "shop" => self.gate_told(to),
            Event::State { to, .. } if to == "blocked" => self.mark("folder blocked"),
            Event::ReleaseFinished { .. } => self.mark("release finished"),
            _ => {}
        }
    }

    /// An account that nobody can reach is closed.
    fn count_unreached(&self, event: &Event) {
        let mut state = self.state();
        let checks = &mut state.checks;
        match event {
            Event::Failed { code, .. } if matches!(code.as_str(), "dns" | "connect") => {
                checks.unreached += 1;
            }
            Event::Failed { .. } | Event::Uploaded { .. } | Event::State { .. } => {
                checks.unreached = 0;
            }
            _ => {}
        }
        if checks.unreached > UNREACHED_MAX && checks.gate.is_none() {
            state.wrong("an account that nobody can reach is not closed");
        }
    }

    /// An upload is answered with a checksum that is not that of its bytes.
    pub fn mistrust(&self, key: &str) {
        self.state().checks.mistrusted.insert(key.to_owned());
    }

    fn gate_told(&self, to: &str) {
        {
            let mut state = self.state();
            state.checks.gate_told_at = state.now_ms();
        }
        if to == "ready" {
            self.state().checks.gate = None;
            return;
        }
        let paused = to == "paused";
        self.mark(if paused {
            "account paused"
        } else {
            "account waiting"
        });
        let mut state = self.state();
        let now = state.now_ms();
        let checks = &mut state.checks;
        let recent = checks
            .asked_at
            .iter()
            .filter(|(_, at)| now < **at + 300_000);
        let mut grace: BTreeSet<String> = recent.map(|(key, _)| key.clone()).collect();
        let fetching = checks
            .exchanges
            .values()
            .any(|asked| *asked == Asked::Token);
        if fetching || self.swarm.account.requests_per_second > 0 {
            // Attempts that had begun and wait for their turn to ask.
            let prefix = &self.swarm.folder.prefix;
            let keys = checks
                .running
                .keys()
                .filter_map(|path| Key::of(prefix, path).ok());
            grace.extend(keys.map(|key| key.as_str().to_owned()));
        }
        let hurried = checks.asked_at.is_empty();
        checks.token.reset_at = Some(now);
        // A state is told once it is written down; a success may have come meanwhile.
        let maybe_open = checks.put_answered.is_some_and(|at| now < at + COMMIT_MS);
        checks.gate = Some(Closed {
            paused,
            since_ms: now,
            grace,
            maybe_open,
            hurried,
        });
    }
}

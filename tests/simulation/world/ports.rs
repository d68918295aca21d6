//! The daemon's hints and ears in the simulated world.

use std::path::Path;
use std::sync::Arc;

use syncd::model::event::{Event, Observer};
use syncd::model::fault::Fault;
use syncd::model::time::Timestamp;
use syncd::port::BoxFuture;
use syncd::port::token_source::LocalTokens;
use syncd::port::watcher::{Hints, Watch, WatchError, Watcher};

use super::World;
use crate::swarm::{SECRET_WORD, TOKEN_WORD};

/// Sends the hints.
pub struct SimWatcher(pub Arc<World>);

struct SimWatch(Arc<World>, u32);

impl Watch for SimWatch {}

impl Drop for SimWatch {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if state
            .watch
            .as_ref()
            .is_some_and(|(number, _)| *number == self.1)
        {
            state.watch = None;
            state.hints.clear();
        }
    }
}

impl Watcher for SimWatcher {
    fn watch(&self, _: &Path, hints: Hints) -> Result<Box<dyn Watch>, WatchError> {
        if self.0.swarm.watch_refused {
            self.0.mark("watch refused");
            return Err(WatchError("no watches left".to_owned()));
        }
        let mut state = self.0.state();
        state.hint_number += 1;
        let number = u32::try_from(state.hint_number).unwrap_or(u32::MAX);
        state.hints.clear();
        state.watch = Some((number, hints));
        Ok(Box::new(SimWatch(Arc::clone(&self.0), number)))
    }
}

/// Writes the trace, and looks at what is told.
pub struct SimObserver(pub Arc<World>);

impl Observer for SimObserver {
    fn observe(&self, _: Timestamp, event: &Event) {
        if matches!(event, Event::ScanProgress { .. }) {
            return;
        }
        let told = format!("{event:?}");
        if [TOKEN_WORD, SECRET_WORD, "q-sign"]
            .iter()
            .any(|word| told.contains(word))
        {
            self.0.violated("an event tells a secret");
        }
        self.0.trace(&told);
        self.0.heard(event);
    }
}

/// No account of the simulation has its token from this machine.
pub struct NoTokens;

impl LocalTokens for NoTokens {
    fn command<'a>(&'a self, _: &'a [String]) -> BoxFuture<'a, Result<Vec<u8>, Fault>> {
        Box::pin(std::future::pending())
    }

    fn file<'a>(&'a self, _: &'a Path) -> BoxFuture<'a, Result<Vec<u8>, Fault>> {
        Box::pin(std::future::pending())
    }
}

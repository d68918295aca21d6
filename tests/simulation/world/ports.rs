//! The daemon's clocks, dice, hints and ears in the simulated world.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use syncd::model::event::{Event, Observer};
use syncd::model::fault::Fault;
use syncd::model::time::{Monotonic, Timestamp};
use syncd::port::BoxFuture;
use syncd::port::clock::Clock;
use syncd::port::dice::Dice;
use syncd::port::token_source::LocalTokens;
use syncd::port::watcher::{Hint, Watch, WatchError, Watcher};
use tokio::sync::mpsc;

use super::{World, lock};
use crate::swarm::{SECRET_WORD, TOKEN_WORD};

/// The daemon's clocks.
pub struct SimClock(pub Arc<World>);

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.wall_ms())
    }

    fn monotonic(&self) -> Monotonic {
        let state = self.0.state();
        // A process does not know how long the machine has been up.
        Monotonic(
            state
                .started
                .map_or(Duration::ZERO, |started| started.elapsed()),
        )
    }

    fn sleep_until(&self, deadline: Monotonic) -> BoxFuture<'static, ()> {
        let started = self.0.state().started;
        Box::pin(async move {
            match started.and_then(|started| started.checked_add(deadline.0)) {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        })
    }
}

/// The daemon's dice.
pub struct SimDice(pub Arc<World>);

impl Dice for SimDice {
    fn fraction(&self) -> f64 {
        lock(&self.0.rolls.dice).f64()
    }

    fn number(&self) -> u64 {
        lock(&self.0.rolls.dice).u64(..)
    }
}

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
    fn watch(&self, _: &Path, hints: mpsc::Sender<Hint>) -> Result<Box<dyn Watch>, WatchError> {
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

//! Programs that end as they are told to.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use syncd::port::BoxFuture;
use syncd::port::program::{Exit, Programs};

/// Remembers what was run. Each ends like the next of its script; when that is over, well.
#[derive(Default)]
pub(crate) struct ScriptedPrograms {
    exits: Mutex<VecDeque<Exit>>,
    ran: Mutex<Vec<Vec<String>>>,
}

impl ScriptedPrograms {
    /// With these ends.
    pub(crate) fn new(exits: impl IntoIterator<Item = Exit>) -> Self {
        Self {
            exits: Mutex::new(exits.into_iter().collect()),
            ran: Mutex::default(),
        }
    }

    /// What was run, in order.
    pub(crate) fn ran(&self) -> Vec<Vec<String>> {
        self.ran
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Programs for ScriptedPrograms {
    fn run<'a>(&'a self, argv: &'a [String], _: Duration) -> BoxFuture<'a, Exit> {
        let mut ran = self.ran.lock().unwrap_or_else(PoisonError::into_inner);
        ran.push(argv.to_vec());
        let mut exits = self.exits.lock().unwrap_or_else(PoisonError::into_inner);
        let exit = exits.pop_front().unwrap_or(Exit::Status(0));
        Box::pin(std::future::ready(exit))
    }
}

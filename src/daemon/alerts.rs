//! `[alerts]` of the daemon: its task, which follows a reload.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::adapter::os_dice::OsDice;
use crate::adapter::system_clock::SystemClock;
use crate::alerts::{Means, run};
use crate::config::Config;

use super::control::Question;
use super::web::MainLoop;
use super::world;

/// The task, where alerts are on.
pub(super) struct Alerts {
    questions: mpsc::Sender<Question>,
    task: Option<JoinHandle<()>>,
}

impl Alerts {
    /// Nobody is told yet.
    pub(super) fn new(questions: mpsc::Sender<Question>) -> Self {
        Self {
            questions,
            task: None,
        }
    }

    /// Does as this configuration says from now on. What goes on is told anew.
    pub(super) fn follow(&mut self, config: &Config) {
        self.stop();
        let Some(spec) = config.alerts.clone() else {
            return;
        };
        let means = Means {
            witness: Arc::new(MainLoop(self.questions.clone())),
            transport: Arc::new(world::transport(config)),
            clock: Arc::new(SystemClock::new()),
            dice: Arc::new(OsDice::new()),
        };
        self.task = Some(tokio::spawn(run(spec, means)));
    }

    /// Tells nobody any more.
    pub(super) fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

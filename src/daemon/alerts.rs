//! `[alerts]` of the daemon: its task, which follows a reload.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::adapter::os_dice::OsDice;
use crate::adapter::system_clock::SystemClock;
use crate::alerts::{Means, Orders, run};
use crate::config::Config;

use super::control::Question;
use super::web::MainLoop;
use super::world;

/// The task, where alerts are on.
pub(super) struct Alerts {
    questions: mpsc::Sender<Question>,
    running: Option<(watch::Sender<Orders>, JoinHandle<()>)>,
}

impl Alerts {
    /// Nobody is told yet.
    pub(super) fn new(questions: mpsc::Sender<Question>) -> Self {
        Self {
            questions,
            running: None,
        }
    }

    /// Does as this configuration says from now on. What was told is not told again.
    pub(super) fn follow(&mut self, config: &Config) {
        let Some(spec) = config.alerts.clone() else {
            return self.stop();
        };
        let transport = Arc::new(world::transport(config));
        let orders = Orders { spec, transport };
        if let Some((sender, _)) = &self.running {
            sender.send_replace(orders);
            return;
        }
        let means = Means {
            witness: Arc::new(MainLoop(self.questions.clone())),
            clock: Arc::new(SystemClock::new()),
            dice: Arc::new(OsDice::new()),
        };
        let (sender, orders) = watch::channel(orders);
        self.running = Some((sender, tokio::spawn(run(orders, means))));
    }

    /// Tells nobody any more.
    pub(super) fn stop(&mut self) {
        if let Some((_, task)) = self.running.take() {
            task.abort();
        }
    }
}

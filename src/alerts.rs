//! `[alerts]`: tells a webhook when something begins to need a person and when it is over, and keeps a
//! heartbeat going for as long as all is well.
//!
//! Invariants: each trouble is told once, and its end once; what was told reaches the webhook in order,
//! however long that is away; no address is in any log.

mod judge;
mod post;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::model::alert::AlertSpec;
use crate::model::secret::Secret;
use crate::model::time::Monotonic;
use crate::port::clock::Clock;
use crate::port::dice::Dice;
use crate::port::transport::Transport;
use crate::report::view::Witness;

use judge::Judge;
use post::Outbox;

/// How often the daemon is looked at, unless half of `lag` is shorter.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How soon a heartbeat that did not get through is tried again.
const BEAT_AGAIN: Duration = Duration::from_secs(10);

/// Whom to tell what, and how they are reached. It changes with a reload.
#[derive(Clone)]
pub struct Orders {
    /// The configuration.
    pub spec: AlertSpec,
    /// Requests.
    pub transport: Arc<dyn Transport>,
}

/// What it takes.
pub struct Means {
    /// Says how the daemon is.
    pub witness: Arc<dyn Witness>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Jitter of retries.
    pub dice: Arc<dyn Dice>,
}

/// Watches until it is dropped. What was told, and what waits to be told, outlives a change of the orders.
pub async fn run(mut orders: watch::Receiver<Orders>, means: Means) {
    let begun = means.clock.monotonic();
    let mut watch = Watch {
        orders: orders.borrow_and_update().clone(),
        judge: Judge::default(),
        outbox: Outbox::default(),
        next_look: begun,
        next_beat: begun,
        looked: false,
        means,
    };
    loop {
        let next = watch.round().await;
        tokio::select! {
            () = watch.means.clock.sleep_until(next) => {}
            Ok(()) = orders.changed() => watch.follow(orders.borrow_and_update().clone()),
        }
    }
}

struct Watch {
    orders: Orders,
    means: Means,
    judge: Judge,
    outbox: Outbox,
    next_look: Monotonic,
    next_beat: Monotonic,
    looked: bool,
}

impl Watch {
    fn now(&self) -> Monotonic {
        self.means.clock.monotonic()
    }

    fn look_every(&self) -> Duration {
        LOOK_EVERY.min(self.orders.spec.lag / 2)
    }

    /// Does as these say from now on.
    fn follow(&mut self, orders: Orders) {
        self.orders = orders;
        self.outbox.try_now();
        // No look at once: an engine that was just started anew does not know yet what is wrong.
        self.next_look = self.next_look.min(self.now() + self.look_every());
        self.next_beat = self.now();
    }

    /// Does what is due; answers when something will be.
    async fn round(&mut self) -> Monotonic {
        if self.now() >= self.next_look {
            self.look().await;
        }
        self.outbox.send_due(&self.orders, &self.means).await;
        let beat = self.orders.spec.heartbeat_url.clone();
        if let Some(url) = beat.as_ref().filter(|_| self.now() >= self.next_beat) {
            self.beat(url).await;
        }
        let beat_at = beat.map(|_| self.next_beat);
        let others = [self.outbox.due(), beat_at].into_iter().flatten();
        others.fold(self.next_look, Monotonic::min)
    }

    async fn look(&mut self) {
        // A daemon that is being reloaded cannot say how it is; the next look will do.
        if let Ok(view) = self.means.witness.view().await {
            for alert in self.judge.look(&view.status, self.orders.spec.lag) {
                self.outbox.push(&alert);
            }
            self.looked = true;
        }
        self.next_look = self.now() + self.look_every();
    }

    async fn beat(&mut self, url: &Secret) {
        let is_well = self.looked && self.judge.is_well();
        let wait = match is_well {
            false => self.look_every(),
            true if post::beat(&*self.orders.transport, url).await => self.orders.spec.heartbeat,
            true => BEAT_AGAIN.min(self.orders.spec.heartbeat),
        };
        self.next_beat = self.now() + wait;
    }
}

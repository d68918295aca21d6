//! `[alerts]`: tells a webhook when something begins to need a person and when it is over, and keeps a
//! heartbeat going for as long as all is well.
//!
//! Invariants: each trouble is told once, and its end once; what was told reaches the webhook in order,
//! however long that is away; no address is in any log.

mod judge;
mod post;

use std::sync::Arc;
use std::time::Duration;

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

/// What it takes.
pub struct Means {
    /// Says how the daemon is.
    pub witness: Arc<dyn Witness>,
    /// Requests.
    pub transport: Arc<dyn Transport>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Jitter of retries.
    pub dice: Arc<dyn Dice>,
}

/// Watches until it is dropped.
pub async fn run(spec: AlertSpec, means: Means) {
    let begun = means.clock.monotonic();
    let mut watch = Watch {
        judge: Judge::new(spec.lag),
        outbox: Outbox::new(spec.url.clone(), spec.secret.clone()),
        look_every: LOOK_EVERY.min(spec.lag / 2),
        next_look: begun,
        next_beat: begun,
        looked: false,
        spec,
        means,
    };
    loop {
        watch.round().await;
    }
}

struct Watch {
    spec: AlertSpec,
    means: Means,
    judge: Judge,
    outbox: Outbox,
    look_every: Duration,
    next_look: Monotonic,
    next_beat: Monotonic,
    looked: bool,
}

impl Watch {
    fn now(&self) -> Monotonic {
        self.means.clock.monotonic()
    }

    /// Does what is due, then waits for what is next.
    async fn round(&mut self) {
        if self.now() >= self.next_look {
            self.look().await;
        }
        self.outbox.send_due(&self.means).await;
        let beat = self.spec.heartbeat_url.clone();
        if let Some(url) = beat.as_ref().filter(|_| self.now() >= self.next_beat) {
            self.beat(url).await;
        }
        let beat_at = beat.map(|_| self.next_beat);
        let next = [Some(self.next_look), self.outbox.due(), beat_at];
        if let Some(next) = next.into_iter().flatten().min() {
            self.means.clock.sleep_until(next).await;
        }
    }

    async fn look(&mut self) {
        // A daemon that is being reloaded cannot say how it is; the next look will do.
        if let Ok(view) = self.means.witness.view().await {
            for alert in self.judge.look(&view.status) {
                self.outbox.push(&alert);
            }
            self.looked = true;
        }
        self.next_look = self.now() + self.look_every;
    }

    async fn beat(&mut self, url: &Secret) {
        let is_well = self.looked && self.judge.is_well();
        let wait = match is_well {
            false => self.look_every,
            true if post::beat(&*self.means.transport, url).await => self.spec.heartbeat,
            true => BEAT_AGAIN.min(self.spec.heartbeat),
        };
        self.next_beat = self.now() + wait;
    }
}

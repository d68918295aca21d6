//! The transfers of one account: claims jobs, runs attempts side by side, and has their outcomes written
//! down in batches. A slot waits for no commit but its own claim's.
//!
//! Invariants: nothing starts while the account's gate is closed, but the one probe; a job that was
//! claimed is settled, released, interrupted by a stop, or found running by the next process; before its
//! claim is committed nothing more than a link is asked for; an outcome is told to anybody only after it is
//! committed.

mod attempt;
mod commit;
mod origin;
mod outbox;
mod outcome;
pub(super) mod platforms;
mod ready;
pub(super) mod remote;
pub(super) mod source;
mod supply;
mod tokens;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use futures_util::future::OptionFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::decide::account::{Gate, Permit};
use crate::decide::concurrency::{Demand, Limiter};
use crate::engine::folder::Folder;
use crate::engine::live::AccountLive;
use crate::engine::{ClockOffset, EngineError, Ports};
use crate::model::job::JobId;
use crate::model::time::Monotonic;
use crate::port::BoxFuture;
use crate::store::{Store, StoreError};

use attempt::{Context, Ended};
use commit::Commit;
use outcome::Written;
use remote::Remote;
use source::Budget;
use supply::{Delivery, Prepared};

/// How long after the clock was set back the last times of before are written down.
const CLAMP_AFTER: Duration = Duration::from_secs(10);
/// A stored due time is never further ahead than this, whatever the clock did meanwhile.
pub(super) const DUE_AHEAD_MAX: Duration = Duration::from_hours(1);
/// How often the token file of a paused account is looked at.
const TOKEN_FILE_EVERY: Duration = Duration::from_secs(5);
/// While more is ready to be sent, outcomes gather this long for one commit.
const GATHER_FOR: Duration = Duration::from_millis(20);
/// So many outcomes are enough for a commit.
const GATHER_MAX: usize = 256;
/// How long a stop waits for transfers that are under way.
pub(super) const DRAIN_MAX: Duration = Duration::from_secs(8);

/// What a person asks of an account's transfers.
#[derive(Debug)]
pub(super) enum AccountCommand {
    /// Lift a pause and probe at once.
    Resume,
    /// A folder was paused or resumed, or its queue was edited: claim afresh.
    Reclaim,
    /// Answer once nothing is under way, and nothing will be begun within this span or the account has
    /// been closed for that long.
    TellWhenAtRest(Duration, oneshot::Sender<()>),
}

/// What an account's transfers are given.
pub(super) struct AccountParts {
    /// The other side.
    pub remote: Remote,
    /// Its folders.
    pub folders: Vec<Arc<Folder>>,
    /// The memory.
    pub store: Store,
    /// The world.
    pub ports: Ports,
    /// Shared by all accounts.
    pub budget: Budget,
    /// Faults a file may have before it is given up.
    pub attempts_max: u32,
    /// Shared by all accounts.
    pub clock_offset: ClockOffset,
    /// Rung when an intake has planned something.
    pub wake: Arc<Notify>,
    /// The gate as it was written down.
    pub gate: Gate,
    /// What a person asks.
    pub commands: mpsc::Receiver<AccountCommand>,
    /// Cancelled: take no new work.
    pub stop: CancellationToken,
}

/// The task of one account.
pub(super) struct Transfers {
    context: Arc<Context>,
    store: Store,
    folders: VecDeque<Arc<Folder>>,
    attempts_max: u32,
    clock_offset: ClockOffset,
    wake: Arc<Notify>,
    commands: mpsc::Receiver<AccountCommand>,
    stop: CancellationToken,
    live: watch::Sender<AccountLive>,

    gate: Gate,
    limiter: Limiter,
    ready: VecDeque<Prepared>,
    slots: FuturesUnordered<BoxFuture<'static, (Permit, Ended)>>,
    delivery: Option<BoxFuture<'static, Result<Delivery, StoreError>>>,
    /// Through which a delivery hands over what it has prepared.
    hand: mpsc::UnboundedSender<Vec<Prepared>>,
    arrivals: mpsc::UnboundedReceiver<Vec<Prepared>>,
    outcomes: Vec<Written>,
    settling: Option<BoxFuture<'static, Result<Commit, StoreError>>>,
    /// Until when outcomes may gather while more is ready.
    gather_until: Monotonic,
    /// Something may be claimable that was not when last asked.
    hungry: bool,
    next_due: Option<Monotonic>,
    revived: Vec<JobId>,
    /// The gate's state and closures as they were last written down.
    gate_written: (&'static str, u32),
    listeners: Vec<(Duration, oneshot::Sender<()>)>,
    /// Since when the gate has been closed without a break.
    closed_since: Option<Monotonic>,
    /// When the token file of a paused account is looked at again.
    token_file_at: Monotonic,
    /// When due times are looked through after the clock was set back.
    clamp_at: Option<Monotonic>,
    /// A person was told that the cloud answers no checksums.
    unchecked_told: bool,
}

enum Happened {
    Ended(Permit, Box<Ended>),
    Committed(Result<Commit, StoreError>),
    Arrived(Vec<Prepared>),
    Delivered(Result<Delivery, StoreError>),
    Command(AccountCommand),
    Woken,
    Timer,
    StopAsked,
}

impl Transfers {
    /// An account that has not begun, and what can be seen of it from outside.
    pub(super) fn new(parts: AccountParts) -> (Self, watch::Receiver<AccountLive>) {
        let (live, seen) = watch::channel(AccountLive {
            name: parts.remote.name().to_owned(),
            ..AccountLive::default()
        });
        let limiter = Limiter::new(parts.remote.concurrency());
        let (hand, arrivals) = mpsc::unbounded_channel();
        let context = Context {
            ports: parts.ports,
            remote: parts.remote,
            store: parts.store.clone(),
            budget: parts.budget,
            clock_told: AtomicBool::new(false),
            alone: AtomicBool::new(false),
        };
        let transfers = Self {
            context: Arc::new(context),
            store: parts.store,
            folders: parts.folders.into(),
            attempts_max: parts.attempts_max,
            clock_offset: parts.clock_offset,
            wake: parts.wake,
            commands: parts.commands,
            stop: parts.stop,
            live,
            gate: parts.gate,
            limiter,
            ready: VecDeque::new(),
            slots: FuturesUnordered::new(),
            delivery: None,
            hand,
            arrivals,
            outcomes: Vec::new(),
            settling: None,
            gather_until: Monotonic::default(),
            hungry: true,
            next_due: None,
            revived: Vec::new(),
            gate_written: ("", 0),
            listeners: Vec::new(),
            closed_since: None,
            token_file_at: Monotonic::default(),
            clamp_at: None,
            unchecked_told: false,
        };
        (transfers, seen)
    }

    /// Runs until it is stopped and everything under way is settled.
    ///
    /// # Errors
    /// The store cannot be written any more; what was under way is found again by the next process.
    pub(super) async fn run(mut self) -> Result<(), EngineError> {
        let mut draining: Option<Monotonic> = None;
        loop {
            if draining.is_none() {
                self.start_attempts();
                self.start_delivery();
            }
            // After a jump ahead everything is due early, which does no harm; moving it would put off
            // for as long what was planned since the jump.
            if let Some(jump_ms) = self.clock_offset.jump_ms(&*self.context.ports.clock)
                && jump_ms < 0
            {
                self.store.shift_due(jump_ms).await?;
                self.clamp_at = Some(self.now() + CLAMP_AFTER);
            }
            self.start_settling();
            self.publish_live();
            if draining.is_some() && self.is_at_rest() {
                let folders = self.folders.iter().map(|folder| folder.id).collect();
                let now = self.context.ports.clock.now();
                self.store.interrupt(folders, now).await?;
                return Ok(());
            }
            match self.next(draining).await {
                Happened::Ended(permit, ended) => {
                    self.ended(permit, *ended);
                    while let Some(Some((permit, ended))) = self.slots.next().now_or_never() {
                        self.ended(permit, ended);
                    }
                }
                Happened::Committed(commit) => self.committed(commit?),
                Happened::Arrived(prepared) => self.arrived(prepared),
                Happened::Delivered(delivery) => self.delivered(delivery?),
                Happened::Command(command) => self.obey(command),
                Happened::Woken => self.hungry = true,
                Happened::Timer if draining.is_some() => self.interrupt(),
                Happened::Timer => {
                    self.next_due = self.next_due.filter(|due| *due > self.now());
                    self.hungry = true;
                    self.clamp_due().await?;
                    self.look_for_a_new_token_file().await;
                }
                Happened::StopAsked => {
                    draining = Some(self.context.ports.clock.monotonic() + DRAIN_MAX);
                    self.release_ready();
                }
            }
        }
    }

    async fn next(&mut self, draining: Option<Monotonic>) -> Happened {
        let timer = draining.or_else(|| self.timer());
        let timer: OptionFuture<_> = timer
            .map(|at| self.context.ports.clock.sleep_until(at))
            .into();
        let delivery: OptionFuture<_> = self.delivery.as_mut().into();
        let settling: OptionFuture<_> = self.settling.as_mut().into();
        let happened = tokio::select! {
            biased;
            Some(result) = settling => Happened::Committed(result),
            Some((permit, ended)) = self.slots.next(), if !self.slots.is_empty() => {
                Happened::Ended(permit, Box::new(ended))
            }
            Some(prepared) = self.arrivals.recv() => Happened::Arrived(prepared),
            Some(result) = delivery => Happened::Delivered(result),
            () = self.stop.cancelled(), if draining.is_none() => Happened::StopAsked,
            Some(command) = self.commands.recv() => Happened::Command(command),
            () = self.wake.notified(), if draining.is_none() => Happened::Woken,
            Some(()) = timer => Happened::Timer,
        };
        match happened {
            Happened::Committed(_) => self.settling = None,
            Happened::Delivered(_) => self.delivery = None,
            _ => {}
        }
        happened
    }

    /// When something may have to be done although nothing happens.
    fn timer(&self) -> Option<Monotonic> {
        // A probe that is due waits for a job, not for time.
        let probe_at = self
            .gate
            .probe_at()
            .filter(|probe_at| *probe_at > self.now());
        let timer = probe_at.or(self.next_due);
        let file_at = self.waits_for_a_token_file().then_some(self.token_file_at);
        let gathers = self.settling.is_none() && !self.outcomes.is_empty();
        let gathered_at = gathers.then_some(self.gather_until);
        let times = timer
            .into_iter()
            .chain(file_at)
            .chain(self.clamp_at)
            .chain(gathered_at);
        times.min()
    }

    fn now(&self) -> Monotonic {
        self.context.ports.clock.monotonic()
    }

    /// A paused account whose token is in a file goes on as soon as somebody puts another one there.
    fn waits_for_a_token_file(&self) -> bool {
        self.context.remote.has_token_file() && self.gate.state() == "paused"
    }

    /// What was about to be written down when the clock was set back still has a time of before.
    async fn clamp_due(&mut self) -> Result<(), EngineError> {
        if self.clamp_at.is_some_and(|at| at <= self.now()) {
            self.clamp_at = None;
            let latest = self.context.ports.clock.now().plus(DUE_AHEAD_MAX);
            self.store.clamp_due(latest).await?;
        }
        Ok(())
    }

    async fn look_for_a_new_token_file(&mut self) {
        if !self.waits_for_a_token_file() || self.now() < self.token_file_at {
            return;
        }
        let context = Arc::clone(&self.context);
        if context.remote.has_new_token_file(&context.ports).await {
            self.gate.resume(self.now());
            context.remote.resumed();
        }
        self.token_file_at = self.now() + TOKEN_FILE_EVERY;
    }

    /// What did not end in time is dropped: the requests are aborted, and the jobs stay in doubt until they
    /// are sent again, as after a crash, but without counting as one.
    fn interrupt(&mut self) {
        self.slots.clear();
        self.delivery = None;
    }

    fn is_at_rest(&self) -> bool {
        self.slots.is_empty()
            && self.delivery.is_none()
            && self.settling.is_none()
            && self.outcomes.is_empty()
            && self.ready.is_empty()
    }

    fn obey(&mut self, command: AccountCommand) {
        match command {
            AccountCommand::Resume => {
                self.gate.resume(self.context.ports.clock.monotonic());
                self.context.remote.resumed();
            }
            AccountCommand::Reclaim => {}
            AccountCommand::TellWhenAtRest(patience, listener) => {
                self.listeners.push((patience, listener));
            }
        }
        self.release_paused();
        self.hungry = true;
    }

    fn demand(&self) -> Demand {
        if self.ready.is_empty() {
            Demand::BelowLimit
        } else {
            Demand::AboveLimit
        }
    }
}

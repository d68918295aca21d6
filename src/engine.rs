//! The tasks of syncd: loops over pure deciders and ports. Nothing else in the program waits, retries or
//! decides what happens next.
//!
//! One task a folder looks at the disk and plans ([`intake`]); one task an account publishes
//! ([`transfers`]); one task an inbox receives ([`inbox`]). They meet only in the store, and those that speak
//! with the same contact centre in its room ([`desk`]). [`Engine`] starts them, asks them and stops them.

mod command;
mod desk;
pub mod fetch_token;
mod folder;
mod holder;
pub mod ignore_file;
pub mod inbox;
pub mod intake;
pub mod live;
mod once;
mod start;
mod transfers;

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::model::desk::{DeskSpec, InboxSpec};
use crate::model::event::{Event, Observer};
use crate::model::folder::{AccountSpec, FolderSpec};
use crate::port::clock::Clock;
use crate::port::dice::Dice;
use crate::port::disk::Disk;
use crate::port::inbox_disk::Inboxes;
use crate::port::offload::Offload;
use crate::port::program::Programs;
use crate::port::token_source::LocalTokens;
use crate::port::transport::Transport;
use crate::port::watcher::Watcher;
use crate::store::{Store, StoreError};

use folder::Folder;
use inbox::InboxCommand;
use intake::IntakeHandle;
use live::{AccountLive, InboxLive, Live};
use transfers::AccountCommand;

pub use command::Command;
pub use once::{FolderSummary, InboxSummary, OnceSummary};

/// Everything the engine wants of the outside world.
#[derive(Clone)]
pub struct Ports {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub dice: Arc<dyn Dice>,
    /// Files.
    pub disk: Arc<dyn Disk>,
    /// Requests.
    pub transport: Arc<dyn Transport>,
    /// Hints.
    pub watcher: Arc<dyn Watcher>,
    /// Tokens of this machine.
    pub local_tokens: Arc<dyn LocalTokens>,
    /// Where received files are put.
    pub inboxes: Arc<dyn Inboxes>,
    /// Programs that run for them.
    pub programs: Arc<dyn Programs>,
    /// Where slow work runs.
    pub offload: Offload,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
}

impl Ports {
    /// Tells an event.
    pub fn tell(&self, event: &Event) {
        self.observer.observe(self.clock.now(), event);
    }

    /// Tells events of one moment.
    pub fn tell_all(&self, events: &[Event]) {
        self.observer.observe_all(self.clock.now(), events);
    }
}

/// What the engine works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Folders, in configuration order.
    pub folders: Vec<FolderSpec>,
    /// Accounts, in configuration order.
    pub accounts: Vec<AccountSpec>,
    /// Accounts of contact-centre desks, in configuration order.
    pub desks: Vec<DeskSpec>,
    /// Inboxes, in configuration order.
    pub inboxes: Vec<InboxSpec>,
    /// Faults a file may have before it is given up.
    pub attempts_max: u32,
    /// For the bytes of all files that are being sent.
    pub memory_bytes: u64,
}

/// Whether the engine stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Watches and scans until it is stopped.
    Run,
    /// Scans once, when it is asked to.
    Once,
}

/// Why the engine cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The memory failed: nothing can be trusted to be written down any more.
    #[error("The database failed")]
    Store(#[from] StoreError),
    /// A task ended that should have gone on.
    #[error("A part of the engine ended unexpectedly")]
    TaskEnded,
    /// A task ended with a failure that was told already; here in words.
    #[error("The engine stopped: {0}")]
    Failed(String),
    /// A name that is not in the configuration.
    #[error("There is no folder or inbox \"{0}\" in the configuration")]
    NoSuchFolder(String),
    /// An account that is not in the configuration.
    #[error("There is no account \"{0}\" of a contact centre in the configuration")]
    NoSuchAccount(String),
    /// An intake cannot go on.
    #[error(transparent)]
    Intake(#[from] intake::IntakeError),
    /// A pattern of the configuration is none.
    #[error("A pattern of the configuration cannot be used")]
    Pattern(#[from] crate::decide::filter::PatternError),
}

/// The running engine.
pub struct Engine {
    store: Store,
    ports: Ports,
    folders: Vec<RunningFolder>,
    accounts: Vec<RunningAccount>,
    inboxes: Vec<RunningInbox>,
    stop: CancellationToken,
    tasks: TaskTracker,
    failure: watch::Sender<Option<String>>,
    failed: watch::Receiver<Option<String>>,
}

struct RunningFolder {
    folder: Arc<Folder>,
    intake: IntakeHandle,
}

struct RunningAccount {
    name: String,
    commands: mpsc::Sender<AccountCommand>,
    live: watch::Receiver<AccountLive>,
}

struct RunningInbox {
    name: String,
    commands: mpsc::Sender<InboxCommand>,
    live: watch::Receiver<InboxLive>,
}

impl Engine {
    fn spawn(&self, task: impl Future<Output = Result<(), EngineError>> + Send + 'static) {
        let failure = self.failure.clone();
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            if let Err(error) = task.await {
                failure.send_replace(Some(in_words(&error)));
                stop.cancel();
            }
        });
    }

    /// What is not in the store.
    pub fn live(&self) -> Live {
        Live {
            folders: self
                .folders
                .iter()
                .map(|running| running.intake.live_now())
                .collect(),
            accounts: self
                .accounts
                .iter()
                .map(|a| a.live.borrow().clone())
                .collect(),
            inboxes: self
                .inboxes
                .iter()
                .map(|inbox| inbox.live.borrow().clone())
                .collect(),
        }
    }

    /// Waits until a part of the engine has failed, and says how. Never ends while all is well.
    pub async fn failure(&self) -> String {
        let mut failed = self.failed.clone();
        match failed.wait_for(Option::is_some).await {
            Ok(failure) => failure.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }

    /// Takes no new work, lets transfers under way end for a while, and has everything written down.
    pub async fn stop(self) -> Result<(), EngineError> {
        self.stop.cancel();
        self.tasks.wait().await;
        self.store.close().await;
        Ok(())
    }
}

/// Notices that the wall clock was set, for whom it moves due times that are written down.
#[derive(Clone)]
pub struct ClockOffset(Arc<Mutex<i64>>);

/// A clock that is slewed does not jump; one that is set does.
const CLOCK_JUMP_MS: i64 = 5_000;

impl ClockOffset {
    fn new(clock: &dyn Clock) -> Self {
        Self(Arc::new(Mutex::new(offset_ms(clock))))
    }

    /// By how much the clock was set since this was last asked by anybody, in milliseconds.
    pub(crate) fn jump_ms(&self, clock: &dyn Clock) -> Option<i64> {
        let now = offset_ms(clock);
        let mut offset = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let jump = now.saturating_sub(*offset);
        (jump.abs() > CLOCK_JUMP_MS).then(|| {
            *offset = now;
            jump
        })
    }
}

fn offset_ms(clock: &dyn Clock) -> i64 {
    let monotonic = i64::try_from(clock.monotonic().0.as_millis()).unwrap_or(i64::MAX);
    clock.now().0.saturating_sub(monotonic)
}

/// An error with its sources, each once.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

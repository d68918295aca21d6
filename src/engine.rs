//! The tasks of syncd: loops over pure deciders and ports. Nothing else in the program waits, retries or
//! decides what happens next.
//!
//! One task a folder looks at the disk and plans ([`intake`]); one task an account publishes
//! ([`transfers`]). They meet only in the store. [`Engine`] starts them, asks them and stops them.

mod folder;
pub mod intake;
pub mod live;
mod once;
mod transfers;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::decide::account::{Gate, Persisted};
use crate::model::event::{Event, Observer};
use crate::model::folder::{AccountSpec, FolderSpec};
use crate::model::job::FolderId;
use crate::model::path::RelPath;
use crate::port::clock::Clock;
use crate::port::dice::Dice;
use crate::port::disk::Disk;
use crate::port::offload::Offload;
use crate::port::token_source::LocalTokens;
use crate::port::transport::Transport;
use crate::port::watcher::Watcher;
use crate::store::{AccountRow, Selection, Store, StoreError};

use folder::Folder;
use intake::{Intake, IntakeHandle};
use live::{AccountLive, Live};
use transfers::source::Budget;
use transfers::{AccountCommand, AccountParts, Transfers};

pub use once::{FolderSummary, OnceSummary};

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
}

/// What the engine works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Folders, in configuration order.
    pub folders: Vec<FolderSpec>,
    /// Accounts, in configuration order.
    pub accounts: Vec<AccountSpec>,
    /// Faults a file may have before it is given up.
    pub attempts_max: u32,
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
    #[error("There is no folder \"{0}\" in the configuration")]
    NoSuchFolder(String),
    /// An intake cannot go on.
    #[error(transparent)]
    Intake(#[from] intake::IntakeError),
    /// A pattern of the configuration is none.
    #[error("A pattern of the configuration cannot be used")]
    Pattern(#[from] crate::decide::filter::PatternError),
}

/// What a person asks of the running engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Scan all folders now.
    ScanNow,
    /// Try again.
    Retry(Selection),
    /// Let go of.
    Drop(Selection),
    /// Stop one folder.
    Pause(String),
    /// Start it again, and lift the pause of its account.
    Resume(String),
}

/// The running engine.
pub struct Engine {
    store: Store,
    ports: Ports,
    folders: Vec<RunningFolder>,
    accounts: Vec<RunningAccount>,
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

/// Orders that wait for one account; whoever gives one more waits too.
const COMMANDS_WAITING: usize = 16;

impl Engine {
    /// Takes up what the last process left and starts all tasks.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn start(
        ports: Ports,
        store: Store,
        settings: Settings,
        mode: Mode,
    ) -> Result<Self, EngineError> {
        let now = ports.clock.now();
        store.recover(now).await?;
        store.clamp_due(now.plus(DUE_AHEAD_MAX)).await?;
        let rows = store.adopt_folders(&settings.folders, now).await?;
        // Told by nobody: the process that ended them is gone, and `history` has them.
        store.finish_releases(now).await?;
        let gates = store.accounts().await?;
        let (failure, failed) = watch::channel(None);
        let clock_offset = ClockOffset::new(&*ports.clock);
        let mut engine = Self {
            store,
            ports,
            folders: Vec::new(),
            accounts: Vec::new(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            failure,
            failed,
        };
        let budget = Budget::new();
        let mut wakes = Vec::new();
        for account in settings.accounts {
            let wake = Arc::new(Notify::new());
            wakes.push((account, wake));
        }
        for (spec, row) in settings.folders.into_iter().zip(rows) {
            let wake = wakes
                .iter()
                .find(|(account, _)| account.name == spec.account);
            let wake = wake.map_or_else(Arc::default, |(_, wake)| Arc::clone(wake));
            engine.start_folder(spec, &row, wake, mode)?;
        }
        for (account, wake) in wakes {
            let gate = gates.iter().find(|row| row.name == account.name);
            let gate = gate.map_or_else(Gate::open, |row| engine.restored(row));
            engine.start_account(
                account,
                wake,
                gate,
                AccountShare {
                    budget: budget.clone(),
                    attempts_max: settings.attempts_max,
                    clock_offset: clock_offset.clone(),
                },
            );
        }
        engine.tasks.close();
        Ok(engine)
    }

    fn restored(&self, row: &AccountRow) -> Gate {
        let persisted = Persisted {
            state: match row.state.as_str() {
                "waiting" => "waiting",
                "paused" => "paused",
                _ => "ready",
            },
            until: row.until,
            fault: row.fault.clone(),
            closures: row.closures,
        };
        let clock = &self.ports.clock;
        let mut gate = Gate::restore(&persisted, clock.monotonic(), clock.now());
        if persisted.state == "paused" {
            // Whoever starts syncd anew may have mended what it was paused for.
            gate.resume(clock.monotonic());
        }
        gate
    }

    fn start_folder(
        &mut self,
        spec: FolderSpec,
        row: &crate::store::FolderRow,
        wake: Arc<Notify>,
        mode: Mode,
    ) -> Result<(), EngineError> {
        let share = (self.ports.clone(), self.store.clone(), wake);
        let (intake, handle) = Intake::new(spec.clone(), row, share, mode);
        let folder = Arc::new(Folder::new(row.id, spec, row.paused, &handle)?);
        self.folders.push(RunningFolder {
            folder,
            intake: handle,
        });
        let stop = self.stop.clone();
        self.spawn(async move { Ok(intake.run(stop).await?) });
        Ok(())
    }

    fn start_account(
        &mut self,
        account: AccountSpec,
        wake: Arc<Notify>,
        gate: Gate,
        share: AccountShare,
    ) {
        let (commands, orders) = mpsc::channel(COMMANDS_WAITING);
        let name = account.name.clone();
        let folders = self.folders.iter().map(|running| &running.folder);
        let folders = folders
            .filter(|folder| folder.spec.account == name)
            .cloned()
            .collect();
        let (transfers, live) = Transfers::new(AccountParts {
            account,
            folders,
            store: self.store.clone(),
            ports: self.ports.clone(),
            budget: share.budget,
            attempts_max: share.attempts_max,
            clock_offset: share.clock_offset,
            wake,
            gate,
            commands: orders,
            stop: self.stop.clone(),
        });
        self.accounts.push(RunningAccount {
            name,
            commands,
            live,
        });
        self.spawn(transfers.run());
    }

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
        }
    }

    /// Does what a person asks. Answers how many jobs it concerned.
    ///
    /// # Errors
    /// No such folder, or the store failed.
    pub async fn command(&self, command: Command) -> Result<u64, EngineError> {
        let now = self.ports.clock.now();
        let count = match command {
            Command::ScanNow => {
                self.order_all(|| intake::Command::ScanNow).await;
                0
            }
            Command::Retry(selection) => {
                let retried = self.store.retry(selection, now).await?;
                self.look_again(retried.look_again);
                for account in &self.accounts {
                    let _ = account.commands.send(AccountCommand::Resume).await;
                }
                retried.jobs
            }
            Command::Drop(selection) => self.store.drop_jobs(selection, now).await?.jobs,
            Command::Pause(name) => self.set_paused(&name, true).await?,
            Command::Resume(name) => self.set_paused(&name, false).await?,
        };
        for account in &self.accounts {
            let _ = account.commands.send(AccountCommand::Reclaim).await;
        }
        Ok(count)
    }

    async fn set_paused(&self, name: &str, paused: bool) -> Result<u64, EngineError> {
        let running = self
            .folders
            .iter()
            .find(|running| running.folder.spec.name == name);
        let running = running.ok_or_else(|| EngineError::NoSuchFolder(name.to_owned()))?;
        self.store.set_paused(running.folder.id, paused).await?;
        let was = running.folder.is_paused();
        running.folder.set_paused(paused);
        if paused {
            let _ = running.intake.commands.send(intake::Command::Pause).await;
        } else {
            let _ = running.intake.commands.send(intake::Command::Resume).await;
            let account = &running.folder.spec.account;
            for account in self.accounts.iter().filter(|have| have.name == *account) {
                let _ = account.commands.send(AccountCommand::Resume).await;
            }
        }
        Ok(u64::from(was != paused))
    }

    fn look_again(&self, paths: Vec<(FolderId, RelPath)>) {
        for (id, path) in paths {
            if let Some(running) = self.folders.iter().find(|running| running.folder.id == id) {
                running.folder.look_again(path);
            }
        }
    }

    async fn order_all(&self, command: impl Fn() -> intake::Command) {
        for running in &self.folders {
            let _ = running.intake.commands.send(command()).await;
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

/// A stored due time is never further ahead than this, whatever the clock did meanwhile.
const DUE_AHEAD_MAX: Duration = Duration::from_hours(1);

struct AccountShare {
    budget: Budget,
    attempts_max: u32,
    clock_offset: ClockOffset,
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

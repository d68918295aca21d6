//! Starting the engine: what the last process left is taken up, then every task begins.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::desk::Desk;
use super::folder::Folder;
use super::inbox::{Inbox, InboxParts};
use super::intake::Intake;
use super::transfers::platforms::Platforms;
use super::transfers::remote::{Remote, Wechat};
use super::transfers::source::Budget;
use super::transfers::{AccountParts, DUE_AHEAD_MAX, Transfers};
use super::{
    ClockOffset, Engine, EngineError, Mode, Ports, RunningAccount, RunningFolder, RunningInbox,
    Settings,
};
use crate::decide::account::{Gate, Persisted};
use crate::model::desk::InboxSpec;
use crate::model::folder::FolderSpec;
use crate::store::{AccountRow, Store};

/// Orders that wait for one account or inbox; whoever gives one more waits too.
const COMMANDS_WAITING: usize = 16;

struct AccountShare {
    budget: Budget,
    attempts_max: u32,
    clock_offset: ClockOffset,
}

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
        let inboxes = settings.inboxes.iter().map(|inbox| inbox.name.clone());
        store.adopt_inboxes(inboxes.collect()).await?;
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
            inboxes: Vec::new(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            failure,
            failed,
        };
        let budget = Budget::new(settings.memory_bytes);
        let desks = settings.desks.into_iter();
        let desks: Vec<Arc<Desk>> = desks
            .map(|spec| Arc::new(Desk::new(spec, engine.ports.clone())))
            .collect();
        let platforms = Platforms::default();
        let accounts = settings.accounts.into_iter();
        let accounts = accounts.map(|account| Wechat::new(account, &platforms));
        let remotes = accounts
            .map(|wechat| Remote::Wechat(Box::new(wechat)))
            .chain(desks.iter().map(|desk| Remote::Desk(Arc::clone(desk))));
        let remotes: Vec<_> = remotes
            .map(|remote| (remote, Arc::new(Notify::new())))
            .collect();
        for (spec, row) in settings.folders.into_iter().zip(rows) {
            let wake = remotes
                .iter()
                .find(|(remote, _)| remote.name() == spec.account);
            let wake = wake.map_or_else(Arc::default, |(_, wake)| Arc::clone(wake));
            engine.start_folder(spec, &row, wake, mode)?;
        }
        for (remote, wake) in remotes {
            let gate = gates.iter().find(|row| row.name == remote.name());
            let gate = gate.map_or_else(Gate::open, |row| engine.restored(row));
            engine.start_account(
                remote,
                wake,
                gate,
                AccountShare {
                    budget: budget.clone(),
                    attempts_max: settings.attempts_max,
                    clock_offset: clock_offset.clone(),
                },
            );
        }
        let (inboxes, attempts_max) = (settings.inboxes, settings.attempts_max);
        engine
            .start_inboxes(inboxes, &desks, attempts_max, mode)
            .await?;
        engine.tasks.close();
        Ok(engine)
    }

    async fn start_inboxes(
        &mut self,
        inboxes: Vec<InboxSpec>,
        desks: &[Arc<Desk>],
        attempts_max: u32,
        mode: Mode,
    ) -> Result<(), EngineError> {
        let names = inboxes.iter().map(|inbox| inbox.name.clone()).collect();
        let rows = self.store.adopt_inboxes(names).await?;
        for spec in inboxes {
            let Some(desk) = desks.iter().find(|desk| desk.spec.name == spec.account) else {
                return Err(EngineError::NoSuchAccount(spec.account));
            };
            let paused = rows.iter().any(|row| row.name == spec.name && row.paused);
            let (commands, orders) = mpsc::channel(COMMANDS_WAITING);
            let name = spec.name.clone();
            let (inbox, live) = Inbox::new(InboxParts {
                spec,
                paused,
                desk: Arc::clone(desk),
                store: self.store.clone(),
                ports: self.ports.clone(),
                attempts_max,
                commands: orders,
                stop: self.stop.clone(),
            });
            self.inboxes.push(RunningInbox {
                name,
                commands,
                live,
            });
            self.spawn(inbox.run(mode));
        }
        Ok(())
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
        remote: Remote,
        wake: Arc<Notify>,
        gate: Gate,
        share: AccountShare,
    ) {
        let (commands, orders) = mpsc::channel(COMMANDS_WAITING);
        let name = remote.name().to_owned();
        let folders = self.folders.iter().map(|running| &running.folder);
        let folders = folders
            .filter(|folder| folder.spec.account == name)
            .cloned()
            .collect();
        let (transfers, live) = Transfers::new(AccountParts {
            remote,
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
}

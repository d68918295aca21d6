//! The task of one folder: it notices changes, looks at them when they have settled, and records what
//! it saw, which makes the jobs. Hints only say where to look; what is recorded is what was seen.
//!
//! The task writes nothing but looks, and never into the folder. A root that vanished or was replaced
//! blocks the folder with a reason; nothing is taken as gone because of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::decide::settle::{Due, Settle};
use crate::model::event::Event;
use crate::model::folder::{FolderSpec, WatchMode};
use crate::model::job::{FolderId, ReleaseNumber};
use crate::model::observation::Stat;
use crate::model::path::RelPath;
use crate::model::time::Monotonic;
use crate::port::disk::{DiskError, Root, RootIdentity, with_cause};
use crate::port::watcher::{Heard, Watch};
use crate::store::{FileCounts, FolderRow, Reader, Store, StoreError};

use super::live::{FolderLive, IntakeState, Totals, UNREADABLE_MAX, Unreadable};
use super::{Mode, Ports};

mod hash;
mod heed;
mod live;
mod look;
mod pass;
mod root;
mod rows;
mod scan;
mod walk;

use look::Policy;

/// Hints that wait for the task; more become "everything".
const HINTS_MAX: usize = 4096;

/// Commands that wait for the task.
const COMMANDS_MAX: usize = 256;

/// How often a blocked folder is tried again.
const ROOT_CHECK: Duration = Duration::from_secs(3);

/// Polling: the pause between scans, to which a multiple of the last scan's duration is added.
const POLL: Duration = Duration::from_secs(2);
const POLL_SCANS: u32 = 4;

/// What others ask of the task.
#[derive(Debug)]
pub enum Command {
    /// A full scan now.
    ScanNow,
    /// Answer once nothing is asked for or settling any more, but for files that never rest; at once
    /// while blocked or paused.
    TellWhenQuiet(oneshot::Sender<()>),
    /// A person paused the folder: looked at, but nothing of it is sent.
    Pause,
    /// Go on; and accept the root as it is now, if it was the reason to be blocked.
    Resume,
}

/// The task cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The memory failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The others' end of the task.
#[derive(Clone)]
pub struct IntakeHandle {
    /// Takes commands.
    pub commands: mpsc::Sender<Command>,
    /// Takes paths to look at once more.
    pub(super) looks: mpsc::UnboundedSender<RelPath>,
    /// Shows the task's state.
    pub live: watch::Receiver<FolderLive>,
    /// The root, while the folder has one.
    pub(super) root: watch::Receiver<Option<Arc<dyn Root>>>,
}

/// Why a pass ended early.
enum Trouble {
    /// The memory failed: the task ends.
    Store(StoreError),
    /// The root cannot be listed.
    Disk(DiskError),
    /// Another directory is in the root's place.
    RootChanged,
    /// Stopping, or paused and asked for one pass.
    Interrupted,
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<scan::ScanError> for Trouble {
    fn from(error: scan::ScanError) -> Self {
        match error {
            scan::ScanError::Disk(error) => Self::Disk(error),
            scan::ScanError::Store(error) => Self::Store(error),
        }
    }
}

/// An opened folder.
struct Opened {
    root: Arc<dyn Root>,
    policy: Arc<Policy>,
    /// Of the `.syncdignore` that `policy` was made from.
    ignore_file: Option<Stat>,
}

/// The task of one folder.
pub struct Intake {
    spec: FolderSpec,
    folder: FolderId,
    ports: Ports,
    store: Store,
    /// Opened once: that takes as long as a commit.
    reader: Option<Reader>,
    wake: Arc<Notify>,
    commands: mpsc::Receiver<Command>,
    looks: mpsc::UnboundedReceiver<RelPath>,
    listeners: Vec<oneshot::Sender<()>>,
    live: watch::Sender<FolderLive>,
    root: watch::Sender<Option<Arc<dyn Root>>>,
    mode: Mode,
    hints: mpsc::Receiver<Heard>,
    watch: Option<Box<dyn Watch>>,
    /// The watch is not complete, and why.
    degraded: Option<String>,
    opened: Option<Opened>,
    known_root: Option<RootIdentity>,
    /// A person accepted whatever is in the root's place now.
    root_accepted: bool,
    blocked: Option<String>,
    open_release: Option<ReleaseNumber>,
    settle: Settle,
    /// Directories that were looked at once since they appeared, and are looked at once more.
    confirming: BTreeSet<RelPath>,
    paused: bool,
    scan_wanted: bool,
    next_scan: Monotonic,
    next_poll: Option<Monotonic>,
    next_root_check: Monotonic,
    last_scan: Option<Totals>,
    /// How the files stand, where the last pass was over all of them and found nothing to do.
    at_rest: Option<FileCounts>,
    unreadable: Vec<Unreadable>,
    passes: u64,
}

impl Intake {
    /// A task that has not begun. The `Notify` is told when something was planned.
    pub fn new(
        spec: FolderSpec,
        row: &FolderRow,
        share: (Ports, Store, Arc<Notify>),
        mode: Mode,
    ) -> (Self, IntakeHandle) {
        let (ports, store, wake) = share;
        let (sender, commands) = mpsc::channel(COMMANDS_MAX);
        let (look_sender, looks) = mpsc::unbounded_channel();
        let (live, shown) = watch::channel(FolderLive {
            name: spec.name.clone(),
            state: IntakeState::Scanning,
            ..FolderLive::default()
        });
        let (root, opened) = watch::channel(None);
        let intake = Self {
            settle: Settle::new(spec.settle, spec.settle_max),
            folder: row.id,
            wake,
            commands,
            looks,
            listeners: Vec::new(),
            live,
            root,
            mode,
            hints: mpsc::channel(1).1,
            watch: None,
            degraded: None,
            opened: None,
            known_root: row.root,
            root_accepted: false,
            blocked: None,
            open_release: row.open_release,
            confirming: BTreeSet::new(),
            paused: row.paused,
            scan_wanted: mode == Mode::Run,
            next_scan: Monotonic::default(),
            next_poll: None,
            next_root_check: Monotonic::default(),
            last_scan: None,
            at_rest: None,
            unreadable: Vec::new(),
            passes: 0,
            spec,
            ports,
            store,
            reader: None,
        };
        let handle = IntakeHandle {
            commands: sender,
            looks: look_sender,
            live: shown,
            root: opened,
        };
        (intake, handle)
    }

    /// Runs until cancelled: the watch first, then a full scan, then whatever changes.
    ///
    /// # Errors
    /// The memory failed.
    pub async fn run(mut self, cancel: CancellationToken) -> Result<(), IntakeError> {
        while !cancel.is_cancelled() {
            if !self.is_held() {
                self.work(&cancel).await?;
            }
            self.show(None);
            self.tell_listeners();
            let deadline = self.deadline();
            let timer = self.ports.clock.sleep_until(deadline);
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                Some(command) = self.commands.recv() => self.obey(command),
                Some(heard) = self.hints.recv() => {
                    self.heed(heard);
                    self.drain_hints();
                }
                Some(path) = self.looks.recv() => {
                    self.look_again(path);
                    self.drain_looks();
                }
                () = timer => {}
            }
        }
        Ok(())
    }

    /// Does what is due.
    async fn work(&mut self, cancel: &CancellationToken) -> Result<(), IntakeError> {
        let now = self.ports.clock.monotonic();
        if self.opened.is_none() {
            let unasked = self.mode == Mode::Once && !self.scan_wanted;
            if unasked || now < self.next_root_check {
                return Ok(());
            }
            self.open(self.mode == Mode::Run).await?;
            self.next_root_check = self.ports.clock.monotonic() + ROOT_CHECK;
            if self.opened.is_none() {
                return Ok(());
            }
            self.scan_wanted = true;
        }
        self.drain_hints();
        let now = self.ports.clock.monotonic();
        let scan_due = self.mode == Mode::Run
            && (now >= self.next_scan || self.next_poll.is_some_and(|poll| now >= poll));
        let done = if self.scan_wanted || scan_due {
            self.everything(cancel).await
        } else {
            match self.settle.due(now) {
                Some(batch) if batch.everything => self.everything(cancel).await,
                Some(batch) => self.paths(batch.paths, cancel).await,
                None => Ok(()),
            }
        };
        match done {
            Ok(()) => Ok(()),
            Err(trouble) => self.suffer(trouble),
        }
    }

    fn suffer(&mut self, trouble: Trouble) -> Result<(), IntakeError> {
        match trouble {
            Trouble::Store(error) => return Err(error.into()),
            Trouble::Disk(error) => {
                self.block(with_cause(&error));
                self.next_root_check = self.ports.clock.monotonic() + ROOT_CHECK;
            }
            Trouble::RootChanged => {
                self.close_root();
                self.scan_wanted = true;
                self.next_root_check = self.ports.clock.monotonic();
            }
            // What was not looked at is looked at by the scan that follows.
            Trouble::Interrupted => self.scan_wanted = true,
        }
        Ok(())
    }

    /// A full scan, its release, and what is remembered of it.
    async fn everything(&mut self, cancel: &CancellationToken) -> Result<(), Trouble> {
        self.scan_wanted = false;
        self.show(Some(IntakeState::Scanning));
        self.settle.clear();
        self.check_root().await?;
        self.refresh_policy().await?;
        if self.opened.is_none() {
            return Ok(());
        }
        let began = self.ports.clock.monotonic();
        let seen = self.pass(None, cancel).await?;
        let took = self.ports.clock.monotonic().since(began);
        let now = self.ports.clock.now();
        let mut totals = seen.totals;
        if seen.recounted {
            // What two names of one key, a refused read or a person leaves out, and what is where the walk
            // cannot go, only the store knows.
            let (reader, folder) = (self.reader()?, self.folder);
            let counting = move || reader.seen(folder);
            (totals.files, totals.excluded) = self.ports.offload.run(counting).await?;
        }
        self.store
            .finish_scan(self.folder, live::stored(totals, took), now)
            .await?;
        self.last_scan = Some(totals);
        self.at_rest = seen.at_rest.then(|| FileCounts {
            total: totals.files,
            synced: totals.files,
            excluded: totals.excluded,
            ..FileCounts::default()
        });
        self.unreadable = seen.unreadable;
        self.note(&Event::ScanFinished {
            folder: self.spec.name.clone(),
            files: totals.files,
            excluded: totals.excluded,
            seconds: took.as_secs_f64(),
        });
        self.plan_next_scan(took);
        Ok(())
    }

    fn reader(&mut self) -> Result<Reader, StoreError> {
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => self.store.reader()?,
        };
        Ok(self.reader.insert(reader).clone())
    }

    fn plan_next_scan(&mut self, took: Duration) {
        let now = self.ports.clock.monotonic();
        // Folders that were started together must not scan together for ever.
        let jitter = 0.75 + self.ports.dice.fraction() / 2.0;
        self.next_scan = now + self.spec.rescan.mul_f64(jitter);
        let poll = match self.spec.watch {
            WatchMode::Poll => true,
            WatchMode::Auto => self.watch.is_none() || self.degraded.is_some(),
            WatchMode::Native | WatchMode::Off => false,
        };
        self.next_poll = poll.then(|| now + POLL + took * POLL_SCANS);
    }

    async fn paths(&mut self, paths: Vec<Due>, cancel: &CancellationToken) -> Result<(), Trouble> {
        let looked_at: Vec<RelPath> = paths.iter().map(|due| due.path.clone()).collect();
        let seen = self.pass(Some(paths), cancel).await?;
        // What was looked at again is known anew.
        self.unreadable.retain(|known| {
            let is_seen = |path: &RelPath| known.path == *path || known.path.is_below(path);
            !looked_at.iter().any(is_seen)
        });
        self.unreadable.extend(seen.unreadable);
        self.unreadable.truncate(UNREADABLE_MAX);
        Ok(())
    }

    fn note(&self, event: &Event) {
        self.ports.observer.observe(self.ports.clock.now(), event);
    }

    fn notice(&self, message: String) {
        self.note(&Event::Notice {
            name: self.spec.name.clone(),
            message,
        });
    }
}

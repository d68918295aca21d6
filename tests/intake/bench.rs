//! A folder's task with everything it needs, but without a daemon around it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use syncd::engine::intake::{Command, Intake, IntakeHandle};
use syncd::engine::live::FolderLive;
use syncd::engine::{Mode, Ports};
use syncd::model::event::{Event, Observer};
use syncd::model::fault::Fault;
use syncd::model::folder::{FlowKind, FolderSpec, Pattern, WatchMode};
use syncd::model::job::FolderId;
use syncd::model::path::RelPath;
use syncd::model::time::{Monotonic, Timestamp};
use syncd::port::BoxFuture;
use syncd::port::clock::Clock;
use syncd::port::dice::Dice;
use syncd::port::disk::{Disk, DiskError};
use syncd::port::inbox_disk::{Inbox, Inboxes};
use syncd::port::offload::Offload;
use syncd::port::program::{Exit, Programs};
use syncd::port::token_source::LocalTokens;
use syncd::port::transport::{Reply, Request, Transport, TransportFault};
use syncd::port::watcher::Watcher;
use syncd::store::{InlineDatabase, Selection, Store, StoredFile};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

/// The clock of the tokio runtime, which tests may pause.
pub(crate) struct RuntimeClock {
    began: tokio::time::Instant,
    wall_ms: i64,
}

impl RuntimeClock {
    pub(crate) fn new(wall_ms: i64) -> Self {
        let began = tokio::time::Instant::now();
        Self { began, wall_ms }
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.wall_ms).plus(self.began.elapsed())
    }
    fn monotonic(&self) -> Monotonic {
        Monotonic(self.began.elapsed())
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "this is a clock of its own for tests"
    )]
    fn sleep_until(&self, deadline: Monotonic) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep_until(self.began + deadline.0))
    }
}

pub(crate) struct EvenDice;

impl Dice for EvenDice {
    fn fraction(&self) -> f64 {
        0.5
    }
    fn number(&self) -> u64 {
        4
    }
}

/// An intake never asks the cloud for anything.
pub(crate) struct Nobody;

impl Transport for Nobody {
    fn exchange(&self, _: Request) -> BoxFuture<'_, Result<Reply, TransportFault>> {
        unreachable!("an intake sends nothing")
    }
}

impl LocalTokens for Nobody {
    fn command<'a>(&'a self, _: &'a [String]) -> BoxFuture<'a, Result<Vec<u8>, Fault>> {
        unreachable!("an intake needs no token")
    }
    fn file<'a>(&'a self, _: &'a Path) -> BoxFuture<'a, Result<Vec<u8>, Fault>> {
        unreachable!("an intake needs no token")
    }
}

impl Inboxes for Nobody {
    fn open(&self, _: &Path) -> Result<Arc<dyn Inbox>, DiskError> {
        unreachable!("an intake has no inbox")
    }
}

impl Programs for Nobody {
    fn run<'a>(&'a self, _: &'a [String], _: Duration) -> BoxFuture<'a, Exit> {
        unreachable!("an intake runs nothing")
    }
}

#[derive(Default)]
pub(crate) struct Events(pub(crate) Mutex<Vec<Event>>);

impl Observer for Events {
    fn observe(&self, _at: Timestamp, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

/// A folder with its task's ports.
pub(crate) struct Bench {
    pub(crate) spec: FolderSpec,
    pub(crate) folder: FolderId,
    pub(crate) ports: Ports,
    pub(crate) store: Store,
    pub(crate) events: Arc<Events>,
    pub(crate) wake: Arc<Notify>,
}

pub(crate) struct Parts {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) watcher: Arc<dyn Watcher>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) offload: Offload,
}

impl Bench {
    pub(crate) async fn new(spec: FolderSpec, parts: Parts) -> Self {
        let events = Arc::new(Events::default());
        let database = InlineDatabase::new().unwrap();
        let store = Store::inline(&database, Arc::new(|| Box::pin(async {})));
        let rows = store
            .adopt_folders(std::slice::from_ref(&spec), parts.clock.now())
            .await
            .unwrap();
        let ports = Ports {
            disk: parts.disk,
            watcher: parts.watcher,
            clock: parts.clock,
            dice: Arc::new(EvenDice),
            offload: parts.offload,
            observer: Arc::clone(&events) as Arc<dyn Observer>,
            transport: Arc::new(Nobody),
            local_tokens: Arc::new(Nobody),
            inboxes: Arc::new(Nobody),
            programs: Arc::new(Nobody),
        };
        Self {
            spec,
            folder: rows[0].id,
            ports,
            store,
            events,
            wake: Arc::default(),
        }
    }

    /// A new task, as a new process would make it.
    fn intake(&self, mode: Mode) -> (Intake, IntakeHandle) {
        let rows = self.store.reader().unwrap().folders().unwrap();
        let row = rows.iter().find(|row| row.id == self.folder).unwrap();
        Intake::new(
            self.spec.clone(),
            row,
            (
                self.ports.clone(),
                self.store.clone(),
                Arc::clone(&self.wake),
            ),
            mode,
        )
    }

    /// One full scan of a new task, as `once` asks for it; what the task shows at its end.
    pub(crate) async fn scan(&self) -> FolderLive {
        self.scan_until(&CancellationToken::new()).await
    }

    /// The same, unless it is stopped before.
    pub(crate) async fn scan_until(&self, stop: &CancellationToken) -> FolderLive {
        let (handle, task) = self.start(Mode::Once, stop);
        let (listener, quiet) = oneshot::channel();
        self.tell(&handle, Command::ScanNow).await;
        self.tell(&handle, Command::TellWhenQuiet(listener)).await;
        // A task that was stopped tells nobody.
        let _ = quiet.await;
        stop.cancel();
        task.await.unwrap();
        handle.live.borrow().clone()
    }

    /// Runs the task beside the test until the returned guard is dropped.
    pub(crate) fn run(&self) -> (IntakeHandle, tokio::task::JoinHandle<()>, CancellationToken) {
        let stop = CancellationToken::new();
        let (handle, task) = self.start(Mode::Run, &stop);
        (handle, task, stop)
    }

    fn start(
        &self,
        mode: Mode,
        stop: &CancellationToken,
    ) -> (IntakeHandle, tokio::task::JoinHandle<()>) {
        let (intake, handle) = self.intake(mode);
        let cancel = stop.clone();
        let task = tokio::spawn(async move { intake.run(cancel).await.unwrap() });
        (handle, task)
    }

    pub(crate) fn rows(&self) -> Vec<StoredFile> {
        let reader = self.store.reader().unwrap();
        reader
            .page(self.folder, None, None, usize::MAX >> 1)
            .unwrap()
    }

    /// Paths of stored files that are not left out.
    pub(crate) fn stored(&self) -> Vec<String> {
        self.rows()
            .iter()
            .filter(|row| row.excluded.is_none())
            .map(|row| row.path.to_string())
            .collect()
    }

    /// Paths of waiting jobs with their release.
    pub(crate) fn jobs(&self) -> Vec<(String, i64)> {
        let reader = self.store.reader().unwrap();
        let selection = Selection::Folder(self.folder);
        let mut jobs: Vec<_> = reader
            .queue(&selection, 100_000)
            .unwrap()
            .into_iter()
            .map(|job| (job.path.to_string(), job.release.0))
            .collect();
        jobs.sort();
        jobs
    }

    pub(crate) async fn tell(&self, handle: &IntakeHandle, command: Command) {
        handle.commands.send(command).await.unwrap();
    }
}

pub(crate) fn spec(root: &Path, watch: WatchMode) -> FolderSpec {
    FolderSpec {
        name: "www".to_owned(),
        path: root.to_owned(),
        flow: FlowKind::StaticWebsite,
        account: "shop".to_owned(),
        env: "e".to_owned(),
        prefix: String::new(),
        exclude: Vec::new(),
        last: vec![Pattern {
            text: "index.html".to_owned(),
            origin: "default".to_owned(),
        }],
        headers: Vec::new(),
        settle: Duration::from_millis(500),
        settle_max: Duration::from_secs(30),
        watch,
        rescan: Duration::from_hours(1),
        max_file: None,
    }
}

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::from_bytes(text.as_bytes()).unwrap()
}

/// Waits for a condition with a deadline.
#[expect(
    clippy::disallowed_methods,
    reason = "the test waits for a condition, and has no clock port"
)]
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never came true: {what}");
}

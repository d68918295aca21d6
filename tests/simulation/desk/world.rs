//! The world of one seed: a centre and the way to it, an outbox, an inbox, and who uses them. It outlives
//! the lives of the daemon.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use syncd::model::digest::Sha256;
use syncd::model::event::{Event, Observer};
use syncd::model::path::RelPath;
use syncd::model::time::Timestamp;
use syncd::port::BoxFuture;
use syncd::port::transport::Reply;
use syncd::port::watcher::{Hint, Hints, Watch, WatchError, Watcher};
use syncd::store::{InlineDatabase, Reader, Store};
use tokio::sync::Notify;

use super::centre::{Asked, Centre, Pass, Said};
use super::judge::Judge;
use super::mix::{CANARY, Mix, OUTBOX};
use crate::disk::FakeDisk;
use crate::inbox::{Effect, FakeInboxes, Verdict};
use crate::programs::ScriptedPrograms;
use crate::story::{EPOCH_MS, Story, lock};

/// Rare moments that the fixed seeds must reach, besides all faults and events.
pub const MARKS: &[&str] = &[
    "killed by time",
    "killed by a call",
    "killed while starting",
    "power cut",
    "stopped cleanly",
    "wall clock jumped",
    "outage",
    "inbox's disk failed",
    "poll lost with messages",
    "message lost for good, as the contract has it",
    "message handed out twice",
    "message found in the history",
    "file delivered",
    "file taken away",
    "message given up",
    "file sent",
    "file sent twice, as the contract has it",
    "late effect",
    "message may have been sent",
    "killed after a message went out",
    "file given up",
    "session token renewed by an answer",
    "poll without a chat",
    "retried by a person",
    "paused by a person",
];

/// The streams of chance; one for each purpose, so that a change of one leaves the others alone.
pub struct Rolls {
    pub workload: Mutex<fastrand::Rng>,
    pub network: Mutex<fastrand::Rng>,
    pub disk: Mutex<fastrand::Rng>,
    pub store: Mutex<fastrand::Rng>,
    pub hints: Mutex<fastrand::Rng>,
    pub dice: Arc<Mutex<fastrand::Rng>>,
}

/// See the module.
pub struct World {
    pub story: Arc<Story>,
    pub mix: Mix,
    pub disk: FakeDisk,
    pub inbox: FakeInboxes,
    pub programs: Arc<ScriptedPrograms>,
    pub database: InlineDatabase,
    pub rolls: Rolls,
    /// A message came in at the centre.
    pub mail: Notify,
    state: Mutex<State>,
}

/// What the centre answers in place of what it means, if it does.
pub type Script = Box<dyn FnMut(&Centre, u64, &Asked) -> Option<Reply> + Send>;

/// Everything that changes.
pub struct State {
    pub centre: Centre,
    script: Option<Script>,
    pub judge: Judge,
    pub faults_on: bool,
    pub outages: Vec<(u64, u64)>,
    /// Calls whose client has given up, and when they take effect.
    late: BTreeMap<(u64, u64), (Asked, Pass)>,
    number: u64,
    watch: Option<(u64, Hints)>,
    /// What the outbox had: contents with the names of their files, and how often each was put there.
    pub versions: BTreeMap<Sha256, Version>,
    current: BTreeMap<Vec<u8>, Sha256>,
    digests: BTreeMap<usize, (Arc<Vec<u8>>, Sha256)>,
}

/// A content that files of the outbox had.
#[derive(Debug, Default)]
pub struct Version {
    pub names: BTreeSet<String>,
    pub times: u64,
    pub len: usize,
}

impl World {
    /// The world of a seed.
    pub fn new(seed: u64, replays: bool) -> Arc<Self> {
        let mut rng = fastrand::Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xde5c);
        let mix = Mix::new(&mut rng);
        Self::with(mix, rng, replays)
    }

    /// The world of a mixture.
    pub fn with(mix: Mix, mut rng: fastrand::Rng, replays: bool) -> Arc<Self> {
        let disk = FakeDisk::new(EPOCH_MS * 1_000_000);
        disk.make_root(Path::new(OUTBOX), 1);
        let mut outages = Vec::new();
        if mix.outages {
            let mut at = 0;
            while at < mix.active_ms {
                let from = at + rng.u64(1_000..200_000);
                at = from + rng.u64(1_000..100_000);
                outages.push((from, at));
            }
        }
        let centre = Centre::new(mix.manners.clone(), rng.fork());
        let mut stream = || Mutex::new(rng.fork());
        let rolls = Rolls {
            workload: stream(),
            network: stream(),
            disk: stream(),
            store: stream(),
            hints: stream(),
            dice: Arc::new(stream()),
        };
        let state = State {
            centre,
            script: None,
            judge: Judge::default(),
            faults_on: true,
            outages,
            late: BTreeMap::new(),
            number: 0,
            watch: None,
            versions: BTreeMap::new(),
            current: BTreeMap::new(),
            digests: BTreeMap::new(),
        };
        let world = Arc::new(Self {
            story: Story::new(replays),
            mix,
            disk,
            inbox: FakeInboxes::new(),
            programs: Arc::default(),
            database: InlineDatabase::new().unwrap(),
            rolls,
            mail: Notify::new(),
            state: Mutex::new(state),
        });
        world.story.tell(&format!("{:?}", world.mix));
        let seen = Arc::downgrade(&world);
        world.inbox.set_hook(Some(Box::new(move |_, effect| {
            let Some(world) = seen.upgrade() else {
                return Verdict::Happens;
            };
            world.before_effect(&in_words(effect))
        })));
        world
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub fn now_ms(&self) -> u64 {
        self.story.now_ms()
    }

    /// Of the store, as it is committed.
    pub fn reader(&self) -> Reader {
        let quick = Arc::new(|| -> BoxFuture<'static, ()> { Box::pin(async {}) });
        Store::inline(&self.database, quick).reader().unwrap()
    }

    /// The store on which the daemon works: it waits a little around each write, and may die there.
    pub fn store(self: &Arc<Self>) -> Store {
        let world = Arc::clone(self);
        Store::inline(
            &self.database,
            Arc::new(move || {
                let world = Arc::clone(&world);
                Box::pin(async move {
                    world.look_at_inbox();
                    world.story.called().await;
                    let roll = lock(&world.rolls.store).u8(0..10);
                    match roll {
                        0..6 => {}
                        6..9 => tokio::task::yield_now().await,
                        _ => {
                            let span = lock(&world.rolls.store).u64(1..40);
                            tokio::time::sleep(Duration::from_millis(span)).await;
                        }
                    }
                })
            }),
        )
    }

    /// The inbox's disk is about to be changed.
    fn before_effect(self: &Arc<Self>, effect: &str) -> Verdict {
        self.look_at_inbox();
        if self.story.count_call() {
            return Verdict::Dead;
        }
        self.story.tell(&format!("inbox: {effect}"));
        let rate = self.mix.disk_faults;
        if rate > 0.0 && self.state().faults_on && lock(&self.rolls.disk).f64() < rate {
            self.story.mark("inbox's disk failed");
            return Verdict::Fails(io::ErrorKind::Other);
        }
        Verdict::Happens
    }

    /// Nobody dies any more, and nothing fails.
    pub fn calm_down(&self) {
        self.story.spare();
        let now = self.now_ms();
        let mut state = self.state();
        state.faults_on = false;
        state.outages.retain(|(_, until)| *until < now);
        state.centre.manners.hours = None;
        // As long as a client waits, so that quiet hours are few polls.
        state.centre.manners.hold_ms = 20_000;
    }

    pub fn is_calm(&self) -> bool {
        !self.state().faults_on
    }

    pub fn is_outage(&self) -> bool {
        let now = self.now_ms();
        let state = self.state();
        state
            .outages
            .iter()
            .any(|(from, to)| (*from..*to).contains(&now))
    }

    /// From now on the centre answers by this script where that has an answer.
    pub fn play(&self, script: impl FnMut(&Centre, u64, &Asked) -> Option<Reply> + Send + 'static) {
        self.state().script = Some(Box::new(script));
    }

    /// The centre means what it says again.
    pub fn end_play(&self) {
        self.state().script = None;
    }

    /// The answer of the script.
    pub fn scripted(&self, asked: &Asked) -> Option<Reply> {
        let now = self.now_ms();
        let mut state = self.state();
        let State { centre, script, .. } = &mut *state;
        script.as_mut()?(centre, now, asked)
    }

    /// A call takes effect after its client has given up.
    pub fn later(&self, asked: Asked, pass: Pass) {
        let span = lock(&self.rolls.network).u64(0..60_000);
        let at = self.now_ms() + span;
        if let Asked::Send(Said {
            message_id: Some(id),
            ..
        }) = &asked
        {
            self.is_out(id);
        }
        let mut state = self.state();
        state.number += 1;
        let place = (at, state.number);
        state.late.insert(place, (asked, pass));
    }

    /// When the next late effect is.
    pub fn next_late_ms(&self) -> Option<u64> {
        self.state().late.first_key_value().map(|(at, _)| at.0)
    }

    /// Whether a message may still go out by itself.
    pub fn is_late(&self, message_id: &str) -> bool {
        let state = self.state();
        let mut calls = state.late.values();
        calls.any(|(asked, _)| {
            matches!(asked, Asked::Send(said) if said.message_id.as_deref() == Some(message_id))
        })
    }

    /// Lets the effects happen whose time has come.
    pub fn take_effect(&self) {
        let now = self.now_ms();
        loop {
            let (asked, pass) = {
                let mut state = self.state();
                match state.late.first_entry() {
                    Some(entry) if entry.key().0 <= now => entry.remove(),
                    _ => return,
                }
            };
            self.story
                .tell(&format!("late: {}", super::line::short(&asked)));
            self.story.mark("late effect");
            {
                let mut state = self.state();
                if state.centre.enter(now, &asked, &pass).is_ok() {
                    state.centre.answer(now, &asked);
                }
            }
            self.look_at_sent();
        }
    }

    /// Sets the clock of the disk, before it is changed.
    pub fn stamp(&self) {
        self.disk
            .set_now(self.story.wall_ms().div_euclid(4) * 4_000_000);
    }

    /// The outbox has changed at these paths.
    pub fn changed(&self, paths: &[&str]) {
        let contents = self.disk.contents(Path::new(OUTBOX));
        let mut state = self.state();
        let mut now = BTreeMap::new();
        for (path, bytes) in contents {
            let digest = state.digest(&bytes);
            if state.current.get(&path) != Some(&digest) {
                let version = state.versions.entry(digest).or_default();
                let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
                version
                    .names
                    .insert(String::from_utf8_lossy(name).replace(',', "_"));
                version.times += 1;
                version.len = bytes.len();
            }
            now.insert(path, digest);
        }
        state.current = now;
        let sender = state.watch.as_ref().map(|(_, sender)| sender.clone());
        drop(state);
        let lost = lock(&self.rolls.hints).f64() < self.mix.hint_lost;
        for path in paths {
            if let Some(sender) = sender.as_ref().filter(|_| !lost)
                && let Ok(path) = RelPath::from_bytes(path.as_bytes())
            {
                let _ = sender.try_send(Hint::Path(path), sender.now());
            }
        }
    }
}

impl State {
    /// Worked out once for each content; the disk hands out the same ones again.
    pub fn digest(&mut self, bytes: &Arc<Vec<u8>>) -> Sha256 {
        let known = self.digests.entry(Arc::as_ptr(bytes) as usize);
        known
            .or_insert_with(|| (Arc::clone(bytes), Sha256::of(bytes)))
            .1
    }
}

fn in_words(effect: &Effect) -> String {
    let path = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    match effect {
        Effect::MakeDirectory(at) => format!("MakeDirectory {}", path(at)),
        Effect::RemoveDirectory(at) => format!("RemoveDirectory {}", path(at)),
        Effect::SyncDirectory(at) => format!("SyncDirectory {}", path(at)),
        Effect::Rename(to) => format!("Rename to {}", path(to)),
        other => format!("{other:?}"),
    }
}

/// Sends the hints.
pub struct SimWatcher(pub Arc<World>);

struct SimWatch(Arc<World>, u64);

impl Watch for SimWatch {}

impl Drop for SimWatch {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if state
            .watch
            .as_ref()
            .is_some_and(|(number, _)| *number == self.1)
        {
            state.watch = None;
        }
    }
}

impl Watcher for SimWatcher {
    fn watch(&self, _: &Path, hints: Hints) -> Result<Box<dyn Watch>, WatchError> {
        let mut state = self.0.state();
        state.number += 1;
        let number = state.number;
        state.watch = Some((number, hints));
        Ok(Box::new(SimWatch(Arc::clone(&self.0), number)))
    }
}

/// Writes the trace, and looks at what is told.
pub struct SimObserver(pub Arc<World>);

impl Observer for SimObserver {
    fn observe(&self, _: Timestamp, event: &Event) {
        if matches!(event, Event::ScanProgress { .. } | Event::Answered { .. }) {
            return;
        }
        let told = format!("{event:?}");
        if told.contains(CANARY) {
            self.0.story.wrong("an event tells a secret");
        }
        self.0.story.tell(&told);
        match event {
            Event::Failed { remedy, code, .. } if remedy == "dead" => {
                self.0.story.mark("file given up");
                if code == "maybe-sent" {
                    self.0.story.mark("message may have been sent");
                }
            }
            Event::ReceiveFailed {
                next_attempt_at: None,
                ..
            } => {
                self.0.story.mark("message given up");
            }
            _ => {}
        }
    }
}

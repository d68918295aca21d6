//! The world of one seed: time, chance, the tree with all versions it ever had, hints, and the end of
//! processes. It outlives the lives of the daemon.

mod ports;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use syncd::model::digest::Sha256;
use syncd::model::key::Key;
use syncd::model::path::RelPath;
use syncd::port::BoxFuture;
use syncd::port::watcher::{Hint, Hints};
use syncd::store::{InlineDatabase, Reader, Store};
use tokio::sync::Notify;

use crate::checkers::Checks;
use crate::cloud::{Arrived, Cloud, Object};
use crate::disk::{FakeDisk, Operation};
use crate::story::{EPOCH_MS, Story};
use crate::swarm::{ROOT, Swarm};

pub use crate::story::lock;
pub use ports::{NoTokens, SimObserver, SimWatcher};

/// Rare moments that the fixed seeds must reach, besides all faults and changes.
pub const MARKS: &[&str] = &[
    "killed by time",
    "killed by a call",
    "killed while starting",
    "killed with an upload under way",
    "stopped cleanly",
    "clean stop with an upload under way",
    "wall clock jumped",
    "outage",
    "hint lost",
    "hint doubled",
    "hint became everything",
    "watch refused",
    "writer raced a read",
    "writer raced a streamed upload",
    "streamed upload completed",
    "streamed upload given up by its source",
    "form completed",
    "form completed by a platform's token",
    "account paused",
    "account waiting",
    "probe",
    "token refused",
    "token fetch failed",
    "file given up",
    "page waited for an asset",
    "page completed",
    "last page completed",
    "job superseded while it ran",
    "replanned",
    "record in doubt at start",
    "folder paused by a person",
    "jobs dropped by a person",
    "jobs retried by a person",
    "release finished",
    "folder blocked",
    "late commit over a newer upload",
    "upload sent again to confirm it",
];

/// A late upload is taken up within this of its client's giving up: syncd counts on a minute.
const LATE_MAX_MS: u64 = 59_000;
/// A file that is not held in memory is sent in pieces of this size.
const SENT_PIECE_BYTES: u64 = 256 * 1024;
/// File systems stamp changes with the kernel's tick.
const TICK_MS: i64 = 4;

/// The streams of chance; one for each purpose, so that a change of one leaves the others alone.
pub struct Rolls {
    pub workload: Mutex<fastrand::Rng>,
    pub network: Mutex<fastrand::Rng>,
    pub hints: Mutex<fastrand::Rng>,
    pub races: Mutex<fastrand::Rng>,
    pub store: Mutex<fastrand::Rng>,
    pub dice: Arc<Mutex<fastrand::Rng>>,
}

/// See the module.
pub struct World {
    pub story: Arc<Story>,
    pub swarm: Swarm,
    pub disk: FakeDisk,
    pub database: InlineDatabase,
    pub rolls: Rolls,
    state: Mutex<State>,
}

/// Everything that changes.
pub struct State {
    story: Arc<Story>,
    pub faults_on: bool,
    pub outages: Vec<(u64, u64)>,
    hints: BTreeMap<(u64, u64), Hint>,
    hint_number: u64,
    watch: Option<(u32, Hints)>,
    /// For each key, every content that its file ever had as a whole.
    pub versions: BTreeMap<String, BTreeSet<Sha256>>,
    /// For each key, the paths that ever had it.
    pub paths: BTreeMap<String, BTreeSet<RelPath>>,
    digests: BTreeMap<usize, (Arc<Vec<u8>>, Sha256)>,
    noted: BTreeMap<Vec<u8>, usize>,
    pub cloud: Cloud,
    /// Uploads that the cloud has whole and takes up later, by time.
    late: BTreeMap<(u64, u64), Arrived>,
    late_number: u64,
    stream_races: u32,
    pub checks: Checks,
}

impl World {
    /// The world of a seed, with an empty tree.
    pub fn new(seed: u64, replays: bool) -> Arc<Self> {
        let mut rng = fastrand::Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let swarm = Swarm::new(&mut rng);
        let disk = FakeDisk::new(EPOCH_MS * 1_000_000);
        disk.make_root(Path::new(ROOT), 1);
        let mut stream = || Mutex::new(rng.fork());
        let rolls = Rolls {
            workload: stream(),
            network: stream(),
            hints: stream(),
            races: stream(),
            store: stream(),
            dice: Arc::new(stream()),
        };
        let mut outages = Vec::new();
        if swarm.outages {
            let mut at = 0;
            while at < swarm.active_ms {
                let from = at + rng.u64(1_000..300_000);
                at = from + rng.u64(1_000..120_000);
                outages.push((from, at));
            }
        }
        let story = Story::new(replays);
        let state = State {
            story: Arc::clone(&story),
            faults_on: true,
            outages,
            hints: BTreeMap::new(),
            hint_number: 0,
            watch: None,
            versions: BTreeMap::new(),
            paths: BTreeMap::new(),
            digests: BTreeMap::new(),
            noted: BTreeMap::new(),
            cloud: Cloud::new(&swarm, rng.i64(-1_000_000..1_000_000)),
            late: BTreeMap::new(),
            late_number: 0,
            stream_races: 0,
            checks: Checks::default(),
        };
        let world = Arc::new(Self {
            story,
            swarm,
            disk,
            database: InlineDatabase::new().unwrap(),
            rolls,
            state: Mutex::new(state),
        });
        world.trace(&format!("{:?}", world.swarm));
        let racing = Arc::downgrade(&world);
        world.disk.set_hook(Some(Box::new(move |_, operation| {
            if let Some(world) = racing.upgrade() {
                world.before_look(operation);
            }
        })));
        world
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Milliseconds since the history began.
    pub fn now_ms(&self) -> u64 {
        self.story.now_ms()
    }

    pub fn wall_ms(&self) -> i64 {
        self.story.wall_ms()
    }

    pub fn trace(&self, line: &str) {
        self.story.tell(line);
    }

    pub fn mark(&self, mark: &'static str) {
        self.story.mark(mark);
    }

    /// Notes what must not be; the first counts.
    pub fn violated(&self, what: &str) {
        self.story.wrong(what);
    }

    /// Of the store, as it is committed.
    pub fn reader(&self) -> Reader {
        let quick = Arc::new(|| -> BoxFuture<'static, ()> { Box::pin(async {}) });
        Store::inline(&self.database, quick).reader().unwrap()
    }

    /// The store on which the daemon works: it waits a little around each write.
    pub fn store(self: &Arc<Self>) -> Store {
        let world = Arc::clone(self);
        Store::inline(
            &self.database,
            Arc::new(move || {
                let world = Arc::clone(&world);
                Box::pin(async move {
                    world.look_at_store();
                    world.story.called().await;
                    let roll = lock(&world.rolls.store).u8(0..10);
                    match roll {
                        0..4 => {}
                        4..8 => {
                            for _ in 4..=roll {
                                tokio::task::yield_now().await;
                            }
                        }
                        _ => {
                            let span = lock(&world.rolls.store).u64(1..40);
                            tokio::time::sleep(Duration::from_millis(span)).await;
                        }
                    }
                })
            }),
        )
    }

    /// A process begins.
    pub fn begin_life(&self, kill_at_call: Option<u64>) -> Arc<Notify> {
        self.story.begin_life(kill_at_call)
    }

    /// It has ended, however it ended; called inside its runtime.
    pub fn end_life(&self) {
        self.story.end_life();
        let mut state = self.state();
        state.watch = None;
        state.hints.clear();
    }

    /// Nobody dies any more, and nothing fails.
    pub fn calm_down(&self) {
        self.story.spare();
        let mut state = self.state();
        state.faults_on = false;
        let now = state.now_ms();
        state.outages.retain(|(_, until)| *until < now);
    }

    fn before_look(self: &Arc<Self>, operation: &Operation) {
        self.story.count_call();
        if !self.state().faults_on {
            return;
        }
        // In the middle of a file that is being sent, where two versions could be mixed.
        let streamed = match operation {
            Operation::Read(path, SENT_PIECE_BYTES..) if self.state().checks.is_leased(path) => {
                path.as_str()
            }
            _ => None,
        };
        let (race, stream_race) = {
            let mut rng = lock(&self.rolls.races);
            (rng.f64() < self.swarm.race, rng.u8(0..4) > 0)
        };
        if let Some(path) = streamed.filter(|_| stream_race && self.may_race_a_stream()) {
            crate::workload::race_stream(self, path);
        } else if race {
            crate::workload::race(self, operation);
        }
    }

    fn may_race_a_stream(&self) -> bool {
        let mut state = self.state();
        let may = state.stream_races < self.swarm.stream_races;
        state.stream_races += u32::from(may);
        may
    }

    /// Sets the clock of the disk, before it is changed.
    pub fn stamp(&self) {
        let wall_ms = self.wall_ms();
        let tick_ms = wall_ms.div_euclid(TICK_MS) * TICK_MS;
        self.disk.set_now(tick_ms * 1_000_000);
    }

    /// The tree has changed at these paths: notes the new versions and lets hints fly.
    pub fn changed(&self, paths: &[&[u8]]) {
        let contents = self.disk.contents(Path::new(ROOT));
        let mut state = self.state();
        for (path, bytes) in contents {
            let at = Arc::as_ptr(&bytes) as usize;
            if state.noted.get(&path) == Some(&at) {
                continue;
            }
            state.noted.insert(path.clone(), at);
            let digest = state.digest(&bytes);
            let path = RelPath::from_bytes(path).unwrap();
            if let Ok(key) = Key::of(&self.swarm.folder.prefix, &path) {
                let key = key.as_str().to_owned();
                let versions = state.versions.entry(key.clone()).or_default();
                versions.insert(digest);
                state.paths.entry(key).or_default().insert(path);
            }
        }
        if state.watch.is_none() {
            return;
        }
        drop(state);
        for path in paths {
            if let Ok(path) = RelPath::from_bytes(*path) {
                self.hint(path);
            }
        }
    }

    /// The identity of a content of the disk.
    pub fn digest(&self, bytes: &Arc<Vec<u8>>) -> Sha256 {
        self.state().digest(bytes)
    }

    fn hint(&self, path: RelPath) {
        let swarm = &self.swarm;
        let mut rng = lock(&self.rolls.hints);
        if rng.f64() < swarm.hint_lost {
            self.mark("hint lost");
            return;
        }
        let hint = if rng.f64() < swarm.hint_overflow {
            self.mark("hint became everything");
            Hint::Everything
        } else {
            Hint::Path(path)
        };
        let late = if rng.f64() < swarm.hint_late {
            rng.u64(1..20_000)
        } else {
            rng.u64(0..20)
        };
        self.schedule(hint.clone(), late);
        if rng.f64() < swarm.hint_doubled {
            self.mark("hint doubled");
            self.schedule(hint, late + rng.u64(0..5_000));
        }
    }

    /// Lets a hint arrive after a while.
    pub fn schedule(&self, hint: Hint, after_ms: u64) {
        let mut state = self.state();
        if state.watch.is_some() {
            state.hint_number += 1;
            let place = (state.now_ms() + after_ms, state.hint_number);
            state.hints.insert(place, hint);
        }
    }

    /// The cloud takes an upload up after nobody waits for it any more.
    pub fn take_up_later(&self, arrived: Arrived) {
        let span = lock(&self.rolls.network).u64(0..LATE_MAX_MS);
        let mut state = self.state();
        state.late_number += 1;
        let place = (state.now_ms() + span, state.late_number);
        state.late.insert(place, arrived);
    }

    /// When the next late upload is taken up.
    pub fn next_late_ms(&self) -> Option<u64> {
        self.state().late.first_key_value().map(|(at, _)| at.0)
    }

    /// Takes up the uploads whose time has come.
    pub fn take_up_late(&self) {
        loop {
            let (signature, was_overtaken) = {
                let mut state = self.state();
                let now = state.now_ms();
                let due = state.late.first_key_value().map(|(at, _)| at.0);
                if due.is_none_or(|due| due > now) {
                    return;
                }
                let Some((_, arrived)) = state.late.pop_first() else {
                    return;
                };
                let (signature, at_ms) = (arrived.signature.clone(), arrived.at_ms);
                let link = state.cloud.links.get(&signature);
                let key = link.map(|link| link.key.clone()).unwrap_or_default();
                let before = state.cloud.objects.get(&key).cloned();
                let status = state.cloud.put(now, arrived).status;
                let after = state.cloud.objects.get(&key).map(|object| object.digest);
                state.tell(&format!("{key} is taken up late: {status}"));
                let overtaken =
                    |before: Object| before.at_ms > at_ms && Some(before.digest) != after;
                (signature, before.is_some_and(overtaken))
            };
            if was_overtaken {
                self.mark("late commit over a newer upload");
            }
            self.landed(&signature);
        }
    }

    /// When the next hint arrives.
    pub fn next_hint_ms(&self) -> Option<u64> {
        self.state().hints.first_key_value().map(|(at, _)| at.0)
    }

    /// Delivers the hints whose time has come.
    pub fn deliver_hints(&self) {
        let now = self.now_ms();
        loop {
            let (sender, hint) = {
                let mut state = self.state();
                let due = state.hints.first_key_value().map(|(at, _)| at.0);
                let Some((_, sender)) = state.watch.clone() else {
                    return;
                };
                if due.is_none_or(|due| due > now) {
                    return;
                }
                let Some((_, hint)) = state.hints.pop_first() else {
                    return;
                };
                (sender, hint)
            };
            self.trace(&format!("hint {hint:?}"));
            if sender.try_send(hint, sender.now()).is_err() {
                self.schedule(Hint::Everything, 100);
                return;
            }
        }
    }
}

impl State {
    pub fn now_ms(&self) -> u64 {
        self.story.now_ms()
    }

    /// Worked out once for each content; the disk hands out the same ones again.
    fn digest(&mut self, bytes: &Arc<Vec<u8>>) -> Sha256 {
        let known = self.digests.entry(Arc::as_ptr(bytes) as usize);
        known
            .or_insert_with(|| (Arc::clone(bytes), Sha256::of(bytes)))
            .1
    }

    pub fn tell(&self, line: &str) {
        self.story.tell(line);
    }

    /// Notes what must not be; the first counts.
    pub fn wrong(&self, what: &str) {
        self.story.wrong(what);
    }

    pub fn mark(&self, mark: &'static str) {
        self.story.mark(mark);
    }

    pub fn is_outage(&self) -> bool {
        let now = self.now_ms();
        self.outages
            .iter()
            .any(|(from, to)| (*from..*to).contains(&now))
    }
}

//! The course of one simulated history: time, the lives of the process in it, its end at a moment or at a
//! call, and what is told of all that. It outlives the processes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use syncd::model::time::{Monotonic, Timestamp};
use syncd::port::BoxFuture;
use syncd::port::clock::Clock;
use syncd::port::dice::Dice;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Milliseconds since 1970 at which every history begins.
pub const EPOCH_MS: i64 = 1_795_219_200_000;

/// See the module.
pub struct Story(Mutex<Course>);

struct Course {
    base_ms: u64,
    started: Option<Instant>,
    wall_offset_ms: i64,
    /// Calls of the ports so far, and the one at which the process dies.
    calls: u64,
    kill_at_call: Option<u64>,
    dead: bool,
    kill: Arc<Notify>,
    /// One seed is replayed: the trace is printed while it grows.
    replays: bool,
    trace: Vec<String>,
    marks: BTreeMap<&'static str, u64>,
    violation: Option<String>,
}

/// What came of a seed.
pub struct Report {
    pub seed: u64,
    pub violation: Option<String>,
    pub marks: BTreeMap<&'static str, u64>,
    pub trace: Vec<String>,
}

/// Locks without caring about a panic elsewhere.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Story {
    /// One that has not begun; `replays` prints its trace while it grows.
    pub fn new(replays: bool) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Course {
            base_ms: 0,
            started: None,
            wall_offset_ms: 0,
            calls: 0,
            kill_at_call: None,
            dead: false,
            kill: Arc::default(),
            replays,
            trace: Vec::new(),
            marks: BTreeMap::new(),
            violation: None,
        })))
    }

    /// Milliseconds since the history began.
    pub fn now_ms(&self) -> u64 {
        lock(&self.0).now_ms()
    }

    /// By the wall clock of the machine.
    pub fn wall_ms(&self) -> i64 {
        let course = lock(&self.0);
        EPOCH_MS + course.now_ms().cast_signed() + course.wall_offset_ms
    }

    /// By how much the wall clock is ahead of what it would be by itself.
    pub fn ahead_ms(&self) -> i64 {
        lock(&self.0).wall_offset_ms
    }

    /// Moves the wall clock.
    pub fn jump(&self, by_ms: i64) {
        lock(&self.0).wall_offset_ms += by_ms;
        self.tell(&format!("the wall clock jumps by {by_ms} ms"));
        self.mark("wall clock jumped");
    }

    pub fn tell(&self, line: &str) {
        lock(&self.0).tell(line);
    }

    pub fn mark(&self, mark: &'static str) {
        *lock(&self.0).marks.entry(mark).or_default() += 1;
    }

    /// Notes what must not be; the first counts.
    pub fn wrong(&self, what: &str) {
        let mut course = lock(&self.0);
        let at = course.now_ms();
        course.tell(&format!("VIOLATION {what}"));
        if course.violation.is_none() {
            course.violation = Some(format!("at {at} ms: {what}"));
        }
    }

    pub fn is_wrong(&self) -> bool {
        lock(&self.0).violation.is_some()
    }

    /// A process begins; it is to die at its so many-th call of a port.
    pub fn begin_life(&self, kill_at_call: Option<u64>) -> Arc<Notify> {
        let mut course = lock(&self.0);
        course.started = Some(Instant::now());
        course.kill_at_call = kill_at_call.map(|calls| course.calls + calls);
        course.dead = false;
        course.kill = Arc::default();
        Arc::clone(&course.kill)
    }

    /// It has ended, however it ended; called inside its runtime.
    pub fn end_life(&self) {
        let mut course = lock(&self.0);
        course.base_ms = course.now_ms();
        course.started = None;
        course.dead = true;
    }

    /// Nobody dies any more.
    pub fn spare(&self) {
        lock(&self.0).kill_at_call = None;
    }

    /// Time passes while no process runs.
    pub fn pass(&self, ms: u64) {
        lock(&self.0).base_ms += ms;
    }

    /// A moment, in the runtime of the life in which this is called.
    pub fn instant(&self, at_ms: u64) -> Instant {
        Instant::now() + Duration::from_millis(at_ms.saturating_sub(self.now_ms()))
    }

    /// A port was called; whether the process is dead by now.
    pub fn count_call(&self) -> bool {
        let mut course = lock(&self.0);
        course.calls += 1;
        if course.kill_at_call.is_some_and(|at| course.calls >= at) {
            course.dead = true;
            course.kill.notify_one();
        }
        course.dead
    }

    /// Calls of the ports so far.
    pub fn calls(&self) -> u64 {
        lock(&self.0).calls
    }

    /// A port was called: the process may die here.
    pub async fn called(&self) {
        if self.count_call() {
            std::future::pending::<()>().await;
        }
    }

    /// What came of it.
    pub fn report(&self, seed: u64) -> Report {
        let mut course = lock(&self.0);
        Report {
            seed,
            violation: course.violation.take(),
            marks: std::mem::take(&mut course.marks),
            trace: std::mem::take(&mut course.trace),
        }
    }
}

impl Course {
    fn now_ms(&self) -> u64 {
        let life = self.started.map_or(0, |started| {
            u64::try_from(started.elapsed().as_millis()).unwrap_or(0)
        });
        self.base_ms + life
    }

    fn tell(&mut self, line: &str) {
        let line = format!("{:>9} {line}", self.now_ms());
        if self.replays {
            println!("{line}");
        }
        self.trace.push(line);
    }
}

/// The daemon's clocks.
pub struct SimClock(pub Arc<Story>);

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.wall_ms())
    }

    fn monotonic(&self) -> Monotonic {
        // A process does not know how long the machine has been up.
        let started = lock(&self.0.0).started;
        Monotonic(started.map_or(Duration::ZERO, |started| started.elapsed()))
    }

    fn sleep_until(&self, deadline: Monotonic) -> BoxFuture<'static, ()> {
        let started = lock(&self.0.0).started;
        Box::pin(async move {
            match started.and_then(|started| started.checked_add(deadline.0)) {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        })
    }
}

/// The daemon's dice.
pub struct SimDice(pub Arc<Mutex<fastrand::Rng>>);

impl Dice for SimDice {
    fn fraction(&self) -> f64 {
        lock(&self.0).f64()
    }

    fn number(&self) -> u64 {
        lock(&self.0).u64(..)
    }
}

//! One history: lives of the daemon with changes and faults, then quiet, then rest.

use std::sync::Arc;
use std::time::Duration;

use syncd::engine::{Command, Engine, Mode, Ports, Settings};
use syncd::port::offload::Offload;
use syncd::store::Selection;
use tokio::sync::Notify;

use crate::checkers::ATTEMPTS_MAX;
use crate::inbox::FakeInboxes;
use crate::programs::ScriptedPrograms;
use crate::story::{Report, SimClock, SimDice};
use crate::transport::SimTransport;
use crate::workload::Workload;
use crate::world::{NoTokens, SimObserver, SimWatcher, World, lock};

/// After faults and changes have stopped, everything is at rest within the longest scan interval and
/// this: a paused account is probed every half hour at most, and a day's quota every hour.
const QUIET_MAX_MS: u64 = 2 * 3_600_000;
/// The longest a clean stop may take.
const STOP_MAX_MS: u64 = 10_000;
const TEN_YEARS_MS: i64 = 10 * 365 * 24 * 3_600_000;

/// How a life ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Killed,
    Stopped,
    Done,
}

/// Everything that acts on the world and on the daemon from outside.
struct Outside {
    workload: Workload,
    next_change: u64,
    next_jump: Option<u64>,
    next_person: Option<u64>,
    /// When this life ends by time, and whether by a clean stop.
    ends: Option<(u64, bool)>,
    lives_left: u32,
    quiet: Option<Quiet>,
}

struct Quiet {
    until: u64,
    next_look: u64,
    /// Requests when everything was found at rest, and the moment of the last look.
    rested: Option<(u64, u64)>,
}

/// Runs the history of a seed; `replays` prints its trace while it grows.
pub fn run(seed: u64, replays: bool) -> Report {
    let world = World::new(seed, replays);
    let mut outside = Outside::new(&world);
    outside.workload.begin(&world);
    world.story.pass(lock(&world.rolls.workload).u64(0..20_000));
    loop {
        let end = live(&world, &mut outside);
        world.trace(&format!("life ends: {end:?}"));
        if !world.story.is_wrong() {
            world.check_truth(true);
        }
        if end == End::Done || world.story.is_wrong() {
            break;
        }
        outside.downtime(&world);
    }
    world.disk.set_hook(None);
    world.story.report(seed)
}

/// One process: its runtime ends with it, and with that all its tasks at the await they had reached.
fn live(world: &Arc<World>, outside: &mut Outside) -> End {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let end = runtime.block_on(async {
        let kill_at_call = outside.plan_end(world);
        let kill = world.begin_life(kill_at_call);
        world.checks_new_life();
        world.trace("life begins");
        let end = process(world, outside, &kill).await;
        if end == End::Killed && world.uploads() > 0 {
            world.mark("killed with an upload under way");
        }
        world.end_life();
        end
    });
    drop(runtime);
    end
}

async fn process(world: &Arc<World>, outside: &mut Outside, kill: &Notify) -> End {
    if world.leased() > 0 {
        world.mark("record in doubt at start");
    }
    let starting = Engine::start(ports(world), world.store(), settings(world), Mode::Run);
    let engine = tokio::select! {
        biased;
        () = kill.notified() => {
            world.mark("killed while starting");
            return End::Killed;
        }
        started = starting => match started {
            Ok(engine) => engine,
            Err(error) => {
                world.violated(&format!("the engine does not start: {error}"));
                return End::Done;
            }
        },
    };
    let end = tokio::select! {
        biased;
        () = kill.notified() => {
            world.mark("killed by a call");
            return End::Killed;
        }
        failure = engine.failure() => {
            world.violated(&format!("the engine failed: {failure}"));
            return End::Done;
        }
        end = outside.act(world, &engine) => end,
    };
    if end == End::Stopped {
        return stop(world, engine, kill).await;
    }
    end
}

async fn stop(world: &Arc<World>, engine: Engine, kill: &Notify) -> End {
    world.trace("stop");
    if world.uploads() > 0 {
        world.mark("clean stop with an upload under way");
    }
    let limit = Duration::from_millis(STOP_MAX_MS);
    let stopped = tokio::select! {
        biased;
        () = kill.notified() => return End::Killed,
        stopped = tokio::time::timeout(limit, engine.stop()) => stopped,
    };
    match stopped {
        Ok(Ok(())) => world.mark("stopped cleanly"),
        Ok(Err(error)) => world.violated(&format!("the engine does not stop: {error}")),
        Err(_) => world.violated("the engine does not stop in time"),
    }
    End::Stopped
}

fn ports(world: &Arc<World>) -> Ports {
    Ports {
        clock: Arc::new(SimClock(Arc::clone(&world.story))),
        dice: Arc::new(SimDice(Arc::clone(&world.rolls.dice))),
        disk: Arc::new(world.disk.clone()),
        transport: Arc::new(SimTransport(Arc::clone(world))),
        watcher: Arc::new(SimWatcher(Arc::clone(world))),
        local_tokens: Arc::new(NoTokens),
        inboxes: Arc::new(FakeInboxes::new()),
        programs: Arc::new(ScriptedPrograms::default()),
        offload: Offload::Inline,
        observer: Arc::new(SimObserver(Arc::clone(world))),
    }
}

fn settings(world: &World) -> Settings {
    Settings {
        folders: vec![world.swarm.folder.clone()],
        accounts: vec![world.swarm.account.clone()],
        desks: Vec::new(),
        inboxes: Vec::new(),
        attempts_max: ATTEMPTS_MAX,
        memory_bytes: 32 * 1024 * 1024,
    }
}

impl Outside {
    fn new(world: &World) -> Self {
        let swarm = &world.swarm;
        let mut rng = lock(&world.rolls.workload);
        let mut soon = |wanted: bool| wanted.then(|| rng.u64(1_000..swarm.active_ms));
        Self {
            workload: Workload::default(),
            next_change: 0,
            next_jump: soon(swarm.jumps),
            next_person: soon(swarm.person),
            ends: None,
            lives_left: swarm.lives,
            quiet: None,
        }
    }

    /// How the life that begins will end: after so many calls, or at a time.
    fn plan_end(&mut self, world: &World) -> Option<u64> {
        self.ends = None;
        if self.lives_left == 0 || self.quiet.is_some() {
            return None;
        }
        self.lives_left -= 1;
        let mut rng = lock(&world.rolls.workload);
        if world.swarm.kill_by_calls {
            let most = 2_u64.pow(rng.u32(2..12));
            return Some(rng.u64(1..=most));
        }
        let span = world.swarm.active_ms / u64::from(world.swarm.lives);
        self.ends = Some((world.now_ms() + rng.u64(0..=span), rng.u8(0..3) == 0));
        None
    }

    /// The tree changes while nobody looks.
    fn downtime(&mut self, world: &Arc<World>) {
        let (changes, span) = {
            let mut rng = lock(&world.rolls.workload);
            (rng.u8(0..6), rng.u64(0..100_000))
        };
        for _ in 0..changes {
            world.story.pass(span / 6);
            world.take_up_late();
            self.workload.take_steps(world, false);
            self.workload.change(world);
        }
        world.story.pass(span / 6);
        world.take_up_late();
        if world.swarm.jumps && lock(&world.rolls.workload).u8(0..3) == 0 {
            jump(world);
        }
    }

    /// Acts until this life is to end.
    async fn act(&mut self, world: &Arc<World>, engine: &Engine) -> End {
        loop {
            if world.story.is_wrong() {
                return End::Done;
            }
            let next = self.next(world);
            tokio::time::sleep_until(world.story.instant(next)).await;
            let now = world.now_ms();
            if let Some((at, cleanly)) = self.ends
                && at <= now
            {
                if cleanly {
                    return End::Stopped;
                }
                world.mark("killed by time");
                return End::Killed;
            }
            world.take_up_late();
            world.deliver_hints();
            if self.quiet.is_some() {
                if let Some(end) = self.look(world, engine).await {
                    return end;
                }
                continue;
            }
            self.workload.take_steps(world, false);
            if self.next_change <= now {
                self.workload.change(world);
                let gap = world.swarm.gap_ms;
                self.next_change = now + lock(&world.rolls.workload).u64(1..=2 * gap);
            }
            if self.next_jump.is_some_and(|at| at <= now) {
                jump(world);
                self.next_jump = Some(now + lock(&world.rolls.workload).u64(60_000..900_000));
            }
            if self.next_person.is_some_and(|at| at <= now) {
                self.person(world, engine).await;
                self.next_person = Some(now + lock(&world.rolls.workload).u64(5_000..100_000));
            }
            if now >= world.swarm.active_ms {
                self.begin_quiet(world, engine).await;
            }
        }
    }

    fn next(&self, world: &World) -> u64 {
        let quiet = self.quiet.as_ref().map(|quiet| quiet.next_look);
        let busy = [
            Some(self.next_change),
            self.next_jump,
            self.next_person,
            self.workload.next_ms(),
            Some(world.swarm.active_ms),
        ];
        let busy = busy.into_iter().flatten().filter(|_| quiet.is_none());
        let ends = self.ends.map(|(at, _)| at);
        let next = [world.next_hint_ms(), world.next_late_ms(), ends, quiet]
            .into_iter()
            .flatten()
            .chain(busy)
            .min();
        next.unwrap_or_default()
    }

    async fn person(&self, world: &World, engine: &Engine) {
        let roll = lock(&world.rolls.workload).u8(0..6);
        let command = match roll {
            0 => Command::Pause("www".to_owned()),
            1 | 2 => Command::Resume("www".to_owned()),
            3 => Command::Retry(Selection::All),
            4 => Command::Drop(Selection::All),
            _ => Command::ScanNow,
        };
        match roll {
            0 => world.mark("folder paused by a person"),
            3 => world.mark("jobs retried by a person"),
            4 => world.mark("jobs dropped by a person"),
            _ => {}
        }
        order(world, engine, command).await;
    }

    async fn begin_quiet(&mut self, world: &Arc<World>, engine: &Engine) {
        world.trace("faults and changes end");
        world.calm_down();
        self.workload.take_steps(world, true);
        world.stamp();
        world.disk.set_all_readable();
        self.ends = None;
        if world.swarm.person {
            order(world, engine, Command::Resume("www".to_owned())).await;
        }
        order(world, engine, Command::Retry(given_up(world))).await;
        let now = world.now_ms();
        let rescan = u64::try_from(world.swarm.folder.rescan.as_millis()).unwrap();
        let until = now + rescan + rescan / 4 + QUIET_MAX_MS;
        self.quiet = Some(Quiet {
            until,
            next_look: now + 5_000,
            rested: None,
        });
    }

    /// Looks whether all is at rest; then orders one more scan, which must send nothing.
    async fn look(&mut self, world: &Arc<World>, engine: &Engine) -> Option<End> {
        let now = world.now_ms();
        let quiet = self.quiet.as_mut()?;
        if now < quiet.next_look {
            return None;
        }
        let at_rest = world.at_rest(&engine.live());
        let requests = world.state().checks.requests;
        if let Some((before, _)) = quiet.rested {
            if let Err(reason) = at_rest {
                world.violated(&format!("a further pass disturbed the rest: {reason}"));
            } else if requests != before {
                world.violated("a further pass sent something");
            }
            return Some(End::Done);
        }
        match at_rest {
            Ok(()) if world.uploads() == 0 => {
                quiet.rested = Some((requests, now));
                quiet.next_look = now + 60_000;
                order(world, engine, Command::ScanNow).await;
            }
            Err(reason) if now >= quiet.until => {
                world.violated(&format!("not at rest in time: {reason}"));
                return Some(End::Done);
            }
            _ => {
                let waited = quiet.until - now;
                quiet.next_look = now + if waited > QUIET_MAX_MS { 5_000 } else { 60_000 };
                quiet.next_look = quiet.next_look.min(quiet.until.max(now + 1_000));
                if world.has_dead() {
                    // Of an answer that was under way when the faults ended.
                    order(world, engine, Command::Retry(Selection::Dead)).await;
                }
            }
        }
        None
    }
}

/// The wall clock is set, by an hour or by ten years.
fn jump(world: &World) {
    let by_ms = {
        let mut rng = lock(&world.rolls.workload);
        let far = if rng.bool() { TEN_YEARS_MS } else { 3_600_000 };
        if rng.bool() { far } else { -far }
    };
    world.story.jump(by_ms);
}

/// What a person tries again in the end: files that were given up, and those that were dropped.
fn given_up(world: &World) -> Selection {
    if world.swarm.person {
        Selection::All
    } else {
        Selection::Dead
    }
}

async fn order(world: &World, engine: &Engine, command: Command) {
    world.trace(&format!("a person orders {command:?}"));
    world.checks_person();
    if let Err(error) = engine.command(command).await {
        world.violated(&format!("an order failed: {error}"));
    }
    world.checks_person();
}

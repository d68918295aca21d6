//! One history: lives of the daemon with events and faults, then quiet, then rest.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use syncd::engine::{Command, Engine, Mode, Ports, Settings};
use syncd::port::offload::Offload;
use syncd::store::{Messages, Selection};
use tokio::sync::Notify;

use super::line::Line;
use super::mix;
use super::workload;
use super::world::{SimObserver, SimWatcher, World};
use crate::story::{Report, SimClock, SimDice, lock};
use crate::world::NoTokens;

/// After faults and events have stopped, everything is at rest within the longest scan interval and this: a
/// paused account is probed every half hour at most.
const QUIET_MAX_MS: u64 = 50 * 60_000;
/// Where the clock was set back while no process ran, what was due by the old time is so much later.
const DUE_AHEAD_MAX_MS: u64 = 3_600_000;
/// The history is read every hour and a half at most: what it shows late may be found only then.
const HISTORY_MAX_MS: u64 = 2 * 3_600_000;
/// The longest a clean stop may take.
const STOP_MAX_MS: u64 = 10_000;
const ATTEMPTS_MAX: u32 = 8;
const TEN_YEARS_MS: i64 = 10 * 365 * 24 * 3_600_000;

/// How a life is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// At its so many-th call of a port; the power may go with it.
    AtCall(u64, Power),
    AtTime(u64, Power),
    /// It is stopped.
    Stop(u64),
}

/// Whether the power goes when a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    Stays,
    Goes,
}

/// How a life ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Killed,
    Stopped,
    Done,
}

/// Something that happens at its moment.
pub type Scene = (u64, fn(&World));

/// Everything that acts on the world and on the daemon from outside.
struct Outside {
    /// Events and faults come by chance.
    is_wild: bool,
    /// What happens besides.
    scenes: VecDeque<Scene>,
    /// How the next lives end; the one after them goes on.
    deaths: VecDeque<Death>,
    death: Option<Death>,
    active_ms: u64,
    next_event: u64,
    next_jump: Option<u64>,
    next_person: Option<u64>,
    quiet: Option<Quiet>,
}

struct Quiet {
    until: u64,
    next_look: u64,
    looks: u32,
    /// What the centre had been sent when all was found at rest.
    rested: Option<usize>,
}

/// Runs the history of a seed; `replays` prints its trace while it grows.
pub fn run(seed: u64, replays: bool) -> Report {
    let world = World::new(seed, replays);
    let mut outside = Outside::new(&world);
    let before = lock(&world.rolls.workload).u8(0..8);
    for _ in 0..before {
        workload::happen(&world);
    }
    live_on(&world, &mut outside);
    world.story.report(seed)
}

/// Runs a history without chance: this happens in it, and its first lives end like this. How many calls of
/// the ports were made in it.
pub fn run_script(world: &Arc<World>, scenes: &[Scene], deaths: &[Death]) -> u64 {
    let mut outside = Outside {
        is_wild: false,
        scenes: scenes.iter().copied().collect(),
        deaths: deaths.iter().copied().collect(),
        death: None,
        active_ms: scenes.last().map_or(0, |(at, _)| *at),
        next_event: u64::MAX,
        next_jump: None,
        next_person: None,
        quiet: None,
    };
    live_on(world, &mut outside);
    world.story.calls()
}

fn live_on(world: &Arc<World>, outside: &mut Outside) {
    loop {
        let end = live(world, outside);
        world.story.tell(&format!("life ends: {end:?}"));
        if end == End::Done || world.story.is_wrong() {
            break;
        }
        outside.downtime(world);
    }
    world.inbox.set_hook(None);
}

/// One process: its runtime ends with it, and with that all its tasks at the await they had reached.
fn live(world: &Arc<World>, outside: &mut Outside) -> End {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let end = runtime.block_on(async {
        let kill_at_call = outside.plan_end(world.now_ms());
        let kill = world.story.begin_life(kill_at_call);
        world.judge_new_life();
        world.story.tell("life begins");
        process(world, outside, &kill).await
    });
    // While its tasks end, time stands.
    runtime.block_on(async { world.story.end_life() });
    drop(runtime);
    if end == End::Killed {
        let power = match outside.death {
            Some(Death::AtCall(_, power) | Death::AtTime(_, power)) => power,
            Some(Death::Stop(_)) | None => Power::Stays,
        };
        let out = world.state().centre.sent.len();
        if out > 0 {
            world.story.mark("killed after a message went out");
        }
        if power == Power::Goes {
            world.cut_power();
        }
    }
    world.look_at_inbox();
    end
}

async fn process(world: &Arc<World>, outside: &mut Outside, kill: &Notify) -> End {
    let starting = Engine::start(ports(world), world.store(), settings(world), Mode::Run);
    let engine = tokio::select! {
        biased;
        () = kill.notified() => {
            world.story.mark("killed while starting");
            return End::Killed;
        }
        started = starting => match started {
            Ok(engine) => engine,
            Err(error) => {
                world.story.wrong(&format!("the engine does not start: {error}"));
                return End::Done;
            }
        },
    };
    let end = tokio::select! {
        biased;
        () = kill.notified() => {
            world.story.mark("killed by a call");
            return End::Killed;
        }
        failure = engine.failure() => {
            world.story.wrong(&format!("the engine failed: {failure}"));
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
    world.story.tell("stop");
    let limit = Duration::from_millis(STOP_MAX_MS);
    let stopped = tokio::select! {
        biased;
        () = kill.notified() => return End::Killed,
        stopped = tokio::time::timeout(limit, engine.stop()) => stopped,
    };
    match stopped {
        Ok(Ok(())) => world.story.mark("stopped cleanly"),
        Ok(Err(error)) => world
            .story
            .wrong(&format!("the engine does not stop: {error}")),
        Err(_) => world.story.wrong("the engine does not stop in time"),
    }
    End::Stopped
}

fn ports(world: &Arc<World>) -> Ports {
    Ports {
        clock: Arc::new(SimClock(Arc::clone(&world.story))),
        dice: Arc::new(SimDice(Arc::clone(&world.rolls.dice))),
        disk: Arc::new(world.disk.clone()),
        transport: Arc::new(Line(Arc::clone(world))),
        watcher: Arc::new(SimWatcher(Arc::clone(world))),
        local_tokens: Arc::new(NoTokens),
        inboxes: Arc::new(world.inbox.clone()),
        programs: Arc::clone(&world.programs) as _,
        offload: Offload::Inline,
        observer: Arc::new(SimObserver(Arc::clone(world))),
    }
}

fn settings(world: &World) -> Settings {
    let outbox = world.mix.outbox.clone();
    Settings {
        folders: if world.mix.has_outbox {
            vec![outbox]
        } else {
            Vec::new()
        },
        accounts: Vec::new(),
        desks: vec![mix::desk()],
        inboxes: vec![world.mix.inbox.clone()],
        attempts_max: ATTEMPTS_MAX,
        memory_bytes: 32 * 1024 * 1024,
    }
}

impl Outside {
    fn new(world: &World) -> Self {
        let mix = &world.mix;
        let mut rng = lock(&world.rolls.workload);
        let mut soon = |wanted: bool| wanted.then(|| rng.u64(1_000..mix.active_ms));
        let (next_jump, next_person) = (soon(mix.jumps), soon(mix.person));
        let mut deaths = VecDeque::new();
        for _ in 0..mix.lives {
            let goes = mix.power_cuts && rng.bool();
            let power = if goes { Power::Goes } else { Power::Stays };
            let span = mix.active_ms / u64::from(mix.lives);
            deaths.push_back(match rng.u8(0..4) {
                0 => Death::Stop(rng.u64(0..=span)),
                _ if mix.kill_by_calls => {
                    let most = 2_u64.pow(rng.u32(2..10));
                    Death::AtCall(rng.u64(1..=most), power)
                }
                _ => Death::AtTime(rng.u64(0..=span), power),
            });
        }
        Self {
            is_wild: true,
            scenes: VecDeque::new(),
            deaths,
            death: None,
            active_ms: mix.active_ms,
            next_event: 0,
            next_jump,
            next_person,
            quiet: None,
        }
    }

    /// How the life that begins will end: after so many calls, or later.
    fn plan_end(&mut self, now: u64) -> Option<u64> {
        self.death = self.deaths.pop_front();
        if let Some(quiet) = &mut self.quiet {
            (quiet.rested, quiet.next_look) = (None, now + 1_000);
        }
        match self.death {
            Some(Death::AtCall(calls, _)) => Some(calls),
            _ => None,
        }
    }

    /// The world goes on while nobody looks.
    fn downtime(&mut self, world: &Arc<World>) {
        if !self.is_wild {
            return;
        }
        let (events, span) = {
            let mut rng = lock(&world.rolls.workload);
            (rng.u8(0..5), rng.u64(0..100_000))
        };
        for _ in 0..events {
            world.story.pass(span / 5);
            world.take_effect();
            workload::happen(world);
        }
        if world.mix.jumps && lock(&world.rolls.workload).u8(0..3) == 0 {
            jump(world);
        }
    }

    /// Acts until this life is to end.
    async fn act(&mut self, world: &Arc<World>, engine: &Engine) -> End {
        let began = world.now_ms();
        let ends = match self.death {
            Some(Death::AtTime(span, _)) => Some((began + span, false)),
            Some(Death::Stop(span)) => Some((began + span, true)),
            Some(Death::AtCall(..)) | None => None,
        };
        loop {
            if world.story.is_wrong() {
                return End::Done;
            }
            let next = self.next(world, ends.map(|(at, _)| at));
            tokio::time::sleep_until(world.story.instant(next)).await;
            let now = world.now_ms();
            if let Some((_, cleanly)) = ends.filter(|(at, _)| *at <= now) {
                if cleanly {
                    return End::Stopped;
                }
                world.story.mark("killed by time");
                return End::Killed;
            }
            world.take_effect();
            workload::read_all(world);
            if self.quiet.is_some() {
                if let Some(end) = self.look(world, engine).await {
                    return end;
                }
                continue;
            }
            while let Some((_, scene)) = self.scenes.pop_front_if(|(at, _)| *at <= now) {
                scene(world);
            }
            if now >= self.active_ms {
                self.begin_quiet(world, engine).await;
                continue;
            }
            if self.next_event <= now {
                workload::happen(world);
                let gap = world.mix.gap_ms;
                self.next_event = now + lock(&world.rolls.workload).u64(1..=2 * gap);
            }
            if self.next_jump.is_some_and(|at| at <= now) {
                jump(world);
                self.next_jump = Some(now + lock(&world.rolls.workload).u64(60_000..600_000));
            }
            if self.next_person.is_some_and(|at| at <= now) {
                self.person(world, engine).await;
                self.next_person = Some(now + lock(&world.rolls.workload).u64(5_000..100_000));
            }
        }
    }

    fn next(&self, world: &World, ends: Option<u64>) -> u64 {
        let quiet = self.quiet.as_ref().map(|quiet| quiet.next_look);
        let busy = [
            Some(self.next_event),
            self.scenes.front().map(|(at, _)| *at),
            self.next_jump,
            self.next_person,
            Some(self.active_ms),
        ];
        let busy = busy.into_iter().flatten().filter(|_| quiet.is_none());
        let times = [world.next_late_ms(), ends, quiet].into_iter().flatten();
        times.chain(busy).min().unwrap_or_default()
    }

    async fn person(&self, world: &World, engine: &Engine) {
        let roll = lock(&world.rolls.workload).u8(0..8);
        let command = match roll {
            0 => Command::Pause("in".to_owned()),
            1 => Command::Pause("out".to_owned()),
            2 | 3 => Command::Resume("in".to_owned()),
            4 | 5 => Command::Resume("out".to_owned()),
            6 => Command::RetryMessages(Messages::Dead),
            _ => Command::Retry(Selection::Dead),
        };
        match roll {
            0 | 1 => world.story.mark("paused by a person"),
            6 | 7 => world.story.mark("retried by a person"),
            _ => {}
        }
        order(world, engine, command).await;
    }

    async fn begin_quiet(&mut self, world: &Arc<World>, engine: &Engine) {
        world.story.tell("faults and events end");
        if self.is_wild {
            world.calm_down();
            for name in ["in", "out"] {
                order(world, engine, Command::Resume(name.to_owned())).await;
            }
        }
        let now = world.now_ms();
        let rescan = u64::try_from(world.mix.outbox.rescan.as_millis()).unwrap();
        let is_late = world.mix.manners.lag_ms > 0;
        let history = if is_late { HISTORY_MAX_MS } else { 0 };
        let due = if world.mix.jumps { DUE_AHEAD_MAX_MS } else { 0 };
        self.quiet = Some(Quiet {
            until: now + history + due + rescan + rescan / 4 + QUIET_MAX_MS,
            next_look: now + 1_000,
            looks: 0,
            rested: None,
        });
        if self.is_wild {
            retry(world, engine).await;
        }
    }

    /// Looks whether all is at rest; then once more later, when nothing may have been sent.
    async fn look(&mut self, world: &Arc<World>, engine: &Engine) -> Option<End> {
        let now = world.now_ms();
        let quiet = self.quiet.as_mut()?;
        if now < quiet.next_look {
            return None;
        }
        let at_rest = world.at_rest(&engine.live());
        let sent = world.state().centre.sent.len();
        let is_late = world.next_late_ms().is_some();
        if let Some(before) = quiet.rested {
            if let Err(reason) = at_rest {
                world
                    .story
                    .wrong(&format!("the rest was disturbed: {reason}"));
            } else if sent != before {
                world
                    .story
                    .wrong("something was sent while all was at rest");
            }
            world.mark_received();
            return Some(End::Done);
        }
        quiet.looks += 1;
        match at_rest {
            Ok(()) if !is_late => {
                quiet.rested = Some(sent);
                let span = if self.is_wild { 90_000 } else { 12_000 };
                quiet.next_look = now + span;
                order(world, engine, Command::ScanNow).await;
            }
            Err(reason) if now >= quiet.until => {
                world.story.wrong(&format!("not at rest in time: {reason}"));
                return Some(End::Done);
            }
            other => {
                quiet.next_look = now + if quiet.looks < 60 { 2_000 } else { 60_000 };
                // What was under way when the faults ended may have been given up since.
                if quiet.looks.is_multiple_of(15) && other.is_err() {
                    retry(world, engine).await;
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

/// A person tries again what was given up.
async fn retry(world: &World, engine: &Engine) {
    order(world, engine, Command::RetryMessages(Messages::Dead)).await;
    order(world, engine, Command::Retry(Selection::Dead)).await;
}

async fn order(world: &World, engine: &Engine, command: Command) {
    world.story.tell(&format!("a person orders {command:?}"));
    if matches!(command, Command::Retry(_)) {
        world.allow_again();
    }
    if let Err(error) = engine.command(command).await {
        world.story.wrong(&format!("an order failed: {error}"));
    }
}

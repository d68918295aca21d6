//! The engine in a simulated world: one seed, one history.
//!
//! Time, chance, files, hints and the cloud are simulated; the engine, the flows, the deciders and the
//! store are the real ones. A process dies by the end of its runtime, at any await; the database and the
//! world survive it. There are two worlds: here folders and the clouds they are published to, in `desk`
//! inboxes, outboxes and a contact centre. `SYNCD_SEED=n cargo test --test simulation -- --nocapture
//! every_history` (or `each_history`, of the desk) replays one seed and prints its trace; `SYNCD_SEEDS=a..b` runs
//! a range of others.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test may panic and print, and here it is the outside world and its clock"
)]

mod checkers;
mod cloud;
mod desk;
#[expect(
    dead_code,
    reason = "the tests of the intake and of disks use the rest"
)]
mod disk;
mod history;
#[expect(dead_code, reason = "the suites of inboxes use the rest")]
mod inbox;
#[expect(dead_code, reason = "the suites of inboxes use the rest")]
mod programs;
mod seeds;
mod storage;
mod story;
mod swarm;
mod transport;
mod wire;
mod workload;
mod world;

use seeds::Histories;

fn histories() -> Histories<'static> {
    let marks = world::MARKS.iter().copied();
    let faults = swarm::FAULTS.iter().map(|(_, name)| *name);
    let changes = swarm::CHANGES.iter().map(|(_, name)| *name);
    Histories {
        test: "every_history",
        fixed: 1..221,
        marks: marks.chain(faults).chain(changes).collect(),
        run: history::run,
    }
}

#[test]
fn every_history_is_safe_and_comes_to_rest() {
    histories().check();
}

#[test]
fn the_same_seed_twice_is_the_same_history() {
    histories().check_sameness(1..11);
}

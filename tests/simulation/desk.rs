//! The engine with a contact centre: one seed, one history.
//!
//! The engine's inbox task, desk and outbox transfers are the real ones, over the real store, under paused
//! time. The centre is written from its contract, and what that leaves open is decided by each seed. Like
//! the clouds' world next door it has faults before, within and after every effect, outages, clocks that
//! jump, and processes that die at every moment.

mod centre;
mod crashes;
mod found;
mod history;
mod judge;
mod line;
mod mix;
mod workload;
mod world;

use crate::seeds::Histories;

fn histories() -> Histories<'static> {
    let marks = world::MARKS.iter().copied();
    let faults = mix::FAULTS.iter().map(|(_, name)| *name);
    let events = workload::EVENTS.iter().map(|(_, name)| *name);
    Histories {
        test: "each_history",
        fixed: 1..121,
        marks: marks.chain(faults).chain(events).collect(),
        run: history::run,
    }
}

#[test]
fn each_history_with_a_desk_is_safe_and_comes_to_rest() {
    histories().check();
}

#[test]
fn the_same_seed_twice_is_the_same_history_with_a_desk() {
    histories().check_sameness(1..7);
}

//! Small fixed workloads, and a death at every effect of each: at every call before and after its effect, at
//! every change of the inbox's disk, around every write of the store; with the power gone or not, and with
//! another death in the recovery.

use super::history::{Death, Power, run_script};
use super::mix::{Manners, Mix, Own, Readers, Robot, plain_inbox};
use super::workload::{plain_letter, say, write};
use super::world::World;

/// A workload that is always the same.
struct Case {
    name: &'static str,
    /// Whether files come, or go out; the other half of the engine is left out.
    comes: bool,
    mix: fn() -> Mix,
    begin: fn(&World),
}

const CASES: &[Case] = &[
    Case {
        name: "files come",
        comes: true,
        mix: || Mix {
            inbox: plain_inbox("file.{ext}", true, true),
            ..Mix::plain(Manners::plain())
        },
        begin: |world| {
            say(world, plain_letter(world, b"one", "pdf", false));
            say(world, plain_letter(world, b"two", "png", true));
        },
    },
    Case {
        name: "files of one name come, handed out twice, and are taken away",
        comes: true,
        mix: || {
            let manners = Manners {
                redelivers: true,
                doubles: 1.0,
                ..Manners::plain()
            };
            Mix {
                readers: Readers::Greedy,
                ..Mix::plain(manners)
            }
        },
        begin: |world| {
            say(world, plain_letter(world, b"one", "png", false));
            say(world, plain_letter(world, b"two", "png", false));
        },
    },
    Case {
        name: "files go out",
        comes: false,
        mix: || Mix::plain(Manners::plain()),
        begin: |world| {
            write(world, "a,b.txt", b"one");
            write(world, "c.png", b"two");
        },
    },
    Case {
        name: "files go out to an agent behind a robot, and the history tells nothing of them",
        comes: false,
        mix: || {
            let manners = Manners {
                robot: Robot::First,
                queue_ms: 5_000,
                own: Own::NotAtAll,
                rotates: true,
                session_life_ms: 8_000,
                ..Manners::plain()
            };
            Mix::plain(manners)
        },
        begin: |world| write(world, "a.txt", b"one"),
    },
];

impl Case {
    /// One history; how many calls it took.
    fn run(&self, deaths: &[Death]) -> u64 {
        let mix = Mix {
            has_outbox: !self.comes,
            ..(self.mix)()
        };
        let world = World::with(mix, fastrand::Rng::with_seed(1), false);
        (self.begin)(&world);
        let calls = run_script(&world, &[], deaths);
        let report = world.story.report(0);
        let end = || report.trace.join("\n");
        assert_eq!(
            report.violation,
            None,
            "{}: {deaths:?}\n{}",
            self.name,
            end()
        );
        calls
    }

    /// A death at each call of it; how many histories that are.
    fn die_everywhere(&self) -> u64 {
        let calls = self.run(&[]);
        let mut tried = 0;
        for at in 1..=calls {
            let mut run = |deaths: &[Death]| {
                self.run(deaths);
                tried += 1;
            };
            run(&[Death::AtCall(at, Power::Stays)]);
            if self.comes {
                run(&[Death::AtCall(at, Power::Goes)]);
            }
            // At another place of the recovery for each.
            let again = 1 + at * 7 % 31;
            let deaths = [at, again].map(|at| Death::AtCall(at, Power::Stays));
            run(&deaths);
        }
        tried
    }
}

#[test]
fn a_death_at_every_effect_loses_nothing_and_sends_nothing_twice() {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let tried = std::sync::atomic::AtomicU64::new(0);
    let order = std::sync::atomic::Ordering::Relaxed;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = CASES.get(next.fetch_add(1, order)) {
                    tried.fetch_add(case.die_everywhere(), order);
                }
            });
        }
    });
    let tried = tried.into_inner();
    println!("{tried} crash points");
    assert!(tried > 500, "only {tried} crash points");
}

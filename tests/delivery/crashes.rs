//! Every point at which a delivery, and its recovery, can end.

use std::sync::Arc;

use syncd::store::{InlineDatabase, Messages, Store};

use crate::inbox::FakeInboxes;
use crate::world::*;

/// How a life ends that was not to end by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// The process dies; the machine goes on.
    Kill,
    /// The power goes; of the changes that are not durable, those of this bit mask survive.
    Power(u32),
}

fn cut(disk: &FakeInboxes, how: Cut) {
    disk.set_hook(None);
    if let Cut::Power(mask) = how {
        let mut number = 0;
        disk.cut_power(|| {
            number += 1;
            mask >> (number - 1) & 1 == 1
        });
    }
}

/// What stands in the way of the wanted name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Nothing,
    Name,
    Sidecar,
    Both,
}

#[derive(Debug, Clone, Copy)]
struct Case {
    greedy: bool,
    with_sidecar: bool,
    taken: Taken,
}

impl Case {
    fn name_taken(self) -> bool {
        matches!(self.taken, Taken::Name | Taken::Both)
    }

    fn sidecar_taken(self) -> bool {
        matches!(self.taken, Taken::Sidecar | Taken::Both)
    }

    /// Where a greedy reader takes everything away, nothing stands in the way; and nobody minds a
    /// sidecar's name who has none.
    fn is_sensible(self) -> bool {
        (!self.greedy || self.taken == Taken::Nothing)
            && (self.with_sidecar || !self.sidecar_taken())
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for taken in [Taken::Nothing, Taken::Name, Taken::Sidecar, Taken::Both] {
        for (greedy, with_sidecar) in [(false, false), (false, true), (true, false), (true, true)] {
            cases.push(Case {
                greedy,
                with_sidecar,
                taken,
            });
        }
    }
    cases.retain(|case| case.is_sensible());
    cases
}

/// A journal of more becomes slow itself.
const WORLDS_ON_ONE: u64 = 50;

/// Worlds that share a journal, because a new one for each takes longer than all else.
struct Worlds {
    database: InlineDatabase,
    made: u64,
}

impl Worlds {
    fn new() -> Self {
        Self {
            database: InlineDatabase::new().unwrap(),
            made: 0,
        }
    }

    /// A world in which a file is fetched and about to be delivered. What the one before left is
    /// dropped.
    async fn fetched(&mut self, case: Case) -> World {
        let calm = Store::inline(
            &self.database,
            Arc::new(|| Box::pin(std::future::ready(()))),
        );
        calm.drop_messages(Messages::All).await.unwrap();
        self.made += 1;
        if self.made.is_multiple_of(WORLDS_ON_ONE) {
            self.database = InlineDatabase::new().unwrap();
        }
        fetched(
            World::on(&self.database, case.greedy, &format!("m{}", self.made)),
            case,
        )
        .await
    }
}

async fn fetched(mut world: World, case: Case) -> World {
    world.with_sidecar = case.with_sidecar;
    let process = world.start(Plan::Calm);
    process.recover().await.unwrap();
    process
        .fetch(&world.message, "2026-11-21/x.png", case.with_sidecar)
        .await;
    drop(process);
    if case.name_taken() {
        world.disk.write("2026-11-21/x.png", CONTENTS);
    }
    if case.sidecar_taken() {
        world.disk.write("2026-11-21/x.png.json", SIDECAR);
    }
    world
}

/// How many changes may be undone now, as masks of those that survive.
fn cuts(world: &World) -> Vec<Cut> {
    let pending = u32::try_from(world.disk.pending()).unwrap();
    assert!(pending <= 6, "{pending} changes are not durable");
    let masks = 0..1_u32 << pending;
    std::iter::once(Cut::Kill)
        .chain(masks.map(Cut::Power))
        .collect()
}

/// Delivers until the process dies at an effect; whether it did.
async fn first_life(world: &World, dies_at: u64) -> bool {
    let process = world.start(Plan::DieAt(dies_at));
    process.run(process.deliver()).await.is_none()
}

/// Recovers until the process dies at an effect; whether it did.
async fn next_life(world: &World, dies_at: u64) -> bool {
    let process = world.start(Plan::DieAt(dies_at));
    process.run(process.recover()).await.is_none()
}

async fn last_life(world: &World, about: &str) {
    let process = world.start(Plan::Calm);
    let recovered = process.recover().await.unwrap();
    assert!(recovered.failed.is_empty(), "{about}: {recovered:?}");
    drop(process);
    // Once more, with the power gone: what is told to be delivered is durable.
    cut(&world.disk, Cut::Power(0));
    let process = world.start(Plan::Calm);
    assert!(
        process.recover().await.unwrap().delivered.is_empty(),
        "{about}"
    );
    drop(process);
    check_case(world, about);
}

/// Like [`World::check_end`], with what stood in the way left out.
fn check_case(world: &World, about: &str) {
    let row = world.row(&world.message);
    let name = row.file.clone().unwrap().path;
    if name != path("2026-11-21/x.png") {
        // Others' files are as they were; the reader of this test is none of them.
        for theirs in ["2026-11-21/x.png", "2026-11-21/x.png.json"] {
            world.disk.take(theirs.as_bytes());
        }
    }
    world.check_end(about);
}

/// The first life dies before its `first` effect and ends `how`, the next before its `second`.
#[derive(Debug, Clone, Copy)]
struct History {
    case: Case,
    first: u64,
    how: Cut,
    second: u64,
}

impl History {
    /// Up to the second death; `None`: there is none.
    async fn run(self, worlds: &mut Worlds) -> Option<World> {
        let world = worlds.fetched(self.case).await;
        assert!(first_life(&world, self.first).await);
        cut(&world.disk, self.how);
        if self.case.with_sidecar && !self.case.name_taken() {
            world.check_now(&format!("{self:?}"));
        }
        next_life(&world, self.second).await.then_some(world)
    }

    /// All that can follow; how many histories that are, or `None` as before.
    async fn every_end(self, worlds: &mut Worlds) -> Option<u64> {
        let ends = cuts(&self.run(worlds).await?);
        for end in &ends {
            let world = self.run(worlds).await?;
            cut(&world.disk, *end);
            last_life(&world, &format!("{self:?} {end:?}")).await;
        }
        Some(ends.len() as u64)
    }
}

/// Goes through every pair of deaths; how many histories that are.
async fn die_twice(case: Case, worlds: &mut Worlds) -> u64 {
    let mut tried = 0;
    for first in 0.. {
        let world = worlds.fetched(case).await;
        if !first_life(&world, first).await {
            break;
        }
        for how in cuts(&world) {
            for second in 0.. {
                let history = History {
                    case,
                    first,
                    how,
                    second,
                };
                let Some(count) = history.every_end(worlds).await else {
                    break;
                };
                tried += count;
            }
        }
    }
    tried
}

async fn die_everywhere(with_sidecar: bool, at_least: u64) {
    let mut worlds = Worlds::new();
    let mut tried = 0;
    for case in cases() {
        if case.with_sidecar != with_sidecar {
            continue;
        }
        tried += die_twice(case, &mut worlds).await;
    }
    assert!(tried >= at_least, "only {tried} histories");
}

#[tokio::test]
async fn one_crash_anywhere_and_another_in_the_recovery_without_a_sidecar() {
    die_everywhere(false, 1_000).await;
}

#[tokio::test]
async fn one_crash_anywhere_and_another_in_the_recovery_with_a_sidecar() {
    die_everywhere(true, 5_000).await;
}

#[tokio::test]
async fn the_disk_fails_anywhere_and_the_power_goes_later() {
    let mut worlds = Worlds::new();
    let mut tried = 0;
    for case in cases() {
        for fails_at in 0.. {
            let world = worlds.fetched(case).await;
            let process = world.start(Plan::FailAt(fails_at));
            let result = process.deliver().await;
            let effects = process.doom.effects();
            drop(process);
            let about = format!("{case:?}, {fails_at}");
            if effects <= fails_at {
                assert!(result.is_ok(), "{about}");
                break;
            }
            // The caller tries again; what it believes to be durable need not be.
            if result.is_err() {
                let process = world.start(Plan::Calm);
                assert!(process.deliver().await.unwrap().is_some(), "{about}");
            }
            cut(&world.disk, Cut::Power(0));
            let process = world.start(Plan::Calm);
            process.recover().await.unwrap();
            drop(process);
            check_case(&world, &about);
            tried += 1;
        }
    }
    assert!(tried > 50, "only {tried} failures");
}

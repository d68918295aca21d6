//! Random histories: whatever happens in whatever order, every file is in exactly one count, every
//! path has at most one job, no page runs before its assets, and in the end everything is
//! published.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use syncd::model::job::{Claim, JobId, JobState, Outcome, Stage};
use syncd::model::time::Timestamp;
use syncd::store::{LATE_MAX, ReleaseState, Selection};

use super::world::*;

#[derive(Debug, Clone)]
enum Act {
    Write(usize, u8),
    Remove(usize),
    Exclude(usize),
    Seal,
    Claim(usize),
    Settle(usize, u8),
    Crash,
    Drop(usize),
    Retry(bool),
    Move(bool),
}

const NAMES: [&str; 7] = [
    "a.png",
    "b.css",
    "c.html",
    "d.html",
    "index.html",
    "\u{e9}.png",
    "e\u{301}.png",
];

fn act() -> impl Strategy<Value = Act> {
    let name = 0..NAMES.len();
    prop_oneof![
        6 => (name.clone(), 0..3_u8).prop_map(|(name, version)| Act::Write(name, version)),
        2 => name.clone().prop_map(Act::Remove),
        1 => name.clone().prop_map(Act::Exclude),
        3 => Just(Act::Seal),
        5 => (1..4_usize).prop_map(Act::Claim),
        6 => (0..4_usize, 0..6_u8).prop_map(|(which, how)| Act::Settle(which, how)),
        1 => Just(Act::Crash),
        1 => name.prop_map(Act::Drop),
        1 => any::<bool>().prop_map(Act::Retry),
        1 => any::<bool>().prop_map(Act::Move),
    ]
}

struct History {
    world: World,
    prefix: &'static str,
    disk: BTreeMap<usize, u8>,
    excluded: BTreeSet<usize>,
    running: Vec<Claim>,
    /// Jobs that ran when a person had something that was given up tried again.
    revived: BTreeSet<JobId>,
}

impl History {
    fn look(&self, name: usize) -> syncd::store::Sighting {
        let text = NAMES[name];
        if self.excluded.contains(&name) {
            return excluded(text, "by a rule");
        }
        let Some(version) = self.disk.get(&name) else {
            return gone(text);
        };
        let mut look = file(text, &"x".repeat(1 + usize::from(*version)));
        if let Some((key, _, _)) = &mut look.target {
            *key = syncd::model::key::Key::of(self.prefix, &path(text)).unwrap();
        }
        look
    }

    async fn look_at(&mut self, names: impl IntoIterator<Item = usize>) {
        let looks = names.into_iter().map(|name| self.look(name)).collect();
        self.world.record(looks).await;
    }

    async fn step(&mut self, act: &Act) {
        self.world.now = Timestamp(self.world.now.0 + 1);
        let now = self.world.now;
        match act {
            Act::Write(name, version) => {
                self.disk.insert(*name, *version);
                self.excluded.remove(name);
                self.look_at([*name]).await;
            }
            Act::Remove(name) => {
                self.disk.remove(name);
                self.excluded.remove(name);
                self.look_at([*name]).await;
            }
            Act::Exclude(name) => {
                if self.disk.contains_key(name) {
                    self.excluded.insert(*name);
                    self.look_at([*name]).await;
                }
            }
            Act::Seal => {
                if let Some(release) = self.world.release {
                    self.world.seal(release).await;
                }
            }
            Act::Claim(limit) => {
                let claims = self.world.claim_up_to(*limit).await;
                self.check_order(&claims);
                self.running.extend(claims);
            }
            Act::Settle(which, how) => {
                if !self.running.is_empty() {
                    let claim = self.running.remove(which % self.running.len());
                    self.settle(&claim, *how).await;
                }
            }
            Act::Crash => {
                self.world.restart();
                self.running.clear();
                self.world.store.recover(now).await.unwrap();
            }
            Act::Drop(name) => {
                let selection = Selection::Path(self.world.folder, path(NAMES[*name]));
                self.world.store.drop_jobs(selection, now).await.unwrap();
            }
            Act::Retry(dead) => {
                let selection = if *dead {
                    Selection::Dead
                } else {
                    Selection::All
                };
                let retried = self.world.store.retry(selection, now).await.unwrap();
                self.revived
                    .extend(self.running.iter().map(|claim| claim.job));
                self.look_again(retried.look_again).await;
            }
            Act::Move(there) => {
                self.prefix = if *there { "p/" } else { "" };
                let specs = [spec("www", self.prefix)];
                self.world.store.adopt_folders(&specs, now).await.unwrap();
                self.look_at(0..NAMES.len()).await;
            }
        }
    }

    async fn settle(&mut self, claim: &Claim, how: u8) {
        let due = Timestamp(self.world.now.0 + 3);
        let outcome = match how {
            0 => Outcome::Retry {
                fault: fault("x"),
                due,
                counts: true,
            },
            1 => Outcome::Dead(fault("y")),
            2 => Outcome::Replan(fault("changed")),
            3 => Outcome::Released,
            _ => acknowledged(claim),
        };
        let settled = self.world.settle(claim, outcome).await;
        self.look_again(settled.look_again).await;
    }

    async fn look_again(
        &mut self,
        paths: Vec<(syncd::model::job::FolderId, syncd::model::path::RelPath)>,
    ) {
        for (_, path) in paths {
            let name = NAMES
                .iter()
                .position(|name| path.as_str() == Some(name))
                .unwrap();
            self.look_at([name]).await;
        }
    }

    /// No page is claimed while an asset of its own or an earlier release is unresolved.
    fn check_order(&self, claims: &[Claim]) {
        let queue = self.world.reader.queue(&Selection::All, 100).unwrap();
        for page in claims.iter().filter(|claim| claim.stage != Stage::Asset) {
            for other in &queue {
                assert!(
                    other.stage >= page.stage
                        || other.state == JobState::Dead
                        || other.release > page.release,
                    "{page:?} before {other:?}"
                );
            }
        }
    }

    /// What a page waited for when it was claimed does not come back while it is on its way, so nothing
    /// has to be asked again when it is sent.
    fn check_claimed(&self) {
        let queue = self.world.reader.queue(&Selection::All, 100).unwrap();
        for page in &self.running {
            let back = queue.iter().find(|other| {
                other.stage < page.stage
                    && other.state != JobState::Dead
                    && other.release <= page.release
            });
            let excused = self.revived.contains(&page.job);
            assert!(back.is_none() || excused, "{page:?} beside {back:?}");
        }
    }

    fn check(&self) {
        self.check_claimed();
        let reader = &self.world.reader;
        let counts = reader.counts(self.world.folder).unwrap();
        let each = counts.synced + counts.queued + counts.in_flight + counts.failed + counts.dead;
        assert_eq!(counts.total, each);
        assert_eq!(
            counts.total + counts.excluded,
            self.disk.len() as u64,
            "{counts:?}"
        );
        let queue = reader.queue(&Selection::All, 100).unwrap();
        let paths: BTreeSet<_> = queue.iter().map(|job| &job.path).collect();
        assert_eq!(paths.len(), queue.len());
        assert_eq!(
            queue
                .iter()
                .filter(|job| job.state == JobState::Running)
                .count(),
            self.running.len()
        );
        if self.running.is_empty() {
            for release in reader.releases(self.world.folder, 100).unwrap() {
                let live = queue
                    .iter()
                    .filter(|job| job.release == release.number && job.state != JobState::Dead);
                assert_eq!(
                    release.files,
                    release.done() + live.count() as u64,
                    "{release:?}"
                );
            }
        }
    }

    /// Faults end: everything must come to rest.
    async fn rest(&mut self) {
        for claim in std::mem::take(&mut self.running) {
            self.settle(&claim, 5).await;
        }
        self.step(&Act::Retry(false)).await;
        self.look_at(0..NAMES.len()).await;
        for _ in 0..30 {
            self.step(&Act::Seal).await;
            self.world.now = self.world.now.plus(LATE_MAX);
            for claim in self.world.claim().await {
                self.settle(&claim, 5).await;
            }
            self.check();
        }
        let counts = self.world.reader.counts(self.world.folder).unwrap();
        assert_eq!(counts.total, counts.synced, "{counts:?}");
        assert_eq!(self.world.reader.queue(&Selection::All, 100).unwrap(), []);
        self.world
            .store
            .finish_releases(self.world.now)
            .await
            .unwrap();
        for release in self.world.reader.releases(self.world.folder, 100).unwrap() {
            assert_eq!(release.state, ReleaseState::Finished);
            assert_eq!(release.files, release.done());
        }
        assert_eq!(self.world.reader.integrity_check().unwrap(), [""; 0]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_history_keeps_the_books_and_comes_to_rest(
        acts in proptest::collection::vec(act(), 1..80)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut history = History {
                world: World::new(Place::memory()).await,
                prefix: "",
                disk: BTreeMap::new(),
                excluded: BTreeSet::new(),
                running: Vec::new(),
                revived: BTreeSet::new(),
            };
            for act in &acts {
                history.step(act).await;
                history.check();
            }
            history.rest().await;
        });
    }
}

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::digest::Sha256;
use crate::model::headers::Fingerprint;
use crate::model::job::{Stage, Version};
use crate::model::key::Key;
use crate::model::observation::Stat;
use crate::model::path::RelPath;
use crate::model::record::LiveJob;

fn version(digest: u8, headers: i64) -> Published {
    Published {
        digest: Sha256([digest; 32]),
        headers: Fingerprint(headers),
    }
}

fn candidate(published: Published) -> Candidate {
    Candidate {
        key: Key::of("", &RelPath::from_bytes(b"a".as_slice()).unwrap()).unwrap(),
        version: Version {
            stat: Stat {
                dev: 1,
                ino: 1,
                size: 1,
                mtime_ns: 0,
                ctime_ns: 0,
            },
            digest: published.digest,
            headers: published.headers,
        },
        stage: Stage::Asset,
    }
}

fn job(state: JobState, version: Published) -> LiveJob {
    LiveJob { state, version }
}

fn put_reason(known: &Known, wanted: Published) -> Option<Reason> {
    match plan(known, &candidate(wanted)) {
        Plan::Put(intent) => Some(intent.reason),
        Plan::InSync | Plan::Covered | Plan::Dropped => None,
    }
}

#[test]
fn each_difference_has_its_reason() {
    let mut known = Known::default();
    assert_eq!(put_reason(&known, version(1, 1)), Some(Reason::New));
    known.published = Some(version(1, 1));
    assert_eq!(plan(&known, &candidate(version(1, 1))), Plan::InSync);
    assert_eq!(put_reason(&known, version(2, 2)), Some(Reason::Content));
    assert_eq!(put_reason(&known, version(1, 2)), Some(Reason::Headers));
    known.in_doubt = true;
    assert_eq!(put_reason(&known, version(1, 1)), Some(Reason::Unknown));
}

#[test]
fn a_live_job_of_the_same_version_covers_it_in_every_state() {
    for state in [JobState::Ready, JobState::Running, JobState::Dead] {
        let known = Known {
            job: Some(job(state, version(1, 1))),
            ..Known::default()
        };
        assert_eq!(plan(&known, &candidate(version(1, 1))), Plan::Covered);
        assert_eq!(put_reason(&known, version(2, 1)), Some(Reason::New));
    }
}

#[test]
fn what_was_put_back_is_in_sync_unless_the_other_version_is_on_its_way() {
    let mut known = Known {
        published: Some(version(1, 1)),
        job: Some(job(JobState::Ready, version(2, 1))),
        ..Known::default()
    };
    assert_eq!(plan(&known, &candidate(version(1, 1))), Plan::InSync);
    known.job = Some(job(JobState::Running, version(2, 1)));
    assert_eq!(put_reason(&known, version(1, 1)), Some(Reason::Unknown));
}

#[test]
fn a_dropped_version_stays_dropped_until_the_file_changes() {
    let known = Known {
        published: Some(version(1, 1)),
        dropped: Some(version(2, 1)),
        ..Known::default()
    };
    assert_eq!(plan(&known, &candidate(version(2, 1))), Plan::Dropped);
    assert_eq!(put_reason(&known, version(3, 1)), Some(Reason::Content));
    assert_eq!(plan(&known, &candidate(version(1, 1))), Plan::InSync);
}

/// A model of the store and the cloud, kept apart from the real ones.
#[derive(Debug, Clone, Default)]
struct World {
    disk: BTreeMap<u8, Published>,
    cloud: BTreeMap<u8, Published>,
    known: BTreeMap<u8, Known>,
}

impl World {
    /// What the store does with a look at `path`.
    fn look(&mut self, path: u8) {
        let known = self.known.entry(path).or_default();
        let Some(wanted) = self.disk.get(&path).copied() else {
            if known.job.is_some_and(|job| job.state != JobState::Running) {
                known.job = None;
            }
            return;
        };
        match plan(known, &candidate(wanted)) {
            Plan::InSync | Plan::Dropped => {
                if known.job.is_some_and(|job| job.state != JobState::Running) {
                    known.job = None;
                }
            }
            Plan::Covered => {}
            Plan::Put(_) => known.job = Some(job(JobState::Ready, wanted)),
        }
    }

    /// The transfers take the job: from now on the cloud may hold it.
    fn begin(&mut self, path: u8) {
        let known = self.known.entry(path).or_default();
        if let Some(live) = &mut known.job
            && live.state == JobState::Ready
        {
            live.state = JobState::Running;
            known.in_doubt = true;
        }
    }

    /// The job ends: acknowledged, or with its outcome unknown (the process died).
    fn end(&mut self, path: u8, arrived: bool, learnt: bool) {
        let known = self.known.entry(path).or_default();
        let Some(live) = known.job else { return };
        if live.state != JobState::Running {
            return;
        }
        if arrived {
            self.cloud.insert(path, live.version);
        }
        if arrived && learnt {
            known.published = Some(live.version);
            known.in_doubt = false;
            known.job = None;
        } else {
            known.job = Some(job(JobState::Ready, live.version));
        }
    }

    fn in_sync(&self) -> bool {
        self.disk
            .iter()
            .all(|(path, wanted)| self.cloud.get(path) == Some(wanted))
    }
}

#[derive(Debug, Clone)]
enum Act {
    Write(u8, u8, i64),
    Remove(u8),
    Look(u8),
    Begin(u8),
    End(u8, bool, bool),
}

fn act() -> impl Strategy<Value = Act> {
    let path = 0..3_u8;
    prop_oneof![
        (path.clone(), 0..3_u8, 0..2_i64).prop_map(|(p, d, h)| Act::Write(p, d, h)),
        path.clone().prop_map(Act::Remove),
        path.clone().prop_map(Act::Look),
        path.clone().prop_map(Act::Begin),
        (path, any::<bool>(), any::<bool>()).prop_map(|(p, a, l)| Act::End(p, a, l)),
    ]
}

proptest! {
    #[test]
    fn any_history_converges_within_three_rounds(acts in proptest::collection::vec(act(), 0..60)) {
        let mut world = World::default();
        for act in acts {
            match act {
                Act::Write(path, digest, headers) => {
                    world.disk.insert(path, version(digest, headers));
                }
                Act::Remove(path) => { world.disk.remove(&path); }
                Act::Look(path) => world.look(path),
                Act::Begin(path) => world.begin(path),
                Act::End(path, arrived, learnt) => world.end(path, arrived, learnt),
            }
        }
        for _ in 0..3 {
            for path in 0..3 {
                world.look(path);
                world.begin(path);
                world.end(path, true, true);
            }
        }
        prop_assert!(world.in_sync(), "{world:?}");
        // And then it is at rest: another look wants nothing.
        for (path, wanted) in &world.disk {
            prop_assert_eq!(standing(&world.known[path], *wanted), Standing::InSync);
        }
    }

    #[test]
    fn the_order_and_the_number_of_looks_do_not_matter(
        looks in proptest::collection::vec(0..3_u8, 0..12),
        files in proptest::collection::btree_map(0..3_u8, (0..3_u8, 0..2_i64), 0..3),
    ) {
        let disk = files.into_iter().map(|(path, (d, h))| (path, version(d, h))).collect();
        let mut world = World { disk, ..World::default() };
        let mut other = world.clone();
        for path in looks {
            world.look(path);
        }
        for path in 0..3 {
            world.look(path);
        }
        for path in (0..3).rev() {
            other.look(path);
        }
        let jobs = |world: &World| -> Vec<_> {
            world.known.values().map(|known| known.job.map(|job| job.version)).collect()
        };
        prop_assert_eq!(jobs(&world), jobs(&other));
    }
}

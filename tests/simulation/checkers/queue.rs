//! Looks at the committed store: leases, publish order, and records beside the cloud's objects.

use std::collections::BTreeMap;

use syncd::model::digest::Sha256;
use syncd::model::job::{JobState, Reason, Stage};
use syncd::model::key::Key;
use syncd::model::path::RelPath;
use syncd::store::{QueuedJob, ReleaseState, Selection};

use super::{ALL, ATTEMPTS_MAX, FOLDER, TRUTH_EVERY};
use crate::world::{State, World};

/// At each write of the store.
impl World {
    pub fn look_at_store(&self) {
        let queue = self.reader().queue(&Selection::All, ALL).unwrap();
        self.check_queue(&queue);
        let looks = {
            let mut state = self.state();
            state.checks.looks += 1;
            state.checks.looks
        };
        if looks.is_multiple_of(TRUTH_EVERY) {
            self.check_truth(looks.is_multiple_of(4 * TRUTH_EVERY));
        }
    }

    fn check_queue(&self, queue: &[QueuedJob]) {
        let mut wrong = Vec::new();
        let mut state = self.state();
        let state = &mut *state;
        let begun = note_leases(state, queue, &mut wrong);
        let prefix = &self.swarm.folder.prefix;
        let objects = &state.cloud.objects;
        let is_up = |path: &RelPath| {
            Key::of(prefix, path).is_ok_and(|key| objects.contains_key(key.as_str()))
        };
        let confirms = |job: &QueuedJob| {
            job.state == JobState::Ready
                && (job.reason, job.tries > 0) == (Reason::Unknown, true)
                && job.fault.is_none()
        };
        if queue.iter().any(confirms) {
            state.mark("upload sent again to confirm it");
        }
        let alive: BTreeMap<&RelPath, &QueuedJob> = queue
            .iter()
            .filter(|job| job.state != JobState::Dead)
            .map(|job| (&job.path, job))
            .collect();
        let firsts = &mut state.checks.first_release;
        firsts.retain(|path, _| alive.contains_key(path) && !is_up(path));
        for job in alive.values().filter(|job| !is_up(&job.path)) {
            firsts.entry(job.path.clone()).or_insert(job.release.0);
        }
        let pages: Vec<&&QueuedJob> = begun
            .iter()
            .filter(|job| job.stage != Stage::Asset)
            .collect();
        for page in &pages {
            for job in alive.values().filter(|job| job.stage < page.stage) {
                let of = firsts.get(&job.path).copied().unwrap_or(job.release.0);
                // A file that is gone or left out is not waited for, though its last upload may be
                // under way.
                let local = || self.reader().dossier(FOLDER, &job.path).unwrap().local;
                let is_wanted = || local().is_some_and(|local| local.excluded.is_none());
                if of.min(job.release.0) <= page.release.0 && is_wanted() {
                    let (page, job) = (&page.path, &job.path);
                    wrong.push(format!(
                        "{page} is published before {job}, which it waits for"
                    ));
                }
            }
        }
        let holds = |page: &QueuedJob, job: &QueuedJob| {
            page.state == JobState::Ready && job.stage < page.stage && job.release <= page.release
        };
        if queue
            .iter()
            .any(|page| alive.values().any(|job| holds(page, job)))
        {
            state.mark("page waited for an asset");
        }
        let releases = pages.iter().map(|page| page.release.0).collect();
        self.check_sealed(releases, &mut wrong);
        for what in wrong {
            state.wrong(&what);
        }
    }

    fn check_sealed(&self, pages: Vec<i64>, wrong: &mut Vec<String>) {
        if pages.is_empty() {
            return;
        }
        let releases = self.reader().releases(FOLDER, ALL).unwrap();
        for page in pages {
            let open = releases
                .iter()
                .find(|release| release.number.0 <= page && release.state == ReleaseState::Open);
            if let Some(open) = open {
                let number = open.number;
                wrong.push(format!(
                    "a page of release {page} begins while {number} is open"
                ));
            }
        }
    }

    /// A record that is not in doubt names what the cloud holds; those of files that are `gone` too.
    pub fn check_truth(&self, gone: bool) {
        let reader = self.reader();
        let Ok(files) = reader.page(FOLDER, None, None, ALL) else {
            return;
        };
        let mut said: Vec<(RelPath, Sha256)> = Vec::new();
        for file in files {
            let known = file.known;
            if let Some(published) = known.published.filter(|_| !known.in_doubt) {
                said.push((file.path, published.digest));
            }
        }
        let limit = if gone { ALL } else { 0 };
        for gone in reader.remote_only(FOLDER, limit).unwrap() {
            let synced = reader.dossier(FOLDER, &gone.path).unwrap().synced;
            if let Some(synced) = synced.filter(|synced| !synced.in_doubt)
                && let Some(published) = synced.published
            {
                said.push((gone.path, published.digest));
            }
        }
        let mut wrong = Vec::new();
        let state = self.state();
        for (path, digest) in said {
            let Ok(key) = Key::of(&self.swarm.folder.prefix, &path) else {
                continue;
            };
            let held = state
                .cloud
                .objects
                .get(key.as_str())
                .map(|object| object.digest);
            if held != Some(digest) {
                wrong.push(format!("the record of {path} is not what the cloud holds"));
            }
        }
        drop(state);
        for what in wrong {
            self.violated(&what);
        }
    }
}

/// Takes the leases down; answers the jobs that were leased since the last look.
fn note_leases<'q>(
    state: &mut State,
    queue: &'q [QueuedJob],
    wrong: &mut Vec<String>,
) -> Vec<&'q QueuedJob> {
    let before = std::mem::take(&mut state.checks.running);
    let mut begun = Vec::new();
    for job in queue {
        if job.attempts > ATTEMPTS_MAX {
            wrong.push(format!("{} had {} attempts", job.path, job.attempts));
        }
        if job.state != JobState::Running {
            continue;
        }
        let release = before.get(&job.path).copied();
        match release {
            None => begun.push(job),
            Some(release) if release != job.release.0 => {
                state.mark("job superseded while it ran");
            }
            Some(_) => {}
        }
        let release = release.unwrap_or(job.release.0);
        state.checks.running.insert(job.path.clone(), release);
    }
    begun
}

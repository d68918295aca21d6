//! What holds at rest: the cloud has what the tree has, and the counts say so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syncd::engine::live::{GateState, IntakeState, Live};
use syncd::model::digest::Sha256;
use syncd::model::key::Key;
use syncd::model::path::RelPath;

use super::{FOLDER, content_type, extension};
use crate::swarm::ROOT;
use crate::world::World;

/// The tree as an independent walk finds it.
struct Walk {
    publishable: BTreeMap<String, (RelPath, Sha256)>,
    excluded: u64,
}

impl World {
    fn walk(&self) -> Walk {
        let contents = self.disk.contents(Path::new(ROOT));
        let ignored = contents.get(b".syncdignore".as_slice());
        let ignored = ignored.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let ignored: BTreeSet<String> = ignored
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect();
        let mut walk = Walk {
            publishable: BTreeMap::new(),
            excluded: 0,
        };
        let mut twins = BTreeSet::new();
        for (path, bytes) in contents {
            let text = String::from_utf8(path.clone()).unwrap_or_default();
            let below_drafts = text.split('/').rev().skip(1).any(|part| part == "drafts");
            if below_drafts && ignored.contains("drafts/") {
                continue;
            }
            let name = text.rsplit('/').next().unwrap_or_default();
            let by_pattern = |ending: &str| {
                extension(name) == ending && ignored.contains(&format!("*.{ending}"))
            };
            let left_out = matches!(name, "" | ".syncdignore" | "4913" | "${filename}")
                || name.contains('\n')
                || name.ends_with('~')
                || extension(name) == "map"
                || name.starts_with(".goutputstream-")
                || by_pattern("tmp")
                || by_pattern("json");
            if left_out {
                walk.excluded += 1;
                continue;
            }
            let path = RelPath::from_bytes(path).unwrap();
            let key = Key::of(&self.swarm.folder.prefix, &path)
                .unwrap()
                .as_str()
                .to_owned();
            if walk
                .publishable
                .insert(key.clone(), (path, self.digest(&bytes)))
                .is_some()
            {
                twins.insert(key);
            }
        }
        for twin in twins {
            walk.publishable.remove(&twin);
            walk.excluded += 2;
        }
        walk
    }

    /// After faults and changes have stopped: everything is in the cloud, and known to be.
    pub fn at_rest(&self, live: &Live) -> Result<(), String> {
        let counts = self
            .reader()
            .counts(FOLDER)
            .map_err(|error| error.to_string())?;
        let walk = self.walk();
        let total = walk.publishable.len() as u64;
        // A closed account without a job has nothing to probe with.
        let has_work = counts.queued + counts.in_flight + counts.failed > 0;
        if let Some(account) = live
            .accounts
            .iter()
            .find(|account| account.gate != GateState::Ready && has_work)
        {
            return Err(format!("the account is {:?}", account.gate));
        }
        for folder in &live.folders {
            if folder.state == IntakeState::Blocked || !folder.settling.is_empty() {
                return Err(format!("the folder is not at rest: {folder:?}"));
            }
        }
        let state = self.state();
        for (key, (path, digest)) in &walk.publishable {
            let Some(object) = state.cloud.objects.get(key) else {
                let dossier = self.reader().dossier(FOLDER, path);
                return Err(format!("{path} is not in the cloud: {dossier:?}"));
            };
            if object.digest != *digest {
                return Err(format!("the cloud has another version of {path}"));
            }
            let header = |name: &str| {
                let found = object.headers.iter().find(|(have, _)| have == name);
                found.map(|(_, value)| value.as_str())
            };
            if header("content-type") != Some(content_type(key)) {
                return Err(format!("{path} has the type {:?}", header("content-type")));
            }
            if header("cache-control").is_some() != (extension(key) == "html") {
                return Err(format!("{path} has another cache-control"));
            }
        }
        drop(state);
        if (counts.total, counts.synced, counts.excluded) != (total, total, walk.excluded) {
            let excluded = walk.excluded;
            return Err(format!(
                "{total} files and {excluded} left out are counted as {counts:?}"
            ));
        }
        Ok(())
    }
}

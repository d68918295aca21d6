//! `plan`: what one pass would do, found by a walk that records nothing.
//!
//! The walk and the table are both in byte order of paths and are merged; only what differs is kept.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::Serialize;

use crate::decide::filter::{PatternError, Rules, Verdict};
use crate::decide::plan::{Standing, standing};
use crate::decide::publish::Publisher;
use crate::engine::ignore_file;
use crate::model::digest::{IdentityHasher, Sha256};
use crate::model::folder::FolderSpec;
use crate::model::job::{FolderId, JobState, Reason, Stage};
use crate::model::key::{Key, shared_with};
use crate::model::observation::{Entry, EntryKind, Stat};
use crate::model::path::RelPath;
use crate::model::record::Published;
use crate::port::disk::{Disk, DiskError, Root, with_cause};
use crate::store::{Reader, StoreError, StoredFile};

use super::SCHEMA;

/// `plan --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Folders, in configuration order.
    pub folders: Vec<FolderPlan>,
}

impl Plan {
    /// Of these folders.
    pub fn of(folders: Vec<FolderPlan>) -> Self {
        Self {
            schema: SCHEMA,
            folders,
        }
    }

    /// Whether anything is to be published, or cannot be known to be in sync.
    pub fn is_pending(&self) -> bool {
        self.folders.iter().any(|folder| {
            folder.blocked.is_some()
                || folder.unreadable > 0
                || folder.actions.iter().any(Action::is_pending)
        })
    }
}

/// One folder.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct FolderPlan {
    /// Name.
    pub name: String,
    /// Why it could not be walked.
    pub blocked: Option<String>,
    /// What is to be done, in publish order; then what is gone here.
    pub actions: Vec<Action>,
    /// Files that are in sync.
    pub skipped: u64,
    /// What is left out, with the rule.
    pub excluded: Vec<LeftOut>,
    /// How many of these cannot be read, so that nobody knows whether they are in sync.
    pub unreadable: u64,
    /// Links and special files, which are never followed.
    pub not_followed: Vec<String>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Action {
    /// Path.
    pub path: String,
    /// `create`, `update`, `headers`, `dead` (given up, needs a person), or `keep` (gone here).
    pub action: &'static str,
    /// Why.
    pub reason: String,
    /// Bytes.
    pub bytes: u64,
    /// Publish order; `null` for what is not published.
    pub stage: Option<Stage>,
}

impl Action {
    fn is_pending(&self) -> bool {
        self.action != "keep"
    }
}

/// Something that is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Path; a directory ends with `/`.
    pub path: String,
    /// By which rule.
    pub reason: String,
}

/// Why a folder could not be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The records cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A pattern of `.syncdignore` or the configuration.
    #[error("{0}")]
    Pattern(#[from] PatternError),
}

/// Plans one folder. `stored` is its row, if it has one.
///
/// # Errors
/// The records cannot be read, or a pattern is wrong.
pub fn folder(
    spec: &FolderSpec,
    disk: &dyn Disk,
    stored: Option<(&Reader, FolderId)>,
) -> Result<FolderPlan, PlanError> {
    let mut plan = FolderPlan {
        name: spec.name.clone(),
        ..FolderPlan::default()
    };
    let root = match disk.open_root(&spec.path) {
        Ok(root) => root,
        Err(error) => {
            plan.blocked = Some(error.to_string());
            return Ok(plan);
        }
    };
    let ignore_file = match ignore_file::read(&*root) {
        Ok(ignore_file) => ignore_file,
        Err(reason) => {
            plan.blocked = Some(reason);
            return Ok(plan);
        }
    };
    if let (None, Some((reader, folder))) = (ignore_file.stat, stored) {
        plan.blocked = ignore_file::missed(reader, folder, &spec.name)?;
        if plan.blocked.is_some() {
            return Ok(plan);
        }
    }
    let walk = Walk {
        spec,
        root,
        rules: Rules::new(spec, ignore_file.text.as_deref())?,
        publisher: Publisher::new(spec)?,
        rows: Rows {
            spec,
            stored,
            waiting: VecDeque::new(),
            after: None,
            ended: stored.is_none(),
        },
        staged: Vec::new(),
        composed: BTreeMap::new(),
        plan,
    };
    walk.run().map_err(Into::into)
}

struct Walk<'a> {
    spec: &'a FolderSpec,
    root: Arc<dyn Root>,
    rules: Rules,
    publisher: Publisher,
    rows: Rows<'a>,
    staged: Vec<(Stage, Action)>,
    /// Files whose names are not those of their keys (below the prefix), by these.
    composed: BTreeMap<Vec<u8>, Vec<RelPath>>,
    plan: FolderPlan,
}

impl Walk<'_> {
    fn run(mut self) -> Result<FolderPlan, StoreError> {
        self.directory(None)?;
        while let Some(row) = self.rows.next()? {
            self.gone(&row);
        }
        self.leave_out_twins();
        let gone = std::mem::take(&mut self.plan.actions);
        // A stable sort: within a stage the order of the walk stays.
        self.staged.sort_by_key(|(stage, _)| *stage);
        self.plan.actions = self.staged.into_iter().map(|(_, action)| action).collect();
        self.plan.actions.extend(gone);
        Ok(self.plan)
    }

    fn directory(&mut self, directory: Option<&RelPath>) -> Result<(), StoreError> {
        let mut entries = match self.root.list(directory) {
            Ok(entries) => entries,
            Err(error) => {
                self.unreadable(directory, &error);
                return Ok(());
            }
        };
        // Sorted as if directories ended with `/`, a walk visits paths in byte order.
        entries.sort_by_cached_key(sort_key);
        for entry in entries {
            let Ok(path) = RelPath::child(directory, &entry.name) else {
                continue;
            };
            match entry.kind {
                EntryKind::Directory => match self.rules.decide_entry(&path, true) {
                    Verdict::Excluded(reason) => self.leave_out(format!("{path}/"), reason),
                    Verdict::Kept(_) => self.directory(Some(&path))?,
                },
                EntryKind::File => self.file(&path, &entry.stat)?,
                EntryKind::Symlink | EntryKind::Special => {
                    self.plan.not_followed.push(path.to_string());
                }
            }
        }
        Ok(())
    }

    fn unreadable(&mut self, directory: Option<&RelPath>, error: &DiskError) {
        match directory {
            None => self.plan.blocked = Some(error.to_string()),
            Some(path) => self.refuse(format!("{path}/"), error),
        }
    }

    fn refuse(&mut self, path: String, error: &DiskError) {
        self.plan.unreadable += 1;
        self.leave_out(path, with_cause(error));
    }

    fn leave_out(&mut self, path: String, reason: String) {
        self.plan.excluded.push(LeftOut { path, reason });
    }

    fn file(&mut self, path: &RelPath, stat: &Stat) -> Result<(), StoreError> {
        let row = self.row_of(path)?;
        if let Verdict::Excluded(reason) = self.rules.decide_entry(path, false) {
            self.leave_out(path.to_string(), reason);
            return Ok(());
        }
        let key = match Key::of(&self.spec.prefix, path) {
            Ok(key) => key,
            Err(error) => {
                self.leave_out(path.to_string(), error.to_string());
                return Ok(());
            }
        };
        let digest = match self.digest(path, stat, row.as_ref()) {
            Ok(digest) => digest,
            Err(error) => {
                self.refuse(path.to_string(), &error);
                return Ok(());
            }
        };
        let key = key.as_str().as_bytes();
        let below = key.get(self.spec.prefix.len()..).unwrap_or_default();
        if below != path.as_bytes() {
            let family = self.composed.entry(below.to_vec()).or_default();
            family.push(path.clone());
        }
        let wanted = Published {
            digest,
            headers: self.publisher.dress(path).fingerprint,
        };
        let known = row.map(|row| row.known).unwrap_or_default();
        let published = known.published;
        let dead = known.job.is_some_and(|job| job.state == JobState::Dead);
        let (action, reason) = match standing(&known, wanted) {
            Standing::InSync => {
                self.plan.skipped += 1;
                return Ok(());
            }
            Standing::Dropped => {
                let reason = "this version was dropped from the queue by hand".to_owned();
                self.leave_out(path.to_string(), reason);
                return Ok(());
            }
            Standing::Covered if dead => ("dead", "given up; `syncd why` tells the fault"),
            Standing::Covered if published.is_none() => ("create", "in the queue already"),
            Standing::Covered => ("update", "in the queue already"),
            Standing::Wanting(reason) => words(reason),
        };
        let stage = self.publisher.stage(path);
        self.staged.push((
            stage,
            Action {
                path: path.to_string(),
                action,
                reason: reason.to_owned(),
                bytes: stat.size,
                stage: Some(stage),
            },
        ));
        Ok(())
    }

    /// Two files with one key are both left out; the walk has counted or staged each of them already.
    fn leave_out_twins(&mut self) {
        let mut twins = BTreeMap::new();
        for (key, mut family) in std::mem::take(&mut self.composed) {
            family.extend(self.publishable(&key));
            family.sort_unstable();
            for twin in &family {
                if let Some(other) = family.iter().find(|other| *other != twin) {
                    twins.insert(twin.to_string(), shared_with(other));
                }
            }
        }
        if twins.is_empty() {
            return;
        }
        let mut placed: BTreeSet<String> = BTreeSet::new();
        self.staged.retain(|(_, action)| {
            let is_twin = twins.contains_key(&action.path);
            if is_twin {
                placed.insert(action.path.clone());
            }
            !is_twin
        });
        for (path, reason) in twins {
            let dropped = self.plan.excluded.iter_mut().find(|out| out.path == path);
            if let Some(left_out) = dropped {
                left_out.reason = reason;
                continue;
            }
            if !placed.contains(&path) {
                self.plan.skipped = self.plan.skipped.saturating_sub(1);
            }
            self.plan.excluded.push(LeftOut { path, reason });
        }
        self.plan
            .excluded
            .sort_by(|one, two| one.path.cmp(&two.path));
    }

    /// The file with exactly this name, if it is there and would be published.
    fn publishable(&self, path: &[u8]) -> Option<RelPath> {
        let path = RelPath::from_bytes(path).ok()?;
        let entry = self.root.entry(&path).ok()??;
        let kept = matches!(self.rules.decide(&path, false), Verdict::Kept(_));
        (kept && entry.kind == EntryKind::File && self.root.open(&path).is_ok()).then_some(path)
    }

    /// The stored row of a path; rows before it are of files that are gone.
    fn row_of(&mut self, path: &RelPath) -> Result<Option<StoredFile>, StoreError> {
        loop {
            match self.rows.peek()? {
                Some(row) if row.path < *path => {
                    if let Some(row) = self.rows.next()? {
                        self.gone(&row);
                    }
                }
                Some(row) if row.path == *path => return self.rows.next(),
                _ => return Ok(None),
            }
        }
    }

    fn gone(&mut self, row: &StoredFile) {
        if row.known.published.is_some() {
            self.plan.actions.push(Action {
                path: row.path.to_string(),
                action: "keep",
                reason: "gone here, kept in the cloud: deletions are not sent".to_owned(),
                bytes: row.stat.size,
                stage: None,
            });
        }
    }

    fn digest(
        &self,
        path: &RelPath,
        stat: &Stat,
        row: Option<&StoredFile>,
    ) -> Result<Sha256, DiskError> {
        if let Some(row) = row.filter(|row| row.stat == *stat && !row.racy)
            && let Some(digest) = row.digest
        {
            return Ok(digest);
        }
        let mut file = self.root.open(path)?;
        let mut hasher = IdentityHasher::default();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok(hasher.finish());
            }
            hasher.update(buffer.get(..read).unwrap_or_default());
        }
    }
}

fn sort_key(entry: &Entry) -> Vec<u8> {
    let mut key = entry.name.to_vec();
    if entry.kind == EntryKind::Directory {
        key.push(b'/');
    }
    key
}

fn words(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::New => ("create", "never published"),
        Reason::Content => ("update", "other bytes than those published"),
        Reason::Headers => ("headers", "same bytes, other stored headers"),
        Reason::Unknown => ("update", "the outcome of its last upload is not known"),
    }
}

/// The stored files of a folder, a page at a time.
struct Rows<'a> {
    spec: &'a FolderSpec,
    stored: Option<(&'a Reader, FolderId)>,
    waiting: VecDeque<StoredFile>,
    after: Option<RelPath>,
    ended: bool,
}

/// Rows that are read at once.
const PAGE: usize = 1000;

impl Rows<'_> {
    fn peek(&mut self) -> Result<Option<&StoredFile>, StoreError> {
        self.fill()?;
        Ok(self.waiting.front())
    }

    fn next(&mut self) -> Result<Option<StoredFile>, StoreError> {
        self.fill()?;
        Ok(self.waiting.pop_front())
    }

    fn fill(&mut self) -> Result<(), StoreError> {
        let Some((reader, folder)) = self.stored else {
            return Ok(());
        };
        if !self.waiting.is_empty() || self.ended {
            return Ok(());
        }
        let page = reader.page_for(folder, self.spec, self.after.as_ref(), PAGE)?;
        self.ended = page.len() < PAGE;
        self.after = page.last().map(|row| row.path.clone());
        self.waiting = page.into();
        Ok(())
    }
}

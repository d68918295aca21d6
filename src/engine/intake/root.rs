//! Which directory is the folder: opened, told from one that was put in its place, watched.

use std::sync::Arc;

use super::look::{Moment, Policy};
use super::{HINTS_MAX, Intake, IntakeError, Opened, Trouble};
use crate::decide::settle::Target;
use crate::engine::ignore_file;
use crate::model::folder::{FolderSpec, WatchMode};
use crate::model::observation::Stat;
use crate::port::disk::{DiskError, Root, RootIdentity, with_cause};
use crate::port::watcher::Hints;
use crate::store::{StoreError, StoredFile};

/// So many stored files are compared to tell the same tree on another device number.
const SAMPLE: usize = 200;

/// The rules, and the `.syncdignore` they were made from; or why there are none.
type Loaded = Result<(Policy, Option<Stat>), String>;

/// A root with what it is, where the disk let us see.
type Found = Result<(Arc<dyn Root>, Standing), DiskError>;

/// What stands at the root's path.
enum Standing {
    /// The directory that was there before, or the first one.
    Same,
    /// Another one that takes its place.
    Adopted,
    /// One that must not take its place, and why.
    Refused(String),
}

impl Intake {
    /// Opens the root and begins to watch it, if wanted; else the folder is blocked with the reason.
    pub(super) async fn open(&mut self, watched: bool) -> Result<(), IntakeError> {
        let disk = Arc::clone(&self.ports.disk);
        let path = self.spec.path.clone();
        let reader = self.store.reader()?;
        let (folder, known) = (self.folder, self.known_root);
        let accepted = self.root_accepted;
        let opening = move || -> Result<Found, StoreError> {
            let root = match disk.open_root(&path) {
                Ok(root) => root,
                Err(error) => return Ok(Err(error)),
            };
            let sample = || reader.page(folder, None, None, SAMPLE);
            let standing = match known {
                Some(known) if known != root.identity() && !accepted => {
                    match replaced(root.as_ref(), known, sample)? {
                        Ok(standing) => standing,
                        Err(error) => return Ok(Err(error)),
                    }
                }
                Some(known) if known == root.identity() => Standing::Same,
                Some(_) | None => Standing::Adopted,
            };
            Ok(Ok((root, standing)))
        };
        let (root, standing) = match self.ports.offload.run(opening).await? {
            Ok(opened) => opened,
            Err(error) => {
                self.block(with_cause(&error));
                return Ok(());
            }
        };
        match standing {
            Standing::Refused(reason) => {
                self.block(reason);
                return Ok(());
            }
            Standing::Adopted => {
                self.store.set_root(self.folder, root.identity()).await?;
            }
            Standing::Same => {}
        }
        self.known_root = Some(root.identity());
        if watched {
            self.start_watch().await;
        }
        let loaded = self.load(Arc::clone(&root)).await?;
        self.root_accepted = false;
        match loaded {
            Ok((policy, ignore_file)) => {
                self.blocked = None;
                self.root.send_replace(Some(Arc::clone(&root)));
                // Jobs of an earlier process may wait for nothing but this root.
                self.wake.notify_one();
                self.opened = Some(Opened {
                    root,
                    policy: Arc::new(policy),
                    ignore_file,
                });
            }
            Err(reason) => self.block(reason),
        }
        Ok(())
    }

    async fn start_watch(&mut self) {
        self.watch = None;
        self.degraded = None;
        if matches!(self.spec.watch, WatchMode::Off | WatchMode::Poll) {
            return;
        }
        let (hints, heard) = Hints::channel(HINTS_MAX, Arc::clone(&self.ports.clock));
        self.hints = heard;
        let watcher = Arc::clone(&self.ports.watcher);
        let path = self.spec.path.clone();
        let watching = move || watcher.watch(&path, hints);
        match self.ports.offload.run(watching).await {
            Ok(watch) => self.watch = Some(watch),
            Err(error) => {
                self.notice(error.to_string());
                self.degraded = Some(error.to_string());
            }
        }
    }

    /// Whether the path still leads to the open root.
    pub(super) async fn check_root(&mut self) -> Result<(), Trouble> {
        let Some(opened) = &self.opened else {
            return Err(Trouble::RootChanged);
        };
        let identity = opened.root.identity();
        let disk = Arc::clone(&self.ports.disk);
        let path = self.spec.path.clone();
        let looking = move || disk.open_root(&path).map(|root| root.identity());
        match self.ports.offload.run(looking).await {
            Ok(found) if found == identity => Ok(()),
            Ok(_) | Err(_) => Err(Trouble::RootChanged),
        }
    }

    /// Reads `.syncdignore` again if it changed.
    pub(super) async fn refresh_policy(&mut self) -> Result<(), Trouble> {
        let Some(opened) = &self.opened else {
            return Ok(());
        };
        let root = Arc::clone(&opened.root);
        let before = opened.ignore_file;
        let looking = move || ignore_file::stat(root.as_ref());
        let found = self.ports.offload.run(looking).await;
        let moment = Moment {
            now: self.ports.clock.now(),
            quiet: self.spec.settle,
        };
        match found {
            Ok(found) if found == before => return Ok(()),
            // Half of it may be written: until it rests, the rules are those of before.
            Ok(Some(stat)) if moment.is_young(&stat) => {
                let now = self.ports.clock.monotonic();
                self.settle.mark(Target::Everything, now);
                return Ok(());
            }
            Ok(_) | Err(_) => {}
        }
        let Some(root) = self.opened.as_ref().map(|opened| Arc::clone(&opened.root)) else {
            return Ok(());
        };
        match self.load(root).await? {
            Ok((policy, ignore_file)) => {
                if let Some(opened) = &mut self.opened {
                    opened.policy = Arc::new(policy);
                    opened.ignore_file = ignore_file;
                }
            }
            Err(reason) => self.block(reason),
        }
        Ok(())
    }

    /// The rules, or why the folder has to wait.
    async fn load(&mut self, root: Arc<dyn Root>) -> Result<Loaded, StoreError> {
        let (spec, folder, accepted) = (self.spec.clone(), self.folder, self.root_accepted);
        let reader = self.reader()?;
        let loading = move || {
            let loaded = policy(root.as_ref(), &spec);
            if accepted || !matches!(loaded, Ok((_, None))) {
                return Ok(loaded);
            }
            let missed = ignore_file::missed(&reader, folder, &spec.name)?;
            Ok(missed.map_or(loaded, Err))
        };
        self.ports.offload.run(loading).await
    }
}

/// Decides about a directory that is another one than before.
fn replaced(
    root: &dyn Root,
    known: RootIdentity,
    sample: impl FnOnce() -> Result<Vec<StoredFile>, StoreError>,
) -> Result<Result<Standing, DiskError>, StoreError> {
    let is_empty = match root.list(None) {
        Ok(entries) => entries.is_empty(),
        Err(error) => return Ok(Err(error)),
    };
    let refused = |what: &str| {
        Ok(Ok(Standing::Refused(format!(
            "{what}; it is looked at again every few seconds, and `syncd resume` takes it as it is"
        ))))
    };
    if is_empty {
        return refused("Another directory is in the folder's place, and it is empty");
    }
    if root.identity().dev == known.dev {
        return Ok(Ok(Standing::Adopted));
    }
    // A file system that was mounted again may have another number: then its files are still the same.
    let is_same = sample()?.iter().any(|stored| {
        let same = |stat: Stat| {
            (stat.ino, stat.size, stat.mtime_ns)
                == (stored.stat.ino, stored.stat.size, stored.stat.mtime_ns)
        };
        matches!(root.entry(&stored.path), Ok(Some(entry)) if same(entry.stat))
    });
    if is_same {
        return Ok(Ok(Standing::Adopted));
    }
    refused("Another file system with other files is in the folder's place")
}

/// The folder's rules, with its `.syncdignore`; the error says why the folder has to wait.
fn policy(root: &dyn Root, spec: &FolderSpec) -> Loaded {
    let found = ignore_file::read(root)?;
    let policy = Policy::new(spec, found.text.as_deref()).map_err(|error| error.to_string())?;
    Ok((policy, found.stat))
}

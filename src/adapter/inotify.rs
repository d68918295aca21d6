//! Native file events through notify (inotify on Linux), turned into hints.
//!
//! The callback runs on notify's own thread and only passes events on. notify reports a new directory
//! *before* it watches it, and stops watching a new tree at the first name that vanishes meanwhile, so a
//! thread of ours asks for the watch once more and sends the hint only when the watch stands: whoever
//! walks the directory then finds everything that was made unseen.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use notify::event::{CreateKind, Event, EventKind, ModifyKind, RenameMode};
use notify::{Config, ErrorKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use crate::model::path::RelPath;
use crate::model::time::Monotonic;
use crate::port::watcher::{Heard, Hint, Hints, Watch, WatchError, Watcher};

/// Watches with the operating system's own events.
#[derive(Debug, Clone, Copy, Default)]
pub struct Inotify;

/// Events that wait for our thread; more become "everything".
const EVENTS_MAX: usize = 8192;

/// How often a new directory's watch is asked for while names in it keep vanishing.
const WATCH_TRIES: u32 = 5;

/// The limit of each user, and that of the user's namespace (a container's, say); the lower one counts.
const LIMITS: [(&str, &str); 2] = [
    (
        "fs.inotify.max_user_watches",
        "/proc/sys/fs/inotify/max_user_watches",
    ),
    (
        "user.max_inotify_watches",
        "/proc/sys/user/max_inotify_watches",
    ),
];

enum Message {
    /// Something happened at a path; `may_be_new_directory` when it appeared.
    Path {
        path: PathBuf,
        at: Monotonic,
        may_be_new_directory: bool,
    },
    /// The watch limit was reached.
    Limit,
    /// The watch was dropped.
    Stop,
}

/// What the callback and our thread share.
#[derive(Default)]
struct Flags {
    /// Events were lost.
    everything: AtomicBool,
    stop: AtomicBool,
}

struct Running {
    flags: Arc<Flags>,
    line: SyncSender<Message>,
}

impl Watch for Running {}

impl Drop for Running {
    fn drop(&mut self) {
        self.flags.stop.store(true, Ordering::Release);
        // If the line is full the thread finds the flag at its next message.
        let _ = self.line.try_send(Message::Stop);
    }
}

impl Watcher for Inotify {
    fn watch(&self, root: &Path, hints: Hints) -> Result<Box<dyn Watch>, WatchError> {
        let flags = Arc::new(Flags::default());
        let (line, events) = sync_channel(EVENTS_MAX);
        let callback = callback(Arc::clone(&flags), line.clone(), hints.clone());
        let config = Config::default().with_follow_symlinks(false);
        let mut watcher = RecommendedWatcher::new(callback, config)
            .map_err(|error| WatchError(cannot_watch(root, &error)))?;
        // Events carry the path as it was given, so links in it are resolved once, here.
        let root = root.canonicalize().map_err(|error| {
            WatchError(format!("Could not watch \"{}\": {error}", root.display()))
        })?;
        let identity = identity(&root);
        watch_tree(&mut watcher, &root).map_err(|error| WatchError(cannot_watch(&root, &error)))?;
        let thread = Thread {
            root,
            identity,
            watcher,
            events,
            flags: Arc::clone(&flags),
            hints,
        };
        std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || thread.run())
            .map_err(|error| WatchError(format!("Could not start a thread to watch: {error}")))?;
        Ok(Box::new(Running { flags, line }))
    }
}

fn callback(
    flags: Arc<Flags>,
    line: SyncSender<Message>,
    hints: Hints,
) -> impl FnMut(notify::Result<Event>) + Send + 'static {
    move |event| {
        let messages = match event {
            Ok(event) if event.need_rescan() => {
                flags.everything.store(true, Ordering::Release);
                Vec::new()
            }
            Ok(event) => sorted(event, hints.now()),
            Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => vec![Message::Limit],
            Err(_) => {
                flags.everything.store(true, Ordering::Release);
                Vec::new()
            }
        };
        for message in messages {
            if let Err(TrySendError::Full(_)) = line.try_send(message) {
                flags.everything.store(true, Ordering::Release);
            }
        }
        // A thread that sleeps on an empty line has to learn of the flag.
        if flags.everything.load(Ordering::Acquire) {
            let _ = line.try_send(Message::Path {
                path: PathBuf::new(),
                at: hints.now(),
                may_be_new_directory: false,
            });
        }
    }
}

fn sorted(event: Event, at: Monotonic) -> Vec<Message> {
    let may_be_new_directory = match event.kind {
        // Reading must not wake anybody; and `Both` only repeats what `From` and `To` said.
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => {
            return Vec::new();
        }
        EventKind::Create(CreateKind::File) => false,
        EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)) => true,
        EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Any | EventKind::Other => false,
    };
    let message = |path| Message::Path {
        path,
        at,
        may_be_new_directory,
    };
    event.paths.into_iter().map(message).collect()
}

/// Owns the watcher, which cannot be asked for anything from its own callback.
struct Thread {
    root: PathBuf,
    /// Of the directory that stood at `root` when it began to be watched.
    identity: Option<(u64, u64)>,
    watcher: RecommendedWatcher,
    events: Receiver<Message>,
    flags: Arc<Flags>,
    hints: Hints,
}

impl Thread {
    fn run(mut self) {
        while let Ok(first) = self.events.recv() {
            if self.round(first).is_none() {
                return;
            }
        }
    }

    /// Passes on what waits, each path once; `None` when nobody listens any more.
    fn round(&mut self, first: Message) -> Option<()> {
        let mut paths = BTreeMap::new();
        let mut directories = BTreeSet::new();
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Stop => return None,
                Message::Limit => self.say(Hint::Degraded(limit_reached(&self.root)))?,
                Message::Path {
                    path,
                    at,
                    may_be_new_directory,
                } => {
                    if may_be_new_directory {
                        directories.insert(path.clone());
                    }
                    paths.insert(path, at);
                }
            }
            if paths.len() >= EVENTS_MAX {
                break;
            }
            next = self.events.try_recv().ok();
        }
        if self.flags.stop.load(Ordering::Acquire) {
            return None;
        }
        for path in directories {
            self.watch_new(&path)?;
        }
        for (path, at) in paths {
            if path == self.root {
                // Attributes of the root change with every entry; only its absence, or another one in its
                // place, matters.
                if identity(&self.root) != self.identity {
                    self.say(Hint::Root)?;
                }
            } else if let Some(path) = self.below(&path) {
                self.send(Hint::Path(path), at)?;
            }
        }
        if self.flags.everything.swap(false, Ordering::AcqRel) {
            self.say(Hint::Everything)?;
        }
        Some(())
    }

    fn below(&self, path: &Path) -> Option<RelPath> {
        let below = path.strip_prefix(&self.root).ok()?;
        RelPath::from_bytes(below.as_os_str().as_bytes()).ok()
    }

    fn watch_new(&mut self, path: &Path) -> Option<()> {
        let is_directory = |path: &Path| {
            path.symlink_metadata()
                .is_ok_and(|metadata| metadata.is_dir())
        };
        for _ in 0..WATCH_TRIES {
            if !is_directory(path) || !path.starts_with(&self.root) {
                return Some(());
            }
            match watch_tree(&mut self.watcher, path) {
                Ok(()) => return Some(()),
                Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => {
                    return self.say(Hint::Degraded(limit_reached(&self.root)));
                }
                Err(_) => {}
            }
        }
        if is_directory(path) {
            let message = format!(
                "\"{}\" could not be watched; changes below it are only found by full scans",
                path.display()
            );
            self.say(Hint::Degraded(message))?;
        }
        Some(())
    }

    /// Sends a hint about what is so now.
    fn say(&self, hint: Hint) -> Option<()> {
        self.send(hint, self.hints.now())
    }

    /// Sends one hint. A full line becomes one "everything", which waits for room.
    fn send(&self, hint: Hint, at: Monotonic) -> Option<()> {
        match self.hints.try_send(hint, at) {
            Ok(()) => Some(()),
            Err(mpsc::error::TrySendError::Closed(_)) => None,
            Err(mpsc::error::TrySendError::Full(Heard { hint, .. })) => {
                let hint = match hint {
                    Hint::Path(_) | Hint::Everything => {
                        self.flags.everything.store(false, Ordering::Release);
                        Hint::Everything
                    }
                    Hint::Root | Hint::Degraded(_) => hint,
                };
                self.hints.blocking_send(hint)
            }
        }
    }
}

/// Device and inode of a directory.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = path
        .symlink_metadata()
        .ok()
        .filter(std::fs::Metadata::is_dir)?;
    Some((metadata.dev(), metadata.ino()))
}

fn watch_tree(watcher: &mut RecommendedWatcher, path: &Path) -> notify::Result<()> {
    watcher.watch(path, RecursiveMode::Recursive)
}

fn cannot_watch(root: &Path, error: &notify::Error) -> String {
    if matches!(error.kind, ErrorKind::MaxFilesWatch) {
        limit_reached(root)
    } else {
        format!("Could not watch \"{}\": {error}", root.display())
    }
}

fn limit_reached(root: &Path) -> String {
    let directories = directories_below(root);
    let (setting, limit) = watch_limit().map_or((LIMITS[0].0, "unknown".to_owned()), |lower| {
        (lower.0, lower.1.to_string())
    });
    let wanted = (directories.saturating_mul(2)).max(524_288);
    format!(
        "The limit of watches is reached: \"{}\" has {directories} directories and {setting} is \
         {limit} for all programs of this user; raise it with `sysctl -w {setting}={wanted}`; until \
         then the folder is polled where `watch` is \"auto\"",
        root.display()
    )
}

/// The lower one of the limits of watches that hold for this process, with the name of its setting.
#[expect(
    clippy::disallowed_methods,
    reason = "an adapter: this is where the operating system is asked"
)]
pub fn watch_limit() -> Option<(&'static str, u64)> {
    let read = |(setting, path): (&'static str, &str)| {
        let text = String::from_utf8(std::fs::read(path).ok()?).ok()?;
        Some((setting, text.trim().parse().ok()?))
    };
    LIMITS
        .into_iter()
        .filter_map(read)
        .min_by_key(|(_, limit)| *limit)
}

/// How many watches a directory needs: one for itself and each directory below it that can be seen.
#[expect(
    clippy::disallowed_methods,
    reason = "an adapter: this is where the operating system is asked"
)]
pub fn directories_below(root: &Path) -> u64 {
    let mut count = 0;
    let mut left = vec![root.to_owned()];
    while let Some(directory) = left.pop() {
        count += 1;
        let Ok(entries) = std::fs::read_dir(&directory) else {
            continue;
        };
        left.extend(
            entries
                .flatten()
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path()),
        );
    }
    count
}

//! An inbox's disk in memory, weaker than any real one: at a power cut every change of a directory that
//! was not made durable may be lost by itself, and so may the bytes of a file; after a kill all is as
//! it was. A hook runs before each effect; it may be a reader that takes files away, or let the effect
//! fail.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use syncd::port::disk::RootIdentity;

#[path = "inbox/port.rs"]
mod port;

/// What is about to happen to the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A temporary file is made.
    Create(String),
    /// Bytes are added to one.
    Write(String),
    /// Its bytes are made durable.
    SyncFile(String),
    /// A directory is made.
    MakeDirectory(Vec<u8>),
    /// A directory that could not be made durable is taken away again.
    RemoveDirectory(Vec<u8>),
    /// The names in a directory are made durable.
    SyncDirectory(Vec<u8>),
    /// A temporary file gets its final name.
    Rename(Vec<u8>),
    /// A temporary file is removed.
    Remove(String),
}

/// What an effect comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It happens.
    Happens,
    /// The disk fails.
    Fails(io::ErrorKind),
    /// The process is dead: neither this nor anything after it happens.
    Dead,
}

/// Runs before each effect.
pub(crate) type Hook = Box<dyn FnMut(&FakeInboxes, &Effect) -> Verdict + Send>;

/// The private directory.
const PRIVATE: &str = ".syncd-tmp";

/// A disk with one inbox, wherever it is asked for; clones are the same disk.
#[derive(Clone)]
pub(crate) struct FakeInboxes {
    state: Arc<Mutex<State>>,
    hook: Arc<Mutex<Option<Hook>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Directory,
    Symlink,
    File(u64),
}

/// A change of names that a power cut may undo.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    Add(Vec<u8>, Node),
    Move(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
}

impl Change {
    /// The name that has to be durable for the change to be.
    fn name(&self) -> &[u8] {
        match self {
            Self::Add(name, _) | Self::Move(_, name) | Self::Remove(name) => name,
        }
    }

    fn apply(self, names: &mut Names) {
        match self {
            Self::Add(name, node) => {
                names.insert(name, node);
            }
            Self::Move(from, to) => {
                if let Some(node) = names.remove(&from) {
                    names.insert(to, node);
                }
            }
            Self::Remove(name) => {
                names.remove(&name);
            }
        }
    }
}

/// Every name below the inbox, by its whole path.
type Names = BTreeMap<Vec<u8>, Node>;

#[derive(Debug, Default)]
struct Inode {
    bytes: Vec<u8>,
    durable: Option<Vec<u8>>,
    /// Making it durable failed once: the system takes it for done and never writes it.
    is_lost: bool,
}

#[derive(Debug)]
struct State {
    identity: RootIdentity,
    names: Names,
    durable: Names,
    pending: Vec<Change>,
    inodes: BTreeMap<u64, Inode>,
    next: u64,
    free_bytes: u64,
    /// Counts what may have changed the names.
    changes: u64,
    /// Who has it open.
    holder: Option<u64>,
}

impl FakeInboxes {
    /// An empty inbox.
    pub(crate) fn new() -> Self {
        let names: Names = BTreeMap::from([(PRIVATE.into(), Node::Directory)]);
        let state = State {
            identity: RootIdentity { dev: 1, ino: 1 },
            durable: names.clone(),
            names,
            pending: Vec::new(),
            inodes: BTreeMap::new(),
            next: 1,
            free_bytes: u64::MAX,
            changes: 0,
            holder: None,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            hook: Arc::default(),
        }
    }

    /// Calls `hook` before each effect.
    pub(crate) fn set_hook(&self, hook: Option<Hook>) {
        *self.hook.lock().unwrap_or_else(PoisonError::into_inner) = hook;
    }

    /// Sets what is left to write to.
    pub(crate) fn set_free_bytes(&self, bytes: u64) {
        self.state().free_bytes = bytes;
    }

    /// Puts another directory in its place, empty.
    pub(crate) fn replace(&self) {
        let mut state = self.state();
        state.identity.ino += 1;
        state.changes += 1;
        state.names.retain(|name, _| name == PRIVATE.as_bytes());
        state.durable = state.names.clone();
        state.pending.clear();
    }

    /// Another program puts a file there, durably; directories are made as needed.
    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let mut state = self.state();
        let ino = state.make(bytes.to_vec());
        state.put(path.as_bytes(), Node::File(ino));
        if let Some(inode) = state.inodes.get_mut(&ino) {
            inode.durable = Some(bytes.to_vec());
        }
    }

    /// Another program puts a symbolic link there.
    pub(crate) fn symlink(&self, path: &str) {
        self.state().put(path.as_bytes(), Node::Symlink);
    }

    /// Another program makes a directory.
    pub(crate) fn make_directory(&self, path: &str) {
        self.state().put(path.as_bytes(), Node::Directory);
    }

    /// The files that a reader sees, with their bytes.
    pub(crate) fn files(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let state = self.state();
        let shown = |name: &[u8]| !name.starts_with(PRIVATE.as_bytes());
        let files = state.names.iter().filter(|(name, _)| shown(name));
        let files = files.filter_map(|(name, node)| match node {
            Node::File(ino) => Some((name.clone(), state.inodes.get(ino)?.bytes.clone())),
            Node::Directory | Node::Symlink => None,
        });
        files.collect()
    }

    /// A reader takes a file away, durably.
    pub(crate) fn take(&self, path: &[u8]) -> Option<Vec<u8>> {
        let mut state = self.state();
        let Some(Node::File(ino)) = state.names.get(path).cloned() else {
            return None;
        };
        state.changes += 1;
        // What it moved away cannot come back under its old name.
        state.persist(|change| change.name() == path);
        state.names.remove(path);
        state.durable.remove(path);
        state.inodes.remove(&ino).map(|inode| inode.bytes)
    }

    /// The power goes: of what is not durable, `survives` says what is kept.
    pub(crate) fn cut_power(&self, mut survives: impl FnMut() -> bool) {
        let mut state = self.state();
        state.changes += 1;
        let pending = std::mem::take(&mut state.pending);
        for change in pending {
            if survives() {
                change.apply(&mut state.durable);
            }
        }
        let all = state.durable.clone();
        // What is in a directory that is lost is lost with it.
        let is_reachable =
            |name: &[u8]| ancestors(name).all(|above| all.get(above) == Some(&Node::Directory));
        state.durable.retain(|name, _| is_reachable(name));
        state.names = state.durable.clone();
        for inode in state.inodes.values_mut() {
            let left = inode.bytes.len() / 2;
            let torn = inode.bytes.get(..left).unwrap_or_default().to_vec();
            inode.bytes = inode.durable.clone().unwrap_or(torn);
            inode.durable = Some(inode.bytes.clone());
        }
        state.holder = None;
    }

    /// The same number means the same names.
    pub(crate) fn changes(&self) -> u64 {
        self.state().changes
    }

    /// How many changes a power cut might undo.
    pub(crate) fn pending(&self) -> usize {
        self.state().pending.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the hook see an effect before it happens.
    fn before(&self, effect: &Effect) -> Verdict {
        let mut place = self.hook.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut hook) = place.take() else {
            return Verdict::Happens;
        };
        drop(place);
        let verdict = hook(self, effect);
        let mut place = self.hook.lock().unwrap_or_else(PoisonError::into_inner);
        place.get_or_insert(hook);
        verdict
    }
}

impl State {
    fn make(&mut self, bytes: Vec<u8>) -> u64 {
        let ino = self.next;
        self.next += 1;
        let inode = Inode {
            bytes,
            ..Inode::default()
        };
        self.inodes.insert(ino, inode);
        ino
    }

    /// Puts a name there, durably, with the directories above it.
    fn put(&mut self, path: &[u8], node: Node) {
        self.changes += 1;
        for above in ancestors(path) {
            self.names.entry(above.to_vec()).or_insert(Node::Directory);
            self.durable
                .entry(above.to_vec())
                .or_insert(Node::Directory);
        }
        self.names.insert(path.to_vec(), node.clone());
        self.durable.insert(path.to_vec(), node);
    }

    fn change(&mut self, change: Change) {
        self.changes += 1;
        change.clone().apply(&mut self.names);
        self.pending.push(change);
    }

    /// Makes some of the changes durable.
    fn persist(&mut self, which: impl Fn(&Change) -> bool) {
        for change in std::mem::take(&mut self.pending) {
            if which(&change) {
                change.apply(&mut self.durable);
            } else {
                self.pending.push(change);
            }
        }
    }
}

/// The directories that a path is in, the outermost first.
fn ancestors(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    slashes.map(|(at, _)| &path[..at])
}

/// The directory that a path is in; empty for the inbox itself.
fn parent(path: &[u8]) -> &[u8] {
    ancestors(path).last().unwrap_or_default()
}

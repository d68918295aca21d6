//! A disk in memory, behind the disk port: inodes, links, times from a clock that the test sets, and a
//! hook before each operation, in which a racing writer may change the tree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use syncd::model::path::RelPath;

#[path = "disk/port.rs"]
mod port;
#[path = "disk/tree.rs"]
mod tree;

use tree::{Body, Tree};

/// What is about to happen to the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    /// The root is opened.
    OpenRoot,
    /// A directory is listed (`None`: the root).
    List(Option<RelPath>),
    /// One entry is looked at.
    Entry(RelPath),
    /// A file is opened.
    Open(RelPath),
    /// An open file's metadata is asked for.
    Stat(RelPath),
    /// An open file is read, from this offset.
    Read(RelPath, u64),
}

/// Runs before each operation; it may change the tree.
pub(crate) type Hook = Box<dyn FnMut(&FakeDisk, &Operation) + Send>;

/// An in-memory disk; clones are the same disk.
#[derive(Clone)]
pub(crate) struct FakeDisk {
    tree: Arc<Mutex<Tree>>,
    hook: Arc<Mutex<Option<Hook>>>,
}

impl FakeDisk {
    /// An empty disk at this moment of its clock.
    pub(crate) fn new(now_ns: i64) -> Self {
        let tree = Tree {
            inodes: BTreeMap::new(),
            next: 1,
            now_ns,
            roots: BTreeMap::new(),
            closed: BTreeSet::new(),
        };
        Self {
            tree: Arc::new(Mutex::new(tree)),
            hook: Arc::default(),
        }
    }

    /// Sets the clock that stamps changes.
    pub(crate) fn set_now(&self, now_ns: i64) {
        self.tree().now_ns = now_ns;
    }

    /// Calls `hook` before each operation; operations of the hook itself do not call it.
    pub(crate) fn set_hook(&self, hook: Option<Hook>) {
        *self.hook.lock().unwrap_or_else(PoisonError::into_inner) = hook;
    }

    /// Takes the hook away for looks that are not to be seen.
    pub(crate) fn set_hook_aside(&self) -> Option<Hook> {
        self.hook
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Puts it back; nothing happens if there was none.
    pub(crate) fn put_hook_back(&self, hook: Option<Hook>) {
        if hook.is_some() {
            self.set_hook(hook);
        }
    }

    /// Puts a new, empty directory at a root's path, on this device.
    pub(crate) fn make_root(&self, root: &Path, dev: u64) {
        let mut tree = self.tree();
        let ino = tree.make(dev, Body::Directory(BTreeMap::new()));
        tree.roots.insert(root.to_owned(), ino);
    }

    /// Takes a root away, and returns it so that it can come back.
    pub(crate) fn unmount(&self, root: &Path) -> Option<u64> {
        self.tree().roots.remove(root)
    }

    /// Puts a root back.
    pub(crate) fn mount(&self, root: &Path, ino: u64) {
        self.tree().roots.insert(root.to_owned(), ino);
    }

    /// Writes a file in place, as an editor that truncates does; directories are made as needed.
    pub(crate) fn write(&self, root: &Path, path: &str, bytes: &[u8]) {
        let mut tree = self.tree();
        let (parent, name) = tree.parent(root, path.as_bytes());
        let now_ns = tree.now_ns;
        if let Some(ino) = tree.child(parent, &name)
            && let Some(inode) = tree.inodes.get_mut(&ino)
            && matches!(inode.body, Body::File(_))
        {
            inode.body = Body::File(Arc::new(bytes.to_vec()));
            (inode.mtime_ns, inode.ctime_ns) = (now_ns, now_ns);
            return;
        }
        tree.put(parent, name, Body::File(Arc::new(bytes.to_vec())));
    }

    /// Puts a new file (another inode) at a path, as an editor that renames does.
    pub(crate) fn replace(&self, root: &Path, path: &str, bytes: &[u8]) {
        let mut tree = self.tree();
        let (parent, name) = tree.parent(root, path.as_bytes());
        tree.put(parent, name, Body::File(Arc::new(bytes.to_vec())));
    }

    /// Puts a file with raw name bytes at a path.
    pub(crate) fn write_raw(&self, root: &Path, path: &[u8], bytes: &[u8]) {
        let mut tree = self.tree();
        let (parent, name) = tree.parent(root, path);
        tree.put(parent, name, Body::File(Arc::new(bytes.to_vec())));
    }

    /// Makes a directory and those above it.
    pub(crate) fn make_directory(&self, root: &Path, path: &str) {
        self.tree().directory(root, path.as_bytes());
    }

    /// Puts a symbolic link at a path.
    pub(crate) fn symlink(&self, root: &Path, path: &str) {
        let mut tree = self.tree();
        let (parent, name) = tree.parent(root, path.as_bytes());
        tree.put(parent, name, Body::Symlink);
    }

    /// Puts a FIFO at a path.
    pub(crate) fn special(&self, root: &Path, path: &str) {
        let mut tree = self.tree();
        let (parent, name) = tree.parent(root, path.as_bytes());
        tree.put(parent, name, Body::Special);
    }

    /// Gives a file a second name.
    pub(crate) fn hard_link(&self, root: &Path, from: &str, to: &str) {
        let mut tree = self.tree();
        let (parent, name) = tree.parent(root, from.as_bytes());
        let Some(ino) = tree.child(parent, &name) else {
            return;
        };
        let (parent, name) = tree.parent(root, to.as_bytes());
        let now_ns = tree.now_ns;
        tree.link(parent, name, ino);
        if let Some(inode) = tree.inodes.get_mut(&ino) {
            inode.ctime_ns = now_ns;
        }
    }

    /// Moves a name with all below it; whatever had the new name is gone.
    pub(crate) fn rename(&self, root: &Path, from: &str, to: &str) {
        let mut tree = self.tree();
        let (parent, name) = tree.parent(root, from.as_bytes());
        let Some(ino) = tree.child(parent, &name) else {
            return;
        };
        tree.unlink(parent, &name);
        let (parent, name) = tree.parent(root, to.as_bytes());
        let now_ns = tree.now_ns;
        tree.link(parent, name, ino);
        if let Some(inode) = tree.inodes.get_mut(&ino) {
            inode.ctime_ns = now_ns;
        }
    }

    /// Removes a name with all below it.
    pub(crate) fn remove(&self, root: &Path, path: &str) {
        let mut tree = self.tree();
        let (parent, name) = tree.parent(root, path.as_bytes());
        tree.unlink(parent, &name);
    }

    /// Puts a file's `mtime` at a moment, which changes its `ctime`.
    pub(crate) fn set_mtime(&self, root: &Path, path: &str, mtime_ns: i64) {
        let mut tree = self.tree();
        let (parent, name) = tree.parent(root, path.as_bytes());
        let now_ns = tree.now_ns;
        if let Some(ino) = tree.child(parent, &name)
            && let Some(inode) = tree.inodes.get_mut(&ino)
        {
            (inode.mtime_ns, inode.ctime_ns) = (mtime_ns, now_ns);
        }
    }

    /// Closes or opens a file or directory to reading.
    pub(crate) fn set_readable(&self, root: &Path, path: &str, readable: bool) {
        let mut tree = self.tree();
        let (parent, name) = tree.parent(root, path.as_bytes());
        if let Some(ino) = tree.child(parent, &name) {
            if readable {
                tree.closed.remove(&ino);
            } else {
                tree.closed.insert(ino);
            }
        }
    }

    /// Opens all files and directories to reading.
    pub(crate) fn set_all_readable(&self) {
        let mut tree = self.tree();
        let now_ns = tree.now_ns;
        for ino in std::mem::take(&mut tree.closed) {
            if let Some(inode) = tree.inodes.get_mut(&ino) {
                inode.ctime_ns = now_ns;
            }
        }
    }

    /// All regular files below a root with their bytes: for independent checks.
    pub(crate) fn files(&self, root: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let contents = self.contents(root).into_iter();
        contents
            .map(|(path, bytes)| (path, bytes.to_vec()))
            .collect()
    }

    /// The same without copying the bytes.
    pub(crate) fn contents(&self, root: &Path) -> BTreeMap<Vec<u8>, Arc<Vec<u8>>> {
        let tree = self.tree();
        let mut found = BTreeMap::new();
        let mut left: Vec<(Vec<u8>, u64)> = tree
            .roots
            .get(root)
            .map(|ino| (Vec::new(), *ino))
            .into_iter()
            .collect();
        while let Some((path, ino)) = left.pop() {
            match tree.inodes.get(&ino).map(|inode| &inode.body) {
                Some(Body::Directory(names)) => left.extend(names.iter().map(|(name, child)| {
                    let mut path = path.clone();
                    if !path.is_empty() {
                        path.push(b'/');
                    }
                    path.extend_from_slice(name);
                    (path, *child)
                })),
                Some(Body::File(bytes)) => {
                    found.insert(path, Arc::clone(bytes));
                }
                Some(Body::Symlink | Body::Special) | None => {}
            }
        }
        found
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn before(&self, operation: &Operation) {
        let taken = self
            .hook
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(mut hook) = taken {
            hook(self, operation);
            let mut place = self.hook.lock().unwrap_or_else(PoisonError::into_inner);
            place.get_or_insert(hook);
        }
    }
}

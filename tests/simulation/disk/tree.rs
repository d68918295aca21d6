//! The tree behind the disk in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use syncd::model::observation::{Entry, EntryKind, Stat};
use syncd::model::path::RelPath;

/// The device of roots that are made by writing below them.
pub(super) const FIRST_DEVICE: u64 = 1;

#[derive(Debug, Clone)]
pub(super) enum Body {
    File(Arc<Vec<u8>>),
    Directory(BTreeMap<Vec<u8>, u64>),
    Symlink,
    Special,
}

#[derive(Debug, Clone)]
pub(super) struct Inode {
    pub(super) dev: u64,
    pub(super) body: Body,
    pub(super) mtime_ns: i64,
    pub(super) ctime_ns: i64,
}

#[derive(Debug)]
pub(super) struct Tree {
    pub(super) inodes: BTreeMap<u64, Inode>,
    pub(super) next: u64,
    pub(super) now_ns: i64,
    /// The directories that roots are: path of the root to its inode.
    pub(super) roots: BTreeMap<PathBuf, u64>,
    /// Inodes that cannot be listed or opened.
    pub(super) closed: BTreeSet<u64>,
}

impl Tree {
    pub(super) fn make(&mut self, dev: u64, body: Body) -> u64 {
        let ino = self.next;
        self.next += 1;
        let inode = Inode {
            dev,
            body,
            mtime_ns: self.now_ns,
            ctime_ns: self.now_ns,
        };
        self.inodes.insert(ino, inode);
        ino
    }

    pub(super) fn child(&self, directory: u64, name: &[u8]) -> Option<u64> {
        match &self.inodes.get(&directory)?.body {
            Body::Directory(names) => names.get(name).copied(),
            Body::File(_) | Body::Symlink | Body::Special => None,
        }
    }

    pub(super) fn link(&mut self, directory: u64, name: Vec<u8>, ino: u64) {
        let now_ns = self.now_ns;
        if let Some(inode) = self.inodes.get_mut(&directory)
            && let Body::Directory(names) = &mut inode.body
        {
            names.insert(name, ino);
            (inode.mtime_ns, inode.ctime_ns) = (now_ns, now_ns);
        }
    }

    pub(super) fn unlink(&mut self, directory: u64, name: &[u8]) {
        let now_ns = self.now_ns;
        if let Some(inode) = self.inodes.get_mut(&directory)
            && let Body::Directory(names) = &mut inode.body
        {
            names.remove(name);
            (inode.mtime_ns, inode.ctime_ns) = (now_ns, now_ns);
        }
    }

    pub(super) fn put(&mut self, directory: u64, name: Vec<u8>, body: Body) {
        let dev = self
            .inodes
            .get(&directory)
            .map_or(FIRST_DEVICE, |inode| inode.dev);
        let ino = self.make(dev, body);
        self.link(directory, name, ino);
    }

    /// The directory at a path, made as needed, in place of whatever else was there.
    pub(super) fn directory(&mut self, root: &Path, path: &[u8]) -> u64 {
        let mut at = if let Some(ino) = self.roots.get(root) {
            *ino
        } else {
            let ino = self.make(FIRST_DEVICE, Body::Directory(BTreeMap::new()));
            self.roots.insert(root.to_owned(), ino);
            ino
        };
        for name in path
            .split(|byte| *byte == b'/')
            .filter(|name| !name.is_empty())
        {
            let found = self.child(at, name).filter(|ino| {
                matches!(
                    self.inodes.get(ino).map(|inode| &inode.body),
                    Some(Body::Directory(_))
                )
            });
            at = found.unwrap_or_else(|| {
                self.put(at, name.to_vec(), Body::Directory(BTreeMap::new()));
                self.child(at, name).unwrap_or(at)
            });
        }
        at
    }

    pub(super) fn parent(&mut self, root: &Path, path: &[u8]) -> (u64, Vec<u8>) {
        let cut = path.iter().rposition(|byte| *byte == b'/');
        let (directory, name) = match cut {
            Some(at) => (&path[..at], &path[at + 1..]),
            None => (&b""[..], path),
        };
        (self.directory(root, directory), name.to_vec())
    }

    /// What is at a path; the error says whether something that is no directory stands in the way.
    pub(super) fn resolve(&self, root: u64, path: &RelPath) -> Result<u64, Way> {
        let mut at = root;
        for name in path.as_bytes().split(|byte| *byte == b'/') {
            match self.inodes.get(&at).map(|inode| &inode.body) {
                Some(Body::Directory(_)) if self.closed.contains(&at) => return Err(Way::Closed),
                Some(Body::Directory(names)) => match names.get(name) {
                    Some(ino) => at = *ino,
                    None => return Err(Way::Missing),
                },
                Some(Body::File(_) | Body::Symlink | Body::Special) => return Err(Way::Blocked),
                None => return Err(Way::Missing),
            }
        }
        Ok(at)
    }

    pub(super) fn stat(&self, ino: u64) -> Option<Stat> {
        let inode = self.inodes.get(&ino)?;
        let size = match &inode.body {
            Body::File(bytes) => bytes.len() as u64,
            Body::Directory(_) | Body::Symlink | Body::Special => 0,
        };
        Some(Stat {
            dev: inode.dev,
            ino,
            size,
            mtime_ns: inode.mtime_ns,
            ctime_ns: inode.ctime_ns,
        })
    }

    pub(super) fn entry(&self, name: &[u8], ino: u64) -> Option<Entry> {
        let kind = match self.inodes.get(&ino)?.body {
            Body::File(_) => EntryKind::File,
            Body::Directory(_) => EntryKind::Directory,
            Body::Symlink => EntryKind::Symlink,
            Body::Special => EntryKind::Special,
        };
        Some(Entry {
            name: name.into(),
            kind,
            stat: self.stat(ino)?,
        })
    }
}

pub(super) enum Way {
    Missing,
    Blocked,
    Closed,
}

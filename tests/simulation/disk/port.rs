//! The disk port over the tree in memory.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use syncd::model::observation::{Entry, Stat};
use syncd::model::path::RelPath;
use syncd::port::disk::{Disk, DiskError, Root, RootIdentity, SourceFile};

use super::tree::{Body, FIRST_DEVICE, Way};
use super::{FakeDisk, Operation};

impl Disk for FakeDisk {
    fn open_root(&self, path: &Path) -> Result<Arc<dyn Root>, DiskError> {
        self.before(&Operation::OpenRoot);
        let tree = self.tree();
        let path = path.to_owned();
        let Some(ino) = tree.roots.get(&path).copied() else {
            return Err(DiskError::NotFound { path });
        };
        let dev = tree
            .inodes
            .get(&ino)
            .map_or(FIRST_DEVICE, |inode| inode.dev);
        Ok(Arc::new(FakeRoot {
            disk: self.clone(),
            identity: RootIdentity { dev, ino },
            path,
        }))
    }
}

struct FakeRoot {
    disk: FakeDisk,
    identity: RootIdentity,
    path: PathBuf,
}

impl FakeRoot {
    fn refused(&self, attempt: &'static str, path: &RelPath) -> DiskError {
        DiskError::System {
            attempt,
            path: self.path.join(path.as_path()),
            source: io::ErrorKind::PermissionDenied.into(),
        }
    }
}

impl Root for FakeRoot {
    fn identity(&self) -> RootIdentity {
        self.identity
    }

    fn list(&self, directory: Option<&RelPath>) -> Result<Vec<Entry>, DiskError> {
        self.disk.before(&Operation::List(directory.cloned()));
        let tree = self.disk.tree();
        let shown = || directory.map_or_else(|| self.path.clone(), |d| self.path.join(d.as_path()));
        let ino = match directory.map(|path| (path, tree.resolve(self.identity.ino, path))) {
            None => self.identity.ino,
            Some((_, Ok(ino))) => ino,
            Some((_, Err(Way::Missing))) => return Err(DiskError::NotFound { path: shown() }),
            Some((_, Err(Way::Blocked))) => return Err(DiskError::NotADirectory { path: shown() }),
            Some((path, Err(Way::Closed))) => return Err(self.refused("list", path)),
        };
        if let Some(path) = directory
            && tree.closed.contains(&ino)
        {
            return Err(self.refused("list", path));
        }
        match tree.inodes.get(&ino).map(|inode| &inode.body) {
            Some(Body::Directory(names)) => Ok(names
                .iter()
                .filter_map(|(name, ino)| tree.entry(name, *ino))
                .collect()),
            _ => Err(DiskError::NotADirectory { path: shown() }),
        }
    }

    fn entry(&self, path: &RelPath) -> Result<Option<Entry>, DiskError> {
        self.disk.before(&Operation::Entry(path.clone()));
        let tree = self.disk.tree();
        match tree.resolve(self.identity.ino, path) {
            Ok(ino) => Ok(tree.entry(path.file_name(), ino)),
            Err(Way::Missing | Way::Blocked) => Ok(None),
            Err(Way::Closed) => Err(self.refused("look at", path)),
        }
    }

    fn open(&self, path: &RelPath) -> Result<Box<dyn SourceFile>, DiskError> {
        self.disk.before(&Operation::Open(path.clone()));
        let tree = self.disk.tree();
        let shown = self.path.join(path.as_path());
        let ino = match tree.resolve(self.identity.ino, path) {
            Ok(ino) => ino,
            Err(Way::Missing) => return Err(DiskError::NotFound { path: shown }),
            Err(Way::Blocked) => return Err(DiskError::NotAFile { path: shown }),
            Err(Way::Closed) => return Err(self.refused("open", path)),
        };
        match tree.inodes.get(&ino).map(|inode| &inode.body) {
            Some(Body::File(_)) if tree.closed.contains(&ino) => Err(self.refused("open", path)),
            Some(Body::File(_)) => Ok(Box::new(FakeFile {
                disk: self.disk.clone(),
                opened: tree.stat(ino).ok_or(DiskError::NotFound { path: shown })?,
                ino,
                path: path.clone(),
                offset: 0,
            })),
            _ => Err(DiskError::NotAFile { path: shown }),
        }
    }
}

struct FakeFile {
    disk: FakeDisk,
    opened: Stat,
    ino: u64,
    path: RelPath,
    offset: usize,
}

impl SourceFile for FakeFile {
    fn opened(&self) -> Stat {
        self.opened
    }

    fn stat(&self) -> Result<Stat, DiskError> {
        self.disk.before(&Operation::Stat(self.path.clone()));
        let path = || self.path.as_path().to_owned();
        self.disk
            .tree()
            .stat(self.ino)
            .ok_or_else(|| DiskError::NotFound { path: path() })
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DiskError> {
        let operation = Operation::Read(self.path.clone(), self.offset as u64);
        self.disk.before(&operation);
        let tree = self.disk.tree();
        let Some(Body::File(bytes)) = tree.inodes.get(&self.ino).map(|inode| &inode.body) else {
            return Ok(0);
        };
        let rest = bytes.get(self.offset..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.offset += count;
        Ok(count)
    }
}

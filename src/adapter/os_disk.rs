//! The real disk of watched folders: everything is below an open root, and nothing is ever written.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::beneath::{DIRECTORY, Top, retried, told};
use crate::model::observation::{Entry, EntryKind, Stat};
use crate::model::path::RelPath;
use crate::port::disk::{Disk, DiskError, Root, RootIdentity, SourceFile};

/// Opens roots of the real file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsDisk;

/// Directory entries are read in pieces of this many bytes.
const LISTING_BYTES: usize = 64 * 1024;

/// Opening a FIFO for reading would wait for a writer without `O_NONBLOCK`.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

impl Disk for OsDisk {
    fn open_root(&self, path: &Path) -> Result<Arc<dyn Root>, DiskError> {
        Ok(Arc::new(OsRoot(Top::open(path)?)))
    }
}

/// An open root directory.
#[derive(Debug)]
struct OsRoot(Top);

impl Root for OsRoot {
    fn identity(&self) -> RootIdentity {
        self.0.identity()
    }

    fn list(&self, directory: Option<&RelPath>) -> Result<Vec<Entry>, DiskError> {
        let shown = directory.map_or_else(|| self.0.path().to_owned(), |path| self.0.shown(path));
        let fail = |errno| match errno {
            Errno::NOTDIR | Errno::LOOP | Errno::XDEV => DiskError::NotADirectory {
                path: shown.clone(),
            },
            other => told(other, "list", &shown),
        };
        let open = match directory {
            Some(path) => self
                .0
                .open_below(path.as_bytes(), DIRECTORY)
                .map_err(fail)?,
            // A descriptor of its own, because descriptors that are shared share their position.
            None => retried(|| rustix::fs::openat(&self.0, c".", DIRECTORY, Mode::empty()))
                .map_err(fail)?,
        };
        let mut buffer = Vec::with_capacity(LISTING_BYTES);
        let mut listing = RawDir::new(&open, buffer.spare_capacity_mut());
        let mut entries = Vec::new();
        while let Some(entry) = listing.next() {
            let entry = match entry {
                Err(Errno::INTR) => continue,
                other => other.map_err(fail)?,
            };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            match retried(|| rustix::fs::statat(&open, name, AtFlags::SYMLINK_NOFOLLOW)) {
                Ok(stat) => entries.push(made(name.to_bytes(), &stat)),
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(fail(errno)),
            }
        }
        Ok(entries)
    }

    fn entry(&self, path: &RelPath) -> Result<Option<Entry>, DiskError> {
        Near::of(&self.0).entry(path)
    }

    fn entries(&self, paths: &[RelPath]) -> Vec<Result<Option<Entry>, DiskError>> {
        let mut near = Near::of(&self.0);
        paths.iter().map(|path| near.entry(path)).collect()
    }

    fn open(&self, path: &RelPath) -> Result<Box<dyn SourceFile>, DiskError> {
        let shown = self.0.shown(path);
        let open = self
            .0
            .open_below(path.as_bytes(), FILE)
            .map_err(|errno| match errno {
                Errno::LOOP | Errno::XDEV | Errno::NOTDIR | Errno::NXIO | Errno::NODEV => {
                    DiskError::NotAFile {
                        path: shown.clone(),
                    }
                }
                other => told(other, "open", &shown),
            })?;
        let stat = rustix::fs::fstat(&open).map_err(|errno| told(errno, "open", &shown))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(DiskError::NotAFile { path: shown });
        }
        Ok(Box::new(OsFile {
            open,
            opened: stat_of(&stat),
            path: shown,
        }))
    }
}

/// Looks at entries, and keeps the directory of the last one open for the next.
struct Near<'a> {
    top: &'a Top,
    directory: Option<(RelPath, OwnedFd)>,
}

impl<'a> Near<'a> {
    fn of(top: &'a Top) -> Self {
        Self {
            top,
            directory: None,
        }
    }

    fn entry(&mut self, path: &RelPath) -> Result<Option<Entry>, DiskError> {
        let top = self.top;
        let fail = |errno| told(errno, "look at", &top.shown(path));
        let parent = match path.parent().map(|parent| self.enter(parent)) {
            None => top.as_fd(),
            Some(Ok(open)) => open,
            Some(Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV)) => return Ok(None),
            Some(Err(errno)) => return Err(fail(errno)),
        };
        let name = OsStr::from_bytes(path.file_name());
        match retried(|| rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(stat) => Ok(Some(made(path.file_name(), &stat))),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(errno) => Err(fail(errno)),
        }
    }

    fn enter(&mut self, directory: RelPath) -> Result<BorrowedFd<'_>, Errno> {
        let open = match self.directory.take() {
            Some((path, open)) if path == directory => open,
            _ => self.top.open_below(directory.as_bytes(), DIRECTORY)?,
        };
        let (_, open) = &*self.directory.insert((directory, open));
        Ok(open.as_fd())
    }
}

/// An open regular file.
#[derive(Debug)]
struct OsFile {
    open: OwnedFd,
    opened: Stat,
    path: PathBuf,
}

impl SourceFile for OsFile {
    fn opened(&self) -> Stat {
        self.opened
    }

    fn stat(&self) -> Result<Stat, DiskError> {
        rustix::fs::fstat(&self.open)
            .map(|stat| stat_of(&stat))
            .map_err(|errno| told(errno, "look at", &self.path))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DiskError> {
        retried(|| rustix::io::read(&self.open, &mut *buffer))
            .map_err(|errno| told(errno, "read", &self.path))
    }
}

fn made(name: &[u8], stat: &rustix::fs::Stat) -> Entry {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Symlink,
        _ => EntryKind::Special,
    };
    Entry {
        name: name.into(),
        kind,
        stat: stat_of(stat),
    }
}

fn stat_of(stat: &rustix::fs::Stat) -> Stat {
    Stat {
        dev: stat.st_dev,
        ino: stat.st_ino,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mtime_ns: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
        ctime_ns: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
    }
}

/// Saturates outside the years 1677 to 2262, which only damaged or hostile times reach.
fn nanoseconds(seconds: i64, nanoseconds: impl TryInto<i64>) -> i64 {
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds.try_into().unwrap_or(0))
}

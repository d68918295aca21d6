//! The real disk. Every path is resolved by the kernel below an open root, without following any link
//! (`openat2` with `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS`); where that call is
//! not to be had, and for paths longer than the kernel takes, component by component with `O_NOFOLLOW`.
//! Nothing is ever written.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, ResolveFlags};
use rustix::io::Errno;

use crate::model::observation::{Entry, EntryKind, Stat};
use crate::model::path::RelPath;
use crate::port::disk::{Disk, DiskError, Root, RootIdentity, SourceFile};

/// Opens roots of the real file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsDisk;

/// Directory entries are read in pieces of this many bytes.
const LISTING_BYTES: usize = 64 * 1024;

/// The longest path given to the kernel at once, in bytes; `PATH_MAX` is 4096.
const PATH_BYTES_MAX: usize = 4000;

/// `openat2` gives up with `EAGAIN` when directories are renamed meanwhile; so often it is asked again.
const RENAME_RACES_MAX: u32 = 100;

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

/// Opening a FIFO for reading would wait for a writer without `O_NONBLOCK`.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

impl Disk for OsDisk {
    fn open_root(&self, path: &Path) -> Result<Arc<dyn Root>, DiskError> {
        // The root itself may be reached through links: the person who configured it chose the path.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = retried(|| rustix::fs::open(path, flags, Mode::empty()))
            .map_err(|errno| told(errno, "open", path))?;
        let stat = rustix::fs::fstat(&root).map_err(|errno| told(errno, "open", path))?;
        Ok(Arc::new(OsRoot {
            identity: RootIdentity {
                dev: stat.st_dev,
                ino: stat.st_ino,
            },
            root,
            path: path.to_owned(),
            by_component: AtomicBool::new(false),
        }))
    }
}

/// An open root directory.
#[derive(Debug)]
struct OsRoot {
    root: OwnedFd,
    path: PathBuf,
    identity: RootIdentity,
    /// `openat2` is not to be had here.
    by_component: AtomicBool,
}

impl Root for OsRoot {
    fn identity(&self) -> RootIdentity {
        self.identity
    }

    fn list(&self, directory: Option<&RelPath>) -> Result<Vec<Entry>, DiskError> {
        let shown = directory.map_or_else(|| self.path.clone(), |path| self.shown(path));
        let fail = |errno| match errno {
            Errno::NOTDIR | Errno::LOOP | Errno::XDEV => DiskError::NotADirectory {
                path: shown.clone(),
            },
            other => told(other, "list", &shown),
        };
        let open = match directory {
            Some(path) => self.open_below(path.as_bytes(), DIRECTORY).map_err(fail)?,
            // A descriptor of its own, because descriptors that are shared share their position.
            None => retried(|| rustix::fs::openat(&self.root, c".", DIRECTORY, Mode::empty()))
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
        let fail = |errno| told(errno, "look at", &self.shown(path));
        let parent = match path.parent() {
            None => None,
            Some(parent) => match self.open_below(parent.as_bytes(), DIRECTORY) {
                Ok(open) => Some(open),
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV) => return Ok(None),
                Err(errno) => return Err(fail(errno)),
            },
        };
        let parent = parent
            .as_ref()
            .map_or_else(|| self.root.as_fd(), AsFd::as_fd);
        let name = OsStr::from_bytes(path.file_name());
        match retried(|| rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(stat) => Ok(Some(made(path.file_name(), &stat))),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(errno) => Err(fail(errno)),
        }
    }

    fn open(&self, path: &RelPath) -> Result<Box<dyn SourceFile>, DiskError> {
        let shown = self.shown(path);
        let open = self
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
        Ok(Box::new(OsFile { open, path: shown }))
    }
}

impl OsRoot {
    fn shown(&self, path: &RelPath) -> PathBuf {
        self.path.join(path.as_path())
    }

    fn open_below(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let long = path.len() > PATH_BYTES_MAX;
        if !long && !self.by_component.load(Ordering::Relaxed) {
            match open_beneath(self.root.as_fd(), path, flags) {
                // An old kernel, or a sandbox that does not know the call.
                Err(Errno::NOSYS | Errno::PERM) => self.by_component.store(true, Ordering::Relaxed),
                other => return other,
            }
        }
        open_by_component(self.root.as_fd(), path, flags)
    }
}

fn open_beneath(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    for _ in 0..RENAME_RACES_MAX {
        let path = OsStr::from_bytes(path);
        match rustix::fs::openat2(root, path, flags, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}

/// Without `openat2`: each component is opened by itself, and none may be a link.
fn open_by_component(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut parent: Option<OwnedFd> = None;
    let mut components = path.split(|byte| *byte == b'/').peekable();
    loop {
        let Some(component) = components.next() else {
            return Err(Errno::INVAL);
        };
        let last = components.peek().is_none();
        let flags = if last { flags } else { DIRECTORY };
        let at = parent.as_ref().map_or(root, AsFd::as_fd);
        let name = OsStr::from_bytes(component);
        let open = retried(|| rustix::fs::openat(at, name, flags, Mode::empty()))?;
        if last {
            return Ok(open);
        }
        parent = Some(open);
    }
}

/// An open regular file.
#[derive(Debug)]
struct OsFile {
    open: OwnedFd,
    path: PathBuf,
}

impl SourceFile for OsFile {
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

fn retried<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

fn told(errno: Errno, attempt: &'static str, path: &Path) -> DiskError {
    let path = path.to_owned();
    match errno {
        Errno::NOENT => DiskError::NotFound { path },
        Errno::NOTDIR => DiskError::NotADirectory { path },
        other => DiskError::System {
            attempt,
            path,
            source: other.into(),
        },
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

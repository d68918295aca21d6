//! An open directory, and opening what is below it. The kernel resolves every path without following
//! any link (`openat2` with `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS`); where that
//! call is not to be had, and for paths longer than the kernel takes, component by component with
//! `O_NOFOLLOW`.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::model::path::RelPath;
use crate::port::disk::{DiskError, RootIdentity};

/// The longest path given to the kernel at once, in bytes; `PATH_MAX` is 4096.
const PATH_BYTES_MAX: usize = 4000;

/// `openat2` gives up with `EAGAIN` when directories are renamed meanwhile; so often it is asked again.
const RENAME_RACES_MAX: u32 = 100;

/// How directories are opened.
pub(super) const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

/// An open directory that everything else is relative to.
#[derive(Debug)]
pub(super) struct Top {
    open: OwnedFd,
    path: PathBuf,
    identity: RootIdentity,
    /// `openat2` is not to be had here.
    by_component: AtomicBool,
}

impl Top {
    /// Opens a directory. It may be reached through links: the person who configured it chose the path.
    pub(super) fn open(path: &Path) -> Result<Self, DiskError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = retried(|| rustix::fs::open(path, flags, Mode::empty()))
            .map_err(|errno| told(errno, "open", path))?;
        let stat = rustix::fs::fstat(&open).map_err(|errno| told(errno, "open", path))?;
        Ok(Self {
            identity: RootIdentity {
                dev: stat.st_dev,
                ino: stat.st_ino,
            },
            open,
            path: path.to_owned(),
            by_component: AtomicBool::new(false),
        })
    }

    /// Its identity when it was opened.
    pub(super) fn identity(&self) -> RootIdentity {
        self.identity
    }

    /// The path it was opened by, for errors.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A path below it, for errors.
    pub(super) fn shown(&self, path: &RelPath) -> PathBuf {
        self.path.join(path.as_path())
    }

    /// Opens what is at a path below it.
    pub(super) fn open_below(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let long = path.len() > PATH_BYTES_MAX;
        if !long && !self.by_component.load(Ordering::Relaxed) {
            match open_beneath(self.open.as_fd(), path, flags) {
                // An old kernel, or a sandbox that does not know the call.
                Err(Errno::NOSYS | Errno::PERM) => self.by_component.store(true, Ordering::Relaxed),
                other => return other,
            }
        }
        open_by_component(self.open.as_fd(), path, flags)
    }
}

impl AsFd for Top {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.open.as_fd()
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

/// Repeats a call that a signal interrupted.
pub(super) fn retried<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

/// An error of the system in the port's words.
pub(super) fn told(errno: Errno, attempt: &'static str, path: &Path) -> DiskError {
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

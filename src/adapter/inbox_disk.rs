//! The real disk of inboxes: the one place outside the state directory that is written to.
//!
//! Everything happens below the opened directory and follows no link. Temporary files live in
//! `.syncd-tmp`, a directory of mode 0700 on the same file system, which is locked for as long as the
//! inbox is open. A file may be read by the group where the group may list the inbox's own directory,
//! and directories that are made inside it are as open to the group as it is itself; never to others,
//! and no file can ever be executed.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, RawDir, RenameFlags};
use rustix::io::Errno;

use super::beneath::{DIRECTORY, Top, retried, told};
use crate::model::path::RelPath;
use crate::port::disk::{DiskError, RootIdentity};
use crate::port::inbox_disk::{Inbox, Inboxes, Placed, TempFile, TempName};

/// Opens inboxes on the real file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsInboxes;

/// The private directory of an inbox.
pub const PRIVATE: &str = ".syncd-tmp";
/// A file that is renamed when an inbox is opened, to see whether that can be done without overwriting.
const PROBE: [&str; 2] = ["probe", "probed"];
/// Directory entries are read in pieces of this many bytes.
const LISTING_BYTES: usize = 16 * 1024;

const NEW_FILE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

impl Inboxes for OsInboxes {
    fn open(&self, path: &Path) -> Result<Arc<dyn Inbox>, DiskError> {
        let top = Top::open(path)?;
        let shown = path.join(PRIVATE);
        let stat = rustix::fs::fstat(&top).map_err(|errno| told(errno, "look at", path))?;
        let group = Mode::from_raw_mode(stat.st_mode) & Mode::RWXG;
        let private = open_private(&top, &shown)?;
        let inbox = OsInbox {
            top,
            private: Arc::new(Private {
                open: private,
                path: shown,
            }),
            file_mode: Mode::RUSR | Mode::WUSR | (group & Mode::RGRP),
            directory_mode: Mode::RWXU | group,
        };
        inbox.probe()?;
        Ok(Arc::new(inbox))
    }
}

/// Makes and opens the private directory, and locks it.
fn open_private(top: &Top, shown: &Path) -> Result<OwnedFd, DiskError> {
    let fail = |attempt| move |errno| told(errno, attempt, shown);
    match retried(|| rustix::fs::mkdirat(top, PRIVATE, Mode::RWXU)) {
        Err(Errno::EXIST) => {}
        made => made.map_err(fail("make"))?,
    }
    sync(top.as_fd()).map_err(fail("write"))?;
    let open = top
        .open_below(PRIVATE.as_bytes(), DIRECTORY)
        .map_err(|errno| match errno {
            Errno::LOOP => told(Errno::NOTDIR, "open", shown),
            other => told(other, "open", shown),
        })?;
    let stat = rustix::fs::fstat(&open).map_err(fail("look at"))?;
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(refused(
            shown,
            "it belongs to another user; remove it, or run as that user",
        ));
    }
    rustix::fs::fchmod(&open, Mode::RWXU).map_err(fail("close to others"))?;
    match retried(|| rustix::fs::flock(&open, FlockOperation::NonBlockingLockExclusive)) {
        Ok(()) => Ok(open),
        Err(Errno::WOULDBLOCK) => Err(DiskError::System {
            attempt: "lock",
            path: shown.to_owned(),
            source: io::Error::new(
                io::ErrorKind::WouldBlock,
                "another syncd that is running fills this inbox; stop it, or give each its own folder",
            ),
        }),
        Err(errno) => Err(told(errno, "lock", shown)),
    }
}

fn refused(path: &Path, why: &str) -> DiskError {
    DiskError::System {
        attempt: "use",
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::Unsupported, why),
    }
}

fn sync(open: BorrowedFd<'_>) -> Result<(), Errno> {
    retried(|| rustix::fs::fsync(open))
}

/// The private directory, open and locked.
#[derive(Debug)]
struct Private {
    open: OwnedFd,
    path: PathBuf,
}

impl Private {
    fn shown(&self, name: &TempName) -> PathBuf {
        self.path.join(&name.0)
    }

    fn fail(&self, attempt: &'static str, name: &TempName) -> impl Fn(Errno) -> DiskError + use<> {
        let shown = self.shown(name);
        move |errno| told(errno, attempt, &shown)
    }

    fn has(&self, name: &TempName) -> Result<bool, DiskError> {
        match retried(|| rustix::fs::statat(&self.open, &name.0, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(self.fail("look at", name)(errno)),
        }
    }

    fn remove(&self, name: &TempName) -> Result<(), DiskError> {
        match retried(|| rustix::fs::unlinkat(&self.open, &name.0, AtFlags::empty())) {
            Err(Errno::NOENT) => Ok(()),
            removed => removed.map_err(self.fail("remove", name)),
        }
    }
}

/// An open inbox.
#[derive(Debug)]
struct OsInbox {
    top: Top,
    private: Arc<Private>,
    file_mode: Mode,
    directory_mode: Mode,
}

impl OsInbox {
    /// Whether the file system can rename without overwriting, seen before anything is fetched.
    fn probe(&self) -> Result<(), DiskError> {
        let [from, to] = PROBE.map(|name| TempName(name.to_owned()));
        let clean = || self.private.remove(&from).and(self.private.remove(&to));
        clean()?;
        let private = &self.private.open;
        retried(|| rustix::fs::openat(private, &from.0, NEW_FILE, Mode::RUSR | Mode::WUSR))
            .map_err(self.private.fail("make", &from))?;
        let renamed = rename(private.as_fd(), &from, private.as_fd(), to.0.as_bytes());
        clean()?;
        renamed.map_err(|errno| self.unplaced(errno, &self.private.shown(&from)))
    }

    fn unplaced(&self, errno: Errno, shown: &Path) -> DiskError {
        match errno {
            Errno::INVAL | Errno::NOSYS => refused(
                self.top.path(),
                "its file system cannot give a file a name without overwriting another; put the \
                 inbox on a local file system",
            ),
            Errno::XDEV => refused(
                self.top.path(),
                "another file system is mounted inside it; an inbox has to be on one",
            ),
            other => told(other, "put a file at", shown),
        }
    }

    /// Opens the directory that a final name is in, makes it if need be, and makes each name on the way
    /// durable: who made it may have died before it was.
    fn parent(&self, of: &RelPath) -> Result<Option<OwnedFd>, DiskError> {
        let Some(path) = of.parent() else {
            return Ok(None);
        };
        let shown = self.top.shown(&path);
        let fail = |attempt| {
            let shown = shown.clone();
            move |errno| match errno {
                Errno::LOOP => told(Errno::NOTDIR, attempt, &shown),
                other => told(other, attempt, &shown),
            }
        };
        let mut open: Option<OwnedFd> = None;
        for component in path.as_bytes().split(|byte| *byte == b'/') {
            let name = OsStr::from_bytes(component);
            let at = open.as_ref().map_or_else(|| self.top.as_fd(), AsFd::as_fd);
            let made = match retried(|| rustix::fs::mkdirat(at, name, Mode::RWXU)) {
                Err(Errno::EXIST) => false,
                made => made.map(|()| true).map_err(fail("make"))?,
            };
            let next = retried(|| rustix::fs::openat(at, name, DIRECTORY, Mode::empty()))
                .map_err(fail("open"))?;
            if made {
                self.open_to_group(&next).map_err(fail("make"))?;
            }
            if let Err(errno) = sync(at) {
                // A second try might believe it to be durable; one that is made anew will be.
                let _ = rustix::fs::unlinkat(at, name, AtFlags::REMOVEDIR);
                return Err(fail("write")(errno));
            }
            open = Some(next);
        }
        Ok(open)
    }

    /// Gives a new directory its mode whatever the umask; the kernel's own bits stay (a group that is
    /// handed down).
    fn open_to_group(&self, directory: &OwnedFd) -> Result<(), Errno> {
        let have = Mode::from_raw_mode(rustix::fs::fstat(directory)?.st_mode);
        rustix::fs::fchmod(directory, (have & Mode::SGID) | self.directory_mode)
    }

    /// The directories of a final name that a file was given before are durable.
    fn settle(&self, to: &RelPath) -> Result<(), DiskError> {
        let fail = |errno| told(errno, "write", &self.top.shown(to));
        let mut directory = to.parent();
        while let Some(path) = directory {
            match self.top.open_below(path.as_bytes(), DIRECTORY) {
                Ok(open) => sync(open.as_fd()).map_err(fail)?,
                // The reader took it away as a whole.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(errno) => return Err(fail(errno)),
            }
            directory = path.parent();
        }
        sync(self.top.as_fd()).map_err(fail)?;
        sync(self.private.open.as_fd()).map_err(fail)
    }
}

fn rename(
    from_directory: BorrowedFd<'_>,
    from: &TempName,
    to_directory: BorrowedFd<'_>,
    to: &[u8],
) -> Result<(), Errno> {
    let to = OsStr::from_bytes(to);
    let flags = RenameFlags::NOREPLACE;
    retried(|| rustix::fs::renameat_with(from_directory, &from.0, to_directory, to, flags))
}

impl Inbox for OsInbox {
    fn identity(&self) -> RootIdentity {
        self.top.identity()
    }

    fn free_bytes(&self) -> Result<u64, DiskError> {
        let space = rustix::fs::fstatvfs(&self.private.open)
            .map_err(|errno| told(errno, "look at", self.top.path()))?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    fn create(&self, name: &TempName) -> Result<Box<dyn TempFile>, DiskError> {
        let private = &self.private;
        let open = retried(|| {
            let mode = Mode::RUSR | Mode::WUSR;
            rustix::fs::openat(&private.open, &name.0, NEW_FILE, mode)
        })
        .map_err(private.fail("make", name))?;
        Ok(Box::new(OsTempFile {
            open,
            name: name.clone(),
            private: Arc::clone(private),
            mode: self.file_mode,
        }))
    }

    fn temps(&self) -> Result<Vec<TempName>, DiskError> {
        let fail = |errno| told(errno, "list", &self.private.path);
        // A descriptor of its own, because descriptors that are shared share their position.
        let open =
            retried(|| rustix::fs::openat(&self.private.open, c".", DIRECTORY, Mode::empty()))
                .map_err(fail)?;
        let mut buffer = Vec::with_capacity(LISTING_BYTES);
        let mut listing = RawDir::new(&open, buffer.spare_capacity_mut());
        let mut temps = Vec::new();
        while let Some(entry) = listing.next() {
            let entry = match entry {
                Err(Errno::INTR) => continue,
                other => other.map_err(fail)?,
            };
            let name = entry.file_name().to_bytes();
            // Whatever else somebody put there is not ours to remove.
            let is_ours = !name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric);
            let is_directory = entry.file_type() == FileType::Directory;
            if let (true, false, Ok(name)) = (is_ours, is_directory, std::str::from_utf8(name)) {
                temps.push(TempName(name.to_owned()));
            }
        }
        Ok(temps)
    }

    fn has(&self, name: &TempName) -> Result<bool, DiskError> {
        self.private.has(name)
    }

    fn remove(&self, name: &TempName) -> Result<(), DiskError> {
        self.private.remove(name)
    }

    fn is_free(&self, name: &RelPath) -> Result<bool, DiskError> {
        let fail = |errno| told(errno, "look at", &self.top.shown(name));
        let parent = match name.parent() {
            None => None,
            Some(parent) => match self.top.open_below(parent.as_bytes(), DIRECTORY) {
                Ok(open) => Some(open),
                Err(Errno::NOENT) => return Ok(true),
                Err(errno) => return Err(fail(errno)),
            },
        };
        let parent = parent
            .as_ref()
            .map_or_else(|| self.top.as_fd(), AsFd::as_fd);
        let file_name = OsStr::from_bytes(name.file_name());
        match retried(|| rustix::fs::statat(parent, file_name, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(_) => Ok(false),
            Err(Errno::NOENT) => Ok(true),
            Err(errno) => Err(fail(errno)),
        }
    }

    fn place(&self, name: &TempName, to: &RelPath) -> Result<Placed, DiskError> {
        let private = self.private.open.as_fd();
        if !self.private.has(name)? {
            self.settle(to)?;
            return Ok(Placed::TempGone);
        }
        let parent = self.parent(to)?;
        let parent = parent
            .as_ref()
            .map_or_else(|| self.top.as_fd(), AsFd::as_fd);
        match rename(private, name, parent, to.file_name()) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Ok(Placed::NameTaken),
            Err(errno) => return Err(self.unplaced(errno, &self.top.shown(to))),
        }
        // The new name before the old one's end: whatever a power cut leaves, the file has a name.
        sync(parent)
            .and_then(|()| sync(private))
            .map_err(|errno| told(errno, "write", &self.top.shown(to)))?;
        Ok(Placed::Done)
    }
}

/// A temporary file that is being written.
#[derive(Debug)]
struct OsTempFile {
    open: OwnedFd,
    name: TempName,
    private: Arc<Private>,
    mode: Mode,
}

impl OsTempFile {
    fn make_durable(&self) -> Result<(), Errno> {
        rustix::fs::fchmod(&self.open, self.mode)?;
        sync(self.open.as_fd())?;
        sync(self.private.open.as_fd())
    }
}

impl TempFile for OsTempFile {
    fn write(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let count = retried(|| rustix::io::write(&self.open, rest))
                .map_err(self.private.fail("write", &self.name))?;
            rest = rest.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), DiskError> {
        self.make_durable().map_err(|errno| {
            // What could not be written may be lost though a second try says otherwise.
            let _ = self.private.remove(&self.name);
            self.private.fail("write", &self.name)(errno)
        })
    }
}

//! One syncd per state directory.
//!
//! The lock is on an open descriptor, so the kernel gives it back when the process dies, however it dies.
//! The process id in the file is only for the person who meets it.

use std::borrow::Cow;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

/// The lock; given back when dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why the state directory cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error(
        "Another syncd{} already works on \"{}\"; stop it first, or use another state_dir",
        pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default(),
        state_dir.display()
    )]
    Taken {
        /// Which directory.
        state_dir: PathBuf,
        /// The other process.
        pid: Option<u32>,
    },
    /// The directory belongs to somebody else.
    #[error(
        "State directory \"{}\" belongs to user {owner}; run this as that user, for example with \
         `sudo -u {}`",
        path.display(), as_sudo_takes_it(owner)
    )]
    Foreign {
        /// Which.
        path: PathBuf,
        /// Whose.
        owner: String,
    },
    /// No room.
    #[error("The disk of \"{}\" is full; make room and start syncd again", path.display())]
    Full {
        /// Which.
        path: PathBuf,
        /// The operating system's words.
        source: io::Error,
    },
    /// The operating system refused.
    #[error(
        "Could not {attempt} \"{}\": {source}; make it writable for this user, or set state_dir",
        path.display()
    )]
    System {
        /// A verb.
        attempt: &'static str,
        /// Which.
        path: PathBuf,
        /// Its words.
        source: io::Error,
    },
}

impl LockError {
    /// By what the operating system said.
    fn of(attempt: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { path, source }
            }
            _ => Self::System {
                attempt,
                path,
                source,
            },
        }
    }
}

impl Lock {
    /// Makes the state directory (mode 0700) if it is not there, and takes its lock without waiting.
    ///
    /// # Errors
    /// Another process holds it, the directory cannot be written, or it belongs to somebody else: what
    /// root leaves in there its owner cannot open.
    pub fn take(state_dir: &Path) -> Result<Self, LockError> {
        make_private(state_dir)?;
        let path = state_dir.join("lock");
        let system = |attempt, source: io::Error| match source.kind() {
            io::ErrorKind::PermissionDenied => refused(state_dir, attempt, source),
            _ => LockError::of(attempt, &path, source),
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|source| system("open", source))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let state_dir = state_dir.to_owned();
                return Err(LockError::Taken {
                    state_dir,
                    pid: written_pid(&mut file),
                });
            }
            Err(errno) => return Err(system("lock", errno.into())),
        }
        // A full disk takes no number, and the lock is as good without.
        let _ = write_pid(&mut file);
        Ok(Self { _file: file })
    }
}

/// Makes a directory that only its owner may enter, and closes one that others may.
fn make_private(path: &Path) -> Result<(), LockError> {
    let system = |attempt, source| LockError::of(attempt, path, source);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| system("make", source))?;
    let metadata = path
        .metadata()
        .map_err(|source| system("look at", source))?;
    let own = rustix::process::geteuid();
    let is_own = metadata.uid() == own.as_raw();
    if own.is_root() && !is_own {
        return Err(foreign(path, metadata.uid()));
    }
    if is_own && metadata.mode() & 0o077 != 0 {
        let closed = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(path, closed).map_err(|source| system("close", source))?;
    }
    Ok(())
}

fn refused(state_dir: &Path, attempt: &'static str, source: io::Error) -> LockError {
    let own = rustix::process::geteuid().as_raw();
    match state_dir.metadata() {
        Ok(metadata) if metadata.uid() != own => foreign(state_dir, metadata.uid()),
        _ => LockError::of(attempt, state_dir, source),
    }
}

fn foreign(path: &Path, uid: u32) -> LockError {
    LockError::Foreign {
        path: path.to_owned(),
        owner: user_name(uid),
    }
}

fn written_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

/// The name of a user by number, or the number where `/etc/passwd` does not know it.
#[expect(
    clippy::disallowed_methods,
    reason = "a name for a message, before there are ports"
)]
pub fn user_name(uid: u32) -> String {
    let number = uid.to_string();
    let passwd = std::fs::read("/etc/passwd").unwrap_or_default();
    String::from_utf8_lossy(&passwd)
        .lines()
        .find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)? == number).then(|| name.to_owned())
        })
        .unwrap_or(number)
}

/// `sudo` tells a number from a name by a `#`, which a shell would take for a comment.
fn as_sudo_takes_it(user: &str) -> Cow<'_, str> {
    if user.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("'#{user}'").into()
    } else {
        user.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_directory_is_taken_once_and_given_back() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("deep/state");
        let lock = Lock::take(&state).unwrap();
        assert_eq!(state.metadata().unwrap().mode() & 0o777, 0o700);
        match Lock::take(&state) {
            Err(LockError::Taken { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
            other => panic!("taken twice: {other:?}"),
        }
        drop(lock);
        Lock::take(&state).unwrap();
    }

    #[test]
    fn users_have_names_where_the_machine_knows_them() {
        assert_eq!(user_name(0), "root");
        assert_eq!(user_name(4_000_000_000), "4000000000");
    }

    #[test]
    fn the_advice_can_be_run_for_a_user_without_a_name_too() {
        for (uid, advice) in [
            (0, "`sudo -u root`"),
            (4_000_000_000, "`sudo -u '#4000000000'`"),
        ] {
            let error = foreign(Path::new("/state"), uid).to_string();
            assert!(error.ends_with(advice), "{error}");
        }
    }
}

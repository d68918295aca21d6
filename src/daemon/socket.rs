//! The control socket's address. The kernel takes at most 107 bytes of path, so a longer one is reached
//! through a descriptor of its directory.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

/// The longest path that is used as it is, in bytes.
const PATH_BYTES_MAX: usize = 100;

/// A path that fits, and the descriptor that keeps it true.
struct Address {
    path: PathBuf,
    _directory: Option<File>,
}

fn address(path: &Path) -> io::Result<Address> {
    if path.as_os_str().len() <= PATH_BYTES_MAX {
        return Ok(Address {
            path: path.to_owned(),
            _directory: None,
        });
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = File::from(rustix::fs::open(parent, flags, Mode::empty())?);
    let short = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name);
    Ok(Address {
        path: short,
        _directory: Some(directory),
    })
}

/// Binds, in the place of a socket that a dead daemon left. Only the holder of the lock may.
///
/// # Errors
/// The directory cannot be written, or something that is no socket is in the way.
#[expect(
    clippy::disallowed_methods,
    reason = "the daemon's own socket, no watched folder"
)]
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    use std::os::unix::fs::FileTypeExt as _;
    let address = address(path)?;
    match address.path.symlink_metadata() {
        Ok(metadata) if metadata.file_type().is_socket() => std::fs::remove_file(&address.path)?,
        Ok(_) => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "it is no socket",
            ));
        }
        Err(_) => {}
    }
    // Closed to group and others from the first moment, and nothing to execute.
    let umask = rustix::process::umask(Mode::from_raw_mode(0o177));
    let bound = UnixListener::bind(&address.path);
    rustix::process::umask(umask);
    bound
}

/// Connects.
///
/// # Errors
/// Nobody listens there, or this user may not.
pub fn connect(path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(address(path)?.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_longer_than_the_kernel_takes_works_and_a_stale_socket_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let deep = directory.path().join("d".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        for path in [deep.join("syncd.sock"), directory.path().join("syncd.sock")] {
            assert!(connect(&path).is_err());
            drop(bind(&path).unwrap());
            assert!(connect(&path).is_err(), "nobody listens any more");
            let _listener = bind(&path).unwrap();
            connect(&path).unwrap();
        }
    }

    #[test]
    fn what_is_no_socket_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("syncd.sock");
        drop(File::create(&path).unwrap());
        assert!(bind(&path).is_err());
        assert!(path.is_file());
    }
}

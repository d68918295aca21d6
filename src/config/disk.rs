//! What the configuration reads from the disk: itself, secrets, and where links lead.
//!
//! It is read before there are ports, so it asks the system itself.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

/// A file larger than this is not a configuration and not a secret.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A small file and who may touch it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SmallFile {
    pub(super) bytes: Vec<u8>,
    /// The permission bits.
    pub(super) mode: u32,
    /// The owner's number.
    pub(super) owner: u32,
}

/// Reads a small regular file; the words of the error say what is wrong with it.
pub(super) fn read(path: &Path) -> Result<SmallFile, String> {
    let wrong = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "does not exist".to_owned(),
        std::io::ErrorKind::PermissionDenied => match std::fs::metadata(path) {
            Ok(metadata) => format!("may only be read by user {}", metadata.uid()),
            Err(_) => "may not be read by this user".to_owned(),
        },
        _ => format!("cannot be read ({error})"),
    };
    // Without O_NONBLOCK a named pipe would hold the start for ever.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nonblocking)
        .open(path)
        .map_err(wrong)?;
    let metadata = file.metadata().map_err(wrong)?;
    if !metadata.is_file() {
        return Err("is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(wrong)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err("is larger than 1 MiB".to_owned());
    }
    Ok(SmallFile {
        bytes,
        mode: metadata.mode() & 0o7777,
        owner: metadata.uid(),
    })
}

/// Whether something is there.
pub(super) fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Where a path leads, links resolved as far as it exists.
pub(super) fn resolved(path: &Path) -> PathBuf {
    for ancestor in path.ancestors() {
        if let Ok(real) = ancestor.canonicalize() {
            let rest = path.strip_prefix(ancestor).unwrap_or(Path::new(""));
            return real.join(rest);
        }
    }
    path.components()
        .filter(|part| *part != Component::CurDir)
        .collect()
}

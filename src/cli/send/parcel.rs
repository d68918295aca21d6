//! A file on its way into an outbox: checked before anything is copied, then put there whole.

#![expect(
    clippy::disallowed_methods,
    reason = "it reads a person's files and puts them where that person asked"
)]

use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};

use crate::cli::context::Failure;
use crate::cli::exit::Exit;
use crate::cli::why;
use crate::flow::ccmessaging::upload::Kind;
use crate::model::digest::Sha256;
use crate::model::folder::FolderSpec;
use crate::model::path::{RelPath, escaped};

/// A file that the desk takes.
#[derive(Debug)]
pub(super) struct Parcel {
    /// Its path below the outbox: its own name.
    pub(super) path: RelPath,
    /// Identity of its bytes.
    pub(super) digest: Sha256,
    bytes: Vec<u8>,
    /// It is in the outbox already.
    is_there: bool,
}

/// All files, or the first reason why nothing is copied.
pub(super) fn check(folder: &FolderSpec, files: &[PathBuf]) -> Result<Vec<Parcel>, Failure> {
    if !folder.path.is_dir() {
        let message = format!(
            "The outbox \"{}\" is not there; make the directory, or mend `path`",
            folder.path.display()
        );
        return Err(Failure::new(Exit::NotFound, message));
    }
    let mut parcels: Vec<Parcel> = Vec::new();
    for file in files {
        let parcel = Parcel::read(folder, file)?;
        if parcels.iter().any(|known| known.path == parcel.path) {
            let message = format!(
                "\"{}\": two files of the name \"{}\" cannot be in one outbox; send one, or rename it",
                shown(file),
                parcel.path
            );
            return Err(Failure::new(Exit::Usage, message));
        }
        parcels.push(parcel);
    }
    Ok(parcels)
}

impl Parcel {
    fn read(folder: &FolderSpec, file: &Path) -> Result<Self, Failure> {
        let usage = |words: &str| Failure::new(Exit::Usage, format!("\"{}\" {words}", shown(file)));
        let path = file
            .file_name()
            .and_then(|name| RelPath::from_bytes(name.as_bytes()).ok())
            .ok_or_else(|| usage("has no name that could be used; name a file"))?;
        let metadata = file.metadata().map_err(|error| unreadable(file, &error))?;
        if metadata.is_dir() {
            return Err(usage("is a directory; name the files in it"));
        }
        if !metadata.is_file() {
            return Err(usage("is not a regular file; only files can be sent"));
        }
        Kind::of(&path, metadata.len(), folder.max_file)
            .map_err(|fault| usage(&format!("cannot be sent: {}", fault.message)))?;
        let rule = why::rule(folder, &path);
        if !rule.kept {
            let words = format!(
                "would be left out of the outbox: {}; rename it",
                rule.reason
            );
            return Err(usage(&words));
        }
        let bytes = whole(file, metadata.len())?;
        let mut parcel = Self {
            digest: Sha256::of(&bytes),
            path,
            bytes,
            is_there: false,
        };
        parcel.is_there = parcel.compare(folder, file)?;
        Ok(parcel)
    }

    /// Whether the outbox has the very file already.
    fn compare(&self, folder: &FolderSpec, file: &Path) -> Result<bool, Failure> {
        let target = folder.path.join(self.path.as_path());
        match target.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(unreadable(&target, &error)),
            Ok(metadata) => {
                let is_same = metadata.is_file()
                    && metadata.len() == self.bytes.len() as u64
                    && Sha256::of(&whole(&target, metadata.len())?) == self.digest;
                if is_same {
                    Ok(true)
                } else {
                    Err(self.taken(folder, file))
                }
            }
        }
    }

    fn taken(&self, folder: &FolderSpec, file: &Path) -> Failure {
        let message = format!(
            "\"{}\": the outbox {} has another file of the name \"{}\"; send it under another name, or \
             replace that file yourself",
            shown(file),
            folder.name,
            self.path
        );
        Failure::new(Exit::Usage, message)
    }

    /// Puts the file into the outbox: whole, durably, and over nothing.
    /// Whoever the state belongs to can read it.
    pub(super) fn put(&self, folder: &FolderSpec, state_dir: &Path) -> Result<(), Failure> {
        if self.is_there {
            return Ok(());
        }
        let target = folder.path.join(self.path.as_path());
        let placed = Readers::of(&folder.path, state_dir)
            .and_then(|readers| place(&self.bytes, &readers, &target));
        placed.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => self.taken(folder, self.path.as_path()),
            _ => Failure::new(
                Exit::Unexpected,
                format!("Could not write \"{}\": {error}", shown(&target)),
            ),
        })
    }
}

/// Who may read a file of the outbox: the daemon may be another user than the person.
struct Readers<'a> {
    outbox: &'a Path,
    mode: u32,
    /// Whom root gives the file to.
    owner: Option<u32>,
}

impl<'a> Readers<'a> {
    fn of(outbox: &'a Path, state_dir: &Path) -> io::Result<Self> {
        let open = outbox.metadata()?.mode() & 0o044;
        let owner = match state_dir.metadata() {
            Ok(state) if rustix::process::geteuid().is_root() => Some(state.uid()),
            _ => None,
        };
        Ok(Self {
            outbox,
            mode: 0o600 | open,
            owner,
        })
    }
}

/// Written under a name that every folder leaves out, made durable, then renamed.
fn place(bytes: &[u8], readers: &Readers<'_>, target: &Path) -> io::Result<()> {
    let temporary = readers.outbox.join(temporary_name(target.file_name()));
    let placed = write(bytes, readers, &temporary).and_then(|()| {
        rustix::fs::renameat_with(CWD, &temporary, CWD, target, RenameFlags::NOREPLACE)?;
        File::open(readers.outbox)?.sync_all()
    });
    if placed.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    placed
}

fn write(bytes: &[u8], readers: &Readers<'_>, path: &Path) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    fchown(&file, readers.owner, None)?;
    file.set_permissions(Permissions::from_mode(readers.mode))?;
    file.sync_all()
}

/// `*.part` is on the built-in list of what is left out.
fn temporary_name(name: Option<&OsStr>) -> OsString {
    let digest = Sha256::of(name.unwrap_or_default().as_bytes()).to_string();
    let short = digest.get(..16).unwrap_or_default();
    format!(".syncd-send-{}-{short}.part", std::process::id()).into()
}

/// All bytes of a file that had this length.
fn whole(file: &Path, len: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|open| open.take(len + 1).read_to_end(&mut bytes));
    read.map_err(|error| unreadable(file, &error))?;
    if bytes.len() as u64 != len {
        let message = format!(
            "\"{}\" is being written; try again when it is whole",
            shown(file)
        );
        return Err(Failure::new(Exit::Temporary, message));
    }
    Ok(bytes)
}

fn unreadable(file: &Path, error: &io::Error) -> Failure {
    let exit = match error.kind() {
        io::ErrorKind::NotFound => Exit::NotFound,
        _ => Exit::Unexpected,
    };
    Failure::new(exit, format!("Could not read \"{}\": {error}", shown(file)))
}

fn shown(path: &Path) -> String {
    escaped(path.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests;

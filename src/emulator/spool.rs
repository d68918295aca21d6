//! Where the bytes of large objects lie: a folder of files without meaning in their names.
//!
//! A file lives as long as what holds it; an upload that is broken off leaves nothing.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

static FOLDERS: AtomicU64 = AtomicU64::new(0);

/// The folder. A temporary one goes away with the last file in it.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    temporary: bool,
    files: AtomicU64,
}

impl Spool {
    /// Uses `root`, or a temporary folder, which is made when the first file is.
    pub(super) fn open(root: Option<&Path>) -> io::Result<Self> {
        let temporary = root.is_none();
        let folder = if let Some(root) = root {
            fs::create_dir_all(root)?;
            root.to_owned()
        } else {
            let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
            let name = format!(
                "syncd-emulator-{}-{number}-{:08x}",
                std::process::id(),
                fastrand::u32(..)
            );
            std::env::temp_dir().join(name)
        };
        Ok(Self {
            folder,
            temporary,
            files: AtomicU64::new(0),
        })
    }

    /// A new, empty file.
    pub(super) fn create(self: &Arc<Self>) -> io::Result<SpoolFile> {
        if self.temporary {
            fs::create_dir_all(&self.folder)?;
        }
        loop {
            let number = self.files.fetch_add(1, Ordering::Relaxed);
            let path = self.folder.join(format!("object-{number:06}"));
            match File::create_new(&path) {
                Ok(file) => {
                    return Ok(SpoolFile {
                        file,
                        path,
                        _spool: Arc::clone(self),
                    });
                }
                // A folder that was named may hold the files of an earlier run.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if self.temporary {
            let _gone_already = fs::remove_dir_all(&self.folder);
        }
    }
}

/// One file, removed when dropped.
#[derive(Debug)]
pub(super) struct SpoolFile {
    file: File,
    path: PathBuf,
    _spool: Arc<Spool>,
}

impl SpoolFile {
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// The same bytes again, from the start.
    pub(super) fn reader(&self) -> io::Result<File> {
        File::open(&self.path)
    }
}

impl Drop for SpoolFile {
    fn drop(&mut self) {
        let _gone_already = fs::remove_file(&self.path);
    }
}

//! The files that are synced: small ones in many directories, no two alike.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::Outcome;

pub(crate) const FILE_BYTES: usize = 1024;
const FILES_IN_DIRECTORY: usize = 100;

/// A folder that goes when this is dropped.
pub(crate) struct Tree {
    room: TempDir,
    files: usize,
}

impl Tree {
    pub(crate) fn small(files: usize) -> Outcome<Self> {
        let room = room()?;
        let root = room.path().join("tree");
        for number in 0..files {
            let path = root.join(name(number));
            if number % FILES_IN_DIRECTORY == 0 {
                fs::create_dir_all(path.parent().unwrap_or(&root))?;
            }
            fs::write(path, contents(number))?;
        }
        Self { room, files }.ready()
    }

    /// Four files of this many bytes each.
    pub(crate) fn big(bytes: u64) -> Outcome<Self> {
        let room = room()?;
        let root = room.path().join("tree");
        fs::create_dir_all(&root)?;
        let mut dice = fastrand::Rng::with_seed(7);
        let mut block = vec![0; 1 << 20];
        for number in 0..4 {
            let mut file = fs::File::create(root.join(format!("{number}.bin")))?;
            for _ in 0..bytes.div_ceil(block.len() as u64) {
                dice.fill(&mut block);
                std::io::Write::write_all(&mut file, &block)?;
            }
        }
        Self { room, files: 4 }.ready()
    }

    fn ready(self) -> Outcome<Self> {
        // A file that changed a moment ago is looked at again, which is not what is measured.
        std::thread::sleep(Duration::from_secs(2));
        self.warm()?;
        Ok(self)
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.room.path().join("tree")
    }

    pub(crate) fn files(&self) -> usize {
        self.files
    }

    /// Reads everything, so that no timing pays for the disk, nor for what others left to be written there.
    pub(crate) fn warm(&self) -> Outcome<()> {
        rustix::fs::sync();
        let mut buffer = vec![0; 256 * 1024];
        let mut open = vec![self.root()];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory)? {
                let path = entry?.path();
                if path.is_dir() {
                    open.push(path);
                    continue;
                }
                let mut file = fs::File::open(path)?;
                while file.read(&mut buffer)? > 0 {}
            }
        }
        Ok(())
    }
}

/// A directory on a real file system, where the build's own files are.
pub(crate) fn room() -> Outcome<TempDir> {
    fs::create_dir_all(env!("CARGO_TARGET_TMPDIR"))?;
    Ok(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?)
}

/// The path of a small file below the root.
pub(crate) fn name(number: usize) -> PathBuf {
    let directory = number / FILES_IN_DIRECTORY;
    Path::new(&format!("d{}", directory % 20))
        .join(format!("e{directory}"))
        .join(format!("f{number}.txt"))
}

pub(crate) fn contents(number: usize) -> Vec<u8> {
    let mut bytes = vec![0; FILE_BYTES];
    fastrand::Rng::with_seed(number as u64).fill(&mut bytes);
    bytes
}

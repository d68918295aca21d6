//! `STATE/daemon.json`: where the commands of a shell find the daemon, whose runtime directory they do
//! not share.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What stands in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Process.
    pub pid: u32,
    /// Control socket.
    pub socket: PathBuf,
    /// Version.
    pub version: String,
    /// RFC 3339.
    pub started_at: String,
}

fn path_in(state_dir: &Path) -> PathBuf {
    state_dir.join("daemon.json")
}

impl Location {
    /// Writes it whole or not at all. Only the holder of the lock may.
    ///
    /// # Errors
    /// The state directory cannot be written.
    #[expect(
        clippy::disallowed_methods,
        reason = "the daemon's own file, no watched folder"
    )]
    pub fn write(&self, state_dir: &Path) -> io::Result<()> {
        let half = state_dir.join("daemon.json.new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&half)?;
        serde_json::to_writer(&mut file, self)?;
        file.write_all(b"\n")?;
        std::fs::rename(half, path_in(state_dir))
    }

    /// Reads it; `None` where there is none.
    ///
    /// # Errors
    /// It is there but cannot be read.
    #[expect(
        clippy::disallowed_methods,
        reason = "the daemon's own file, no watched folder"
    )]
    pub fn read(state_dir: &Path) -> io::Result<Option<Self>> {
        match std::fs::read(path_in(state_dir)) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes it at a clean stop.
    #[expect(
        clippy::disallowed_methods,
        reason = "the daemon's own file, no watched folder"
    )]
    pub fn remove(state_dir: &Path) {
        let _ = std::fs::remove_file(path_in(state_dir));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_can_be_removed() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(Location::read(state.path()).unwrap(), None);
        let location = Location {
            pid: 7,
            socket: "/run/syncd/syncd.sock".into(),
            version: "1".to_owned(),
            started_at: "2026-11-21T09:00:00Z".to_owned(),
        };
        location.write(state.path()).unwrap();
        assert_eq!(Location::read(state.path()).unwrap(), Some(location));
        Location::remove(state.path());
        assert_eq!(Location::read(state.path()).unwrap(), None);
    }
}

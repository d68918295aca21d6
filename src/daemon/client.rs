//! A command's side of the control socket.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::location::Location;
use super::protocol::{Reply, Request};
use super::socket;

/// The longest wait for an answer: a report over a large database takes a moment.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// Why a daemon did not answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// None runs.
    #[error("The daemon is not running; start it with `syncd run`")]
    NotRunning,
    /// One runs, but this user may not speak to it.
    #[error("This user may not speak to the daemon (\"{}\"); run this as {owner}", path.display())]
    NotPermitted {
        /// Socket or state directory.
        path: PathBuf,
        /// User.
        owner: String,
    },
    /// It does not answer.
    #[error("The daemon (pid {pid}) does not answer: {source}; try again, and look at its log")]
    Silent {
        /// Process.
        pid: u32,
        /// Words.
        source: io::Error,
    },
}

/// Asks the daemon of a state directory.
///
/// # Errors
/// None runs, or it does not answer.
pub fn ask(state_dir: &Path, request: &Request) -> Result<Reply, ClientError> {
    let location = match Location::read(state_dir) {
        Ok(Some(location)) => location,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(not_permitted(state_dir));
        }
        Ok(None) | Err(_) => return Err(ClientError::NotRunning),
    };
    let stream = match socket::connect(&location.socket) {
        Ok(stream) => stream,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(not_permitted(&location.socket));
        }
        Err(_) => return Err(ClientError::NotRunning),
    };
    let silent = |source| ClientError::Silent {
        pid: location.pid,
        source,
    };
    exchange(stream, request).map_err(silent)
}

fn exchange(mut stream: std::os::unix::net::UnixStream, request: &Request) -> io::Result<Reply> {
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    if answer.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "it closed the connection",
        ));
    }
    Ok(serde_json::from_str(&answer)?)
}

fn not_permitted(path: &Path) -> ClientError {
    ClientError::NotPermitted {
        path: path.to_owned(),
        owner: owner_of(path),
    }
}

/// The user who owns a file, or the nearest directory above it that can be seen.
pub fn owner_of(path: &Path) -> String {
    use std::os::unix::fs::MetadataExt as _;
    path.ancestors()
        .find_map(|path| path.metadata().ok())
        .map_or_else(
            || "root".to_owned(),
            |metadata| super::lock::user_name(metadata.uid()),
        )
}

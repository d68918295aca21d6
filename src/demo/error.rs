//! Why the demo ended early.

use std::io;
use std::path::PathBuf;

use crate::emulator::StartError;

use super::place::Place;

/// The last lines of the daemon's log that an error shows.
const LOG_LINES_SHOWN: usize = 15;

/// Why the demo ended early.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file or folder of the demo's own.
    #[error("Cannot {what} '{}'", path.display())]
    Folder {
        /// What was attempted.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The emulated cloud.
    #[error("Cannot start the emulated cloud")]
    Emulator(#[from] StartError),
    /// Signals.
    #[error("Cannot listen for Ctrl-C")]
    Signals(#[source] io::Error),
    /// The program could not be started or watched.
    #[error("Cannot run `{command}`")]
    Program {
        /// What was typed.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// A command ended with another code than it should have.
    #[error("`{command}` ended with {code}, where {expected} was expected\n{said}")]
    Ended {
        /// What was typed.
        command: String,
        /// The code, or the signal.
        code: String,
        /// The right codes.
        expected: String,
        /// What it printed.
        said: String,
    },
    /// Something did not happen.
    #[error("After {seconds} s, {what} still has not happened")]
    Late {
        /// What.
        what: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The deployed site is not the folder.
    #[error("The deployed site differs from the folder: {0}")]
    Differs(String),
    /// A file for the desk's agent could not be made.
    #[error("The desk's agent cannot send a file")]
    Agent(#[source] io::Error),
    /// What one side of the desk has is not what the other sent.
    #[error("The files exchanged with the desk differ: {0}")]
    Exchange(String),
    /// syncd did what no client may do.
    #[error("The emulated cloud objects: {0}")]
    Violation(String),
    /// Ctrl-C.
    #[error("Interrupted; the demo's folder is removed")]
    Interrupted,
    /// Standard output is closed.
    #[error("Cannot write to standard output")]
    Output(#[source] io::Error),
    /// A step failed while a daemon was there to ask.
    #[error("A step of the demo failed. The daemon's last words:\n{log}\nWhat failed")]
    Logged {
        /// What failed.
        #[source]
        error: Box<DemoError>,
        /// The end of its log.
        log: String,
    },
}

impl DemoError {
    /// The same with the end of the daemon's log, if there is one.
    pub(super) fn with_log(self, place: &Place) -> Self {
        if matches!(self, Self::Interrupted | Self::Output(_)) {
            return self;
        }
        let text = std::fs::read_to_string(place.log()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let shown = lines.len().saturating_sub(LOG_LINES_SHOWN);
        let log = lines
            .iter()
            .skip(shown)
            .map(|line| format!("  {line}"))
            .collect::<Vec<_>>()
            .join("\n");
        if log.is_empty() {
            return self;
        }
        Self::Logged {
            error: Box::new(self),
            log,
        }
    }
}

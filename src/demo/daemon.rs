//! The daemon of the tour: `syncd run` in the background.

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use super::DemoError;
use super::place::Place;
use super::program::{Program, reap, signal};

/// It promises to end within 10 s.
const STOP_MAX: Duration = Duration::from_secs(12);

/// A running `syncd run`. Killed if it is dropped while it runs.
#[derive(Debug)]
pub(super) struct Daemon {
    child: Option<Child>,
}

const TYPED: &str = "syncd run";

fn failed(source: std::io::Error) -> DemoError {
    DemoError::Program {
        command: TYPED.to_owned(),
        source,
    }
}

impl Daemon {
    /// Starts it, with its words going to the log.
    pub(super) fn start(program: &Program, place: &Place) -> Result<Self, DemoError> {
        let log = OpenOptions::new()
            .append(true)
            .create(true)
            .open(place.log())
            .map_err(|source| DemoError::Folder {
                what: "open",
                path: place.log(),
                source,
            })?;
        let mut command = program.command(&["run"]);
        command.stdout(Stdio::null()).stderr(log);
        // A group of its own: Ctrl-C is for the demo, which then stops the daemon in order.
        command.process_group(0);
        let child = command.spawn().map_err(failed)?;
        Ok(Self { child: Some(child) })
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// An error if it has ended by itself.
    pub(super) fn check(&mut self) -> Result<(), DemoError> {
        let ended = match &mut self.child {
            Some(child) => child.try_wait().map_err(failed)?,
            None => None,
        };
        match ended {
            None => Ok(()),
            Some(status) => Err(DemoError::Ended {
                command: TYPED.to_owned(),
                code: status
                    .code()
                    .map_or_else(|| "a signal".to_owned(), |code| code.to_string()),
                expected: "a running daemon".to_owned(),
                said: String::new(),
            }),
        }
    }

    /// `kill -9`.
    pub(super) fn kill(mut self) -> Result<(), DemoError> {
        if let Some(child) = self.child.take() {
            signal(child.id(), Signal::KILL).map_err(failed)?;
            reap(child, STOP_MAX).map_err(failed)?;
        }
        Ok(())
    }

    /// SIGTERM, and an error unless it ends with 0.
    pub(super) fn stop(mut self) -> Result<(), DemoError> {
        let Some(child) = self.child.take() else {
            return Ok(());
        };
        signal(child.id(), Signal::TERM).map_err(failed)?;
        let status = reap(child, STOP_MAX).map_err(failed)?;
        if status.success() {
            return Ok(());
        }
        Err(DemoError::Ended {
            command: TYPED.to_owned(),
            code: status
                .code()
                .map_or_else(|| "a signal".to_owned(), |code| code.to_string()),
            expected: "0 after SIGTERM".to_owned(),
            said: String::new(),
        })
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _already_gone = child.kill();
            let _reaped = child.wait();
        }
    }
}

//! Running this very program, as a person at a shell would.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::DemoError;
use super::place::Place;

/// No command of the tour may take longer.
pub(super) const COMMAND_MAX: Duration = Duration::from_secs(20);

/// Variables that would make a child behave like the service this shell may be part of.
const NOT_INHERITED: &[&str] = &[
    "STATE_DIRECTORY",
    "RUNTIME_DIRECTORY",
    "CREDENTIALS_DIRECTORY",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "JOURNAL_STREAM",
];

/// This program, pointed at the demo's configuration.
#[derive(Debug)]
pub(super) struct Program {
    executable: PathBuf,
    config: PathBuf,
}

/// What a command came to.
#[derive(Debug)]
pub(super) struct Said {
    /// What was typed.
    pub(super) command: String,
    /// Its exit code; `None` if a signal ended it.
    pub(super) code: Option<i32>,
    /// Standard output, then standard error.
    pub(super) text: String,
}

impl Program {
    /// Finds the program.
    pub(super) fn of(place: &Place) -> Result<Self, DemoError> {
        let executable = std::env::current_exe().map_err(|source| DemoError::Program {
            command: "syncd".to_owned(),
            source,
        })?;
        Ok(Self {
            executable,
            config: place.config(),
        })
    }

    /// A command, ready to be started.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.executable);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SYNCD_") {
                command.env_remove(name);
            }
        }
        for name in NOT_INHERITED {
            command.env_remove(name);
        }
        command
            .args(arguments)
            .env("SYNCD_CONFIG", &self.config)
            .env("NO_COLOR", "1");
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<Said, DemoError> {
        let typed = format!("syncd {}", arguments.join(" "));
        let failed = |source| DemoError::Program {
            command: typed.clone(),
            source,
        };
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(failed)?;
        let output = finish(child, COMMAND_MAX).map_err(failed)?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        let _infallible = write!(text, "{}", String::from_utf8_lossy(&output.stderr));
        Ok(Said {
            command: typed,
            code: output.status.code(),
            text,
        })
    }
}

impl Said {
    /// An error unless it ended with one of these codes.
    pub(super) fn expect(self, codes: &[i32]) -> Result<Self, DemoError> {
        if self.code.is_some_and(|code| codes.contains(&code)) {
            return Ok(self);
        }
        let expected = codes
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" or ");
        Err(DemoError::Ended {
            command: self.command,
            code: self
                .code
                .map_or_else(|| "a signal".to_owned(), |code| code.to_string()),
            expected,
            said: self.text,
        })
    }

    /// An error unless it printed this.
    pub(super) fn mentions(self, words: &str) -> Result<Self, DemoError> {
        if self.text.contains(words) {
            return Ok(self);
        }
        let code = self
            .code
            .map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        let expected = format!("a word of \"{words}\"");
        Err(DemoError::Ended {
            command: self.command,
            code,
            expected,
            said: self.text,
        })
    }
}

/// Waits for a child; one that takes too long is killed.
fn finish(child: Child, patience: Duration) -> io::Result<Output> {
    let pid = child.id();
    let (tell, told) = mpsc::channel();
    let waiter = thread::spawn(move || {
        let _nobody_waits = tell.send(child.wait_with_output());
    });
    let output = told.recv_timeout(patience).unwrap_or_else(|_too_long| {
        signal(pid, Signal::KILL)?;
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "it took too long and was ended",
        ))
    });
    let _panicked = waiter.join();
    output
}

/// Waits for a child without output of interest.
pub(super) fn reap(mut child: Child, patience: Duration) -> io::Result<ExitStatus> {
    // Its output goes to a file, so there is nothing to read.
    child.stdout = None;
    child.stderr = None;
    Ok(finish(child, patience)?.status)
}

/// Sends a signal.
pub(super) fn signal(pid: u32, signal: Signal) -> io::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("no such process id"))?;
    Ok(kill_process(pid, signal)?)
}

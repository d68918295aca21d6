//! Programs that run for received files.
#![expect(clippy::disallowed_methods, reason = "programs are timed here")]

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use super::child::{self, Running};
use crate::port::BoxFuture;
use crate::port::program::{Exit, Programs};

/// The programs of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsPrograms;

impl Programs for OsPrograms {
    fn run<'a>(&'a self, argv: &'a [String], limit: Duration) -> BoxFuture<'a, Exit> {
        Box::pin(run(argv, limit))
    }
}

async fn run(argv: &[String], limit: Duration) -> Exit {
    let Some(mut command) = child::command(argv) else {
        return Exit::NotStarted("no program is named".to_owned());
    };
    let mut running = match command.spawn() {
        Ok(child) => Running(child),
        Err(error) => return Exit::NotStarted(error.to_string()),
    };
    match tokio::time::timeout(limit, running.0.wait()).await {
        Ok(Ok(status)) => ended(status),
        Ok(Err(error)) => Exit::NotStarted(error.to_string()),
        Err(_) => Exit::TimedOut,
    }
}

fn ended(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Status(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::NotStarted("its end was not told".to_owned()),
    }
}

#[cfg(test)]
mod tests;

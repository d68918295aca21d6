//! `syncd status`.

#![expect(
    clippy::disallowed_methods,
    reason = "--wait watches the daemon on behalf of a person"
)]

use std::time::{Duration, Instant};

use crate::config::Config;
use crate::daemon::client::{self, ClientError};
use crate::daemon::protocol::{Reply, Request};
use crate::report::{Folder, Inbox, State, Status, gather, text};

use super::args;
use super::context::{Context, Failure, reader};
use super::exit::Exit;
use super::terminal;

mod live;

/// Runs the command.
pub fn run(context: &Context, asked: &args::Status) -> Result<Exit, Failure> {
    let config = context.config()?;
    if asked.watch {
        return live::run(context, &config);
    }
    if let Some(limit) = asked.wait {
        return wait(context, &config, asked, limit);
    }
    let status = report(context, &config)?;
    if asked.check {
        if asked.json {
            terminal::json(&status);
        }
        return Ok(check(&status));
    }
    show(context, asked, &status);
    Ok(Exit::Done)
}

fn show(context: &Context, asked: &args::Status, status: &Status) {
    if asked.json {
        if !status.daemon.running {
            terminal::note("The daemon is not running; this is what the database remembers.");
        }
        terminal::json(status);
    } else {
        terminal::data(&text::status(status, context.paint));
    }
}

/// From the daemon, else from the database.
pub fn report(context: &Context, config: &Config) -> Result<Status, Failure> {
    look(context, config, || {
        terminal::note("There is no database yet: nothing has ever been scanned.");
    })
}

fn look(context: &Context, config: &Config, on_blank: impl FnOnce()) -> Result<Status, Failure> {
    match client::ask(&config.state_dir, &Request::Status) {
        Ok(Reply::Status { status }) => return Ok(*status),
        Ok(Reply::Failed { message }) => return Err(Failure::new(Exit::Unexpected, message)),
        Ok(_) => {
            return Err(Failure::new(
                Exit::Unexpected,
                "The daemon speaks another language",
            ));
        }
        Err(ClientError::NotRunning) => {}
        Err(error) => return Err(error.into()),
    }
    let asked = gather::Asked {
        folders: &config.folders,
        inboxes: &config.inboxes,
        daemon: None,
        live: None,
    };
    if let Some(reader) = reader(&config.state_dir)? {
        return Ok(gather::status(&reader, asked, context.now())?);
    }
    on_blank();
    Ok(gather::nothing_yet(asked, context.now())?)
}

/// What `--check` ends with.
fn check(status: &Status) -> Exit {
    let in_sync = standings(status).all(Standing::is_well);
    match (status.daemon.running, in_sync) {
        (false, _) => Exit::Daemon,
        (true, true) => Exit::Done,
        (true, false) => Exit::NotInSync,
    }
}

/// How far a folder or an inbox is from being in sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    state: State,
    /// Files that will be in sync without a person.
    is_open: bool,
    /// Files were given up, or cannot be read.
    has_failed: bool,
}

fn standings(status: &Status) -> impl Iterator<Item = Standing> {
    let folders = status.folders.iter().map(Standing::of_folder);
    folders.chain(status.inboxes.iter().map(Standing::of_inbox))
}

impl Standing {
    fn of_folder(folder: &Folder) -> Self {
        Self {
            state: folder.state,
            is_open: folder.files.open() > 0 || folder.state == State::Scanning,
            has_failed: folder.files.dead > 0 || folder.unreadable > 0,
        }
    }

    fn of_inbox(inbox: &Inbox) -> Self {
        Self {
            state: inbox.state,
            is_open: inbox.pending > 0,
            has_failed: inbox.dead > 0,
        }
    }

    /// Every file is where it belongs, and the next one will be.
    fn is_well(self) -> bool {
        !self.is_open && !self.has_failed && !self.is_stopped()
    }

    fn is_stopped(self) -> bool {
        matches!(self.state, State::Blocked | State::Paused)
    }

    /// Nothing more happens here without a person.
    fn is_stuck(self) -> bool {
        self.is_stopped() || (!self.is_open && self.has_failed)
    }
}

/// How often `--wait` looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A change of a moment ago may still be on its way to the daemon, so `--wait` looks twice.
const SURE_AFTER: Duration = Duration::from_millis(100);

fn wait(
    context: &Context,
    config: &Config,
    asked: &args::Status,
    limit: Duration,
) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let mut is_sure = false;
    loop {
        let status = report(context, config)?;
        let exit = verdict(&status).or_else(|| {
            let over = begun.elapsed() >= limit;
            over.then_some(Exit::Temporary)
        });
        if exit == Some(Exit::Done) && !is_sure {
            is_sure = true;
            std::thread::sleep(SURE_AFTER);
            continue;
        }
        is_sure = false;
        if let Some(exit) = exit {
            show(context, asked, &status);
            return Ok(exit);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// What `--wait` ends with; `None` while it is worth waiting.
fn verdict(status: &Status) -> Option<Exit> {
    if !status.daemon.running {
        return Some(Exit::Daemon);
    }
    if standings(status).all(Standing::is_well) {
        return Some(Exit::Done);
    }
    let mut open = standings(status).filter(|standing| !standing.is_well());
    let stuck = open.all(Standing::is_stuck);
    let blocked = standings(status).any(|standing| standing.state == State::Blocked);
    (stuck || blocked).then_some(Exit::NotInSync)
}

#[cfg(test)]
mod tests;

//! The program that runs for each delivered file. It never holds up the inbox: what becomes of it is
//! written down and shown, and that is all.

use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use super::room::Room;
use crate::engine::EngineError;
use crate::model::desk::ON_RECEIVE_MAX;
use crate::model::path::RelPath;
use crate::model::time::Monotonic;
use crate::port::program::Exit;
use crate::store::{DueHook, NextHook};

/// So often a program is started for one file.
const STARTS_MAX: u32 = 3;
/// Before it is started again, doubled each time.
const RESTART_AFTER: Duration = Duration::from_secs(10);
/// Stands for the file's path in the program's arguments.
const PATH: &str = "{path}";

/// Runs programs until it is time to stop.
///
/// # Errors
/// The store failed.
pub(super) async fn run(room: &Room) -> Result<(), EngineError> {
    if room.spec.on_receive.is_empty() {
        room.stop.cancelled().await;
        return Ok(());
    }
    loop {
        let next = next(room).await?;
        let at = match next {
            Next::Ran => Some(room.monotonic()),
            Next::Due(at) => at,
        };
        tokio::select! {
            biased;
            () = room.stop.cancelled() => return Ok(()),
            () = room.at(at) => {}
            () = room.programs.notified() => {}
        }
    }
}

/// Runs what is due, or will be within `patience`.
///
/// # Errors
/// The store failed.
pub(super) async fn once(room: &Room, patience: Duration) -> Result<(), EngineError> {
    if room.spec.on_receive.is_empty() {
        return Ok(());
    }
    let deadline = room.monotonic() + patience;
    loop {
        match next(room).await? {
            Next::Ran => {}
            Next::Due(Some(at)) if at <= deadline && !room.stop.is_cancelled() => {
                room.at(Some(at)).await;
            }
            Next::Due(_) => return Ok(()),
        }
    }
}

enum Next {
    /// A program ran.
    Ran,
    /// None was due; the next is then.
    Due(Option<Monotonic>),
}

async fn next(room: &Room) -> Result<Next, EngineError> {
    let name = || room.spec.name.clone();
    let now = room.now();
    let due = room.store.hooks_due(name(), 1, now).await?;
    let Some(hook) = due.into_iter().next() else {
        let next = room.store.next_hook_due(name()).await?;
        let at = next.map(|due| room.monotonic() + now.until(due));
        return Ok(Next::Due(at));
    };
    let starts = room.store.hook_begins(hook.id).await?;
    let argv = arguments(room, &hook.path);
    let exit = tokio::select! {
        biased;
        exit = room.ports.programs.run(&argv, ON_RECEIVE_MAX) => exit,
        // It runs again after the next start: at least once is what is promised.
        () = room.stop.cancelled() => return Ok(Next::Ran),
    };
    ended(room, &hook, starts, &exit).await?;
    Ok(Next::Ran)
}

async fn ended(room: &Room, hook: &DueHook, starts: u32, exit: &Exit) -> Result<(), EngineError> {
    let next = if exit.is_success() {
        NextHook::Done
    } else if starts >= STARTS_MAX {
        room.notice(format!(
            "The program of `on_receive` failed {starts} times for \"{}\" ({exit}); the file is in the \
             inbox, and the program is not started for it again",
            hook.path
        ));
        NextHook::Failed
    } else {
        let after = RESTART_AFTER * 2_u32.saturating_pow(starts.saturating_sub(1));
        NextHook::Retry(room.now().plus(after))
    };
    let exit = exit.to_string();
    Ok(room.store.hook_ended(hook.id, exit, next).await?)
}

fn arguments(room: &Room, path: &RelPath) -> Vec<String> {
    let below = std::ffi::OsStr::from_bytes(path.as_bytes());
    let path = room.spec.path.join(below).to_string_lossy().into_owned();
    let arguments = room.spec.on_receive.iter();
    arguments
        .map(|argument| argument.replace(PATH, &path))
        .collect()
}

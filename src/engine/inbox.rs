//! An inbox: asks its desk for messages, fetches the files they carry, puts them into the folder, and runs
//! the program that the configuration names for each.
//!
//! Invariants: a page of messages is written down before anything is done about it and before the next one
//! is asked for; one poll is under way at a time; a file has its final name once; no message stops another.

pub mod deliver;
mod fetch;
mod hooks;
mod poll;
mod room;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::desk::Desk;
use super::live::InboxLive;
use super::{EngineError, Mode, Ports};
use crate::model::desk::InboxSpec;
use crate::store::Store;

use poll::Poller;
use room::Room;

/// What a person asks of an inbox.
#[derive(Debug)]
pub(super) enum InboxCommand {
    /// Ask and fetch nothing more.
    Pause,
    /// Go on, and try at once what waits.
    Resume,
    /// Its messages were edited: look at them again.
    Look,
    /// Asks once and fetches what can be fetched without waiting for longer than this; then answers.
    Once(Duration, oneshot::Sender<()>),
}

/// What an inbox is given.
pub(super) struct InboxParts {
    /// Configuration.
    pub spec: InboxSpec,
    /// A person paused it.
    pub paused: bool,
    /// Whom it asks.
    pub desk: Arc<Desk>,
    /// The memory.
    pub store: Store,
    /// The world.
    pub ports: Ports,
    /// Faults a file may have before it is given up.
    pub attempts_max: u32,
    /// What a person asks.
    pub commands: mpsc::Receiver<InboxCommand>,
    /// Cancelled: ask and fetch nothing more.
    pub stop: CancellationToken,
}

/// The task of one inbox.
pub(super) struct Inbox {
    room: Arc<Room>,
    poller: Poller,
    commands: mpsc::Receiver<InboxCommand>,
}

impl Inbox {
    /// An inbox that has not begun, and what can be seen of it from outside.
    pub(super) fn new(parts: InboxParts) -> (Self, watch::Receiver<InboxLive>) {
        let (room, live) = Room::new(
            parts.spec,
            parts.paused,
            (parts.desk, parts.store, parts.ports),
            parts.attempts_max,
            parts.stop,
        );
        let inbox = Self {
            poller: Poller::new(&room),
            room: Arc::new(room),
            commands: parts.commands,
        };
        (inbox, live)
    }

    /// Runs until it is stopped.
    ///
    /// # Errors
    /// The store cannot be written any more.
    pub(super) async fn run(self, mode: Mode) -> Result<(), EngineError> {
        let Self {
            room,
            mut poller,
            commands,
        } = self;
        let ended = match mode {
            Mode::Run => {
                let ((), (), (), ()) = tokio::try_join!(
                    poller.run(&room),
                    fetch::run(&room),
                    hooks::run(&room),
                    obey(&room, commands),
                )?;
                Ok(())
            }
            Mode::Once => once(&room, &mut poller, commands).await,
        };
        room.desk.farewell().await;
        ended
    }
}

async fn obey(room: &Room, mut commands: mpsc::Receiver<InboxCommand>) -> Result<(), EngineError> {
    loop {
        let command = tokio::select! {
            () = room.stop.cancelled() => return Ok(()),
            command = commands.recv() => command,
        };
        match command {
            Some(InboxCommand::Pause) => room.set_paused(true),
            Some(InboxCommand::Resume) => {
                room.set_paused(false);
                room.resume();
            }
            Some(InboxCommand::Look) => room.resume(),
            // Only asked for where the engine does nothing else.
            Some(InboxCommand::Once(..)) => {}
            None => {
                room.stop.cancelled().await;
                return Ok(());
            }
        }
    }
}

/// Does nothing by itself; one pass when asked.
async fn once(
    room: &Room,
    poller: &mut Poller,
    mut commands: mpsc::Receiver<InboxCommand>,
) -> Result<(), EngineError> {
    loop {
        let command = tokio::select! {
            () = room.stop.cancelled() => return Ok(()),
            command = commands.recv() => command,
        };
        match command {
            Some(InboxCommand::Once(patience, done)) => {
                if !room.is_paused() {
                    poller.once(room, patience).await?;
                    fetch::once(room, patience).await?;
                    hooks::once(room, patience).await?;
                }
                let _ = done.send(());
            }
            Some(_) => {}
            None => return Ok(()),
        }
    }
}

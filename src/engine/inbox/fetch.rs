//! From a message that was written down to its file in the inbox: one at a time, each by its own row.

mod download;
mod sidecar;

use std::sync::Arc;
use std::time::Duration;

use super::deliver::{DeliverError, Delivery, Recovered};
use super::room::{Past, Room};
use crate::decide::account::Permit;
use crate::decide::place;
use crate::decide::remedy::JobNext;
use crate::engine::EngineError;
use crate::model::event::Event;
use crate::model::fault::{Call, Fault, Layer};
use crate::model::path::RelPath;
use crate::model::time::Monotonic;
use crate::port::disk::DiskError;
use crate::port::inbox_disk::Inbox;
use crate::store::{NextTry, PendingMessage, ReceivedFile};

/// How often a folder that cannot be used is looked at again.
const REOPEN_EVERY: Duration = Duration::from_secs(5);

/// Fetches until it is time to stop.
///
/// # Errors
/// The store failed.
pub(super) async fn run(room: &Room) -> Result<(), EngineError> {
    let mut delivery = None;
    while room.open_to_fetch().await {
        let at = match next(room, &mut delivery).await? {
            Next::Did => continue,
            Next::Due(at) => at,
        };
        tokio::select! {
            biased;
            () = room.stop.cancelled() => return Ok(()),
            () = room.files.notified() => {}
            () = room.at(at) => {}
        }
    }
    Ok(())
}

/// Fetches what is due, or will be within `patience`.
///
/// # Errors
/// The store failed.
pub(super) async fn once(room: &Room, patience: Duration) -> Result<(), EngineError> {
    let mut delivery = None;
    let deadline = room.monotonic() + patience;
    loop {
        let at = match next(room, &mut delivery).await? {
            Next::Did => continue,
            Next::Due(at) => at,
        };
        let at = at.filter(|at| *at <= deadline && !room.stop.is_cancelled());
        match at {
            Some(at) => room.at(Some(at)).await,
            None => return Ok(()),
        }
    }
}

enum Next {
    /// Something was done, or tried.
    Did,
    /// Nothing is due before then.
    Due(Option<Monotonic>),
}

async fn next(room: &Room, opened: &mut Option<Delivery>) -> Result<Next, EngineError> {
    let Some(delivery) = open(room, opened).await? else {
        return Ok(Next::Due(Some(room.monotonic() + REOPEN_EVERY)));
    };
    let now = room.now();
    let name = || room.spec.name.clone();
    let due = room.store.next_messages(name(), 1, now).await?;
    let Some(message) = due.into_iter().next() else {
        let next = room.store.next_message_due(name()).await?;
        // What is due already waits for something that will wake us.
        let next = next.filter(|due| *due > now);
        return Ok(Next::Due(next.map(|due| room.monotonic() + now.until(due))));
    };
    let id = message.row.id;
    let Some(message) = room.store.begin_message(id, now).await? else {
        return Ok(Next::Did);
    };
    let _busy = room.busy();
    let Some(permit) = room.permit_to_fetch().await else {
        room.store.release_message(id).await?;
        return Ok(Next::Due(None));
    };
    let tried = tokio::select! {
        biased;
        tried = attempt(room, &delivery, message.clone()) => tried?,
        // What is half-way is fetched anew after the next start.
        () = room.stop.cancelled() => {
            room.released(permit);
            room.store.release_message(id).await?;
            return Ok(Next::Due(None));
        }
    };
    match tried {
        Ok(delivered) => {
            room.succeeded(permit);
            if let Some((message, path)) = delivered {
                received(room, &message, path);
            }
        }
        Err(fault) => {
            if fault.call == Call::Deliver {
                // The folder may be gone or full: it is opened, and looked at, anew.
                *opened = None;
            }
            failed(room, permit, &message, fault).await?;
        }
    }
    Ok(Next::Did)
}

/// The inbox's folder, once it is there and what the last process left is finished.
async fn open(room: &Room, opened: &mut Option<Delivery>) -> Result<Option<Delivery>, EngineError> {
    if opened.is_none() {
        let (inboxes, path) = (Arc::clone(&room.ports.inboxes), room.spec.path.clone());
        let result = room.ports.offload.run(move || inboxes.open(&path)).await;
        let delivery = match result {
            Ok(disk) => delivery(room, disk),
            Err(error) => {
                room.set_blocked(Some(in_words(&error)));
                return Ok(None);
            }
        };
        match take_up(room, &delivery).await {
            Ok(()) => {}
            Err(DeliverError::Store(error)) => return Err(error.into()),
            Err(error) => {
                room.set_blocked(Some(error.to_string()));
                return Ok(None);
            }
        }
        room.set_blocked(None);
        *opened = Some(delivery);
    }
    Ok(opened.clone())
}

fn in_words(error: &DiskError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn delivery(room: &Room, disk: Arc<dyn Inbox>) -> Delivery {
    Delivery {
        name: room.spec.name.clone(),
        disk,
        store: room.store.clone(),
        offload: room.ports.offload,
        clock: Arc::clone(&room.ports.clock),
        dice: Arc::clone(&room.ports.dice),
        again: |path, n| place::numbered(path, u64::from(n) + 1).unwrap_or_else(|_| path.clone()),
        has_hook: !room.spec.on_receive.is_empty(),
    }
}

/// Finishes what the last process began.
async fn take_up(room: &Room, delivery: &Delivery) -> Result<(), DeliverError> {
    let rows = room.store.reader()?.inboxes()?;
    let row = rows.into_iter().find(|row| row.name == room.spec.name);
    let Recovered {
        delivered,
        failed,
        lost,
        strays,
    } = delivery.recover(row.and_then(|row| row.root)).await?;
    for (message, path) in delivered {
        received(room, &message, path);
    }
    for (message, error) in failed {
        let due = room.now().plus(REOPEN_EVERY);
        let next = NextTry::Retry { due, counts: false };
        let fault = deliver_fault(&error);
        room.store
            .message_failed(message.row.id, fault, next, room.now())
            .await?;
    }
    for message in lost {
        room.notice(format!(
            "The inbox is another directory than before, and the file of message \"{}\" is not in it; \
             if it is not where the inbox was, `syncd queue retry` fetches it again",
            message.row.identity
        ));
    }
    tracing::debug!(inbox = room.spec.name, strays, "inbox opened");
    Ok(())
}

type Delivered = Option<(PendingMessage, RelPath)>;

/// One attempt, from where the last one got to; nothing where nobody wants the file any more.
async fn attempt(
    room: &Room,
    delivery: &Delivery,
    mut message: PendingMessage,
) -> Result<Result<Delivered, Fault>, EngineError> {
    if message.fetched.is_none() {
        let fetched = match download::fetch(room, delivery, &message).await {
            Ok(fetched) => fetched,
            Err(fault) => return Ok(Err(fault)),
        };
        let id = message.row.id;
        let wanted = room.store.message_fetched(id, fetched.clone(), room.now());
        if !wanted.await? {
            download::discard(room, delivery, &fetched).await;
            return Ok(Ok(None));
        }
        message.row.file = Some(ReceivedFile {
            path: fetched.wanted.clone(),
            digest: fetched.digest,
            size: fetched.size,
        });
        message.fetched = Some(fetched);
    }
    match delivery.deliver(&message).await {
        Ok(path) => Ok(Ok(path.map(|path| (message, path)))),
        Err(DeliverError::Store(error)) => Err(error.into()),
        Err(error) => Ok(Err(deliver_fault(&error))),
    }
}

fn deliver_fault(error: &DeliverError) -> Fault {
    match error {
        DeliverError::Disk(error) => disk_fault(error),
        DeliverError::NoFreeName(_) => Fault::new(
            Call::Deliver,
            Layer::Local,
            "no-free-name",
            &error.to_string(),
        ),
        DeliverError::Store(_) => Fault::new(Call::Deliver, Layer::Local, "io", ""),
    }
}

/// The fault of an inbox that cannot be written.
fn disk_fault(error: &DiskError) -> Fault {
    let code = match error {
        DiskError::NotFound { .. } | DiskError::NotADirectory { .. } => "inbox-gone",
        DiskError::NotAFile { .. } => "io",
        DiskError::System { source, .. } => match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => "disk-full",
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                "inbox-refused"
            }
            _ => "io",
        },
    };
    Fault::new(Call::Deliver, Layer::Local, code, &in_words(error))
}

/// Tells of a delivered file, and wakes its program.
fn received(room: &Room, message: &PendingMessage, path: RelPath) {
    room.programs.notify_one();
    let file = message.row.file.as_ref();
    room.tell(&Event::Received {
        inbox: room.spec.name.clone(),
        path,
        bytes: file.map_or(0, |file| file.size),
        sha256: file.map(|file| file.digest.to_string()).unwrap_or_default(),
        message: message.row.identity.clone(),
    });
}

/// Writes down what comes after a fault.
async fn failed(
    room: &Room,
    permit: Permit,
    message: &PendingMessage,
    fault: Fault,
) -> Result<(), EngineError> {
    let row = &message.row;
    let code = format!("{}:{}", fault.layer.as_str(), fault.code);
    let repeats = match &row.last_code {
        Some(last) if *last == code => row.repeats,
        _ => 0,
    };
    let past = Past {
        attempts: row.attempts,
        attempts_max: room.attempts_max,
        repeats,
    };
    let decision = room.failed(permit, &fault, past);
    let now = room.now();
    let next = match decision.job {
        JobNext::Retry { after, counts } => NextTry::Retry {
            due: now.plus(after),
            counts,
        },
        JobNext::Dead | JobNext::Replan => NextTry::Dead,
        // The protocol's own steps were taken: it is the account's, and tried again.
        JobNext::SameAttempt(_) => NextTry::Retry {
            due: now.plus(REOPEN_EVERY),
            counts: false,
        },
    };
    let next_attempt_at = decision.next_try_after().map(|after| now.plus(after));
    room.tell(&Event::ReceiveFailed {
        inbox: room.spec.name.clone(),
        message: row.identity.clone(),
        code: fault.code.clone(),
        remedy: decision.rule.syncd_does(),
        attempt: row.tries,
        next_attempt_at,
        words: fault.message.clone(),
    });
    room.store.message_failed(row.id, fault, next, now).await?;
    Ok(())
}

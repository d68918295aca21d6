//! Fetches a message's file to a temporary name in the inbox, whole and durable.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf as _, Bytes};

use super::disk_fault;
use super::sidecar;
use crate::decide::place::{self, Fields};
use crate::engine::inbox::deliver::{Delivery, temp_name};
use crate::engine::inbox::room::Room;
use crate::flow::ccmessaging::calls::DeskCall;
use crate::flow::ccmessaging::download::{Decoded, decode};
use crate::flow::ccmessaging::failure;
use crate::flow::ccmessaging::mend::Mended;
use crate::flow::ccmessaging::message::{Carries, Received};
use crate::flow::ccmessaging::offer::{DownloadArgs, Offer};
use crate::model::desk::FREE_BYTES_MIN;
use crate::model::fault::{Call, Fault, Layer};
use crate::port::disk::DiskError;
use crate::port::inbox_disk::{Inbox, TempName};
use crate::port::offload::Offload;
use crate::port::transport::{Reply, ReplyPieces, StreamedReply, TransportFault};
use crate::store::{Fetched, PendingMessage, Sidecar};

/// The longest answer that is read to learn why there is no file, in bytes.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// Fetches the file of a message, and writes its sidecar.
///
/// # Errors
/// The desk did not give it, or the disk did not take it; nothing of it is left on the disk.
pub(super) async fn fetch(
    room: &Room,
    delivery: &Delivery,
    message: &PendingMessage,
) -> Result<Fetched, Fault> {
    let received = Received::from_raw(&message.raw);
    let offer = match &received.carries {
        Carries::File(offer) => offer,
        Carries::Unfetchable(fault) => return Err(fault.clone()),
        Carries::Nothing | Carries::HangUp { .. } => {
            let words = "the message carries no file";
            return Err(Fault::new(
                Call::Download,
                Layer::Local,
                "no-content",
                words,
            ));
        }
    };
    let (temp, decoded) = in_any_form(room, delivery, offer).await?;
    let fields = Fields {
        at: message.row.sent_at.unwrap_or(message.row.received_at),
        code: received.code.as_deref(),
        digest: received.fields,
        file_type: offer.file_type(),
    };
    let wanted = place::place(&room.spec.file_name, &fields)
        .map_err(|error| Fault::new(Call::Deliver, Layer::Local, "no-name", &error.to_string()))?;
    let mut fetched = Fetched {
        temp,
        sidecar: None,
        wanted,
        digest: decoded.sha256,
        size: decoded.bytes,
    };
    if room.spec.sidecar {
        let text = sidecar::text(&received, &message.row, &fetched);
        match write(room, delivery, text).await {
            Ok(sidecar) => fetched.sidecar = Some(sidecar),
            Err(fault) => {
                discard(room, delivery, &fetched).await;
                return Err(fault);
            }
        }
    }
    Ok(fetched)
}

/// Removes the temporary files of a fetch that nobody wants any more. Those that cannot be removed now are
/// nobody's at the next start.
pub(super) async fn discard(room: &Room, delivery: &Delivery, fetched: &Fetched) {
    let disk = Arc::clone(&delivery.disk);
    let sidecar = fetched.sidecar.as_ref().map(|sidecar| sidecar.temp.clone());
    let temps: Vec<TempName> = sidecar.into_iter().chain([fetched.temp.clone()]).collect();
    let removed = room.ports.offload.run(move || {
        let mut results = temps.iter().map(|temp| disk.remove(temp));
        results.find_map(Result::err)
    });
    if let Some(error) = removed.await {
        tracing::debug!(inbox = room.spec.name, %error, "a temporary file stays");
    }
}

async fn write(room: &Room, delivery: &Delivery, text: Vec<u8>) -> Result<Sidecar, Fault> {
    let temp = temp_name(&*room.ports.dice);
    let (disk, name, bytes) = (Arc::clone(&delivery.disk), temp.clone(), text.clone());
    let written = room.ports.offload.run(move || {
        let mut file = disk.create(&name)?;
        let result = file.write(&bytes);
        match result {
            Ok(()) => file.finish(),
            Err(error) => {
                drop(file);
                disk.remove(&name)?;
                Err(error)
            }
        }
    });
    written.await.map_err(|error| disk_fault(&error))?;
    Ok(Sidecar { temp, text })
}

/// Asks in the form that the message says, and in the others that the protocol knows.
async fn in_any_form(
    room: &Room,
    delivery: &Delivery,
    offer: &Offer,
) -> Result<(TempName, Decoded), Fault> {
    let mut tried = vec![offer.first_form()];
    let mut mended = Mended::default();
    loop {
        let Some(form) = tried.last() else {
            return Err(Fault::new(Call::Download, Layer::Local, "ended", ""));
        };
        let pass = room.desk.pass().await?;
        let call = DeskCall::download(form, room.spec.max_file);
        let reply = room.desk.open(&call, &pass).await?;
        let saved = save(room, delivery, reply).await;
        // What the disk did not take was answered all the same.
        let refused = saved.as_ref().err();
        let refused = refused.filter(|fault| fault.call == Call::Download);
        room.desk.tell_answered(Call::Download, refused);
        let fault = match saved {
            Ok(saved) => {
                room.desk.accepted(&pass);
                return Ok(saved);
            }
            Err(fault) => fault,
        };
        if room.desk.renews(&pass, &fault, &mut mended) {
            continue;
        }
        let other: Option<DownloadArgs> = offer.other_form(&fault, &tried);
        tried.push(other.ok_or(fault)?);
    }
}

/// Decodes an answer into a temporary file.
async fn save(
    room: &Room,
    delivery: &Delivery,
    reply: StreamedReply,
) -> Result<(TempName, Decoded), Fault> {
    if reply.status != 200 {
        return Err(failure(Call::Download, &gathered(reply).await));
    }
    let offload = room.ports.offload;
    let source = PieceReader::new(reply.pieces, offload).await;
    let temp = temp_name(&*room.ports.dice);
    let (disk, name, most) = (Arc::clone(&delivery.disk), temp.clone(), room.spec.max_file);
    let decoded = offload
        .run(move || save_as(&*disk, &name, source, most))
        .await?;
    Ok((temp, decoded))
}

fn save_as(
    disk: &dyn Inbox,
    name: &TempName,
    source: PieceReader,
    most: u64,
) -> Result<Decoded, Fault> {
    let free = disk.free_bytes().map_err(|error| disk_fault(&error))?;
    if free < most.saturating_add(FREE_BYTES_MIN) {
        let words = format!(
            "{free} bytes are free where the inbox is; a file may need {most} and {FREE_BYTES_MIN} are \
             left to others"
        );
        return Err(Fault::new(Call::Deliver, Layer::Local, "disk-full", &words));
    }
    let mut file = disk.create(name).map_err(|error| disk_fault(&error))?;
    let mut broken: Option<DiskError> = None;
    let mut sink = |bytes: &[u8]| {
        file.write(bytes).map_err(|error| {
            broken = Some(error);
            io::Error::other("the inbox did not take it")
        })
    };
    let decoded = decode(source, &mut sink, most);
    let finished = match (decoded, broken) {
        (_, Some(error)) => Err(disk_fault(&error)),
        (Err(fault), None) => Err(fault),
        (Ok(decoded), None) => match file.finish() {
            Ok(()) => return Ok(decoded),
            Err(error) => Err(disk_fault(&error)),
        },
    };
    // What stays behind is removed at the next start.
    let _ = disk.remove(name);
    finished
}

/// A reply of another status, as much of it as explains it.
async fn gathered(mut reply: StreamedReply) -> Reply {
    let mut body = Vec::new();
    while let Some(Ok(piece)) = reply.pieces.recv().await {
        let left = REFUSAL_BYTES_MAX.saturating_sub(body.len());
        body.extend_from_slice(piece.get(..piece.len().min(left)).unwrap_or_default());
        if left == 0 {
            break;
        }
    }
    Reply {
        status: reply.status,
        headers: reply.headers,
        body: body.into(),
    }
}

/// A reply's body for a reader that blocks.
struct PieceReader {
    source: Source,
    piece: Bytes,
}

enum Source {
    /// Waits for each on a thread of its own.
    Coming(ReplyPieces),
    /// All of them: where no thread may wait.
    Here(VecDeque<Result<Bytes, TransportFault>>),
}

impl PieceReader {
    async fn new(mut pieces: ReplyPieces, offload: Offload) -> Self {
        let source = match offload {
            Offload::Pool => Source::Coming(pieces),
            Offload::Inline => {
                let mut all = VecDeque::new();
                while let Some(piece) = pieces.recv().await {
                    all.push_back(piece);
                }
                Source::Here(all)
            }
        };
        Self {
            source,
            piece: Bytes::new(),
        }
    }
}

impl Read for PieceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let next = match &mut self.source {
                Source::Coming(pieces) => pieces.blocking_recv(),
                Source::Here(pieces) => pieces.pop_front(),
            };
            match next {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(fault)) => return Err(io::Error::other(fault)),
                None => return Ok(0),
            }
        }
        let count = self.piece.len().min(buffer.len());
        self.piece
            .copy_to_slice(buffer.get_mut(..count).unwrap_or_default());
        Ok(count)
    }
}

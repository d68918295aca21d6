//! The bytes of an attempt: read once into memory, or streamed with the last piece held back.
//!
//! Whatever is sent is hashed as it is sent, and a body is only completed when its digest is the declared
//! one and the open file is still the version that was planned. Otherwise the request is aborted, so that
//! the cloud never completes an object that mixes two versions.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::flow::Envelope;
use crate::model::digest::{Checksums, Hasher};
use crate::model::fault::{Call, Fault, Layer};
use crate::model::job::Version;
use crate::model::path::RelPath;
use crate::port::disk::{DiskError, Root, SourceFile};
use crate::port::transport::{Body, Pieces, SourceFailed};

/// Files up to this size are read once into memory and sent from there.
pub(crate) const HELD_BYTES_MAX: u64 = 1024 * 1024;
/// All held bodies together; above it files are streamed.
const HELD_BUDGET_BYTES: usize = 16 * 1024 * 1024;
/// One piece of a streamed body.
const PIECE_BYTES: usize = 256 * 1024;
/// Pieces that wait between the disk and the network.
const PIECES_WAITING: usize = 4;
/// What a stream takes: the pieces that wait, one being read, and two that the connection has.
const STREAM_BYTES: usize = (PIECES_WAITING + 3) * PIECE_BYTES;
/// The budget is counted in blocks, so that it fits a semaphore and small files are not free.
const BLOCK_BYTES: usize = 1024;

/// The verdict of a stream whose request ended before the file did: no fault of the file.
pub(crate) const ABANDONED: &str = "abandoned";

/// Shares the memory for bodies (`limits.memory`) among all transfers of the process. Held bodies and streams
/// have a part each, so that neither waits for the other.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    held: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

impl Budget {
    /// So much memory, and always enough for one stream.
    pub(crate) fn new(memory_bytes: u64) -> Self {
        let memory_bytes = usize::try_from(memory_bytes).unwrap_or(usize::MAX);
        let streams = memory_bytes.saturating_sub(HELD_BUDGET_BYTES);
        let part = |bytes: usize| Arc::new(Semaphore::new(bytes / BLOCK_BYTES));
        Self {
            held: part(HELD_BUDGET_BYTES),
            streams: part(streams.max(STREAM_BYTES)),
        }
    }

    fn hold(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        if bytes > HELD_BYTES_MAX {
            return None;
        }
        Arc::clone(&self.held)
            .try_acquire_many_owned(blocks(bytes))
            .ok()
    }

    /// The share of a stream of a file with so many bytes; who asked first gets it first.
    pub(crate) async fn stream(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let share = blocks(bytes.min(STREAM_BYTES as u64));
        // It is never closed.
        Arc::clone(&self.streams)
            .acquire_many_owned(share)
            .await
            .ok()
    }
}

/// The blocks of so many bytes, at least one.
fn blocks(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(BLOCK_BYTES as u64).max(1)).unwrap_or(u32::MAX)
}

/// A body held in memory, with everything known about it.
#[derive(Debug)]
pub(crate) struct Held {
    /// The bytes, equal to the planned version.
    pub bytes: Bytes,
    /// Their checksums.
    pub checksums: Checksums,
    _budget: OwnedSemaphorePermit,
}

/// Reads a small file whole, if the budget allows; `None`: stream it.
///
/// # Errors
/// The file is not the planned version any more, or cannot be read.
pub(crate) fn hold(
    root: &dyn Root,
    path: &RelPath,
    version: &Version,
    budget: &Budget,
) -> Result<Option<Held>, Fault> {
    let Some(permit) = budget.hold(version.stat.size) else {
        return Ok(None);
    };
    let mut file = open_version(root, path, version)?;
    let size = usize::try_from(version.stat.size).map_err(|_| changed("it is too large"))?;
    // Whether it goes on behind that, its size tells afterwards.
    let mut bytes = vec![0; size];
    let mut filled = 0;
    while filled < bytes.len() {
        let count = file
            .read(&mut bytes[filled..])
            .map_err(|error| read_fault(&error))?;
        if count == 0 {
            break;
        }
        filled += count;
    }
    bytes.truncate(filled);
    let mut hasher = Hasher::new();
    hasher.update(&bytes);
    let checksums = hasher.finish();
    confirm(&*file, version, &checksums, filled as u64)?;
    Ok(Some(Held {
        bytes: Bytes::from(bytes),
        checksums,
        _budget: permit,
    }))
}

impl Held {
    /// The body of a request: the bytes in their envelope, none of them copied.
    pub(crate) fn body(&self, envelope: Envelope) -> Body {
        let Envelope { before, after } = envelope;
        if before.is_empty() && after.is_empty() {
            return Body::Held(self.bytes.clone());
        }
        let parts = [before, self.bytes.clone(), after];
        let len = parts.iter().map(|part| part.len() as u64).sum();
        let (sender, pieces) = mpsc::channel(parts.len());
        for part in parts {
            // There is room for all of them, and the receiver is here.
            let _ = sender.try_send(Ok(part));
        }
        Body::Streamed { len, pieces }
    }
}

/// A body that is being streamed.
pub(crate) struct Stream {
    /// The pieces, for the transport.
    pub pieces: Pieces,
    /// Why the source gave up, or the checksums of what it sent.
    pub verdict: tokio::sync::oneshot::Receiver<Result<Checksums, Fault>>,
}

/// The part of a stream that reads; it blocks for as long as the disk and the network take.
pub(crate) struct StreamReader {
    root: Arc<dyn Root>,
    path: RelPath,
    version: Version,
    envelope: Envelope,
    pieces: mpsc::Sender<Result<Bytes, SourceFailed>>,
    verdict: tokio::sync::oneshot::Sender<Result<Checksums, Fault>>,
}

/// Prepares to stream a file in its envelope.
pub(crate) fn stream(
    root: Arc<dyn Root>,
    path: RelPath,
    version: Version,
    envelope: Envelope,
) -> (StreamReader, Stream) {
    let (piece_sender, pieces) = mpsc::channel(PIECES_WAITING);
    let (verdict_sender, verdict) = tokio::sync::oneshot::channel();
    let reader = StreamReader {
        root,
        path,
        version,
        envelope,
        pieces: piece_sender,
        verdict: verdict_sender,
    };
    (reader, Stream { pieces, verdict })
}

impl StreamReader {
    /// Reads the file to its end. Each step reads one piece; between the steps the caller may run on.
    pub(crate) async fn run(self, offload: crate::port::offload::Offload) {
        let Self {
            root,
            path,
            version,
            envelope,
            pieces,
            verdict,
        } = self;
        let opened = {
            let version = version.clone();
            offload
                .run(move || Reading::open(&*root, &path, version))
                .await
        };
        let ended = match opened {
            Err(fault) => Err(fault),
            Ok(reading) => reading.feed(envelope, &pieces, offload).await,
        };
        if ended.is_err() {
            // The receiver may be gone already: then the request has ended anyway.
            let _ = pieces.send(Err(SourceFailed)).await;
        }
        let _ = verdict.send(ended);
    }
}

struct Reading {
    file: Box<dyn SourceFile>,
    version: Version,
    hasher: Hasher,
    read_bytes: u64,
}

impl Reading {
    fn open(root: &dyn Root, path: &RelPath, version: Version) -> Result<Self, Fault> {
        let file = open_version(root, path, &version)?;
        Ok(Self {
            file,
            version,
            hasher: Hasher::new(),
            read_bytes: 0,
        })
    }

    async fn feed(
        mut self,
        envelope: Envelope,
        pieces: &mpsc::Sender<Result<Bytes, SourceFailed>>,
        offload: crate::port::offload::Offload,
    ) -> Result<Checksums, Fault> {
        give(pieces, envelope.before).await?;
        loop {
            let (reading, piece) = offload
                .run(move || {
                    let piece = self.next_piece();
                    (self, piece)
                })
                .await;
            self = reading;
            match piece? {
                Piece::Middle(bytes) => give(pieces, bytes).await?,
                Piece::Last(bytes, checksums) => {
                    // Whether anybody still takes them is the request's affair: the file is right.
                    if give(pieces, bytes).await.is_ok() {
                        let _ = give(pieces, envelope.after).await;
                    }
                    return Ok(checksums);
                }
            }
        }
    }

    /// The next piece. The last one is only given out when everything was as planned.
    fn next_piece(&mut self) -> Result<Piece, Fault> {
        let left = self.version.stat.size.saturating_sub(self.read_bytes);
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let mut bytes = vec![0; want];
        let mut filled = 0;
        while filled < want {
            let count = self
                .file
                .read(&mut bytes[filled..])
                .map_err(|error| read_fault(&error))?;
            if count == 0 {
                return Err(changed("it became shorter while it was sent"));
            }
            filled += count;
        }
        self.hasher.update(&bytes);
        self.read_bytes += filled as u64;
        if self.read_bytes < self.version.stat.size {
            return Ok(Piece::Middle(Bytes::from(bytes)));
        }
        let checksums = self.hasher.clone().finish();
        confirm(&*self.file, &self.version, &checksums, self.read_bytes)?;
        Ok(Piece::Last(Bytes::from(bytes), checksums))
    }
}

/// Hands a piece to the request.
async fn give(
    pieces: &mpsc::Sender<Result<Bytes, SourceFailed>>,
    bytes: Bytes,
) -> Result<(), Fault> {
    if bytes.is_empty() || pieces.send(Ok(bytes)).await.is_ok() {
        return Ok(());
    }
    Err(Fault::new(Call::Source, Layer::Local, ABANDONED, ""))
}

enum Piece {
    Middle(Bytes),
    Last(Bytes, Checksums),
}

fn open_version(
    root: &dyn Root,
    path: &RelPath,
    version: &Version,
) -> Result<Box<dyn SourceFile>, Fault> {
    let file = root.open(path).map_err(|error| read_fault(&error))?;
    if file.opened() == version.stat {
        Ok(file)
    } else {
        Err(changed("it changed after it was planned"))
    }
}

fn confirm(
    file: &dyn SourceFile,
    version: &Version,
    checksums: &Checksums,
    read_bytes: u64,
) -> Result<(), Fault> {
    let same = read_bytes == version.stat.size
        && checksums.sha256 == version.digest
        && file.stat().map_err(|error| read_fault(&error))? == version.stat;
    if same {
        Ok(())
    } else {
        Err(changed("it changed while it was read"))
    }
}

fn changed(how: &str) -> Fault {
    Fault::new(Call::Source, Layer::Local, "changed", how)
}

/// The fault of a file that cannot be read.
pub(crate) fn read_fault(error: &DiskError) -> Fault {
    let (code, message) = match error {
        DiskError::NotFound { .. } => ("gone", String::new()),
        DiskError::NotAFile { .. } | DiskError::NotADirectory { .. } => ("changed", String::new()),
        DiskError::System { source, .. }
            if source.kind() == std::io::ErrorKind::PermissionDenied =>
        {
            ("unreadable", source.to_string())
        }
        DiskError::System { source, .. } => ("io", source.to_string()),
    };
    Fault::new(Call::Source, Layer::Local, code, &message)
}

#[cfg(test)]
mod tests;

//! Reading files to know them: SHA-256 of bytes that did not change while they were read.

use tokio_util::sync::CancellationToken;

use super::look::{Moment, Stored, ToHash};
use crate::model::digest::{IdentityHasher, Sha256};
use crate::model::observation::{Sight, Stat};
use crate::model::path::RelPath;
use crate::model::time::Timestamp;
use crate::port::clock::Clock;
use crate::port::disk::{DiskError, Root};
use crate::store::Sighting;

/// Bytes read at once: few enough to stay in the cache of the core that hashes them.
const READ_BYTES: usize = 64 * 1024;

/// One hop to the pool of blocking threads takes so many files or bytes, whichever comes first.
const CHUNK_FILES: usize = 64;
const CHUNK_BYTES: u64 = 8 * 1024 * 1024;

/// How reading a file ended.
#[derive(Debug)]
pub(super) enum Read {
    /// It is what is stored already.
    Same,
    /// To be recorded.
    Seen(Sighting),
    /// It changed while it was read or just before, or is no longer a regular file: look again.
    Changed(ToHash),
    /// It cannot be read; it is recorded as left out, with the reason, where that is not stored already.
    Refused(RelPath, DiskError, Option<Sighting>),
    /// The daemon stops.
    Stopped,
}

/// Splits work into pieces for the pool, in order.
pub(super) fn chunks(work: Vec<ToHash>) -> Vec<Vec<ToHash>> {
    let mut chunks: Vec<Vec<ToHash>> = Vec::new();
    let mut bytes = 0_u64;
    for file in work {
        let size = file.stat.size;
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK_FILES && bytes + size <= CHUNK_BYTES => {
                bytes += size;
                chunk.push(file);
            }
            _ => {
                bytes = size.min(CHUNK_BYTES);
                chunks.push(vec![file]);
            }
        }
    }
    chunks
}

/// Reads the files of one chunk.
pub(super) fn read_all(
    root: &dyn Root,
    work: Vec<ToHash>,
    clock: &dyn Clock,
    stop: &CancellationToken,
) -> Vec<Read> {
    let mut buffer = vec![0; READ_BYTES];
    work.into_iter()
        .map(|file| {
            if stop.is_cancelled() {
                return Read::Stopped;
            }
            let looked_at_ns = clock.now().0.saturating_mul(1_000_000);
            match identity(root, &file, &mut buffer, stop) {
                Ok(Some((stat, digest))) => {
                    let racy = stat.is_racy(looked_at_ns);
                    seen(file, (stat, digest, racy), clock.now())
                }
                Ok(None) if stop.is_cancelled() => Read::Stopped,
                Ok(None)
                | Err(
                    DiskError::NotFound { .. }
                    | DiskError::NotAFile { .. }
                    | DiskError::NotADirectory { .. },
                ) => Read::Changed(file),
                Err(error) => refused(file, error),
            }
        })
        .collect()
}

/// The metadata and identity of a file that stood still while it was read; `None` if it did not.
fn identity(
    root: &dyn Root,
    file: &ToHash,
    buffer: &mut [u8],
    stop: &CancellationToken,
) -> Result<Option<(Stat, Sha256)>, DiskError> {
    let mut source = root.open(&file.path)?;
    let before = source.opened();
    let mut hasher = IdentityHasher::default();
    let mut total = 0_u64;
    loop {
        let count = source.read(buffer)?;
        if count == 0 {
            break;
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
        total += count as u64;
        // A file that grows without end must not be followed.
        if total > before.size || stop.is_cancelled() {
            return Ok(None);
        }
    }
    let stood_still = total == before.size && source.stat()? == before;
    Ok(stood_still.then(|| (before, hasher.finish())))
}

/// What a file is that was read by now. It may be younger than it was when the walk came to it.
fn seen(file: ToHash, (stat, digest, racy): (Stat, Sha256, bool), now: Timestamp) -> Read {
    if racy && file.stored == Some(Stored::Racy { stat, digest }) {
        return Read::Same;
    }
    let quiet = file.quiet;
    if (Moment { now, quiet }).is_young(&stat) {
        return Read::Changed(file);
    }
    Read::Seen(Sighting {
        path: file.path,
        sight: Sight::File { stat, digest, racy },
        target: Some(file.target),
    })
}

fn refused(file: ToHash, error: DiskError) -> Read {
    let words = match &error {
        DiskError::System { source, .. } => source.to_string(),
        other => other.to_string(),
    };
    let reason = format!("it cannot be read: {words}; it is tried again with each scan");
    let is_stored = file.stored == Some(Stored::Unreadable(file.stat, reason.clone()));
    let sighting = (!is_stored).then(|| Sighting {
        path: file.path.clone(),
        sight: Sight::Excluded {
            stat: file.stat,
            reason,
        },
        target: None,
    });
    Read::Refused(file.path, error, sighting)
}

//! What goes to the request, in which order, and what is held back from it.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::model::digest::Sha256;
use crate::model::headers::Fingerprint;
use crate::model::observation::{Entry, Stat};
use crate::port::disk::RootIdentity;
use crate::port::offload::Offload;

/// A directory of one file, which can become another one while it is read.
struct OneFile {
    bytes: Vec<u8>,
    changes: Arc<AtomicBool>,
}

struct Open {
    bytes: Vec<u8>,
    at: usize,
    changes: Arc<AtomicBool>,
}

fn stat_of(size: usize, changed: bool) -> Stat {
    Stat {
        dev: 1,
        ino: 2,
        size: size as u64,
        mtime_ns: 3,
        ctime_ns: i64::from(changed),
    }
}

impl SourceFile for Open {
    fn opened(&self) -> Stat {
        stat_of(self.bytes.len(), false)
    }

    fn stat(&self) -> Result<Stat, DiskError> {
        let is_at_end = self.at == self.bytes.len();
        let changed = is_at_end && self.changes.load(Ordering::Relaxed);
        Ok(stat_of(self.bytes.len(), changed))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DiskError> {
        let rest = &self.bytes[self.at..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

impl Root for OneFile {
    fn identity(&self) -> RootIdentity {
        RootIdentity { dev: 1, ino: 1 }
    }

    fn list(&self, _: Option<&RelPath>) -> Result<Vec<Entry>, DiskError> {
        Ok(Vec::new())
    }

    fn entry(&self, _: &RelPath) -> Result<Option<Entry>, DiskError> {
        Ok(None)
    }

    fn open(&self, _: &RelPath) -> Result<Box<dyn SourceFile>, DiskError> {
        Ok(Box::new(Open {
            bytes: self.bytes.clone(),
            at: 0,
            changes: Arc::clone(&self.changes),
        }))
    }
}

const SIZES: [usize; 6] = [
    0,
    1,
    PIECE_BYTES - 1,
    PIECE_BYTES,
    PIECE_BYTES + 1,
    3 * PIECE_BYTES,
];

fn envelope() -> Envelope {
    Envelope {
        before: Bytes::from_static(b"<before>"),
        after: Bytes::from_static(b"<after>"),
    }
}

fn path() -> RelPath {
    RelPath::from_bytes(*b"a").unwrap()
}

fn file(size: usize) -> (OneFile, Version) {
    let bytes: Vec<u8> = (0..251).cycle().take(size).collect();
    let version = Version {
        stat: stat_of(size, false),
        digest: Sha256::of(&bytes),
        headers: Fingerprint(0),
    };
    let changes = Arc::default();
    (OneFile { bytes, changes }, version)
}

/// Everything that a streamed body gets, its end, and the verdict.
async fn streamed(root: OneFile, version: Version) -> (Vec<u8>, bool, Result<Checksums, Fault>) {
    let (reader, stream) = stream(Arc::new(root), path(), version, envelope());
    let Stream {
        mut pieces,
        verdict,
    } = stream;
    let taking = async {
        let (mut all, mut failed) = (Vec::new(), false);
        while let Some(piece) = pieces.recv().await {
            match piece {
                Ok(bytes) => all.extend_from_slice(&bytes),
                Err(SourceFailed) => failed = true,
            }
        }
        (all, failed)
    };
    let ((), (all, failed)) = tokio::join!(reader.run(Offload::Inline), taking);
    (all, failed, verdict.await.unwrap())
}

#[tokio::test]
async fn a_streamed_file_stands_between_the_parts_of_its_envelope() {
    for size in SIZES {
        let (root, version) = file(size);
        let whole = [b"<before>", root.bytes.as_slice(), b"<after>"].concat();
        let digest = version.digest;
        let (all, failed, verdict) = streamed(root, version).await;
        assert!(all == whole && !failed, "{size}");
        assert_eq!(verdict.unwrap().sha256, digest);
    }
}

#[tokio::test]
async fn neither_the_last_piece_nor_the_end_of_the_form_goes_out_for_a_file_that_changed() {
    for size in SIZES {
        let (root, version) = file(size);
        root.changes.store(true, Ordering::Relaxed);
        let bytes = root.bytes.clone();
        let (all, failed, verdict) = streamed(root, version).await;
        assert!(failed, "{size}");
        assert_eq!(verdict.unwrap_err().code, "changed");
        let sent = all.strip_prefix(b"<before>").unwrap_or_default();
        assert!(bytes.starts_with(sent), "{size}");
        assert!(sent.is_empty() || sent.len() < size, "{size}");
    }
    let (mut root, version) = file(2 * PIECE_BYTES);
    root.bytes[7] ^= 1;
    let (all, failed, verdict) = streamed(root, version).await;
    assert!(failed && all.len() == b"<before>".len() + PIECE_BYTES);
    assert_eq!(verdict.unwrap_err().code, "changed");
}

#[tokio::test]
async fn a_reader_that_nobody_listens_to_ends() {
    let (root, version) = file(20 * PIECE_BYTES);
    let (reader, stream) = stream(Arc::new(root), path(), version, envelope());
    drop(stream.pieces);
    reader.run(Offload::Inline).await;
    assert_eq!(stream.verdict.await.unwrap().unwrap_err().code, ABANDONED);
}

#[tokio::test]
async fn a_held_file_goes_out_as_it_is_or_in_its_envelope_without_a_copy() {
    for size in [0, 1, 5_000] {
        let (root, version) = file(size);
        let held = hold(&root, &path(), &version, &Budget::new(0));
        let held = held.unwrap().unwrap();
        let Body::Held(bytes) = held.body(Envelope::default()) else {
            panic!("not held");
        };
        assert_eq!(bytes, root.bytes);
        let Body::Streamed { len, mut pieces } = held.body(envelope()) else {
            panic!("not streamed");
        };
        let mut all = Vec::new();
        while let Some(Ok(piece)) = pieces.recv().await {
            let is_file = !piece.is_empty() && !piece.starts_with(b"<");
            assert!(!is_file || piece.as_ptr() == held.bytes.as_ptr(), "copied");
            all.extend_from_slice(&piece);
        }
        assert_eq!(all.len() as u64, len);
        assert_eq!(
            all,
            [b"<before>", root.bytes.as_slice(), b"<after>"].concat()
        );
    }
}

//! The objects of the emulated clouds, and how one comes to be from a stream of bytes.
//!
//! An object appears whole or not at all. Small ones are held in memory, larger ones in files, so
//! an upload of any size takes little memory.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read as _};
use std::sync::Arc;

use bytes::Bytes;
use sha2::Digest as _;

use super::spool::{Spool, SpoolFile};

/// Objects up to this size are held in memory.
const HELD_BYTES_MAX: usize = 1024 * 1024;

static CRC_64_XZ: crc::Crc<u64, crc::Table<16>> =
    crc::Crc::<u64, crc::Table<16>>::new(&crc::CRC_64_XZ);

/// Bytes as lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

/// An object as the cloud has it.
#[derive(Debug)]
pub struct StoredObject {
    /// Its key.
    pub key: String,
    /// How many bytes it has.
    pub size: u64,
    /// SHA-256, hex.
    pub sha256: String,
    /// MD5, hex.
    pub md5: String,
    /// CRC-64/XZ.
    pub crc64: u64,
    /// The headers stored with it, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// When it was stored, in milliseconds since 1970 on the emulator's clock.
    pub stored_at_ms: i64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Held(Bytes),
    Spooled(SpoolFile),
    Forgotten,
}

impl StoredObject {
    /// Its bytes; `None` if only the checksums were kept.
    ///
    /// # Errors
    /// The file that holds them cannot be read.
    pub fn bytes(&self) -> io::Result<Option<Bytes>> {
        match &self.content {
            Content::Held(bytes) => Ok(Some(bytes.clone())),
            Content::Spooled(file) => {
                let mut bytes = Vec::new();
                file.reader()?.read_to_end(&mut bytes)?;
                Ok(Some(Bytes::from(bytes)))
            }
            Content::Forgotten => Ok(None),
        }
    }

    /// Its bytes piece by piece; `None` if only the checksums were kept.
    pub(super) fn pieces(
        &self,
    ) -> io::Result<Option<Box<dyn Iterator<Item = io::Result<Bytes>> + Send>>> {
        match &self.content {
            Content::Held(bytes) => Ok(Some(Box::new(std::iter::once(Ok(bytes.clone()))))),
            Content::Spooled(file) => {
                let mut reader = file.reader()?;
                Ok(Some(Box::new(std::iter::from_fn(move || {
                    let mut piece = vec![0; 64 * 1024];
                    match reader.read(&mut piece) {
                        Ok(0) => None,
                        Ok(count) => {
                            piece.truncate(count);
                            Some(Ok(Bytes::from(piece)))
                        }
                        Err(error) => Some(Err(error)),
                    }
                }))))
            }
            Content::Forgotten => Ok(None),
        }
    }
}

/// An object on its way in.
pub(super) struct Incoming {
    sha256: sha2::Sha256,
    md5: md5::Md5,
    crc64: crc::Digest<'static, u64, crc::Table<16>>,
    size: u64,
    held: Vec<u8>,
    file: Option<SpoolFile>,
    spool: Option<Arc<Spool>>,
}

impl Incoming {
    /// Without a spool, the bytes of a large object are not kept.
    pub(super) fn new(spool: Option<Arc<Spool>>) -> Self {
        Self {
            sha256: sha2::Sha256::new(),
            md5: md5::Md5::new(),
            crc64: CRC_64_XZ.digest(),
            size: 0,
            held: Vec::new(),
            file: None,
            spool,
        }
    }

    pub(super) fn push(&mut self, piece: &[u8]) -> io::Result<()> {
        self.sha256.update(piece);
        self.md5.update(piece);
        self.crc64.update(piece);
        let was_small = self.is_small();
        self.size += piece.len() as u64;
        if self.is_small() {
            self.held.extend_from_slice(piece);
            return Ok(());
        }
        let held = std::mem::take(&mut self.held);
        let Some(spool) = &self.spool else {
            return Ok(());
        };
        let mut file = match self.file.take() {
            Some(file) => file,
            None => spool.create()?,
        };
        if was_small {
            file.append(&held)?;
        }
        file.append(piece)?;
        self.file = Some(file);
        Ok(())
    }

    /// Bytes so far.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The object, once all bytes are there.
    pub(super) fn finish(
        self,
        key: &str,
        headers: BTreeMap<String, String>,
        stored_at_ms: i64,
    ) -> StoredObject {
        let content = match self.file {
            Some(file) => Content::Spooled(file),
            None if self.size > HELD_BYTES_MAX as u64 => Content::Forgotten,
            None => Content::Held(Bytes::from(self.held)),
        };
        StoredObject {
            key: key.to_owned(),
            size: self.size,
            sha256: hex(&self.sha256.finalize()),
            md5: hex(&self.md5.finalize()),
            crc64: self.crc64.finalize(),
            headers,
            stored_at_ms,
            content,
        }
    }

    fn is_small(&self) -> bool {
        self.size <= HELD_BYTES_MAX as u64
    }
}

/// The two places an environment has for objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// The static website, which anybody may read.
    Website,
    /// The cloud storage.
    Storage,
}

/// One environment's objects in one space.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Its name at the object store.
    pub(super) name: String,
    /// For a website: `online` or one of the words of protocol notes 3.4.
    pub(super) status: String,
    /// By key, in the order of their bytes, as listings go.
    pub(super) objects: BTreeMap<String, Arc<StoredObject>>,
}

impl Bucket {
    pub(super) fn new(space: Space, environment: &str) -> Self {
        Self {
            name: match space {
                Space::Website => format!("ab12-static-{environment}-1250000000"),
                Space::Storage => format!("6162-{environment}-1250000000"),
            },
            status: "online".to_owned(),
            objects: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(spool: Option<Arc<Spool>>, pieces: &[&[u8]]) -> StoredObject {
        let mut incoming = Incoming::new(spool);
        for piece in pieces {
            incoming.push(piece).unwrap();
        }
        incoming.finish("k", BTreeMap::new(), 0)
    }

    #[test]
    fn checksums_equal_the_published_vectors() {
        let object = stored(None, &[b"[Object ", b"Content]"]);
        assert_eq!(object.md5, "ee8de918d05640145b18f70f4c3aa602");
        assert_eq!(object.crc64, 16_749_565_679_157_681_890);
        assert_eq!(
            stored(None, &[b"123456789"]).crc64,
            11_051_210_869_376_104_954
        );
        let empty = stored(None, &[]);
        assert_eq!((empty.crc64, empty.size), (0, 0));
        assert_eq!(empty.md5, "d41d8cd98f00b204e9800998ecf8427e");
    }

    #[test]
    fn a_large_object_lies_in_a_file_that_goes_away_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Arc::new(Spool::open(Some(folder.path())).unwrap());
        let half = vec![7; HELD_BYTES_MAX / 2 + 1];
        let object = stored(Some(spool), &[&half, &half, b"end"]);
        let bytes = object.bytes().unwrap().unwrap();
        assert_eq!(bytes.len() as u64, object.size);
        assert!(bytes.ends_with(b"end"));
        let pieces: Vec<Bytes> = object
            .pieces()
            .unwrap()
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(pieces.concat(), bytes);
        let files = || std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files(), 1);
        drop(object);
        assert_eq!(files(), 0);
        assert_eq!(stored(None, &[&half, &half]).bytes().unwrap(), None);
    }
}

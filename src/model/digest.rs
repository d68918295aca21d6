//! Checksums as values: what identifies a version, and what a cloud answers an upload with.

use std::fmt;

/// SHA-256 of a file's bytes: its identity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

/// MD5 of an object, as an `ETag` or `Content-MD5`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Md5(pub [u8; 16]);

/// CRC-64/XZ of an object, as COS answers in `x-cos-hash-crc64ecma` (protocol notes, checksums).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Crc64(pub u64);

/// All checksums of the same bytes, made in one pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checksums {
    /// Identity.
    pub sha256: Sha256,
    /// For `Content-MD5` and the `ETag`.
    pub md5: Md5,
    /// For `x-cos-hash-crc64ecma`.
    pub crc64: Crc64,
}

/// Makes [`Checksums`] piece by piece.
#[derive(Clone)]
pub struct Hasher {
    sha256: sha2::Sha256,
    md5: md5::Md5,
    crc64: crc::Digest<'static, u64, crc::Table<16>>,
}

static CRC_64_XZ: crc::Crc<u64, crc::Table<16>> =
    crc::Crc::<u64, crc::Table<16>>::new(&crc::CRC_64_XZ);

impl Hasher {
    /// Nothing hashed yet.
    pub fn new() -> Self {
        use sha2::Digest as _;
        Self {
            sha256: sha2::Sha256::new(),
            md5: md5::Md5::new(),
            crc64: CRC_64_XZ.digest(),
        }
    }

    /// Adds the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        use sha2::Digest as _;
        self.sha256.update(piece);
        self.md5.update(piece);
        self.crc64.update(piece);
    }

    /// The checksums of everything added.
    pub fn finish(self) -> Checksums {
        use sha2::Digest as _;
        Checksums {
            sha256: Sha256(self.sha256.finalize().into()),
            md5: Md5(self.md5.finalize().into()),
            crc64: Crc64(self.crc64.finalize()),
        }
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

/// SHA-256 alone, for a look that sends nothing.
#[derive(Debug, Clone, Default)]
pub struct IdentityHasher(sha2::Sha256);

impl IdentityHasher {
    /// Adds the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        use sha2::Digest as _;
        self.0.update(piece);
    }

    /// The identity of everything added.
    pub fn finish(self) -> Sha256 {
        use sha2::Digest as _;
        Sha256(self.0.finalize().into())
    }
}

impl Sha256 {
    /// The identity of bytes held in memory.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = IdentityHasher::default();
        hasher.update(bytes);
        hasher.finish()
    }
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = [0; 2 * size_of::<Sha256>()];
    let text = base16ct::lower::encode_str(bytes, &mut text).map_err(|_| fmt::Error)?;
    f.write_str(text)
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Display for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Display for Crc64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl serde::Serialize for Sha256 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_equal_the_published_vectors() {
        let mut hasher = Hasher::new();
        hasher.update(b"[Object ");
        hasher.update(b"Content]");
        let checksums = hasher.finish();
        assert_eq!(
            checksums.md5.to_string(),
            "ee8de918d05640145b18f70f4c3aa602"
        );
        assert_eq!(checksums.crc64.to_string(), "16749565679157681890");
        let mut check = Hasher::new();
        check.update(b"123456789");
        assert_eq!(check.finish().crc64, Crc64(11_051_210_869_376_104_954));
        let empty = Hasher::new().finish();
        assert_eq!(empty.crc64, Crc64(0));
        assert_eq!(empty.md5.to_string(), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(
            empty.sha256.to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}

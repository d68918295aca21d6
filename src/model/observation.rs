//! What a look at one path saw.

use super::digest::Sha256;

/// The metadata that tells one version of a file from another without reading it.
///
/// `ctime_ns` is in it because a rewrite of the same size can put `mtime` back, but never `ctime`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stat {
    /// Device.
    pub dev: u64,
    /// Inode.
    pub ino: u64,
    /// Bytes.
    pub size: u64,
    /// Last change of the contents, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Last change of contents or metadata, nanoseconds since 1970.
    pub ctime_ns: i64,
}

/// File systems may stamp two writes with the same time; a file looked at this shortly after its last
/// change may change again unseen, so the next look reads it again.
pub const RACY_WINDOW_NS: i64 = 2_000_000_000;

impl Stat {
    /// Whether a look at `looked_at_ns` (wall clock) was too close to the last change to trust the
    /// times alone next time. Times far in the future (set by hand, or the clock was set back) are no
    /// reason to read a file again for ever: the next change will give it another one.
    pub fn is_racy(&self, looked_at_ns: i64) -> bool {
        let window = looked_at_ns.saturating_sub(RACY_WINDOW_NS)
            ..=looked_at_ns.saturating_add(RACY_WINDOW_NS);
        window.contains(&self.mtime_ns) || window.contains(&self.ctime_ns)
    }
}

/// What kind of thing a directory entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link; never followed.
    Symlink,
    /// FIFO, socket, device; never opened.
    Special,
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name's raw bytes, one component.
    pub name: Box<[u8]>,
    /// What it is.
    pub kind: EntryKind,
    /// Its metadata.
    pub stat: Stat,
}

/// What was seen at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// A regular file with these bytes: the stat was equal before and after they were read.
    File {
        /// Metadata.
        stat: Stat,
        /// Identity of the bytes.
        digest: Sha256,
        /// Too young to trust its times ([`Stat::is_racy`]).
        racy: bool,
    },
    /// A regular file that is not to be published, and why.
    Excluded {
        /// Metadata.
        stat: Stat,
        /// For the person who asks `syncd why`.
        reason: String,
    },
    /// Nothing publishable is there: gone, or no longer a regular file.
    Gone,
}

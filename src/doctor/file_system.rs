//! What kind of file system a path is on.

use std::path::Path;

/// Kinds that matter to syncd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// On a disk of this machine, as far as it can be told.
    Local,
    /// In memory: gone at the next boot.
    Memory,
    /// Others may change it without this machine being told, and locks may not hold.
    Network,
    /// Layers of a container.
    Overlay,
}

/// A file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileSystem {
    pub(super) kind: Kind,
    pub(super) name: &'static str,
}

/// Numbers of `statfs(2)`.
const KNOWN: &[(u32, &str, Kind)] = &[
    (0xEF53, "ext4", Kind::Local),
    (0x5846_5342, "xfs", Kind::Local),
    (0x9123_683E, "btrfs", Kind::Local),
    (0x2FC1_2FC1, "zfs", Kind::Local),
    (0xF2F5_2010, "f2fs", Kind::Local),
    (0x0102_1994, "tmpfs", Kind::Memory),
    (0x8584_58F6, "ramfs", Kind::Memory),
    (0x794C_7630, "overlay", Kind::Overlay),
    (0x6969, "nfs", Kind::Network),
    (0x517B, "smb", Kind::Network),
    (0xFF53_4D42, "cifs", Kind::Network),
    (0xFE53_4D42, "smb3", Kind::Network),
    (0x0102_1997, "9p", Kind::Network),
    (0x6A65_6A63, "virtiofs", Kind::Network),
    (0x786F_4256, "vboxsf", Kind::Network),
    (0x6573_5546, "fuse", Kind::Network),
    (0x00C3_6400, "ceph", Kind::Network),
    (0x5346_414F, "afs", Kind::Network),
    (0x0BD0_0BD0, "lustre", Kind::Network),
];

/// That of a path; `None` where it cannot be asked.
pub(super) fn of(path: &Path) -> Option<FileSystem> {
    let found = rustix::fs::statfs(path).ok()?;
    // The field's width differs between machines; the numbers have 32 bits.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "magic numbers of 32 bits"
    )]
    Some(by_number(found.f_type as u32))
}

fn by_number(number: u32) -> FileSystem {
    let known = KNOWN.iter().find(|(known, ..)| *known == number);
    known.map_or(
        FileSystem {
            kind: Kind::Local,
            name: "another file system",
        },
        |(_, name, kind)| FileSystem { kind: *kind, name },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_of_others_are_told_from_those_of_this_machine() {
        for (number, name, kind) in [
            (0x6969, "nfs", Kind::Network),
            (0xFF53_4D42, "cifs", Kind::Network),
            (0xEF53, "ext4", Kind::Local),
            (0x794C_7630, "overlay", Kind::Overlay),
            (1, "another file system", Kind::Local),
        ] {
            assert_eq!(by_number(number), FileSystem { kind, name });
        }
        assert_eq!(of(Path::new("/proc/self")).unwrap().kind, Kind::Local);
    }
}

//! One suite for every inbox: the real one, and the one in memory that the simulated tests use.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use syncd::adapter::inbox_disk::OsInboxes;
use syncd::model::path::RelPath;
use syncd::port::disk::DiskError;
use syncd::port::inbox_disk::{Inbox, Inboxes, Placed, TempName};

#[expect(dead_code, reason = "the tests of deliveries use the rest")]
#[path = "simulation/inbox.rs"]
mod fake;

use fake::FakeInboxes;

/// An inbox under test, and what others do to it.
trait Bench {
    fn inboxes(&self) -> &dyn Inboxes;
    fn path(&self) -> PathBuf;
    fn write(&self, path: &str, bytes: &[u8]);
    fn symlink(&self, path: &str);
    fn take(&self, path: &str);
    fn files(&self) -> BTreeMap<Vec<u8>, Vec<u8>>;

    fn open(&self) -> Arc<dyn Inbox> {
        self.inboxes().open(&self.path()).unwrap()
    }
}

struct Real {
    folder: tempfile::TempDir,
    outside: tempfile::TempDir,
}

#[expect(clippy::disallowed_methods, reason = "the test is the outside world")]
impl Bench for Real {
    fn inboxes(&self) -> &dyn Inboxes {
        &OsInboxes
    }
    fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }
    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    fn symlink(&self, path: &str) {
        std::os::unix::fs::symlink(self.outside.path(), self.path().join(path)).unwrap();
    }
    fn take(&self, path: &str) {
        std::fs::remove_file(self.path().join(path)).unwrap();
    }
    fn files(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut open = vec![self.path()];
        while let Some(directory) = open.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let entry = entry.unwrap();
                let kind = entry.file_type().unwrap();
                if kind.is_dir() && entry.file_name() != ".syncd-tmp" {
                    open.push(entry.path());
                } else if kind.is_file() {
                    let path = entry.path();
                    let name = path.strip_prefix(self.path()).unwrap().to_str().unwrap();
                    found.insert(name.into(), std::fs::read(&path).unwrap());
                }
            }
        }
        assert_eq!(std::fs::read_dir(self.outside.path()).unwrap().count(), 0);
        found
    }
}

impl Bench for FakeInboxes {
    fn inboxes(&self) -> &dyn Inboxes {
        self
    }
    fn path(&self) -> PathBuf {
        "/srv/inbox".into()
    }
    fn write(&self, path: &str, bytes: &[u8]) {
        Self::write(self, path, bytes);
    }
    fn symlink(&self, path: &str) {
        Self::symlink(self, path);
    }
    fn take(&self, path: &str) {
        Self::take(self, path.as_bytes()).unwrap();
    }
    fn files(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        Self::files(self)
    }
}

fn real() -> Real {
    Real {
        folder: tempfile::tempdir().unwrap(),
        outside: tempfile::tempdir().unwrap(),
    }
}

fn path(text: &str) -> RelPath {
    RelPath::from_bytes(text.as_bytes()).unwrap()
}

fn temp(name: &str) -> TempName {
    TempName(name.to_owned())
}

fn write_temp(inbox: &dyn Inbox, name: &str, pieces: &[&[u8]]) -> TempName {
    let mut file = inbox.create(&temp(name)).unwrap();
    for piece in pieces {
        file.write(piece).unwrap();
    }
    file.finish().unwrap();
    temp(name)
}

fn kind(error: Option<DiskError>) -> io::ErrorKind {
    match error {
        Some(DiskError::System { source, .. }) => source.kind(),
        other => panic!("{other:?}"),
    }
}

macro_rules! suite {
    ($($name:ident => $check:expr;)+) => {
        mod on_disk {
            use super::*;
            $(#[test] fn $name() {
                let check: fn(&dyn Bench) = $check;
                check(&real());
            })+
        }
        mod in_memory {
            use super::*;
            $(#[test] fn $name() {
                let check: fn(&dyn Bench) = $check;
                check(&FakeInboxes::new());
            })+
        }
    };
}

suite! {
    a_file_is_seen_only_under_its_final_name_and_whole => |bench| {
        let inbox = bench.open();
        let name = write_temp(&*inbox, "a1", &[b"one ", b"", b"two"]);
        assert_eq!(bench.files(), BTreeMap::new());
        assert_eq!(inbox.temps().unwrap(), [temp("a1")]);
        assert!(inbox.has(&name).unwrap());
        assert!(inbox.is_free(&path("2026-11-21/x.png")).unwrap());
        assert_eq!(inbox.place(&name, &path("2026-11-21/x.png")).unwrap(), Placed::Done);
        let seen = BTreeMap::from([(b"2026-11-21/x.png".to_vec(), b"one two".to_vec())]);
        assert_eq!(bench.files(), seen);
        assert_eq!(inbox.temps().unwrap(), []);
        assert!(!inbox.has(&name).unwrap());
        assert!(!inbox.is_free(&path("2026-11-21/x.png")).unwrap());
    };
    a_file_that_was_placed_is_told_wherever_it_is_by_now => |bench| {
        let inbox = bench.open();
        let name = write_temp(&*inbox, "a1", &[b"x"]);
        assert_eq!(inbox.place(&name, &path("d/x")).unwrap(), Placed::Done);
        assert_eq!(inbox.place(&name, &path("d/x")).unwrap(), Placed::TempGone);
        bench.take("d/x");
        assert_eq!(inbox.place(&name, &path("d/x")).unwrap(), Placed::TempGone);
        assert_eq!(inbox.place(&name, &path("never/made/x")).unwrap(), Placed::TempGone);
        assert_eq!(bench.files(), BTreeMap::new());
    };
    nothing_is_overwritten => |bench| {
        bench.write("x", b"theirs");
        bench.symlink("link");
        let inbox = bench.open();
        let name = write_temp(&*inbox, "a1", &[b"ours"]);
        for taken in ["x", "link", ".syncd-tmp"] {
            assert_eq!(inbox.place(&name, &path(taken)).unwrap(), Placed::NameTaken, "{taken}");
            assert!(!inbox.is_free(&path(taken)).unwrap());
        }
        assert_eq!(inbox.place(&name, &path("y")).unwrap(), Placed::Done);
        assert_eq!(bench.files()[b"x".as_slice()], b"theirs");
        assert_eq!(bench.files()[b"y".as_slice()], b"ours");
    };
    no_link_and_no_file_is_taken_for_a_directory => |bench| {
        bench.write("file", b"theirs");
        bench.symlink("link");
        let inbox = bench.open();
        let name = write_temp(&*inbox, "a1", &[b"ours"]);
        for blocked in ["file/x", "link/x", "link/d/x"] {
            let error = inbox.place(&name, &path(blocked)).err();
            assert!(matches!(error, Some(DiskError::NotADirectory { .. })), "{error:?}");
            assert!(inbox.is_free(&path(blocked)).is_err());
        }
        assert_eq!((bench.files().len(), inbox.temps().unwrap().len()), (1, 1));
    };
    a_temporary_name_is_used_once => |bench| {
        let inbox = bench.open();
        let unfinished = inbox.create(&temp("a1")).unwrap();
        assert_eq!(kind(inbox.create(&temp("a1")).err()), io::ErrorKind::AlreadyExists);
        drop(unfinished);
        assert_eq!(inbox.temps().unwrap(), [temp("a1")], "it stays until it is removed");
        inbox.remove(&temp("a1")).unwrap();
        inbox.remove(&temp("a1")).unwrap();
        assert_eq!(inbox.temps().unwrap(), []);
        inbox.create(&temp("a1")).unwrap();
    };
    one_process_has_an_inbox_at_a_time => |bench| {
        let inbox = bench.open();
        assert_eq!(kind(bench.inboxes().open(&bench.path()).err()), io::ErrorKind::WouldBlock);
        let identity = inbox.identity();
        write_temp(&*inbox, "a1", &[b"x"]);
        drop(inbox);
        let next = bench.open();
        assert_eq!((next.identity(), next.temps().unwrap()), (identity, vec![temp("a1")]));
    };
    an_empty_file_is_a_file => |bench| {
        let inbox = bench.open();
        let name = write_temp(&*inbox, "a1", &[]);
        assert_eq!(inbox.place(&name, &path("empty")).unwrap(), Placed::Done);
        assert_eq!(bench.files()[b"empty".as_slice()], b"");
        assert!(inbox.free_bytes().unwrap() > 0);
    };
}

#[expect(clippy::disallowed_methods, reason = "the test is the outside world")]
mod real {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;

    fn mode(bench: &Real, name: &str) -> u32 {
        std::fs::metadata(bench.path().join(name)).unwrap().mode() & 0o7777
    }

    #[test]
    fn the_group_may_read_what_it_may_list_and_others_nothing() {
        for (inbox_mode, file, directory) in [
            (0o700, 0o600, 0o700),
            (0o755, 0o640, 0o750),
            (0o2770, 0o640, 0o2770),
            (0o777, 0o640, 0o770),
            (0o710, 0o600, 0o710),
        ] {
            let bench = real();
            let permissions = std::fs::Permissions::from_mode(inbox_mode);
            std::fs::set_permissions(bench.path(), permissions).unwrap();
            let inbox = bench.open();
            let name = write_temp(&*inbox, "a1", &[b"#!/bin/sh\n"]);
            assert_eq!(mode(&bench, ".syncd-tmp") & 0o777, 0o700);
            inbox.place(&name, &path("d/e/x")).unwrap();
            assert_eq!(mode(&bench, "d/e/x"), file, "{inbox_mode:o}");
            assert_eq!(mode(&bench, "d"), directory, "{inbox_mode:o}");
            assert_eq!(mode(&bench, "d/e"), directory, "{inbox_mode:o}");
        }
    }

    #[test]
    fn a_file_is_private_until_it_is_whole() {
        let bench = real();
        let inbox = bench.open();
        let mut file = inbox.create(&temp("a1")).unwrap();
        file.write(b"half").unwrap();
        assert_eq!(mode(&bench, ".syncd-tmp/a1"), 0o600);
    }

    #[test]
    fn what_is_planted_where_syncd_writes_is_refused() {
        let bench = real();
        bench.symlink(".syncd-tmp");
        let error = OsInboxes.open(&bench.path()).err();
        assert!(
            matches!(error, Some(DiskError::NotADirectory { .. })),
            "{error:?}"
        );
        bench.take(".syncd-tmp");
        bench.write(".syncd-tmp", b"a file");
        let error = OsInboxes.open(&bench.path()).err();
        assert!(
            matches!(error, Some(DiskError::NotADirectory { .. })),
            "{error:?}"
        );
        bench.take(".syncd-tmp");
        let inbox = bench.open();
        bench.symlink(".syncd-tmp/a1");
        assert_eq!(
            kind(inbox.create(&temp("a1")).err()),
            io::ErrorKind::AlreadyExists
        );
        let missing = OsInboxes.open(&bench.path().join("missing")).err();
        assert!(
            matches!(missing, Some(DiskError::NotFound { .. })),
            "{missing:?}"
        );
        bench.write("file", b"");
        let file = OsInboxes.open(&bench.path().join("file")).err();
        assert!(
            matches!(file, Some(DiskError::NotADirectory { .. })),
            "{file:?}"
        );
        bench.files();
    }

    #[test]
    fn only_names_that_syncd_makes_are_its_own() {
        let bench = real();
        let inbox = bench.open();
        bench.write(".syncd-tmp/keep.me", b"");
        bench.write(".syncd-tmp/directory/x", b"");
        bench.write(".syncd-tmp/0123abc", b"");
        assert_eq!(inbox.temps().unwrap(), [temp("0123abc")]);
    }

    #[test]
    fn a_private_directory_that_others_could_enter_is_closed() {
        let bench = real();
        let private = bench.path().join(".syncd-tmp");
        std::fs::create_dir(&private).unwrap();
        std::fs::set_permissions(&private, std::fs::Permissions::from_mode(0o777)).unwrap();
        let _inbox = bench.open();
        assert_eq!(mode(&bench, ".syncd-tmp"), 0o700);
    }

    #[test]
    fn an_open_inbox_stays_the_directory_it_was() {
        let bench = real();
        let inbox = bench.open();
        let name = write_temp(&*inbox, "a1", &[b"x"]);
        let aside = bench.outside.path().join("aside");
        std::fs::rename(bench.path(), &aside).unwrap();
        std::os::unix::fs::symlink("/", bench.path()).unwrap();
        assert_eq!(inbox.place(&name, &path("d/x")).unwrap(), Placed::Done);
        assert!(aside.join("d/x").is_file());
        std::fs::remove_file(bench.path()).unwrap();
        std::fs::rename(&aside, bench.path()).unwrap();
    }
}

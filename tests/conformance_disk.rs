//! One suite for every disk: the real one, and the one in memory that the simulator uses.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};

use syncd::adapter::os_disk::OsDisk;
use syncd::model::observation::{Entry, EntryKind};
use syncd::model::path::RelPath;
use syncd::port::disk::{Disk, DiskError};

#[expect(dead_code, reason = "the simulator uses the rest")]
#[path = "simulation/disk.rs"]
mod fake;

use fake::FakeDisk;

/// A disk under test, and a way to change it from outside.
trait Bench {
    fn disk(&self) -> &dyn Disk;
    fn root(&self) -> &Path;
    fn write(&self, path: &str, bytes: &[u8]);
    fn write_raw(&self, path: &[u8], bytes: &[u8]);
    fn replace(&self, path: &str, bytes: &[u8]);
    fn make_directory(&self, path: &str);
    fn symlink(&self, path: &str);
    fn special(&self, path: &str);
    fn hard_link(&self, from: &str, to: &str);
    fn rename(&self, from: &str, to: &str);
    fn remove(&self, path: &str);
}

struct Real {
    folder: tempfile::TempDir,
    outside: tempfile::TempDir,
}

#[expect(clippy::disallowed_methods, reason = "the test is the outside world")]
impl Bench for Real {
    fn disk(&self) -> &dyn Disk {
        &OsDisk
    }
    fn root(&self) -> &Path {
        self.folder.path()
    }
    fn write(&self, path: &str, bytes: &[u8]) {
        self.write_raw(path.as_bytes(), bytes);
    }
    fn write_raw(&self, path: &[u8], bytes: &[u8]) {
        use std::os::unix::ffi::OsStrExt as _;
        let path = self.root().join(std::ffi::OsStr::from_bytes(path));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    fn replace(&self, path: &str, bytes: &[u8]) {
        let new = self.root().join("replacement");
        std::fs::write(&new, bytes).unwrap();
        std::fs::rename(new, self.root().join(path)).unwrap();
    }
    fn make_directory(&self, path: &str) {
        std::fs::create_dir_all(self.root().join(path)).unwrap();
    }
    fn symlink(&self, path: &str) {
        std::fs::write(self.outside.path().join("secret"), b"outside").unwrap();
        std::os::unix::fs::symlink(self.outside.path(), self.root().join(path)).unwrap();
    }
    fn special(&self, path: &str) {
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, self.root().join(path), kind, mode, 0).unwrap();
    }
    fn hard_link(&self, from: &str, to: &str) {
        std::fs::hard_link(self.root().join(from), self.root().join(to)).unwrap();
    }
    fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.root().join(from), self.root().join(to)).unwrap();
    }
    fn remove(&self, path: &str) {
        let path = self.root().join(path);
        if path.is_dir() && !path.is_symlink() {
            std::fs::remove_dir_all(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
    }
}

struct Fake {
    disk: FakeDisk,
    root: PathBuf,
}

impl Bench for Fake {
    fn disk(&self) -> &dyn Disk {
        &self.disk
    }
    fn root(&self) -> &Path {
        &self.root
    }
    fn write(&self, path: &str, bytes: &[u8]) {
        self.disk.write(&self.root, path, bytes);
    }
    fn write_raw(&self, path: &[u8], bytes: &[u8]) {
        self.disk.write_raw(&self.root, path, bytes);
    }
    fn replace(&self, path: &str, bytes: &[u8]) {
        self.disk.replace(&self.root, path, bytes);
    }
    fn make_directory(&self, path: &str) {
        self.disk.make_directory(&self.root, path);
    }
    fn symlink(&self, path: &str) {
        self.disk.symlink(&self.root, path);
    }
    fn special(&self, path: &str) {
        self.disk.special(&self.root, path);
    }
    fn hard_link(&self, from: &str, to: &str) {
        self.disk.hard_link(&self.root, from, to);
    }
    fn rename(&self, from: &str, to: &str) {
        self.disk.rename(&self.root, from, to);
    }
    fn remove(&self, path: &str) {
        self.disk.remove(&self.root, path);
    }
}

fn path(text: &str) -> RelPath {
    RelPath::from_bytes(text.as_bytes()).unwrap()
}

fn names(mut entries: Vec<Entry>) -> Vec<(Vec<u8>, EntryKind)> {
    entries.sort_by(|one, two| one.name.cmp(&two.name));
    entries
        .into_iter()
        .map(|entry| (entry.name.to_vec(), entry.kind))
        .collect()
}

fn read(bench: &dyn Bench, at: &str) -> Vec<u8> {
    let root = bench.disk().open_root(bench.root()).unwrap();
    let mut source = root.open(&path(at)).unwrap();
    let mut bytes = Vec::new();
    let mut piece = [0; 7];
    loop {
        match source.read(&mut piece).unwrap() {
            0 => return bytes,
            count => bytes.extend_from_slice(&piece[..count]),
        }
    }
}

macro_rules! suite {
    ($($name:ident => $check:expr;)+) => {
        mod real {
            use super::*;
            $(#[test] fn $name() {
                let bench = Real { folder: tempfile::tempdir().unwrap(), outside: tempfile::tempdir().unwrap() };
                let check: fn(&dyn Bench) = $check;
                check(&bench);
            })+
        }
        mod in_memory {
            use super::*;
            $(#[test] fn $name() {
                let bench = Fake { disk: FakeDisk::new(1_000_000_000), root: "/srv/www".into() };
                bench.disk.make_root(&bench.root, 1);
                let check: fn(&dyn Bench) = $check;
                check(&bench);
            })+
        }
    };
}

suite! {
    a_listing_names_each_kind_and_never_looks_behind_a_link => |bench| {
        bench.write("file", b"1");
        bench.make_directory("directory");
        bench.symlink("link");
        bench.special("fifo");
        let root = bench.disk().open_root(bench.root()).unwrap();
        assert_eq!(names(root.list(None).unwrap()), [
            (b"directory".to_vec(), EntryKind::Directory),
            (b"fifo".to_vec(), EntryKind::Special),
            (b"file".to_vec(), EntryKind::File),
            (b"link".to_vec(), EntryKind::Symlink),
        ]);
        assert_eq!(root.entry(&path("link")).unwrap().unwrap().kind, EntryKind::Symlink);
        assert_eq!(root.entry(&path("link/secret")).unwrap(), None);
        assert!(matches!(root.list(Some(&path("link"))), Err(DiskError::NotADirectory { .. })));
        assert!(matches!(root.open(&path("link")).err(), Some(DiskError::NotAFile { .. })));
        assert!(matches!(root.open(&path("link/secret")).err(), Some(DiskError::NotAFile { .. })));
    };
    only_regular_files_are_opened_and_a_fifo_does_not_hang => |bench| {
        bench.make_directory("directory");
        bench.special("fifo");
        bench.write("file", b"bytes of a file");
        let root = bench.disk().open_root(bench.root()).unwrap();
        for not_a_file in ["directory", "fifo", "file/below"] {
            let error = root.open(&path(not_a_file)).err();
            assert!(matches!(error, Some(DiskError::NotAFile { .. })), "{not_a_file}: {error:?}");
        }
        let missing = root.open(&path("missing")).err();
        assert!(matches!(missing, Some(DiskError::NotFound { .. })));
        assert_eq!(read(bench, "file"), b"bytes of a file");
    };
    a_missing_root_is_not_found_and_a_missing_entry_is_none => |bench| {
        let missing = bench.disk().open_root(&bench.root().join("missing")).err();
        assert!(matches!(missing, Some(DiskError::NotFound { .. })));
        bench.write("file", b"");
        let root = bench.disk().open_root(bench.root()).unwrap();
        assert_eq!(root.entry(&path("a")).unwrap(), None);
        assert_eq!(root.entry(&path("a/b")).unwrap(), None);
        assert_eq!(root.entry(&path("file/b")).unwrap(), None);
        assert!(matches!(root.list(Some(&path("a"))), Err(DiskError::NotFound { .. })));
        assert!(matches!(root.list(Some(&path("file"))), Err(DiskError::NotADirectory { .. })));
    };
    many_entries_are_each_what_they_are_alone => |bench| {
        for name in ["a/one", "a/two", "a/b/three", "aa/four", "top"] {
            bench.write(name, name.as_bytes());
        }
        bench.symlink("link");
        let root = bench.disk().open_root(bench.root()).unwrap();
        let paths = [
            "a/one", "a/two", "a/none", "none/one", "none/two", "a/b/three", "a/one", "top/one", "top", "a/b",
            "link/secret", "link", "aa/four",
        ];
        let paths = paths.map(path);
        let alone: Vec<_> = paths.iter().map(|path| root.entry(path).unwrap()).collect();
        let together: Vec<_> = root.entries(&paths).into_iter().map(Result::unwrap).collect();
        assert_eq!(together, alone);
        let found = together.iter().flatten().count();
        assert_eq!(found, 8, "{together:?}");
    };
    names_are_raw_bytes => |bench| {
        let name = b"d/\xff\n\x1b[31m".as_slice();
        bench.write_raw(name, b"x");
        let root = bench.disk().open_root(bench.root()).unwrap();
        let listed = root.list(Some(&path("d"))).unwrap();
        assert_eq!(&*listed[0].name, &name[2..]);
        let raw = RelPath::from_bytes(name).unwrap();
        assert!(root.open(&raw).is_ok());
        assert_eq!(root.entry(&raw).unwrap().unwrap().stat.size, 1);
    };
    hard_links_are_two_entries_of_one_inode => |bench| {
        bench.write("one", b"same");
        bench.hard_link("one", "two");
        let root = bench.disk().open_root(bench.root()).unwrap();
        let listed = root.list(None).unwrap();
        assert_eq!(listed.len(), 2);
        assert_eq!(listed[0].stat, listed[1].stat);
    };
    an_open_file_is_the_one_that_was_opened_whatever_takes_its_name => |bench| {
        bench.write("file", b"old");
        let root = bench.disk().open_root(bench.root()).unwrap();
        let mut source = root.open(&path("file")).unwrap();
        let before = source.stat().unwrap();
        bench.replace("file", b"new!");
        let mut bytes = [0; 10];
        assert_eq!(source.read(&mut bytes).unwrap(), 3);
        assert_eq!(&bytes[..3], b"old");
        assert_eq!(source.stat().unwrap().ino, before.ino);
        assert_ne!(root.entry(&path("file")).unwrap().unwrap().stat.ino, before.ino);
    };
    a_parent_that_becomes_a_link_is_refused => |bench| {
        bench.write("d/secret", b"inside");
        let root = bench.disk().open_root(bench.root()).unwrap();
        assert!(root.open(&path("d/secret")).is_ok());
        bench.rename("d", "moved");
        bench.symlink("d");
        assert!(matches!(root.open(&path("d/secret")).err(), Some(DiskError::NotAFile { .. })));
        assert!(matches!(root.list(Some(&path("d"))), Err(DiskError::NotADirectory { .. })));
        assert_eq!(root.entry(&path("d/secret")).unwrap(), None);
        bench.remove("d");
        bench.rename("moved", "d");
        assert_eq!(read(bench, "d/secret"), b"inside");
    };
    a_replaced_root_has_another_identity => |bench| {
        bench.make_directory("a");
        bench.make_directory("b");
        let disk = bench.disk();
        let root = disk.open_root(bench.root()).unwrap().identity();
        assert_eq!(disk.open_root(bench.root()).unwrap().identity(), root);
    };
    a_large_directory_is_listed_whole => |bench| {
        for index in 0..5000 {
            bench.write(&format!("d/a-rather-long-name-of-a-file-{index}"), b"");
        }
        let root = bench.disk().open_root(bench.root()).unwrap();
        assert_eq!(root.list(Some(&path("d"))).unwrap().len(), 5000);
        // A second listing through the same root begins at the beginning.
        assert_eq!(root.list(None).unwrap().len(), 1);
        assert_eq!(root.list(None).unwrap().len(), 1);
    };
}

#[test]
fn swapping_a_parent_for_a_link_never_leads_outside() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let bench = Real {
        folder: tempfile::tempdir().unwrap(),
        outside: tempfile::tempdir().unwrap(),
    };
    bench.write("d/secret", b"inside");
    bench.symlink("link");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                bench.rename("d", "aside");
                bench.rename("link", "d");
                bench.rename("d", "link");
                bench.rename("aside", "d");
            }
        });
        let root = bench.disk().open_root(bench.root()).unwrap();
        let mut opened = 0;
        for _ in 0..20_000 {
            if let Ok(mut source) = root.open(&path("d/secret")) {
                let mut bytes = [0; 16];
                let count = source.read(&mut bytes).unwrap();
                assert_eq!(&bytes[..count], b"inside");
                opened += 1;
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert!(opened > 0);
    });
}

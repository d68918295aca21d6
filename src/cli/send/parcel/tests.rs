use super::*;
use crate::model::folder::{FlowKind, WatchMode};
use std::time::Duration;

struct House {
    outbox: tempfile::TempDir,
    elsewhere: tempfile::TempDir,
    folder: FolderSpec,
}

impl House {
    fn new() -> Self {
        let outbox = tempfile::tempdir().unwrap();
        let folder = FolderSpec {
            name: "out".to_owned(),
            path: outbox.path().to_owned(),
            flow: FlowKind::Ccmessaging,
            account: "desk".to_owned(),
            env: String::new(),
            prefix: String::new(),
            exclude: Vec::new(),
            last: Vec::new(),
            headers: Vec::new(),
            settle: Duration::ZERO,
            settle_max: Duration::ZERO,
            watch: WatchMode::Off,
            rescan: Duration::from_hours(1),
            max_file: None,
        };
        Self {
            outbox,
            elsewhere: tempfile::tempdir().unwrap(),
            folder,
        }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.elsewhere.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn check(&self, files: &[PathBuf]) -> Result<Vec<Parcel>, Failure> {
        check(&self.folder, files)
    }

    fn refused(&self, files: &[PathBuf]) -> (Exit, String) {
        let failure = self.check(files).unwrap_err();
        assert_eq!(self.names(), Vec::<OsString>::new(), "nothing was copied");
        (failure.exit, failure.message)
    }

    fn names(&self) -> Vec<OsString> {
        let entries = std::fs::read_dir(self.outbox.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }
}

#[test]
fn a_file_is_put_whole_under_its_own_name_and_nothing_else_stays() {
    let house = House::new();
    let file = house.file("a.txt", b"hello");
    let parcels = house.check(&[file]).unwrap();
    parcels[0]
        .put(&house.folder, house.elsewhere.path())
        .unwrap();
    assert_eq!(house.names(), ["a.txt"]);
    assert_eq!(
        std::fs::read(house.outbox.path().join("a.txt")).unwrap(),
        b"hello"
    );
}

#[test]
fn who_may_read_the_outbox_may_read_the_file() {
    for (directory, file) in [
        (0o755, 0o644),
        (0o750, 0o640),
        (0o2770, 0o640),
        (0o700, 0o600),
    ] {
        let house = House::new();
        let open = Permissions::from_mode(directory);
        std::fs::set_permissions(house.outbox.path(), open).unwrap();
        let parcels = house.check(&[house.file("a.txt", b"a")]).unwrap();
        parcels[0]
            .put(&house.folder, house.elsewhere.path())
            .unwrap();
        let there = house.outbox.path().join("a.txt").metadata().unwrap();
        assert_eq!(there.mode() & 0o7777, file, "{directory:o}");
    }
}

#[test]
fn the_temporary_name_is_left_out_of_every_folder() {
    let house = House::new();
    let name = temporary_name(Some(OsStr::new("a.txt")));
    let path = RelPath::from_bytes(name.as_bytes()).unwrap();
    assert!(!why::rule(&house.folder, &path).kept);
}

#[test]
fn what_cannot_be_sent_is_refused_before_anything_is_copied() {
    let house = House::new();
    let good = house.file("a.txt", b"a");
    let directory = house.elsewhere.path().to_owned();
    let (exit, message) = house.refused(&[good.clone(), directory]);
    assert_eq!(exit, Exit::Usage);
    assert!(message.contains("is a directory"), "{message}");
    let (exit, _) = house.refused(&[good.clone(), house.elsewhere.path().join("none.txt")]);
    assert_eq!(exit, Exit::NotFound);
    for (name, bytes, words) in [
        ("a.pdf", b"a".to_vec(), "the desk takes jpg"),
        ("noext", b"a".to_vec(), "the desk takes jpg"),
        ("empty.txt", Vec::new(), "no empty file"),
        ("big.csv", vec![b'a'; 2 * 1024 * 1024 + 1], "2097152"),
        (".#lock.txt", b"a".to_vec(), "would be left out"),
    ] {
        let (exit, message) = house.refused(&[good.clone(), house.file(name, &bytes)]);
        assert_eq!(exit, Exit::Usage, "{name}");
        assert!(message.contains(words), "{name}: {message}");
    }
}

#[test]
fn one_name_is_taken_once() {
    let house = House::new();
    let files = [house.file("a.txt", b"1"), house.file("sub/a.txt", b"2")];
    let (exit, message) = house.refused(&files);
    assert_eq!(exit, Exit::Usage);
    assert!(
        message.contains("two files of the name \"a.txt\""),
        "{message}"
    );
    let (exit, _) = house.refused(&[files[0].clone(), files[0].clone()]);
    assert_eq!(exit, Exit::Usage);
}

#[test]
fn the_same_file_may_be_there_already_and_another_one_is_not_overwritten() {
    let house = House::new();
    let there = house.outbox.path().join("a.txt");
    std::fs::write(&there, b"hello").unwrap();
    let same = house.check(&[house.file("a.txt", b"hello")]).unwrap();
    same[0].put(&house.folder, house.elsewhere.path()).unwrap();
    let inside = house.check(std::slice::from_ref(&there)).unwrap();
    inside[0]
        .put(&house.folder, house.elsewhere.path())
        .unwrap();
    let failure = house.check(&[house.file("a.txt", b"other")]).unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    assert!(
        failure.message.contains("another file"),
        "{}",
        failure.message
    );
    assert_eq!(std::fs::read(&there).unwrap(), b"hello");
}

#[test]
fn a_name_that_is_taken_meanwhile_is_not_overwritten_either() {
    let house = House::new();
    let parcels = house.check(&[house.file("a.txt", b"mine")]).unwrap();
    let there = house.outbox.path().join("a.txt");
    std::fs::write(&there, b"theirs").unwrap();
    let failure = parcels[0]
        .put(&house.folder, house.elsewhere.path())
        .unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    assert_eq!(std::fs::read(&there).unwrap(), b"theirs");
    assert_eq!(house.names(), ["a.txt"], "the temporary file is gone");
}

#[test]
fn an_outbox_that_is_not_there_is_named() {
    let mut house = House::new();
    let file = house.file("a.txt", b"a");
    house.folder.path = house.outbox.path().join("gone");
    let failure = house.check(&[file]).unwrap_err();
    assert_eq!(failure.exit, Exit::NotFound);
}

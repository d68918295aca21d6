//! Power cuts: the file system of the state, and of the inbox, loses all that was not made durable.
//!
//! An ext4 in a file is shut down without flushing its journal (`EXT4_IOC_SHUTDOWN`), so that only what was
//! on the disk is there when it is mounted again. What syncd told anybody before must be among it.
//! `SYNCD_POWER_CUTS=n` cuts that often.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use syncd::emulator::{AgentFile, DeskOptions};
use tempfile::TempDir;

use crate::centre::{Centre, content, spread, walk};
use crate::desk::{Desk, ENV, wait_for};

/// So often, unless the environment says otherwise.
const CUTS: u32 = 12;
/// `EXT4_GOING_FLAGS_NOLOGFLUSH`, by perl, which every Debian has.
const SHUT_DOWN: &str = "open F, '<', $ARGV[0] or die $!; \
    ioctl(F, 0x8004587d, my $how = pack('L', 2)) or die $!;";

fn cuts() -> u32 {
    let asked = std::env::var("SYNCD_POWER_CUTS");
    asked.map_or(CUTS, |cuts| cuts.parse().unwrap())
}

/// A file system of its own, whose power can be cut.
struct Disk {
    image: PathBuf,
    at: PathBuf,
    _space: TempDir,
}

impl Disk {
    /// `None`, with a word, where none can be mounted.
    fn mounted() -> Option<Self> {
        let space = tempfile::tempdir().unwrap();
        let disk = Self {
            image: space.path().join("image"),
            at: space.path().join("disk"),
            _space: space,
        };
        let image = fs::File::create(&disk.image).unwrap();
        image.set_len(512 << 20).unwrap();
        fs::create_dir(&disk.at).unwrap();
        let made = run(Command::new("mkfs.ext4").arg("-q").arg(&disk.image));
        match made.and_then(|()| disk.mount()) {
            Ok(()) => Some(disk),
            Err(said) => {
                eprintln!("SKIPPED: no ext4 whose power could be cut can be mounted here: {said}");
                None
            }
        }
    }

    fn mount(&self) -> Result<(), String> {
        let options = ["-t", "ext4", "-o", "loop"];
        run(Command::new("mount")
            .args(options)
            .arg(&self.image)
            .arg(&self.at))
    }

    /// What was not made durable is gone; nobody can use the disk any more.
    fn cut(&self) {
        run(Command::new("perl").args(["-e", SHUT_DOWN]).arg(&self.at)).unwrap();
    }

    /// Power again: the journal of the file system is replayed. While a process of another mount namespace
    /// still has it, what is mounted is the dead one again.
    fn restore(&self) {
        wait_for("the disk is alive again", || {
            let _ = run(Command::new("umount").arg(&self.at));
            let held = Command::new("losetup").arg("-j").arg(&self.image).output();
            held.unwrap().stdout.is_empty()
                && self.mount().is_ok()
                && fs::write(self.at.join("alive"), "yes").is_ok()
        });
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = run(Command::new("umount").args(["--lazy"]).arg(&self.at));
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// How many uploads were told.
fn uploaded(log: &Path) -> i64 {
    let log = fs::read_to_string(log).unwrap_or_default();
    let told = log.lines().filter(|line| line.contains("INFO uploaded "));
    told.count().try_into().unwrap()
}

struct Records {
    /// Every upload that was written down.
    uploads: i64,
    /// What the cloud is said to have, without a doubt: path and SHA-256.
    certain: BTreeMap<String, String>,
}

fn records(state: &Path) -> Records {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let db = Connection::open_with_flags(state.join("syncd.db"), flags).unwrap();
    let sound: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
    let sql = "SELECT CAST(path AS TEXT), lower(hex(digest)) FROM synced WHERE in_doubt = 0";
    let mut certain = db.prepare(sql).unwrap();
    let certain = certain
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    Records {
        uploads: db
            .query_row("SELECT count(*) FROM upload", [], |row| row.get(0))
            .unwrap(),
        certain: certain.collect::<Result<_, _>>().unwrap(),
    }
}

#[test]
fn what_was_told_to_be_uploaded_is_still_known_after_a_power_cut() {
    let Some(disk) = Disk::mounted() else {
        return;
    };
    let desk = Desk::new();
    let state = disk.at.join("state");
    desk.keep_state_at(&state);
    let mut known = 0;
    for round in 0..cuts() {
        let told_before = uploaded(&desk.log());
        let daemon = desk.run();
        let enough = desk.puts() + 1 + spread(round, 40) as usize;
        for edit in 0..8 {
            let page = spread(round * 31 + edit, 25);
            desk.write(
                &format!("page-{page}.html"),
                format!("round {round} edit {edit}"),
            );
            desk.write(&format!("img/{page}.png"), content(round * 100 + edit, 900));
        }
        wait_for("so many uploads were made, or all", || {
            desk.puts() >= enough || desk.differences().is_empty()
        });
        // Only what was told by now: while the power fails, an fsync may still say that all is well.
        let wanted = known + uploaded(&desk.log()) - told_before;
        disk.cut();
        daemon.kill_9();
        disk.restore();
        let records = records(&state);
        known = records.uploads;
        assert!(
            known >= wanted,
            "cut {round}: {wanted} uploads were told, {known} are known\n{}",
            desk.evidence()
        );
        let objects = desk.cloud.objects_in(syncd::emulator::Space::Website, ENV);
        for (path, digest) in records.certain {
            assert_eq!(objects[&path].sha256, digest, "cut {round}: {path}");
        }
    }
    let daemon = desk.run();
    wait_for("the cloud equals the folder", || {
        desk.differences().is_empty()
    });
    assert!(daemon.stop().success());
    desk.no_violations();
}

#[test]
fn what_was_told_to_be_received_is_still_there_after_a_power_cut() {
    let Some(disk) = Disk::mounted() else {
        return;
    };
    let centre = Centre::receiving(DeskOptions::default(), "");
    let (state, inbox) = (disk.at.join("state"), disk.at.join("in"));
    centre.keep_state_at(&state);
    fs::create_dir(&inbox).unwrap();
    centre.rewrite(
        &centre.inbox.display().to_string(),
        &inbox.display().to_string(),
    );
    // The inbox itself is there from the beginning.
    run(Command::new("sync").arg("-f").arg(&disk.at)).unwrap();
    let (mut sent, mut there) = (BTreeMap::new(), BTreeSet::new());
    for round in 0..cuts() {
        let told_before = received(&centre.log());
        for number in 0..4 {
            let bytes = content(
                round * 10 + number,
                1 + spread(round + number, 60_000) as usize,
            );
            let code = centre.put(AgentFile::local("png", bytes.clone()));
            sent.insert(code, bytes);
        }
        let enough = centre.calls() + u64::from(spread(round, 18));
        let begun = Instant::now();
        let daemon = centre.launch(centre.command(&["run"]));
        centre.wait_for("so many requests were made, or no more come", || {
            centre.calls() >= enough || begun.elapsed() > Duration::from_secs(1)
        });
        there.extend(received(&centre.log()).difference(&told_before).cloned());
        disk.cut();
        daemon.kill_9();
        disk.restore();
        let found = files(&inbox, &sent);
        let lost: Vec<&String> = there.difference(&found).collect();
        assert!(
            lost.is_empty(),
            "cut {round}: {lost:?} were told\n{}",
            centre.evidence()
        );
        there = found;
    }
    let daemon = centre.run();
    centre.wait_for("all files have arrived", || {
        files(&inbox, &sent).len() == sent.len()
    });
    centre.wait_for("nothing is pending", || {
        centre.inbox_status()["pending"] == 0
    });
    assert_eq!(files(&inbox, &sent).len(), sent.len(), "each file once");
    assert!(daemon.stop().success());
    centre.no_violations();
}

/// The messages whose files were told to be received.
fn received(log: &Path) -> BTreeSet<String> {
    let log = fs::read_to_string(log).unwrap_or_default();
    let told = log.lines().filter(|line| line.contains("INFO received "));
    let codes =
        told.filter_map(|line| Some(line.split_once("message_id=\"")?.1.split_once('"')?.0));
    codes.map(str::to_owned).collect()
}

/// The messages whose files are in the inbox. Each file is one that was sent, whole, with its sidecar, and
/// the only one of its message.
fn files(inbox: &Path, sent: &BTreeMap<String, Vec<u8>>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for (path, bytes) in walk(inbox) {
        if path.extension().is_some_and(|is| is == "json") {
            continue;
        }
        let beside = fs::read(format!("{}.json", path.display())).unwrap();
        let beside: serde_json::Value = serde_json::from_slice(&beside).unwrap();
        let code = beside["message"].as_str().unwrap().to_owned();
        assert!(sent[&code] == bytes, "{}: other bytes", path.display());
        assert!(seen.insert(code), "{}: twice", path.display());
    }
    seen
}

//! Changes of the watched tree, as people, editors and programs make them. Each hits what is there.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use syncd::model::path::RelPath;
use syncd::port::disk::Disk as _;
use syncd::port::watcher::Hint;

use crate::disk::Operation;
use crate::swarm::{CHANGES, Change, ROOT, choose};
use crate::world::{World, lock};

/// More files are not made.
const FILES_MAX: usize = 45;
const DIRECTORIES: &[&str] = &["", "", "assets/", "docs/", "docs/deep/", "img/", "drafts/"];
const EXTENSIONS: &[&str] = &[
    "html", "html", "css", "js", "png", "txt", "json", "map", "tmp",
];
const IGNORES: &[&str] = &["*.tmp\n", "drafts/\n", "*.tmp\ndrafts/\n", "*.json\n", ""];
/// Bytes of a file that is streamed.
const LARGE: std::ops::Range<usize> = 1_048_577..1_400_000;

/// A step of a change that takes time.
pub enum Step {
    Write(String, Vec<u8>),
    Replace(String, Vec<u8>),
    Rename(String, String),
    Remove(String),
    Readable(String),
    SameSize(String),
    Mount(u64),
}

/// What is still to come of changes under way, by time.
#[derive(Default)]
pub struct Workload {
    steps: BTreeMap<(u64, u64), Step>,
    number: u64,
    pub unmounted: bool,
}

fn root() -> &'static Path {
    Path::new(ROOT)
}

impl Workload {
    /// When the next step is due.
    pub fn next_ms(&self) -> Option<u64> {
        self.steps.first_key_value().map(|(at, _)| at.0)
    }

    fn after(&mut self, world: &World, ms: u64, step: Step) {
        self.number += 1;
        self.steps.insert((world.now_ms() + ms, self.number), step);
    }

    /// Takes the steps that are due, or all of them at once.
    pub fn take_steps(&mut self, world: &World, all: bool) {
        while let Some((at, _)) = self.steps.first_key_value().map(|(at, _)| *at) {
            if at > world.now_ms() && !all {
                return;
            }
            // Nothing can be written while the root is gone.
            let mounts = |at: &&(u64, u64)| matches!(self.steps[*at], Step::Mount(_));
            let mount = self.steps.keys().find(mounts).copied().filter(|_| all);
            let step = match mount {
                Some(at) => self.steps.remove(&at),
                None => self.steps.pop_first().map(|(_, step)| step),
            };
            let Some(step) = step else { return };
            if self.unmounted && !matches!(step, Step::Mount(_)) {
                self.after(world, 1_000, step);
                continue;
            }
            match step {
                Step::Write(path, bytes) => write(world, &path, &bytes),
                Step::Replace(path, bytes) => replace(world, &path, &bytes),
                Step::Rename(from, to) => rename(world, &from, &to),
                Step::Remove(path) => remove(world, &path),
                Step::SameSize(path) => {
                    let mut rng = lock(&world.rolls.workload).fork();
                    same_size(world, &path, &mut rng);
                }
                Step::Readable(path) => readable(world, &path, true),
                Step::Mount(ino) => {
                    world.trace("the root is back");
                    world.disk.mount(root(), ino);
                    self.unmounted = false;
                    world.changed(&[]);
                }
            }
        }
    }

    /// The tree before the daemon is started for the first time.
    pub fn begin(&mut self, world: &Arc<World>) {
        let count = lock(&world.rolls.workload).usize(0..25);
        for _ in 0..count {
            self.one(world, Change::Create);
        }
        if count.is_multiple_of(2) {
            self.one(world, Change::Large);
        }
    }

    /// One change.
    pub fn change(&mut self, world: &Arc<World>) {
        if self.unmounted {
            return;
        }
        let change = *choose(&mut lock(&world.rolls.workload), &world.swarm.changes);
        self.one(world, change);
    }

    fn one(&mut self, world: &Arc<World>, change: Change) {
        if let Some((_, name)) = CHANGES.iter().find(|(have, _)| *have == change) {
            world.mark(name);
        }
        let files: Vec<String> = world
            .disk
            .contents(root())
            .into_keys()
            .filter_map(|path| String::from_utf8(path).ok())
            .filter(|path| path != ".syncdignore")
            .collect();
        let mut rng = lock(&world.rolls.workload).fork();
        let rng = &mut rng;
        let crowded = files.len() >= FILES_MAX;
        let change = match change {
            Change::Create | Change::MakeDeep | Change::Burst | Change::PageWithAssets
                if crowded =>
            {
                Change::Delete
            }
            change => change,
        };
        match change {
            Change::Create => write(world, &name(rng), &text(rng)),
            Change::MakeDeep => {
                let path = format!("deep{}/a/b/{}", rng.u8(0..4), file_name(rng));
                write(world, &path, &text(rng));
                world.changed(&[&path.as_bytes()[..5]]);
            }
            Change::Burst => {
                for _ in 0..rng.usize(5..20) {
                    write(world, &name(rng), &text(rng));
                }
            }
            Change::PageWithAssets => self.page(world, rng),
            Change::Ignore => write(world, ".syncdignore", choose(rng, IGNORES).as_bytes()),
            Change::Twins => twins(world, rng),
            Change::Unnamable => unnamable(world, rng),
            Change::RootGone => self.root_gone(world, rng),
            _ if files.is_empty() => write(world, &name(rng), &text(rng)),
            change => {
                let path = choose(rng, &files).clone();
                self.of_file(world, rng, change, &path);
            }
        }
    }

    fn of_file(&mut self, world: &World, rng: &mut fastrand::Rng, change: Change, path: &str) {
        match change {
            Change::Append => append(world, path, rng),
            Change::SameSize => same_size(world, path, rng),
            Change::Touch => touch(world, path),
            Change::Mode => set_mtime(world, path, mtime(world, path)),
            Change::RenameFile => rename(world, path, &name(rng)),
            Change::RenameDirectory => rename_directory(world, path, rng),
            Change::Delete => remove(world, path),
            Change::Recreate => {
                remove(world, path);
                self.after(
                    world,
                    rng.u64(0..2_000),
                    Step::Write(path.to_owned(), text(rng)),
                );
            }
            Change::SymlinkSwap => {
                world.stamp();
                world.trace(&format!("a link takes the place of {path}"));
                world.disk.remove(root(), path);
                world.disk.symlink(root(), path);
                world.changed(&[path.as_bytes()]);
                self.after(
                    world,
                    rng.u64(0..60_000),
                    Step::Replace(path.to_owned(), text(rng)),
                );
            }
            Change::SaveByRename | Change::SaveInPlace | Change::SaveAtomically => {
                self.save(world, rng, change, path);
            }
            Change::Grow => {
                let mut bytes = text(rng);
                for turn in 0..rng.u64(5..60) {
                    bytes.extend(text(rng));
                    let step = Step::Write(path.to_owned(), bytes.clone());
                    self.after(world, turn * 200, step);
                }
            }
            Change::Large => {
                let bytes = large(rng);
                let path = format!("large{}.bin", rng.u8(0..2));
                write(world, &path, &bytes);
                // While it is being sent, with luck.
                for _ in 0..rng.u8(0..4) {
                    let span = rng.u64(500..30_000);
                    self.after(world, span, Step::SameSize(path.clone()));
                }
            }
            Change::Unreadable => {
                readable(world, path, false);
                self.after(
                    world,
                    rng.u64(1_000..200_000),
                    Step::Readable(path.to_owned()),
                );
            }
            _ => write(world, path, &text(rng)),
        }
    }

    /// As editors save.
    fn save(&mut self, world: &World, rng: &mut fastrand::Rng, change: Change, path: &str) {
        match change {
            Change::SaveByRename => {
                let backup = format!("{path}~");
                write(world, &beside(path, "4913"), b"");
                remove(world, &beside(path, "4913"));
                rename(world, path, &backup);
                let new = Step::Write(path.to_owned(), text(rng));
                let span = rng.u64(0..100);
                self.after(world, span, new);
                self.after(world, span + rng.u64(0..100), Step::Remove(backup));
            }
            Change::SaveInPlace => {
                write(world, path, b"");
                self.after(
                    world,
                    rng.u64(1..300),
                    Step::Write(path.to_owned(), text(rng)),
                );
            }
            _ => {
                let new = beside(path, &format!(".goutputstream-{}", rng.u32(1000..9999)));
                write(world, &new, &text(rng));
                self.after(world, rng.u64(0..50), Step::Rename(new, path.to_owned()));
            }
        }
    }

    fn page(&mut self, world: &World, rng: &mut fastrand::Rng) {
        let number = rng.u8(0..4);
        let mut span = 0;
        for asset in ["css", "js", "png"] {
            let path = format!("assets/page{number}.{asset}");
            self.after(world, span, Step::Write(path, text(rng)));
            span += rng.u64(0..40);
        }
        self.after(
            world,
            span,
            Step::Write(format!("page{number}.html"), text(rng)),
        );
        if rng.bool() {
            self.after(world, span, Step::Write("index.html".to_owned(), text(rng)));
        }
    }

    fn root_gone(&mut self, world: &World, rng: &mut fastrand::Rng) {
        // Once in a while is enough.
        if rng.u8(0..4) > 0 {
            return;
        }
        world.trace("the root is gone");
        if let Some(ino) = world.disk.unmount(root()) {
            self.unmounted = true;
            self.after(world, rng.u64(500..120_000), Step::Mount(ino));
        }
        if rng.bool() {
            world.schedule(Hint::Root, 1);
        }
    }
}

/// A writer comes between two looks of the daemon.
pub fn race(world: &Arc<World>, operation: &Operation) {
    let (Operation::Open(path) | Operation::Read(path, _) | Operation::Stat(path)) = operation
    else {
        return;
    };
    let Some(path) = path.as_str().map(str::to_owned) else {
        return;
    };
    if !world.disk.contents(root()).contains_key(path.as_bytes()) || path == ".syncdignore" {
        return;
    }
    world.mark("writer raced a read");
    let mut rng = lock(&world.rolls.races).fork();
    match rng.u8(0..5) {
        0 => append(world, &path, &mut rng),
        1 => same_size(world, &path, &mut rng),
        2 => replace(world, &path, &text(&mut rng)),
        3 => remove(world, &path),
        _ => write(world, &path, &text(&mut rng)),
    }
}

/// A writer comes between two pieces of a file that is being sent.
pub fn race_stream(world: &Arc<World>, path: &str) {
    if !world.disk.contents(root()).contains_key(path.as_bytes()) {
        return;
    }
    world.mark("writer raced a streamed upload");
    let mut rng = lock(&world.rolls.races).fork();
    same_size(world, path, &mut rng);
}

fn write(world: &World, path: &str, bytes: &[u8]) {
    world.stamp();
    world.trace(&format!("write {path} ({} bytes)", bytes.len()));
    // A directory is not written over.
    if is_directory(world, path) {
        return;
    }
    world.disk.write(root(), path, bytes);
    world.changed(&[path.as_bytes()]);
}

fn replace(world: &World, path: &str, bytes: &[u8]) {
    world.stamp();
    world.trace(&format!("replace {path} ({} bytes)", bytes.len()));
    world.disk.replace(root(), path, bytes);
    world.changed(&[path.as_bytes()]);
}

fn remove(world: &World, path: &str) {
    world.stamp();
    world.trace(&format!("remove {path}"));
    world.disk.remove(root(), path);
    world.changed(&[path.as_bytes()]);
}

fn rename(world: &World, from: &str, to: &str) {
    if is_directory(world, to) || from == to {
        return;
    }
    world.stamp();
    world.trace(&format!("rename {from} to {to}"));
    world.disk.rename(root(), from, to);
    world.changed(&[from.as_bytes(), to.as_bytes()]);
}

fn rename_directory(world: &World, path: &str, rng: &mut fastrand::Rng) {
    let Some((directory, _)) = path.rsplit_once('/') else {
        return;
    };
    let to = format!("moved{}", rng.u8(0..3));
    if directory.starts_with(&to) {
        return;
    }
    world.stamp();
    world.trace(&format!("rename directory {directory} to {to}"));
    world.disk.rename(root(), directory, &to);
    world.changed(&[directory.as_bytes(), to.as_bytes()]);
}

fn append(world: &World, path: &str, rng: &mut fastrand::Rng) {
    let mut bytes = contents(world, path);
    bytes.extend(text(rng));
    write(world, path, &bytes);
}

fn same_size(world: &World, path: &str, rng: &mut fastrand::Rng) {
    let mut bytes = contents(world, path);
    if bytes.is_empty() {
        return;
    }
    // At both ends, so that a part of each version is neither of them.
    let by = rng.u8(1..20);
    let last = bytes.len() - 1;
    bytes[0] = bytes[0].wrapping_add(by);
    bytes[last] = bytes[last].wrapping_add(by);
    let before = mtime(world, path);
    write(world, path, &bytes);
    set_mtime(world, path, before);
}

fn touch(world: &World, path: &str) {
    let now_ns = world.wall_ms() * 1_000_000;
    set_mtime(world, path, now_ns);
}

fn set_mtime(world: &World, path: &str, mtime_ns: i64) {
    world.stamp();
    world.trace(&format!("the times of {path} change"));
    world.disk.set_mtime(root(), path, mtime_ns);
    world.changed(&[path.as_bytes()]);
}

fn readable(world: &World, path: &str, readable: bool) {
    if !world.disk.contents(root()).contains_key(path.as_bytes()) {
        return;
    }
    world.trace(&format!("{path} can be read: {readable}"));
    world.disk.set_readable(root(), path, readable);
    set_mtime(world, path, mtime(world, path));
}

fn twins(world: &World, rng: &mut fastrand::Rng) {
    for spelling in ["caf\u{e9}.txt", "cafe\u{301}.txt"] {
        match rng.u8(0..4) {
            0 => remove(world, spelling),
            1 => {}
            _ => write(world, spelling, &text(rng)),
        }
    }
}

fn unnamable(world: &World, rng: &mut fastrand::Rng) {
    let names: [&[u8]; 3] = [b"bad\xff.txt", b"line\nfeed.txt", b"${filename}"];
    let path = names[rng.usize(..names.len())];
    world.stamp();
    world.trace(&format!("write {}", path.escape_ascii()));
    world.disk.write_raw(root(), path, &text(rng));
    world.changed(&[path]);
}

fn is_directory(world: &World, path: &str) -> bool {
    let below = format!("{path}/").into_bytes();
    let contents = world.disk.contents(root());
    contents.keys().any(|file| file.starts_with(&below))
}

fn contents(world: &World, path: &str) -> Vec<u8> {
    let contents = world.disk.contents(root());
    contents
        .get(path.as_bytes())
        .map(|bytes| bytes.to_vec())
        .unwrap_or_default()
}

fn mtime(world: &World, path: &str) -> i64 {
    // Asked of the disk without being a look of the daemon's: the hook must not run.
    let hook = world.disk.set_hook_aside();
    let entry = world
        .disk
        .open_root(root())
        .ok()
        .zip(RelPath::from_bytes(path.as_bytes()).ok())
        .and_then(|(root, path)| root.entry(&path).ok().flatten());
    world.disk.put_hook_back(hook);
    entry.map_or(0, |entry| entry.stat.mtime_ns)
}

fn beside(path: &str, name: &str) -> String {
    match path.rsplit_once('/') {
        Some((directory, _)) => format!("{directory}/{name}"),
        None => name.to_owned(),
    }
}

fn name(rng: &mut fastrand::Rng) -> String {
    let directory = choose(rng, DIRECTORIES).to_owned();
    format!("{directory}{}", file_name(rng))
}

fn file_name(rng: &mut fastrand::Rng) -> String {
    if rng.u8(0..12) == 0 {
        return "index.html".to_owned();
    }
    let extension = *choose(rng, EXTENSIONS);
    format!(
        "{}{}.{extension}",
        choose(rng, &["a", "b", "x y", "中"]),
        rng.u8(0..4)
    )
}

fn text(rng: &mut fastrand::Rng) -> Vec<u8> {
    let len = rng.usize(0..200);
    std::iter::repeat_with(|| rng.u8(b'a'..=b'z'))
        .take(len)
        .collect()
}

fn large(rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = vec![0; rng.usize(LARGE)];
    let at = rng.usize(..bytes.len());
    bytes[at] = rng.u8(..);
    bytes[0] = rng.u8(..);
    bytes
}

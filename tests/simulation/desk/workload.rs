//! What people do: agents who write, the person who fills the outbox, readers of the inbox.

use std::path::Path;
use std::sync::Arc;

use super::centre::{HangUp, Letter};
use super::mix::{MAX_FILE, OUTBOX, Readers};
use super::world::World;
use crate::story::lock;
use crate::swarm::choose;

/// Events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Text,
    Local,
    Library,
    Several,
    Twins,
    Bitmap,
    Gone,
    OddType,
    NoType,
    TooLarge,
    Empty,
    HangUp,
    SilentEnd,
    Drop,
    Burst,
    Edit,
    Rewrite,
    Rename,
    Delete,
    Copy,
    OddName,
    OddFile,
    Large,
    Grow,
    Read,
}

/// All events with the name under which they are counted.
pub const EVENTS: &[(Event, &str)] = &[
    (Event::Text, "event: text"),
    (Event::Local, "event: file of an agent"),
    (Event::Library, "event: file of the library"),
    (Event::Several, "event: several messages at once"),
    (Event::Twins, "event: one file in two messages"),
    (Event::Bitmap, "event: bitmap"),
    (Event::Gone, "event: file that is gone"),
    (Event::OddType, "event: file of an odd type"),
    (Event::NoType, "event: file without a type"),
    (Event::TooLarge, "event: file that is too large"),
    (Event::Empty, "event: empty file"),
    (Event::HangUp, "event: agent hangs up"),
    (Event::SilentEnd, "event: chat ends silently"),
    (Event::Drop, "event: file dropped"),
    (Event::Burst, "event: several files dropped"),
    (Event::Edit, "event: file edited"),
    (Event::Rewrite, "event: file written as it was"),
    (Event::Rename, "event: file renamed"),
    (Event::Delete, "event: file deleted"),
    (Event::Copy, "event: file copied"),
    (Event::OddName, "event: file of an odd name"),
    (Event::OddFile, "event: file that the centre does not take"),
    (Event::Large, "event: large file dropped"),
    (Event::Grow, "event: file that grows"),
    (Event::Read, "event: a reader comes"),
];

/// More files are not put into the outbox, or sent by agents.
const FILES_MAX: usize = 25;
const KINDS: &[&str] = &[
    "jpg", "jpeg", "png", "bmp", "mp3", "aac", "mp4", "txt", "csv", "TXT",
];
const ODD_NAMES: &[&str] = &[
    "a,b.txt",
    "sub/deep/c d.csv",
    "\u{4e2d}\u{6587}.txt",
    "x  y.txt",
    ".h.txt",
];

/// One event.
pub fn happen(world: &Arc<World>) {
    let mut rng = lock(&world.rolls.workload).fork();
    let (event, name) = *choose(&mut rng, EVENTS);
    one(world, &mut rng, event, name);
}

fn one(world: &Arc<World>, rng: &mut fastrand::Rng, event: Event, name: &'static str) {
    world.story.mark(name);
    match event {
        Event::Text
        | Event::Local
        | Event::Library
        | Event::Several
        | Event::Twins
        | Event::Bitmap
        | Event::Gone
        | Event::OddType
        | Event::NoType
        | Event::TooLarge
        | Event::Empty => agent(world, rng, event),
        Event::HangUp | Event::SilentEnd => {
            let how = match event {
                Event::SilentEnd => HangUp::Silently,
                _ => *choose(
                    rng,
                    &[HangUp::Agent, HangUp::TimeOut, HangUp::TimeOutButGoOn],
                ),
            };
            world.story.tell(&format!("the chat ends: {how:?}"));
            let now = world.now_ms();
            world.state().centre.hang_up(now, how);
            world.mail.notify_waiters();
        }
        Event::Read => read(world, rng),
        _ => outbox(world, rng, event),
    }
}

fn text(rng: &mut fastrand::Rng, most: usize) -> Vec<u8> {
    let len = rng.usize(1..=most);
    std::iter::repeat_with(|| rng.u8(..)).take(len).collect()
}

/// Puts a file where agents have theirs, and writes of it.
fn letter(
    world: &World,
    rng: &mut fastrand::Rng,
    bytes: Vec<u8>,
    file_type: &str,
    in_library: bool,
) -> Letter {
    let mut state = world.state();
    let content = state.centre.new_file(bytes.clone(), file_type, in_library);
    let uncoded = state.centre.manners.uncoded;
    drop(state);
    let media = match file_type {
        "mp4" => "VIDEO",
        "mp3" => "AUDIO",
        "pdf" | "docx" | "zip" => "DOCUMENT",
        _ => "IMAGE",
    };
    Letter {
        media,
        content,
        file_type: Some(file_type.to_owned()),
        file: Some((Arc::new(bytes), in_library)),
        can_be_fetched: true,
        is_uncoded: rng.f64() < uncoded,
    }
}

fn agent(world: &World, rng: &mut fastrand::Rng, event: Event) {
    let files = world.state().centre.messages.len();
    if files > 2 * FILES_MAX {
        return;
    }
    let most = *choose(rng, &[50, 2_000, 9_000]);
    let bytes = text(rng, most);
    let file_type = *choose(rng, &["png", "jpg", "pdf", "docx", "mp4", "mp3", "zip"]);
    let mut letters = Vec::new();
    match event {
        Event::Text => letters.push(Letter {
            media: "TEXT",
            content: "hello".to_owned(),
            file_type: None,
            file: None,
            can_be_fetched: false,
            is_uncoded: rng.bool(),
        }),
        Event::Library => letters.push(letter(world, rng, bytes, file_type, true)),
        Event::Several => {
            for _ in 0..rng.usize(2..14) {
                let bytes = text(rng, 300);
                let in_library = rng.bool();
                letters.push(letter(world, rng, bytes, file_type, in_library));
            }
        }
        Event::Twins => {
            for _ in 0..2 {
                letters.push(letter(world, rng, bytes.clone(), file_type, false));
            }
        }
        Event::Bitmap => {
            let in_library = rng.bool();
            letters.push(letter(world, rng, bytes, "bmp", in_library));
        }
        Event::Gone => {
            let mut gone = letter(world, rng, bytes, file_type, false);
            gone.content = format!("gone-{}", gone.content.replace('/', "-"));
            gone.can_be_fetched = false;
            letters.push(gone);
        }
        Event::OddType => {
            let mut odd = letter(world, rng, bytes, "exe", false);
            odd.can_be_fetched = false;
            letters.push(odd);
        }
        Event::NoType => {
            let mut odd = letter(world, rng, bytes, "pdf", false);
            (odd.file_type, odd.can_be_fetched) = (None, false);
            letters.push(odd);
        }
        Event::TooLarge => {
            let len = usize::try_from(MAX_FILE).unwrap() + rng.usize(1..6_000);
            let bytes = vec![rng.u8(..); len];
            let mut large = letter(world, rng, bytes, "png", false);
            large.can_be_fetched = false;
            letters.push(large);
        }
        Event::Empty => {
            let mut empty = letter(world, rng, Vec::new(), "png", false);
            empty.can_be_fetched = false;
            letters.push(empty);
        }
        _ => letters.push(letter(world, rng, bytes, file_type, false)),
    }
    for letter in letters {
        say(world, letter);
    }
}

/// An agent says it.
pub fn say(world: &World, letter: Letter) {
    let now = world.now_ms();
    let what = format!("{} {} {:?}", letter.media, letter.content, letter.file_type);
    let number = world.state().centre.say(now, letter);
    world
        .story
        .tell(&format!("an agent writes message {number}: {what}"));
    world.mail.notify_waiters();
}

/// A plain file of an agent.
pub fn plain_letter(world: &World, bytes: &[u8], file_type: &str, in_library: bool) -> Letter {
    let mut rng = fastrand::Rng::with_seed(1);
    letter(world, &mut rng, bytes.to_vec(), file_type, in_library)
}

fn outbox(world: &World, rng: &mut fastrand::Rng, event: Event) {
    let contents = world.disk.contents(Path::new(OUTBOX));
    let mut files: Vec<String> = Vec::new();
    for path in contents.keys() {
        files.push(String::from_utf8_lossy(path).into_owned());
    }
    if files.is_empty() || (files.len() < FILES_MAX && event == Event::Drop) {
        return write(world, &new_name(rng), &text(rng, 600));
    }
    let path = choose(rng, &files).clone();
    let crowded = files.len() >= FILES_MAX;
    match event {
        Event::Edit => write(world, &path, &text(rng, 600)),
        Event::Rewrite => write(world, &path, &contents[path.as_bytes()]),
        Event::Rename => rename(world, &path, &new_name(rng)),
        Event::Delete => remove(world, &path),
        _ if crowded => remove(world, &path),
        Event::Burst => {
            for _ in 0..rng.usize(2..7) {
                write(world, &new_name(rng), &text(rng, 600));
            }
        }
        Event::Copy => {
            let ending = path.rsplit_once('.').map_or("txt", |(_, ending)| ending);
            let to = format!("copy{}.{ending}", rng.u16(..));
            write(world, &to, &contents[path.as_bytes()]);
        }
        Event::OddName => {
            let name = *choose(rng, ODD_NAMES);
            write(world, name, &text(rng, 600));
        }
        Event::OddFile => match rng.u8(0..8) {
            0..4 => write(world, "report.docx", &text(rng, 600)),
            4..7 => write(world, "empty.txt", b""),
            _ => write(world, "huge.csv", &vec![rng.u8(..); (2 << 20) + 1]),
        },
        // It takes long to simulate.
        Event::Large if rng.u8(0..3) == 0 => {
            let mut bytes = vec![rng.u8(..); rng.usize(1_050_000..1_200_000)];
            bytes[0] = rng.u8(..);
            write(world, &format!("large{}.png", rng.u8(0..2)), &bytes);
        }
        Event::Grow => {
            let mut bytes = contents[path.as_bytes()].to_vec();
            bytes.extend(text(rng, 100));
            write(world, &path, &bytes);
        }
        _ => write(world, &new_name(rng), &text(rng, 600)),
    }
}

fn new_name(rng: &mut fastrand::Rng) -> String {
    format!("f{}.{}", rng.u8(0..60), choose(rng, KINDS))
}

/// Somebody writes a file of the outbox.
pub fn write(world: &World, path: &str, bytes: &[u8]) {
    world.stamp();
    world
        .story
        .tell(&format!("write {path} ({} bytes)", bytes.len()));
    world.disk.write(Path::new(OUTBOX), path, bytes);
    world.changed(&[path]);
}

fn remove(world: &World, path: &str) {
    world.stamp();
    world.story.tell(&format!("remove {path}"));
    world.disk.remove(Path::new(OUTBOX), path);
    world.changed(&[path]);
}

fn rename(world: &World, from: &str, to: &str) {
    world.stamp();
    world.story.tell(&format!("rename {from} to {to}"));
    world.disk.rename(Path::new(OUTBOX), from, to);
    world.changed(&[from, to]);
}

/// A reader takes away some of what is in the inbox, or all.
fn read(world: &World, rng: &mut fastrand::Rng) {
    if world.mix.readers == Readers::Browse {
        for name in world.inbox.files().into_keys() {
            if rng.bool() {
                world.take_away(&name);
            }
        }
    }
}

/// A greedy reader takes everything at once.
pub fn read_all(world: &World) {
    if world.mix.readers == Readers::Greedy {
        for name in world.inbox.files().into_keys() {
            world.take_away(&name);
        }
    }
}

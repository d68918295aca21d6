//! What must hold of any input from outside, one module a target. The seeds in `corpus/` are replayed, and
//! then changed at random for a bounded while; `fuzz/` drives the same modules without bounds.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it reads its own seeds; a test may panic and say where it was"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

mod config;
mod download;
mod link;
mod messages;
mod name;

/// One change to an input.
#[derive(Debug, Clone)]
enum Change {
    /// Another byte.
    Byte(prop::sample::Index, u8),
    /// Bytes from there on go away.
    Cut(prop::sample::Index, usize),
    /// A word of the target, put in.
    Word(prop::sample::Index, prop::sample::Index),
    /// A piece from there on, again.
    Double(prop::sample::Index, usize, usize),
    /// The end goes on with another seed's.
    Cross(prop::sample::Index, prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        (at(), 1..40_usize).prop_map(|(at, count)| Change::Cut(at, count)),
        (at(), at()).prop_map(|(at, word)| Change::Word(at, word)),
        (at(), 1..40_usize, 1..60_usize).prop_map(|(at, len, n)| Change::Double(at, len, n)),
        (at(), at()).prop_map(|(at, other)| Change::Cross(at, other)),
    ]
}

fn changed(input: &mut Vec<u8>, change: &Change, words: &[&[u8]], seeds: &[Vec<u8>]) {
    let place = |at: &prop::sample::Index| at.index(input.len() + 1);
    match change {
        Change::Byte(at, byte) => {
            let at = place(at);
            if let Some(there) = input.get_mut(at) {
                *there = *byte;
            }
        }
        Change::Cut(at, count) => {
            let at = place(at);
            input.drain(at..(at + count).min(input.len()));
        }
        Change::Word(at, word) => {
            let at = place(at);
            input.splice(at..at, word.get(words).iter().copied());
        }
        Change::Double(at, len, times) => {
            let at = place(at);
            let piece = input[at..(at + len).min(input.len())].repeat(*times);
            input.splice(at..at, piece);
        }
        Change::Cross(at, other) => {
            let at = place(at);
            let other = other.get(seeds);
            input.truncate(at);
            input.extend_from_slice(&other[at.min(other.len())..]);
        }
    }
}

/// The seeds of a target, in the order of their names.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/corpus")
        .join(target);
    let files: BTreeSet<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(files.len() >= 5, "the seeds of {target} were not found");
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Replays the seeds of a target, then tries `cases` changed ones.
fn drive(target: &str, holds: fn(&[u8]), words: &[&[u8]], cases: u32) {
    let seeds = seeds(target);
    for seed in &seeds {
        println!("{target}: {}", seed.escape_ascii());
        holds(seed);
    }
    let changes = prop::collection::vec(change(), 1..6);
    let input = (any::<prop::sample::Index>(), changes).prop_map(|(first, changes)| {
        let mut input = first.get(&seeds).clone();
        for change in &changes {
            changed(&mut input, change, words, &seeds);
        }
        input.truncate(64 * 1024);
        input
    });
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(input in input)| {
        let held = std::panic::catch_unwind(|| holds(&input));
        prop_assert!(held.is_ok(), "{target}: {}", input.escape_ascii());
    });
}

#[test]
fn a_download_is_the_file_or_a_fault() {
    drive("download", download::holds, download::WORDS, 1500);
}

#[test]
fn every_message_of_a_page_stays() {
    drive("messages", messages::holds, messages::WORDS, 3000);
}

#[test]
fn a_name_is_harmless() {
    drive("name", name::holds, name::WORDS, 3000);
}

#[test]
fn a_link_leads_to_listed_hosts_only() {
    drive("link", link::holds, link::WORDS, 5000);
}

#[test]
fn a_configuration_is_read_or_explained() {
    drive("config", config::holds, config::WORDS, 500);
}

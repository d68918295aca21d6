//! What agents send arrives: each file once, whole, whatever happens meanwhile.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest as _, Sha256};
use syncd::emulator::{AgentFile, DeskOptions};

use crate::centre::{Centre, Taken, content, read_at_once, spread};

const ROUNDS: u32 = 20;
const FILES: u32 = 100;

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn a_file(number: u32) -> AgentFile {
    let types = ["png", "txt", "pdf", "mp4", "docx"];
    let file_type = types[number as usize % types.len()];
    let bytes = content(number, 1 + spread(number, 300_000) as usize);
    if number.is_multiple_of(3) {
        AgentFile::library(file_type, bytes)
    } else {
        AgentFile::local(file_type, bytes)
    }
}

/// Lost answers, cut answers, code 13, tokens that rotate.
fn trouble(centre: &Centre) {
    for script in [
        "call = \"desk_poll\"\nevery = 5\ncommit_then_drop = true",
        "call = \"desk_poll\"\nevery = 7\ncut_response_at = 300",
        "call = \"desk_download\"\nevery = 6\ncut_response_at = 2000",
        "call = \"desk_download\"\nevery = 9\nerrcode = 13",
        "call = \"desk_download\"\nevery = 11\nwrong_base64 = true",
        "call = \"desk_apply\"\nevery = 4\nstatus = 502",
    ] {
        centre.fault(script);
    }
}

/// Ends the reader, also where the test fails.
struct EndReader<'a>(&'a AtomicBool);

impl Drop for EndReader<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_hundred_files_through_twenty_kills_and_faults_arrive_once_and_whole() {
    let mut options = DeskOptions::default();
    options.tokens.rotate_every = Some(7);
    let centre = Centre::receiving(options, "");
    trouble(&centre);
    let mut sent = BTreeMap::new();
    let taken = Mutex::new(Vec::<Taken>::new());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _ended = EndReader(&stop);
        scope.spawn(|| {
            read_at_once(&centre.inbox, &stop, |file| {
                taken.lock().unwrap().push(file);
            });
        });
        for round in 0..ROUNDS {
            for number in 0..FILES / ROUNDS {
                let file = a_file(round * (FILES / ROUNDS) + number);
                let bytes = file.bytes.clone();
                sent.insert(centre.put(file), bytes);
            }
            centre.kill_somewhere(round);
        }
        centre.cloud.clear_faults();
        let daemon = centre.run();
        centre.wait_for("all files have arrived", || {
            taken.lock().unwrap().len() >= sent.len()
        });
        centre.wait_for("nothing is pending", || {
            centre.inbox_status()["pending"] == 0
        });
        assert_eq!(centre.inbox_status()["received"], FILES);
        assert!(daemon.stop().success());
    });
    let taken = taken.into_inner().unwrap();
    assert_eq!(taken.len(), sent.len(), "each file once");
    for Taken { bytes, sidecar } in taken {
        let code = sidecar["message"].as_str().unwrap();
        let wanted = sent.remove(code).expect("a message arrives once");
        assert!(wanted == bytes, "other bytes for {code}");
        assert_eq!(sidecar["sha256"], sha256(&bytes));
        assert_eq!(sidecar["bytes"], bytes.len());
        assert_eq!(sidecar["inbox"], "desk");
    }
    assert!(sent.is_empty());
    centre.no_violations();
}

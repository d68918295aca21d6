//! What is put in an outbox arrives at the agent: each file once, or it is said that it may have.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use syncd::emulator::{Call, DeskOptions, Queueing};

use crate::centre::{Centre, content, spread};

const ROUNDS: u32 = 20;
const FILES: u32 = 50;

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn trouble(centre: &Centre) {
    for script in [
        "call = \"desk_send\"\nkey = \"CHAT\"\nevery = 5\ncommit_then_drop = true",
        "call = \"desk_send\"\nkey = \"CHAT\"\nevery = 11\nerrcode = 160004",
        "call = \"desk_send\"\nkey = \"CHAT\"\nevery = 13\nerrcode = 160013",
        "call = \"desk_upload\"\nevery = 6\ncommit_then_drop = true",
        "call = \"desk_upload\"\nevery = 9\ncut_response_at = 30",
        "call = \"desk_queue\"\nevery = 17\nexpire_token = true",
    ] {
        centre.fault(script);
    }
}

#[test]
fn fifty_files_through_twenty_kills_and_faults_arrive_once() {
    let mut options = DeskOptions::default();
    options.session.queue = Queueing::For(Duration::from_millis(300));
    let centre = Centre::new(options);
    trouble(&centre);
    let mut offered = BTreeMap::new();
    for round in 0..ROUNDS {
        for number in [0, 1, 2].into_iter().filter(|n| round * 3 + n < FILES) {
            let number = round * 3 + number;
            let types = ["png", "txt", "mp3", "csv", "mp4"];
            let name = format!("file-{number}.{}", types[number as usize % types.len()]);
            let bytes = content(number, 1 + spread(number, 200_000) as usize);
            centre.offer(&name, &bytes);
            offered.insert(sha256(&bytes), name);
        }
        centre.kill_somewhere(round);
    }
    assert_eq!(offered.len(), FILES as usize);
    centre.cloud.clear_faults();
    let daemon = centre.run();
    let is_through = |status: &serde_json::Value| {
        let files = &status["files"];
        let of = |name: &str| files[name].as_u64().unwrap();
        of("total") == u64::from(FILES) && of("synced") + of("dead") == of("total")
    };
    centre.wait_for("every file was seen to", || {
        is_through(&centre.outbox_status())
    });
    let status = centre.outbox_status();
    assert!(daemon.stop().success());
    let arrived = centre.arrived();
    let maybe = maybe_sent(&status);
    for (digest, name) in &offered {
        match arrived.get(digest) {
            Some(1) => {}
            None => assert!(
                maybe.contains(name),
                "{name} is lost\n{}",
                centre.evidence()
            ),
            Some(times) => panic!("{name} arrived {times} times"),
        }
    }
    assert_eq!(status["files"]["dead"], maybe.len(), "{status}");
    assert!(fs::read_dir(&centre.outbox).unwrap().count() == FILES as usize);
    centre.no_violations();
}

/// The files of which syncd says that the agent may have them.
fn maybe_sent(status: &serde_json::Value) -> Vec<String> {
    let problems = status["problems"].as_array().unwrap().iter();
    let maybe = problems.filter(|problem| problem["code"] == "maybe-sent");
    maybe
        .map(|problem| problem["path"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_the_desk_would_refuse_is_refused_before_anything_is_sent() {
    let centre = Centre::new(DeskOptions::default());
    centre.offer("program.exe", "no");
    centre.offer("empty.txt", "");
    centre.offer("large.png", vec![7; 2 * 1024 * 1024 + 1]);
    centre.offer("good.txt", "yes");
    centre.syncd(&["once", "out"]).expect(3);
    assert_eq!(centre.arrived(), BTreeMap::from([(sha256(b"yes"), 1)]));
    assert_eq!(centre.cloud.count(Call::DeskUpload), 1);
    let queue = centre.syncd(&["queue", "list"]).expect(0).stdout;
    let status = centre.syncd(&["status"]).stdout;
    for (name, words) in [
        ("program.exe", "no files of this type"),
        ("empty.txt", "empty"),
        ("large.png", "larger"),
    ] {
        assert!(
            queue.contains(name) && queue.contains(words),
            "{name}\n{queue}"
        );
        assert!(status.contains(name), "{status}");
    }
    centre.no_violations();
}

#[test]
fn new_content_is_sent_once_more_and_a_touched_file_is_not() {
    let centre = Centre::new(DeskOptions::default());
    centre.offer("a.txt", "one");
    let daemon = centre.run();
    let arrived = |contents: &[&str]| {
        let wanted = contents.iter().map(|text| (sha256(text.as_bytes()), 1));
        centre.wait_for("it arrived", || {
            centre.arrived() == wanted.clone().collect()
        });
        centre.syncd(&["status", "--wait=60s"]).expect(0);
    };
    arrived(&["one"]);
    let file = fs::File::options()
        .write(true)
        .open(centre.outbox.join("a.txt"))
        .unwrap();
    file.set_modified(std::time::SystemTime::now() + Duration::from_secs(5))
        .unwrap();
    centre.offer("b.txt", "two");
    arrived(&["one", "two"]);
    centre.offer("a.txt", "three");
    arrived(&["one", "two", "three"]);
    assert_eq!(centre.cloud.count(Call::DeskUpload), 3);
    assert!(daemon.stop().success());
    centre.syncd(&["once", "out"]).expect(0);
    assert_eq!(centre.cloud.count(Call::DeskUpload), 3);
}

#[test]
fn send_prints_the_receipt_with_a_daemon_and_without() {
    let centre = Centre::new(DeskOptions::default());
    let send = |name: &str| {
        let file = centre.path().join(name);
        fs::write(&file, name).unwrap();
        let answer = centre
            .syncd(&["send", file.to_str().unwrap(), "--to", "out"])
            .expect(0);
        let chats = centre.chats();
        let id = chats.last().unwrap().message_id.clone().unwrap();
        assert!(answer.stdout.contains(&id), "{id}\n{}", answer.stdout);
    };
    send("alone.txt");
    let daemon = centre.run();
    send("with.txt");
    assert!(daemon.stop().success());
    assert_eq!(
        centre.arrived(),
        BTreeMap::from([(sha256(b"alone.txt"), 1), (sha256(b"with.txt"), 1)])
    );
}

#[test]
fn where_nobody_can_tell_whether_a_message_went_out_it_says_so() {
    let options = DeskOptions {
        drop_repeats: true,
        ..DeskOptions::default()
    };
    let centre = Centre::new(options);
    centre.fault("call = \"desk_history\"\ntimes = \"always\"\nempty_answer = true");
    centre.fault("call = \"desk_send\"\nkey = \"CHAT\"\ntimes = 5\ncommit_then_drop = true");
    centre.offer("a.txt", "one");
    centre.syncd(&["once", "out"]).expect(3);
    centre.cloud.clear_faults();
    centre.syncd(&["once", "out"]).expect(3);
    assert_eq!(centre.arrived(), BTreeMap::from([(sha256(b"one"), 1)]));
    let why = centre.syncd(&["why", "out:a.txt"]).expect(0).stdout;
    assert!(why.contains("maybe sent"), "{why}");
    assert_eq!(maybe_sent(&centre.outbox_status()), ["a.txt"]);
}

#[test]
fn where_the_history_may_not_be_read_the_next_file_goes_out_all_the_same() {
    let centre = Centre::new(DeskOptions::default());
    centre.fault("call = \"desk_history\"\ntimes = \"always\"\nstatus = 403");
    centre.fault("call = \"desk_send\"\nkey = \"CHAT\"\ncommit_then_drop = true");
    centre.offer("a.txt", "one");
    centre.syncd(&["once", "out"]).expect(3);
    centre.offer("b.txt", "two");
    centre.syncd(&["once", "out"]).expect(3);
    let arrived = BTreeMap::from([(sha256(b"one"), 1), (sha256(b"two"), 1)]);
    assert_eq!(centre.arrived(), arrived);
    let status = centre.outbox_status();
    assert_eq!(maybe_sent(&status), ["a.txt"]);
    assert_eq!(status["files"]["synced"], 1, "{status}");
    let why = centre.syncd(&["why", "out:a.txt"]).expect(0).stdout;
    assert!(why.contains("403"), "{why}");
}

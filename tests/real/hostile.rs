//! Messages that mean harm, or nothing at all: the files arrive below the inbox under decent names, and no
//! message keeps another back.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path};

use serde_json::{Value, json};
use syncd::emulator::{AgentFile, DeskOptions, MessageCode};

use crate::centre::{Centre, USER, walk};

fn nasty() -> Vec<String> {
    let mut nasty: Vec<String> = [
        "../../etc/x",
        "/etc/x",
        "..",
        ".",
        "a\0b",
        "a\nb",
        "CON",
        "nul.txt",
        "\u{202e}gpj.exe",
        "-rf",
        "~",
        "$(id)",
        "a/b/c",
        "\\..\\x",
        "\u{1b}[31m",
    ]
    .map(str::to_owned)
    .into();
    nasty.push("x".repeat(5000));
    nasty
}

/// The bytes of the inbox's files; fails where a name is one that no reader should meet.
fn decent_files(inbox: &Path) -> BTreeMap<Vec<u8>, usize> {
    let mut files = BTreeMap::new();
    for (path, bytes) in walk(inbox) {
        let below = path.strip_prefix(inbox).unwrap();
        for part in below.components() {
            let Component::Normal(name) = part else {
                panic!("{}", path.display())
            };
            let name = name.to_str().unwrap();
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            assert!(name.chars().all(plain) && name.len() <= 255, "{name:?}");
            assert!(!name.starts_with(['.', '-']), "{name:?}");
        }
        if path.extension().is_none_or(|is| is != "json") {
            *files.entry(bytes).or_default() += 1;
        }
    }
    files
}

/// Nothing was made beside the inbox.
fn nothing_outside(centre: &Centre) {
    let mut names: Vec<_> = fs::read_dir(centre.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    names.retain(|name| name != "daemon.log");
    assert_eq!(names, ["config.toml", "in", "out", "state"]);
}

#[test]
fn hostile_codes_ids_and_types_stay_in_the_inbox_and_hold_nothing_up() {
    let centre = Centre::receiving(DeskOptions::default(), "");
    let mut wanted = BTreeMap::new();
    for (number, text) in nasty().into_iter().enumerate() {
        for what in ["code", "id"] {
            let bytes = format!("{what} {number}");
            let mut file = AgentFile::local("txt", bytes.clone());
            match what {
                "code" => file.message_code = MessageCode::Given(text.clone()),
                // Longer references are not believed.
                _ if text.len() > 4096 => continue,
                _ => file.id = Some(text.clone()),
            }
            centre.put(file);
            wanted.insert(bytes.into_bytes(), 1);
        }
        let mut file = AgentFile::local("txt", "a type");
        file.file_type = Some(text);
        centre.put(file);
    }
    centre.put(AgentFile::local("txt", "the last one"));
    wanted.insert(b"the last one".to_vec(), 1);
    let daemon = centre.run();
    centre.wait_for("the good ones are there", || {
        let there = decent_files(&centre.inbox);
        wanted.keys().all(|bytes| there.contains_key(bytes))
    });
    assert!(daemon.stop().success());
    let there = decent_files(&centre.inbox);
    assert!(wanted.iter().all(|(bytes, times)| there[bytes] == *times));
    nothing_outside(&centre);
}

fn senseless() -> Vec<Value> {
    vec![
        json!(7),
        json!("text"),
        json!(null),
        json!([]),
        json!({}),
        json!({ "controlType": ["CHAT"], "content": {} }),
        json!({ "controlType": "CHAT", "mediaType": "IMAGE" }),
        json!({ "controlType": "CHAT", "mediaType": "DOCUMENT", "content": "x", "contentType": "1" }),
        json!({ "controlType": "CHAT", "mediaType": "IMAGE", "content": "y".repeat(5000), "messageCode": "m-long" }),
        json!({ "controlType": "CHAT", "timestamp": "never", "mediaType": "TEXT", "content": "a\u{0}b" }),
    ]
}

#[test]
fn senseless_messages_are_kept_shown_and_hold_nothing_up() {
    let centre = Centre::receiving(DeskOptions::default(), "");
    for message in senseless() {
        centre.desk().put_raw(USER, message);
    }
    let code = MessageCode::Given("m-twice".to_owned());
    for bytes in ["the first", "the second"] {
        let file = AgentFile {
            message_code: code.clone(),
            ..AgentFile::local("txt", bytes)
        };
        centre.put(file);
    }
    centre.put(AgentFile::local("txt", "good"));
    let daemon = centre.run();
    let wanted = BTreeMap::from([(b"good".to_vec(), 1), (b"the first".to_vec(), 1)]);
    centre.wait_for("the good ones are there", || {
        decent_files(&centre.inbox) == wanted
    });
    centre.wait_for("the bad ones are given up", || {
        let status = centre.inbox_status();
        status["pending"] == 0 && status["dead"].as_u64() >= Some(6)
    });
    let log = fs::read_to_string(centre.log()).unwrap();
    assert!(
        log.contains("m-twice") && log.contains("different contents"),
        "{log}"
    );
    let queue = centre.syncd(&["queue", "list"]).expect(0).stdout;
    assert!(
        queue.contains("m-long") && queue.contains("cannot be understood"),
        "{queue}"
    );
    let status = centre.syncd(&["status"]).expect(0).stdout;
    assert!(status.contains("given up"), "{status}");
    centre.syncd(&["status", "--check"]).expect(3);
    centre.syncd(&["queue", "retry", "desk:m-long"]).expect(0);
    centre.syncd(&["queue", "drop", "desk:m-long"]).expect(0);
    assert!(daemon.stop().success());
    assert_eq!(decent_files(&centre.inbox), wanted);
    nothing_outside(&centre);
}

#[test]
fn files_of_one_name_stand_beside_each_other_and_one_that_was_too_large_is_fetched_later() {
    let centre = Centre::receiving(
        DeskOptions::default(),
        "file_name = \"file.{ext}\"\nmax_file = \"1 KiB\"",
    );
    fs::write(centre.inbox.join("file.txt"), "mine").unwrap();
    centre.put(AgentFile::local("txt", "one"));
    centre.put(AgentFile::local("txt", "two"));
    let large = centre.put(AgentFile::local("txt", vec![b'x'; 5000]));
    let daemon = centre.run();
    centre.wait_for("one is given up", || centre.inbox_status()["dead"] == 1);
    centre.wait_for("two are there", || centre.inbox_status()["received"] == 2);
    assert_eq!(fs::read(centre.inbox.join("file.txt")).unwrap(), b"mine");
    let queue = centre.syncd(&["queue", "list"]).expect(0).stdout;
    assert!(
        queue.contains(&large) && queue.contains("larger than the inbox takes"),
        "{queue}"
    );
    let config = fs::read_to_string(&centre.config).unwrap();
    fs::write(&centre.config, config.replace("1 KiB", "1 MiB")).unwrap();
    daemon.signal(rustix::process::Signal::HUP);
    centre.wait_for("the new limit counts", || {
        centre.syncd(&["queue", "retry", "--dead"]);
        decent_files(&centre.inbox).len() == 4
    });
    let there = decent_files(&centre.inbox);
    assert!(
        ["mine", "one", "two"]
            .iter()
            .all(|text| there[text.as_bytes()] == 1)
    );
    assert_eq!(there[&vec![b'x'; 5000]], 1);
}

//! `syncd doctor` besides what `planted` has: all is well, nothing is disturbed, and no secret is told.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use syncd::emulator::{DeskOptions, EmulatorOptions};

use crate::centre::{Centre, account, inbox_table};
use crate::desk::{Desk, small_site, wait_for};
use crate::program::Answer;

/// A user who owns nothing; only root can become that one.
pub(crate) const NOBODY: u32 = 65_534;

/// What `doctor --json` found wrong: name, verdict, and the whole finding as text.
pub(crate) fn found(answer: &Answer) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = answer.json()["findings"].as_array().unwrap().clone();
    let wrong = findings
        .iter()
        .filter(|finding| !matches!(finding["verdict"].as_str(), Some("ok" | "note")));
    wrong
        .map(|finding| {
            let whole = format!("{} {}", text(&finding["saw"]), text(&finding["advice"]));
            (text(&finding["name"]), text(&finding["verdict"]), whole)
        })
        .collect()
}

/// Exactly one fault of this name and verdict, with these words; and the code that belongs to it.
#[track_caller]
pub(crate) fn expect_one(answer: Answer, name: &str, verdict: &str, words: &[&str]) {
    let code = match verdict {
        "failing" => 5,
        "wrong" => 3,
        "refused" => 6,
        _ => 78,
    };
    let answer = answer.expect(code);
    let found = found(&answer);
    let [(have_name, have_verdict, whole)] = found.as_slice() else {
        panic!("not one finding: {found:?}\n{}", answer.stdout);
    };
    assert_eq!((have_name.as_str(), have_verdict.as_str()), (name, verdict));
    for word in words {
        assert!(whole.contains(word), "{word} is not in: {whole}");
    }
}

pub(crate) fn doctor(desk: &Desk) -> Answer {
    desk.syncd(&["doctor", "--json"])
}

/// The same as an ordinary user, who owns what the test made.
pub(crate) fn as_an_ordinary_user(desk: &Desk) -> Command {
    let mut command = desk.command(&["doctor", "--json"]);
    if rustix::process::geteuid().is_root() {
        give_away(desk.path());
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

pub(crate) fn give_away(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap().flatten() {
            give_away(&entry.path());
        }
    }
}

pub(crate) fn edit(desk: &Desk, from: &str, to: &str) {
    let text = fs::read_to_string(&desk.config).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&desk.config, text.replace(from, to)).unwrap();
}

#[test]
fn all_is_well_with_and_without_a_daemon_and_the_cloud_is_not_misused() {
    let desk = Desk::new();
    small_site(&desk, 3);
    assert_eq!(found(&doctor(&desk).expect(0)), []);
    assert!(!desk.state.exists(), "the doctor made something");
    let daemon = desk.run();
    desk.settled();
    let answer = desk.syncd(&["doctor"]).expect(0);
    let names = [
        "versions",
        "user",
        "config",
        "state directory",
        "database",
        "watches",
        "folder www",
        "connection shop",
        "clock shop",
        "token shop",
        "website shop demo-1a2b3c",
    ];
    for name in names {
        let line = answer.stdout.lines().find(|line| line.contains(name));
        assert!(line.is_some(), "no line about {name}:\n{}", answer.stdout);
    }
    assert!(answer.stdout.contains("sound, schema"), "{}", answer.stdout);
    desk.no_violations();
    assert!(daemon.stop().success());
}

#[test]
fn a_wrong_secret() {
    let mut options = EmulatorOptions::default();
    options.tokens.accept_app_token = true;
    let appid = options.tokens.credentials.appid.clone();
    let secret = "not-the-right-one-canary";
    let token = format!("token = {{ app = {{ appid = \"{appid}\", secret = \"{secret}\" }} }}");
    let desk = Desk::with(options, &token, "");
    let answer = doctor(&desk);
    assert!(!answer.stdout.contains("canary"), "{}", answer.stdout);
    expect_one(answer, "token", "refused", &["40125"]);
}

#[test]
fn a_clock_that_is_a_little_off() {
    let desk = Desk::new();
    desk.cloud.skew_clock(20_000);
    doctor(&desk).expect(0);
}

#[test]
fn a_configuration_with_mistakes_names_each() {
    let desk = Desk::new();
    edit(&desk, "settle", "setle");
    edit(&desk, "static-website", "static-web");
    let found = found(&doctor(&desk).expect(78));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|(name, ..)| name == "config"), "{found:?}");
}

/// Waits until the daemon is blocked, then has the doctor look beside it.
fn beside_a_blocked_daemon(desk: &Desk) -> Answer {
    wait_for("the folder is blocked", || {
        desk.status()["folders"][0]["state"] == "blocked"
    });
    doctor(desk)
}

#[test]
fn a_folder_that_only_the_daemon_cannot_work_with() {
    let desk = Desk::new();
    small_site(&desk, 3);
    let _daemon = desk.run();
    desk.settled();
    fs::rename(&desk.folder, desk.path().join("elsewhere")).unwrap();
    fs::create_dir(&desk.folder).unwrap();
    let answer = beside_a_blocked_daemon(&desk);
    expect_one(answer, "folder", "wrong", &["it is empty"]);
}

#[test]
fn an_account_that_the_daemon_has_paused() {
    let desk = Desk::new();
    let script = "[[fault]]\ncall = \"link\"\ntimes = \"always\"\nerrcode = 85088\n";
    desk.cloud.inject_script(script).unwrap();
    desk.write("index.html", "x");
    let _daemon = desk.run();
    let answer = beside_a_blocked_daemon(&desk);
    expect_one(answer, "account", "wrong", &["85088", "syncd resume"]);
}

#[test]
fn an_inbox_that_only_the_daemon_cannot_work_with() {
    let first = Centre::receiving(DeskOptions::default(), "");
    let _first = first.run();
    let second = Centre::receiving(DeskOptions::default(), "");
    second.configure(&format!(
        "{}{}",
        account("desk", &second.cloud),
        inbox_table("desk", &first.inbox, "")
    ));
    let _second = second.run();
    second.wait_for("it says that it cannot", || {
        second.inbox_status()["state"] == "blocked"
    });
    let answer = second.syncd(&["doctor", "--json"]).expect(3);
    let found = found(&answer);
    let inbox = found.iter().find(|(name, ..)| name == "inbox").unwrap();
    assert_eq!(inbox.1, "wrong");
    assert!(inbox.2.contains("another"), "{inbox:?}");
}

#[test]
fn an_ignore_file_that_cannot_be_used_is_told_by_all_who_read_it() {
    let desk = Desk::new();
    small_site(&desk, 1);
    for text in [&b"draft\xff*\n"[..], &vec![b'#'; (1 << 20) + 1]] {
        desk.write(".syncdignore", text);
        let words = ".syncdignore is not UTF-8 text of at most 1 MiB";
        expect_one(doctor(&desk), "folder", "wrong", &[words]);
        let plan = desk.syncd(&["plan", "--json"]).expect(3).json();
        let folder = &plan["folders"][0];
        assert!(
            folder["blocked"].as_str().unwrap().starts_with(words),
            "{plan}"
        );
        let why = desk
            .syncd(&["why", "www:index.html", "--json"])
            .expect(0)
            .json();
        assert!(why["summary"].as_str().unwrap().contains(words), "{why}");
    }
}

//! `syncd doctor` names what is wrong: each test plants one fault and expects that one to be found.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use syncd::emulator::EmulatorOptions;

use crate::desk::{Desk, small_site};
use crate::program::Answer;
use crate::watch::in_a_namespace;

/// A user who owns nothing; only root can become that one.
const NOBODY: u32 = 65_534;

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

fn give_away(path: &Path) {
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
fn a_token_of_the_wrong_kind() {
    let options = EmulatorOptions::default();
    let app = options.tokens.credentials.clone();
    let token = format!(
        "token = {{ app = {{ appid = \"{}\", secret = \"{}\" }} }}",
        app.appid, app.secret
    );
    let desk = Desk::with(options, &token, "");
    expect_one(doctor(&desk), "website", "refused", &["61014"]);
}

#[test]
fn another_environment() {
    let desk = Desk::new();
    edit(&desk, "demo-1a2b3c", "other-9z8y7x");
    let answer = doctor(&desk);
    let found = found(&answer);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "website", "{found:?}");
    assert_ne!(answer.code(), 0);
}

#[test]
fn a_website_that_takes_no_uploads() {
    let desk = Desk::new();
    desk.cloud.set_status("demo-1a2b3c", "offline");
    expect_one(doctor(&desk), "website", "wrong", &["offline", "console"]);
}

#[test]
fn a_server_without_a_trusted_connection() {
    let desk = Desk::new();
    let plain = desk.cloud.base_url();
    let tls = plain.replace("http://", "https://");
    edit(
        &desk,
        &format!("base_url = \"{plain}\""),
        &format!("base_url = \"{tls}\""),
    );
    let answer = doctor(&desk);
    let found = found(&answer);
    let connection = found.iter().find(|(name, ..)| name == "connection");
    assert!(connection.is_some(), "{}", answer.stdout);
    assert!(matches!(answer.code(), 3 | 5), "{}", answer.stdout);
}

#[test]
fn a_host_that_has_no_address() {
    let desk = Desk::new();
    let plain = desk.cloud.base_url();
    let elsewhere = "base_url = \"https://no-such-host.invalid\"";
    edit(&desk, &format!("base_url = \"{plain}\""), elsewhere);
    let answer = doctor(&desk);
    let found = found(&answer);
    let name = found.iter().find(|(name, ..)| name == "name");
    assert!(
        name.is_some_and(|(_, verdict, _)| verdict == "failing"),
        "{found:?}"
    );
}

#[test]
fn a_clock_that_is_an_hour_off() {
    let desk = Desk::new();
    desk.cloud.skew_clock(-3_600_000);
    expect_one(
        doctor(&desk),
        "clock",
        "wrong",
        &["ahead of", "timedatectl"],
    );
    desk.cloud.skew_clock(20_000);
    doctor(&desk).expect(0);
}

#[test]
fn a_state_directory_that_cannot_be_written() {
    let desk = Desk::new();
    fs::create_dir(&desk.state).unwrap();
    let mut command = as_an_ordinary_user(&desk);
    fs::set_permissions(&desk.state, fs::Permissions::from_mode(0o500)).unwrap();
    let answer = Answer::of(command.output().unwrap());
    expect_one(answer, "state directory", "wrong", &["cannot write"]);
}

#[test]
fn a_secret_that_others_can_read() {
    let desk = Desk::with(
        EmulatorOptions::default(),
        "token = { value = { file = \"SECRET\" } }",
        "",
    );
    let secret = desk.path().join("secret");
    fs::write(&secret, "canary").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    edit(&desk, "SECRET", secret.to_str().unwrap());
    expect_one(doctor(&desk), "config", "invalid", &["0644", "chmod 600"]);
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

#[test]
fn a_folder_that_is_missing() {
    let desk = Desk::new();
    fs::remove_dir(&desk.folder).unwrap();
    expect_one(
        doctor(&desk),
        "folder",
        "wrong",
        &["is not there", "blocked"],
    );
}

#[test]
fn what_cannot_be_read_in_a_folder() {
    let desk = Desk::new();
    small_site(&desk, 2);
    desk.write("private/page.html", "x");
    desk.write("left-out/page.html", "x");
    desk.write(".syncdignore", "left-out/\n");
    let mut command = as_an_ordinary_user(&desk);
    let close = |path: &str| {
        let closed = fs::Permissions::from_mode(0o000);
        fs::set_permissions(desk.folder.join(path), closed).unwrap();
    };
    for path in ["private", "left-out", "index.html"] {
        close(path);
    }
    let answer = Answer::of(command.output().unwrap());
    let opened = fs::Permissions::from_mode(0o700);
    fs::set_permissions(desk.folder.join("private"), opened.clone()).unwrap();
    fs::set_permissions(desk.folder.join("left-out"), opened).unwrap();
    let words = ["2 cannot be read", "private/", "index.html", ".syncdignore"];
    expect_one(answer, "folder", "wrong", &words);
}

#[test]
fn fewer_watches_than_directories() {
    let desk = Desk::new();
    for index in 0..30 {
        desk.write(&format!("d{index}/page.html"), "x");
    }
    let doctor = desk.command(&["doctor", "--json"]);
    let Some(mut command) = in_a_namespace(&desk, &doctor, 20) else {
        return;
    };
    let answer = Answer::of(command.output().unwrap());
    let words = [
        "31 directories",
        "user.max_inotify_watches is 20",
        "sysctl -w",
    ];
    expect_one(answer, "watches", "wrong", &words);
}

#[test]
fn a_damaged_database() {
    let desk = Desk::new();
    small_site(&desk, 20);
    desk.syncd(&["once"]).expect(0);
    let path = desk.state.join("syncd.db");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    expect_one(doctor(&desk), "database", "invalid", &["damaged", "backup"]);
}

#[test]
fn a_database_of_something_else() {
    let desk = Desk::new();
    fs::create_dir(&desk.state).unwrap();
    fs::write(
        desk.state.join("syncd.db"),
        "not a database, but long enough to be one",
    )
    .unwrap();
    let found = found(&doctor(&desk).expect(78));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "database");
}

#[test]
fn a_database_that_another_program_has_open() {
    let desk = Desk::new();
    desk.syncd(&["once"]).expect(0);
    let open = fs::File::open(desk.state.join("syncd.db")).unwrap();
    let mut other = Command::new("sleep")
        .arg("1000")
        .stdin(Stdio::from(open))
        .spawn()
        .unwrap();
    let answer = doctor(&desk);
    other.kill().unwrap();
    other.wait().unwrap();
    expect_one(answer, "database users", "wrong", &["sleep (pid "]);
}

//! Inboxes and outboxes as a service: passes, pauses, reloads, stops, locks, programs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use syncd::emulator::{AgentFile, Call, DeskOptions, Phase};

use crate::centre::{Centre, USER, account, inbox_table, outbox_table, walk};
use crate::program::Program;

fn files(centre: &Centre) -> usize {
    let walked = walk(&centre.inbox);
    walked
        .keys()
        .filter(|path| path.extension().is_some_and(|is| is != "json"))
        .count()
}

#[test]
fn one_pass_receives_and_sends() {
    let centre = Centre::new(DeskOptions::default());
    centre.put(AgentFile::local("txt", "in"));
    centre.put(AgentFile::library("png", "picture"));
    centre.offer("out.txt", "out");
    let pass = centre.syncd(&["once", "--json"]).expect(0);
    assert_eq!((files(&centre), centre.arrived().len()), (2, 1));
    let summary = pass.stdout.lines().last().unwrap().to_owned();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    assert_eq!(summary["inboxes"][0]["received"], 2, "{summary}");
    assert_eq!(summary["folders"][0]["uploaded"], 1, "{summary}");
    assert_eq!(centre.desk().phase(USER), None, "it took its leave");
    centre.syncd(&["once"]).expect(0);
    assert_eq!((files(&centre), centre.arrived().len()), (2, 1));
    centre.no_violations();
}

#[test]
fn a_paused_inbox_asks_nothing_until_it_is_resumed() {
    let centre = Centre::receiving(DeskOptions::default(), "");
    let daemon = centre.run();
    centre.syncd(&["pause", "desk"]).expect(0);
    assert_eq!(centre.inbox_status()["state"], "paused");
    assert!(daemon.stop().success());
    let polls = centre.cloud.count(Call::DeskPoll);
    centre.put(AgentFile::local("txt", "in"));
    let daemon = centre.run();
    assert_eq!(centre.inbox_status()["state"], "paused");
    centre.syncd(&["resume", "desk"]).expect(0);
    centre.wait_for("it is received", || files(&centre) == 1);
    assert!(centre.cloud.count(Call::DeskPoll) > polls);
    assert!(daemon.stop().success());
}

#[test]
fn a_reload_adds_an_inbox() {
    let centre = Centre::with(DeskOptions::default(), &["outbox"], "");
    centre.put(AgentFile::local("txt", "in"));
    let daemon = centre.run();
    let config = fs::read_to_string(&centre.config).unwrap();
    let more = inbox_table("desk", &centre.inbox, "");
    fs::write(&centre.config, format!("{config}{more}")).unwrap();
    daemon.signal(Signal::HUP);
    centre.wait_for("it is received", || files(&centre) == 1);
    assert_eq!(centre.inbox_status()["received"], 1);
    centre.offer("out.txt", "out");
    centre.wait_for("it is sent", || centre.arrived().len() == 1);
}

#[test]
fn a_stop_ends_a_held_poll_and_takes_leave() {
    let mut options = DeskOptions::default();
    options.poll.hold = Duration::from_secs(50);
    let centre = Centre::receiving(options, "");
    let daemon = centre.run();
    centre.wait_for("a poll is held", || {
        centre.cloud.count(Call::DeskPoll) > 0 && centre.desk().phase(USER) == Some(Phase::Agent)
    });
    let begun = Instant::now();
    assert!(daemon.stop().success());
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(
        centre.desk().sent().last().unwrap().control_type,
        "DISCONNECT"
    );
    centre.no_violations();
}

#[test]
fn a_second_daemon_on_one_inbox_says_so_and_delivers_nothing() {
    let centre = Centre::receiving(DeskOptions::default(), "");
    let _daemon = centre.run();
    let other = Centre::receiving(DeskOptions::default(), "");
    other.configure(&format!(
        "{}{}",
        account("desk", &other.cloud),
        inbox_table("desk", &centre.inbox, "")
    ));
    other.put(AgentFile::local("txt", "not there"));
    let _second = other.run();
    other.wait_for("it says that it cannot", || {
        other.inbox_status()["state"] == "blocked"
    });
    let reason = other.inbox_status()["reason"].to_string();
    assert!(
        reason.contains("another") && reason.contains("syncd"),
        "{reason}"
    );
    centre.put(AgentFile::local("txt", "there"));
    centre.wait_for("the first one goes on", || files(&centre) == 1);
    assert!(walk(&centre.inbox).values().any(|bytes| bytes == b"there"));
}

/// A program that notes down its argument and environment, and fails unless it may go on.
fn program(centre: &Centre, script: &str) -> String {
    let path = centre.path().join("program");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn with_program(script: &str) -> Centre {
    let centre = Centre::receiving(DeskOptions::default(), "");
    let script = script.replace("HOME", centre.path().to_str().unwrap());
    let path = program(&centre, &script);
    let rest = format!("on_receive = [\"{path}\", \"{{path}}\"]");
    let inbox = inbox_table("desk", &centre.inbox, &rest);
    centre.configure(&format!("{}{inbox}", account("desk", &centre.cloud)));
    centre
}

fn hooks(centre: &Centre, state: &str) -> usize {
    let list = centre.syncd(&["inbox", "list", "--json"]).expect(0).json();
    let files = list["files"].as_array().unwrap().iter();
    files.filter(|file| file["hook"]["state"] == state).count()
}

#[test]
fn the_program_runs_once_for_each_file_with_nothing_but_its_path() {
    let centre = with_program(
        "echo \"$1\" >> HOME/paths; tr '\\0' '\\n' < /proc/$$/environ >> HOME/environment",
    );
    for text in ["one", "two", "three"] {
        centre.put(AgentFile::local("txt", text));
    }
    let daemon = centre.run();
    centre.wait_for("it has run for each", || hooks(&centre, "done") == 3);
    assert!(daemon.stop().success());
    let noted = fs::read_to_string(centre.path().join("paths")).unwrap();
    let mut noted: Vec<&str> = noted.lines().collect();
    noted.sort_unstable();
    let walked = walk(&centre.inbox);
    let there = walked.keys().map(|path| path.to_str().unwrap());
    let there: Vec<&str> = there.filter(|path| !path.ends_with(".json")).collect();
    assert_eq!(noted, there);
    let environment = fs::read_to_string(centre.path().join("environment")).unwrap();
    assert_eq!(environment, "");
}

#[test]
fn a_program_that_fails_or_hangs_is_started_again_and_holds_up_no_file() {
    let centre = with_program(
        "[ -e HOME/tried ] || { : > HOME/tried; exit 7; }\n\
         while [ ! -e HOME/go ]; do sleep 0.1; done",
    );
    centre.put(AgentFile::local("txt", "one"));
    let _daemon = centre.run();
    centre.wait_for("it has failed", || centre.path().join("tried").exists());
    centre.wait_for("that is shown", || {
        centre.syncd(&["inbox", "list"]).stdout.contains('7')
    });
    for text in ["two", "three"] {
        centre.put(AgentFile::local("txt", text));
    }
    centre.wait_for("the files are there", || files(&centre) == 3);
    assert_eq!(hooks(&centre, "done"), 0);
    fs::write(centre.path().join("go"), "").unwrap();
    centre.wait_for("it has run for each", || hooks(&centre, "done") == 3);
}

/// The highest memory a process ever had, in KiB.
fn memory_max(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_large_file_takes_no_memory() {
    let mut options = DeskOptions::default();
    let len = 64 * 1024 * 1024;
    options.files.download_bytes_max = len;
    let centre = Centre::receiving(options, "");
    centre.put(AgentFile::local(
        "mp4",
        vec![b'v'; usize::try_from(len).unwrap()],
    ));
    let daemon = centre.run();
    centre.wait_for("it is received", || files(&centre) == 1);
    let memory = memory_max(daemon.pid());
    assert!(memory < 60 * 1024, "{memory} KiB");
    let received = walk(&centre.inbox);
    assert!(received.values().any(|bytes| bytes.len() as u64 == len));
}

/// Everything that syncd wrote down or said.
fn all_words(program: &Program, said: Vec<u8>) -> BTreeMap<String, Vec<u8>> {
    let mut words = BTreeMap::from([("what it said".to_owned(), said)]);
    for directory in [program.path().to_owned(), program.state.clone()] {
        words.extend(
            walk(&directory)
                .into_iter()
                .map(|(path, bytes)| (path.display().to_string(), bytes)),
        );
    }
    words.retain(|name, _| !name.ends_with("config.toml"));
    words
}

#[test]
fn secrets_of_two_desks_stay_where_they_belong() {
    let canaries = ["CANARY-0ne-5ecr3t", "CANARY-tw0-5ecr3t"];
    let [centre, other] = canaries.map(|canary| {
        let mut options = DeskOptions::default();
        options.credentials.app_secret = canary.to_owned();
        options.tokens.rotate_every = Some(3);
        Centre::new(options)
    });
    let at = |name: &str| centre.path().join(name);
    fs::create_dir(at("in-2")).unwrap();
    fs::create_dir(at("out-2")).unwrap();
    let text = [
        account("desk", &centre.cloud),
        inbox_table("desk", &centre.inbox, ""),
        outbox_table("out", "desk", &centre.outbox),
        account("two", &other.cloud),
        inbox_table("two", &at("in-2"), ""),
        outbox_table("out-2", "two", &at("out-2")),
    ];
    centre.configure(&text.concat());
    centre.put(AgentFile::local("txt", "for one"));
    other.put(AgentFile::local("txt", "for two"));
    centre.offer("one.txt", "from one");
    fs::write(at("out-2/two.txt"), "from two").unwrap();
    let mut said = Vec::new();
    let mut run = |arguments: &[&str]| {
        let mut command = centre.command(arguments);
        command
            .env("RUST_LOG", "trace")
            .env("SYNCD_LOG__LEVEL", "trace");
        let output = command.output().unwrap();
        said.extend([output.stdout, output.stderr].concat());
    };
    run(&["-vv", "once", "--json"]);
    centre.desk().expire_access_tokens();
    centre.offer("again.txt", "again");
    for arguments in [
        &["-vv", "once"][..],
        &["-vv", "status", "--json"],
        &["-vv", "inbox", "list", "--json"],
        &["-vv", "why", "out:one.txt", "--json"],
        &["config", "show", "--json"],
    ] {
        run(arguments);
    }
    assert_eq!(files(&centre), 1);
    assert!(walk(&at("in-2")).values().any(|bytes| bytes == b"for two"));
    assert_eq!((centre.arrived().len(), other.arrived().len()), (2, 1));
    assert!(
        said.len() > 10_000,
        "there was little to search: {}",
        said.len()
    );
    let tokens = [&centre, &other].map(|desk| desk.desk().tokens());
    let mut secrets: Vec<String> = tokens.concat();
    assert!(secrets.len() > 4, "{}", secrets.len());
    secrets.extend(canaries.map(str::to_owned));
    secrets.extend(["AccessKeyId=", "Signature=FAKE"].map(str::to_owned));
    for (what, bytes) in all_words(&centre, said) {
        let text = String::from_utf8_lossy(&bytes);
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{what} shows {secret}");
        }
    }
    // A stranger's token, key or channel would be a violation.
    centre.no_violations();
    other.no_violations();
}

//! Root beside the user whom the service runs as: what it does must not keep that user from going on.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;

use syncd::emulator::DeskOptions;

use crate::centre::Centre;
use crate::desk::{Desk, small_site};
use crate::doctor::{NOBODY, give_away};
use crate::program::Answer;

/// Only root has another user to stand for the service's.
fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("SKIPPED: this needs root");
    }
    is_root
}

#[test]
fn root_leaves_nothing_in_the_state_of_another_user() {
    if !is_root() {
        return;
    }
    let desk = Desk::new();
    small_site(&desk, 3);
    fs::create_dir(&desk.state).unwrap();
    give_away(desk.path());
    for arguments in [&["once"][..], &["pause", "www"], &["run"]] {
        let refused = desk.syncd(arguments).expect(78);
        assert!(
            refused.stderr.contains("run this as that user"),
            "{}",
            refused.stderr
        );
    }
    assert_eq!(fs::read_dir(&desk.state).unwrap().count(), 0);
    let mut owner = desk.command(&["once"]);
    owner.uid(NOBODY).gid(NOBODY);
    Answer::of(owner.output().unwrap()).expect(0);
}

#[test]
fn what_root_sends_the_service_can_read_and_what_it_cannot_is_said_at_once() {
    if !is_root() {
        return;
    }
    let centre = Centre::with(DeskOptions::default(), &["outbox"], "");
    fs::create_dir(&centre.state).unwrap();
    give_away(centre.path());
    let mut service = centre.command(&["run"]);
    service.uid(NOBODY).gid(NOBODY);
    let daemon = centre.spawn(service);
    let send = |name: &str| {
        let file = centre.path().join(name);
        fs::write(&file, name).unwrap();
        centre.syncd(&[
            "send",
            file.to_str().unwrap(),
            "--to",
            "out",
            "--timeout",
            "60s",
        ])
    };
    send("a.txt").expect(0);
    assert_eq!(centre.chats().len(), 1);

    centre.offer("closed.txt", "closed.txt");
    let closed = fs::Permissions::from_mode(0o600);
    fs::set_permissions(centre.outbox.join("closed.txt"), closed).unwrap();
    let refused = send("closed.txt").expect(3);
    assert!(
        refused.stderr.contains("Permission denied"),
        "{}",
        refused.stderr
    );
    assert!(daemon.stop().success());
}

//! The health check of container/Containerfile, as the container's shell runs it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::desk::{Desk, wait_for};

fn health_check() -> String {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/container/Containerfile");
    let file = fs::read_to_string(file).unwrap().replace("\\\n", "");
    let line = file.lines().find(|line| line.starts_with("HEALTHCHECK "));
    line.unwrap().split_once(" CMD ").unwrap().1.to_owned()
}

#[test]
fn the_health_check_asks_whether_the_daemon_answers_and_not_whether_all_is_in_sync() {
    let desk = Desk::new();
    let programs = Path::new(env!("CARGO_BIN_EXE_syncd")).parent().unwrap();
    let is_healthy = || {
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(health_check());
        let path = format!("{}:/usr/bin:/bin", programs.display());
        shell.env("PATH", path).env("SYNCD_CONFIG", &desk.config);
        shell.output().unwrap().status.success()
    };
    assert!(!is_healthy(), "nothing runs");
    let daemon = desk.run();
    assert!(is_healthy());
    fs::rename(&desk.folder, desk.path().join("elsewhere")).unwrap();
    wait_for("the folder is blocked", || {
        desk.status()["folders"][0]["state"] == "blocked"
    });
    assert!(is_healthy(), "a restart would not help");
    assert!(daemon.stop().success());
    assert!(!is_healthy(), "it has ended");
}

//! `status --watch` on a terminal, which `script` plays.

use std::fs;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::desk::{Desk, small_site, wait_for};

/// The live view on a terminal of its own; what it shows goes to `screen`.
fn watching(desk: &Desk) -> Child {
    let watch = desk.command(&["status", "--watch"]);
    let words: Vec<String> = std::iter::once(watch.get_program())
        .chain(watch.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    let screen = fs::File::create(desk.path().join("screen")).unwrap();
    let mut script = Command::new("script");
    script.args([
        "--quiet",
        "--return",
        "--command",
        &format!("exec {}", words.join(" ")),
    ]);
    script.arg("/dev/null").env("TERM", "xterm");
    script.stdin(Stdio::piped()).stdout(screen);
    let watching = script.spawn().unwrap();
    wait_for("the view stands", || {
        let shown = fs::read(desk.path().join("screen")).unwrap();
        let shown = String::from_utf8_lossy(&shown);
        shown.contains("www") && shown.contains("idle") && shown.contains("scroll")
    });
    watching
}

#[test]
fn the_live_view_ends_at_a_key_and_gives_the_terminal_back() {
    let desk = Desk::new();
    small_site(&desk, 2);
    desk.syncd(&["once"]).expect(0);
    let mut watching = watching(&desk);
    watching.stdin.as_mut().unwrap().write_all(b"q").unwrap();
    assert!(watching.wait().unwrap().success());
    let shown = fs::read(desk.path().join("screen")).unwrap();
    let shown = String::from_utf8_lossy(&shown);
    assert!(shown.contains("\u{1b}[?1049l"), "the other screen stays");
}

#[test]
fn the_live_view_ends_with_its_terminal() {
    let desk = Desk::new();
    small_site(&desk, 2);
    desk.syncd(&["once"]).expect(0);
    let mut watching = watching(&desk);
    let script = Pid::from_child(&watching);
    let children = format!("/proc/{0}/task/{0}/children", script.as_raw_nonzero());
    let child: i32 = fs::read_to_string(children)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let view = Pid::from_raw(child).unwrap();
    kill_process(script, Signal::KILL).unwrap();
    watching.wait().unwrap();
    wait_for("the view ends", || test_kill_process(view).is_err());
}

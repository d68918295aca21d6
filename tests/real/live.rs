//! `status --watch` on a terminal, which `script` plays.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::desk::{Desk, PATIENCE, small_site, wait_for};

/// A `script` that is ended with the test, and with it what it runs.
struct Watching {
    script: Child,
    screen: PathBuf,
}

impl Watching {
    /// The live view on a terminal of its own; what it shows goes to a file.
    fn of(desk: &Desk) -> Self {
        Self::after("", desk)
    }

    /// The live view, started by a shell that has done something before.
    fn after(before: &str, desk: &Desk) -> Self {
        let watch = desk.command(&["status", "--watch"]);
        let words: Vec<String> = std::iter::once(watch.get_program())
            .chain(watch.get_args())
            .map(|word| format!("'{}'", word.to_str().unwrap()))
            .collect();
        let screen = desk.path().join("screen");
        let command = format!("{before} stty rows 24 cols 80; exec {}", words.join(" "));
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
        script.env("TERM", "xterm").stdin(Stdio::piped());
        script.stdout(fs::File::create(&screen).unwrap());
        let watching = Self {
            script: script.spawn().unwrap(),
            screen,
        };
        wait_for("the view stands", || {
            let shown = watching.shown();
            ["www", "idle", "scroll"]
                .iter()
                .all(|word| shown.contains(word))
        });
        watching
    }

    /// Takes its terminal away, and waits until it has ended.
    fn lose_terminal(mut self) {
        let script = self.script.id();
        let children = format!("/proc/{script}/task/{script}/children");
        let view = fs::read_to_string(children).unwrap();
        let view = Pid::from_raw(view.trim().parse().unwrap()).unwrap();
        self.script.kill().unwrap();
        self.script.wait().unwrap();
        let begun = Instant::now();
        while test_kill_process(view).is_ok() {
            if begun.elapsed() > PATIENCE {
                // It would run on after the test.
                let _ = kill_process(view, Signal::KILL);
                panic!("the view has not ended");
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.screen).unwrap()).into_owned()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

fn settled() -> Desk {
    let desk = Desk::new();
    small_site(&desk, 2);
    desk.syncd(&["once"]).expect(0);
    desk
}

#[test]
fn the_live_view_ends_at_a_key_and_gives_the_terminal_back() {
    let desk = settled();
    let mut watching = Watching::of(&desk);
    let mut keys = watching.script.stdin.take().unwrap();
    keys.write_all(b"q").unwrap();
    assert!(watching.script.wait().unwrap().success());
    assert!(
        watching.shown().contains("\u{1b}[?1049l"),
        "the other screen stays"
    );
}

#[test]
fn the_live_view_ends_with_its_terminal() {
    let desk = settled();
    Watching::of(&desk).lose_terminal();
}

#[test]
fn the_live_view_ends_with_its_terminal_though_hangups_were_ignored_before() {
    let desk = settled();
    // As under nohup.
    Watching::after("trap '' HUP;", &desk).lose_terminal();
}

//! The demo, as a person starts it who pipes it into a file.

#![expect(
    clippy::disallowed_methods,
    reason = "a test looks from outside: at the clock and at what is left on the disk"
)]

use std::process::Command;
use std::time::{Duration, Instant};

/// The demo promises 20 s on an idle machine; the machine of a test may be busy.
const DEMO_MAX: Duration = Duration::from_secs(90);

#[test]
fn the_demo_ends_by_itself_off_a_terminal_and_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_syncd"))
        .args(["demo", "--exit"])
        .env("TMPDIR", home.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{complained}");
    assert!(begun.elapsed() < DEMO_MAX);
    for fact in [
        "$ syncd plan",
        "$ syncd run &",
        "arrived  img/outer-reef.svg",
        "$ syncd why www:guide/skerry.html",
        "kill -9",
        "24 files, every one the same byte for byte",
        "http://127.0.0.1:",
    ] {
        assert!(told.contains(fact), "{fact} is missing in\n{told}");
    }
    let wide = told.lines().find(|line| line.chars().count() > 100);
    assert_eq!(wide, None, "{told}");
    let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

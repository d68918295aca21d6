//! The demo, as a person starts it who pipes it into a file.

#![expect(
    clippy::disallowed_methods,
    reason = "a test looks from outside: at the clock and at what is left on the disk"
)]

use std::process::Command;
use std::time::{Duration, Instant};

use syncd::model::digest::Sha256;

/// What the desk's agent sends, …
const QUESTION: &[u8] = include_bytes!("../src/demo/desk/question.txt");
const CHART: &[u8] = include_bytes!("../src/demo/site/img/chart.png");
/// … and what it gets.
const ANSWER: &[u8] = include_bytes!("../src/demo/desk/answer.txt");

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
    let [question, chart, answer] =
        [QUESTION, CHART, ANSWER].map(|bytes| Sha256::of(bytes).to_string());
    let part = |from: &str, to: &str| {
        let (_, after) = told.split_once(from).unwrap();
        after.split_once(to).unwrap().0.to_owned()
    };
    let received = part("$ syncd inbox list", "$ cat inbox/");
    assert_eq!(received.matches("delivered").count(), 2, "{told}");
    assert!(
        received.contains(&question) && received.contains(&chart),
        "{told}"
    );
    let sidecar = part(".png.json\n", "\n\n");
    let sidecar: serde_json::Value = serde_json::from_str(&sidecar).unwrap();
    assert_eq!(sidecar["sha256"], chart);
    assert_eq!(sidecar["bytes"], CHART.len());
    let sent = part(
        "$ syncd why to-agent:answer.txt",
        "The agent has the answer, the same byte for byte",
    );
    assert_eq!(
        sent.matches(&answer).count(),
        2,
        "as it was seen, as it was sent: {told}"
    );
    let wide = told.lines().find(|line| line.chars().count() > 100);
    assert_eq!(wide, None, "{told}");
    let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

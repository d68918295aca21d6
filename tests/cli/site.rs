//! A folder, a configuration and a cloud of one test's own, and the real binary on them.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use syncd::emulator::{Emulator, EmulatorOptions, Running, serve};

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_mins(1);

/// Everything a test works on; gone when dropped.
pub(crate) struct Site {
    directory: tempfile::TempDir,
    pub(crate) cloud: Running,
}

impl Site {
    /// An empty folder `www` that is deployed to an emulator.
    pub(crate) fn new() -> Self {
        let options = EmulatorOptions {
            listen: "127.0.0.1:0".parse().unwrap(),
            ..EmulatorOptions::default()
        };
        let cloud = Emulator::start(options).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let site = Self { directory, cloud };
        std::fs::create_dir(site.folder()).unwrap();
        let snippet = serve::config_snippet(&site.cloud);
        let folder = site.folder();
        let text = snippet.replace("/srv/www", folder.to_str().unwrap());
        site.configure(&format!("{text}settle = \"20ms\"\n"));
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.path("www")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("config.toml")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path("state/syncd")
    }

    /// Writes the configuration.
    pub(crate) fn configure(&self, text: &str) {
        let half = self.path("config.new");
        std::fs::write(&half, text).unwrap();
        std::fs::rename(half, self.config()).unwrap();
    }

    /// Writes a file of the folder.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.folder().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The binary with the test's own surroundings and nothing of the caller's.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_syncd"));
        command
            .args(arguments)
            .env_clear()
            .env("SYNCD_CONFIG", self.config())
            .env("XDG_STATE_HOME", self.path("state"))
            .env("HOME", self.directory.path())
            .current_dir(self.directory.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended(self.command(arguments).output().unwrap())
    }

    /// Starts the daemon and waits until it answers.
    pub(crate) fn daemon(&self) -> Daemon {
        let log = std::fs::File::create(self.path("log")).unwrap();
        let child = self.command(&["run"]).stderr(log).spawn().unwrap();
        let daemon = Daemon { child };
        eventually("the daemon answers", || {
            self.run(&["status", "--json"]).json()["daemon"]["running"] == true
        });
        daemon
    }
}

/// How a command ended.
pub(crate) struct Ended(Output);

impl Ended {
    pub(crate) fn code(&self) -> i32 {
        self.0.status.code().unwrap_or(-1)
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out())
            .unwrap_or_else(|_| panic!("{} {}", self.out(), self.err()))
    }

    /// A stream of JSON lines.
    pub(crate) fn jsons(&self) -> Vec<Value> {
        let out = self.out();
        out.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The last line of a stream of JSON lines.
    pub(crate) fn last_json(&self) -> Value {
        serde_json::from_str(self.out().lines().last().unwrap_or_default()).unwrap()
    }

    /// Fails with both streams unless it ended with this code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code(),
            code,
            "stdout: {}\nstderr: {}",
            self.out(),
            self.err()
        );
        self
    }
}

/// A running daemon; killed when dropped.
pub(crate) struct Daemon {
    child: Child,
}

impl Daemon {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Its exit code, once it has ended.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let mut code = None;
        eventually("the daemon ends", || {
            code = self.child.try_wait().unwrap().map(|status| status.code());
            code.is_some()
        });
        code.flatten()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a condition holds; each look at it is a command or a few system calls.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        std::thread::yield_now();
    }
}

/// The mode bits of a file.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    path.symlink_metadata().unwrap().mode() & 0o777
}

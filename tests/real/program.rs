//! The real program with a configuration and a state of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// No condition of these tests takes longer than this on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) struct Program {
    pub(crate) config: PathBuf,
    pub(crate) state: PathBuf,
    directory: TempDir,
}

impl Program {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        Self {
            config: at("config.toml"),
            state: at("state"),
            directory,
        }
    }

    /// Writes the configuration, but for where the state is.
    pub(crate) fn configure(&self, text: &str) {
        let text = format!("state_dir = \"{}\"\n{text}", self.state.display());
        fs::write(&self.config, text).unwrap();
        fs::set_permissions(&self.config, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Puts something else in place of what stands in the configuration.
    pub(crate) fn rewrite(&self, old: &str, new: &str) {
        let text = fs::read_to_string(&self.config).unwrap();
        assert!(text.contains(old), "{old}");
        fs::write(&self.config, text.replace(old, new)).unwrap();
    }

    /// Has the state elsewhere from now on.
    pub(crate) fn keep_state_at(&self, state: &Path) {
        self.rewrite(
            &self.state.display().to_string(),
            &state.display().to_string(),
        );
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_syncd"));
        command.arg("--config").arg(&self.config).args(arguments);
        command
            .env_remove("RUST_LOG")
            .env_remove("NOTIFY_SOCKET")
            .env_remove("JOURNAL_STREAM");
        command
            .env_remove("STATE_DIRECTORY")
            .env_remove("RUNTIME_DIRECTORY");
        command.current_dir(self.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn syncd(&self, arguments: &[&str]) -> Answer {
        Answer::of(self.command(arguments).output().unwrap())
    }

    /// Starts the daemon; it is killed when the guard is dropped.
    pub(crate) fn run(&self) -> Daemon {
        self.spawn(self.command(&["run"]))
    }

    /// The same by a command that becomes the daemon.
    pub(crate) fn spawn(&self, command: Command) -> Daemon {
        let daemon = self.launch(command);
        wait_for("the daemon answers", || {
            let status = self.syncd(&["status", "--json"]);
            status.stdout.contains("\"running\":true")
        });
        daemon
    }

    /// The same without waiting until it answers.
    pub(crate) fn launch(&self, mut command: Command) -> Daemon {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        Daemon(Some(command.spawn().unwrap()))
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path().join("daemon.log")
    }

    pub(crate) fn status(&self) -> Value {
        self.syncd(&["status", "--json"]).json()
    }

    pub(crate) fn evidence(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(40).collect();
        let status = self.syncd(&["status"]);
        format!("{}\n{}\n{}", status.stdout, status.stderr, tail.join("\n"))
    }
}

pub(crate) struct Answer {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            status: output.status,
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }

    /// Fails the test unless the command ended with this code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "\n{}\n{}", self.stdout, self.stderr);
        self
    }
}

pub(crate) struct Daemon(Option<Child>);

impl Daemon {
    fn child(&mut self) -> &mut Child {
        self.0.as_mut().unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.as_ref().unwrap().id()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    pub(crate) fn kill_9(mut self) {
        self.child().kill().unwrap();
        self.child().wait().unwrap();
        self.0 = None;
    }

    /// Waits for the daemon to end by itself.
    pub(crate) fn wait(mut self) -> ExitStatus {
        let mut ended = None;
        wait_for("the daemon ends", || {
            ended = self.child().try_wait().unwrap();
            ended.is_some()
        });
        self.0 = None;
        ended.unwrap()
    }

    pub(crate) fn stop(self) -> ExitStatus {
        self.signal(rustix::process::Signal::TERM);
        self.wait()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits for a condition, not for time.
#[track_caller]
pub(crate) fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited too long until {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

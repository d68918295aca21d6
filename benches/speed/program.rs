//! The real syncd with a configuration and a state of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Outcome, tree};

/// Longer than this nothing here takes, even a million files on a busy machine.
const PATIENCE: Duration = Duration::from_hours(1);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The line of the log that ends a scan.
const SCANNED: &str = " scanned ";

/// How syncd is configured.
pub(crate) struct Setup<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) base_url: &'a str,
    /// `"auto"` or a number.
    pub(crate) concurrency: &'a str,
    pub(crate) settle: &'a str,
}

pub(crate) struct Program {
    room: TempDir,
}

impl Program {
    pub(crate) fn new(setup: &Setup<'_>) -> Outcome<Self> {
        let program = Self {
            room: tree::room()?,
        };
        let text = format!(
            "state_dir = \"{state}\"\n\
             [limits]\nconcurrency = {concurrency}\n\
             [accounts.bench]\nprovider = \"wechat\"\nbase_url = {base_url:?}\n\
             upload_hosts = [\"127.0.0.1\"]\ntoken = {{ value = \"bench\" }}\n\
             [[folder]]\nname = \"bench\"\npath = \"{folder}\"\nflow = \"static-website\"\n\
             account = \"bench\"\nenv = \"bench-1a2b3c\"\nsettle = {settle:?}\n",
            state = program.room.path().join("state").display(),
            concurrency = setup.concurrency,
            base_url = setup.base_url,
            folder = setup.folder.display(),
            settle = setup.settle,
        );
        let config = program.config();
        fs::write(&config, text)?;
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600))?;
        Ok(program)
    }

    fn config(&self) -> std::path::PathBuf {
        self.room.path().join("config.toml")
    }

    fn log(&self) -> std::path::PathBuf {
        self.room.path().join("run.log")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_syncd"));
        command.arg("--config").arg(self.config()).args(arguments);
        for name in ["RUST_LOG", "NOTIFY_SOCKET", "JOURNAL_STREAM"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null());
        command
    }

    /// What a command prints; it has to end well.
    pub(crate) fn syncd(&self, arguments: &[&str]) -> Outcome<String> {
        let output = self.command(arguments).output()?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            return Err(format!("syncd {arguments:?}: {}: {words}", output.status).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// One pass, as people run it; what it says goes to a file.
    pub(crate) fn once(&self) -> Outcome<()> {
        let log = self.room.path().join("once.log");
        let said = fs::File::create(&log)?;
        let mut command = self.command(&["once"]);
        let status = command
            .stdout(said.try_clone()?)
            .stderr(said)
            .spawn()?
            .wait()?;
        if status.success() {
            return Ok(());
        }
        let said = fs::read_to_string(log)?;
        let last = said.lines().last().unwrap_or_default();
        Err(format!("syncd once: {status}: {last}").into())
    }

    /// One pass, and how long its scan took by its own account.
    pub(crate) fn scan(&self) -> Outcome<Duration> {
        let events = self.syncd(&["once", "--json"])?;
        let scan = events
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|event| event["type"] == "scan_finished")
            .ok_or("no scan")?;
        let seconds = scan["seconds"].as_f64().ok_or("no seconds")?;
        Ok(Duration::from_secs_f64(seconds))
    }

    /// Starts the daemon and waits until everything is in sync.
    pub(crate) fn run(&self) -> Outcome<Daemon<'_>> {
        let daemon = self.launch()?;
        daemon.wait_until(|status| is_in_sync(status) && daemon.scans().len() == 1)?;
        Ok(daemon)
    }

    /// How long the first scan of the daemon takes, by its own account; nothing is asked meanwhile.
    pub(crate) fn first_scan(&self) -> Outcome<Duration> {
        let daemon = self.launch()?;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let [seconds] = daemon.scans()[..] {
                return Ok(Duration::from_secs_f64(seconds));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Err("no scan ended".into())
    }

    fn launch(&self) -> Outcome<Daemon<'_>> {
        let log = fs::File::create(self.log())?;
        let child = self
            .command(&["run"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        Ok(Daemon {
            child,
            program: self,
        })
    }
}

fn is_in_sync(status: &Value) -> bool {
    let folder = &status["folders"][0];
    folder["state"] == "idle" && folder["files"]["synced"] == folder["files"]["total"]
}

/// A daemon that is killed when this is dropped.
pub(crate) struct Daemon<'a> {
    child: Child,
    program: &'a Program,
}

impl Daemon<'_> {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A full scan, to its end.
    pub(crate) fn rescan(&self) -> Outcome<()> {
        let before = self.scans().len();
        kill_process(Pid::from_child(&self.child), Signal::USR1)?;
        self.wait_until(|status| self.scans().len() > before && is_in_sync(status))
    }

    /// Seconds of the scans that have ended, as the log tells.
    fn scans(&self) -> Vec<f64> {
        let log = fs::read_to_string(self.program.log()).unwrap_or_default();
        let scans = log.lines().filter(|line| line.contains(SCANNED));
        scans
            .filter_map(|line| {
                line.split_once("seconds=")?
                    .1
                    .split(' ')
                    .next()?
                    .parse()
                    .ok()
            })
            .collect()
    }

    fn status(&self) -> Outcome<Value> {
        let text = self.program.syncd(&["status", "--json"])?;
        Ok(serde_json::from_str(&text)?)
    }

    fn wait_until(&self, holds: impl Fn(&Value) -> bool) -> Outcome<()> {
        let began = Instant::now();
        let mut last = Value::Null;
        while began.elapsed() < PATIENCE {
            if let Ok(status) = self.status() {
                if holds(&status) {
                    return Ok(());
                }
                last = status;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Err(format!("it did not come to be: {last}").into())
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

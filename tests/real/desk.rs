//! One folder, one cloud, one configuration, for one test.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use syncd::emulator::{Emulator, EmulatorOptions, Running};
use tempfile::TempDir;

/// No condition of these tests takes longer than this on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
pub(crate) const ENV: &str = "demo-1a2b3c";

pub(crate) struct Desk {
    pub(crate) cloud: Running,
    pub(crate) folder: PathBuf,
    pub(crate) config: PathBuf,
    pub(crate) state: PathBuf,
    directory: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
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

impl Desk {
    pub(crate) fn new() -> Self {
        Self::with(EmulatorOptions::default(), "", "")
    }

    /// `account` and `rest` are added to the account's table and to the folder's.
    pub(crate) fn with(options: EmulatorOptions, account: &str, rest: &str) -> Self {
        let cloud = Emulator::start(options).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let (folder, config, state) = (at("www"), at("config.toml"), at("state"));
        fs::create_dir(&folder).unwrap();
        let token = if account.contains("token =") {
            String::new()
        } else {
            format!("token = {{ url = \"{}\" }}\n", cloud.token_url())
        };
        let text = format!(
            "state_dir = \"{}\"\n[accounts.shop]\nprovider = \"wechat\"\nbase_url = \"{}\"\n\
             upload_hosts = [\"127.0.0.1\"]\n{token}{account}\n[[folder]]\nname = \"www\"\n\
             path = \"{}\"\nflow = \"static-website\"\naccount = \"shop\"\nenv = \"{ENV}\"\n\
             settle = \"50ms\"\n{rest}\n",
            state.display(),
            cloud.base_url(),
            folder.display(),
        );
        fs::write(&config, text).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
        Self {
            cloud,
            folder,
            config,
            state,
            directory,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
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
        let Output {
            status,
            stdout,
            stderr,
        } = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Answer {
            status,
            stdout: text(stdout),
            stderr: text(stderr),
        }
    }

    /// Starts the daemon; it is killed when the guard is dropped.
    pub(crate) fn run(&self) -> Daemon {
        self.spawn(self.command(&["run"]))
    }

    /// The same by a command that becomes the daemon.
    pub(crate) fn spawn(&self, mut command: Command) -> Daemon {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let daemon = Daemon(Some(command.spawn().unwrap()));
        wait_for("the daemon answers", || {
            let status = self.syncd(&["status", "--json"]);
            status.stdout.contains("\"running\":true")
        });
        daemon
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path().join("daemon.log")
    }

    pub(crate) fn status(&self) -> Value {
        self.syncd(&["status", "--json"]).json()
    }

    pub(crate) fn count(&self, name: &str) -> u64 {
        self.status()["folders"][0]["files"][name].as_u64().unwrap()
    }

    /// Waits until syncd says that all is in sync, and then does not believe it.
    #[track_caller]
    pub(crate) fn settled(&self) {
        self.wait_for("the cloud equals the folder", || {
            self.differences().is_empty()
        });
        // Files that are gone make no upload: their disappearance shows in the counts alone.
        self.wait_for("the counts equal a walk", || {
            self.count("synced") == self.local().len() as u64 && self.is_counted()
        });
        self.syncd(&["status", "--wait=60s"]).expect(0);
        assert_eq!(
            self.differences(),
            Vec::<String>::new(),
            "{}",
            self.evidence()
        );
        assert!(self.is_counted(), "{}", self.evidence());
    }

    /// Waits for a condition; shows what syncd says if it does not come.
    #[track_caller]
    fn wait_for(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            let late = begun.elapsed() >= PATIENCE;
            assert!(
                !late,
                "waited too long until {what}\n{:?}\n{}",
                self.differences(),
                self.evidence()
            );
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Every file is in exactly one count.
    fn is_counted(&self) -> bool {
        let files = self.status()["folders"][0]["files"].clone();
        let of = |name: &str| files[name].as_u64().unwrap();
        let states = [
            "synced",
            "queued",
            "in_flight",
            "settling",
            "failed",
            "dead",
        ];
        of("total") == states.into_iter().map(of).sum::<u64>()
            && of("total") == self.local().len() as u64
    }

    pub(crate) fn evidence(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(40).collect();
        let status = self.syncd(&["status"]);
        format!("{}\n{}\n{}", status.stdout, status.stderr, tail.join("\n"))
    }

    /// Every regular file of the folder that is to be published, by a walk of our own.
    pub(crate) fn local(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut open = vec![self.folder.clone()];
        while let Some(directory) = open.pop() {
            let Ok(entries) = fs::read_dir(&directory) else {
                continue;
            };
            for entry in entries.flatten() {
                let kind = entry.file_type().unwrap();
                let name = entry.file_name().to_string_lossy().into_owned();
                if kind.is_dir() && name != ".git" {
                    open.push(entry.path());
                } else if kind.is_file() && name != ".syncdignore" {
                    let key = entry.path().strip_prefix(&self.folder).unwrap().to_owned();
                    if let Ok(bytes) = fs::read(entry.path()) {
                        files.insert(key.to_str().unwrap().to_owned(), bytes);
                    }
                }
            }
        }
        files
    }

    /// Local files that the cloud does not have, or not with these bytes.
    pub(crate) fn differences(&self) -> Vec<String> {
        let objects = self.cloud.objects(ENV);
        let differs = |key: &String, bytes: &Vec<u8>| match objects.get(key) {
            None => Some(format!("{key}: missing")),
            Some(object) => match object.bytes().unwrap() {
                Some(have) if have.as_ref() == bytes.as_slice() => None,
                _ => Some(format!("{key}: other bytes")),
            },
        };
        self.local()
            .iter()
            .filter_map(|(key, bytes)| differs(key, bytes))
            .collect()
    }

    pub(crate) fn puts(&self) -> usize {
        self.cloud.completed().len()
    }

    /// The contract was kept: no request that the real cloud would refuse for its form.
    #[track_caller]
    pub(crate) fn no_violations(&self) {
        assert_eq!(self.cloud.violations(), Vec::<String>::new());
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

/// A site of pages and assets, deterministic.
pub(crate) fn small_site(desk: &Desk, pages: usize) {
    for page in 0..pages {
        let text = format!("<html><img src=\"img/{page}.png\"><p>page {page}</p></html>");
        desk.write(&format!("page-{page}.html"), text);
        desk.write(
            &format!("img/{page}.png"),
            vec![u8::try_from(page % 251).unwrap(); 700 + page],
        );
    }
    desk.write("index.html", "<html>home</html>");
    desk.write("css/site.css", "body { margin: 0 }");
}

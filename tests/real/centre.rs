//! A contact centre with an inbox and an outbox, and a reader who takes files away at once.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use syncd::emulator::{
    AgentFile, Call, DeskControl, DeskOptions, Emulator, EmulatorOptions, Running, SentMessage,
};

use crate::program::{PATIENCE, Program};

pub(crate) const USER: &str = "node-1";
/// A daemon that runs for so long has probably nothing to do any more.
const IDLE: Duration = Duration::from_secs(1);

pub(crate) struct Centre {
    pub(crate) cloud: Running,
    pub(crate) inbox: PathBuf,
    pub(crate) outbox: PathBuf,
    program: Program,
}

impl Deref for Centre {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.program
    }
}

impl Centre {
    /// With an inbox and an outbox.
    pub(crate) fn new(options: DeskOptions) -> Self {
        Self::with(options, &["inbox", "outbox"], "")
    }

    /// With an inbox alone; `rest` is added to its table.
    pub(crate) fn receiving(options: DeskOptions, rest: &str) -> Self {
        Self::with(options, &["inbox"], rest)
    }

    pub(crate) fn with(options: DeskOptions, rooms: &[&str], rest: &str) -> Self {
        let cloud = Emulator::start(EmulatorOptions {
            desk: options,
            ..EmulatorOptions::default()
        })
        .unwrap();
        let program = Program::new();
        let at = |name: &str| program.path().join(name);
        let (inbox, outbox) = (at("in"), at("out"));
        let mut text = account("desk", &cloud);
        for room in rooms {
            text.push_str(&match *room {
                "inbox" => inbox_table("desk", &inbox, rest),
                _ => outbox_table("out", "desk", &outbox),
            });
        }
        for directory in [&inbox, &outbox] {
            fs::create_dir(directory).unwrap();
        }
        program.configure(&text);
        Self {
            cloud,
            inbox,
            outbox,
            program,
        }
    }

    pub(crate) fn desk(&self) -> DeskControl<'_> {
        self.cloud.desk()
    }

    pub(crate) fn fault(&self, script: &str) {
        let script = format!("[[fault]]\n{script}");
        self.cloud.inject_script(&script).unwrap();
    }

    /// Lets an agent send a file; gives the message's code.
    pub(crate) fn put(&self, file: AgentFile) -> String {
        let put = self.desk().put_file(USER, file).unwrap();
        put.message["messageCode"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.cloud.count(Call::Any)
    }

    /// Waits for a condition; shows what syncd says if it does not come.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            let late = begun.elapsed() >= PATIENCE;
            assert!(!late, "waited too long until {what}\n{}", self.evidence());
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Runs the daemon and kills it at a moment that differs from round to round: while it starts, after
    /// some requests, or when it has nothing to do.
    pub(crate) fn kill_somewhere(&self, round: u32) {
        let enough = self.calls() + u64::from(spread(round, 24));
        let begun = Instant::now();
        let daemon = self.launch(self.command(&["run"]));
        self.wait_for("so many requests were made, or no more come", || {
            self.calls() >= enough || begun.elapsed() > IDLE
        });
        let moment = u64::from(spread(round.wrapping_mul(7), 40));
        std::thread::park_timeout(Duration::from_millis(moment));
        daemon.kill_9();
    }

    /// What `status --json` says of the inbox.
    pub(crate) fn inbox_status(&self) -> Value {
        self.status()["inboxes"][0].clone()
    }

    /// What `status --json` says of the outbox.
    pub(crate) fn outbox_status(&self) -> Value {
        self.status()["folders"][0].clone()
    }

    pub(crate) fn offer(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.outbox.join(name), bytes).unwrap();
    }

    /// The chat messages that agents got.
    pub(crate) fn chats(&self) -> Vec<SentMessage> {
        let mut sent = self.desk().sent();
        sent.retain(|message| message.control_type == "CHAT");
        sent
    }

    /// How often agents got each content, by its SHA-256.
    pub(crate) fn arrived(&self) -> BTreeMap<String, usize> {
        let uploads = self.desk().uploads();
        let mut arrived = BTreeMap::new();
        for message in self.chats() {
            let key = message.object_key.unwrap();
            let upload = uploads.iter().find(|upload| upload.object_key == key);
            *arrived
                .entry(upload.unwrap().object.sha256.clone())
                .or_default() += 1;
        }
        arrived
    }

    /// The contract was kept: no request that the real desk would refuse for its form.
    #[track_caller]
    pub(crate) fn no_violations(&self) {
        assert_eq!(self.cloud.violations(), Vec::<String>::new());
    }
}

/// The table of an account.
pub(crate) fn account(name: &str, cloud: &Running) -> String {
    let known = cloud.desk().credentials();
    format!(
        "[accounts.{name}]\nprovider = \"ccmessaging\"\nbase_url = \"{}\"\napp_key = \"{}\"\n\
         app_secret = \"{}\"\nchannel_id = \"{}\"\nuser_id = \"{USER}\"\n",
        cloud.base_url(),
        known.app_key,
        known.app_secret,
        known.channel_id
    )
}

pub(crate) fn inbox_table(account: &str, path: &Path, rest: &str) -> String {
    let path = path.display();
    format!("[[inbox]]\nname = \"{account}\"\npath = \"{path}\"\naccount = \"{account}\"\n{rest}\n")
}

pub(crate) fn outbox_table(name: &str, account: &str, path: &Path) -> String {
    format!(
        "[[folder]]\nname = \"{name}\"\npath = \"{}\"\nflow = \"ccmessaging\"\naccount = \"{account}\"\n\
         settle = \"50ms\"\n",
        path.display()
    )
}

/// Files and their bytes below a directory, without the private one.
pub(crate) fn walk(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() && entry.file_name() != ".syncd-tmp" {
                open.push(path);
            } else if kind.is_file()
                && let Ok(bytes) = fs::read(&path)
            {
                files.insert(path, bytes);
            }
        }
    }
    files
}

/// A file as the reader found it.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) bytes: Vec<u8>,
    pub(crate) sidecar: Value,
}

/// Takes every file out of an inbox as soon as it is there, until it is told to stop. Fails where a sidecar
/// is not there before its file.
pub(crate) fn read_at_once(inbox: &Path, stop: &AtomicBool, mut take: impl FnMut(Taken)) {
    loop {
        let last = stop.load(Ordering::Relaxed);
        for (path, bytes) in walk(inbox) {
            let beside = PathBuf::from(format!("{}.json", path.display()));
            if path.extension().is_some_and(|is| is == "json") {
                continue;
            }
            let text = fs::read(&beside);
            let text = text.unwrap_or_else(|error| panic!("{}: {error}", beside.display()));
            fs::remove_file(&path).unwrap();
            fs::remove_file(&beside).unwrap();
            let sidecar = serde_json::from_slice(&text).unwrap();
            take(Taken { bytes, sidecar });
        }
        if last {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// A number that differs from round to round but not from run to run.
pub(crate) fn spread(round: u32, most: u32) -> u32 {
    round.wrapping_mul(2_654_435_761).rotate_left(11) % most
}

/// Bytes of their own for each number.
pub(crate) fn content(number: u32, len: usize) -> Vec<u8> {
    let mut state = u64::from(number).wrapping_add(1);
    let mut bytes = vec![0; len];
    for byte in &mut bytes {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        *byte = (state >> 56) as u8;
    }
    bytes
}

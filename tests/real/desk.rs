//! One folder, one cloud, one configuration, for one test.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Deref;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use syncd::emulator::{Emulator, EmulatorOptions, Running, Space};

use crate::program::Program;
pub(crate) use crate::program::{Daemon, PATIENCE, wait_for};

pub(crate) const ENV: &str = "demo-1a2b3c";

pub(crate) struct Desk {
    pub(crate) cloud: Running,
    pub(crate) folder: PathBuf,
    /// Where the files go.
    space: Space,
    program: Program,
}

impl Deref for Desk {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.program
    }
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::with(EmulatorOptions::default(), "", "")
    }

    /// `account` and `rest` are added to the account's table and to the folder's.
    pub(crate) fn with(options: EmulatorOptions, account: &str, rest: &str) -> Self {
        Self::of(Space::Website, options, account, rest)
    }

    /// The same for a folder that goes to cloud storage.
    pub(crate) fn storage(options: EmulatorOptions, account: &str, rest: &str) -> Self {
        Self::of(Space::Storage, options, account, rest)
    }

    fn of(space: Space, options: EmulatorOptions, account: &str, rest: &str) -> Self {
        let flow = match space {
            Space::Website => "static-website",
            Space::Storage => "cloud-storage",
        };
        let cloud = Emulator::start(options).unwrap();
        let program = Program::new();
        let folder = program.path().join("www");
        fs::create_dir(&folder).unwrap();
        let token = if account.contains("token =") {
            String::new()
        } else {
            format!("token = {{ url = \"{}\" }}\n", cloud.token_url())
        };
        let text = format!(
            "[accounts.shop]\nprovider = \"wechat\"\nbase_url = \"{}\"\n\
             upload_hosts = [\"127.0.0.1\"]\n{token}{account}\n[[folder]]\nname = \"www\"\n\
             path = \"{}\"\nflow = \"{flow}\"\naccount = \"shop\"\nenv = \"{ENV}\"\n\
             settle = \"50ms\"\n{rest}\n",
            cloud.base_url(),
            folder.display(),
        );
        program.configure(&text);
        Self {
            cloud,
            folder,
            space,
            program,
        }
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
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
        let objects = self.cloud.objects_in(self.space, ENV);
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

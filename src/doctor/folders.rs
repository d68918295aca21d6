//! Watched folders: there, readable, on a file system that tells of changes, within the limits of watches.

use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags};

use crate::adapter::inotify::{directories_below, watch_limit};
use crate::adapter::os_disk::OsDisk;
use crate::daemon::lock::user_name;
use crate::decide::filter::{IGNORE_FILE, Rules, Verdict as Kept};
use crate::engine::ignore_file;
use crate::model::folder::{FlowKind, FolderSpec, WatchMode};
use crate::model::observation::EntryKind;
use crate::model::path::RelPath;
use crate::port::disk::{Disk as _, DiskError, Root};

use super::file_system::{self, Kind};
use super::{Case, Finding, Verdict, live};

const NAME: &str = "folder";

/// Names of what cannot be read that are told.
const NAMED_MAX: usize = 3;

/// One folder of the configuration.
pub(super) fn check(case: &Case, index: usize) -> Vec<Finding> {
    let Some(spec) = case.config.folders.get(index) else {
        return Vec::new();
    };
    let mut findings = vec![live::folder(case, contents(spec))];
    findings.extend(place(spec));
    findings
}

fn contents(spec: &FolderSpec) -> Finding {
    let about = (NAME, spec.name.as_str());
    let shown = spec.path.display();
    let root = match OsDisk.open_root(&spec.path) {
        Ok(root) => root,
        Err(error) => return unusable(spec, &error),
    };
    let rules = match ignore_file::rules(&*root, spec) {
        Ok(rules) => rules,
        Err(reason) => {
            let advice = "mend that: the folder is blocked until then";
            return Finding::new(Verdict::Wrong, about, reason, advice);
        }
    };
    let mut walk = Walk {
        root: &*root,
        rules: &rules,
        files: 0,
        unreadable: 0,
        named: Vec::new(),
    };
    walk.directory(None);
    if walk.unreadable == 0 {
        let saw = format!(
            "\"{shown}\", {} to {}, all can be read",
            files(walk.files),
            if spec.flow == FlowKind::Ccmessaging {
                "hand over"
            } else {
                "publish"
            }
        );
        return Finding::ok(about.0, about.1, saw);
    }
    let saw = format!(
        "in \"{shown}\" {} cannot be read: {}{}",
        walk.unreadable,
        walk.named.join(", "),
        if walk.unreadable > NAMED_MAX {
            ", …"
        } else {
            ""
        }
    );
    let user = user_name(rustix::process::geteuid().as_raw());
    let advice = format!(
        "let user {user} read them (`setfacl -R -m u:{user}:rX \"{shown}\"`), or leave them out with \
         {IGNORE_FILE}"
    );
    Finding::new(Verdict::Wrong, about, saw, advice)
}

fn files(count: u64) -> String {
    crate::report::words::counted(count, "file")
}

fn unusable(spec: &FolderSpec, error: &DiskError) -> Finding {
    let about = (NAME, spec.name.as_str());
    let advice = match error {
        DiskError::NotFound { .. } => {
            "make it, or mend `path`: the folder is blocked until it is there, and nothing counts as \
             deleted"
        }
        DiskError::NotADirectory { .. } | DiskError::NotAFile { .. } => "mend `path`",
        DiskError::System { .. } => "let this user read it and enter the directories above it",
    };
    let mut saw = error.to_string();
    if let Some(source) = std::error::Error::source(error) {
        saw = format!("{saw}: {source}");
    }
    Finding::new(Verdict::Wrong, about, saw, advice)
}

/// Looks at everything that is not left out, as the daemon would.
struct Walk<'a> {
    root: &'a dyn Root,
    rules: &'a Rules,
    files: u64,
    unreadable: usize,
    named: Vec<String>,
}

impl Walk<'_> {
    fn directory(&mut self, directory: Option<&RelPath>) {
        let Ok(entries) = self.root.list(directory) else {
            let path = directory.map_or_else(|| "./".to_owned(), |path| format!("{path}/"));
            return self.cannot_read(path);
        };
        for entry in entries {
            let Ok(path) = RelPath::child(directory, &entry.name) else {
                continue;
            };
            let is_directory = entry.kind == EntryKind::Directory;
            if matches!(
                self.rules.decide_entry(&path, is_directory),
                Kept::Excluded(_)
            ) {
                continue;
            }
            match entry.kind {
                EntryKind::Directory => self.directory(Some(&path)),
                EntryKind::File => {
                    self.files += 1;
                    // What vanished meanwhile is no trouble.
                    if let Err(DiskError::System { .. }) = self.root.open(&path) {
                        self.cannot_read(path.to_string());
                    }
                }
                EntryKind::Symlink | EntryKind::Special => {}
            }
        }
    }

    fn cannot_read(&mut self, path: String) {
        self.unreadable += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push(path);
        }
    }
}

fn is_watched(spec: &FolderSpec) -> bool {
    matches!(spec.watch, WatchMode::Auto | WatchMode::Native)
}

/// Whether changes are told on the folder's file system; nothing where they are.
fn place(spec: &FolderSpec) -> Option<Finding> {
    let found = file_system::of(&spec.path)?;
    let (verdict, saw) = match found.kind {
        _ if !is_watched(spec) => return None,
        Kind::Local | Kind::Memory => return None,
        Kind::Network => (
            Verdict::Wrong,
            format!(
                "\"{}\" lies on {}, which does not tell of changes that others make",
                spec.path.display(),
                found.name
            ),
        ),
        Kind::Overlay => (
            Verdict::Note,
            format!(
                "\"{}\" lies in a container's layers, which may not tell of every change",
                spec.path.display()
            ),
        ),
    };
    let advice = "set watch = \"poll\" in this [[folder]]";
    Some(Finding::new(
        verdict,
        ("folder file system", &spec.name),
        saw,
        advice,
    ))
}

/// Whether all watched folders together fit into what the kernel allows.
pub(super) fn watches(case: &Case) -> Vec<Finding> {
    let watched: Vec<&Path> = case
        .config
        .folders
        .iter()
        .filter(|spec| is_watched(spec) && spec.path.is_dir())
        .map(|spec| spec.path.as_path())
        .collect();
    if watched.is_empty() {
        return Vec::new();
    }
    let mut findings: Vec<Finding> = watch_count(&watched).into_iter().collect();
    findings.extend(instances());
    findings
}

fn watch_count(watched: &[&Path]) -> Option<Finding> {
    let needed: u64 = watched.iter().map(|root| directories_below(root)).sum();
    let (setting, limit) = watch_limit()?;
    let about = ("watches", "");
    let wanted = needed.saturating_mul(2).max(524_288);
    let saw = format!(
        "{needed} directories are watched, {setting} is {limit} for all programs of a user"
    );
    let advice = format!(
        "run `sysctl -w {setting}={wanted}` and put `{setting} = {wanted}` into \
         /etc/sysctl.d/60-syncd.conf (of the host, for a container); until then folders are polled"
    );
    Some(match needed {
        _ if needed > limit => Finding::new(Verdict::Wrong, about, saw, advice),
        // Other programs of the user need some, too.
        _ if needed > limit / 10 * 8 => Finding::new(Verdict::Note, about, saw, advice),
        _ => Finding::ok(about.0, about.1, saw),
    })
}

fn instances() -> Option<Finding> {
    let Err(errno) = inotify::init(CreateFlags::CLOEXEC) else {
        return None;
    };
    let saw = format!("no further inotify instance can be had: {errno}");
    let advice = "run `sysctl -w fs.inotify.max_user_instances=1024` and put it into \
                  /etc/sysctl.d/60-syncd.conf; until then folders are polled";
    Some(Finding::new(
        Verdict::Wrong,
        ("watch instances", ""),
        saw,
        advice,
    ))
}

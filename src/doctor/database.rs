//! The database: sound, of this version, and nobody else's hands in it.

#![expect(
    clippy::disallowed_methods,
    reason = "/proc is asked who else has the file open"
)]

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::daemon::database;
use crate::store::{Reader, SCHEMA_VERSION, StoreError};

use super::{Case, Finding, Verdict};

const NAME: &str = "database";

/// All of it; the file is only read, also beside a running daemon.
pub(super) fn check(case: &Case) -> Vec<Finding> {
    let path = database(&case.config.state_dir);
    let subject = path.to_string_lossy().into_owned();
    let mut findings = vec![match Reader::open(&path) {
        Ok(reader) => soundness(&subject, &reader),
        Err(error) => refused(&subject, &error),
    }];
    findings.extend(foreign_users(case, &path));
    findings
}

fn soundness(subject: &str, reader: &Reader) -> Finding {
    match reader.integrity_check() {
        Ok(wrong) if wrong.is_empty() => {
            let saw = format!("sound, schema {SCHEMA_VERSION}");
            Finding::ok(NAME, subject, saw)
        }
        Ok(wrong) => {
            let saw = format!("it is damaged: {}", wrong.join(", "));
            damaged(subject, &saw)
        }
        Err(error) => refused(subject, &error),
    }
}

fn damaged(subject: &str, saw: &str) -> Finding {
    let advice = "stop syncd and restore it from a backup, or move it away (with its -wal and -shm): \
                  everything is then compared and uploaded again";
    Finding::new(Verdict::Invalid, (NAME, subject), saw, advice)
}

fn refused(subject: &str, error: &StoreError) -> Finding {
    let about = (NAME, subject);
    let words = error.to_string();
    let (saw, advice) = words.rsplit_once("; ").unwrap_or((&words, ""));
    let verdict = match error {
        StoreError::Absent { .. } => {
            let saw = "none yet; the first start makes it";
            return Finding::ok(NAME, subject, saw);
        }
        StoreError::Corrupt { detail, .. } => {
            return damaged(subject, &format!("it is damaged: {detail}"));
        }
        StoreError::Older { .. } => Verdict::Note,
        StoreError::Busy { .. } => Verdict::Failing,
        StoreError::Foreign { .. } | StoreError::Newer { .. } | StoreError::Library { .. } => {
            Verdict::Invalid
        }
        _ => Verdict::Wrong,
    };
    Finding::new(verdict, about, saw, advice)
}

/// Programs besides syncd that have the file open, as far as this user can see.
fn foreign_users(case: &Case, path: &Path) -> Option<Finding> {
    let file = identity(path)?;
    let own = [
        Some(std::process::id()),
        case.daemon.as_ref().map(|daemon| daemon.pid),
    ];
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = pid_of(&process.file_name()) else {
            continue;
        };
        let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        let is_ours = own.contains(&Some(pid)) || name.trim() == "syncd";
        if !is_ours && has_open(&process.path(), file) {
            found.push(format!("{} (pid {pid})", name.trim()));
        }
    }
    if found.is_empty() {
        return None;
    }
    let saw = format!("it is open in {}", found.join(", "));
    let advice = "close it there: what another program writes can spoil what syncd remembers";
    let subject = path.to_string_lossy();
    Some(Finding::new(
        Verdict::Wrong,
        ("database users", &subject),
        saw,
        advice,
    ))
}

fn pid_of(name: &std::ffi::OsStr) -> Option<u32> {
    name.to_str()?.parse().ok()
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = path.metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

fn has_open(process: &Path, file: (u64, u64)) -> bool {
    let Ok(descriptors) = fs::read_dir(process.join("fd")) else {
        return false;
    };
    descriptors
        .flatten()
        .any(|descriptor| identity(&descriptor.path()) == Some(file))
}

//! Inboxes: there, writable, on a file system that overwrites nothing, with room for a file; and the program
//! that runs for each file.
//!
//! A private directory that the daemon has not made yet is made for the trial and taken away again.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::Access;

use crate::adapter::inbox_disk::{OsInboxes, PRIVATE};
use crate::daemon::lock::user_name;
use crate::model::desk::{FREE_BYTES_MIN, InboxSpec};
use crate::port::disk::DiskError;
use crate::port::inbox_disk::Inboxes as _;
use crate::report::words::size;

use super::{Case, Finding, Verdict, live};

const NAME: &str = "inbox";

/// One inbox of the configuration.
pub(super) fn check(case: &Case, index: usize) -> Vec<Finding> {
    let Some(spec) = case.config.inboxes.get(index) else {
        return Vec::new();
    };
    let mut findings = vec![live::inbox(case, directory(case, spec))];
    findings.extend(room(spec));
    findings.extend(program(spec));
    findings
}

fn finding(
    spec: &InboxSpec,
    verdict: Verdict,
    saw: impl AsRef<str>,
    advice: impl AsRef<str>,
) -> Finding {
    Finding::new(verdict, (NAME, &spec.name), saw, advice)
}

fn directory(case: &Case, spec: &InboxSpec) -> Finding {
    let own = user_name(rustix::process::geteuid().as_raw());
    let shown = spec.path.display();
    if !spec.path.is_dir() {
        let saw = match spec.path.symlink_metadata() {
            Ok(_) => format!("\"{shown}\" is not a directory"),
            Err(error) => format!("\"{shown}\" is not there: {error}"),
        };
        let advice =
            format!("make it for user {own}, or mend `path`; nothing is fetched until then");
        return finding(spec, Verdict::Wrong, saw, advice);
    }
    let access = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    if rustix::fs::access(&spec.path, access).is_err() {
        let saw = format!("user {own} cannot write to \"{shown}\"");
        let advice = format!("`setfacl -m u:{own}:rwx \"{shown}\"`, or `chown {own}` it");
        return finding(spec, Verdict::Wrong, saw, advice);
    }
    if let Some(other) = of_another(spec, &own) {
        return other;
    }
    if case.daemon.is_some() {
        let saw = format!("\"{shown}\" is writable; more is not tried while the daemon has it");
        let advice = "`syncd status` shows how the daemon does with it";
        return finding(spec, Verdict::Skipped, saw, advice);
    }
    attempt(spec)
}

/// A private directory of another user.
fn of_another(spec: &InboxSpec, own: &str) -> Option<Finding> {
    let private = spec.path.join(PRIVATE);
    let owner = user_name(private.symlink_metadata().ok()?.uid());
    if owner == own {
        return None;
    }
    let saw = format!(
        "\"{}\" belongs to {owner}, and this runs as {own}",
        private.display()
    );
    let advice = format!("run syncd as {owner}, or remove that directory");
    let is_root = rustix::process::geteuid().is_root();
    let verdict = if is_root {
        Verdict::Skipped
    } else {
        Verdict::Wrong
    };
    Some(finding(spec, verdict, saw, advice))
}

/// Opens it as the daemon does, which tries a rename that overwrites nothing.
fn attempt(spec: &InboxSpec) -> Finding {
    let private = spec.path.join(PRIVATE);
    let was_there = private.symlink_metadata().is_ok();
    let opened = OsInboxes.open(&spec.path);
    if !was_there {
        clear_away(&private);
    }
    let shown = spec.path.display();
    match opened {
        Ok(_) => {
            let saw = format!("\"{shown}\" is writable, and no file in it can be overwritten");
            Finding::ok(NAME, &spec.name, saw)
        }
        Err(error) if is_held(&error) => {
            let saw =
                format!("\"{shown}\" is writable; another process has it, so no more is tried");
            let advice = "end that process, unless it is the daemon";
            finding(spec, Verdict::Skipped, saw, advice)
        }
        Err(error) => {
            let cause = std::error::Error::source(&error);
            let saw = cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
            let advice =
                "it has to be a directory of a local file system that this user may write to";
            finding(spec, Verdict::Wrong, saw, advice)
        }
    }
}

/// While it is still locked, and only if it is empty.
fn clear_away(private: &Path) {
    if let Err(error) = rustix::fs::rmdir(private) {
        tracing::debug!(%error, "the private directory stays");
    }
}

fn is_held(error: &DiskError) -> bool {
    matches!(error, DiskError::System { source, .. } if source.kind() == io::ErrorKind::WouldBlock)
}

fn room(spec: &InboxSpec) -> Option<Finding> {
    let found = rustix::fs::statvfs(&spec.path).ok()?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let wanted = spec.max_file.saturating_add(FREE_BYTES_MIN);
    let about = ("inbox space", spec.name.as_str());
    if free >= wanted {
        return Some(Finding::ok(
            about.0,
            about.1,
            format!("{} free", size(free)),
        ));
    }
    let saw = format!(
        "{} free, {} needed to fetch a file",
        size(free),
        size(wanted)
    );
    let advice = "make room, or lower max_file: no file is fetched until it fits";
    Some(Finding::new(Verdict::Wrong, about, saw, advice))
}

fn program(spec: &InboxSpec) -> Option<Finding> {
    let path = Path::new(spec.on_receive.first()?);
    let about = ("on_receive", spec.name.as_str());
    let shown = path.display();
    if !path.is_file() {
        let saw = format!("\"{shown}\" is no file that can be seen");
        let advice = "install it, or mend `on_receive`: files are received without it";
        return Some(Finding::new(Verdict::Wrong, about, saw, advice));
    }
    if rustix::fs::access(path, Access::EXEC_OK).is_err() {
        let own = user_name(rustix::process::geteuid().as_raw());
        let saw = format!("user {own} cannot execute \"{shown}\"");
        let advice = format!("run `chmod +x \"{shown}\"`: files are received without it");
        return Some(Finding::new(Verdict::Wrong, about, saw, advice));
    }
    let saw = format!("\"{shown}\" can be executed");
    Some(Finding::ok(about.0, about.1, saw))
}

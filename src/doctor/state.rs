//! The state directory: whose it is, whether it can be written, where it lies, how much room it has.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::Access;

use crate::daemon::lock::user_name;
use crate::report::words::size;

use super::file_system::{self, Kind};
use super::{Case, Finding, Verdict};

const NAME: &str = "state directory";

/// Below this the next large release may not fit.
const ROOM_LOW_BYTES: u64 = 256 << 20;
/// Below this nothing may fit any more.
const ROOM_MIN_BYTES: u64 = 16 << 20;

/// All of it.
pub(super) fn check(case: &Case) -> Vec<Finding> {
    let path = &case.config.state_dir;
    // Until the first start makes it, its place is what counts.
    let Some(there) = path.ancestors().find(|path| path.is_dir()) else {
        let saw = "no directory above it is there";
        return vec![wrong(path, saw, "set state_dir to another place")];
    };
    let mut findings = vec![permissions(path, there)];
    findings.extend(place(path, there));
    findings.extend(room(path, there));
    findings
}

fn wrong(path: &Path, saw: impl AsRef<str>, advice: impl AsRef<str>) -> Finding {
    let subject = path.to_string_lossy();
    Finding::new(Verdict::Wrong, (NAME, &subject), saw, advice)
}

fn permissions(path: &Path, there: &Path) -> Finding {
    let subject = path.to_string_lossy();
    let own = user_name(rustix::process::geteuid().as_raw());
    let Ok(metadata) = there.metadata() else {
        let saw = "it cannot be looked at";
        return wrong(
            path,
            saw,
            "give this user access to the directories above it",
        );
    };
    let owner = user_name(metadata.uid());
    let access = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    if rustix::fs::access(there, access).is_err() {
        let saw = format!("user {own} cannot write to \"{}\"", there.display());
        let advice = if there == path && owner != own {
            format!("it belongs to {owner}: run syncd as {owner}, or `chown {own}` it")
        } else {
            format!("make it writable for {own}, or set state_dir to another place")
        };
        return wrong(path, saw, advice);
    }
    if there != path {
        let saw = "it is not there yet; the first start makes it";
        return Finding::ok(NAME, &subject, saw);
    }
    let mode = metadata.mode() & 0o7777;
    if owner != own {
        let saw = format!("it belongs to {owner}, and this runs as {own}");
        let advice = format!("run syncd as {owner}");
        return Finding::new(Verdict::Note, (NAME, &subject), saw, advice);
    }
    if mode & 0o077 != 0 {
        let saw = format!("it is open to group or others (mode {mode:04o})");
        let advice = format!("run `chmod 700 {subject}`; the next start does it, too");
        return Finding::new(Verdict::Note, (NAME, &subject), saw, advice);
    }
    let saw = format!("writable, closed to others (mode {mode:04o}, owner {owner})");
    Finding::ok(NAME, &subject, saw)
}

fn place(path: &Path, there: &Path) -> Option<Finding> {
    let found = file_system::of(there)?;
    let subject = path.to_string_lossy();
    let about = ("state file system", subject.as_ref());
    Some(match found.kind {
        Kind::Local => Finding::ok(about.0, about.1, found.name),
        Kind::Network => {
            let saw = format!("it lies on {}, where locks may not hold", found.name);
            let advice = "set state_dir to a disk of this machine: the database would be damaged";
            Finding::new(Verdict::Wrong, about, saw, advice)
        }
        Kind::Memory => {
            let saw = format!("it lies on {}, which is gone after a boot", found.name);
            let advice = "set state_dir to a disk, or every file is compared and sent again";
            Finding::new(Verdict::Note, about, saw, advice)
        }
        Kind::Overlay => {
            let saw = "it lies in a container's own layer, which goes away with the container";
            let advice = "put it on a volume";
            Finding::new(Verdict::Note, about, saw, advice)
        }
    })
}

fn room(path: &Path, there: &Path) -> Option<Finding> {
    let found = rustix::fs::statvfs(there).ok()?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let saw = format!("{} free", size(free));
    let subject = path.to_string_lossy();
    let about = ("state space", subject.as_ref());
    let advice = "make room: when the disk is full, syncd stops until there is some";
    Some(match free {
        _ if free < ROOM_MIN_BYTES => Finding::new(Verdict::Wrong, about, saw, advice),
        _ if free < ROOM_LOW_BYTES => Finding::new(Verdict::Note, about, saw, advice),
        _ => Finding::ok(about.0, about.1, saw),
    })
}

//! The program itself, what it was built with, and as whom it runs.

use std::path::Path;

use crate::store::sqlite_version;

use super::{Finding, Verdict};

/// All of it.
pub(super) fn check() -> Vec<Finding> {
    vec![versions(), user()]
}

fn versions() -> Finding {
    let kernel = line_of("/proc/sys/kernel/osrelease");
    let mut saw = format!(
        "syncd {}, SQLite {}, Linux {}",
        env!("CARGO_PKG_VERSION"),
        sqlite_version(),
        kernel.as_deref().unwrap_or("unknown"),
    );
    saw.push_str(if Path::new("/run/systemd/system").is_dir() {
        ", systemd runs here"
    } else {
        ", no systemd here"
    });
    Finding::ok("versions", "", saw)
}

fn user() -> Finding {
    let user = crate::daemon::lock::user_name(rustix::process::geteuid().as_raw());
    if rustix::process::geteuid().is_root() {
        let saw = "this runs as root, who may read everything; the daemon does not need that";
        let advice = "run `syncd doctor` as the daemon's user to see what the daemon sees";
        return Finding::new(Verdict::Note, ("user", &user), saw, advice);
    }
    Finding::ok("user", &user, "not root")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the doctor asks the operating system itself"
)]
fn line_of(path: &str) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).trim().to_owned())
}

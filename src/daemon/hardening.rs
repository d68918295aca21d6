//! What every syncd process does before anything else: no core dumps that could hold secrets, new files
//! closed to others, and a panic that tells its place but nothing of its data.

#![expect(clippy::print_stderr, reason = "a panic has no other place to go")]

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit};

/// Does all of it. What the system refuses is left: none of it is needed to work correctly.
pub fn apply() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = rustix::process::setrlimit(Resource::Core, none);
    std::panic::set_hook(Box::new(|panic| {
        // The payload may quote a value, and a value may be a secret.
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        eprintln!("syncd: a defect of syncd ended it at {place}; please report this line");
    }));
}

/// Open files that one process may hold: transfers, watches and the database together need far fewer.
const OPEN_FILES_MAX: u64 = 65_536;

/// Raises the soft limit of open files to what the hard one allows, at most [`OPEN_FILES_MAX`].
pub fn raise_open_files() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let allowed = limit.maximum.unwrap_or(OPEN_FILES_MAX).min(OPEN_FILES_MAX);
    if limit.current.is_some_and(|current| current < allowed) {
        let wanted = Rlimit {
            current: Some(allowed),
            maximum: limit.maximum,
        };
        let _ = rustix::process::setrlimit(Resource::Nofile, wanted);
    }
}

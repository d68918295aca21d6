//! Log lines: for people, for machines, for systemd's journal.
//!
//! Everything goes to stderr, or to the journal itself. Libraries that would log whole requests are held at
//! `info`, whatever level is asked for: their lower levels show addresses and headers.

mod json;
mod together;

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogFormat, LogLevel, LogSpec};

use super::journal::Journal;

pub use together::together;

/// Libraries whose lower levels could show secrets.
const HELD_AT_INFO: [&str; 8] = [
    "hyper",
    "hyper_util",
    "h2",
    "reqwest",
    "rustls",
    "rustls_platform_verifier",
    "tower",
    "mio",
];

/// How lines look in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// For people.
    Text,
    /// An object a line.
    Json,
    /// Entries of the journal, with their fields.
    Journald,
}

/// What `auto` means here. `journal_stream` is the variable of that name: it outlives a redirection of
/// stderr to somewhere else, so it is compared with what stderr is now.
pub fn lines(format: LogFormat, journal_stream: Option<&str>) -> Lines {
    match format {
        LogFormat::Json => Lines::Json,
        LogFormat::Journald => Lines::Journald,
        LogFormat::Auto if is_stream(journal_stream, io::stderr()) => Lines::Journald,
        LogFormat::Auto | LogFormat::Text => Lines::Text,
    }
}

/// Whether the descriptor is what systemd wrote into `$JOURNAL_STREAM` (`DEVICE:INODE`).
fn is_stream(journal_stream: Option<&str>, descriptor: impl AsFd) -> bool {
    rustix::fs::fstat(descriptor)
        .is_ok_and(|stat| Some(&*format!("{}:{}", stat.st_dev, stat.st_ino)) == journal_stream)
}

/// The level in effect: the configured one, unless the command line asks for more or less.
pub fn level(spec: LogSpec, verbose: u8, quiet: bool) -> LogLevel {
    match (quiet, verbose) {
        (true, _) => LogLevel::Error,
        (false, 0) => spec.level,
        (false, 1) => LogLevel::Debug,
        (false, _) => LogLevel::Trace,
    }
}

/// Starts logging. A second call changes nothing.
pub fn start(lines: Lines, level: LogLevel, no_color: bool) {
    let text = || {
        tracing_subscriber::fmt()
            .with_env_filter(filter(level))
            .with_writer(|| together::Stderr)
            .with_ansi(io::stderr().is_terminal() && !no_color)
    };
    // Only a second call can fail.
    let _ = match lines {
        Lines::Text => text().with_target(false).try_init(),
        Lines::Json => text().event_format(json::JsonLog).try_init(),
        Lines::Journald => tracing_subscriber::registry()
            .with(filter(level))
            .with(Journal::of_this_machine())
            .try_init()
            .map_err(Into::into),
    };
}

fn filter(level: LogLevel) -> EnvFilter {
    let mut text = level.as_str().to_owned();
    if matches!(level, LogLevel::Debug | LogLevel::Trace) {
        for library in HELD_AT_INFO {
            let _ = write!(text, ",{library}=info");
        }
    }
    EnvFilter::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_that_show_requests_are_held_at_info() {
        let filter = filter(LogLevel::Trace).to_string();
        for library in HELD_AT_INFO {
            assert!(filter.contains(&format!("{library}=info")), "{filter}");
        }
    }

    #[test]
    fn the_journal_is_known_by_its_device_and_inode() {
        let file = tempfile::tempfile().unwrap();
        let stat = rustix::fs::fstat(&file).unwrap();
        let itself = format!("{}:{}", stat.st_dev, stat.st_ino);
        let another = format!("{}:{}", stat.st_dev, stat.st_ino + 1);
        assert!(is_stream(Some(&itself), &file));
        assert!(!is_stream(Some(&another), &file));
        assert!(!is_stream(Some(""), &file));
        assert!(!is_stream(None, &file));
    }

    #[test]
    fn the_command_line_goes_before_the_configuration() {
        let spec = LogSpec {
            level: LogLevel::Warn,
            format: LogFormat::Auto,
        };
        assert_eq!(level(spec, 0, false), LogLevel::Warn);
        assert_eq!(level(spec, 1, false), LogLevel::Debug);
        assert_eq!(level(spec, 2, false), LogLevel::Trace);
        assert_eq!(level(spec, 0, true), LogLevel::Error);
    }
}

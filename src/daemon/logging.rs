//! Log lines: for people, for machines, for systemd's journal.
//!
//! Everything goes to stderr. Libraries that would log whole requests are held at `info`, whatever level
//! is asked for: their lower levels show addresses and headers.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal as _};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::config::{LogFormat, LogLevel, LogSpec};

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
    /// With the priority in front, without a time.
    Journald,
}

/// What `auto` means here; `journal` tells whether the process runs under the journal.
pub fn lines(format: LogFormat, journal: bool) -> Lines {
    match format {
        LogFormat::Json => Lines::Json,
        LogFormat::Journald => Lines::Journald,
        LogFormat::Auto if journal && !io::stderr().is_terminal() => Lines::Journald,
        LogFormat::Auto | LogFormat::Text => Lines::Text,
    }
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
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(level))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && !no_color);
    // Only a second call can fail.
    let _ = match lines {
        Lines::Text => builder.with_target(false).try_init(),
        Lines::Json => builder.json().flatten_event(true).try_init(),
        Lines::Journald => builder.with_ansi(false).event_format(Journald).try_init(),
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

/// `<4>message field=value`, which the journal reads the priority from.
struct Journald;

impl<S, N> FormatEvent<S, N> for Journald
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        write!(writer, "<{}>", priority(*event.metadata().level()))?;
        context
            .field_format()
            .format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

/// The priority of syslog.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
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

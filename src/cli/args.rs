//! The command tree. What stands here is what `--help` says; nothing here does anything.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "syncd",
    version,
    about = "Keeps folders in step with WeChat CloudBase and Huawei ccmessaging, and says the truth about it",
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct CommandLine {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The configuration file.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "Configuration file [default: \
          $SYNCD_CONFIG, $XDG_CONFIG_HOME/syncd/config.toml, /etc/syncd/config.toml]"
    )]
    pub config: Option<PathBuf>,
    /// Say more; twice: everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Say only what went wrong
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The daemon: scan, watch and upload until SIGTERM or SIGINT
    Run,
    /// Bring every folder (or the named ones) up to date, ask every inbox once, then exit
    Once(Once),
    /// What `once` would do, in publish order; changes nothing
    Plan(Once),
    /// What is in sync, what is not, why, and what happens next
    Status(Status),
    /// Everything about one file: seen, kept or ignored, published, tried, next
    Why(Why),
    /// Look at the queue, try jobs again, or give them up
    #[command(subcommand)]
    Queue(Queue),
    /// Stop a folder or an inbox; survives a restart
    Pause(Named),
    /// Go on with a folder or an inbox, and lift a pause of its account
    Resume(Named),
    /// What came through inboxes
    #[command(subcommand)]
    Inbox(Inbox),
    /// Put files in an outbox at once and wait for the receipt
    Send(Send),
    /// Releases and, for a path, every upload
    History(History),
    /// Look at everything the daemon stands on: what is well, what is wrong, how to mend it
    Doctor(Doctor),
    /// One text for the report of a defect: versions, checks, configuration, status; no secrets
    Report(Report),
    /// What a code means, what syncd does about it, and what you do
    Explain(Explain),
    /// Check, show or begin a configuration
    #[command(subcommand)]
    Config(Config),
    /// A local stand-in for the cloud, with scripted faults
    Emulate(Emulate),
    /// A complete tour in a temporary folder against `emulate`
    Demo(Demo),
    /// Completions for a shell, on stdout
    Completions(Completions),
    /// Pages of the manual: syncd(1), syncd.toml(5), syncd-errors(7) and one for each command
    Man(Man),
}

/// `once` and `plan`.
#[derive(Debug, Args)]
pub struct Once {
    /// Folders (and, for `once`, inboxes); all if none is named
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Return when all is in sync, at most after DURATION (such as 30s, 5m)
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true,
          default_missing_value = FOR_EVER, value_parser = duration)]
    pub wait: Option<Duration>,
    /// Only the exit code: 0 in sync, 3 not, 8 no daemon
    #[arg(long, conflicts_with = "wait")]
    pub check: bool,
    /// A live view on the whole terminal, until `q`
    #[arg(long, conflicts_with_all = ["wait", "check", "json"])]
    pub watch: bool,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// `why`.
#[derive(Debug, Args)]
pub struct Why {
    /// An absolute path, a path from here, or NAME:path below the folder or inbox NAME; for a file that is
    /// still to come, NAME:CODE of its message
    pub path: OsString,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// `queue`.
#[derive(Debug, Subcommand)]
pub enum Queue {
    /// Jobs that wait, run, or were given up
    List(QueueList),
    /// Try jobs again now
    Retry(Selectors),
    /// Give jobs up: the files stay as they are in the cloud until they change again
    Drop(Selectors),
    /// Let held deletions of a folder go ahead
    Approve(Named),
}

/// `queue list`.
#[derive(Debug, Args)]
pub struct QueueList {
    /// Which jobs
    #[command(flatten)]
    pub selectors: Selectors,
    /// Show at most this many
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub limit: usize,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// Which jobs are meant.
#[derive(Debug, Args)]
pub struct Selectors {
    /// Files, or directories with all below them; received files too, and INBOX:CODE for the message of one
    /// that is still to come
    #[arg(value_name = "PATH", conflicts_with_all = ["folder", "dead", "all"])]
    pub paths: Vec<OsString>,
    /// All jobs of a folder, or all of an inbox
    #[arg(long, value_name = "NAME", conflicts_with_all = ["dead", "all"])]
    pub folder: Option<String>,
    /// All jobs that were given up
    #[arg(long, conflicts_with = "all")]
    pub dead: bool,
    /// All jobs
    #[arg(long)]
    pub all: bool,
}

/// A command about one folder or inbox.
#[derive(Debug, Args)]
pub struct Named {
    /// Folder or inbox
    pub name: String,
}

/// `inbox`.
#[derive(Debug, Subcommand)]
pub enum Inbox {
    /// Files that came, are on their way, or were given up; the newest first
    List(InboxList),
}

/// `inbox list`.
#[derive(Debug, Args)]
pub struct InboxList {
    /// Inbox; all if none is named
    pub name: Option<String>,
    /// Show at most this many
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: usize,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// `send`.
#[derive(Debug, Args)]
pub struct Send {
    /// Files; each is copied into the outbox under its own name
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The outbox: a folder with flow = "ccmessaging"
    #[arg(long, value_name = "NAME")]
    pub to: String,
    /// Wait for the receipts at most this long (such as 30s, 5m)
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub timeout: Duration,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// `history`.
#[derive(Debug, Args)]
pub struct History {
    /// A file: every upload of it. Without: the releases of every folder
    pub path: Option<OsString>,
    /// Show at most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// `report`.
#[derive(Debug, Args)]
pub struct Report {
    /// Write it to a new file instead of stdout
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// An errcode, a COS code, or a word from `status`, such as 40001, 503, checksum
    #[arg(allow_hyphen_values = true)]
    pub code: String,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// `config`.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Check the file: every mistake with its line and column
    Check {
        /// JSON instead of text
        #[arg(long)]
        json: bool,
    },
    /// The values in effect and where each comes from; secrets masked
    Show {
        /// JSON instead of text
        #[arg(long)]
        json: bool,
    },
    /// Write a small commented file to begin with
    Init {
        /// Where to [default: where syncd would look for it]
        path: Option<PathBuf>,
        /// Print it instead
        #[arg(long, conflicts_with = "path")]
        stdout: bool,
    },
    /// The JSON Schema of the file, for editors
    Schema,
}

/// `emulate`.
#[derive(Debug, Args)]
pub struct Emulate {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8788")]
    pub listen: SocketAddr,
    /// Script of faults (TOML)
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
}

/// `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// End after the tour instead of serving the site
    #[arg(long)]
    pub exit: bool,
}

/// `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// Which shell
    pub shell: clap_complete::Shell,
}

/// `man`.
#[derive(Debug, Args)]
pub struct Man {
    /// A page, such as syncd, syncd-once, syncd.toml or syncd-errors: to stdout
    #[arg(value_name = "PAGE", default_value = "syncd")]
    pub page: String,
    /// Write all pages into this directory instead
    #[arg(long, value_name = "DIR", conflicts_with = "page")]
    pub out: Option<PathBuf>,
}

/// The span of a `--wait` without one.
const FOR_EVER: &str = "ever";

/// Reads `500ms`, `30s`, `5m`, `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    if text == FOR_EVER {
        return Ok(Duration::MAX);
    }
    let wrong = || format!("\"{text}\" is not a duration; write it like 500ms, 30s, 5m or 1h");
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    number
        .checked_mul(milliseconds)
        .map(Duration::from_millis)
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_tree_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn durations_have_a_number_and_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("5m"), Ok(Duration::from_mins(5)));
        for bad in [
            "",
            "5",
            "s",
            "5 s",
            "-1s",
            "1.5s",
            "5x",
            "99999999999999999999s",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn codes_below_zero_can_be_explained() {
        let line = CommandLine::try_parse_from(["syncd", "explain", "-1"]).unwrap();
        assert!(matches!(line.command, Command::Explain(explain) if explain.code == "-1"));
    }

    #[test]
    fn waiting_without_a_span_waits_for_good() {
        let line = CommandLine::try_parse_from(["syncd", "status", "--wait"]).unwrap();
        assert!(
            matches!(line.command, Command::Status(status) if status.wait == Some(Duration::MAX))
        );
        let line = CommandLine::try_parse_from(["syncd", "status", "--wait=5s"]).unwrap();
        assert!(matches!(line.command, Command::Status(status)
            if status.wait == Some(Duration::from_secs(5))));
    }
}

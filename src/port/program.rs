//! Programs that the configuration names, run for a received file.

use std::time::Duration;

use super::BoxFuture;

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// With this status; 0 is success.
    Status(i32),
    /// By this signal.
    Signal(i32),
    /// It was ended because its time was over.
    TimedOut,
    /// It could not be started, in words.
    NotStarted(String),
}

impl Exit {
    /// Whether the program says that it did its work.
    pub fn is_success(&self) -> bool {
        *self == Self::Status(0)
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => write!(f, "exit status {status}"),
            Self::Signal(signal) => write!(f, "ended by signal {signal}"),
            Self::TimedOut => f.write_str("ended because its time was over"),
            Self::NotStarted(why) => write!(f, "could not be started: {why}"),
        }
    }
}

/// Runs programs.
pub trait Programs: Send + Sync {
    /// Runs a program with its arguments to its end: no shell, an empty environment, no input, its output
    /// thrown away, and no longer than `limit`. Dropping the future ends it.
    fn run<'a>(&'a self, argv: &'a [String], limit: Duration) -> BoxFuture<'a, Exit>;
}

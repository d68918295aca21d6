//! Exit codes: what scripts and systemd see. Their meaning never changes.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Done, all in sync.
    Done,
    /// Unexpected error.
    Unexpected,
    /// Wrong usage of the command line.
    Usage,
    /// Something is not in sync.
    NotInSync,
    /// The named path, folder or release does not exist.
    NotFound,
    /// Temporary trouble: try again later.
    Temporary,
    /// Credentials or permission refused by the cloud.
    Refused,
    /// Deletions wait for approval.
    Held,
    /// The daemon is not running, or another one already is.
    Daemon,
    /// Configuration or state refused at start.
    Configuration,
    /// SIGINT before the work was done.
    Interrupted,
    /// SIGTERM before the work was done.
    Terminated,
}

impl Exit {
    /// All, by their numbers.
    pub const ALL: [Self; 12] = [
        Self::Done,
        Self::Unexpected,
        Self::Usage,
        Self::NotInSync,
        Self::NotFound,
        Self::Temporary,
        Self::Refused,
        Self::Held,
        Self::Daemon,
        Self::Configuration,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// What it means, for the manual.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "Done, all in sync.",
            Self::Unexpected => "Unexpected error.",
            Self::Usage => "Wrong usage of the command line.",
            Self::NotInSync => {
                "Something is not in sync: changes pending (`plan`), files failed or given up \
                 (`once`, `status --check`)."
            }
            Self::NotFound => "The named path, folder or release does not exist.",
            Self::Temporary => {
                "Temporary trouble, try again later: network, quota, time over for `--wait`."
            }
            Self::Refused => "The cloud refused credentials or permission.",
            Self::Held => "Deletions are held back and wait for approval.",
            Self::Daemon => "The daemon is not running; or another one already is (`run`, `once`).",
            Self::Configuration => {
                "Configuration or state refused at the start. systemd does not restart it."
            }
            Self::Interrupted => "Ended by SIGINT before the work was done.",
            Self::Terminated => "Ended by SIGTERM before the work was done.",
        }
    }

    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::NotInSync => 3,
            Self::NotFound => 4,
            Self::Temporary => 5,
            Self::Refused => 6,
            Self::Held => 7,
            Self::Daemon => 8,
            Self::Configuration => 78,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// Of two that apply, the one to end with: 78, 6, 7, 3, 5; any other failure goes before success.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self.rank() <= other.rank() {
            self
        } else {
            other
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Interrupted | Self::Terminated => 0,
            Self::Usage => 1,
            Self::Configuration => 2,
            Self::Refused => 3,
            Self::Held => 4,
            Self::NotInSync => 5,
            Self::Temporary => 6,
            Self::Daemon => 7,
            Self::NotFound => 8,
            Self::Unexpected => 9,
            Self::Done => 10,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_the_first_of_78_6_7_3_5_is_taken() {
        let order = [
            Exit::Configuration,
            Exit::Refused,
            Exit::Held,
            Exit::NotInSync,
            Exit::Temporary,
            Exit::Done,
        ];
        for (at, first) in order.iter().enumerate() {
            for second in &order[at..] {
                assert_eq!(first.or(*second), *first);
                assert_eq!(second.or(*first), *first);
            }
        }
    }

    #[test]
    fn all_are_there_by_their_numbers() {
        let codes = Exit::ALL.map(Exit::code);
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 78, 130, 143]);
    }

    #[test]
    fn an_error_never_ends_with_0() {
        assert_eq!(Exit::Done.or(Exit::Unexpected).code(), 1);
        assert_eq!(Exit::NotFound.or(Exit::Done).code(), 4);
    }
}

//! The control protocol: one JSON line asks, one JSON line answers.

use serde::{Deserialize, Serialize};

use crate::report::Status;
use crate::report::facts::LiveFacts;

/// The longest request in bytes, its line end included.
pub const REQUEST_BYTES_MAX: usize = 16 * 1024;

/// What a command asks of the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// The report.
    Status,
    /// What only the running engine knows.
    Live,
    /// Look at all folders now.
    Scan,
    /// Try jobs and messages again now.
    Retry {
        /// Which.
        selector: Selector,
    },
    /// Give jobs and messages up.
    Drop {
        /// Which.
        selector: Selector,
    },
    /// Stop a folder or an inbox.
    Pause {
        /// Its name.
        name: String,
    },
    /// Go on with a folder or an inbox.
    Resume {
        /// Its name.
        name: String,
    },
}

/// Which jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selector {
    /// All.
    All,
    /// Those that were given up.
    Dead,
    /// Those of a folder, or the messages of an inbox.
    Folder(String),
    /// A path of a folder (raw bytes), or all below it; or a received file of an inbox.
    Path(String, Vec<u8>),
    /// A message of an inbox, by its code.
    Message(String, String),
}

/// What the daemon answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// The report.
    Status {
        /// It.
        status: Box<Status>,
    },
    /// What only the running engine knows.
    Live {
        /// It.
        live: LiveFacts,
    },
    /// Done.
    Changed {
        /// How many jobs and messages, or whether a folder's state changed (1 or 0).
        count: u64,
    },
    /// No such folder or inbox.
    UnknownFolder {
        /// Its name.
        name: String,
    },
    /// It could not be done now.
    Failed {
        /// Why.
        message: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_come_back_as_they_were_sent() {
        for request in [
            Request::Status,
            Request::Live,
            Request::Scan,
            Request::Retry {
                selector: Selector::All,
            },
            Request::Retry {
                selector: Selector::Message("desk".to_owned(), "m-1".to_owned()),
            },
            Request::Drop {
                selector: Selector::Path("www".to_owned(), vec![0xff, b'a']),
            },
            Request::Pause {
                name: "www".to_owned(),
            },
        ] {
            let line = serde_json::to_string(&request).unwrap();
            assert!(!line.contains('\n'));
            assert_eq!(serde_json::from_str::<Request>(&line).unwrap(), request);
        }
    }
}

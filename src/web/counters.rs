//! What has happened since the process started, counted from its events.
//!
//! Labels come from the configuration and from constant tables; a code that no table knows counts as `other`,
//! so the number of series is bounded whatever a server answers.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::decide::remedy::{Codes, Remedy, rules};
use crate::model::desk::InboxSpec;
use crate::model::event::{Event, Observer};
use crate::model::folder::FolderSpec;
use crate::model::time::Timestamp;

/// Names and values of one series.
pub(super) type Labels = Vec<(&'static str, String)>;

/// The bounds of the upload durations, in seconds: from a small file nearby to a large one far away.
const DURATION_BOUNDS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0,
];

/// The code of what no table knows.
const OTHER: &str = "other";

/// The counters.
pub struct Counters {
    registry: Registry,
    uploads: Family<Labels, Counter>,
    upload_bytes: Family<Labels, Counter>,
    upload_duration: Family<Labels, Histogram>,
    api_requests: Family<Labels, Counter>,
    retries: Family<Labels, Counter>,
    watch_overflows: Counter,
    rescans: Family<Labels, Counter>,
    inbox_received: Family<Labels, Counter>,
    inbox_dead: Family<Labels, Counter>,
    /// The account of each folder.
    accounts: RwLock<HashMap<String, String>>,
}

impl Default for Counters {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("syncd");
        let mut family = |name: &str, help: &str| {
            let family = Family::<Labels, Counter>::default();
            registry.register(name, help, family.clone());
            family
        };
        let uploads = family(
            "uploads",
            "Attempts that ended, by result: ok, failed (tried again), dead (given up), changed (looked at \
             again)",
        );
        let upload_bytes = family("upload_bytes", "Bytes of acknowledged files");
        let api_requests = family(
            "api_requests",
            "Calls of a cloud that ended, by call and code; ok is success, other a code of no table",
        );
        let retries = family("retries", "Failed attempts, by what is done about them");
        let rescans = family("rescans", "Full scans that ended");
        let inbox_received = family("inbox_received", "Files put into an inbox");
        let inbox_dead = family("inbox_dead", "Received files that were given up");
        let upload_duration: Family<Labels, Histogram> =
            Family::new_with_constructor(|| Histogram::new(DURATION_BOUNDS));
        registry.register(
            "upload_duration_seconds",
            "How long the attempts took that were acknowledged",
            upload_duration.clone(),
        );
        let watch_overflows = Counter::default();
        registry.register(
            "watch_overflows",
            "How often more happened than could be told, so that a folder was looked at as a whole",
            watch_overflows.clone(),
        );
        Self {
            registry,
            uploads,
            upload_bytes,
            upload_duration,
            api_requests,
            retries,
            watch_overflows,
            rescans,
            inbox_received,
            inbox_dead,
            accounts: RwLock::default(),
        }
    }
}

impl Counters {
    /// Counts for these folders and inboxes from now on; each has its series from the start, at 0.
    pub fn know(&self, folders: &[FolderSpec], inboxes: &[InboxSpec]) {
        for folder in folders {
            for result in ["ok", "failed", "dead", "changed"] {
                let _ = self
                    .uploads
                    .get_or_create(&of(&folder.name, "result", result));
            }
            let labels = folder_labels(&folder.name);
            let _ = self.upload_bytes.get_or_create(&labels);
            let _ = self.upload_duration.get_or_create(&labels);
            let _ = self.rescans.get_or_create(&labels);
        }
        for inbox in inboxes {
            let labels = inbox_labels(&inbox.name);
            let _ = self.inbox_received.get_or_create(&labels);
            let _ = self.inbox_dead.get_or_create(&labels);
        }
        let accounts = folders
            .iter()
            .map(|folder| (folder.name.clone(), folder.account.clone()));
        *self
            .accounts
            .write()
            .unwrap_or_else(PoisonError::into_inner) = accounts.collect();
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    fn account_of(&self, folder: &str) -> String {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        accounts.get(folder).cloned().unwrap_or_default()
    }

    fn uploaded(&self, folder: &str, bytes: u64, seconds: f64) {
        self.uploads
            .get_or_create(&of(folder, "result", "ok"))
            .inc();
        let labels = folder_labels(folder);
        self.upload_bytes.get_or_create(&labels).inc_by(bytes);
        self.upload_duration.get_or_create(&labels).observe(seconds);
    }

    fn failed(&self, folder: &str, remedy: &str) {
        let result = match remedy {
            _ if remedy == Remedy::Dead.as_str() => "dead",
            _ if remedy == Remedy::Replan.as_str() => "changed",
            _ => "failed",
        };
        self.uploads
            .get_or_create(&of(folder, "result", result))
            .inc();
        let labels = vec![
            ("account", self.account_of(folder)),
            ("remedy", remedy.to_owned()),
        ];
        self.retries.get_or_create(&labels).inc();
    }
}

impl Observer for Counters {
    fn observe(&self, _: Timestamp, event: &Event) {
        match event {
            Event::Uploaded {
                folder,
                bytes,
                seconds,
                ..
            } => self.uploaded(folder, *bytes, *seconds),
            Event::Failed { folder, remedy, .. } => self.failed(folder, remedy),
            Event::Answered {
                account,
                call,
                code,
            } => {
                let labels = vec![
                    ("account", account.clone()),
                    ("call", call.as_str().to_owned()),
                    ("code", bounded(code).to_owned()),
                ];
                self.api_requests.get_or_create(&labels).inc();
            }
            Event::Overflowed { .. } => {
                self.watch_overflows.inc();
            }
            Event::ScanFinished { folder, .. } => {
                self.rescans.get_or_create(&folder_labels(folder)).inc();
            }
            Event::Received { inbox, .. } => {
                self.inbox_received
                    .get_or_create(&inbox_labels(inbox))
                    .inc();
            }
            Event::ReceiveFailed { inbox, remedy, .. } if remedy == Remedy::Dead.as_str() => {
                self.inbox_dead.get_or_create(&inbox_labels(inbox)).inc();
            }
            Event::ReceiveFailed { .. }
            | Event::ScanProgress { .. }
            | Event::ReleaseStarted { .. }
            | Event::ReleaseFinished { .. }
            | Event::State { .. }
            | Event::Notice { .. } => {}
        }
    }
}

pub(super) fn folder_labels(folder: &str) -> Labels {
    vec![("folder", folder.to_owned())]
}

fn inbox_labels(inbox: &str) -> Labels {
    vec![("inbox", inbox.to_owned())]
}

pub(super) fn of(folder: &str, name: &'static str, value: &str) -> Labels {
    vec![("folder", folder.to_owned()), (name, value.to_owned())]
}

/// A code of the tables as they write it, a status of HTTP, or `other`.
fn bounded(code: &str) -> &str {
    if code == "ok" {
        return code;
    }
    let exact = rules().filter_map(|rule| match rule.codes {
        Codes::Exact(codes) => Some(codes),
        Codes::Between(..) | Codes::Any => None,
    });
    let known = exact
        .flatten()
        .find(|known| known.eq_ignore_ascii_case(code));
    let is_status = || {
        let number = code.parse::<u16>();
        code.len() == 3 && number.is_ok_and(|number| (100..600).contains(&number))
    };
    match known {
        Some(known) => known,
        None if is_status() => code,
        None => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_cannot_make_series_without_end() {
        assert_eq!(bounded("ok"), "ok");
        assert_eq!(bounded("40001"), "40001");
        assert_eq!(bounded("slowdown"), "SlowDown");
        assert_eq!(bounded("503"), "503");
        for code in ["-777777", "a\"b", "999", "0503", "+50", ""] {
            assert_eq!(bounded(code), OTHER, "{code}");
        }
    }
}

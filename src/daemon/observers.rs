//! What becomes of events: log lines, JSON lines.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::model::event::{Event, Observer};
use crate::model::time::Timestamp;

use super::logging;

/// Several observers as one.
pub struct Several(pub Vec<Arc<dyn Observer>>);

impl Observer for Several {
    fn observe(&self, at: Timestamp, event: &Event) {
        for observer in &self.0 {
            observer.observe(at, event);
        }
    }

    fn observe_all(&self, at: Timestamp, events: &[Event]) {
        for observer in &self.0 {
            observer.observe_all(at, events);
        }
    }
}

/// One JSON object a line on stdout, each with `type` and `at`.
#[derive(Debug, Default)]
pub struct JsonLines;

impl Observer for JsonLines {
    fn observe(&self, at: Timestamp, event: &Event) {
        self.observe_all(at, std::slice::from_ref(event));
    }

    fn observe_all(&self, at: Timestamp, events: &[Event]) {
        let mut lines = String::new();
        for line in events.iter().filter_map(|event| json_line(at, event)) {
            lines.push_str(&line);
            lines.push('\n');
        }
        // A reader that went away does not stop the work.
        let _ = std::io::stdout().lock().write_all(lines.as_bytes());
    }
}

/// The JSON form of an event; `None` for those that are not part of the stream.
pub fn json_line(at: Timestamp, event: &Event) -> Option<String> {
    if matches!(event, Event::ScanProgress { .. }) {
        return None;
    }
    let Ok(Value::Object(mut object)) = serde_json::to_value(event) else {
        return None;
    };
    object.insert("at".to_owned(), Value::String(at.to_string()));
    serde_json::to_string(&object).ok()
}

/// At most one line in this time for one cause.
const REPEAT_MS: i64 = 60_000;
/// Causes that are remembered.
const CAUSES_MAX: usize = 256;

/// Log lines.
#[derive(Debug, Default)]
pub struct LogLines {
    failures: Mutex<HashMap<String, Cause>>,
}

#[derive(Debug)]
struct Cause {
    last: Timestamp,
    held_back: u64,
}

impl LogLines {
    /// Whether a failure of this cause is to be told now; then also how many were not told before it.
    fn tell(&self, at: Timestamp, cause: &str) -> Option<u64> {
        let mut causes = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cause) = causes.get_mut(cause) {
            if at.0.saturating_sub(cause.last.0) < REPEAT_MS {
                cause.held_back += 1;
                return None;
            }
            cause.last = at;
            return Some(std::mem::take(&mut cause.held_back));
        }
        if causes.len() >= CAUSES_MAX {
            causes.clear();
        }
        causes.insert(
            cause.to_owned(),
            Cause {
                last: at,
                held_back: 0,
            },
        );
        Some(0)
    }
}

impl Observer for LogLines {
    fn observe(&self, at: Timestamp, event: &Event) {
        match event {
            Event::Failed {
                folder,
                path,
                code,
                remedy,
                attempt,
                next_attempt_at,
                message: said,
            } => {
                let Some(held_back) = self.tell(at, &format!("{folder} {code} {remedy}")) else {
                    return;
                };
                let next = next_attempt_at.map(|at| at.to_string()).unwrap_or_default();
                tracing::warn!(
                    folder, %path, code, remedy, attempt, next, said, held_back, "not uploaded"
                );
            }
            Event::ReceiveFailed {
                inbox,
                message,
                code,
                remedy,
                attempt,
                next_attempt_at,
                words: said,
            } => {
                let Some(held_back) = self.tell(at, &format!("{inbox} {code} {remedy}")) else {
                    return;
                };
                let next = next_attempt_at.map(|at| at.to_string()).unwrap_or_default();
                tracing::warn!(
                    inbox,
                    message_id = message,
                    code,
                    remedy,
                    attempt,
                    next,
                    said,
                    held_back,
                    "not received"
                );
            }
            Event::Notice { name, message } => tracing::warn!(name, "{message}"),
            event => log_work(event),
        }
    }

    fn observe_all(&self, at: Timestamp, events: &[Event]) {
        logging::together(|| {
            for event in events {
                self.observe(at, event);
            }
        });
    }
}

/// Lines about work that goes on.
fn log_work(event: &Event) {
    match event {
        Event::ScanFinished {
            folder,
            files,
            excluded,
            seconds,
        } => {
            let seconds = rounded(*seconds);
            tracing::info!(folder, files, excluded, seconds, "scanned");
        }
        Event::ReleaseStarted {
            folder,
            release,
            files,
            bytes,
        } => tracing::info!(folder, release = release.0, files, bytes, "release started"),
        Event::Uploaded {
            folder,
            path,
            bytes,
            seconds,
            attempts,
            ..
        } => {
            tracing::info!(folder, %path, bytes, seconds = rounded(*seconds), attempts, "uploaded");
        }
        Event::ReleaseFinished {
            folder,
            release,
            uploaded,
            skipped,
            failed,
            seconds,
        } => {
            let (release, seconds) = (release.0, rounded(*seconds));
            tracing::info!(
                folder,
                release,
                uploaded,
                skipped,
                failed,
                seconds,
                "release ended"
            );
        }
        Event::Received {
            inbox,
            path,
            bytes,
            message: message_id,
            ..
        } => tracing::info!(inbox, %path, bytes, message_id, "received"),
        Event::State {
            name,
            from,
            to,
            reason,
        } => log_state(name, from, to, reason.as_deref().unwrap_or_default()),
        Event::ScanProgress { .. }
        | Event::Answered { .. }
        | Event::Overflowed { .. }
        | Event::Failed { .. }
        | Event::ReceiveFailed { .. }
        | Event::Notice { .. } => {}
    }
}

fn log_state(name: &str, from: &str, to: &str, reason: &str) {
    if matches!(to, "blocked" | "degraded" | "waiting" | "paused") {
        tracing::warn!(name, from, to, reason, "state");
    } else {
        tracing::info!(name, from, to, reason, "state");
    }
}

fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::path::RelPath;

    #[test]
    fn json_lines_have_type_and_time_and_progress_has_no_line() {
        let at = Timestamp(1_795_251_600_000);
        let event = Event::Uploaded {
            folder: "www".to_owned(),
            path: RelPath::from_bytes(b"a\n.html".as_slice()).unwrap(),
            bytes: 3,
            sha256: "00".to_owned(),
            seconds: 0.5,
            attempts: 1,
        };
        let line: Value = serde_json::from_str(&json_line(at, &event).unwrap()).unwrap();
        assert_eq!(line["type"], "uploaded");
        assert_eq!(line["at"], "2026-11-21T09:00:00Z");
        assert_eq!(line["path"], "a\\u{a}.html");
        let progress = Event::ScanProgress {
            folder: "www".to_owned(),
            files: 1,
            bytes: 1,
        };
        assert_eq!(json_line(at, &progress), None);
    }

    #[test]
    fn one_cause_is_told_once_a_minute_with_what_was_held_back() {
        let log = LogLines::default();
        assert_eq!(log.tell(Timestamp(0), "a"), Some(0));
        assert_eq!(log.tell(Timestamp(1), "b"), Some(0));
        assert_eq!(log.tell(Timestamp(1_000), "a"), None);
        assert_eq!(log.tell(Timestamp(59_999), "a"), None);
        assert_eq!(log.tell(Timestamp(60_000), "a"), Some(2));
    }
}

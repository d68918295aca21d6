//! What `once` shows while it works: a bar on a terminal, and the counts of its summary.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::model::event::{Event, Observer};
use crate::model::time::Timestamp;
use crate::report::words::{counted, size};

/// Uploads by folder, received files by inbox; no folder has the name of an inbox.
#[derive(Debug, Default)]
pub struct Tally(Mutex<BTreeMap<String, u64>>);

impl Tally {
    /// How many uploads of a folder were acknowledged.
    pub fn uploaded(&self, folder: &str) -> u64 {
        locked(&self.0).get(folder).copied().unwrap_or(0)
    }

    /// How many files were put into an inbox.
    pub fn received(&self, inbox: &str) -> u64 {
        self.uploaded(inbox)
    }
}

impl Observer for Tally {
    fn observe(&self, _at: Timestamp, event: &Event) {
        if let Event::Uploaded { folder: name, .. } | Event::Received { inbox: name, .. } = event {
            *locked(&self.0).entry(name.clone()).or_default() += 1;
        }
    }
}

/// The bar: first what is scanned, then what is sent.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    scanning: BTreeMap<String, (u64, u64)>,
    files: u64,
    files_done: u64,
    bytes: u64,
    is_sending: bool,
}

/// Redraws a second, at most.
const DRAW_EVERY: Duration = Duration::from_millis(100);

impl Bar {
    /// Whether stderr can show one.
    pub fn is_shown() -> bool {
        io::stderr().is_terminal()
    }

    /// Begins to draw.
    pub fn start() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_style(style("{spinner} scanning  {msg}  {elapsed}"));
        bar.enable_steady_tick(DRAW_EVERY);
        Self {
            bar,
            seen: Mutex::default(),
        }
    }

    /// Takes it off the screen.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn scanned(&self, seen: &Seen) {
        let (files, bytes) = seen.scanning.values().fold((0, 0), |(files, bytes), scan| {
            (files + scan.0, bytes + scan.1)
        });
        if !seen.is_sending {
            self.bar
                .set_message(format!("{}, {} read", counted(files, "file"), size(bytes)));
        }
    }

    fn sent(&self, seen: &mut Seen) {
        if !seen.is_sending {
            seen.is_sending = true;
            self.bar.set_style(style(
                "{spinner} uploading {bar:24} {bytes}/{total_bytes}  {bytes_per_sec}  {msg}  ETA {eta}",
            ));
            self.bar.reset_eta();
        }
        self.bar.set_length(seen.bytes);
        self.bar
            .set_message(format!("{}/{} files", seen.files_done, seen.files));
    }
}

impl Observer for Bar {
    fn observe(&self, _at: Timestamp, event: &Event) {
        let mut seen = locked(&self.seen);
        match event {
            Event::ScanProgress {
                folder,
                files,
                bytes,
            } => {
                seen.scanning.insert(folder.clone(), (*files, *bytes));
                self.scanned(&seen);
            }
            Event::ReleaseStarted { files, bytes, .. } => {
                seen.files += files;
                seen.bytes += bytes;
                self.sent(&mut seen);
            }
            Event::Uploaded { bytes, .. } => {
                seen.files_done += 1;
                self.bar.inc(*bytes);
                // Files of a release that is still being planned are sent already.
                seen.files = seen.files.max(seen.files_done);
                seen.bytes = seen.bytes.max(self.bar.position());
                self.sent(&mut seen);
            }
            Event::Failed {
                folder,
                path,
                code,
                message,
                ..
            } => {
                self.bar
                    .println(format!("{folder}:{path}: {code} {message}"));
            }
            Event::ReceiveFailed {
                inbox,
                message,
                code,
                words,
                ..
            } => {
                self.bar
                    .println(format!("{inbox}: message {message}: {code} {words}"));
            }
            Event::Received { inbox, path, .. } => {
                self.bar.println(format!("{inbox}: received {path}"));
            }
            Event::Notice { name, message } => self.bar.println(format!("{name}: {message}")),
            Event::Answered { .. }
            | Event::Overflowed { .. }
            | Event::ScanFinished { .. }
            | Event::ReleaseFinished { .. }
            | Event::State { .. } => {}
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::path::RelPath;

    #[test]
    fn uploads_are_counted_by_folder() {
        let tally = Tally::default();
        let event = |path: &str| Event::Uploaded {
            folder: "www".to_owned(),
            path: RelPath::from_bytes(path.as_bytes()).unwrap(),
            bytes: 1,
            sha256: String::new(),
            seconds: 0.0,
            attempts: 1,
        };
        for path in ["a", "b"] {
            tally.observe(Timestamp(0), &event(path));
        }
        assert_eq!(tally.uploaded("www"), 2);
        assert_eq!(tally.uploaded("other"), 0);
    }

    #[test]
    fn the_templates_are_understood() {
        for template in [
            "{spinner} scanning  {msg}  {elapsed}",
            "{bar:24} {bytes}/{total_bytes}",
        ] {
            ProgressStyle::with_template(template).unwrap();
        }
    }
}

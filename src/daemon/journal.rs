//! Log entries in the native form of systemd's journal, so that `journalctl SYNCD_FOLDER=www` finds what
//! happened in one folder.
//!
//! The message keeps all fields as text too: plain `journalctl` shows nothing but the message. Where the
//! journal does not take an entry, it goes to stderr with its priority in front, which the journal reads
//! as well.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Where the journal listens.
const SOCKET: &str = "/run/systemd/journal/socket";
/// What the journal's fields of syncd's own begin with.
const PREFIX: &str = "SYNCD_";

/// The journal, as a place for events of `tracing`.
#[derive(Debug)]
pub struct Journal {
    socket: Option<UnixDatagram>,
}

impl Journal {
    /// The journal of this machine; without one, every entry goes to stderr.
    pub fn of_this_machine() -> Self {
        Self {
            socket: connect(Path::new(SOCKET)).ok(),
        }
    }

    /// Whether the journal took it.
    fn take(&self, entry: &Entry) -> bool {
        let bytes = entry.datagram();
        self.socket
            .as_ref()
            .is_some_and(|socket| socket.send(&bytes).is_ok())
    }
}

/// Never waits for a journal that does not read.
fn connect(path: &Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut entry = Entry::new(*event.metadata().level());
        event.record(&mut entry);
        if !self.take(&entry) {
            let line = format!("<{}>{}\n", entry.priority, entry.text);
            let _ = io::stderr().lock().write_all(line.as_bytes());
        }
    }
}

/// One entry while it is put together.
#[derive(Debug)]
struct Entry {
    priority: u8,
    /// `message field=value`.
    text: String,
    fields: Vec<(String, String)>,
}

impl Entry {
    fn new(level: Level) -> Self {
        Self {
            priority: priority(level),
            text: String::new(),
            fields: Vec::new(),
        }
    }

    /// `shown` is the value in the message, where a string is in quotes.
    fn add(&mut self, field: &Field, shown: &str, value: String) {
        // The message comes first, whatever the order; its own name is not written.
        if field.name() == "message" {
            let space = if self.text.is_empty() { "" } else { " " };
            self.text = format!("{value}{space}{}", self.text);
            return;
        }
        let space = if self.text.is_empty() { "" } else { " " };
        // Writing into a String cannot fail.
        let _ = write!(self.text, "{space}{}={shown}", field.name());
        self.fields.push((journal_name(field.name()), value));
    }

    /// The entry as the journal reads it.
    fn datagram(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(&mut bytes, "MESSAGE", &self.text);
        put(&mut bytes, "PRIORITY", &self.priority.to_string());
        put(&mut bytes, "SYSLOG_IDENTIFIER", "syncd");
        for (name, value) in &self.fields {
            put(&mut bytes, name, value);
        }
        bytes
    }
}

impl Visit for Entry {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = format!("{value:?}");
        self.add(field, &value.clone(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, &format!("{value:?}"), value.to_owned());
    }
}

/// `next_attempt` is `SYNCD_NEXT_ATTEMPT`: the journal knows capitals, digits and `_` only.
fn journal_name(name: &str) -> String {
    let allowed = |letter: char| match letter.to_ascii_uppercase() {
        letter if letter.is_ascii_alphanumeric() => letter,
        _ => '_',
    };
    let name: String = name.chars().map(allowed).collect();
    format!("{PREFIX}{name}")
}

/// A field. A value with line ends goes with its length, so that it cannot forge another field.
fn put(bytes: &mut Vec<u8>, name: &str, value: &str) {
    bytes.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        bytes.push(b'\n');
        bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        bytes.push(b'=');
    }
    bytes.extend_from_slice(value.as_bytes());
    bytes.push(b'\n');
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
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// What the journal gets of what is logged in `work`.
    fn journal_of(work: impl FnOnce()) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = UnixDatagram::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        let journal = Journal {
            socket: Some(connect(&path).unwrap()),
        };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(journal), work);
        let mut entries = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count) = listener.recv(&mut buffer) {
            entries.push(String::from_utf8_lossy(&buffer[..count]).into_owned());
        }
        entries
    }

    #[test]
    fn an_entry_has_a_readable_message_and_every_field() {
        let entries = journal_of(|| {
            let path = format_args!("a b.html").to_string();
            tracing::warn!(folder = "www", %path, attempt = 2, next_at = "", "not uploaded");
        });
        assert_eq!(
            entries,
            [
                "MESSAGE=not uploaded folder=\"www\" path=a b.html attempt=2 next_at=\"\"\n\
              PRIORITY=4\n\
              SYSLOG_IDENTIFIER=syncd\n\
              SYNCD_FOLDER=www\n\
              SYNCD_PATH=a b.html\n\
              SYNCD_ATTEMPT=2\n\
              SYNCD_NEXT_AT=\n"
            ]
        );
    }

    #[test]
    fn each_level_has_its_priority() {
        let entries = journal_of(|| {
            tracing::error!("e");
            tracing::info!("i");
            tracing::debug!("d");
        });
        let priorities: Vec<_> = entries
            .iter()
            .filter_map(|entry| entry.lines().find(|line| line.starts_with("PRIORITY=")))
            .collect();
        assert_eq!(priorities, ["PRIORITY=3", "PRIORITY=6", "PRIORITY=7"]);
    }

    #[test]
    fn a_value_cannot_forge_a_field() {
        let entries = journal_of(|| tracing::info!(said = "x\nPRIORITY=0", "a\nPRIORITY=0"));
        let message = "a\nPRIORITY=0 said=\"x\\nPRIORITY=0\"";
        let mut expected = b"MESSAGE\n".to_vec();
        expected.extend_from_slice(&(message.len() as u64).to_le_bytes());
        expected.extend_from_slice(message.as_bytes());
        expected.extend_from_slice(b"\nPRIORITY=6\nSYSLOG_IDENTIFIER=syncd\nSYNCD_SAID\n");
        expected.extend_from_slice(&12_u64.to_le_bytes());
        expected.extend_from_slice(b"x\nPRIORITY=0\n");
        assert_eq!(entries, [String::from_utf8_lossy(&expected)]);
    }

    #[test]
    fn an_entry_that_the_journal_does_not_take_is_known() {
        let nowhere = Journal { socket: None };
        assert!(!nowhere.take(&Entry::new(Level::INFO)));
    }
}

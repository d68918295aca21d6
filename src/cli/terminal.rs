//! What goes to stdout and stderr.

use std::io::{self, Write as _};

/// Writes data to stdout. A reader that went away (`syncd … | head`) is no error.
pub fn data(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}

/// Writes one JSON value and a line end to stdout.
pub fn json(value: &impl serde::Serialize) {
    if let Ok(mut text) = serde_json::to_string(value) {
        text.push('\n');
        data(&text);
    }
}

/// Says something to the person, apart from the data, if anybody reads it.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Says what went wrong: what, where, how to mend it.
pub fn error(text: &str) {
    let _ = writeln!(io::stderr(), "syncd: {text}");
}

//! `multipart/form-data` with one file at its end, as bytes before and after the file.

use std::fmt::Write as _;

use bytes::Bytes;

use super::Envelope;

/// A form whose fields are written and whose file is still to come.
pub(super) struct Form {
    boundary: String,
    fields: String,
}

impl Form {
    /// An empty form. `nonce` is chance: 128 bits that no file's bytes hold.
    pub(super) fn new(nonce: u128) -> Self {
        Self {
            boundary: format!("syncd-{nonce:032x}"),
            fields: String::new(),
        }
    }

    /// Adds a field. The value goes as it is; it must hold no line break.
    pub(super) fn field(&mut self, name: &str, value: &str) {
        // Writing into a String cannot fail.
        let _ = write!(
            self.fields,
            "--{}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n",
            self.boundary
        );
    }

    /// The request's `Content-Type`.
    pub(super) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// What goes before and after the bytes of the file, which is the last part.
    pub(super) fn around_file(self) -> Envelope {
        let Self {
            boundary,
            mut fields,
        } = self;
        // The file's own name is in the key; here it could only be misread (protocol notes 2.2).
        let _ = write!(
            fields,
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        Envelope {
            before: Bytes::from(fields),
            after: Bytes::from(format!("\r\n--{boundary}--\r\n")),
        }
    }
}

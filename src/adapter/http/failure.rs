//! Errors of the HTTP client, told by kind. None of its own texts is passed on: they may hold addresses.

use std::error::Error;
use std::io;

use super::body::Progress;
use super::resolver::{AddressForbidden, LookupFailed};
use crate::port::transport::{TransportFault, TransportKind};

/// A fault with what had been sent by then.
pub(super) fn fault(kind: TransportKind, message: &str, progress: &Progress) -> TransportFault {
    TransportFault {
        kind,
        message: message.to_owned(),
        bytes_sent: progress.sent(),
        moved_for: progress.moved_for(),
    }
}

/// What an error of the client means.
pub(super) fn classify(error: &reqwest::Error, progress: &Progress) -> TransportFault {
    let (kind, message) = if progress.source_failed() {
        (
            TransportKind::Source,
            "the source of the body failed".to_owned(),
        )
    } else if let Some(found) = find::<AddressForbidden>(error) {
        (TransportKind::Refused, found.to_string())
    } else if let Some(found) = find::<LookupFailed>(error) {
        (TransportKind::Dns, found.to_string())
    } else if error.is_connect() {
        connect(error)
    } else if error.is_timeout() {
        (TransportKind::Timeout, "no answer in time".to_owned())
    } else if error.is_builder() {
        (
            TransportKind::Refused,
            "the request cannot be written".to_owned(),
        )
    } else {
        (
            TransportKind::Reset,
            format!("the connection ended early{}", system_words(error)),
        )
    };
    fault(kind, &message, progress)
}

fn connect(error: &reqwest::Error) -> (TransportKind, String) {
    if error.is_timeout() {
        return (TransportKind::Connect, "no connection in time".to_owned());
    }
    match find::<io::Error>(error) {
        // rustls wraps its own error; the system's errors have a number.
        Some(found) if found.raw_os_error().is_none() && found.get_ref().is_some() => (
            TransportKind::Tls,
            format!("no trusted connection: {found}"),
        ),
        _ => (
            TransportKind::Connect,
            format!("no connection{}", system_words(error)),
        ),
    }
}

/// The operating system's words, where there are any.
fn system_words(error: &reqwest::Error) -> String {
    find::<io::Error>(error)
        .filter(|found| found.raw_os_error().is_some())
        .map(|found| format!(": {found}"))
        .unwrap_or_default()
}

/// The innermost error of a type in a chain of sources.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut found = None;
    let mut next = Some(error);
    while let Some(error) = next {
        found = error.downcast_ref::<T>().or(found);
        next = error.source();
    }
    found
}

//! A `[[folder]]` with `flow = "ccmessaging"`: what is put in it is sent to the agent, and stays there.

use bytesize::ByteSize;

use super::Target;
use crate::config::reader::Section;
use crate::config::unit;

/// Keys that an outbox has no use for, and why.
const UNUSED: [(&str, &str); 10] = [
    ("env", "is for the WeChat flows only"),
    ("prefix", "is for the WeChat flows only"),
    (
        "last",
        "has no use in an outbox: files are sent as they come",
    ),
    (
        "header",
        "has no use in an outbox: a message carries no headers",
    ),
    ("delete", SENT),
    ("delete_limit", SENT),
    ("delete_after", SENT),
    ("protect", SENT),
    (
        "verify",
        "has no use in an outbox: there is no listing to compare with",
    ),
    (
        "keep_releases",
        "has no use in an outbox: nothing is published that could be rolled back",
    ),
];

const SENT: &str = "has no use in an outbox: what was sent to an agent cannot be taken back";

/// Reads what an outbox has of its own, and refuses what is written of [`UNUSED`]; their defaults are not
/// shown either.
pub(super) fn read(section: &Section<'_, '_>) -> Option<Target> {
    for (key, why) in UNUSED {
        if section.has(key) {
            section.report(key, format!("`{key}` {why}; take it out"));
        }
    }
    let max_file = if section.has("max_file") {
        Some(section.read("max_file", |value| unit::size(value, ByteSize::b(1)))?)
    } else {
        None
    };
    Some(Target {
        max_file: max_file.map(|size| size.value),
        ..Target::default()
    })
}

/// The bound of an outbox, in a folder that is none.
pub(super) fn refuse_max_file(section: &Section<'_, '_>) {
    if section.has("max_file") {
        let message = "`max_file` is for outboxes and inboxes only; take it out";
        section.report("max_file", message.to_owned());
    }
}

//! A `[[folder]]` with `flow = "ccmessaging"`: what is put in it is sent to the agent, and stays there.

use crate::config::reader::Section;

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

/// Refuses what is written of [`UNUSED`]. Their defaults are not shown either.
pub(super) fn refuse_unused(section: &Section<'_, '_>) {
    for (key, why) in UNUSED {
        if section.has(key) {
            section.report(key, format!("`{key}` {why}; take it out"));
        }
    }
}

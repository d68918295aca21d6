//! Keys of `[alerts]`.

use super::Absent::{Unset, Value};
use super::{Key, Kind, key};

pub(super) const KEYS: &[Key] = &[
    key(
        Kind::Alerts,
        "url",
        Unset("no alerts"),
        "Where alerts are posted as JSON: `https://…`, or `http://` for a loopback address; plain, or kept \
         like a secret.",
    ),
    key(
        Kind::Alerts,
        "secret",
        Unset("not signed"),
        "A secret: signs each alert with HMAC-SHA256 in the header `x-syncd-signature`.",
    ),
    key(
        Kind::Alerts,
        "lag",
        Value("\"15m\""),
        "A change that waits for longer than this is told, `1s` to `7d`.",
    ),
    key(
        Kind::Alerts,
        "heartbeat_url",
        Unset("no heartbeat"),
        "Asked with GET for as long as all is well; plain, or kept like a secret.",
    ),
    key(
        Kind::Alerts,
        "heartbeat",
        Value("\"5m\""),
        "How often, `1s` to `7d`.",
    ),
];

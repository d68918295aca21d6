//! Keys of the top of the file and of the general tables.

use super::Absent::{Required, Unset, Value};
use super::{Key, Kind, key};

pub(super) const KEYS: &[Key] = &[
    key(
        Kind::Top,
        "state_dir",
        Unset("`$STATE_DIRECTORY`, else `$XDG_STATE_HOME/syncd`"),
        "Where the database, the lock and the control socket are: an absolute path outside of \
         every folder. Made with mode 0700.",
    ),
    key(
        Kind::Top,
        "log",
        Unset("its defaults"),
        "Table: what is logged, and how.",
    ),
    key(
        Kind::Top,
        "http",
        Unset("off"),
        "Table: metrics, health and the status page over HTTP.",
    ),
    key(
        Kind::Top,
        "alerts",
        Unset("off"),
        "Table: whom to tell when something needs a person.",
    ),
    key(
        Kind::Top,
        "network",
        Unset("its defaults"),
        "Table: how the network is reached.",
    ),
    key(
        Kind::Top,
        "limits",
        Unset("its defaults"),
        "Table: what syncd allows itself.",
    ),
    key(
        Kind::Top,
        "accounts",
        Unset("none"),
        "Tables `[accounts.NAME]`: who syncd is towards a cloud. A name has 1 to 64 of `A-Z a-z \
         0-9 . _ -`.",
    ),
    key(
        Kind::Top,
        "folder",
        Unset("none"),
        "Tables `[[folder]]`: the folders to keep deployed.",
    ),
    key(
        Kind::Top,
        "inbox",
        Unset("none"),
        "Tables `[[inbox]]`: the folders that received files go to.",
    ),
    key(
        Kind::Log,
        "level",
        Value("\"info\""),
        "`error`, `warn`, `info`, `debug` or `trace`.",
    ),
    key(
        Kind::Log,
        "format",
        Value("\"auto\""),
        "`auto`, `text`, `json` or `journald`. `auto` is `journald` under systemd, else `text`.",
    ),
    key(
        Kind::Http,
        "listen",
        Required,
        "`ADDRESS:PORT` or `unix:/path`. Loopback only, unless `allow_public` is true.",
    ),
    key(
        Kind::Http,
        "allow_public",
        Value("false"),
        "Lets `listen` be an address that others can reach.",
    ),
    key(
        Kind::Network,
        "proxy",
        Unset("no proxy"),
        "HTTP proxy for all requests, `http://HOST:PORT`. The environment's proxy variables are \
         not read.",
    ),
    key(
        Kind::Network,
        "ca_file",
        Unset("the system's roots"),
        "A PEM file with more roots to trust.",
    ),
    key(
        Kind::Limits,
        "concurrency",
        Value("\"auto\""),
        "Parallel transfers per account: `auto` finds the number by measuring, or 1 to 512.",
    ),
    key(
        Kind::Limits,
        "bandwidth",
        Unset("no cap"),
        "Bytes a second of the whole process, like `\"8 MiB/s\"`, or a timetable.",
    ),
    key(
        Kind::Limits,
        "attempts",
        Value("8"),
        "Faults of a file itself until its job is dead (visibly), 1 to 100. Outages, quota and \
         token trouble never count.",
    ),
    key(
        Kind::Limits,
        "memory",
        Value("\"128 MiB\""),
        "The most memory for the bytes of files that are being sent, of all accounts together; 32 MiB \
         or more.",
    ),
];

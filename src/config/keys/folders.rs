//! Keys of folders and inboxes.

use super::Absent::{Required, Unset, Value};
use super::{Key, Kind, key};

pub(super) const KEYS: &[Key] = &[
    key(
        Kind::Folder,
        "name",
        Required,
        "1 to 32 of `a-z 0-9 -`, unique among folders and inboxes.",
    ),
    key(
        Kind::Folder,
        "path",
        Required,
        "The folder, an absolute path. If it is missing, this folder waits and the others work.",
    ),
    key(
        Kind::Folder,
        "flow",
        Required,
        "`static-website`, `cloud-storage`, or `ccmessaging` (an outbox).",
    ),
    key(
        Kind::Folder,
        "account",
        Required,
        "The NAME of an `[accounts.NAME]`.",
    ),
    key(
        Kind::Folder,
        "env",
        Unset("required by the WeChat flows"),
        "The environment's id.",
    ),
    key(
        Kind::Folder,
        "prefix",
        Value("\"\""),
        "Put in front of every remote key as it is: end it with `/` to make it a directory.",
    ),
    key(
        Kind::Folder,
        "exclude",
        Value("[]"),
        "Files left out, gitignore syntax, on top of the built-in list and `.syncdignore`.",
    ),
    key(
        Kind::Folder,
        "settle",
        Value("\"500ms\""),
        "A change is taken once its path was quiet for this long, 0 s to 1 h.",
    ),
    key(
        Kind::Folder,
        "settle_max",
        Value("\"30s\""),
        "A change is taken at the latest after this, `settle` to 1 d.",
    ),
    key(
        Kind::Folder,
        "watch",
        Value("\"auto\""),
        "`auto`, `native` (events of the system), `poll` (looks again every few seconds) or `off`.",
    ),
    key(
        Kind::Folder,
        "rescan",
        Value("\"1h\""),
        "Time between full scans, 1 s to 30 d; a little is added or taken away by chance.",
    ),
    key(
        Kind::Folder,
        "delete",
        Value("\"keep\""),
        "What happens in the cloud when a file is gone here: `keep`, `mirror` or `tombstone`.",
    ),
    key(
        Kind::Folder,
        "delete_limit",
        Value("\"10%\""),
        "A plan that deletes more than this share, or this number, waits for `syncd queue approve \
         NAME`.",
    ),
    key(
        Kind::Folder,
        "delete_after",
        Value("\"0s\""),
        "How long replaced and removed files stay, 0 s to 365 d.",
    ),
    key(
        Kind::Folder,
        "protect",
        Value("[]"),
        "Remote keys that are never deleted, gitignore syntax.",
    ),
    key(
        Kind::Folder,
        "last",
        Value("[\"index.html\"]"),
        "Files published after all other pages of a release, gitignore syntax.",
    ),
    key(
        Kind::Folder,
        "verify",
        Value("\"off\""),
        "`off`, or how often the records are compared with the remote listing, 1 m to 30 d.",
    ),
    key(
        Kind::Folder,
        "keep_releases",
        Value("0"),
        "How many releases stay on disk for `rollback`, 0 to 1000.",
    ),
    key(
        Kind::Folder,
        "header",
        Unset("for a static website: `*.html` gets `cache-control: no-cache`"),
        "Tables `[[folder.header]]`: headers stored with the files. The first rule that matches a \
         file is taken.",
    ),
    key(
        Kind::Folder,
        "max_file",
        Unset("the desk's own bound: 2 MiB, 4 MiB for a video"),
        "For an outbox: larger files are not sent. Raise it where your desk takes more.",
    ),
    key(Kind::Header, "match", Required, "A gitignore pattern."),
    key(
        Kind::Header,
        "set",
        Required,
        "Table of header names and values, like `{ cache-control = \"no-cache\" }`. Headers that \
         belong to the transfer itself are refused.",
    ),
    key(
        Kind::Inbox,
        "name",
        Required,
        "1 to 32 of `a-z 0-9 -`, unique among folders and inboxes.",
    ),
    key(
        Kind::Inbox,
        "path",
        Required,
        "The folder that received files go to, an absolute path outside of every watched folder.",
    ),
    key(
        Kind::Inbox,
        "account",
        Required,
        "The NAME of an `[accounts.NAME]` with provider `ccmessaging`; one inbox per account.",
    ),
    key(
        Kind::Inbox,
        "file_name",
        Value("\"{date}/{time}_{message}.{ext}\""),
        "Names of received files, made from syncd's own fields.",
    ),
    key(
        Kind::Inbox,
        "max_file",
        Value("\"64 MiB\""),
        "Larger files are not taken.",
    ),
    key(
        Kind::Inbox,
        "sidecar",
        Value("true"),
        "`NAME.json` beside each file: message, sender, times, SHA-256.",
    ),
    key(
        Kind::Inbox,
        "on_receive",
        Unset("nothing is run"),
        "A program and its arguments, without a shell, run at least once for each file; `{path}` \
         is the file.",
    ),
];

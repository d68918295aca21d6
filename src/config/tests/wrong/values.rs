//! Values that are wrong by themselves.

use super::Wrong::{After, Before, Instead};
use super::{Wrong, check};

#[test]
fn wrong_values_are_refused() {
    check(VALUES);
}

const VALUES: &[(Wrong, &str)] = &[
    (
        Before(
            r#"[http]
listen = "0.0.0.0:9180"
"#,
        ),
        "2:10: `listen` is an address that others can reach; use 127.0.0.1, or set allow_public = true",
    ),
    (
        Before(
            r"[http]
",
        ),
        r"1:1: `listen` is missing in [http]; add it",
    ),
    (
        Before(
            r#"[log]
level = "inof"
"#,
        ),
        r#"2:9: `level` cannot be "inof"; did you mean `info`?"#,
    ),
    (
        Before(
            r#"[log]
format = "xml"
"#,
        ),
        r#"2:10: `format` cannot be "xml"; known are `auto`, `text`, `json`, `journald`"#,
    ),
    (
        Before(
            r#"state_dir = "state"
"#,
        ),
        r#"1:13: `state_dir` must be an absolute path, not "state"; start it with `/`"#,
    ),
    (
        Before(
            r"[limits]
attempts = 0
",
        ),
        r"2:12: `attempts` must be from 1 to 100",
    ),
    (
        Before(
            r#"[limits]
attempts = "8"
"#,
        ),
        r"2:12: `attempts` must be a whole number from 1 to 100, not a string",
    ),
    (
        Before(
            r"[limits]
attempts = 99999999999999999999
",
        ),
        r"2:12: `attempts` must be from 1 to 100",
    ),
    (
        Before(
            r"[limits]
concurrency = 0
",
        ),
        r#"2:15: `concurrency` must be "auto" or a number from 1 to 512"#,
    ),
    (
        Before(
            r#"[limits]
concurrency = "many"
"#,
        ),
        r#"2:15: `concurrency` must be "auto" or a number from 1 to 512"#,
    ),
    (
        Before(
            r#"[limits]
memory = "1 KiB"
"#,
        ),
        r"2:10: `memory` must be at least 32.0 MiB",
    ),
    (
        Before(
            r#"[limits]
memory = "lots"
"#,
        ),
        r#"2:10: `memory` must be a size like "64 KiB" or "8 MB", not "lots""#,
    ),
    (
        Before(
            r"[limits]
memory = true
",
        ),
        r#"2:10: `memory` must be a size like "64 KiB" or "8 MB", not true or false"#,
    ),
    (
        Before(
            r#"[limits]
bandwidth = "8 MiB"
"#,
        ),
        r#"2:13: `bandwidth` must be a rate like "8 MiB/s", not "8 MiB""#,
    ),
    (
        Before(
            r#"[network]
proxy = "proxy:3128"
"#,
        ),
        r"2:9: `proxy` has no host; write it like http://host:port",
    ),
    (
        Before(
            r#"[network]
proxy = "socks5://proxy"
"#,
        ),
        r#"2:9: `proxy` must begin with http:// or https://, not "socks5""#,
    ),
    (
        Before(
            r#"[network]
ca_file = "own.pem"
"#,
        ),
        r#"2:11: `ca_file` must be an absolute path, not "own.pem"; start it with `/`"#,
    ),
    (
        After("max_file = \"1 MiB\"\n"),
        "11:12: `max_file` is for outboxes and inboxes only; take it out",
    ),
    (
        After(
            r#"settle = "500"
"#,
        ),
        "11:10: `settle` must be a duration like \"500ms\", \"30s\", \"5m\", \"1h\" or \
             \"1d\", not \"500\"",
    ),
    (
        After(
            r"settle = 500
",
        ),
        "11:10: `settle` must be a duration like \"500ms\", \"30s\", \"5m\", \"1h\" or \
             \"1d\", not an integer",
    ),
    (
        After(
            r#"settle = "1 fortnight"
"#,
        ),
        "11:10: `settle` must be a duration like \"500ms\", \"30s\", \"5m\", \"1h\" or \
             \"1d\", not \"1 fortnight\"",
    ),
    (
        After(
            r#"settle = "2h"
"#,
        ),
        r"11:10: `settle` must be from 0s to 1h",
    ),
    (
        After(
            r#"settle = "1m"
"#,
        ),
        "11:10: `settle` (1m) is longer than `settle_max` (30s); shorten it, or raise \
             settle_max",
    ),
    (
        After(
            r#"settle_max = "100ms"
"#,
        ),
        "11:14: `settle` (500ms) is longer than `settle_max` (100ms); shorten it, or \
             raise settle_max",
    ),
    (
        After(
            r#"rescan = "0s"
"#,
        ),
        r"11:10: `rescan` must be from 1s to 30d",
    ),
    (
        After(
            r#"watch = "on"
"#,
        ),
        r#"11:9: `watch` cannot be "on"; known are `auto`, `native`, `poll`, `off`"#,
    ),
    (
        After(
            r#"prefix = "/site/"
"#,
        ),
        r"11:10: `prefix` must not begin with `/`; take it away",
    ),
    (
        After(
            r#"prefix = "a//b/"
"#,
        ),
        r#"11:10: `prefix` must not have an empty, `.` or `..` part; write it like "site/""#,
    ),
    (
        After(
            r#"prefix = "a/../"
"#,
        ),
        r#"11:10: `prefix` must not have an empty, `.` or `..` part; write it like "site/""#,
    ),
    (
        After(
            r#"prefix = "a\u0007"
"#,
        ),
        r"11:10: `prefix` has a control character; take it out",
    ),
    (
        After(
            r#"exclude = "*.map"
"#,
        ),
        r#"11:11: `exclude` must be a list like ["…"], not a string"#,
    ),
    (
        After(
            r#"exclude = ["ok", "a[z-a]"]
"#,
        ),
        "11:18: `exclude` has a pattern that is not valid (invalid range; 'z' > 'a'); see \
             gitignore(5)",
    ),
    (
        After(
            r#"exclude = [""]
"#,
        ),
        r"11:12: `exclude` has an empty pattern, which matches nothing; take it out",
    ),
    (
        After(
            r##"exclude = ["#x", 3]
"##,
        ),
        r"11:12: `exclude` has a pattern that `#` makes a comment; write `\\#` at its start
11:18: `exclude` must hold strings, not an integer",
    ),
    (
        After(
            r#"last = ["[a"]
"#,
        ),
        "11:9: `last` has a pattern with `[` but no `]`, which matches nothing; close it, \
             or write `\\\\[`",
    ),
    (
        After(
            r#"delete = "mirorr"
"#,
        ),
        r#"11:10: `delete` cannot be "mirorr"; did you mean `mirror`?"#,
    ),
    (
        After(
            r#"delete_limit = "110%"
"#,
        ),
        r#"11:16: `delete_limit` must be a number of files or a share like "10%", not "110%""#,
    ),
    (
        After(
            r#"delete_after = "soon"
"#,
        ),
        "11:16: `delete_after` must be a duration like \"500ms\", \"30s\", \"5m\", \"1h\" \
             or \"1d\", not \"soon\"",
    ),
    (
        After(
            r#"verify = "on"
"#,
        ),
        "11:10: `verify` must be \"off\" or a duration like \"500ms\", \"30s\", \"5m\", \
             \"1h\" or \"1d\", not \"on\"",
    ),
    (
        After(
            r"keep_releases = -1
",
        ),
        r"11:17: `keep_releases` must be from 0 to 1000",
    ),
    (
        Instead(r#""/nowhere/www""#, r#""www""#),
        r#"7:8: `path` must be an absolute path, not "www"; start it with `/`"#,
    ),
    (
        Instead(r#""/nowhere/www""#, r#""~/www""#),
        "7:8: `path` must be an absolute path, not \"~/www\" (`~` is not known here); \
             start it with `/`",
    ),
    (
        Instead(r#""/nowhere/www""#, r#""/srv/../www""#),
        r"7:8: `path` has a `..` part; write the path without it",
    ),
    (
        Instead(r#""/nowhere/www""#, r#""/a\u0000b""#),
        r"7:8: `path` has a NUL character; take it out",
    ),
    (
        Instead(r#""static-website""#, r#""static-site""#),
        r#"8:8: `flow` cannot be "static-site"; did you mean `static-website`?"#,
    ),
    (
        Instead(r#""shop-1""#, r#""shop 1""#),
        r#"10:7: `env` must be 1 to 64 of A-Z a-z 0-9 _ -, not "shop 1""#,
    ),
    (
        Instead(
            r#"env = "shop-1"
"#,
            r"",
        ),
        "5:1: `env` is missing in [[folder]]; flow \"static-website\" needs the \
             environment's id",
    ),
    (
        Instead(r#"account = "shop""#, r#"account = "shpo""#),
        r#"9:11: there is no account "shpo"; did you mean `shop`?"#,
    ),
    (
        Instead(r"[accounts.shop]", r"[accounts.zzzzzz]"),
        r#"9:11: there is no account "shop"; known are `zzzzzz`"#,
    ),
];

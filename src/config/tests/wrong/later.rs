//! What a later version will do.

use super::Wrong::{After, Before, Instead, Token};
use super::{Wrong, check};

#[test]
fn what_this_version_cannot_do_is_refused_where_it_is_written() {
    check(LATER);
}

const LATER: &[(Wrong, &str)] = &[
    (
        Instead(r#""static-website""#, r#""cloud-storage""#),
        "8:8: `flow = \"cloud-storage\"` is not in this version of syncd yet; use \
             \"static-website\"",
    ),
    (
        After(
            r#"delete = "mirror"
"#,
        ),
        r#"11:10: `delete = "mirror"` is not in this version of syncd yet; use "keep""#,
    ),
    (
        After(
            r#"verify = "1d"
"#,
        ),
        r#"11:10: `verify = "1d"` is not in this version of syncd yet; use "off""#,
    ),
    (
        After(
            r"keep_releases = 3
",
        ),
        r"11:17: `keep_releases = 3` is not in this version of syncd yet; use 0",
    ),
    (
        Before(
            r#"[http]
listen = "127.0.0.1:9180"
"#,
        ),
        r"1:1: `[http]` is not in this version of syncd yet; take it out",
    ),
    (
        Before(
            r#"[http]
listen = "0.0.0.0:9180"
"#,
        ),
        "1:1: `[http]` is not in this version of syncd yet; take it out\n\
             2:10: `listen` is an address that others can reach; use 127.0.0.1, or set \
             allow_public = true",
    ),
    (
        Before(
            r"[http]
",
        ),
        r"1:1: `listen` is missing in [http]; add it
1:1: `[http]` is not in this version of syncd yet; take it out",
    ),
    (
        Before(
            r#"[limits]
bandwidth = "8 MiB/s"
"#,
        ),
        r#"2:13: `bandwidth = "8 MiB/s"` is not in this version of syncd yet; take it out"#,
    ),
    (
        Before(
            r#"[limits]
bandwidth = ["08:00 1 MiB/s"]
"#,
        ),
        r"2:13: `bandwidth` is not in this version of syncd yet; take it out",
    ),
    (
        Token(
            r#"{ component = { appid = "wx1", secret = { env = "A" }, ticket = { env = "B" } } }"#,
        ),
        r"4:23: `component` is not in this version of syncd yet; use another token source",
    ),
    (
        Token(
            "{ authorizer = { component = { appid = \"wx1\", secret = { env = \"A\" }, ticket \
             = { env = \"B\" } }, appid = \"wx2\", refresh_token = { env = \"C\" } } }",
        ),
        r"4:24: `authorizer` is not in this version of syncd yet; use another token source",
    ),
    (
        After(
            r#"[[inbox]]
name = "desk"
path = "/nowhere/inbox"
account = "shop"
"#,
        ),
        "11:1: `[[inbox]]` is not in this version of syncd yet; take it out\n\
             14:11: account \"shop\" has provider \"wechat\", but a \"ccmessaging\" account \
             is needed here; name another",
    ),
    (
        Instead(r#""static-website""#, r#""ccmessaging""#),
        "8:8: `flow = \"ccmessaging\"` is not in this version of syncd yet; use \
             \"static-website\"\n\
             9:11: account \"shop\" has provider \"wechat\", but a \"ccmessaging\" account is \
             needed here; name another\n\
             10:7: `env` is for the WeChat flows only; take it out",
    ),
];

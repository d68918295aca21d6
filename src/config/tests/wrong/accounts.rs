//! Accounts and tokens.

use super::Wrong::{Instead, Token};
use super::{Wrong, check};

#[test]
fn wrong_accounts_are_refused() {
    check(ACCOUNTS);
}

const ACCOUNTS: &[(Wrong, &str)] = &[
    (
        Instead(r#""wechat""#, r#""wecaht""#),
        r#"3:12: `provider` cannot be "wecaht"; did you mean `wechat`?"#,
    ),
    (
        Instead(
            r"provider",
            r#"base_url = "http://api.weixin.qq.com"
provider"#,
        ),
        r"3:12: `base_url` must begin with https://; http:// is for loopback addresses only",
    ),
    (
        Instead(
            r"provider",
            r#"base_url = "http://127.evil.example"
provider"#,
        ),
        r"3:12: `base_url` must begin with https://; http:// is for loopback addresses only",
    ),
    (
        Instead(
            r"provider",
            r#"base_url = "ftp://a"
provider"#,
        ),
        r#"3:12: `base_url` must begin with https://, not "ftp""#,
    ),
    (
        Instead(
            r"provider",
            r#"base_url = "a.example"
provider"#,
        ),
        "3:12: `base_url` is not a URL (relative URL without a base); write it like \
             https://host",
    ),
    (
        Instead(
            r"provider",
            r#"base_url = "https://me:pw@a.example"
provider"#,
        ),
        r"3:12: `base_url` has a user name or password in it; take them out",
    ),
    (
        Instead(
            r"provider",
            r#"base_url = "https://a.example/?x=1"
provider"#,
        ),
        r"3:12: `base_url` must end with the host or a path; take out `?` and `#`",
    ),
    (
        Instead(
            r"provider",
            r"upload_hosts = []
provider",
        ),
        r"3:16: `upload_hosts` is empty, so nothing could be sent; list a host",
    ),
    (
        Instead(
            r"provider",
            r#"upload_hosts = ["https://a.example/"]
provider"#,
        ),
        "3:17: `upload_hosts` has \"https://a.example/\", but takes hosts; write only the \
             name, like \"*.myqcloud.com\"",
    ),
    (
        Instead(
            r"provider",
            r#"upload_hosts = ["*"]
provider"#,
        ),
        "3:17: `upload_hosts` has \"*\", which is not a host name; `*` may only stand \
             alone at the start, as in \"*.myqcloud.com\"",
    ),
    (
        Instead(
            r"provider",
            r#"upload_hosts = ["*.com"]
provider"#,
        ),
        "3:17: `upload_hosts` is too wide with \"*.com\"; name a domain with two parts, \
             like \"*.myqcloud.com\"",
    ),
    (
        Instead(
            r"provider",
            r#"upload_hosts = ["a.*.example"]
provider"#,
        ),
        "3:17: `upload_hosts` has \"a.*.example\", which is not a host name; `*` may only \
             stand alone at the start, as in \"*.myqcloud.com\"",
    ),
    (
        Instead(
            r"provider",
            r#"upload_hosts = ["127.0.0.1:80"]
provider"#,
        ),
        r#"3:17: `upload_hosts` has a port in "127.0.0.1:80"; take it out"#,
    ),
    (
        Instead(
            r"provider",
            r#"upload_hosts = ["a b"]
provider"#,
        ),
        "3:17: `upload_hosts` has \"a b\", which is not a host name; `*` may only stand \
             alone at the start, as in \"*.myqcloud.com\"",
    ),
    (
        Instead(
            r"provider",
            r"requests_per_second = -1
provider",
        ),
        r"3:23: `requests_per_second` must be from 0 to 10000",
    ),
    (
        Instead(
            r"provider",
            r#"app_key = "x"
provider"#,
        ),
        "3:1: unknown key \"app_key\" in [accounts.shop]; it belongs to [accounts.NAME] \
             with provider = \"ccmessaging\"",
    ),
    (
        Token(r#""abc""#),
        "4:9: `token` must be a table, not a string; its keys are `app`, `component`, \
             `authorizer`, `command`, `url`, `header`, `file`, `cloudbase_file`, `value`",
    ),
    (
        Token(r"{ }"),
        "4:9: `token` says not where it comes from; write one of app, component, \
             authorizer, command, url, file, cloudbase_file, value",
    ),
    (
        Token(r#"{ file = "/a", value = { env = "SHOP_SECRET" } }"#),
        r"4:32: `token` has both `file` and `value`; keep one",
    ),
    (
        Token(r#"{ file = "/a", header = { a = "b" } }"#),
        r"4:33: `header` is for `url` only; take it out",
    ),
    (
        Token(r#"{ app = { appid = "wx0" } }"#),
        r"4:17: `secret` is missing in token.app; add it",
    ),
    (
        Token(r#"{ app = { appid = "", secret = { env = "SHOP_SECRET" }, mode = "new" } }"#),
        r#"4:27: `appid` must be 1 to 64 of A-Z a-z 0-9 _ -, not ""
4:72: `mode` cannot be "new"; known are `stable`, `classic`"#,
    ),
    (
        Token(r"{ command = [] }"),
        r"4:21: `command` is empty; write the program's path",
    ),
    (
        Token(r#"{ command = ["wx-token"] }"#),
        "4:22: `command` must begin with an absolute path, not \"wx-token\"; no shell \
             looks it up",
    ),
    (
        Token(r#"{ command = "/bin/x" }"#),
        r#"4:21: `command` must be a list like ["…"], not a string"#,
    ),
    (
        Token(r#"{ url = "http://a.example/t" }"#),
        r"4:17: `url` must begin with https://; http:// is for loopback addresses only",
    ),
    (
        Token(r#"{ file = "token" }"#),
        r#"4:18: `file` must be an absolute path, not "token"; start it with `/`"#,
    ),
    (
        Token(r#"{ url = "https://a.example", header = { "a b" = "c" } }"#),
        r#"4:49: "a b" is not a header name; mend it"#,
    ),
    (
        Instead(
            r#"token = { app = { appid = "wx0", secret = { env = "SHOP_SECRET" } } }"#,
            r"",
        ),
        r"2:1: `token` is missing in [accounts.shop]; add it",
    ),
];

//! Desks, outboxes and inboxes.

use super::Wrong::{AfterDesk, Desk};
use super::{Wrong, check};

#[test]
fn wrong_desks_are_refused() {
    check(DESKS);
}

const DESKS: &[(Wrong, &str)] = &[
    (
        Desk("202500000000000001", ""),
        "7:14: `channel_id` is empty; write a value",
    ),
    (
        Desk("\"202500000000000001\"", "202500000000000001"),
        "7:14: `channel_id` must be a string, not an integer; put it in quotes",
    ),
    (
        Desk("syncd-node-01", "a user name of more than 24"),
        "8:11: `user_id` must be 1 to 24 of A-Z a-z 0-9 _ -, not \"a user name of more than 24\"",
    ),
    (
        Desk("base_url = \"https://desk.example\"\n", ""),
        "2:1: `base_url` is missing in [accounts.desk]; add it",
    ),
    (
        Desk("https://desk.example", "http://desk.example"),
        "4:12: `base_url` must begin with https://; http:// is for loopback addresses only",
    ),
    (
        Desk("app_key", "token_url = \"desk.example\"\napp_key"),
        "5:13: `token_url` is not a URL (relative URL without a base); write it like https://host",
    ),
    (
        Desk("{ env = \"SHOP_SECRET\" }", "\"plain\""),
        "6:14: `app_secret` is a secret in a file that others can read; `chmod 600 syncd.toml`, or write { \
             credential = \"NAME\" }, { file = \"PATH\" } or { env = \"NAME\" }",
    ),
    (
        Desk("app_key", "app_kye"),
        "2:1: `app_key` is missing in [accounts.desk]; add it\n\
             5:1: unknown key \"app_kye\" in [accounts.desk]; did you mean `app_key`?",
    ),
    (
        Desk("app_key", "upload_hosts = []\napp_key"),
        "5:1: unknown key \"upload_hosts\" in [accounts.desk]; it belongs to [accounts.NAME] with \
             provider = \"wechat\"",
    ),
];

#[test]
fn what_an_outbox_has_no_use_for_is_refused() {
    check(OUTBOXES);
}

const OUTBOXES: &[(Wrong, &str)] = &[
    (
        Desk(
            "flow = \"ccmessaging\"",
            "flow = \"ccmessaging\"\nenv = \"e\"",
        ),
        "13:7: `env` is for the WeChat flows only; take it out",
    ),
    (
        Desk(
            "flow = \"ccmessaging\"",
            "flow = \"ccmessaging\"\nprefix = \"\"",
        ),
        "13:10: `prefix` is for the WeChat flows only; take it out",
    ),
    (
        Desk(
            "flow = \"ccmessaging\"",
            "flow = \"ccmessaging\"\nlast = [\"a\"]",
        ),
        "13:8: `last` has no use in an outbox: files are sent as they come; take it out",
    ),
    (
        Desk(
            "flow = \"ccmessaging\"",
            "flow = \"ccmessaging\"\ndelete = \"keep\"\nprotect = []",
        ),
        "13:10: `delete` has no use in an outbox: what was sent to an agent cannot be taken back; \
             take it out\n\
             14:11: `protect` has no use in an outbox: what was sent to an agent cannot be taken \
             back; take it out",
    ),
    (
        Desk(
            "flow = \"ccmessaging\"",
            "flow = \"ccmessaging\"\nverify = \"off\"",
        ),
        "13:10: `verify` has no use in an outbox: there is no listing to compare with; take it out",
    ),
    (
        Desk(
            "flow = \"ccmessaging\"",
            "flow = \"ccmessaging\"\nkeep_releases = 0",
        ),
        "13:17: `keep_releases` has no use in an outbox: nothing is published that could be rolled \
             back; take it out",
    ),
    (
        Desk(
            "account = \"desk\"\n[[inbox]]",
            "account = \"desk\"\n[[folder.header]]\nmatch = \"*\"\nset = {}\n[[inbox]]",
        ),
        "14:1: `header` has no use in an outbox: a message carries no headers; take it out",
    ),
    (
        Desk(
            "flow = \"ccmessaging\"",
            "flow = \"static-website\"\nenv = \"e\"",
        ),
        "14:11: account \"desk\" has provider \"ccmessaging\", but a \"wechat\" account is needed \
             here; name another",
    ),
];

#[test]
fn wrong_inboxes_are_refused() {
    check(INBOXES);
}

const INBOXES: &[(Wrong, &str)] = &[
    (
        AfterDesk("account_ = 1\n"),
        "18:1: unknown key \"account_\" in [[inbox]]; did you mean `account`?",
    ),
    (
        AfterDesk("[[inbox]]\nname = \"two\"\npath = \"/nowhere/two\"\naccount = \"desk\"\n"),
        "21:11: account \"desk\" has an inbox already, and one process may poll it; use another",
    ),
    (
        Desk("name = \"in\"", "name = \"out\""),
        "15:8: the name \"out\" is taken on line 10; choose another",
    ),
    (
        Desk("/nowhere/in", "/nowhere/out/in"),
        "16:8: an inbox /nowhere/out/in is inside of the folder /nowhere/out; keep them apart",
    ),
    (
        Desk("/nowhere/in", "/nowhere"),
        "16:8: the state directory /nowhere/state is inside of the inbox /nowhere; keep them apart\n\
             16:8: an inbox /nowhere contains the folder /nowhere/out; keep them apart",
    ),
    (
        AfterDesk("[[inbox]]\nname = \"two\"\npath = \"/nowhere/in\"\naccount = \"none\"\n"),
        "20:8: an inbox /nowhere/in is the same as the inbox /nowhere/in; keep them apart\n\
             21:11: there is no account \"none\"; known are `desk`",
    ),
    (
        AfterDesk("file_name = \"../{message}\"\n"),
        "18:13: `file_name` must be a path below the inbox without empty, `.` or `..` parts; mend it",
    ),
    (
        AfterDesk("file_name = \"{date}/{mesage}.{ext}\"\n"),
        "18:13: `file_name` has the unknown field `{mesage}`; did you mean `message`?",
    ),
    (
        AfterDesk("file_name = \"{date\"\n"),
        "18:13: `file_name` has a brace without its partner; write fields as `{date}`; mend it",
    ),
    (
        Desk("/nowhere/out\"", "/nowhere/out\"\nmax_file = \"0 B\""),
        "12:12: `max_file` must be at least 1 B",
    ),
    (
        Desk("user_id", "media_content = \"key\"\nuser_id"),
        "8:17: `media_content` cannot be \"key\"; known are `plain`, `with_ext`",
    ),
    (
        AfterDesk("max_file = \"0 B\"\n"),
        "18:12: `max_file` must be at least 1 B",
    ),
    (
        AfterDesk("sidecar = \"yes\"\n"),
        "18:11: `sidecar` must be true or false, not a string",
    ),
    (
        AfterDesk("on_receive = []\n"),
        "18:14: `on_receive` is empty; write the program's path",
    ),
    (
        AfterDesk("on_receive = [\"scan\", \"{path}\"]\n"),
        "18:15: `on_receive` must begin with an absolute path, not \"scan\"; no shell looks it up",
    ),
    (
        AfterDesk("on_receive = \"/bin/scan\"\n"),
        "18:14: `on_receive` must be a list like [\"…\"], not a string",
    ),
];

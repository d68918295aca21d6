//! Unknown names, wrong shapes, trees that meet.

use super::Wrong::{After, Before, Instead, Second, Whole};
use super::{Wrong, check};

#[test]
fn unknown_names_and_wrong_shapes_are_refused() {
    check(NAMES);
}

const NAMES: &[(Wrong, &str)] = &[
    (
        Whole(
            r"a = 1
a = 2
",
        ),
        r"2:1: not valid TOML: duplicate key; mend the line",
    ),
    (
        Whole(
            r"[log
",
        ),
        r"1:5: not valid TOML: unclosed table, expected `]`; mend the line",
    ),
    (
        Whole(
            r#"state_dir = "x
"#,
        ),
        r#"1:15: not valid TOML: invalid basic string, expected `"`; mend the line"#,
    ),
    (
        Whole(
            r"x = [1,
",
        ),
        r"1:8: not valid TOML: unclosed array, expected `]`; mend the line",
    ),
    (
        Before(
            r#"[lgo]
level = "info"
"#,
        ),
        r#"1:2: unknown key "lgo" at the top of the file; did you mean `log`?"#,
    ),
    (
        Before(
            r#"[log]
levle = "info"
"#,
        ),
        r#"2:1: unknown key "levle" in [log]; did you mean `level`?"#,
    ),
    (
        Before(
            r"[log]
zzz = 1
",
        ),
        r#"2:1: unknown key "zzz" in [log]; known are `level`, `format`"#,
    ),
    (
        Before(
            r"log = 3
",
        ),
        r"1:7: `log` must be a table, not an integer; its keys are `level`, `format`",
    ),
    (
        Whole(
            r#"[[log]]
level = "info"
"#,
        ),
        r"1:1: `log` must be a table, not a list; its keys are `level`, `format`",
    ),
    (
        Whole(
            r#"[folder]
name = "a"
"#,
        ),
        r"1:1: `folder` is a list of tables; write [[folder]]",
    ),
    (
        Whole(
            r#"folder = ["a"]
"#,
        ),
        r"1:11: `folder` is a list of tables; write [[folder]]",
    ),
    (
        Whole(
            r#"[[folders]]
name = "a"
"#,
        ),
        r#"1:3: unknown key "folders" at the top of the file; did you mean `folder`?"#,
    ),
    (
        Whole(
            r"[account.shop]
",
        ),
        r#"1:2: unknown key "account" at the top of the file; did you mean `accounts`?"#,
    ),
    (
        Whole(
            r"[[accounts]]
",
        ),
        r"1:1: `accounts` holds tables; write [accounts.NAME]",
    ),
    (
        Whole(
            r"accounts.shop = 1
",
        ),
        r"1:10: `shop` must be a table; write [accounts.shop]",
    ),
    (
        After(
            r#"setle = "1s"
"#,
        ),
        r#"11:1: unknown key "setle" in [[folder]]; did you mean `settle`?"#,
    ),
    (
        After(
            r#"secret = "x"
"#,
        ),
        r#"11:1: unknown key "secret" in [[folder]]; it belongs to token.app"#,
    ),
    (
        After(
            r#"Prefix = "a/"
"#,
        ),
        r#"11:1: unknown key "Prefix" in [[folder]]; did you mean `prefix`?"#,
    ),
    (
        Before(
            r#"level = "info"
"#,
        ),
        r#"1:1: unknown key "level" at the top of the file; it belongs to [log]"#,
    ),
    (
        Whole(
            r"[[folder]]
",
        ),
        r"1:1: `name` is missing in [[folder]]; add it
1:1: `path` is missing in [[folder]]; add it
1:1: `flow` is missing in [[folder]]; add it
1:1: `account` is missing in [[folder]]; add it",
    ),
    (
        Whole(
            r"[accounts.a]
",
        ),
        r"1:1: `provider` is missing in [accounts.a]; add it
1:1: `token` is missing in [accounts.a]; add it",
    ),
    (
        Whole(
            r#"[accounts."a b"]
provider = "wechat"
token = { file = "/t" }
"#,
        ),
        r#"1:11: an account's name must be 1 to 64 of A-Z a-z 0-9 . _ -, not "a b""#,
    ),
    (
        Instead(r#""www""#, r#""WWW""#),
        r#"6:8: `name` must be 1 to 32 of a-z 0-9 -, not "WWW""#,
    ),
    (
        Instead(r#""www""#, r#""""#),
        r#"6:8: `name` must be 1 to 32 of a-z 0-9 -, not """#,
    ),
    (
        Instead(r#""www""#, r#""a-name-that-is-longer-than-thirty-two""#),
        "6:8: `name` must be 1 to 32 of a-z 0-9 -, not \
             \"a-name-that-is-longer-than-thirty-two\"",
    ),
    (
        Instead(r#""www""#, r"7"),
        r"6:8: `name` must be a string, not an integer",
    ),
    (
        After(
            r#"[[folder]]
name = "www"
path = "/nowhere/b"
flow = "static-website"
account = "shop"
env = "other"
"#,
        ),
        r#"12:8: the name "www" is taken on line 6; choose another"#,
    ),
];

#[test]
fn trees_that_meet_are_refused() {
    check(TREES);
}

const TREES: &[(Wrong, &str)] = &[
    (
        Second(r#""shop-1""#, r""),
        "11:1: folder \"two\" (prefix \"\") and folder \"www\" (prefix \"\") would write \
             to the same place of env \"shop-1\"; give them prefixes of which none begins \
             with the other",
    ),
    (
        Second(
            r#""shop-1""#,
            r#"prefix = "a"
"#,
        ),
        "17:10: folder \"two\" (prefix \"a\") and folder \"www\" (prefix \"\") would \
             write to the same place of env \"shop-1\"; give them prefixes of which none \
             begins with the other",
    ),
    (Second(r#""shop-2""#, r""), r"ok"),
    (
        After(
            r#"[[inbox]]
name = "www"
path = "/nowhere/www/in"
account = "shop"
"#,
        ),
        "12:8: the name \"www\" is taken on line 6; choose another\n\
             13:8: an inbox /nowhere/www/in is inside of the folder /nowhere/www; keep them \
             apart\n\
             14:11: account \"shop\" has provider \"wechat\", but a \"ccmessaging\" account \
             is needed here; name another",
    ),
];

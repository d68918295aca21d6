//! `[[folder.header]]`.

use super::Wrong::{Rule, StorageRule};
use super::{Wrong, check};

#[test]
fn wrong_header_rules_are_refused() {
    check(HEADERS);
}

const HEADERS: &[(Wrong, &str)] = &[
    (
        Rule(
            r#"match = "*.html"
"#,
        ),
        r"11:1: `set` is missing in [[folder.header]]; add it",
    ),
    (
        Rule(
            r#"set = { a = "b" }
"#,
        ),
        r"11:1: `match` is missing in [[folder.header]]; add it",
    ),
    (
        Rule(
            r#"match = "!*.html"
set = { a = "b" }
"#,
        ),
        r"12:9: `match` cannot begin with `!` here; rules are tried in order",
    ),
    (
        Rule(
            r#"match = "*"
set = { content-length = "1" }
"#,
        ),
        "13:9: header \"content-length\" belongs to the transfer itself and cannot be \
             set; take it out",
    ),
    (
        Rule(
            r#"match = "*"
set = { Host = "a" }
"#,
        ),
        r#"13:9: header "Host" belongs to the transfer itself and cannot be set; take it out"#,
    ),
    (
        Rule(
            r#"match = "*"
set = { x-cos-security-token = "a" }
"#,
        ),
        "13:9: header \"x-cos-security-token\" belongs to the transfer itself and cannot \
             be set; take it out",
    ),
    (
        Rule(
            r#"match = "*"
set = { Authorization = "a" }
"#,
        ),
        "13:9: header \"Authorization\" belongs to the transfer itself and cannot be set; \
             take it out",
    ),
    (
        Rule(
            r#"match = "*"
set = { x-cos-meta-fileid = "a" }
"#,
        ),
        r#"13:9: header "x-cos-meta-fileid" is set by syncd itself; take it out"#,
    ),
    (
        Rule(
            r#"match = "*"
set = { x-cos-meta-a_b = "c" }
"#,
        ),
        "13:9: header \"x-cos-meta-a_b\" needs a name without `_` after x-cos-meta-; \
             rename it",
    ),
    (
        Rule(
            r#"match = "*"
set = { "a b" = "c" }
"#,
        ),
        r#"13:9: header "a b" is not a header name; use letters, digits and `-`"#,
    ),
    (
        Rule(
            r#"match = "*"
set = { a = "b\r\nc: d" }
"#,
        ),
        r"13:13: header `a` has a line break in its value; take it out",
    ),
    (
        Rule(
            r#"match = "*"
set = { a = "é" }
"#,
        ),
        r"13:13: header `a` has a character that headers cannot carry; use plain ASCII",
    ),
    (
        Rule(
            r#"match = "*"
set = { a = "" }
"#,
        ),
        r"13:13: header `a` has an empty value; leave the header out",
    ),
    (
        Rule(
            r#"match = "*"
set = { a = 1 }
"#,
        ),
        r"13:13: header `a` must be a string, not an integer",
    ),
    (
        Rule(
            r#"match = "*"
set = { a = "1", A = "2" }
"#,
        ),
        r"13:9: header `a` is set twice; keep one",
    ),
    (
        Rule(
            r#"match = "*"
set = "no-cache"
"#,
        ),
        r#"13:7: `set` must be a table like { name = "value" }, not a string"#,
    ),
    (
        StorageRule(
            r#"match = "*"
set = { content-type = "a/b", Cache-Control = "c", expires = "d", x-cos-meta-e = "f", host = "g" }
"#,
        ),
        "13:52: header \"expires\" cannot be kept by cloud storage, which takes only \
             cache-control and content-type; take it out\n\
             13:67: header \"x-cos-meta-e\" cannot be kept by cloud storage, which takes only \
             cache-control and content-type; take it out\n\
             13:87: header \"host\" belongs to the transfer itself and cannot be set; take it out",
    ),
];

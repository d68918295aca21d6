//! What a later version will do.

use super::Wrong::{After, Before};
use super::{Wrong, check};

#[test]
fn what_this_version_cannot_do_is_refused_where_it_is_written() {
    check(LATER);
}

const LATER: &[(Wrong, &str)] = &[
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
];

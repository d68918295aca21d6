//! Which files are young.

use std::time::Duration;

use super::Moment;
use crate::model::observation::Stat;
use crate::model::time::Timestamp;

#[test]
fn a_file_is_young_by_whole_milliseconds() {
    let moment = Moment {
        now: Timestamp(1_000),
        quiet: Duration::from_millis(10),
    };
    let is_young = |changed_ns| {
        moment.is_young(&Stat {
            dev: 1,
            ino: 1,
            size: 1,
            mtime_ns: changed_ns,
            ctime_ns: 0,
        })
    };
    for (changed_ns, expected) in [
        (990_000_000, false),
        // Ten milliseconds ago as the wall clock tells them, though it may be a little less.
        (990_999_999, false),
        (991_000_000, true),
        (1_000_999_999, true),
        // A time in the future says nothing.
        (1_001_000_000, false),
        (-1, false),
    ] {
        assert_eq!(is_young(changed_ns), expected, "{changed_ns}");
    }
}

use super::*;
use crate::cli::status::live::screen::tests::{deploying, idle};

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn the_pace_is_that_of_the_last_seconds_of_one_release() {
    let mut pace = Pace::default();
    for (second, (release, done), files) in [
        (0, (7, 0), None),
        (2, (7, 200), Some(100)),
        (4, (7, 200), Some(50)),
        // Ten seconds count: the looks before that are forgotten.
        (14, (7, 1_200), Some(100)),
        (24, (7, 1_200), None),
        // Another release begins anew.
        (25, (8, 50), None),
        (26, (8, 60), Some(10)),
    ] {
        pace.look(&deploying(release, done), at(second));
        assert_eq!(pace.files_per_second("www"), files, "at {second}");
    }
    pace.look(&idle(), at(27));
    assert_eq!(pace.files_per_second("www"), None);
    assert_eq!(pace.files_per_second("other"), None);
}

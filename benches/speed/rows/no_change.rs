//! A pass over a tree that is in sync, or as good as.

use std::time::Duration;

use crate::lab::{Lab, fresh};
use crate::peers::{self, RCLONE_BEST};
use crate::sink_client::Sink;
use crate::table::{Finding, Target};
use crate::timing::{Contender, in_turn, timed};
use crate::{Outcome, tree};

pub(crate) fn measure(lab: &Lab) -> Outcome<Vec<Finding>> {
    let small = lab.small()?;
    let (root, rounds) = (small.root(), lab.options.rounds);
    let sink = Sink::start(Duration::ZERO)?;
    let program = fresh(&root, &sink, "32")?;
    sink.counted(small.files(), || program.once())?;
    let ours = || sink.counted(0, || timed(|| program.once()));
    let scan = || sink.counted(0, || program.scan());
    let find = || timed(|| peers::find(&root));
    let (pass, scanned) = ("no-change `once`", "its scan alone");

    let times = in_turn(rounds, vec![Box::new(ours), Box::new(find)])?;
    let mut found = vec![Finding::time(
        &format!("{pass} / `find -printf`"),
        &times,
        1,
        Target::AtMost(1.25),
    )];
    let times = in_turn(rounds, vec![Box::new(scan), Box::new(find)])?;
    found.push(Finding::time(
        &format!("{scanned} / `find -printf`"),
        &times,
        1,
        Target::AtMost(1.25),
    ));

    let what = format!("{pass}, speed / rclone's best flags");
    if peers::is_installed("rclone") {
        let other = Sink::start(Duration::ZERO)?;
        let copy = || peers::rclone(&root, &other.base_url(), RCLONE_BEST);
        other.counted(small.files(), copy)?;
        let rclone = || other.counted(0, || timed(copy));
        let times = in_turn(rounds, vec![Box::new(ours), Box::new(rclone)])?;
        found.push(Finding::speed(&what, &times, 1, Target::AtLeast(5.0)));
    } else {
        found.push(Finding::skipped(&what, "rclone is not installed"));
    }

    let changed = || {
        std::fs::write(
            root.join(tree::name(0)),
            format!("{:?}", std::time::Instant::now()),
        )?;
        sink.counted(1, || timed(|| program.once()))
    };
    let contenders: Vec<Contender<'_>> = vec![Box::new(changed), Box::new(ours)];
    let times = in_turn(rounds, contenders)?;
    found.push(Finding::time(
        "`once` with one changed file / with none",
        &times,
        1,
        Target::None,
    ));
    Ok(found)
}

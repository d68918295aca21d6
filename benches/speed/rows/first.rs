//! The first upload of small files to a server that is near.

use std::time::Duration;

use crate::lab::{Lab, fresh};
use crate::sink_client::Sink;
use crate::table::{Finding, Target};
use crate::timing::{Contender, Spread, in_turn, number, timed};
use crate::{Outcome, bare, peers};

const AT_ONCE: usize = 32;

pub(crate) fn measure(lab: &Lab) -> Outcome<Vec<Finding>> {
    let small = lab.small()?;
    let (root, files) = (small.root(), small.files());
    // rclone has the system forget what it has read, so the next one would pay for the disk.
    let sink = || {
        small.warm()?;
        Sink::start(Duration::ZERO)
    };
    let ours = || {
        let sink = sink()?;
        let program = fresh(&root, &sink, &AT_ONCE.to_string())?;
        sink.counted(files, || timed(|| program.once()))
    };
    let bare = || {
        let sink = sink()?;
        sink.counted(files, || {
            timed(|| bare::upload(&sink.base_url(), files, AT_ONCE))
        })
    };
    let rclone = || {
        let sink = sink()?;
        sink.counted(files, || {
            timed(|| peers::rclone(&root, &sink.base_url(), &[]))
        })
    };
    let mut contenders: Vec<Contender<'_>> = vec![Box::new(ours), Box::new(bare)];
    let has_rclone = peers::is_installed("rclone");
    if has_rclone {
        contenders.push(Box::new(rclone));
    }
    let times = in_turn(lab.options.rounds, contenders)?;
    let of_loop = "first upload, 32 at once, speed / bare loop";
    let of_rclone = "first upload, 32 at once, speed / rclone --transfers 32";
    let rate = |who| {
        let seconds = times.of(who);
        Spread {
            median: number(files) / seconds.median,
            least: number(files) / seconds.most,
            most: number(files) / seconds.least,
        }
    };
    Ok(vec![
        Finding::speed(of_loop, &times, 1, Target::AtLeast(0.5)),
        if has_rclone {
            Finding::speed(of_rclone, &times, 2, Target::AtLeast(4.0))
        } else {
            Finding::skipped(of_rclone, "rclone is not installed")
        },
        Finding::own("first upload, rate", rate(0), " files/s", Target::None),
        Finding::own("bare loop, rate", rate(1), " files/s", Target::None),
    ])
}

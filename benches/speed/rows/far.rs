//! The first upload to a server that takes 20 ms for each request.

use std::time::Duration;

use crate::lab::{Lab, fresh};
use crate::sink_client::Sink;
use crate::table::{Finding, Target};
use crate::timing::{Spread, in_turn, number, timed};
use crate::tree::Tree;
use crate::{Outcome, bare};

const DELAY: Duration = Duration::from_millis(20);
const AT_ONCE: usize = 64;
/// What s5cmd reached with 256 at once.
const BEST_PEER: f64 = 1700.0;

pub(crate) fn measure(lab: &Lab) -> Outcome<Vec<Finding>> {
    let tree = Tree::small(lab.options.files_far())?;
    let (root, files) = (tree.root(), tree.files());
    let upload = |concurrency: &str| {
        let sink = Sink::start(DELAY)?;
        let program = fresh(&root, &sink, concurrency)?;
        sink.counted(files, || timed(|| program.once()))
    };
    let bare = || {
        let sink = Sink::start(DELAY)?;
        sink.counted(files, || {
            timed(|| bare::upload(&sink.base_url(), files, AT_ONCE))
        })
    };
    let ours = || upload(&AT_ONCE.to_string());
    let times = in_turn(lab.options.rounds, vec![Box::new(ours), Box::new(bare)])?;
    let equal = "first upload at 20 ms, 64 at once, speed / bare loop";
    let mut rates = Vec::new();
    for _ in 0..lab.options.rounds {
        rates.push(number(files) / upload("\"auto\"")?.as_secs_f64());
    }
    Ok(vec![
        Finding::speed(equal, &times, 1, Target::AtLeast(0.95)),
        Finding::own(
            &format!("first upload of {files} files at 20 ms, \"auto\""),
            Spread::of(rates),
            " files/s",
            Target::AtLeast(BEST_PEER),
        ),
    ])
}

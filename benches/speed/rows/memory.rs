//! What the daemon takes, as the kernel counts it.

use std::time::Duration;

use crate::Outcome;
use crate::lab::{Lab, fresh};
use crate::proc;
use crate::sink_client::Sink;
use crate::table::{Finding, Target};
use crate::timing::Spread;
use crate::tree::Tree;

pub(crate) fn measure(lab: &Lab) -> Outcome<Vec<Finding>> {
    let small = lab.small()?;
    let files = small.files();
    // A million may take 10 MiB more.
    let more = if files > 100_000 { 10.0 } else { 0.0 };
    let sink = Sink::start(Duration::ZERO)?;
    let program = fresh(&small.root(), &sink, "\"auto\"")?;
    let daemon = sink.counted(files, || program.run())?;
    let first = proc::memory(daemon.pid())?;
    proc::forget_peak(daemon.pid())?;
    sink.counted(0, || daemon.rescan())?;
    lab.wait_for_rest();
    let rescan = proc::memory(daemon.pid())?;
    drop(daemon);
    let again = program.run()?;
    lab.wait_for_rest();
    let restarted = proc::memory(again.pid())?;
    drop(again);

    let big = Tree::big(lab.options.big_bytes)?;
    let program = fresh(&big.root(), &sink, "\"auto\"")?;
    let daemon = sink.counted(big.files(), || program.run())?;
    let streamed = proc::memory(daemon.pid())?;
    let mib = lab.options.big_bytes >> 20;

    let own = |what: &str, value, most| {
        Finding::own(what, Spread::one(value), " MiB", Target::AtMost(most))
    };
    Ok(vec![
        own("RSS at rest after a first upload", rescan.now, 20.0 + more),
        own("RSS at rest after a restart", restarted.now, 20.0 + more),
        own("peak in the first pass and upload", first.peak, 40.0 + more),
        own("peak in a rescan", rescan.peak, 40.0 + more),
        own("peak of a restart", restarted.peak, 40.0 + more),
        own(
            &format!("peak in the first pass and upload, 4 files of {mib} MiB"),
            streamed.peak,
            48.0,
        ),
    ])
}

//! What a daemon costs while nothing happens.

use std::time::Duration;

use crate::lab::{Lab, fresh};
use crate::sink_client::Sink;
use crate::table::{Finding, Target};
use crate::timing::{Spread, number};
use crate::{Outcome, proc};

pub(crate) fn measure(lab: &Lab) -> Outcome<Vec<Finding>> {
    let span = if lab.options.quick { 2 } else { 60 };
    let small = lab.small()?;
    let sink = Sink::start(Duration::ZERO)?;
    let program = fresh(&small.root(), &sink, "\"auto\"")?;
    sink.counted(small.files(), || program.once())?;
    let daemon = program.run()?;
    lab.wait_for_rest();
    let before = proc::ticks(daemon.pid())?;
    std::thread::sleep(Duration::from_secs(span));
    let ticks = proc::ticks(daemon.pid())? - before;
    Ok(vec![Finding::own(
        &format!("CPU ticks of an idle daemon in {span} s"),
        Spread::one(number(usize::try_from(ticks)?)),
        "",
        Target::AtMost(0.0),
    )])
}

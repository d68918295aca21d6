//! How fast a pass hashes big files.

use std::time::Duration;

use crate::lab::{Lab, fresh};
use crate::sink_client::Sink;
use crate::table::{Finding, Target};
use crate::timing::{Contender, Spread, in_turn, number, timed};
use crate::tree::Tree;
use crate::{Outcome, peers};

pub(crate) fn measure(lab: &Lab) -> Outcome<Vec<Finding>> {
    let big = Tree::big(lab.options.big_bytes)?;
    let root = big.root();
    let files: Vec<_> = (0..4)
        .map(|file| root.join(format!("{file}.bin")))
        .collect();
    let sink = Sink::start(Duration::ZERO)?;
    let ours = || {
        // A daemon looks at a paused folder and sends nothing of it. It has to be known first.
        let aside = crate::tree::room()?;
        let aside = aside.path().join("tree");
        std::fs::rename(&root, &aside)?;
        std::fs::create_dir(&root)?;
        let program = fresh(&root, &sink, "4")?;
        program.once()?;
        program.syncd(&["pause", "bench"])?;
        std::fs::remove_dir(&root)?;
        std::fs::rename(&aside, &root)?;
        sink.counted(0, || program.first_scan())
    };
    let mut contenders: Vec<Contender<'_>> = vec![Box::new(ours)];
    let of_one = "hashing big files, speed / one `openssl dgst -sha256`";
    let of_two = "hashing big files, speed / two of them side by side";
    if peers::is_installed("openssl") {
        for side_by_side in [1, 2] {
            let files = &files;
            contenders.push(Box::new(move || timed(|| openssl(files, side_by_side))));
        }
    }
    let has_openssl = contenders.len() > 1;
    let times = in_turn(lab.options.rounds, contenders)?;
    let gigabytes = 4.0 * number(usize::try_from(lab.options.big_bytes)?) / 1e9;
    let seconds = times.of(0);
    let rate = Spread {
        median: gigabytes / seconds.median,
        least: gigabytes / seconds.most,
        most: gigabytes / seconds.least,
    };
    let mut found = vec![Finding::own(
        "hashing big files, all cores",
        rate,
        " GB/s",
        Target::None,
    )];
    if has_openssl {
        found.push(Finding::speed(of_one, &times, 1, Target::None));
        found.push(Finding::speed(of_two, &times, 2, Target::AtLeast(0.95)));
    } else {
        found.push(Finding::skipped(of_two, "openssl is not installed"));
    }
    Ok(found)
}

fn openssl(files: &[std::path::PathBuf], side_by_side: usize) -> Outcome<()> {
    let mut running = Vec::new();
    for part in files.chunks(files.len() / side_by_side) {
        running.push(peers::openssl(part)?);
    }
    for mut child in running {
        if !child.wait()?.success() {
            return Err("openssl failed".into());
        }
    }
    Ok(())
}

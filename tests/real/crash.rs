//! kill -9 at any moment loses nothing and breaks nothing.

use std::time::Duration;

use syncd::emulator::{Call, Effect, EmulatorOptions, Fault, Times};

use crate::desk::{Daemon, Desk, small_site, wait_for};

const ROUNDS: u32 = 20;

/// A number that differs from round to round but not from run to run.
fn spread(round: u32, most: u32) -> u32 {
    round.wrapping_mul(2_654_435_761) % most
}

fn slow_cloud() -> EmulatorOptions {
    let mut slow = Fault::on(
        Call::Put,
        Effect {
            delay: Some(Duration::from_millis(3)),
            ..Effect::default()
        },
    );
    slow = slow.times(Times::Always);
    EmulatorOptions {
        faults: vec![slow],
        ..EmulatorOptions::default()
    }
}

fn killed_after(desk: &Desk, daemon: Daemon, puts: usize) {
    wait_for("so many uploads were made", || {
        desk.puts() >= puts || desk.differences().is_empty()
    });
    daemon.kill_9();
}

#[test]
fn twenty_kills_during_a_first_deploy_end_in_sync() {
    let desk = Desk::with(slow_cloud(), "", "");
    small_site(&desk, 250);
    for round in 1..=ROUNDS {
        let daemon = desk.run();
        let puts = desk.puts() + spread(round, 30) as usize;
        killed_after(&desk, daemon, puts);
    }
    let daemon = desk.run();
    desk.settled();
    assert!(daemon.stop().success());
    desk.no_violations();
    desk.syncd(&["once"]).expect(0);
    assert_eq!(desk.differences(), Vec::<String>::new());
}

#[test]
fn twenty_kills_under_edits_end_in_sync() {
    let desk = Desk::with(slow_cloud(), "", "");
    small_site(&desk, 20);
    for round in 1..=ROUNDS {
        let daemon = desk.run();
        let puts = desk.puts();
        for edit in 0..12 {
            let page = spread(round * 31 + edit, 20);
            desk.write(
                &format!("page-{page}.html"),
                format!("round {round} edit {edit}"),
            );
            desk.write(
                &format!("img/{page}.png"),
                vec![round as u8; 100 + edit as usize],
            );
        }
        killed_after(&desk, daemon, puts + spread(round, 10) as usize);
    }
    let _daemon = desk.run();
    desk.settled();
    desk.no_violations();
}

#[test]
fn a_second_daemon_is_refused_and_changes_nothing() {
    let desk = Desk::new();
    small_site(&desk, 3);
    let _daemon = desk.run();
    desk.settled();
    let second = desk.syncd(&["run"]).expect(8);
    assert!(!second.stderr.is_empty());
    desk.syncd(&["once"]).expect(8);
}

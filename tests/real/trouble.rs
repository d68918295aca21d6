//! Trouble of a contact centre: said in words, no storm of calls, nothing lost, and over when it is over.

use std::time::{Duration, Instant};

use syncd::emulator::{AgentFile, DeskOptions, HangUp, Phase, Reception};

use crate::centre::{Centre, USER};

/// What the inbox is said to be in, and what the page for people says.
fn says(centre: &Centre, state: &str, words: &str) {
    centre.wait_for("the inbox says that it is in trouble", || {
        centre.inbox_status()["state"] == state
    });
    let status = centre.inbox_status();
    let reason = status["reason"].as_str().unwrap();
    assert!(reason.contains(words), "{status}");
    let times = reason.matches("tried again").count();
    assert!(times <= 1, "{reason}");
    let text = centre.syncd(&["status"]).expect(0).stdout;
    assert!(text.contains(words), "{text}");
}

/// Watches for a while that the desk is not called often.
fn no_storm(centre: &Centre, most: u64) {
    let (before, begun) = (centre.calls(), Instant::now());
    while begun.elapsed() < Duration::from_secs(3) {
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let calls = centre.calls() - before;
    assert!(calls <= most, "{calls} calls in 3 s");
}

/// All is well again, and what was sent meanwhile arrives, both ways.
fn recovers(centre: &Centre) {
    centre.wait_for("the file is received", || {
        centre.inbox_status()["received"] == 1
    });
    centre.wait_for("the file is sent", || centre.arrived().len() == 1);
    assert_eq!(centre.inbox_status()["dead"], 0);
    centre.syncd(&["status", "--wait=60s"]).expect(0);
    assert_eq!(centre.arrived().values().collect::<Vec<_>>(), [&1]);
}

fn in_need(options: DeskOptions) -> Centre {
    let centre = Centre::new(options);
    centre.put(AgentFile::local("txt", "in"));
    centre.offer("out.txt", "out");
    centre
}

#[test]
fn a_server_that_is_away_is_waited_for_and_found_again_unasked() {
    let centre = in_need(DeskOptions::default());
    centre.fault("call = \"any\"\ntimes = \"always\"\nstatus = 502");
    let _daemon = centre.run();
    says(&centre, "waiting", "502");
    no_storm(&centre, 12);
    centre.cloud.clear_faults();
    recovers(&centre);
}

#[test]
fn refused_credentials_block_until_a_person_resumes() {
    for status in [401, 403] {
        let centre = in_need(DeskOptions::default());
        centre.fault(&format!(
            "call = \"desk_login\"\ntimes = \"always\"\nstatus = {status}"
        ));
        let _daemon = centre.run();
        says(&centre, "blocked", &status.to_string());
        no_storm(&centre, 3);
        centre.cloud.clear_faults();
        for name in ["desk", "out"] {
            centre.syncd(&["resume", name]).expect(0);
        }
        recovers(&centre);
    }
}

#[test]
fn at_night_everything_waits_for_the_morning() {
    let centre = in_need(DeskOptions::default());
    centre.desk().set_open(false);
    let _daemon = centre.run();
    says(&centre, "waiting", "at this hour");
    no_storm(&centre, 3);
    centre.desk().set_open(true);
    for name in ["desk", "out"] {
        centre.syncd(&["resume", name]).expect(0);
    }
    recovers(&centre);
}

#[test]
fn an_agent_who_hangs_up_again_and_again_makes_no_storm_and_loses_nothing() {
    let centre = in_need(DeskOptions::default());
    let _daemon = centre.run();
    recovers(&centre);
    let (before, begun) = (connects(&centre), Instant::now());
    while begun.elapsed() < Duration::from_secs(6) {
        if centre.desk().phase(USER) == Some(Phase::Agent) {
            centre.desk().hang_up(USER, HangUp::Agent);
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let again = connects(&centre) - before;
    assert!((1..=6).contains(&again), "{again} times connected in 6 s");
    centre.put(AgentFile::local("txt", "after all"));
    centre.wait_for("the file is received", || {
        centre.inbox_status()["received"] == 2
    });
}

fn connects(centre: &Centre) -> usize {
    let sent = centre.desk().sent();
    sent.iter()
        .filter(|message| message.control_type == "CONNECT")
        .count()
}

#[test]
fn files_come_through_a_robot_too_and_without_a_storm() {
    let mut options = DeskOptions::default();
    options.session.reception = Reception::RobotOnly;
    let centre = Centre::receiving(options, "");
    centre.put(AgentFile::local("txt", "in"));
    let _daemon = centre.run();
    centre.wait_for("the file is received", || {
        centre.inbox_status()["received"] == 1
    });
    no_storm(&centre, 12);
    centre.no_violations();
}

#[test]
fn a_file_waits_for_an_agent_and_is_not_given_to_a_robot() {
    let mut options = DeskOptions::default();
    options.session.reception = Reception::RobotOnly;
    let alone = Centre::new(options);
    let _daemon = alone.run();
    alone.offer("a.txt", "for a person");
    alone.wait_for("the outbox waits", || {
        alone.outbox_status()["state"] == "waiting"
    });
    let text = alone.syncd(&["status"]).stdout;
    assert!(text.contains("Only a robot answers"), "{text}");
    assert_eq!(alone.chats().len(), 0, "{text}");

    let mut options = DeskOptions::default();
    options.session.reception = Reception::RobotFirst;
    let first = Centre::new(options);
    let _daemon = first.run();
    first.offer("a.txt", "for a person");
    first.wait_for("an agent has the file", || first.arrived().len() == 1);
    first.no_violations();
}

//! Reports from facts: states, counts, reasons, and the exact JSON.

use super::*;
use crate::engine::live::{Live, SettlingPath, Unreadable};
use crate::model::job::{FolderId, JobId, Reason, ReleaseNumber, Stage};
use crate::model::path::RelPath;
use crate::report::facts::DaemonFacts;
use crate::store::{AccountRow, FileCounts, StoredFault};

const NOW: Timestamp = Timestamp(1_795_251_600_000);

fn path(text: &str) -> RelPath {
    RelPath::from_bytes(text.as_bytes()).unwrap()
}

fn www(counts: FileCounts) -> FolderFacts {
    FolderFacts {
        name: "www".to_owned(),
        flow: "static-website",
        path: "/srv/www".into(),
        account: "shop".to_owned(),
        known: true,
        counts,
        ..FolderFacts::default()
    }
}

fn facts(folder: FolderFacts) -> Facts {
    Facts {
        now: NOW,
        daemon: Some(DaemonFacts {
            pid: 4711,
            started_at: NOW,
        }),
        folders: vec![folder],
        inboxes: Vec::new(),
        accounts: Vec::new(),
        live: Some(Live {
            folders: vec![FolderLive {
                name: "www".to_owned(),
                watch: "native",
                scanned: true,
                ..FolderLive::default()
            }],
            accounts: vec![AccountLive {
                name: "shop".to_owned(),
                ..AccountLive::default()
            }],
            inboxes: Vec::new(),
        }),
    }
}

fn live(facts: &mut Facts) -> &mut Live {
    facts.live.as_mut().unwrap()
}

fn synced(count: u64) -> FileCounts {
    FileCounts {
        total: count,
        synced: count,
        ..FileCounts::default()
    }
}

fn job(state: JobState, code: &str) -> QueuedJob {
    QueuedJob {
        job: JobId(1),
        folder: FolderId(1),
        path: path("a/b\u{1b}.png"),
        state,
        reason: Reason::New,
        stage: Stage::Asset,
        release: ReleaseNumber(7),
        bytes: 5,
        attempts: 2,
        tries: 3,
        due: NOW.plus(std::time::Duration::from_mins(1)),
        fault: Some(StoredFault {
            call: Call::Put,
            layer: Layer::Cos,
            code: code.to_owned(),
            status: Some(403),
            message: "no".to_owned(),
            at: NOW,
        }),
    }
}

#[test]
fn the_json_has_exactly_the_fields_that_scripts_rely_on() {
    let mut folder = www(synced(2));
    folder.release = Some((ReleaseNumber(7), 2, 1));
    folder.problems = vec![job(JobState::Ready, "AccessDenied")];
    let json = serde_json::to_value(status(&facts(folder))).unwrap();
    let keys = |value: &serde_json::Value| {
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys.join(" ")
    };
    assert_eq!(keys(&json), "daemon folders inboxes schema state");
    assert_eq!(
        keys(&json["daemon"]),
        "as_of pid running started_at version"
    );
    let folder = &json["folders"][0];
    assert_eq!(
        keys(folder),
        "bytes eta_seconds excluded_dirs files flow last_success_at name path problems reason \
         release state unreadable waiting_since watch"
    );
    assert_eq!(
        keys(&folder["files"]),
        "dead excluded failed in_flight queued remote_only settling synced total"
    );
    assert_eq!(keys(&folder["bytes"]), "queued total");
    assert_eq!(keys(&folder["release"]), "done files id state");
    assert_eq!(
        keys(&folder["problems"][0]),
        "advice attempts code meaning next_attempt_at path state"
    );
    assert_eq!(
        folder["problems"][0]["path"], "a/b\\u{1b}.png",
        "no name steers a terminal"
    );
    assert_eq!(json["schema"], 1);
    assert_eq!(json["inboxes"], serde_json::json!([]));
    assert_eq!(json["daemon"]["as_of"], "2026-11-21T09:00:00Z");
}

#[test]
fn a_folder_in_sync_is_idle() {
    let status = status(&facts(www(synced(3))));
    assert_eq!(
        (status.state, status.folders[0].state),
        (State::Idle, State::Idle)
    );
    assert_eq!(status.folders[0].watch.as_deref(), Some("native"));
}

#[test]
fn of_several_states_the_one_that_needs_a_person_most_is_told() {
    let open = FileCounts {
        total: 3,
        synced: 2,
        queued: 1,
        ..FileCounts::default()
    };
    let mut all = facts(www(open));
    assert_eq!(status(&all).state, State::Syncing);
    live(&mut all).folders[0].state = IntakeState::Scanning;
    assert_eq!(status(&all).state, State::Scanning);
    live(&mut all).accounts[0].gate = GateState::Waiting;
    live(&mut all).accounts[0].until = Some(NOW.plus(std::time::Duration::from_secs(5)));
    let report = status(&all);
    assert_eq!(report.state, State::Waiting);
    assert!(
        report.folders[0]
            .reason
            .as_ref()
            .unwrap()
            .contains("2026-11-21T09:00:05Z")
    );
    live(&mut all).accounts[0].gate = GateState::Paused;
    assert_eq!(status(&all).state, State::Blocked);
    live(&mut all).folders[0].state = IntakeState::Blocked;
    live(&mut all).folders[0].reason = Some("gone".to_owned());
    assert_eq!(status(&all).folders[0].reason.as_deref(), Some("gone"));
    all.folders[0].paused = true;
    assert_eq!(status(&all).state, State::Paused);
}

#[test]
fn a_folder_in_sync_waits_for_nobody() {
    let mut all = facts(www(synced(2)));
    live(&mut all).accounts[0].gate = GateState::Waiting;
    assert_eq!(status(&all).state, State::Idle);
}

#[test]
fn what_cannot_be_read_is_counted_and_named() {
    let mut all = facts(www(synced(2)));
    let reason = "Could not open \"/srv/www/a.html\": Permission denied (os error 13)";
    live(&mut all).folders[0].unreadable = vec![Unreadable {
        path: path("a.html"),
        reason: reason.to_owned(),
    }];
    let report = status(&all);
    let folder = &report.folders[0];
    assert_eq!(folder.unreadable, 1);
    let [problem] = folder.problems.as_slice() else {
        panic!("{:?}", folder.problems);
    };
    assert_eq!(problem.path.as_deref(), Some("a.html"));
    assert_eq!(problem.code, "unreadable");
    assert_eq!(problem.meaning, reason);
    assert!(
        problem.advice.contains("the right to read"),
        "{}",
        problem.advice
    );
}

#[test]
fn files_given_up_are_never_called_in_sync() {
    let counts = FileCounts {
        total: 3,
        synced: 2,
        dead: 1,
        ..FileCounts::default()
    };
    let report = status(&facts(www(counts)));
    assert_eq!(report.state, State::Degraded);
    assert!(
        report.folders[0]
            .reason
            .as_ref()
            .unwrap()
            .contains("1 file was given up")
    );
}

#[test]
fn what_is_claimed_ahead_is_not_being_sent_yet() {
    let counts = FileCounts {
        total: 9,
        synced: 1,
        queued: 3,
        in_flight: 5,
        ..FileCounts::default()
    };
    let mut all = facts(www(counts));
    for (sending, in_flight, queued) in [(0, 0, 8), (2, 2, 6), (7, 5, 3)] {
        live(&mut all).accounts[0].in_flight = sending;
        let files = status(&all).folders[0].files;
        assert_eq!(
            (files.in_flight, files.queued, files.total),
            (in_flight, queued, 9)
        );
    }
}

#[test]
fn a_settling_file_is_in_one_count_only() {
    let counts = FileCounts {
        total: 6,
        synced: 3,
        queued: 2,
        dead: 1,
        excluded: 4,
        ..FileCounts::default()
    };
    let mut folder = www(counts);
    folder.settling = vec![
        StoredClass::Unknown,
        StoredClass::Synced,
        StoredClass::Queued,
        StoredClass::Excluded,
        // Read a moment later, when the count had changed: it must not go below nothing.
        StoredClass::InFlight,
    ];
    let files = files_of(&folder, 1);
    assert_eq!((files.synced, files.queued, files.settling), (2, 1, 4));
    assert_eq!((files.excluded, files.dead, files.in_flight), (3, 1, 0));
    assert_eq!(files.total, 8);
    let mut all = facts(folder);
    live(&mut all).folders[0].settling = vec![SettlingPath {
        path: path("x"),
        since: NOW,
    }];
    assert_eq!(status(&all).state, State::Syncing);
}

#[test]
fn without_a_daemon_the_store_tells_what_closed_the_account() {
    let mut all = facts(www(synced(1)));
    all.daemon = None;
    all.live = None;
    all.accounts = vec![AccountRow {
        name: "shop".to_owned(),
        state: "paused".to_owned(),
        until: Some(NOW),
        fault: Some(Fault::new(Call::Link, Layer::Errcode, "48001", "no")),
        closures: 1,
    }];
    let report = status(&all);
    assert!(!report.daemon.running);
    assert_eq!(report.state, State::Blocked);
    let problem = &report.folders[0].problems[0];
    assert_eq!(
        (problem.path.as_deref(), problem.code.as_str()),
        (None, "48001")
    );
    assert!(!problem.meaning.is_empty() && !problem.advice.is_empty());
}

#[test]
fn a_folder_that_was_never_scanned_is_not_in_sync() {
    let mut all = facts(FolderFacts {
        known: false,
        ..www(FileCounts::default())
    });
    all.live = None;
    assert_eq!(status(&all).state, State::Scanning);
}

#[test]
fn the_rest_is_guessed_from_the_rate_and_only_while_sending() {
    let counts = FileCounts {
        total: 2,
        synced: 1,
        queued: 1,
        ..FileCounts::default()
    };
    let mut folder = www(counts);
    folder.bytes = (2_000, 1_000);
    folder.bytes_per_second = Some(300.0);
    let report = status(&facts(folder.clone()));
    assert_eq!(report.folders[0].eta_seconds, Some(4));
    folder.bytes_per_second = None;
    let report = status(&facts(folder.clone()));
    assert_eq!(report.folders[0].eta_seconds, None);
    folder.bytes_per_second = Some(300.0);
    let mut alone = facts(folder.clone());
    alone.daemon = None;
    assert_eq!(status(&alone).folders[0].eta_seconds, None, "nobody sends");
    folder.counts = synced(2);
    assert_eq!(status(&facts(folder)).folders[0].eta_seconds, None);
}

use super::*;

fn standing(state: State, is_open: bool, has_failed: bool) -> Standing {
    Standing {
        state,
        is_open,
        has_failed,
    }
}

#[test]
fn what_cannot_be_read_is_not_in_sync() {
    let mut status: Status = serde_json::from_value(serde_json::json!({
        "schema": 1, "state": "idle", "inboxes": [],
        "daemon": {"running": true, "version": "", "as_of": ""},
        "folders": [{
            "name": "www", "flow": "static-website", "path": "/srv/www", "state": "idle",
            "files": {"total": 1, "synced": 1, "queued": 0, "in_flight": 0, "settling": 0,
                "failed": 0, "dead": 0, "excluded": 1, "remote_only": 0},
            "bytes": {"total": 1, "queued": 0}, "excluded_dirs": 0, "problems": [],
        }],
    }))
    .unwrap();
    assert_eq!(check(&status), Exit::Done);
    status.folders[0].unreadable = 1;
    assert_eq!(check(&status), Exit::NotInSync);
    assert_eq!(verdict(&status), Some(Exit::NotInSync));
}

#[test]
fn all_is_well_where_nothing_is_open_dead_or_stopped() {
    assert!(standing(State::Idle, false, false).is_well());
    assert!(standing(State::Waiting, false, false).is_well());
    assert!(!standing(State::Syncing, true, false).is_well());
    assert!(!standing(State::Degraded, false, true).is_well());
    assert!(!standing(State::Paused, false, false).is_well());
}

#[test]
fn waiting_is_worth_it_only_while_something_goes_on_by_itself() {
    assert!(standing(State::Paused, true, false).is_stuck());
    assert!(standing(State::Degraded, false, true).is_stuck());
    assert!(!standing(State::Syncing, true, true).is_stuck());
}

#[test]
fn an_inbox_counts_like_a_folder() {
    let inbox = Inbox {
        name: "desk".to_owned(),
        path: "/srv/inbox".to_owned(),
        state: State::Syncing,
        reason: None,
        connected: true,
        received: 1,
        pending: 1,
        dead: 0,
        last_poll_at: None,
        last_received_at: None,
        problems: Vec::new(),
    };
    let mut status = Status {
        schema: 1,
        daemon: crate::report::Daemon {
            running: true,
            pid: Some(1),
            version: String::new(),
            started_at: None,
            as_of: String::new(),
        },
        state: State::Syncing,
        folders: Vec::new(),
        inboxes: vec![inbox],
    };
    assert_eq!(check(&status), Exit::NotInSync);
    assert_eq!(verdict(&status), None, "it will come by itself");
    status.inboxes[0].pending = 0;
    assert_eq!(check(&status), Exit::Done);
    assert_eq!(verdict(&status), Some(Exit::Done));
    status.inboxes[0].dead = 1;
    assert_eq!(check(&status), Exit::NotInSync);
    assert_eq!(verdict(&status), Some(Exit::NotInSync));
    status.daemon.running = false;
    assert_eq!(check(&status), Exit::Daemon);
}

use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::report::{Bytes, Daemon, Files, Release, State};

/// A folder at rest.
pub(in crate::cli::status::live) fn idle() -> Status {
    let folder = Folder {
        name: "www".to_owned(),
        flow: "static-website".to_owned(),
        path: "/srv/www".to_owned(),
        state: State::Idle,
        reason: None,
        watch: Some("native".to_owned()),
        files: Files {
            total: 1_200,
            synced: 1_200,
            ..Files::default()
        },
        bytes: Bytes {
            total: 1 << 20,
            queued: 0,
        },
        excluded_dirs: 0,
        unreadable: 0,
        release: None,
        last_success_at: Some("2026-11-21T09:04:00Z".to_owned()),
        waiting_since: None,
        eta_seconds: None,
        problems: Vec::new(),
    };
    Status {
        schema: 1,
        daemon: Daemon {
            running: true,
            pid: Some(4711),
            version: "0.1.0".to_owned(),
            started_at: Some("2026-11-21T09:00:00Z".to_owned()),
            as_of: "2026-11-21T09:05:00Z".to_owned(),
        },
        state: State::Idle,
        folders: vec![folder],
        inboxes: Vec::new(),
    }
}

/// The same in the middle of a release.
pub(in crate::cli::status::live) fn deploying(release: i64, done: u64) -> Status {
    let mut status = idle();
    status.state = State::Syncing;
    let folder = &mut status.folders[0];
    folder.state = State::Syncing;
    folder.files.synced = done;
    folder.files.queued = 1_200 - done;
    folder.bytes.queued = (1_200 - done) * 800;
    folder.eta_seconds = Some(9);
    folder.release = Some(Release {
        id: release,
        state: "publishing".to_owned(),
        files: 1_200,
        done,
    });
    status
}

fn troubled() -> Status {
    let mut status = deploying(7, 300);
    status.folders[0].problems.push(Problem {
        path: Some("img/tower.png".to_owned()),
        message: None,
        state: "waiting".to_owned(),
        code: "-1".to_owned(),
        meaning: "WeChat's servers are busy.".to_owned(),
        advice: "Nothing, if it passes; syncd tries again by itself, for as long as it takes."
            .to_owned(),
        attempts: 2,
        next_attempt_at: Some("2026-11-21T09:05:12Z".to_owned()),
    });
    status.inboxes.push(Inbox {
        name: "desk".to_owned(),
        path: "/srv/inbox".to_owned(),
        state: State::Waiting,
        reason: Some("the desk is closed until 2026-11-22T01:00:00Z".to_owned()),
        connected: false,
        received: 12,
        pending: 1,
        dead: 0,
        last_poll_at: Some("2026-11-21T09:04:30Z".to_owned()),
        last_received_at: None,
        problems: Vec::new(),
    });
    status
}

fn drawn(view: &mut View, pace: &Pace, (width, height): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view.draw(frame, pace)).unwrap();
    let screen = terminal.backend().to_string();
    let rows = screen
        .lines()
        .map(|row| row.trim_matches('"').trim_end().to_owned());
    rows.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_whole_status_stands_on_the_screen() {
    let mut pace = Pace::default();
    pace.look(&deploying(7, 100), Duration::ZERO);
    pace.look(&troubled(), Duration::from_secs(2));
    let mut view = View::new(troubled(), true);
    insta::assert_snapshot!(drawn(&mut view, &pace, (72, 19)), @r"
    syncd 0.1.0  running (pid 4711, started 5m ago)  syncing

    www  syncing  /srv/www
      in sync   ██████░░░░░░░░░░░░░░░░░░ 300 of 1200 files (1.0 MiB)
      to do     900 queued (703.1 KiB)
      release   7: 300 of 1200 files done, about 9s left, 100 files a second
      uploaded  1m ago, watch native
      waiting  img/tower.png, tried 2 times, next try in 12s
          -1: WeChat's servers are busy.
          Nothing, if it passes; syncd tries again by itself, for as long as
          it takes.

    desk  waiting  /srv/inbox
      why       the desk is closed until 2026-11-22T01:00:00Z
      received  12 files
      to do     1 on the way
      asked     30s ago, not connected

     q ends   ↑ ↓ PgUp PgDn scroll
    ");
}

#[test]
fn a_small_screen_is_scrolled_and_never_beyond_its_end() {
    let (mut view, pace) = (View::new(troubled(), false), Pace::default());
    let first = drawn(&mut view, &pace, (60, 8));
    assert!(
        first.contains("www  syncing") && first.contains("lines below"),
        "{first}"
    );
    view.scroll(KeyCode::PageDown);
    let second = drawn(&mut view, &pace, (60, 8));
    assert!(!second.contains("www  syncing"), "{second}");
    view.scroll(KeyCode::End);
    let last = drawn(&mut view, &pace, (60, 8));
    assert!(last.contains("asked") && !last.contains("below"), "{last}");
    view.scroll(KeyCode::Down);
    assert_eq!(drawn(&mut view, &pace, (60, 8)), last);
    view.scroll(KeyCode::Home);
    assert_eq!(drawn(&mut view, &pace, (60, 8)), first);
    for size in [(1, 1), (3, 2), (20, 4)] {
        drawn(&mut view, &pace, size);
    }
}

#[test]
fn the_last_status_stays_while_there_is_no_newer_one() {
    let (mut view, pace) = (View::new(idle(), true), Pace::default());
    view.lost("the daemon does not answer".to_owned());
    let lost = drawn(&mut view, &pace, (60, 9));
    assert!(
        lost.contains("www  idle") && lost.contains("does not answer"),
        "{lost}"
    );
    view.show(idle());
    assert!(!drawn(&mut view, &pace, (60, 9)).contains("does not answer"));
}

#[test]
fn a_bar_is_full_only_where_all_is_done() {
    for (done, all, width, filled) in [
        (0, 10, 30, 0),
        (9, 10, 30, 9),
        (999, 1_000, 30, 9),
        (10, 10, 30, 10),
        (0, 0, 30, 10),
        (5, 10, 300, 20),
        (5, 10, 0, 0),
    ] {
        let (full, _) = bar(done, all, width);
        assert_eq!(full.chars().count(), filled, "{done} of {all}");
    }
}

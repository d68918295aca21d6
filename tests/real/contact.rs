//! What `doctor`, `report`, `[http]` and the alerts know of a contact centre's desk, its inbox and its outbox.
#![expect(
    clippy::float_cmp,
    clippy::cast_precision_loss,
    reason = "counts are whole numbers, and small"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use syncd::emulator::{AgentFile, Call};

use crate::desk::{Desk, wait_for};
use crate::doctor::{doctor, edit, expect_one, found};
use crate::http::{get, on_a_socket, series};

const SECRET: &str = "emulated-desk-secret";

/// A desk with an inbox and an outbox, and nothing of WeChat.
pub(crate) fn contact_centre() -> Desk {
    let desk = Desk::new();
    let inbox = inbox(&desk);
    fs::create_dir(&inbox).unwrap();
    let known = desk.cloud.desk().credentials();
    let text = format!(
        "state_dir = \"{}\"\n[accounts.desk]\nprovider = \"ccmessaging\"\nbase_url = \"{}\"\n\
         app_key = \"{}\"\napp_secret = \"{SECRET}\"\nchannel_id = \"{}\"\nuser_id = \"{}\"\n\
         [[inbox]]\nname = \"desk\"\npath = \"{}\"\naccount = \"desk\"\nmax_file = \"1MiB\"\n\
         [[folder]]\nname = \"out\"\npath = \"{}\"\nflow = \"ccmessaging\"\naccount = \"desk\"\n\
         settle = \"50ms\"\n",
        desk.state.display(),
        desk.cloud.base_url(),
        known.app_key,
        known.channel_id,
        known.user_id,
        inbox.display(),
        desk.folder.display(),
    );
    assert_eq!(known.app_secret, SECRET);
    fs::write(&desk.config, text).unwrap();
    desk
}

pub(crate) fn inbox(desk: &Desk) -> PathBuf {
    desk.path().join("inbox")
}

fn put(desk: &Desk, count: u8) {
    let user = desk.cloud.desk().credentials().user_id.clone();
    for index in 0..count {
        let file = AgentFile::local("pdf", vec![index; 1000]);
        desk.cloud.desk().put_file(&user, file).unwrap();
    }
}

fn received(desk: &Desk) -> u64 {
    desk.status()["inboxes"][0]["received"].as_u64().unwrap()
}

pub(crate) fn on_receive(desk: &Desk, program: &Path) {
    let line = format!(
        "max_file = \"1MiB\"\non_receive = [\"{}\"]",
        program.display()
    );
    edit(desk, "max_file = \"1MiB\"", &line);
}

#[test]
fn all_is_well_and_nothing_is_left_behind() {
    let desk = contact_centre();
    let program = desk.path().join("program");
    fs::write(&program, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    on_receive(&desk, &program);
    let answer = desk.syncd(&["doctor"]).expect(0);
    for name in [
        "ok       folder out",
        "ok       inbox desk",
        "ok       inbox space desk",
        "ok       on_receive desk",
        "ok       connection desk",
        "ok       clock desk",
        "ok       gateway token desk",
        "ok       session token desk",
    ] {
        assert!(answer.stdout.contains(name), "{name}: {}", answer.stdout);
    }
    assert!(!answer.stdout.contains("website"), "{}", answer.stdout);
    assert_eq!(fs::read_dir(inbox(&desk)).unwrap().count(), 0);
    desk.no_violations();
}

#[test]
fn the_session_of_a_running_daemon_is_left_alone() {
    let desk = contact_centre();
    let daemon = desk.run();
    put(&desk, 1);
    wait_for("a file is received", || received(&desk) == 1);
    let asked = desk.cloud.count(Call::DeskApply);
    let answer = desk.syncd(&["doctor"]).expect(0);
    for name in ["skipped  session token desk", "skipped  inbox desk"] {
        assert!(answer.stdout.contains(name), "{name}: {}", answer.stdout);
    }
    assert_eq!(desk.cloud.count(Call::DeskApply), asked);
    assert!(daemon.stop().success());
    assert_eq!(found(&doctor(&desk).expect(0)), []);
    assert!(inbox(&desk).join(".syncd-tmp").is_dir());
}

#[test]
fn a_wrong_app_secret() {
    let desk = contact_centre();
    edit(&desk, SECRET, "canary-not-the-right-one");
    let answer = doctor(&desk);
    assert!(!answer.stdout.contains("canary"), "{}", answer.stdout);
    expect_one(answer, "gateway token", "refused", &["app_secret"]);
}

#[test]
fn counts_equal_what_came_and_what_the_desk_saw() {
    let desk = contact_centre();
    let socket = on_a_socket(&desk);
    let daemon = desk.run();
    let page = |path: &str| get(&socket, path);
    let all = series(&page("/metrics"));
    assert_eq!(all["syncd_inbox_received_total{inbox=\"desk\"}"], 0.0);
    assert_eq!(all["syncd_inbox_dead_total{inbox=\"desk\"}"], 0.0);
    put(&desk, 3);
    desk.write("hello.txt", "to the agent");
    wait_for("three files are received", || received(&desk) == 3);
    wait_for("the file is sent", || desk.count("synced") == 1);
    let calls = |call: &str| {
        format!("syncd_api_requests_total{{account=\"desk\",call=\"{call}\",code=\"ok\"}}")
    };
    wait_for("all is told", || {
        let all = series(&page("/metrics"));
        let of = |name: &str| all.get(name).copied().unwrap_or_default();
        of("syncd_inbox_received_total{inbox=\"desk\"}") == 3.0
            && of("syncd_uploads_total{folder=\"out\",result=\"ok\"}") == 1.0
    });
    let all = series(&page("/metrics"));
    for (call, seen) in [
        ("gateway-token", Call::DeskLogin),
        ("session-token", Call::DeskApply),
        ("download", Call::DeskDownload),
        ("upload", Call::DeskUpload),
    ] {
        let counted = all.get(&calls(call)).copied().unwrap_or_default();
        assert_eq!(counted, desk.cloud.count(seen) as f64, "{call}: {all:#?}");
    }
    assert_eq!(all[&calls("download")], 3.0);
    assert_eq!(all[&calls("upload")], 1.0);
    assert!(all[&calls("poll")] >= 1.0);
    assert_eq!(all["syncd_inbox_dead_total{inbox=\"desk\"}"], 0.0);
    let html = page("/");
    for part in [
        "<h2>desk ",
        "<h2>out ",
        "3 files",
        "<dt>session</dt><dd>open</dd>",
    ] {
        assert!(html.contains(part), "{part} is missing: {html}");
    }
    assert!(daemon.stop().success());
}

#[test]
fn an_inbox_is_ready_once_its_desk_has_let_it_in() {
    let desk = contact_centre();
    let socket = on_a_socket(&desk);
    let ready = || get(&socket, "/readyz");
    let becomes = |what: &str, words: &str| {
        wait_for(what, || {
            let answer = ready();
            let code = if words == "ready" { 200 } else { 503 };
            let fits = answer.starts_with(&format!("HTTP/1.1 {code}"));
            fits && answer.contains(words)
        });
    };
    let is_away = "[[fault]]\ncall = \"any\"\ntimes = \"always\"\nstatus = 502\n";
    desk.cloud.inject_script(is_away).unwrap();
    let daemon = desk.run();
    let why = "inbox desk has not been connected yet: ";
    becomes("the reason is told", why);
    let body = ready();
    assert!(body.contains("502") || body.contains("gateway"), "{body}");
    desk.syncd(&["pause", "desk"]).expect(0);
    becomes("what a person paused does not count", "ready");
    desk.syncd(&["resume", "desk"]).expect(0);
    becomes("it counts again", why);
    desk.cloud.clear_faults();
    becomes("the desk let it in", "ready");
    // An outage passes by itself: whoever restarts what is not ready would only make it longer.
    desk.cloud.inject_script(is_away).unwrap();
    wait_for("the outage is noticed", || {
        desk.status()["inboxes"][0]["state"] == "waiting"
    });
    assert!(ready().starts_with("HTTP/1.1 200"), "{}", ready());
    desk.cloud.clear_faults();
    assert!(daemon.stop().success());
}

#[test]
fn an_inbox_without_its_directory_is_not_ready() {
    let desk = contact_centre();
    let socket = on_a_socket(&desk);
    fs::remove_dir(inbox(&desk)).unwrap();
    let daemon = desk.run();
    let ready = || get(&socket, "/readyz");
    wait_for("it is not ready", || {
        let answer = ready();
        answer.starts_with("HTTP/1.1 503") && answer.contains("inbox desk is blocked: ")
    });
    assert!(get(&socket, "/healthz").starts_with("HTTP/1.1 200"));
    fs::create_dir(inbox(&desk)).unwrap();
    wait_for("it is ready", || ready().starts_with("HTTP/1.1 200"));
    assert!(daemon.stop().success());
}

#[test]
fn a_refused_call_is_counted_by_its_code() {
    let desk = contact_centre();
    edit(&desk, SECRET, "canary-not-the-right-one");
    let socket = on_a_socket(&desk);
    let daemon = desk.run();
    wait_for("the refusal is counted", || {
        let all = series(&get(&socket, "/metrics"));
        let of_gateway = all
            .iter()
            .filter(|(name, _)| name.contains("call=\"gateway-token\""));
        let refused: Vec<_> = of_gateway.collect();
        assert!(
            refused
                .iter()
                .all(|(name, _)| !name.contains("code=\"ok\""))
        );
        !refused.is_empty()
    });
    assert!(daemon.stop().success());
}

#[test]
fn no_secret_of_a_desk_is_in_a_report() {
    let desk = contact_centre();
    let daemon = desk.run();
    put(&desk, 1);
    wait_for("a file is received", || received(&desk) == 1);
    let with_daemon = desk.syncd(&["report"]).expect(0).stdout;
    assert!(daemon.stop().success());
    let without_daemon = desk.syncd(&["report"]).expect(0).stdout;
    for report in [&with_daemon, &without_daemon] {
        for part in [
            "provider = \"ccmessaging\"",
            "\"inboxes\"",
            "gateway token desk",
        ] {
            assert!(report.contains(part), "{part} is missing: {report}");
        }
        for secret in [SECRET, "Bearer ", "AccessToken"] {
            assert!(!report.contains(secret), "it shows {secret}: {report}");
        }
    }
}

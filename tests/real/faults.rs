//! Every class of trouble ends in sync, or is named with advice and ends in sync once it is mended.

use syncd::emulator::{Call, Effect, EmulatorOptions, Fault, Times};

use crate::desk::{Desk, small_site, wait_for};

fn once_with(fault: Fault) -> Desk {
    let desk = Desk::new();
    small_site(&desk, 10);
    desk.cloud.inject(fault);
    desk.syncd(&["once"]).expect(0);
    assert_eq!(desk.differences(), Vec::<String>::new());
    assert!(desk.cloud.faults_acted() > 0, "the fault never acted");
    desk.no_violations();
    desk
}

fn errcode(code: i64) -> Effect {
    Effect {
        errcode: Some(code),
        ..Effect::default()
    }
}

fn with(set: impl FnOnce(&mut Effect)) -> Effect {
    let mut effect = Effect::default();
    set(&mut effect);
    effect
}

fn passing_link_faults() -> Vec<Effect> {
    vec![
        errcode(-1),
        errcode(-1000),
        errcode(-501_002),
        errcode(-501_004),
        with(|effect| effect.body = Some("<html>".to_owned())),
        with(|effect| effect.empty_link = true),
        with(|effect| effect.status = Some(502)),
        with(|effect| effect.cut_response_at = Some(40)),
    ]
}

fn passing_put_faults() -> Vec<Effect> {
    vec![
        with(|effect| effect.status = Some(500)),
        with(|effect| effect.status = Some(503)),
        with(|effect| effect.cut_request_at = Some(100)),
        with(|effect| effect.commit_then_drop = true),
        with(|effect| (effect.wrong_etag, effect.wrong_crc) = (true, true)),
    ]
}

#[test]
fn passing_faults_are_ridden_out() {
    let links = passing_link_faults()
        .into_iter()
        .map(|effect| (Call::Link, effect));
    let puts = passing_put_faults()
        .into_iter()
        .map(|effect| (Call::Put, effect));
    let token = (Call::Token, with(|effect| effect.status = Some(500)));
    std::thread::scope(|scope| {
        for (call, effect) in links.chain(puts).chain([token]) {
            scope.spawn(move || once_with(Fault::on(call, effect).times(Times::Exactly(2))));
        }
    });
}

#[test]
fn a_storm_of_503_is_ridden_out() {
    let storm = Effect {
        status: Some(503),
        ..Effect::default()
    };
    let mut storm = Fault::on(Call::Put, storm).times(Times::Exactly(8));
    storm.every = 2;
    once_with(storm);
}

#[test]
fn an_expired_token_is_fetched_anew_once() {
    let desk = Desk::new();
    small_site(&desk, 40);
    desk.cloud.inject(Fault {
        after: 20,
        ..Fault::on(
            Call::Link,
            Effect {
                expire_token: true,
                ..Effect::default()
            },
        )
    });
    desk.syncd(&["once"]).expect(0);
    assert_eq!(desk.differences(), Vec::<String>::new());
    assert_eq!(
        desk.cloud.count(Call::Token),
        2,
        "one login and one refresh"
    );
}

#[test]
fn a_link_that_has_ended_is_asked_for_again() {
    let expired = Effect {
        status: Some(403),
        cos_code: Some("AccessDenied".to_owned()),
        cos_message: Some("Request has expired".to_owned()),
        ..Effect::default()
    };
    let desk = once_with(Fault::on(Call::Put, expired).times(Times::Exactly(2)));
    assert_eq!(
        desk.cloud.count(Call::Link) as usize,
        desk.local().len() + 2
    );
}

#[test]
fn a_redirect_is_never_followed() {
    let desk = Desk::new();
    small_site(&desk, 2);
    let trap = desk.cloud.redirect_trap();
    desk.cloud.inject(Fault::on(
        Call::Put,
        Effect {
            redirect: Some(trap.clone()),
            ..Effect::default()
        },
    ));
    desk.cloud.inject(Fault::on(
        Call::Link,
        Effect {
            redirect: Some(trap),
            ..Effect::default()
        },
    ));
    desk.syncd(&["once"]).expect(0);
    assert_eq!(desk.differences(), Vec::<String>::new());
    desk.no_violations();
}

#[test]
fn a_fault_that_needs_a_person_is_named_and_resume_brings_it_to_rest() {
    let desk = Desk::new();
    small_site(&desk, 5);
    desk.cloud
        .inject(Fault::on(Call::Link, errcode(85_088)).times(Times::Always));
    desk.syncd(&["once"]).expect(6);
    let _daemon = desk.run();
    wait_for("the folder is blocked", || {
        desk.status()["folders"][0]["state"] == "blocked"
    });
    let status = desk.syncd(&["status"]);
    assert!(status.stdout.contains("85088"), "{}", status.stdout);
    desk.syncd(&["status", "--wait=30s"]).expect(3);
    desk.syncd(&["status", "--check"]).expect(3);
    let why = desk.syncd(&["why", "www:index.html"]).expect(0);
    assert!(why.stdout.contains("85088"), "{}", why.stdout);
    let explained = desk.syncd(&["explain", "85088"]).expect(0);
    assert!(!explained.stdout.is_empty());

    desk.cloud.clear_faults();
    desk.syncd(&["resume", "www"]).expect(0);
    desk.settled();
    desk.syncd(&["resume", "www"]).expect(0);
}

#[test]
fn a_file_the_cloud_refuses_is_dead_alone_and_can_be_retried() {
    let desk = Desk::new();
    small_site(&desk, 5);
    let refused = Fault {
        key: Some("css/site.css".to_owned()),
        ..Fault::on(Call::Link, errcode(-403_001)).times(Times::Always)
    };
    desk.cloud.inject(refused);
    desk.syncd(&["once"]).expect(3);
    assert_eq!(desk.differences(), ["css/site.css: missing"]);
    assert_eq!(desk.count("dead"), 1);
    let queue = desk.syncd(&["queue", "list"]).expect(0);
    assert!(
        queue.stdout.contains("css/site.css") && queue.stdout.contains("-403001"),
        "{}",
        queue.stdout
    );
    desk.cloud.clear_faults();
    desk.syncd(&["once"]).expect(3);
    desk.syncd(&["queue", "retry", "www:no/such/file"])
        .expect(4);
    desk.syncd(&["queue", "drop", "www:no/such/file"]).expect(4);
    desk.syncd(&["queue", "retry", "--dead"]).expect(0);
    desk.syncd(&["once"]).expect(0);
    assert_eq!(desk.differences(), Vec::<String>::new());
}

#[test]
fn the_wrong_kind_of_token_is_told_in_words() {
    let options = EmulatorOptions::default();
    let credentials = options.tokens.credentials.clone();
    let (appid, secret) = (credentials.appid, credentials.secret);
    let account = format!("token = {{ app = {{ appid = \"{appid}\", secret = \"{secret}\" }} }}\n");
    let desk = Desk::with(options, &account, "");
    small_site(&desk, 3);
    let answer = desk.syncd(&["once"]).expect(6);
    let said = format!("{}{}", answer.stdout, answer.stderr);
    assert!(said.contains("component"), "{said}");
    assert_eq!(desk.puts(), 0);
}

#[test]
fn a_cloud_that_is_away_is_temporary_trouble() {
    let desk = Desk::new();
    small_site(&desk, 3);
    let config = std::fs::read_to_string(&desk.config).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    std::fs::write(&desk.config, config.replace(&desk.cloud.base_url(), &dead)).unwrap();
    let _daemon = desk.run();
    wait_for("the folder waits", || {
        desk.status()["folders"][0]["state"] == "waiting"
    });
    assert_eq!(desk.count("dead"), 0);
    desk.syncd(&["status", "--wait=1s"]).expect(5);
}

/// A token of the kind that a static website takes, as its holder answers it.
fn platform_token(cloud: &syncd::emulator::Running) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(cloud.address()).unwrap();
    stream
        .write_all(b"GET /token HTTP/1.0\r\nhost: localhost\r\n\r\n")
        .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let (_, body) = reply.split_once("\r\n\r\n").unwrap();
    let json: serde_json::Value = serde_json::from_str(body).unwrap();
    json["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn a_token_file_is_read_again_when_it_changes() {
    let holder = tempfile::tempdir().unwrap();
    let file = holder.path().join("token");
    let account = format!("token = {{ file = {file:?} }}\n");
    let desk = Desk::with(EmulatorOptions::default(), &account, "");
    let hand_out = || {
        std::fs::write(&file, platform_token(&desk.cloud)).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&file, mode).unwrap();
    };
    hand_out();
    small_site(&desk, 3);
    let _daemon = desk.run();
    desk.settled();
    desk.cloud.expire_tokens();
    desk.write("page-1.html", "after the token had ended");
    wait_for("the account is paused", || {
        desk.status()["folders"][0]["state"] == "blocked"
    });
    hand_out();
    desk.settled();
}

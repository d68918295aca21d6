//! Inboxes and outboxes on the command line, with messages put into the database by the test. The desk
//! cannot be reached, so nothing comes or goes meanwhile.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use syncd::model::digest::Sha256;
use syncd::model::fault::{Call, Fault, Layer};
use syncd::model::message::MessageState;
use syncd::model::path::RelPath;
use syncd::model::time::Timestamp;
use syncd::port::inbox_disk::TempName;
use syncd::store::{Fetched, MessageFilter, NextTry, Store};

use crate::site::Site;

const NOW: Timestamp = Timestamp(1_795_251_600_000);

/// A site with a desk whose port nobody listens on, an outbox and an inbox.
fn desk() -> Site {
    let site = Site::new();
    for directory in ["out", "in"] {
        std::fs::create_dir(site.path(directory)).unwrap();
    }
    std::fs::write(site.path("secret"), "canary").unwrap();
    restrict(&site.path("secret"));
    let [secret, out, inbox] =
        ["secret", "out", "in"].map(|name| site.path(name).to_str().unwrap().to_owned());
    site.configure(&format!(
        "[accounts.desk]\nprovider = \"ccmessaging\"\nbase_url = \"http://127.0.0.1:9\"\napp_key = \"ak\"\n\
         app_secret = {{ file = \"{secret}\" }}\nchannel_id = \"1\"\nuser_id = \"u-1\"\n\
         [[folder]]\nname = \"out\"\npath = \"{out}\"\nflow = \"ccmessaging\"\naccount = \"desk\"\nsettle = \"20ms\"\n\
         [[inbox]]\nname = \"desk\"\npath = \"{inbox}\"\naccount = \"desk\"\n"
    ));
    site
}

fn restrict(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Puts three messages into the database: `m-new` to be fetched, `m-dead` given up, `m-here` delivered.
fn receive(site: &Site) {
    std::fs::create_dir_all(site.state()).unwrap();
    let store = Store::open(&site.state().join("syncd.db")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let name = || "desk".to_owned();
        store.adopt_inboxes(vec![name()]).await.unwrap();
        let messages = ["m-new", "m-dead", "m-here"].map(message);
        store.journal(name(), messages.into(), NOW).await.unwrap();
        let filter = MessageFilter::default();
        let rows = store.reader().unwrap().messages(&filter, 10).unwrap();
        let id = |identity: &str| rows.iter().find(|row| row.identity == identity).unwrap().id;
        let dead = id("m-dead");
        store.begin_message(dead, NOW).await.unwrap();
        let fault = Fault::new(Call::Download, Layer::Http, "500", "oops");
        store
            .message_failed(dead, fault, NextTry::Dead, NOW)
            .await
            .unwrap();
        let here = id("m-here");
        store.begin_message(here, NOW).await.unwrap();
        let fetched = Fetched {
            temp: TempName("t1".to_owned()),
            sidecar: None,
            wanted: RelPath::from_bytes(b"2026-11-21/a.txt".as_slice()).unwrap(),
            digest: Sha256::of(b"a"),
            size: 1,
        };
        store.message_fetched(here, fetched, NOW).await.unwrap();
        store.message_delivered(here, false, NOW).await.unwrap();
        store.close().await;
    });
    let here = site.path("in/2026-11-21");
    std::fs::create_dir(&here).unwrap();
    std::fs::write(here.join("a.txt"), "a").unwrap();
}

fn message(identity: &str) -> syncd::model::message::NewMessage {
    syncd::model::message::NewMessage {
        identity: identity.to_owned(),
        content: Sha256::of(identity.as_bytes()),
        raw: b"{}".to_vec(),
        carries_file: true,
        sent_at: Some(NOW),
    }
}

fn state_of(site: &Site, identity: &str) -> String {
    let json = site.run(&["inbox", "list", "--json"]).expect(0).json();
    let files = json["files"].as_array().unwrap().clone();
    let file = files.iter().find(|file| file["message"] == identity);
    file.unwrap()["state"].as_str().unwrap().to_owned()
}

#[test]
fn before_anything_came_the_inbox_is_empty_and_nothing_is_written() {
    let site = desk();
    site.run(&["config", "check"]).expect(0);
    let list = site.run(&["inbox", "list", "--json"]).expect(0).json();
    assert_eq!(list["schema"], 1);
    assert_eq!(list["files"], serde_json::json!([]));
    let status = site.run(&["status", "--json"]).expect(0).json();
    let inbox = &status["inboxes"][0];
    assert_eq!(
        (&inbox["name"], &inbox["received"]),
        (&"desk".into(), &0.into())
    );
    site.run(&["inbox", "list", "dsek"]).expect(4);
    site.run(&["why", "desk:m-1"]).expect(4);
    assert!(!site.state().exists());
}

#[test]
fn what_came_is_listed_explained_and_counted_without_a_daemon() {
    let site = desk();
    receive(&site);
    let list = site
        .run(&["inbox", "list", "desk", "--json"])
        .expect(0)
        .json();
    assert_eq!(list["files"].as_array().unwrap().len(), 3);
    let here = &list["files"][0];
    assert_eq!(here["path"], "2026-11-21/a.txt");
    assert_eq!(here["state"], MessageState::Delivered.as_str());
    let one = site
        .run(&["inbox", "list", "--limit", "1", "--json"])
        .expect(0);
    assert_eq!(one.json()["truncated"], true);

    let file = site.path("in/2026-11-21/a.txt");
    for named in [
        file.to_str().unwrap(),
        "desk:2026-11-21/a.txt",
        "desk:m-here",
    ] {
        let why = site.run(&["why", named, "--json"]).expect(0).json();
        assert_eq!(
            (&why["message"], &why["on_disk"]),
            (&"m-here".into(), &true.into())
        );
    }
    let why = site.run(&["why", "desk:m-dead"]).expect(0).out();
    assert!(why.contains("syncd queue retry desk:m-dead"), "{why}");
    site.run(&["why", "desk"]).expect(4);
    site.run(&["why", "desk:"]).expect(2);

    let status = site.run(&["status", "--json"]).expect(0).json();
    let inbox = &status["inboxes"][0];
    let counts = ["received", "pending", "dead"].map(|key| inbox[key].as_u64().unwrap());
    assert_eq!(counts, [1, 1, 1]);
    let queue = site.run(&["queue", "list", "--json"]).expect(0).json();
    assert_eq!(queue["messages"].as_array().unwrap().len(), 2);
    let dead = site
        .run(&["queue", "list", "--dead", "--json"])
        .expect(0)
        .json();
    assert_eq!(dead["messages"][0]["message"], "m-dead");
}

#[test]
fn messages_are_retried_and_dropped_by_code_inbox_and_deadness() {
    let site = desk();
    receive(&site);
    let out = |arguments: &[&str]| site.run(arguments).expect(0).out();
    assert!(out(&["queue", "retry", "desk:m-dead"]).starts_with("1 job"));
    assert_eq!(state_of(&site, "m-dead"), "received");
    assert!(out(&["queue", "drop", "desk:m-new"]).starts_with("1 job"));
    assert_eq!(state_of(&site, "m-new"), "dropped");
    assert!(out(&["queue", "drop", "--folder", "desk"]).starts_with("1 job"));
    assert_eq!(state_of(&site, "m-dead"), "dropped");
    assert!(out(&["queue", "retry", "--dead"]).starts_with("0 jobs"));
    site.run(&["queue", "retry", "desk:m-none"]).expect(4);
    site.run(&["queue", "retry", "--folder", "dsek"]).expect(4);
}

#[test]
fn an_inbox_is_paused_and_resumed_with_and_without_a_daemon() {
    let site = desk();
    receive(&site);
    let state = || {
        let status = site.run(&["status", "--json"]).expect(0).json();
        status["inboxes"][0]["state"].as_str().unwrap().to_owned()
    };
    site.run(&["pause", "desk"]).expect(0);
    assert_eq!(state(), "paused");
    let daemon = site.daemon();
    assert_eq!(state(), "paused", "it survives the start");
    site.run(&["resume", "desk"]).expect(0);
    assert_ne!(state(), "paused");
    site.run(&["pause", "desk"]).expect(0);
    site.run(&["status", "--check"]).expect(3);
    site.run(&["queue", "drop", "desk:m-dead"]).expect(0);
    assert_eq!(state_of(&site, "m-dead"), "dropped");
    site.run(&["pause", "dsek"]).expect(4);
    drop(daemon);
}

#[test]
fn what_cannot_be_sent_is_refused_and_nothing_is_copied() {
    let site = desk();
    let send = |files: &[&str], code: i32| {
        let arguments = [&["send"][..], files, &["--to", "out"]].concat();
        site.run(&arguments).expect(code).err()
    };
    std::fs::write(site.path("a.txt"), "a").unwrap();
    std::fs::write(site.path("a.pdf"), "a").unwrap();
    std::fs::write(site.path("empty.txt"), "").unwrap();
    assert!(send(&["a.txt", "a.pdf"], 2).contains("cannot be sent"));
    assert!(send(&["a.txt", "empty.txt"], 2).contains("no empty file"));
    assert!(send(&["a.txt", "in"], 2).contains("is a directory"));
    assert!(send(&["a.txt", "a.txt"], 2).contains("two files of the name"));
    assert!(send(&["a.txt", "none.txt"], 4).contains("none.txt"));
    site.run(&["send", "a.txt", "--to", "desk"]).expect(4);
    site.run(&["send", "--to", "out"]).expect(2);
    assert_eq!(std::fs::read_dir(site.path("out")).unwrap().count(), 0);
}

#[test]
fn a_file_that_cannot_be_sent_now_stays_in_the_outbox_and_ends_with_5() {
    let site = desk();
    std::fs::write(site.path("a.txt"), "a").unwrap();
    let send = ["send", "a.txt", "--to", "out", "--timeout=300ms", "--json"];
    let alone = site.run(&send).expect(5).json();
    assert_eq!(alone["files"][0]["state"], "waiting", "{alone}");
    assert_eq!(std::fs::read(site.path("out/a.txt")).unwrap(), b"a");
    let _daemon = site.daemon();
    let again = site.run(&send).expect(5).json();
    assert_eq!(again["files"][0]["path"], "a.txt");
    std::fs::write(site.path("a.txt"), "b").unwrap();
    let other = site.run(&send).expect(2).err();
    assert!(other.contains("another file of the name"), "{other}");
    site.run(&["pause", "out"]).expect(0);
    std::fs::write(site.path("b.txt"), "b").unwrap();
    let paused = site.run(&["send", "b.txt", "--to", "out"]).expect(3).err();
    assert!(paused.contains("paused"), "{paused}");
}

//! The real binary as people and scripts meet it: exit codes, JSON shapes, signals, one daemon.

#![expect(
    clippy::disallowed_methods,
    reason = "tests stand outside: they use the disk and the clock themselves"
)]

#[path = "cli/desk.rs"]
mod desk;
#[path = "cli/site.rs"]
mod site;

use rustix::process::Signal;
use serde_json::json;
use site::{Site, eventually, mode};

#[test]
fn wrong_usage_is_2_and_help_is_0() {
    let site = Site::new();
    for wrong in [
        &["frobnicate"][..],
        &[],
        &["queue", "retry"],
        &["status", "--wait=5"],
    ] {
        site.run(wrong).expect(2);
    }
    for right in [&["--help"][..], &["--version"], &["status", "--help"]] {
        site.run(right).expect(0);
    }
}

#[test]
fn a_reader_of_messages_that_went_away_changes_no_exit_code() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_syncd"));
    command.args(["--config", "/nowhere/syncd.toml", "config", "check"]);
    let status = command.stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(78));
}

#[test]
fn a_wrong_configuration_is_78_with_its_place_and_a_suggestion() {
    let site = Site::new();
    site.configure("[limits]\nconcurency = 4\n");
    for command in [
        &["config", "check"][..],
        &["run"],
        &["once"],
        &["status"],
        &["plan"],
    ] {
        let ended = site.run(command).expect(78);
        assert!(ended.err().contains("config.toml:2:1"), "{}", ended.err());
        assert!(ended.err().contains("`concurrency`"), "{}", ended.err());
    }
    let json = site.run(&["config", "check", "--json"]).expect(78).json();
    assert_eq!(
        (&json["ok"], &json["problems"][0]["line"]),
        (&false.into(), &2.into())
    );
    site.run(&["--config", "nowhere.toml", "status"]).expect(78);
    assert!(
        !site.state().exists(),
        "a refused configuration makes no state"
    );
}

#[test]
fn credentials_of_the_service_do_not_make_a_configuration_wrong() {
    let site = Site::new();
    let account = "[accounts.shop]\nprovider = \"wechat\"\n\
                   token = { app = { appid = \"wx0\", secret = { credential = \"shop\" } } }\n";
    site.configure(account);
    let ended = site.run(&["config", "check"]).expect(0);
    assert!(
        ended.out().contains("ok, 0 folders and 1 account"),
        "{}",
        ended.out()
    );
    assert!(
        ended.err().contains("given to the service only"),
        "{}",
        ended.err()
    );
    let json = site.run(&["config", "check", "--json"]).expect(0).json();
    assert_eq!(json["ok"], true);
    site.configure(&format!("{account}colour = 1\n"));
    site.run(&["config", "check"]).expect(78);
}

#[test]
fn a_sample_is_written_once_refused_until_filled_in_and_then_works() {
    let site = Site::new();
    let path = site.path("new/config.toml");
    let path = path.to_str().unwrap();
    site.run(&["config", "init", path]).expect(0);
    assert_eq!(mode(path.as_ref()), 0o600);
    site.run(&["config", "init", path]).expect(1);
    site.run(&["--config", path, "config", "check"]).expect(78);
    let text = std::fs::read_to_string(path).unwrap();
    let text = text
        .replace("https://FILL-IN", "https://tokens.example.com/wechat")
        .replace("\"/FILL-IN\"", &format!("{:?}", site.folder()))
        .replace("\"FILL-IN\"", "\"wx0123456789abcdef\"");
    std::fs::write(path, text).unwrap();
    site.run(&["--config", path, "config", "check"]).expect(0);
}

#[test]
fn codes_are_explained() {
    let site = Site::new();
    let text = site.run(&["explain", "40001"]).expect(0).out();
    assert!(text.contains("means") && text.contains("you do"), "{text}");
    let json = site.run(&["explain", "-1", "--json"]).expect(0).json();
    assert_eq!(json["schema"], 1);
    assert!(json["meanings"][0]["advice"].is_string());
    site.run(&["explain", "no-such-word"]).expect(4);
}

#[test]
fn before_the_first_run_every_reading_command_says_so_and_writes_nothing() {
    let site = Site::new();
    site.write("index.html", "<h1>hello</h1>");
    let status = site.run(&["status", "--json"]).expect(0);
    let json = status.json();
    assert_eq!(json["schema"], 1);
    assert_eq!(json["daemon"]["running"], false);
    assert_eq!(json["daemon"]["pid"], serde_json::Value::Null);
    assert_eq!(json["folders"][0]["name"], "www");
    assert_ne!(
        json["state"], "idle",
        "what was never looked at is not in sync"
    );
    assert!(status.err().contains("not running"), "{}", status.err());
    site.run(&["status", "--check"]).expect(8);
    site.run(&["status", "--wait"]).expect(8);
    site.run(&["queue", "list"]).expect(0);
    site.run(&["why", "www/index.html"]).expect(0);
    site.run(&["why", "www/nothing.html"]).expect(4);
    site.run(&["history"]).expect(4);
    site.run(&["plan"]).expect(3);
    assert!(!site.state().exists());
}

#[test]
fn one_pass_deploys_and_the_next_has_nothing_to_do() {
    let site = Site::new();
    site.write("index.html", "<h1>hello</h1>");
    site.write("css/a b+%.css", "a { }");
    site.write(".syncdignore", "*.tmp\n");
    site.write("x.tmp", "x");
    let plan = site.run(&["plan", "--json"]).expect(3).json();
    let actions = plan["folders"][0]["actions"].as_array().unwrap().clone();
    let paths: Vec<&str> = actions
        .iter()
        .map(|a| a["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths, ["css/a b+%.css", "index.html"], "in publish order");
    assert_eq!(actions[1]["stage"], "last");

    let summary = site.run(&["once", "--json"]).expect(0).last_json();
    assert_eq!(summary["type"], "summary");
    let folder = &summary["folders"][0];
    assert_eq!(
        (&folder["uploaded"], &folder["failed"]),
        (&2.into(), &0.into()),
        "{summary}"
    );
    let environment = site.cloud.environments()[0].clone();
    let keys: Vec<String> = site.cloud.objects(&environment).into_keys().collect();
    assert_eq!(keys, ["css/a b+%.css", "index.html"]);

    site.run(&["plan"]).expect(0);
    let again = site.run(&["once", "--json"]).expect(0).last_json();
    assert_eq!(again["folders"][0]["uploaded"], 0);
    assert_eq!(again["folders"][0]["skipped"], 2);

    let status = site.run(&["status", "--json"]).expect(0).json();
    assert_eq!(status["state"], "idle");
    let files = &status["folders"][0]["files"];
    assert_eq!(
        (&files["total"], &files["synced"]),
        (&2.into(), &2.into()),
        "{files}"
    );
    assert_eq!(files["excluded"], 2);
    let why = site.run(&["why", "www:x.tmp", "--json"]).expect(0).json();
    assert_eq!(why["state"], "excluded");
    assert!(
        why["rule"]["reason"]
            .as_str()
            .unwrap()
            .contains(".syncdignore:1")
    );
    let why = site
        .run(&["why", "www/index.html", "--json"])
        .expect(0)
        .json();
    assert_eq!(
        (&why["state"], &why["published"]["key"]),
        (&"synced".into(), &"index.html".into())
    );
    let history = site.run(&["history", "--json"]).expect(0).json();
    assert_eq!(history["folders"][0]["releases"][0]["uploaded"], 2);
    assert_eq!(mode(&site.state()), 0o700);
    assert_eq!(mode(&site.state().join("syncd.db")), 0o600);
}

#[test]
fn each_upload_has_a_whole_line_of_its_own_and_the_release_ends_after_all_of_them() {
    const FILES: usize = 300;
    let names: Vec<String> = (0..FILES)
        .map(|number| format!("{number:03}.css"))
        .collect();
    let with_files = || {
        let site = Site::new();
        for name in &names {
            site.write(name, name);
        }
        site
    };
    let log = with_files().run(&["once"]).expect(0).err();
    let mut told: Vec<&str> = log
        .lines()
        .skip_while(|line| !line.contains(" INFO uploaded "))
        .take_while(|line| !line.contains(" INFO release ended "))
        .filter_map(|line| line.split_once(" path=")?.1.split(' ').next())
        .collect();
    told.sort_unstable();
    assert_eq!(told, names, "{log}");

    let events = with_files().run(&["once", "--json"]).expect(0).jsons();
    let place = |kind: &str| events.iter().rposition(|event| event["type"] == kind);
    let uploads = events.iter().filter(|event| event["type"] == "uploaded");
    assert_eq!(uploads.count(), FILES);
    assert!(place("uploaded") < place("release_finished"), "{events:?}");
}

#[test]
fn files_gone_here_are_kept_there_and_named() {
    let site = Site::new();
    site.write("a.css", "a");
    site.write("b.css", "b");
    site.run(&["once"]).expect(0);
    std::fs::remove_file(site.folder().join("a.css")).unwrap();
    let plan = site.run(&["plan", "--json"]).expect(0).json();
    assert_eq!(plan["folders"][0]["actions"][0]["action"], "keep");
    site.run(&["once"]).expect(0);
    let status = site.run(&["status", "--json"]).expect(0).json();
    assert_eq!(status["folders"][0]["files"]["remote_only"], 1);
    let why = site.run(&["why", "www/a.css", "--json"]).expect(0).json();
    assert_eq!(why["state"], "remote-only");
}

#[test]
fn the_daemon_is_one_follows_edits_and_ends_with_0_on_sigterm() {
    let site = Site::new();
    site.write("index.html", "one");
    let mut daemon = site.daemon();
    let second = site.run(&["run"]).expect(8);
    assert!(
        second.err().contains(&format!("pid {}", daemon.pid())),
        "{}",
        second.err()
    );
    site.run(&["once"]).expect(8);
    site.run(&["status", "--wait=50s"]).expect(0);
    site.write("index.html", "two and more");
    let environment = site.cloud.environments()[0].clone();
    eventually("the edit is deployed", || {
        site.cloud
            .object(&environment, "index.html")
            .is_some_and(|object| object.size == 12)
    });
    site.run(&["status", "--wait=50s"]).expect(0);
    site.run(&["status", "--check"]).expect(0);
    assert_eq!(mode(&site.state().join("syncd.sock")), 0o600);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended(), Some(0));
    assert!(!site.state().join("daemon.json").exists());
    assert_eq!(
        site.run(&["status", "--json"]).expect(0).json()["daemon"]["running"],
        false
    );
}

#[test]
fn a_pause_survives_a_restart_and_resume_goes_on() {
    let site = Site::new();
    site.run(&["resume", "www"]).expect(0);
    site.run(&["pause", "www"]).expect(0);
    let missing = site.run(&["pause", "wwv"]).expect(4);
    assert!(
        missing.err().contains("did you mean \"www\""),
        "{}",
        missing.err()
    );
    site.write("a.css", "a");
    let daemon = site.daemon();
    let state = || site.run(&["status", "--json"]).json()["folders"][0]["state"].clone();
    assert_eq!(state(), "paused");
    site.run(&["status", "--wait=50s"]).expect(3);
    assert!(site.cloud.objects(&site.cloud.environments()[0]).is_empty());
    site.write("made-while-paused.css", "b");
    let files = || site.run(&["status", "--json"]).json()["folders"][0]["files"].clone();
    eventually("both are counted as queued", || files()["queued"] == 2);
    assert_eq!(
        (&files()["total"], &files()["synced"]),
        (&json!(2), &json!(0))
    );
    site.run(&["resume", "www"]).expect(0);
    site.run(&["status", "--wait=50s"]).expect(0);
    assert_eq!(files()["synced"], 2);
    site.run(&["resume", "www"]).expect(0);
    assert_eq!(site.cloud.objects(&site.cloud.environments()[0]).len(), 2);
    drop(daemon);
}

#[test]
fn a_reload_is_whole_or_not_at_all() {
    let site = Site::new();
    site.write("a.css", "a");
    let daemon = site.daemon();
    site.run(&["status", "--wait=50s"]).expect(0);
    let good = std::fs::read_to_string(site.config()).unwrap();
    site.configure(&format!("{good}exclude = [3]\n"));
    daemon.signal(Signal::HUP);
    let log = || std::fs::read_to_string(site.path("log")).unwrap();
    eventually("the bad file is reported", || {
        log().contains("changes nothing")
    });
    site.configure(&format!("{good}exclude = [\"*.css\"]\n"));
    daemon.signal(Signal::HUP);
    eventually("the new rule holds", || {
        let status = site.run(&["status", "--json"]).json();
        status["daemon"]["running"] == true && status["folders"][0]["files"]["excluded"] == 1
    });
}

#[test]
fn a_folder_that_is_missing_blocks_itself_only_and_says_so() {
    let site = Site::new();
    std::fs::remove_dir(site.folder()).unwrap();
    let daemon = site.daemon();
    eventually("it is blocked", || {
        site.run(&["status", "--json"]).json()["state"] == "blocked"
    });
    site.run(&["status", "--wait=50s"]).expect(3);
    site.write("a.css", "a");
    daemon.signal(Signal::USR1);
    eventually("it is there again", || {
        site.run(&["status", "--check"]).code() == 0
    });
    drop(daemon);
}

#[test]
fn once_does_not_call_a_paused_folder_in_sync() {
    let site = Site::new();
    site.write("a.txt", "a");
    site.run(&["pause", "www"]).expect(0);
    let ended = site.run(&["once"]).expect(3);
    assert!(ended.err().contains("is paused"), "{}", ended.err());
    site.run(&["resume", "www"]).expect(0);
    site.run(&["once"]).expect(0);
}

#[test]
fn plan_names_what_is_skipped_and_why() {
    let site = Site::new();
    site.write(".syncdignore", "*.map\n");
    site.write("a.map", "x");
    std::os::unix::fs::symlink("a.map", site.folder().join("link")).unwrap();
    let text = site.run(&["plan"]).expect(0).out();
    assert!(text.contains("a.map  (.syncdignore:1"), "{text}");
    assert!(text.contains("link  (a link or special file)"), "{text}");
    let why = site.run(&["why", "www:link"]).expect(0).out();
    assert!(why.contains("not-followed"), "{why}");
}

#[test]
fn a_directory_that_settles_is_not_called_in_sync() {
    let site = Site::new();
    let text = std::fs::read_to_string(site.config()).unwrap();
    site.configure(&text.replace("settle = \"20ms\"", "settle = \"500ms\""));
    site.write("a.txt", "a");
    let _daemon = site.daemon();
    site.run(&["status", "--wait=50s"]).expect(0);
    let outside = site.path("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("b.txt"), "b").unwrap();
    std::fs::rename(outside, site.folder().join("in")).unwrap();
    let files = site
        .run(&["status", "--wait=50s", "--json"])
        .expect(0)
        .json();
    assert_eq!(files["folders"][0]["files"]["synced"], 2);
}

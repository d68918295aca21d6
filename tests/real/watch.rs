//! `run` under edits: at rest, the cloud equals the folder, and the counts equal a walk.

use std::fs;
use std::process::{Command, Stdio};

use crate::desk::{Daemon, Desk, small_site, wait_for};

fn git(desk: &Desk, arguments: &[&str]) -> bool {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.invalid"]);
    let output = command.args(arguments).current_dir(&desk.folder).output();
    output.is_ok_and(|output| output.status.success())
}

#[test]
fn edits_of_every_kind_reach_the_cloud() {
    let desk = Desk::new();
    small_site(&desk, 10);
    let daemon = desk.run();
    desk.settled();

    // In place, appended, truncated and written again.
    desk.write("page-1.html", "in place");
    let mut log = fs::File::options()
        .append(true)
        .open(desk.folder.join("page-2.html"))
        .unwrap();
    std::io::Write::write_all(&mut log, b"appended").unwrap();
    desk.settled();

    // As vim, gedit and many others save: a temporary file renamed over the old one.
    desk.write(".page-3.html.swp", "vim's own");
    fs::rename(
        desk.folder.join("page-3.html"),
        desk.folder.join("page-3.html~"),
    )
    .unwrap();
    desk.write("page-3.html", "as vim saves");
    desk.write(".goutputstream-ABC123", "as gedit saves");
    fs::rename(
        desk.folder.join(".goutputstream-ABC123"),
        desk.folder.join("page-4.html"),
    )
    .unwrap();
    // Deleted and created again; a hard link as the last step.
    fs::remove_file(desk.folder.join("page-5.html")).unwrap();
    desk.write("page-5.html", "born again");
    desk.write("upload.filepart", "by hard link");
    fs::hard_link(
        desk.folder.join("upload.filepart"),
        desk.folder.join("page-6.html.new"),
    )
    .unwrap();
    fs::remove_file(desk.folder.join("upload.filepart")).unwrap();
    fs::remove_file(desk.folder.join(".page-3.html.swp")).unwrap();
    fs::remove_file(desk.folder.join("page-3.html~")).unwrap();
    desk.settled();

    // Directories moved within, into and out of the folder.
    fs::rename(desk.folder.join("img"), desk.folder.join("pictures")).unwrap();
    let outside = desk.path().join("outside");
    fs::create_dir_all(outside.join("deep/er")).unwrap();
    fs::write(outside.join("deep/er/new.html"), "moved in").unwrap();
    fs::rename(&outside, desk.folder.join("inside")).unwrap();
    desk.settled();
    fs::rename(desk.folder.join("pictures"), desk.path().join("gone")).unwrap();
    desk.settled();

    assert_eq!(daemon.stop().code(), Some(0));
    desk.no_violations();
}

#[test]
fn a_file_in_a_directory_that_was_just_made_is_never_missed() {
    let desk = Desk::new();
    let _daemon = desk.run();
    for round in 0..200 {
        desk.write(
            &format!("d{round}/a/b/c/file.txt"),
            format!("round {round}"),
        );
    }
    desk.settled();
}

#[test]
fn git_checkouts_reach_the_cloud_and_the_repository_does_not() {
    let desk = Desk::new();
    small_site(&desk, 20);
    if !git(&desk, &["init", "-q"]) {
        return;
    }
    assert!(git(&desk, &["add", "."]) && git(&desk, &["commit", "-qm", "one"]));
    let _daemon = desk.run();
    desk.settled();
    for page in 0..20 {
        desk.write(&format!("page-{page}.html"), "of the second commit");
    }
    assert!(git(&desk, &["commit", "-qam", "two"]));
    desk.settled();
    assert!(git(&desk, &["checkout", "-q", "HEAD~1"]));
    desk.settled();
    assert!(
        desk.cloud
            .objects(crate::desk::ENV)
            .keys()
            .all(|key| !key.starts_with(".git/"))
    );
}

#[test]
fn without_a_watcher_a_scan_on_demand_finds_everything() {
    let desk = Desk::with(
        syncd::emulator::EmulatorOptions::default(),
        "",
        "watch = \"off\"\n",
    );
    small_site(&desk, 5);
    let daemon = desk.run();
    desk.settled();
    desk.write("page-1.html", "nobody saw this");
    daemon.signal(rustix::process::Signal::USR1);
    desk.settled();
}

#[test]
fn polling_finds_changes_by_itself() {
    let desk = Desk::with(
        syncd::emulator::EmulatorOptions::default(),
        "",
        "watch = \"poll\"\n",
    );
    small_site(&desk, 5);
    let _daemon = desk.run();
    desk.settled();
    desk.write("page-1.html", "found by polling");
    desk.settled();
}

#[test]
fn a_root_that_vanishes_blocks_and_nothing_is_sent_when_it_is_back() {
    let desk = Desk::new();
    small_site(&desk, 10);
    let _daemon = desk.run();
    desk.settled();
    let puts = desk.puts();
    let away = desk.path().join("away");
    fs::rename(&desk.folder, &away).unwrap();
    wait_for("the folder is blocked", || {
        desk.status()["folders"][0]["state"] == "blocked"
    });
    fs::create_dir(&desk.folder).unwrap();
    desk.syncd(&["status", "--wait=20s"]).expect(3);
    fs::remove_dir(&desk.folder).unwrap();
    fs::rename(&away, &desk.folder).unwrap();
    wait_for("the folder is back", || {
        desk.status()["folders"][0]["state"] == "idle"
    });
    desk.settled();
    assert_eq!(desk.puts(), puts);
}

#[test]
fn a_new_configuration_is_taken_whole_or_not_at_all() {
    let desk = Desk::new();
    small_site(&desk, 5);
    let daemon = desk.run();
    desk.settled();
    let good = fs::read_to_string(&desk.config).unwrap();
    fs::write(&desk.config, good.replace("settle = ", "setle = ")).unwrap();
    daemon.signal(rustix::process::Signal::HUP);
    desk.write("page-1.html", "under the old configuration");
    wait_for("the old configuration is in force", || {
        desk.differences().is_empty()
    });
    // A command that reads the file says what is wrong with it.
    assert!(
        desk.syncd(&["status"])
            .expect(78)
            .stderr
            .contains("did you mean `settle`")
    );
    fs::write(&desk.config, format!("{good}exclude = [\"*.css\"]\n")).unwrap();
    daemon.signal(rustix::process::Signal::HUP);
    wait_for("the new rule is in force", || desk.count("excluded") == 1);
}

/// The daemon in a namespace of its own with so many watches; `None` where that is not permitted.
fn run_with_watches(desk: &Desk, watches: u32) -> Option<Daemon> {
    in_a_namespace(desk, &desk.command(&["run"]), watches).map(|command| desk.spawn(command))
}

/// A command in a namespace of its own with so many watches; `None` where that is not permitted.
pub(crate) fn in_a_namespace(desk: &Desk, plain: &Command, watches: u32) -> Option<Command> {
    let lower = format!("echo {watches} > /proc/sys/user/max_inotify_watches");
    in_a_namespace_after(desk, plain, &lower)
}

/// A command in namespaces of its own (users, mounts), after a shell has done something to them; `None`
/// where that is not permitted.
pub(crate) fn in_a_namespace_after(desk: &Desk, plain: &Command, first: &str) -> Option<Command> {
    let namespace = |script: String| {
        let mut command = Command::new("unshare");
        command.args(["-Urm", "sh", "-c"]).arg(script).arg("sh");
        command
    };
    let permitted = namespace(first.to_owned()).stderr(Stdio::null()).status();
    if !permitted.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: user namespaces are not permitted here, so nobody can `{first}`");
        return None;
    }
    let mut command = namespace(format!("{first} && exec \"$@\""));
    command.arg(plain.get_program()).args(plain.get_args());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.current_dir(desk.path()).stdin(Stdio::null());
    Some(command)
}

fn polls_because_of_the_limit(desk: &Desk) -> bool {
    let folder = desk.status()["folders"][0].clone();
    let reason = folder["reason"].as_str().unwrap_or_default().to_owned();
    folder["state"] == "degraded" && folder["watch"] == "poll" && reason.contains("sysctl -w")
}

#[test]
fn a_folder_with_more_directories_than_watches_is_polled_and_says_so() {
    let desk = Desk::new();
    for index in 0..50 {
        desk.write(&format!("d{index}/page.html"), format!("{index}"));
    }
    let Some(daemon) = run_with_watches(&desk, 20) else {
        return;
    };
    desk.settled();
    assert!(polls_because_of_the_limit(&desk), "{}", desk.evidence());
    let log = fs::read_to_string(desk.log()).unwrap();
    let told = |line: &&str| {
        line.contains("has 51 directories") && line.contains("user.max_inotify_watches is 20")
    };
    assert!(log.lines().any(|line| told(&line)), "{log}");
    for index in 0..50 {
        desk.write(&format!("d{index}/deep/er/new.css"), "found by polling");
    }
    desk.settled();
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn a_watch_limit_that_is_hit_later_loses_nothing() {
    let desk = Desk::new();
    small_site(&desk, 3);
    let Some(_daemon) = run_with_watches(&desk, 20) else {
        return;
    };
    desk.settled();
    assert_eq!(desk.status()["folders"][0]["watch"], "native");
    for index in 0..50 {
        desk.write(&format!("d{index}/page.html"), format!("{index}"));
    }
    desk.settled();
    wait_for("the folder is polled", || polls_because_of_the_limit(&desk));
    for index in 0..50 {
        desk.write(
            &format!("d{index}/page.html"),
            "edited where nobody watches",
        );
    }
    desk.settled();
}

#[test]
fn a_queue_of_events_that_overflows_loses_nothing() {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    if limit > 100_000 {
        eprintln!("SKIPPED: the queue of events holds {limit}, which takes too long to overflow");
        return;
    }
    let desk = Desk::new();
    small_site(&desk, 50);
    let daemon = desk.run();
    desk.settled();
    daemon.signal(rustix::process::Signal::STOP);
    // Each renaming is two events, and none is like the one before it.
    let (here, there) = (
        desk.folder.join("page-1.html"),
        desk.folder.join("moved.html"),
    );
    for _ in 0..=limit / 4 {
        fs::rename(&here, &there).unwrap();
        fs::rename(&there, &here).unwrap();
    }
    // The queue is full: nobody is told of what follows.
    for index in 0..300 {
        desk.write(&format!("unheard/{}/of/{index}.css", index % 7), "unseen");
        desk.write(&format!("img/unheard-{index}.png"), "unseen");
    }
    desk.write("css/site.css", "edited unseen");
    fs::remove_file(desk.folder.join("img/3.png")).unwrap();
    daemon.signal(rustix::process::Signal::CONT);
    desk.settled();
    assert_eq!(desk.status()["folders"][0]["state"], "idle");
}

#[test]
fn a_root_replaced_by_another_version_of_itself_sends_only_what_differs() {
    let desk = Desk::new();
    small_site(&desk, 10);
    let _daemon = desk.run();
    desk.settled();
    let puts = desk.puts();
    let next = desk.path().join("next");
    for (path, bytes) in desk.local() {
        let path = next.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    fs::write(next.join("page-4.html"), "of the next version").unwrap();
    fs::write(next.join("new.html"), "of the next version, too").unwrap();
    fs::remove_file(next.join("page-5.html")).unwrap();
    fs::rename(&desk.folder, desk.path().join("previous")).unwrap();
    fs::rename(&next, &desk.folder).unwrap();
    desk.settled();
    assert_eq!(desk.puts(), puts + 2, "{}", desk.evidence());
    // The new root is the one that is watched.
    desk.write("page-6.html", "edited in the new root");
    desk.settled();
    assert_eq!(desk.puts(), puts + 3);
}

#[test]
fn a_folder_that_is_missing_at_the_start_holds_up_no_other_and_comes_alive_later() {
    let options = syncd::emulator::EmulatorOptions {
        environments: vec![crate::desk::ENV.to_owned(), "late-1a2b3c".to_owned()],
        ..syncd::emulator::EmulatorOptions::default()
    };
    let late = "[[folder]]\nname = \"late\"\npath = \"@LATE@\"\nflow = \"static-website\"\n\
                account = \"shop\"\nenv = \"late-1a2b3c\"\nsettle = \"50ms\"\n";
    let desk = Desk::with(options, "", late);
    let folder = desk.path().join("late");
    let config = fs::read_to_string(&desk.config).unwrap();
    let config = config.replace("@LATE@", folder.to_str().unwrap());
    fs::write(&desk.config, config).unwrap();
    small_site(&desk, 5);
    let _daemon = desk.run();
    wait_for("the folder that is there is published", || {
        desk.differences().is_empty() && desk.status()["folders"][1]["state"] == "blocked"
    });
    desk.write("page-1.html", "edited beside a blocked folder");
    wait_for("the edit is published", || desk.differences().is_empty());
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("first.html"), "at last").unwrap();
    wait_for("the late folder is published", || {
        desk.cloud.objects("late-1a2b3c").contains_key("first.html")
    });
    fs::write(folder.join("second.html"), "watched as well").unwrap();
    wait_for("the late folder is watched", || {
        desk.cloud
            .objects("late-1a2b3c")
            .contains_key("second.html")
    });
    desk.settled();
}

#[test]
fn an_edited_ignore_file_takes_files_out_of_the_counts_and_in_again() {
    let desk = Desk::new();
    small_site(&desk, 5);
    desk.write("drafts/one.html", "a draft");
    let _daemon = desk.run();
    desk.settled();
    let total = desk.count("total");
    desk.write(".syncdignore", "*.css\ndrafts/\n");
    // The stylesheet and the ignore file itself; what is below an excluded directory is not walked.
    wait_for("the new rules are in force", || desk.count("excluded") == 2);
    wait_for("they left the counts", || desk.count("total") == total - 2);
    desk.write("css/second.css", "never sent");
    desk.write("drafts/two.html", "never sent");
    wait_for("the stylesheet is left out", || desk.count("excluded") == 3);
    let objects = desk.cloud.objects(crate::desk::ENV);
    assert!(!objects.contains_key("css/second.css") && !objects.contains_key("drafts/two.html"));
    desk.write(".syncdignore", "");
    desk.settled();
    assert_eq!(desk.count("total"), total + 2);
    fs::remove_file(desk.folder.join(".syncdignore")).unwrap();
    wait_for("nothing is left out", || desk.count("excluded") == 0);
}

#[test]
fn two_names_of_one_key_are_left_out_by_plan_as_by_the_daemon() {
    let desk = Desk::new();
    desk.write("plain.txt", "sent");
    desk.write("caf\u{e9}.txt", "composed");
    let reasons = || -> Vec<String> {
        let plan = desk.syncd(&["plan", "--json"]).json();
        let folder = plan["folders"][0].clone();
        let excluded = folder["excluded"].as_array().unwrap().clone();
        let reason = |left_out: &serde_json::Value| left_out["reason"].as_str().unwrap().to_owned();
        assert!(
            folder["actions"]
                .as_array()
                .unwrap()
                .iter()
                .all(|action| action["path"] == "plain.txt"),
            "{folder}"
        );
        excluded.iter().map(reason).collect()
    };
    desk.write("cafe\u{301}.txt", "decomposed");
    let planned = reasons();
    assert_eq!(planned.len(), 2, "{planned:?}");
    assert!(planned.iter().all(|reason| reason.contains("rename one")));
    let _daemon = desk.run();
    wait_for("both are left out", || {
        desk.count("excluded") == 2 && desk.count("synced") == 1
    });
    assert_eq!(reasons(), planned);
    let plan = desk.syncd(&["plan", "--json"]).expect(0).json();
    assert_eq!(plan["folders"][0]["skipped"], 1);
}

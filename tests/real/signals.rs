//! What signals do, and what systemd is told.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use syncd::emulator::{Call, Effect, EmulatorOptions, Fault, Times};

use crate::desk::{Desk, PATIENCE, small_site, wait_for};

fn slow(delay: Duration) -> EmulatorOptions {
    let effect = Effect {
        delay: Some(delay),
        ..Effect::default()
    };
    EmulatorOptions {
        faults: vec![Fault::on(Call::Put, effect).times(Times::Always)],
        ..EmulatorOptions::default()
    }
}

#[test]
fn a_second_sigterm_ends_at_once() {
    let desk = Desk::with(slow(Duration::from_hours(1)), "", "");
    small_site(&desk, 3);
    let daemon = desk.run();
    wait_for("a file is being sent", || desk.count("in_flight") > 0);
    let log = || fs::read_to_string(desk.log()).unwrap();
    daemon.signal(Signal::TERM);
    wait_for("it stops", || log().contains("stopping"));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0));
    assert!(log().contains("stopped at once"), "{}", log());
    assert_eq!(desk.puts(), 0);
    // What was under way is found again.
    assert!(desk.count("queued") > 0);
}

#[test]
fn once_says_by_which_signal_it_ended_before_the_work_was_done() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let desk = Desk::with(slow(Duration::from_secs(1)), "", "");
        let config = fs::read_to_string(&desk.config).unwrap();
        let slowly = "[limits]\nconcurrency = 1\n[accounts";
        fs::write(&desk.config, config.replacen("[accounts", slowly, 1)).unwrap();
        small_site(&desk, 30);
        let mut once = desk.command(&["once"]);
        let mut once = once
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for("a file was sent", || desk.puts() > 0);
        let pid = Pid::from_raw(i32::try_from(once.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        assert_eq!(once.wait().unwrap().code(), Some(code));
        assert!(!desk.differences().is_empty());
    }
}

/// A service manager's end of the notify socket.
struct Manager(UnixDatagram);

impl Manager {
    /// The next message, or none if there is none for a second.
    fn next(&self) -> Option<String> {
        self.0
            .set_read_timeout(Some(Duration::from_secs(1)))
            .unwrap();
        let mut bytes = [0; 4096];
        let count = self.0.recv(&mut bytes).ok()?;
        Some(String::from_utf8(bytes[..count].to_vec()).unwrap())
    }

    fn until(&self, what: &str) -> String {
        let begun = std::time::Instant::now();
        loop {
            assert!(begun.elapsed() < PATIENCE, "no {what}");
            if let Some(message) = self.next()
                && message.lines().any(|line| line.starts_with(what))
            {
                return message;
            }
        }
    }
}

#[test]
fn systemd_is_told_what_it_wants_to_know() {
    let desk = Desk::new();
    small_site(&desk, 3);
    let socket = desk.path().join("notify");
    let manager = Manager(UnixDatagram::bind(&socket).unwrap());
    let mut command = desk.command(&["run"]);
    command
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "300000");
    command.env_remove("WATCHDOG_PID");
    let daemon = desk.launch(command);
    let ready = manager.until("READY=1");
    assert!(ready.contains("STATUS=1 folders, 0 blocked"), "{ready}");
    // By then it has the lock and the database, and can be asked.
    assert!(desk.state.join("syncd.db").exists() && desk.state.join("daemon.json").exists());
    assert_eq!(desk.status()["folders"][0]["watch"], "native");
    desk.syncd(&["once"]).expect(8);

    manager.until("WATCHDOG=1");
    daemon.signal(Signal::HUP);
    let reloading = manager.until("RELOADING=1");
    let at = reloading
        .lines()
        .find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(at.unwrap().parse::<u64>().unwrap() > 0);
    manager.until("READY=1");

    daemon.signal(Signal::STOP);
    wait_for("nothing is told any more", || manager.next().is_none());
    daemon.signal(Signal::CONT);
    manager.until("WATCHDOG=1");
    daemon.signal(Signal::TERM);
    manager.until("STOPPING=1");
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn a_full_state_disk_ends_it_with_a_plain_word_and_nothing_lost() {
    let desk = Desk::new();
    small_site(&desk, 400);
    fs::create_dir(&desk.state).unwrap();
    let program = env!("CARGO_BIN_EXE_syncd");
    let script = format!(
        "mount -t tmpfs -o size=SIZE,mode=700 none '{state}' || exit 99\n\
         '{program}' --config '{config}' run; echo \"run: $?\"\n\
         '{program}' --config '{config}' status; echo \"status: $?\"\n\
         mount -o remount,size=64m '{state}' && '{program}' --config '{config}' once\n\
         echo \"once: $?\"\n",
        state = desk.state.display(),
        config = desk.config.display(),
    );
    let run = |size: &str| {
        let mut command = std::process::Command::new("unshare");
        command.args(["-Urm", "sh", "-c", &script.replace("SIZE", size)]);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.code(),
            text(&output.stdout) + &text(&output.stderr),
        )
    };
    let (code, said) = run("400k");
    if code == Some(99) || !said.contains("run:") {
        eprintln!("SKIPPED: no file system can be mounted here: {said}");
        return;
    }
    // What `status` counts then is what was written down; the next start finds the rest.
    for what in [
        "run: 1",
        "is full; make room",
        "not running",
        "status: 0",
        "once: 0",
    ] {
        assert!(said.contains(what), "{what}: {said}");
    }
    assert_eq!(desk.differences(), Vec::<String>::new());
}

#[test]
fn a_state_disk_that_is_full_before_the_start_is_temporary() {
    let desk = Desk::new();
    fs::create_dir(&desk.state).unwrap();
    let program = env!("CARGO_BIN_EXE_syncd");
    let script = format!(
        "mount -t tmpfs -o size=64k,nr_inodes=INODES,mode=700 none '{state}' || exit 99\n\
         cat /dev/zero > '{state}/other' 2>/dev/null\n\
         '{program}' --config '{config}' run; echo \"run: $?\"\n",
        state = desk.state.display(),
        config = desk.config.display(),
    );
    // Room for a file with nothing in it; no room even for that one.
    for inodes in ["64", "2"] {
        let mut command = std::process::Command::new("unshare");
        command.args(["-Urm", "sh", "-c", &script.replace("INODES", inodes)]);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let said = text(&output.stdout) + &text(&output.stderr);
        if output.status.code() == Some(99) || !said.contains("run:") {
            eprintln!("SKIPPED: no file system can be mounted here: {said}");
            return;
        }
        assert!(
            said.contains("run: 5") && said.contains("is full; make room"),
            "{said}"
        );
    }
}

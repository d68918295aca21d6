use super::*;
use std::path::Path;

async fn run_program(argv: &[&str]) -> Exit {
    let argv: Vec<String> = argv.iter().copied().map(str::to_owned).collect();
    OsPrograms.run(&argv, Duration::from_secs(30)).await
}

/// Runs a script of the shell with one argument.
async fn shell(script: &str, argument: &Path) -> Exit {
    run_program(&["/bin/sh", "-c", script, "sh", argument.to_str().unwrap()]).await
}

#[tokio::test]
async fn the_way_a_program_ends_is_told() {
    let nothing = Path::new("/");
    assert!(shell("exit 0", nothing).await.is_success());
    assert_eq!(shell("exit 7", nothing).await, Exit::Status(7));
    assert_eq!(shell("kill -9 $$", nothing).await, Exit::Signal(9));
    for argv in [&["/nonexistent/program"][..], &[]] {
        let exit = run_program(argv).await;
        assert!(matches!(exit, Exit::NotStarted(_)), "{exit}");
        assert!(!exit.is_success());
    }
}

#[tokio::test]
async fn arguments_come_as_they_are_and_nothing_else_comes() {
    let folder = tempfile::tempdir().unwrap();
    let seen = folder.path().join("seen");
    let hostile = "$(touch x); `id` \n*.{png,jpg} \u{202e}";
    let script = "env | grep -v ^PWD= | grep -v ^_= | grep -v ^SHLVL= >\"$1\"; \
                  pwd >>\"$1\"; cat >>\"$1\"; printf %s \"$2\" >>\"$1\"";
    let seen_text = seen.to_str().unwrap();
    let exit = run_program(&["/bin/sh", "-c", script, "sh", seen_text, hostile]).await;
    assert_eq!(exit, Exit::Status(0));
    assert_eq!(
        std::fs::read_to_string(&seen).unwrap(),
        format!("/\n{hostile}")
    );
}

/// A fifo that a program and its children hold open for writing; its reader sees when all are gone.
fn fifo(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("alive");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    path
}

const CHILD_AND_GRANDCHILD: &str = "exec 3>\"$1\"; sleep 1000 & sleep 1000";

#[tokio::test]
async fn at_the_limit_a_program_ends_with_all_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let alive = fifo(folder.path());
    let reader = alive.clone();
    // Ends when the last writer has gone.
    let gone = tokio::task::spawn_blocking(move || std::fs::read(reader).unwrap());
    let argv = [
        "/bin/sh",
        "-c",
        CHILD_AND_GRANDCHILD,
        "sh",
        alive.to_str().unwrap(),
    ];
    let argv = argv.map(str::to_owned);
    let exit = OsPrograms.run(&argv, Duration::from_millis(300)).await;
    assert_eq!(exit, Exit::TimedOut);
    assert_eq!(gone.await.unwrap(), b"");
}

#[tokio::test]
async fn a_program_that_nobody_waits_for_any_more_ends() {
    let folder = tempfile::tempdir().unwrap();
    let alive = fifo(folder.path());
    let (opened, mut is_open) = tokio::sync::mpsc::channel::<()>(1);
    let reader = alive.clone();
    let gone = tokio::task::spawn_blocking(move || {
        // Opening waits for the program to open the other end.
        let mut file = std::fs::File::open(reader).unwrap();
        opened.blocking_send(()).unwrap();
        std::io::Read::read_to_end(&mut file, &mut Vec::new()).unwrap()
    });
    let argv = [
        "/bin/sh",
        "-c",
        CHILD_AND_GRANDCHILD,
        "sh",
        alive.to_str().unwrap(),
    ];
    let argv = argv.map(str::to_owned);
    tokio::select! {
        exit = OsPrograms.run(&argv, Duration::from_secs(1000)) => panic!("it ended: {exit}"),
        _ = is_open.recv() => {}
    }
    assert_eq!(gone.await.unwrap(), 0);
}

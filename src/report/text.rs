//! `status` for people: what is in sync, what is not, why, and what happens next.

use std::fmt::Write as _;

use super::paint::{Paint, Tone};
use super::words::{counted, relative, size, span};
use super::{Folder, Inbox, Problem, State, Status};

/// The most problems of a folder or inbox that the text lists.
const PROBLEMS_SHOWN: usize = 10;

/// What stands in place of a report where the configuration names nothing.
pub const NOTHING_CONFIGURED: &str = "No [[folder]] is configured.";

/// The whole report.
pub fn status(status: &Status, paint: Paint) -> String {
    let mut out = String::new();
    let now = &status.daemon.as_of;
    let _ = writeln!(out, "syncd {}  {}", status.daemon.version, daemon(status));
    if status.folders.is_empty() && status.inboxes.is_empty() {
        let _ = writeln!(out, "{NOTHING_CONFIGURED}");
    }
    for folder in &status.folders {
        out.push('\n');
        write_folder(&mut out, folder, now, paint);
    }
    for inbox in &status.inboxes {
        out.push('\n');
        write_inbox(&mut out, inbox, now, paint);
    }
    out
}

/// Who says so.
pub fn daemon(status: &Status) -> String {
    match (status.daemon.pid, &status.daemon.started_at) {
        (Some(pid), Some(started_at)) => {
            let started = relative(started_at, &status.daemon.as_of);
            format!("running (pid {pid}, started {started})")
        }
        _ => "not running: this is what the database remembers".to_owned(),
    }
}

fn write_title(out: &mut String, (name, state, path): (&str, State, &str), paint: Paint) {
    let state = paint.tone(tone(state), state.as_str());
    let name = paint.tone(Tone::Strong, name);
    let _ = writeln!(out, "{name}  {state}  {path}");
}

/// One line of a folder or inbox, where there is something to say.
fn write_line(out: &mut String, word: &str, said: &str) {
    if !said.is_empty() {
        let _ = writeln!(out, "  {word:<9} {said}");
    }
}

fn write_inbox(out: &mut String, inbox: &Inbox, now: &str, paint: Paint) {
    write_title(out, (&inbox.name, inbox.state, &inbox.path), paint);
    write_line(out, "why", inbox.reason.as_deref().unwrap_or_default());
    write_line(out, "received", &received(inbox, now));
    write_line(out, "to do", &undelivered(inbox));
    write_line(out, "asked", &asked(inbox, now));
    write_problems(out, (&inbox.name, &inbox.problems), now, paint);
}

/// What came through an inbox so far.
pub fn received(inbox: &Inbox, now: &str) -> String {
    let last = inbox.last_received_at.as_deref();
    let last = last.map(|at| format!(", the last one {}", relative(at, now)));
    let files = counted(inbox.received, "file");
    format!("{files}{}", last.unwrap_or_default())
}

/// What an inbox has yet to put in its place; empty where that is nothing.
pub fn undelivered(inbox: &Inbox) -> String {
    let open = [(inbox.pending, "on the way"), (inbox.dead, "given up")];
    let open = open.into_iter().filter(|(count, _)| *count > 0);
    let open: Vec<String> = open
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    open.join(", ")
}

/// When the desk was last asked; empty where nobody knows.
pub fn asked(inbox: &Inbox, now: &str) -> String {
    let session = if inbox.connected {
        "connected"
    } else {
        "not connected"
    };
    let at = inbox.last_poll_at.as_deref();
    at.map(|at| format!("{}, {session}", relative(at, now)))
        .unwrap_or_default()
}

fn write_problems(out: &mut String, of: (&str, &[Problem]), now: &str, paint: Paint) {
    let (name, problems) = of;
    for problem in problems.iter().take(PROBLEMS_SHOWN) {
        write_problem(out, problem, now, paint);
    }
    let more = problems.len().saturating_sub(PROBLEMS_SHOWN);
    if more > 0 {
        let _ = writeln!(
            out,
            "  and {more} more; `syncd queue list --folder {name}` has all"
        );
    }
}

fn write_folder(out: &mut String, folder: &Folder, now: &str, paint: Paint) {
    write_title(out, (&folder.name, folder.state, &folder.path), paint);
    write_line(out, "why", folder.reason.as_deref().unwrap_or_default());
    write_line(out, "in sync", &in_sync(folder));
    write_line(out, "to do", &open(folder));
    write_line(out, "release", &release(folder).unwrap_or_default());
    write_line(out, "aside", &aside(folder));
    write_line(out, "uploaded", &uploaded(folder, now));
    write_problems(out, (&folder.name, &folder.problems), now, paint);
}

/// How many files of a folder are where they belong.
pub fn in_sync(folder: &Folder) -> String {
    format!(
        "{} of {} ({})",
        folder.files.synced,
        counted(folder.files.total, "file"),
        size(folder.bytes.total)
    )
}

/// How far the release under way is, if there is one.
pub fn release(folder: &Folder) -> Option<String> {
    let release = folder.release.as_ref()?;
    let eta = folder
        .eta_seconds
        .map(|left| format!(", about {} left", span(left)));
    Some(format!(
        "{}: {} of {} done{}",
        release.id,
        release.done,
        counted(release.files, "file"),
        eta.unwrap_or_default()
    ))
}

/// When a file of a folder was last acknowledged, and how changes are noticed.
pub fn uploaded(folder: &Folder, now: &str) -> String {
    let last = folder.last_success_at.as_deref();
    let last = last.map_or_else(|| "never".to_owned(), |at| relative(at, now));
    let watch = folder.watch.as_deref();
    let watch = watch.map(|watch| format!(", watch {watch}"));
    format!("{last}{}", watch.unwrap_or_default())
}

/// What a folder has yet to send; empty where that is nothing.
pub fn open(folder: &Folder) -> String {
    let files = folder.files;
    let mut parts = Vec::new();
    for (count, words) in [
        (files.in_flight, "being sent"),
        (files.queued, "queued"),
        (files.settling, "just changed"),
        (files.failed, "to be tried again"),
        (files.dead, "given up"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {words}"));
        }
    }
    let mut text = parts.join(", ");
    if folder.bytes.queued > 0 && !text.is_empty() {
        let _ = write!(text, " ({})", size(folder.bytes.queued));
    }
    text
}

/// What of a folder is not sent; empty where that is nothing.
pub fn aside(folder: &Folder) -> String {
    let mut parts = Vec::new();
    if folder.files.excluded > 0 {
        parts.push(format!(
            "{} left out",
            counted(folder.files.excluded, "file")
        ));
    }
    if folder.excluded_dirs == 1 {
        parts.push("1 directory left out".to_owned());
    } else if folder.excluded_dirs > 1 {
        parts.push(format!("{} directories left out", folder.excluded_dirs));
    }
    if folder.files.remote_only > 0 {
        parts.push(format!(
            "{} gone here, kept in the cloud",
            folder.files.remote_only
        ));
    }
    parts.join(", ")
}

fn write_problem(out: &mut String, problem: &Problem, now: &str, paint: Paint) {
    let mark = paint.tone(problem_tone(problem), &problem.state);
    let _ = writeln!(out, "  {mark}  {}", problem_head(problem, now));
    let _ = writeln!(out, "      {}: {}", problem.code, problem.meaning);
    if !problem.advice.is_empty() {
        let _ = writeln!(out, "      {}", problem.advice);
    }
}

/// What a problem is about, how often it was tried, and when it is tried again.
pub fn problem_head(problem: &Problem, now: &str) -> String {
    let about = match (&problem.path, &problem.message) {
        (Some(path), _) => path.clone(),
        (None, Some(message)) => format!("message {message}"),
        (None, None) => "the account".to_owned(),
    };
    let next = problem.next_attempt_at.as_deref();
    let next = next
        .map(|at| format!(", next try {}", relative(at, now)))
        .unwrap_or_default();
    let attempts = match problem.attempts {
        0 => String::new(),
        1 => ", tried once".to_owned(),
        many => format!(", tried {many} times"),
    };
    format!("{about}{attempts}{next}")
}

/// The colour of a problem's state.
pub fn problem_tone(problem: &Problem) -> Tone {
    match problem.state.as_str() {
        "waiting" => Tone::Caution,
        _ => Tone::Wrong,
    }
}

/// The colour of a state.
pub fn tone(state: State) -> Tone {
    match state {
        State::Idle => Tone::Good,
        State::Syncing | State::Scanning => Tone::Busy,
        State::Degraded | State::Paused | State::Waiting => Tone::Caution,
        State::Blocked => Tone::Wrong,
    }
}

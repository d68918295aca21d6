//! `status` for people: what is in sync, what is not, why, and what happens next.

use std::fmt::Write as _;

use super::paint::{Paint, Tone};
use super::words::{counted, relative, size, span};
use super::{Folder, Inbox, Problem, State, Status};

/// The most problems of a folder or inbox that the text lists.
const PROBLEMS_SHOWN: usize = 10;

/// The whole report.
pub fn status(status: &Status, paint: Paint) -> String {
    let mut out = String::new();
    let now = &status.daemon.as_of;
    let daemon = match (status.daemon.pid, &status.daemon.started_at) {
        (Some(pid), Some(started_at)) => {
            format!("running (pid {pid}, started {})", relative(started_at, now))
        }
        _ => "not running: this is what the database remembers".to_owned(),
    };
    let _ = writeln!(out, "syncd {}  {daemon}", status.daemon.version);
    if status.folders.is_empty() && status.inboxes.is_empty() {
        out.push_str("No [[folder]] is configured.\n");
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

fn write_inbox(out: &mut String, inbox: &Inbox, now: &str, paint: Paint) {
    let state = paint.tone(tone(inbox.state), inbox.state.as_str());
    let name = paint.tone(Tone::Strong, &inbox.name);
    let _ = writeln!(out, "{name}  {state}  {}", inbox.path);
    if let Some(reason) = &inbox.reason {
        let _ = writeln!(out, "  why       {reason}");
    }
    let last = inbox.last_received_at.as_deref();
    let last = last.map(|at| format!(", the last one {}", relative(at, now)));
    let _ = writeln!(
        out,
        "  received  {}{}",
        counted(inbox.received, "file"),
        last.unwrap_or_default()
    );
    let open = [(inbox.pending, "on the way"), (inbox.dead, "given up")];
    let open = open.into_iter().filter(|(count, _)| *count > 0);
    let open: Vec<String> = open
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    if !open.is_empty() {
        let _ = writeln!(out, "  to do     {}", open.join(", "));
    }
    if let Some(at) = &inbox.last_poll_at {
        let session = if inbox.connected {
            "connected"
        } else {
            "not connected"
        };
        let _ = writeln!(out, "  asked     {}, {session}", relative(at, now));
    }
    write_problems(out, (&inbox.name, &inbox.problems), now, paint);
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
    let files = folder.files;
    let state = paint.tone(tone(folder.state), folder.state.as_str());
    let _ = writeln!(
        out,
        "{}  {state}  {}",
        paint.tone(Tone::Strong, &folder.name),
        folder.path
    );
    if let Some(reason) = &folder.reason {
        let _ = writeln!(out, "  why       {reason}");
    }
    let _ = writeln!(
        out,
        "  in sync   {} of {} ({})",
        files.synced,
        counted(files.total, "file"),
        size(folder.bytes.total)
    );
    let open = open_words(folder);
    if !open.is_empty() {
        let _ = writeln!(out, "  to do     {open}");
    }
    if let Some(release) = &folder.release {
        let eta = folder
            .eta_seconds
            .map(|left| format!(", about {} left", span(left)));
        let _ = writeln!(
            out,
            "  release   {}: {} of {} done{}",
            release.id,
            release.done,
            counted(release.files, "file"),
            eta.unwrap_or_default()
        );
    }
    let aside = aside_words(folder);
    if !aside.is_empty() {
        let _ = writeln!(out, "  aside     {aside}");
    }
    let last = folder.last_success_at.as_deref();
    let last = last.map_or_else(|| "never".to_owned(), |at| relative(at, now));
    let watch = folder
        .watch
        .as_ref()
        .map(|watch| format!(", watch {watch}"))
        .unwrap_or_default();
    let _ = writeln!(out, "  uploaded  {last}{watch}");
    write_problems(out, (&folder.name, &folder.problems), now, paint);
}

fn open_words(folder: &Folder) -> String {
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

fn aside_words(folder: &Folder) -> String {
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
    let about = match (&problem.path, &problem.message) {
        (Some(path), _) => path.clone(),
        (None, Some(message)) => format!("message {message}"),
        (None, None) => "the account".to_owned(),
    };
    let tone = match problem.state.as_str() {
        "waiting" => Tone::Caution,
        _ => Tone::Wrong,
    };
    let mark = paint.tone(tone, &problem.state);
    let next = problem.next_attempt_at.as_deref();
    let next = next
        .map(|at| format!(", next try {}", relative(at, now)))
        .unwrap_or_default();
    let attempts = match problem.attempts {
        0 => String::new(),
        1 => ", tried once".to_owned(),
        many => format!(", tried {many} times"),
    };
    let _ = writeln!(out, "  {mark}  {about}{attempts}{next}");
    let _ = writeln!(out, "      {}: {}", problem.code, problem.meaning);
    if !problem.advice.is_empty() {
        let _ = writeln!(out, "      {}", problem.advice);
    }
}

fn tone(state: State) -> Tone {
    match state {
        State::Idle => Tone::Good,
        State::Syncing | State::Scanning => Tone::Busy,
        State::Degraded | State::Paused | State::Waiting => Tone::Caution,
        State::Blocked => Tone::Wrong,
    }
}

//! The status page: the report as HTML, without scripts and without anything from elsewhere.

use std::fmt::Write as _;

use crate::report::words::{counted, relative, size, span};
use crate::report::{Folder, Inbox, Problem, State, Status};

/// How often the browser asks again, in seconds.
const REFRESH_SECONDS: u32 = 5;
/// The most problems of a folder that are listed.
const PROBLEMS_SHOWN: usize = 20;

const STYLE: &str = include_str!("page/style.css");

/// The page.
pub(super) fn html(status: &Status) -> String {
    let mut out = String::new();
    let now = &status.daemon.as_of;
    let version = escape(&status.daemon.version);
    let started = status.daemon.started_at.as_deref();
    let started = started.map(|at| relative(at, now)).unwrap_or_default();
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"refresh\" content=\"{REFRESH_SECONDS}\">\n\
         <title>{state} · syncd</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>syncd</h1>\n{badge}\n<p>version {version}, started {started}</p>\n</header>\n<main>\n",
        state = status.state.as_str(),
        badge = badge(status.state),
        started = escape(&started),
    );
    if status.folders.is_empty() && status.inboxes.is_empty() {
        out.push_str("<p>No folder and no inbox is configured.</p>\n");
    }
    for folder in &status.folders {
        write_folder(&mut out, folder, now);
    }
    for inbox in &status.inboxes {
        write_inbox(&mut out, inbox, now);
    }
    let _ = write!(
        out,
        "</main>\n<footer>as of {}, read again every {REFRESH_SECONDS} s</footer>\n</body>\n</html>\n",
        escape(now)
    );
    out
}

fn badge(state: State) -> String {
    let word = state.as_str();
    format!("<span class=\"badge {word}\">{word}</span>")
}

/// How a section begins.
fn write_head(out: &mut String, (name, path): (&str, &str), state: State, reason: Option<&str>) {
    let _ = write!(
        out,
        "<section>\n<h2>{name} {badge}</h2>\n<p class=\"path\">{path}</p>\n",
        name = escape(name),
        badge = badge(state),
        path = escape(path),
    );
    if let Some(reason) = reason {
        let _ = writeln!(out, "<p class=\"reason\">{}</p>", escape(reason));
    }
}

fn row(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(value));
}

fn write_inbox(out: &mut String, inbox: &Inbox, now: &str) {
    let reason = inbox.reason.as_deref();
    write_head(out, (&inbox.name, &inbox.path), inbox.state, reason);
    out.push_str("<dl>\n");
    row(out, "received", &counted(inbox.received, "file"));
    for (name, count) in [("to be fetched", inbox.pending), ("given up", inbox.dead)] {
        if count > 0 {
            row(out, name, &count.to_string());
        }
    }
    let session = if inbox.connected { "open" } else { "none" };
    row(out, "session", session);
    let last = |at: Option<&str>| at.map_or_else(|| "never".to_owned(), |at| relative(at, now));
    row(out, "last asked", &last(inbox.last_poll_at.as_deref()));
    row(out, "last file", &last(inbox.last_received_at.as_deref()));
    out.push_str("</dl>\n");
    write_problems(out, &inbox.problems, now);
    out.push_str("</section>\n");
}

fn write_folder(out: &mut String, folder: &Folder, now: &str) {
    let files = folder.files;
    let reason = folder.reason.as_deref();
    write_head(out, (&folder.name, &folder.path), folder.state, reason);
    let _ = writeln!(
        out,
        "<progress value=\"{}\" max=\"{}\"></progress>\n<dl>",
        files.synced,
        files.total.max(1)
    );
    let in_sync = format!(
        "{} of {} ({})",
        files.synced,
        counted(files.total, "file"),
        size(folder.bytes.total)
    );
    row(out, "in sync", &in_sync);
    for (name, count) in [
        ("being sent", files.in_flight),
        ("queued", files.queued),
        ("just changed", files.settling),
        ("to be tried again", files.failed),
        ("given up", files.dead),
        ("left out", files.excluded),
        ("gone here, kept in the cloud", files.remote_only),
    ] {
        if count > 0 {
            row(out, name, &count.to_string());
        }
    }
    if let Some(release) = &folder.release {
        let left = folder.eta_seconds.map(span);
        let left = left.map(|left| format!(", about {left} left"));
        let words = format!(
            "{}: {} of {} done{}",
            release.id,
            release.done,
            counted(release.files, "file"),
            left.unwrap_or_default()
        );
        row(out, "release", &words);
    }
    let last = folder.last_success_at.as_deref();
    let last = last.map_or_else(|| "never".to_owned(), |at| relative(at, now));
    row(out, "last upload", &last);
    row(out, "watch", folder.watch.as_deref().unwrap_or("not yet"));
    out.push_str("</dl>\n");
    write_problems(out, &folder.problems, now);
    out.push_str("</section>\n");
}

fn write_problems(out: &mut String, problems: &[Problem], now: &str) {
    if problems.is_empty() {
        return;
    }
    out.push_str("<ul>\n");
    for problem in problems.iter().take(PROBLEMS_SHOWN) {
        let about = problem.path.as_deref().unwrap_or("the account");
        let next = problem.next_attempt_at.as_deref();
        let next = next.map(|at| format!(", next try {}", relative(at, now)));
        let _ = writeln!(
            out,
            "<li><strong>{}</strong> {}{}<br><code>{}</code> {} <em>{}</em></li>",
            escape(about),
            escape(&problem.state),
            escape(&next.unwrap_or_default()),
            escape(&problem.code),
            escape(&problem.meaning),
            escape(&problem.advice),
        );
    }
    let more = problems.len().saturating_sub(PROBLEMS_SHOWN);
    if more > 0 {
        let _ = writeln!(out, "<li>and {more} more</li>");
    }
    out.push_str("</ul>\n");
}

/// A text that cannot be taken for markup.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

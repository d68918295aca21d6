//! `why` for people: one screen.

use std::fmt::Write as _;

use super::paint::{Paint, Tone};
use super::why::{Upload, Why};
use super::words::{counted, relative, size};
use crate::model::path::escaped;

/// The most attempts, uploads and assets that the text lists.
const SHOWN: usize = 8;

/// The whole screen.
pub fn why(why: &Why, paint: Paint) -> String {
    let mut out = String::new();
    let now = &why.as_of;
    let tone = match why.state {
        "synced" => Tone::Good,
        "dead" => Tone::Wrong,
        "failed" | "remote-only" | "not-followed" => Tone::Caution,
        _ => Tone::Busy,
    };
    let name = format!("{}:{}", why.folder, why.path);
    let _ = writeln!(out, "{}", paint.tone(Tone::Strong, &name));
    let _ = writeln!(out, "  {}  {}", paint.tone(tone, why.state), why.summary);
    let kept = if why.rule.kept { "kept" } else { "left out" };
    let _ = writeln!(out, "  rule       {kept}: {}", why.rule.reason);
    if let Some(seen) = &why.seen {
        let _ = writeln!(
            out,
            "  seen       {}, changed {}{}",
            size(seen.bytes),
            relative(&seen.modified_at, now),
            if seen.changed_since {
                "; it is another file by now"
            } else {
                ""
            }
        );
        if let Some(sha256) = &seen.sha256 {
            let _ = writeln!(out, "             sha256 {sha256}");
        }
    }
    write_published(&mut out, why, now);
    write_receipt(&mut out, why);
    write_sending(&mut out, why, now);
    write_job(&mut out, why, now);
    for attempt in why.attempts.iter().take(SHOWN) {
        let status = attempt
            .status
            .map(|status| format!(", HTTP {status}"))
            .unwrap_or_default();
        let at = relative(&attempt.at, now);
        let _ = writeln!(
            out,
            "  failed     {at}: {} during {}{status}",
            attempt.code, attempt.call
        );
        let _ = writeln!(out, "             {}", attempt.meaning);
        if !attempt.message.is_empty() {
            let _ = writeln!(out, "             the other side said: {}", attempt.message);
        }
    }
    let more = why.attempts.len().saturating_sub(SHOWN);
    if more > 0 {
        let _ = writeln!(
            out,
            "             and {more} earlier ones; `--json` has all"
        );
    }
    if let Some(advice) = &why.advice {
        let _ = writeln!(out, "  to do      {advice}");
    }
    out
}

fn write_published(out: &mut String, why: &Why, now: &str) {
    let Some(published) = &why.published else {
        out.push_str("  published  never\n");
        return;
    };
    let at = published.at.as_deref();
    let at = at.map_or_else(|| "at an unknown time".to_owned(), |at| relative(at, now));
    let uploads = match why.uploads.len() {
        0 | 1 => String::new(),
        many => format!(", {}", counted(many as u64, "upload")),
    };
    let _ = writeln!(
        out,
        "  published  {at} as {} ({}{uploads})",
        published.key,
        size(published.bytes)
    );
    let _ = writeln!(out, "             sha256 {}", published.sha256);
    let is_message = |upload: &Upload| upload.object_key.is_some();
    if let Some(id) = &published.remote_id
        && !why.uploads.first().is_some_and(is_message)
    {
        let _ = writeln!(out, "             file id {}", escaped(id.as_bytes()));
    }
    if published.in_doubt {
        out.push_str(
            "             a later upload was cut off, so the cloud may hold newer bytes\n",
        );
    }
}

/// What an agent's desk said to the newest upload.
fn write_receipt(out: &mut String, why: &Why) {
    let newest = why.uploads.first();
    let names = newest.and_then(|upload| upload.remote_id.as_ref().zip(upload.object_key.as_ref()));
    if let Some((message, object_key)) = names {
        let _ = writeln!(out, "             message {message}, object {object_key}");
    }
}

fn write_sending(out: &mut String, why: &Why, now: &str) {
    let Some(sending) = &why.sending else {
        return;
    };
    let Some(at) = &sending.begun_at else {
        let _ = writeln!(
            out,
            "  handed in  as object {}; no message about it was sent yet",
            sending.object_key
        );
        return;
    };
    let _ = writeln!(
        out,
        "  maybe sent {} as message {}: the answer was lost, so the agent may have it",
        relative(at, now),
        sending.message_id
    );
}

fn write_job(out: &mut String, why: &Why, now: &str) {
    let Some(job) = &why.job else {
        return;
    };
    let tries = match job.attempts {
        0 => "not tried yet".to_owned(),
        1 => "tried once".to_owned(),
        many => format!("tried {many} times"),
    };
    let next = job.next_attempt_at.as_deref();
    let next = next
        .map(|at| format!(", due {}", relative(at, now)))
        .unwrap_or_default();
    let _ = writeln!(
        out,
        "  job        {} ({}), {} of release {}, {tries}{next}",
        job.state.as_str(),
        job.reason.as_str(),
        job.stage.as_str(),
        job.release
    );
    for wait in job.waits_for.iter().take(SHOWN) {
        let _ = writeln!(out, "             waits for {wait}");
    }
    let more = job.waits_for.len().saturating_sub(SHOWN);
    if more > 0 {
        let _ = writeln!(out, "             and for {more} more");
    }
}
